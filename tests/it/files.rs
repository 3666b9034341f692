//! Files as they come out of Excel and CRMs: each goes through a run and comes back as it was, with the new columns behind it.
//!
//! What is written as a workbook is read again with calamine, which shares no code with its writer.

use std::io::{Cursor, Read, Write};

use calamine::{Data, Range, Reader, Xlsx};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

use crate::support::{CTCC, CUCC, CUCC_COLUMNS, Night, Table, Vendor, fixture, number};

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("a buffer");
    encoder.finish().expect("a buffer")
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut plain).expect("a gzip file");
    plain
}

fn utf16le(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).expect("UTF-16")
}

/// The first sheet of a workbook.
fn sheet(bytes: Vec<u8>) -> Range<Data> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).expect("a workbook");
    workbook.worksheet_range_at(0).expect("a sheet").expect("a sheet")
}

/// A part of a workbook, as text.
fn part(bytes: &[u8], name: &str) -> String {
    let mut parts = zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip file");
    let mut text = String::new();
    parts.by_name(name).expect("the part").read_to_string(&mut text).expect("XML");
    text
}

fn save(mut workbook: Workbook) -> Vec<u8> {
    workbook.save_to_buffer().expect("a workbook")
}

/// A workbook with one sheet of text.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (at, row) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(row.iter()) {
            sheet.write_string(at, column, *cell).expect("a cell");
        }
    }
    save(workbook)
}

/// The fixture `crm.xlsx`: a title row, a blank row, numbers as numbers, dates, booleans, an error, a hidden sheet before it.
fn crm_workbook() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let hidden = workbook.add_worksheet();
    hidden.set_name("字典").expect("a name").set_hidden(true);
    hidden.write_string(0, 0, "编码").expect("a cell");
    let sheet = workbook.add_worksheet();
    sheet.set_name("客户").expect("a name").set_active(true);
    sheet.write_string(0, 0, "客户名单, 2026年11月").expect("a cell");
    let header = ["客户编号", "手机号码（必填）", "开户日", "最近联系", "余额", "有效", "订单号", "备注"];
    for (column, name) in (0..).zip(header) {
        sheet.write_string(2, column, name).expect("a cell");
    }
    let date = Format::new().set_num_format("yyyy/m/d");
    let moment = Format::new().set_num_format("yyyy/m/d h:mm");
    for n in 0..10_u32 {
        // Row 6 of the sheet stays blank.
        let row = if n < 2 { 3 + n } else { 4 + n };
        sheet.write_string(row, 0, format!("{:05}", n + 1)).expect("a cell");
        let phone = 18_600_000_001.0 + f64::from(n % 8);
        match n {
            8 => drop(sheet.write_string(row, 1, format!("{phone:.0}")).expect("a cell")),
            9 => {}
            _ => drop(sheet.write_number(row, 1, phone).expect("a cell")),
        }
        let day = ExcelDateTime::parse_from_str("2020-02-29").expect("a date");
        sheet.write_datetime_with_format(row, 2, &day, &date).expect("a cell");
        let call = ExcelDateTime::parse_from_str("2026-10-31 09:30:15").expect("a time");
        sheet.write_datetime_with_format(row, 3, &call, &moment).expect("a cell");
        sheet.write_number(row, 4, 0.1 + f64::from(n)).expect("a cell");
        sheet.write_boolean(row, 5, n % 2 == 0).expect("a cell");
        sheet.write_string(row, 6, format!("202611{:016}", n + 1)).expect("a cell");
    }
    sheet.write_string(3, 7, "两行\n备注").expect("a cell");
    let formula = rust_xlsxwriter::Formula::new("=NA()").set_result("#N/A");
    sheet.write_formula(4, 7, formula).expect("a cell");
    save(workbook)
}

/// Writes the fixtures that are not text: `cargo test --test it write_the_fixtures -- --ignored`.
#[test]
#[ignore = "writes into fixtures/"]
fn write_the_fixtures() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    std::fs::write(folder.join("crm.xlsx"), crm_workbook()).expect("a fixture");
}

