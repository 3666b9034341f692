//! The nasty inputs in `tests/corpus`, each named by what must come of it; also the seeds of the fuzz targets (`fuzz/`).

mod invariants;

use std::fs;
use std::path::{Path, PathBuf};

use payonce::domain::subject::Identity;
use payonce::domain::verdict::Class;

use crate::support::{CTCC, CUCC};
use invariants::{identity, read_csv, read_csv_bytes, verdict};

/// The files of a folder, with the parts of their names between dots.
fn corpus(folder: &str) -> Vec<(PathBuf, Vec<String>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= 15, "{}: {} files", folder.display(), files.len());
    let parts = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy();
        name.split('.').map(str::to_owned).collect()
    };
    files.into_iter().map(|path| (path.clone(), parts(&path))).collect()
}

fn word(class: &Class) -> &'static str {
    match class {
        Class::Answer => "answer",
        Class::NoRecord => "no_record",
        Class::Rejected => "rejected",
        Class::Retry => "retry",
        Class::Throttle { .. } => "throttle",
        Class::Quota => "quota",
        Class::Maintenance => "maintenance",
        Class::Halt => "halt",
        Class::Unknown => "unknown",
        Class::Doubt => "doubt",
        Class::NotSent => "not_sent",
    }
}

/// `CLASS.HTTP.…`: what the reply comes to for the API whose document says that only 0 is billed.
#[test]
fn every_reply_is_judged_as_its_name_says() {
    for (path, parts) in corpus("replies") {
        let body = fs::read(&path).expect("a reply");
        let http = parts[1].parse().expect("an HTTP status");
        let verdict_of = |api| verdict(api, http, &body);
        assert_eq!(word(&verdict_of(CUCC).class), parts[0], "{}: {:?}", path.display(), verdict_of(CUCC));
        // Service codes are the APIs' own; whether something is an answer or readable at all is not.
        let (answer, doubt) = (verdict_of(CTCC).class == Class::Answer, verdict_of(CTCC).class == Class::Doubt);
        assert_eq!((answer, doubt), (parts[0] == "answer", parts[0] == "doubt"), "{}", path.display());
    }
}

/// However a reply is cut or a byte of it flipped, the answer that it was is never made into another's money by a panic.
#[test]
fn every_piece_of_a_reply_is_judged_without_a_panic() {
    for (path, _) in corpus("replies") {
        let body = fs::read(&path).expect("a reply");
        let step = body.len() / 64 + 1;
        for at in (0..body.len()).step_by(step) {
            let _ = verdict(CUCC, 200, &body[..at]);
            let _ = verdict(CTCC, 200, &body[at..]);
            let mut flipped = body.clone();
            flipped[at] ^= 0x20;
            let _ = verdict(CUCC, 200, &flipped);
        }
    }
}

/// `DIGITS.…`, `digest.…` or `invalid.…`.
#[test]
fn every_cell_is_what_its_name_says() {
    for (path, parts) in corpus("cells") {
        let bytes = fs::read(&path).expect("a cell");
        let cell = String::from_utf8_lossy(&bytes);
        match (identity(&cell), parts[0].as_str()) {
            (Ok(Identity::Digest(_)), "digest") | (Err(_), "invalid") => {}
            (Ok(Identity::Number(number)), digits) if number.as_str() == digits => {}
            (judged, _) => panic!("{}: {judged:?}", path.display()),
        }
    }
}

/// `reads.ROWS.…` or `refused.…`.
#[test]
fn every_file_is_read_or_refused_as_its_name_says() {
    for (path, parts) in corpus("csv") {
        match (read_csv(&path), parts[0].as_str()) {
            (Ok(rows), "reads") => assert_eq!(rows.to_string(), parts[1], "{}", path.display()),
            (Err(error), "refused") => {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                assert!(error.to_string().contains(&name), "the error names the file: {error}");
            }
            (Ok(rows), _) => panic!("{}: {rows} rows were read", path.display()),
            (Err(error), _) => panic!("{error}"),
        }
    }
}

#[test]
fn every_piece_of_a_file_is_read_or_refused_without_a_panic() {
    for (path, _) in corpus("csv") {
        let bytes = fs::read(&path).expect("a file");
        let step = bytes.len() / 24 + 1;
        for at in (0..bytes.len()).step_by(step) {
            let _ = read_csv_bytes(&bytes[..at]);
            let _ = read_csv_bytes(&bytes[at..]);
        }
    }
}
