use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;

fn target(bench: &Bench, name: &str) -> Target {
    Target::Path(bench.folder.path().join(name))
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_output_wears_the_input_s_dress() {
    let text = "手机号;备注\r\n17312345678;\"a\"\"b;\nc\"\r\n";
    let expected = "手机号;备注;x\r\n17312345678;\"a\"\"b;\nc\";新\r\n";
    let marked = |text: &str| format!("\u{FEFF}{text}");
    for (bytes, copy) in [
        (text.as_bytes().to_vec(), expected.as_bytes().to_vec()),
        (marked(text).into_bytes(), marked(expected).into_bytes()),
        (gb18030(text), gb18030(expected)),
        (utf16(&marked(text), false), utf16(&marked(expected), false)),
        (utf16(&marked(text), true), utf16(&marked(expected), true)),
    ] {
        let bench = Bench::new(bytes);
        let input = bench.open().unwrap();
        assert_eq!(bench.copy(&input, &OutputOptions::default(), "out.csv"), copy);
        assert_eq!(bench.names(), ["in.csv", "out.csv"]);
    }
}

#[test]
fn another_dress_is_given() {
    let bench = Bench::new(gb18030("手机号,备注\n1,\"a,b\"\n"));
    let input = bench.open().unwrap();
    let options = |encoding: &str, delimiter: Option<&str>| OutputOptions {
        encoding: Some(encoding.to_owned()),
        delimiter: delimiter.map(str::to_owned),
        ..OutputOptions::default()
    };
    let copy = bench.copy(&input, &options("utf-8", Some("tab")), "a");
    assert_eq!(String::from_utf8(copy).unwrap(), "手机号\t备注\tx\n1\ta,b\t新\n");
    let copy = bench.copy(&input, &options("utf-8-bom", None), "b");
    assert_eq!(String::from_utf8(copy).unwrap(), "\u{FEFF}手机号,备注,x\n1,\"a,b\",新\n");
    let copy = bench.copy(&input, &options("utf-16le", None), "c");
    assert_eq!(copy, utf16("\u{FEFF}手机号,备注,x\n1,\"a,b\",新\n", false));

    let zipped = bench.copy(&input, &OutputOptions::default(), "out.csv.gz");
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&zipped[..]), &mut text).unwrap();
    assert_eq!(text, gb18030("手机号,备注,x\n1,\"a,b\",新\n"));
}

#[test]
fn what_an_encoding_cannot_hold_is_an_error() {
    let bench = Bench::new("手机号,备注\n1,x\n");
    let input = bench.open().unwrap();
    let options = OutputOptions { encoding: Some("windows-1252".to_owned()), ..OutputOptions::default() };
    let output = Output::create(&Target::Path(bench.folder.path().join("o")), &input, &options, &[]);
    let error = output.and_then(Output::finish).unwrap_err().to_string();
    assert!(error.ends_with(
        "'手' (U+624B) cannot be written in windows-1252; choose utf-8 or gb18030 as the output's encoding"
    ));
    assert_eq!(bench.names(), ["in.csv"]);
}

#[test]
fn files_are_private_and_replaced_in_one_step() {
    let bench = Bench::new("手机号\n1\n");
    let input = bench.open().unwrap();
    let path = bench.folder.path().join("out.csv");
    std::fs::write(&path, "old").unwrap();

    let mut output = Output::create(&Target::Path(path.clone()), &input, &OutputOptions::default(), &[]).unwrap();
    let (mut rows, mut row) = (input.rows().unwrap(), Row::new());
    assert!(rows.next_into(&mut row).unwrap());
    output.write(&row, std::iter::empty()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    drop(output);
    assert_eq!(bench.names(), ["in.csv", "out.csv"], "an output that is given up leaves nothing");

    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    bench.copy(&input, &OutputOptions::default(), "out.csv");
    assert_eq!(mode(&path), 0o600);
    bench.copy(&input, &OutputOptions { mode: 0o640, ..OutputOptions::default() }, "out.csv");
    assert_eq!(mode(&path), 0o640);
}

#[test]
fn an_output_that_is_a_link_is_written_where_it_points() {
    let bench = Bench::new("手机号\n1\n");
    let input = bench.open().unwrap();
    let (link, real) = (bench.folder.path().join("link.csv"), bench.folder.path().join("real.csv"));
    std::fs::write(&real, "old").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    bench.copy(&input, &OutputOptions::default(), "link.csv");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "手机号,x\n1,新\n");
}