/// Runs a fixture on the sandbox and gives back its output.
#[track_caller]
fn enriched(name: &str, flags: &[&str], output: &str) -> (Night, Vec<u8>) {
    let night = Night::fast().file(name, fixture(name));
    night.run([&["run", name, "--api", CUCC, "--sandbox"], flags].concat()).exit(0);
    let bytes = night.bytes(output);
    assert_eq!(night.mode(output), 0o600);
    (night, bytes)
}

/// Every line of the input is the beginning of the output's, and new cells stand behind it.
#[track_caller]
fn begins_as(input: &str, output: &str, delimiter: char) {
    assert_eq!(input.lines().count(), output.lines().count(), "{output}");
    for (before, after) in input.lines().zip(output.lines()) {
        let rest = after.strip_prefix(before).unwrap_or_else(|| panic!("'{after}' is not '{before}' any more"));
        assert!(rest.is_empty() || rest.starts_with(delimiter), "{rest}");
    }
}

#[test]
fn gbk_as_chinese_excel_saves_it() {
    let (night, bytes) = enriched("excel-gbk.csv", &[], "excel-gbk.enriched.csv");
    let decode = |bytes: &[u8]| encoding_rs::GBK.decode(bytes).0.into_owned();
    let (input, output) = (decode(&fixture("excel-gbk.csv")), decode(&bytes));
    assert_eq!(output.matches("\r\n").count(), output.matches('\n').count());
    let table = Table::parse(&output);
    assert_eq!(table.header[..4], ["客户编号", "姓名", "电话", "备注"]);
    assert_eq!(table.header[4..], CUCC_COLUMNS);
    // Excel's empty rows at the end are rows: none is lost, and none is asked about.
    assert_eq!((table.count("cucc_status", "ok"), table.count("cucc_status", "invalid")), (8, 3));
    assert_eq!(table.cell(1, "备注"), "VIP,\"老\"客户");
    // Surplus empty fields are dropped, nothing else.
    for (before, after) in input.lines().skip(1).zip(output.lines().skip(1)) {
        assert!(after.starts_with(before.trim_end_matches(',')), "{before} / {after}");
    }
    night.run(["plan", "excel-gbk.csv", "--api", CUCC]).exit(0).stdout_has("column '电话' (gb18030, delimiter ,)");
}

#[test]
fn utf16_with_tabs_from_a_crm() {
    let (night, bytes) = enriched("crm-utf16.txt", &[], "crm-utf16.enriched.txt");
    assert!(bytes.starts_with(b"\xFF\xFE"));
    let (input, output) = (utf16le(&fixture("crm-utf16.txt")), utf16le(&bytes));
    let table = Table::parse_with(output.trim_start_matches('\u{FEFF}'), b'\t');
    assert_eq!((table.rows.len(), table.count("cucc_status", "ok")), (6, 6));
    assert_eq!(table.cell(2, "Notes"), "ring after 6 pm\r\nask for \"Li\"");
    let first = |text: &str| text.lines().next().map(str::to_owned).expect("a header");
    assert!(first(&output).starts_with(&first(&input)));
    assert_eq!(output.matches("\r\n").count(), output.matches('\n').count());
    night.run(["plan", "crm-utf16.txt", "--api", CUCC]).exit(0).stdout_has("(UTF-16LE, delimiter tab)");
}

#[test]
fn semicolons_under_title_lines_with_short_rows() {
    let flags = ["--skip-lines", "2"];
    let (night, bytes) = enriched("report-semicolons.csv", &flags, "report-semicolons.enriched.csv");
    let output = String::from_utf8(bytes).expect("UTF-8");
    let input = String::from_utf8(fixture("report-semicolons.csv")).expect("UTF-8");
    assert!(output.starts_with("\u{feff}月度客户报告;2026年11月\n\n门店;联系电话;城市;金额\n".trim_end()), "{output}");
    let body: Vec<&str> = output.splitn(3, '\n').collect();
    let table = Table::parse_with(body[2], b';');
    assert_eq!((table.rows.len(), table.count("cucc_status", "ok")), (5, 5));
    // A short row is filled up.
    assert_eq!(table.rows[1][..4], ["二店".to_owned(), "186-0000-0012".to_owned(), String::new(), String::new()]);
    assert_eq!(table.cell(0, "金额"), "1.234,50");
    begins_as(&input, &output, ';');
    // Without the flag, it says what a colleague would.
    night
        .run(["plan", "report-semicolons.csv", "--api", CUCC])
        .exit(2)
        .stderr_has("report-semicolons.csv")
        .stderr_has("--skip-lines");
}

