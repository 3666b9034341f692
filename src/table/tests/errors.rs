use super::*;

#[test]
fn what_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &std::path::Path| {
        let text = Input::open(path, &InputOptions::default()).unwrap_err().to_string();
        text.replace(folder.path().to_str().unwrap(), "DIR")
    };
    assert_eq!(error(&folder.path().join("no.csv")), "DIR/no.csv: no such file");
    std::fs::write(folder.path().join("customers.csv"), "").unwrap();
    assert_eq!(
        error(&folder.path().join("Custmers.csv")),
        "DIR/Custmers.csv: no such file; did you mean 'customers.csv'?"
    );
    assert_eq!(error(folder.path()), "DIR is a folder; name a CSV or .xlsx file, or - for standard input");
    assert_eq!(Bench::new("").error(column("1")), "in.csv is empty; a file with a header line is needed");
    assert_eq!(Bench::new("\u{FEFF}\n\n").error(column("1")), "in.csv is empty; a file with a header line is needed");
    assert_eq!(
        Bench::new(b"PK\x03\x04...").error(column("1")),
        "in.csv is a zip file, and no Excel workbook; unzip it and pass the file that is in it"
    );
    let cut = gz("phone\n17312345678\n".repeat(100).as_bytes());
    let text = Bench::new(&cut[..cut.len() - 9]).error(column("1"));
    assert!(text.starts_with("in.csv: cannot read it: ") && text.ends_with("copy or fetch it again"), "{text}");
}

#[test]
fn settings_that_do_not_exist() {
    let bench = Bench::new("phone\n");
    assert_eq!(
        bench.error(encoding("klingon")),
        "'klingon' is not an encoding that payonce knows; known: utf-8, utf-8-bom, gb18030, gbk, gb2312, big5, utf-16le, utf-16be, shift_jis, euc-kr, windows-1252"
    );
    assert_eq!(
        bench.error(InputOptions { delimiter: Some("，".to_owned()), ..InputOptions::default() }),
        "'，' is not a delimiter; give one ASCII character such as , ; | or the word tab"
    );
    assert_eq!(
        bench.error(InputOptions { skip_lines: 3, ..InputOptions::default() }),
        "in.csv: --skip-lines 3 leaves no header line; there are not so many lines: pass a smaller number"
    );
}

#[test]
fn the_phone_column_is_never_a_guess_between_two() {
    let two = Bench::new("姓名,手机,联系电话\n");
    assert_eq!(
        two.error(InputOptions::default()),
        "in.csv: more than one column could hold the phone numbers: 2 '手机', 3 '联系电话'; pass --column with one of them"
    );
    let by_cells = Bench::new("a,b,c\n17312345678,x,13912345678\n");
    assert_eq!(
        by_cells.error(InputOptions::default()),
        "in.csv: more than one column could hold the phone numbers: 1 'a', 3 'c'; pass --column with one of them"
    );
    let none = Bench::new("a,b\n1,2\n");
    assert_eq!(
        none.error(InputOptions::default()),
        "in.csv: no column is known to hold phone numbers; pass --column with a name or a position (and --skip-lines where title lines stand above the header); there are: 1 'a', 2 'b'"
    );
    assert_eq!(
        Bench::new("客户编号,手机号码\n").error(column("手机号")),
        "in.csv: there is no column '手机号'; did you mean '手机号码'?; there are: 1 '客户编号', 2 '手机号码'"
    );
    assert_eq!(none.error(column("3")), "in.csv: there is no column '3'; there are: 1 'a', 2 'b'");
    assert_eq!(
        Bench::new("a,b,a\n").error(column("a")),
        "in.csv: column 'a' occurs more than once: 1 'a', 3 'a'; pass --column with its position"
    );
    assert_eq!(Bench::new("a,b,a\n").open_with(column("3")).unwrap().phone_column(), 2);
    assert_eq!(
        Bench::new("张三,17312345678\n李四,13912345678\n").error(column("2")),
        "in.csv: the first line holds a phone number in column 2, so it is no header; add a header line, or skip title lines with --skip-lines"
    );
}

#[test]
fn broken_records_are_named() {
    assert_eq!(
        Bench::new("a,phone\n1,17312345678\n2,3,x\n").error(column("2")),
        "in.csv: record 2 has 3 fields, the header has 2; quote a field that holds the delimiter, or pass --delimiter, or --skip-lines where title lines stand above the header"
    );
    assert_eq!(
        Bench::new("a,phone\n1,17312345678\n\n\"2,3\n4,5\n").error(column("2")),
        "in.csv: record 2: a quote that opens here is never closed; close it, or double a quote that is meant as such"
    );
    assert_eq!(
        Bench::new("a,\"phone\n1,17312345678\n").error(column("2")),
        "in.csv: the header: a quote that opens here is never closed; close it, or double a quote that is meant as such"
    );
    let endless = format!("a,phone\n1,2\n\"{}", "2,17312345678\n".repeat(200_000));
    assert_eq!(
        Bench::new(endless).error(column("2")),
        "in.csv: record 2 is longer than 1 MiB; most likely a quote that opens here is never closed: close it, or double a quote that is meant as such"
    );
    let long = format!("a,phone\n1,2\n\"{}\",3\n", "x\n".repeat(1_001));
    assert_eq!(
        Bench::new(long).error(column("2")),
        "in.csv: record 2 is longer than 1,000 lines; most likely a quote that opens here is never closed: close it, or double a quote that is meant as such"
    );
    let swallowed = "id,name,phone,note\n1,甲,17312345678,\"stray\n2,乙,13912345678,\n3,丙,18912345678,\"stray\n";
    assert_eq!(
        Bench::new(swallowed).error(InputOptions::default()),
        "in.csv: record 1: a quote that opens here runs over the rows below it; close it, or double a quote that is meant as such"
    );
    assert_eq!(all(&Bench::new("phone,a\n1,\"x\"").open().unwrap()).unwrap(), [["1", "x"]]);
    assert_eq!(all(&Bench::new("phone,a\n1,\"\"").open().unwrap()).unwrap(), [["1", ""]]);
}

#[test]
fn a_wrong_encoding_is_named_with_its_place() {
    let mut mixed = "姓名,手机号\n张三,1\n".to_owned().into_bytes();
    mixed.extend_from_slice(&gb18030("李四"));
    mixed.extend_from_slice(b",2\n");
    assert_eq!(
        Bench::new(&mixed).error(encoding("utf-8")),
        "in.csv: line 3: the bytes at 26 are not UTF-8; pass the right --encoding, or repair the file"
    );
    let text = Bench::new(b"id,phone\n1,2\n\xFF\xFF,3\n").error(InputOptions::default());
    assert_eq!(
        text,
        "in.csv: record 2: the bytes at 13 are not gb18030 (nor is the file UTF-8: that breaks off at 13); pass the right --encoding, or repair the file"
    );
    assert_eq!(
        Bench::new(utf16("id,phone\n1,17312345678\n", false)).error(InputOptions::default()),
        "in.csv looks like UTF-16 without a byte order mark; pass --encoding utf-16le"
    );
    let mut cut = utf16("\u{FEFF}id,phone\n1,17312345678", true);
    cut.push(0);
    let text = Bench::new(cut).error(InputOptions::default());
    assert_eq!(
        text,
        "in.csv: record 1: the bytes at 46 are not UTF-16BE; pass the right --encoding, or repair the file"
    );
}
