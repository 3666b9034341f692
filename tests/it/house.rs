//! The directions of the house (DESIGN: House), read from the sources: who may know whom, and how much one file may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms of ours that it may import. A room that is not here fails the test.
const ROOMS: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("catalog", &["domain"]),
    ("replies", &["catalog", "domain"]),
    ("settings", &["catalog", "domain"]),
    ("table", &["domain"]),
    ("ledger", &["domain"]),
    ("pace", &["domain"]),
    ("client", &["domain"]),
    ("progress", &["domain"]),
    ("sandbox", &[]),
    ("passes", &["catalog", "client", "domain", "ledger", "pace", "progress", "replies", "settings", "table"]),
    ("cli", &["catalog", "client", "domain", "ledger", "pace", "passes", "progress", "sandbox", "settings", "table"]),
];

/// Single files beside the rooms that every room but the pure ones may use; they import none of ours.
const TOOLS: [&str; 1] = ["crash"];
const PURE: [&str; 4] = ["catalog", "domain", "replies", "settings"];

/// Crates that one room owns; `""` is the root, with its tools.
const OWNED: [(&str, &str); 12] = [
    ("fail", ""),
    ("reqwest", "client"),
    ("rusqlite", "ledger"),
    ("governor", "pace"),
    ("csv", "table"),
    ("encoding_rs", "table"),
    ("calamine", "table"),
    ("rust_xlsxwriter", "table"),
    ("indicatif", "progress"),
    ("maud", "progress"),
    ("clap", "cli"),
    ("clap_complete", "cli"),
];

/// The longest file that can be read in one go.
const LONGEST: usize = 500;

struct Source {
    path: PathBuf,
    /// The folder under `src/`; empty for `main.rs` and `lib.rs`.
    room: String,
    /// Without comments and texts.
    code: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                let inside = path.strip_prefix(&root).expect("below src");
                let room = match inside.components().count() {
                    1 => String::new(),
                    _ => inside.components().next().expect("a room").as_os_str().to_string_lossy().into_owned(),
                };
                sources.push(Source { room, code: bare(&text), lines: text.lines().count(), path });
            }
        }
    }
    assert!(sources.len() > 50, "the sources are not where they were: {} files in {}", sources.len(), root.display());
    sources
}

/// The code of a source: comments and the insides of plain texts are left out.
fn bare(text: &str) -> String {
    text.lines()
        .map(|line| {
            let mut parts = line.split('"');
            let mut kept = parts.next().unwrap_or_default().to_owned();
            while parts.next().is_some() {
                kept.push_str(parts.next().unwrap_or_default());
            }
            kept.split("//").next().unwrap_or_default().to_owned() + "\n"
        })
        .collect()
}

/// The names that stand right after `prefix`, groups in braces included.
fn names_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            None => drop(names.insert(word(rest))),
            Some(group) => {
                let (mut depth, mut start) = (0, true);
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            names.insert(word(&group[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

/// The external crates that a source names, by `use` or by path.
fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        let after = &code[at + name.len()..];
        let inner = before.is_alphanumeric() || before == '_' || code[..at].ends_with("::") || before == '.';
        !inner && (after.starts_with("::") || after.starts_with(';') && code[..at].trim_end().ends_with("use"))
    })
}

#[test]
fn rooms_import_only_what_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let mut seen = BTreeSet::new();
    for Source { path, room, code, .. } in sources().into_iter().filter(|source| !source.room.is_empty()) {
        let path = path.display();
        let may = allowed.get(room.as_str()).unwrap_or_else(|| panic!("{path}: DESIGN knows no room '{room}'"));
        for other in names_after(&code, "crate::") {
            let is_tool = TOOLS.contains(&other.as_str()) && room != "sandbox" && !PURE.contains(&room.as_str());
            assert!(
                other == room || is_tool || may.contains(&other.as_str()),
                "{path}: {room}/ must not know {other}/; it may import {may:?}"
            );
            seen.insert((room.clone(), other));
        }
    }
    // The reading itself works: these two are there for good.
    for (room, other) in [("passes", "table"), ("ledger", "domain")] {
        assert!(seen.contains(&(room.to_owned(), other.to_owned())), "no import of {other}/ was found in {room}/");
    }
}

#[test]
fn tools_know_no_room() {
    let sources = sources();
    for tool in TOOLS {
        let file = format!("src/{tool}.rs");
        let source = sources.iter().find(|source| source.path.ends_with(&file)).expect("the tool is there");
        assert!(names_after(&source.code, "crate::").is_empty(), "{file} imports a room");
    }
}

#[test]
fn each_edge_keeps_its_crates_to_itself() {
    let sources = sources();
    for (name, owner) in OWNED {
        let mut owned = false;
        for Source { path, room, code, .. } in sources.iter().filter(|source| names_crate(&source.code, name)) {
            assert_eq!(room, owner, "{}: {name} belongs to {owner}/ alone:\n{code}", path.display());
            owned = true;
        }
        assert!(owned, "{owner}/ does not use {name}: take it off the list");
    }
}

#[test]
fn the_vocabulary_has_no_clock_and_no_files() {
    for Source { path, code, .. } in sources().into_iter().filter(|source| source.room == "domain") {
        for name in ["Instant", "SystemTime", "now()", "std::fs", "std::env", "std::net", "tokio"] {
            assert!(!code.contains(name), "{}: domain/ is pure, and this is not: {name}", path.display());
        }
    }
}

#[test]
fn main_is_short_and_no_file_is_long() {
    for Source { path, lines, .. } in sources() {
        let most = if path.ends_with("src/main.rs") { 60 } else { LONGEST };
        assert!(lines <= most, "{}: {lines} lines, more than {most}", path.display());
    }
}

#[test]
fn these_tests_can_fail() {
    let code =
        bare("use crate::{domain::call, table};\n// use crate::pace;\nlet x = \"crate::cli\";\nuse csv::Reader;\n");
    assert_eq!(names_after(&code, "crate::").into_iter().collect::<Vec<_>>(), ["domain", "table"]);
    assert!(names_crate(&code, "csv") && !names_crate(&code, "clap"));
    assert!(!names_crate("foo::csv::Reader", "csv") && !names_crate("my_csv::Reader", "csv"));
}