#[test]
fn gz_in_gz_out() {
    let plain = fixture("customers.csv");
    let night = Night::fast().file("customers.csv", &plain).file("customers.csv.gz", gz(&plain));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "customers.csv.gz", "--api", CUCC]).exit(0);
    night.ask(&vendor, ["run", "customers.csv", "--api", CUCC]).exit(0);
    let unzipped = String::from_utf8(gunzip(&night.bytes("customers.enriched.csv.gz"))).expect("UTF-8");
    assert_eq!(unzipped, night.text("customers.enriched.csv"));
    night.ask(&vendor, ["run", "customers.csv.gz", "--api", CUCC, "-o", "plain.csv"]).exit(0);
    assert_eq!(night.text("plain.csv"), unzipped);
}

#[test]
fn in_a_pipe() {
    for name in ["customers.csv", "excel-gbk.csv", "crm-utf16.txt"] {
        let vendor = Vendor::start();
        let night = Night::fast().file(name, fixture(name));
        night.ask(&vendor, ["run", name, "--api", CUCC, "-o", "file"]).exit(0);
        let piped = night.pipe(&vendor, fixture(name), ["run", "-", "--api", CUCC, "--quiet"]).exit(0);
        assert_eq!(piped.stdout_bytes, night.bytes("file"), "{name}");
    }
    // A workbook comes out of a pipe as text.
    let (night, vendor) = (Night::fast(), Vendor::start());
    let piped = night.pipe(&vendor, fixture("crm.xlsx"), ["run", "-", "--api", CUCC, "--quiet", "--skip-lines", "2"]);
    let text = piped.exit(0).stdout;
    let body = text.splitn(3, '\n').nth(2).expect("a header").to_owned();
    assert_eq!(Table::parse(&body).count("cucc_status", "ok"), 9);
}

#[test]
fn a_workbook_comes_back_as_a_workbook() {
    let flags = ["--skip-lines", "2"];
    let (night, bytes) = enriched("crm.xlsx", &flags, "crm.enriched.xlsx");
    night
        .run(["plan", "crm.xlsx", "--api", CUCC, "--skip-lines", "2"])
        .exit(0)
        .stdout_has("10 rows, 8 distinct numbers in column '手机号码（必填）' (sheet '客户')");
    let (before, after) = (crm_sheet(fixture("crm.xlsx")), crm_sheet(bytes.clone()));
    let width = before.width();
    assert_eq!(after.width(), width + CUCC_COLUMNS.len());
    let rows = |range: &Range<Data>| -> Vec<Vec<Data>> {
        let rows = range.rows().map(<[Data]>::to_vec);
        rows.filter(|row| row.iter().any(|cell| *cell != Data::Empty)).collect()
    };
    let (before, after) = (rows(&before), rows(&after));
    // A title, the header, ten records. Errors are text afterwards; everything else is what it was, types included.
    assert_eq!((before.len(), after.len()), (12, 12));
    for (before, after) in before.iter().zip(&after) {
        for (before, after) in before.iter().zip(after) {
            match before {
                Data::Error(error) => assert_eq!(*after, Data::String(error.to_string())),
                Data::DateTime(moment) => {
                    let Data::DateTime(written) = after else { panic!("{before:?} became {after:?}") };
                    assert!((moment.as_f64() - written.as_f64()).abs() < 1e-8, "{before:?} became {after:?}");
                }
                _ => assert_eq!(before, after),
            }
        }
    }
    let header: Vec<String> = after[1][width..].iter().map(ToString::to_string).collect();
    assert_eq!(header, CUCC_COLUMNS);
    let order = width + 5;
    for row in &after[2..11] {
        assert_eq!(row[width], Data::String("ok".to_owned()));
        assert!(matches!(&row[order], Data::String(id) if id.len() >= 20), "{:?}", row[order]);
    }
    assert_eq!(after[11][width], Data::String("invalid".to_owned()));
    // Frozen and filterable below the title rows.
    let xml = part(&bytes, "xl/worksheets/sheet1.xml");
    assert!(xml.contains("topLeftCell=\"A4\"") && xml.contains("state=\"frozen\""), "{xml}");
    assert!(xml.contains("<autoFilter ref=\"A3:O13\"/>") && xml.contains("customWidth=\"1\""), "{xml}");
    assert!(part(&bytes, "xl/workbook.xml").contains("name=\"客户\""));
}