#[test]
fn mistakes_are_found_before_the_run() {
    let bench = Bench::new("手机号,ctcc_status,ctcc_reason\n1,ok,\n");
    let input = bench.open().unwrap();
    let options = OutputOptions::default();
    let failed = |target: &Target, options: &OutputOptions, new: &[&str]| {
        let error = check(target, &input, options, &columns(new)).unwrap_err().to_string();
        error.replace(bench.folder.path().to_str().unwrap(), "DIR")
    };
    let is_input = "the output would overwrite the input; give another name with -o";
    assert_eq!(failed(&target(&bench, "in.csv"), &options, &[]), format!("DIR/in.csv: {is_input}"));
    std::os::unix::fs::symlink(&bench.path, bench.folder.path().join("soft")).unwrap();
    std::fs::hard_link(&bench.path, bench.folder.path().join("hard")).unwrap();
    assert_eq!(failed(&target(&bench, "soft"), &options, &[]), format!("DIR/soft: {is_input}"));
    assert_eq!(failed(&target(&bench, "hard"), &options, &[]), format!("DIR/hard: {is_input}"));

    let folder = Target::Path(bench.folder.path().to_owned());
    assert_eq!(failed(&folder, &options, &[]), "DIR: the output is a folder; give the name of a file in it");
    assert_eq!(
        failed(&target(&bench, "no/out.csv"), &options, &[]),
        "DIR/no/out.csv: the output's folder DIR/no does not exist; create it, or give another name with -o"
    );
    let new = ["ctcc_status", "ctcc_reason", "ctcc_x"];
    assert_eq!(
        failed(&target(&bench, "out"), &options, &new),
        "the input already has the columns ctcc_status, ctcc_reason; pass --replace-columns to replace them"
    );
    let replace = OutputOptions { replace_columns: true, ..OutputOptions::default() };
    assert_eq!(
        failed(&target(&bench, "out"), &replace, &["手机号"]),
        "--replace-columns would drop '手机号', the column that the phone numbers come from"
    );
    let bad = OutputOptions { delimiter: Some("xx".to_owned()), ..OutputOptions::default() };
    assert!(failed(&target(&bench, "out"), &bad, &[]).starts_with("'xx' is not a delimiter"));
    assert!(
        failed(&Target::Path("/proc/out.csv".into()), &options, &[])
            .starts_with("/proc/out.csv: cannot write into /proc")
    );

    check(&target(&bench, "out"), &input, &replace, &columns(&new)).unwrap();
    check(&Target::Path("/dev/null".into()), &input, &options, &[]).unwrap();
    assert_eq!(bench.names(), ["hard", "in.csv", "soft"], "a check leaves nothing behind");
}

#[test]
fn replaced_columns_stand_at_the_end() {
    let bench = Bench::new("x,手机号,y\nold,1,2\n");
    let input = bench.open().unwrap();
    let replace = OutputOptions { replace_columns: true, ..OutputOptions::default() };
    let copy = bench.copy(&input, &replace, "out.csv");
    assert_eq!(String::from_utf8(copy).unwrap(), "手机号,y,x\n1,2,新\n");
}

#[test]
fn a_full_disk_says_that_nothing_is_lost() {
    let bench = Bench::new("手机号\n1\n");
    let input = bench.open().unwrap();
    let output = Output::create(&Target::Path("/dev/full".into()), &input, &OutputOptions::default(), &[]).unwrap();
    assert_eq!(
        output.finish().unwrap_err().to_string(),
        "/dev/full: no space left on the disk; no answer is lost, they are all in the ledger: make room, then write the output with `payonce export`"
    );
}

/// A file in any dress, as a spreadsheet or a script might write it.
#[derive(Debug, Clone)]
struct File {
    rows: Vec<Vec<String>>,
    delimiter: u8,
    crlf: bool,
    dress: usize,
}

fn file() -> impl Strategy<Value = File> {
    let field = "([a-z0-9 ]|[,;|\t\"]|\r\n|\n|\r|[客户手机号€𠮷']){0,8}";
    (2_usize..6, prop::sample::select(b",;\t|".to_vec()), any::<bool>(), 0_usize..6).prop_flat_map(
        move |(width, delimiter, crlf, dress)| {
            let rows = prop::collection::vec(prop::collection::vec(field, width), 0..12);
            rows.prop_map(move |rows| File { rows, delimiter, crlf, dress })
        },
    )
}

impl File {
    fn bytes(&self, extra: Option<&str>) -> Vec<u8> {
        let terminator = if self.crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer =
            csv::WriterBuilder::new().delimiter(self.delimiter).terminator(terminator).from_writer(Vec::new());
        let width = self.rows.first().map_or(2, Vec::len);
        let header = (1..width).map(|i| format!("列{i}")).chain(["手机号".to_owned()]);
        writer.write_record(header.chain(extra.map(|_| "x".to_owned()))).unwrap();
        for row in &self.rows {
            writer.write_record(row.iter().map(String::as_str).chain(extra)).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let marked = format!("\u{FEFF}{text}");
        match self.dress {
            0 => text.into(),
            1 => marked.into(),
            2 => gb18030(&text),
            3 => utf16(&marked, false),
            4 => utf16(&marked, true),
            _ => encoding_rs::GB18030.encode(&text).0.into(),
        }
    }
}

proptest! {
    // Each case waits for the disk twice.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_file_comes_out_as_it_went_in(file in file()) {
        let bench = Bench::new(file.bytes(None));
        let delimiter = Some(String::from(file.delimiter as char));
        let input = bench.open_with(InputOptions { delimiter, ..InputOptions::default() }).unwrap();
        prop_assert_eq!(all(&input).unwrap(), file.rows.clone());
        let copy = bench.copy(&input, &OutputOptions::default(), "out.csv");
        prop_assert!(copy == file.bytes(Some("新")), "{:?}", String::from_utf8_lossy(&copy));
    }
}