fn crm_sheet(bytes: Vec<u8>) -> Range<Data> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).expect("a workbook");
    workbook.worksheet_range("客户").expect("the sheet")
}

#[test]
fn a_workbook_becomes_text() {
    let (_, bytes) = enriched("crm.xlsx", &["--skip-lines", "2", "-o", "crm.csv"], "crm.csv");
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert!(text.starts_with("\"客户名单, 2026年11月\"\n\n客户编号,手机号码（必填）,开户日,"), "{text}");
    let body = text.splitn(3, '\n').nth(2).expect("a header").to_owned();
    let table = Table::parse(&body);
    let row = |at: usize| table.rows[at][..8].join("|");
    assert_eq!(row(0), "00001|18600000001|2020-02-29|2026-10-31 09:30:15|0.1|TRUE|2026110000000000000001|两行\n备注");
    assert_eq!(row(1), "00002|18600000002|2020-02-29|2026-10-31 09:30:15|1.1|FALSE|2026110000000000000002|#N/A");
    assert_eq!(table.counts("cucc_status").into_iter().collect::<Vec<_>>(), [("invalid", 1), ("ok", 9)]);
}

#[test]
fn text_becomes_a_workbook() {
    let night = Night::fast()
        .file("in.csv", format!("订单,手机号,备注\n0012,{},=1+1\n2,{},\" a\r\n\"\n", number(1), number(2)));
    night.run(["run", "in.csv", "--api", CUCC, "--api", CTCC, "--sandbox", "-o", "out.xlsx"]).exit(0);
    assert_eq!(night.mode("out.xlsx"), 0o600);
    let range = sheet(night.bytes("out.xlsx"));
    let text = |row: u32, column: u32| match range.get_value((row, column)) {
        Some(Data::String(text)) => text.clone(),
        other => panic!("no text in {row}, {column}: {other:?}"),
    };
    assert_eq!((text(1, 0), text(1, 1), text(1, 2)), ("0012".to_owned(), number(1), "=1+1".to_owned()));
    assert_eq!(text(2, 2), " a\r\n");
    assert_eq!((text(0, 3), text(1, 3)), ("cucc_status".to_owned(), "ok".to_owned()));
    // Written again from the ledger, it is the same sheet.
    night.run(["export", "in.csv", "--api", CUCC, "--api", CTCC, "-o", "again.xlsx", "--ledger", "calls.db"]).exit(0);
    assert_eq!(sheet(night.bytes("again.xlsx")), range);
}

#[test]
fn a_sheet_is_chosen() {
    let night = Night::fast().file("crm.xlsx", fixture("crm.xlsx"));
    let plan = |flags: &[&str]| night.run([&["plan", "crm.xlsx", "--api", CUCC], flags].concat());
    for sheet in ["客户", "2"] {
        plan(&["--skip-lines", "2", "--sheet", sheet]).exit(0).stdout_has("10 rows");
    }
    let json = plan(&["--skip-lines", "2", "--json"]).exit(0).json();
    assert_eq!((json["sheet"].as_str(), json["encoding"].as_str()), (Some("客户"), Some("xlsx")));
    plan(&["--sheet", "客戶"])
        .exit(2)
        .stderr_has("crm.xlsx: there is no sheet '客戶'")
        .stderr_has("1 '字典' (hidden), 2 '客户'");
    let night = Night::fast().file("in.csv", format!("手机号\n{}\n", number(1))).env("PAYONCE_SHEET", "1");
    night
        .run(["plan", "in.csv", "--api", CUCC])
        .exit(2)
        .stderr_has("in.csv is a text file")
        .stderr_has("PAYONCE_SHEET");
}

/// Refused before the first call, in words that help.
#[track_caller]
fn refused(name: &str, content: &[u8], flags: &[&str], words: &[&str]) {
    let night = Night::fast().file(name, content);
    let vendor = Vendor::start();
    let mut ran = night.ask(&vendor, [&["run", name, "--api", CUCC], flags].concat()).exit(2);
    for word in words {
        ran = ran.stderr_has(word);
    }
    assert_eq!(vendor.bill().requests, 0);
    assert_eq!(night.names(), [name.to_owned()], "{ran}");
}

#[test]
fn workbooks_that_cannot_be_read() {
    let whole = fixture("crm.xlsx");
    refused("a.xlsx", &whole[..whole.len() / 2], &[], &["a.xlsx", "damaged", "save it again"]);
    let ole = |name: &str| {
        let mut bytes = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
        bytes.resize(1024, 0);
        bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        bytes.resize(4096, 0);
        bytes
    };
    refused("a.xls", &ole("Workbook"), &[], &["a.xls", "Excel 97-2003", "save it as .xlsx or as CSV"]);
    refused("a.xlsx", &ole("EncryptedPackage"), &[], &["a.xlsx is protected by a password", "without one"]);
    let ods = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0.\0\0\0.\0\0\0\x08\0\0\0mimetypeapplication/vnd.oasis.opendocument.spreadsheet";
    refused("a.ods", ods, &[], &["a.ods is an OpenDocument sheet", "save it as .xlsx"]);
    refused("a.zip", b"PK\x03\x04\x14\0\0\0\0\0...customers.csv", &[], &["a zip file", "unzip it"]);
    refused("a.xlsx.gz", &gz(&whole), &[], &["within a gzip file", "gunzip"]);
    let empty = save({
        let mut workbook = Workbook::new();
        workbook.add_worksheet();
        workbook.add_worksheet().set_name("名单").expect("a name");
        workbook
    });
    refused("a.xlsx", &empty, &[], &["sheet 'Sheet1' is empty", "--sheet", "2 '名单'"]);
    refused("a.xlsx", &workbook(&[&["标题"]]), &["--skip-lines", "1"], &["--skip-lines 1 leaves no header line"]);
}

#[test]
fn sheets_with_mistakes_in_them() {
    let phone = number(1);
    refused(
        "a.xlsx",
        &workbook(&[&["姓名", "手机号"], &[], &["甲", &phone], &["乙", &phone, "", "北京"]]),
        &[],
        &["sheet 'Sheet1', record 2: cell D4 is filled", "name that column in the header"],
    );
    refused("a.xlsx", &workbook(&[&["甲", &phone]]), &[], &["holds a phone number in column 2", "header"]);
    refused("a.xlsx", &workbook(&[&["手机", "电话"], &[&phone, &phone]]), &[], &["1 '手机', 2 '电话'", "--column"]);
}

#[test]
fn outputs_that_no_sheet_can_be() {
    let content = format!("手机号,备注\n{},{}\n", number(1), "长".repeat(32_768));
    refused("in.csv", content.as_bytes(), &["-o", "out.xlsx"], &["record 1", "'备注'", "32,767 characters"]);
    let many: String = std::iter::once("手机号\n".to_owned()).chain((0..1_048_576).map(|_| "x\n".to_owned())).collect();
    refused("in.csv", many.as_bytes(), &["-o", "out.xlsx"], &["holds 1,048,576 rows", "1048577", ".csv"]);
    for name in ["out.xls", "out.ods", "out.xlsx.gz", "out.xlsm"] {
        refused("in.csv", content.as_bytes(), &["-o", name], &[name, ".xlsx", "-o"]);
    }
}
