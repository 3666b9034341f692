//! Workbooks in and out, below the binary: what a pass sees, and how changes and full disks show.

use rust_xlsxwriter::Workbook;

use super::*;

/// A workbook with one sheet; cells that are numbers are stored as numbers.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (at, row) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(row.iter()) {
            match cell.parse::<f64>() {
                Ok(number) => drop(sheet.write_number(at, column, number).unwrap()),
                Err(_) => drop(sheet.write_string(at, column, *cell).unwrap()),
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

fn skip(skip_lines: usize) -> InputOptions {
    InputOptions { skip_lines, ..InputOptions::default() }
}

#[test]
fn the_rules_of_text_files_hold() {
    let bench = Bench::new(workbook(&[
        &[],
        &["名单"],
        &[],
        &["", "姓名", "手机号", "余额"],
        &["", "甲", "17312345678"],
        &[],
        &["a", "", "1.73e10", "0.1"],
        &["", "", "", "-2"],
        &[],
    ]));
    let input = bench.open_with(skip(2)).unwrap();
    assert_eq!((input.header(), input.phone_column()), (&["", "姓名", "手机号", "余额"].map(str::to_owned)[..], 2));
    assert_eq!(input.format().preamble, "\n名单\n");
    let expected = [["", "甲", "17312345678", ""], ["a", "", "17300000000", "0.1"], ["", "", "", "-2"]];
    // Every pass gives the same rows.
    assert_eq!(all(&input).unwrap(), expected);
    assert_eq!(all(&input).unwrap(), expected);
    let copy = bench.copy(&input, &OutputOptions::default(), "out.csv");
    let text = "\n名单\n,姓名,手机号,余额,x\n,甲,17312345678,,新\na,,17300000000,0.1,新\n,,,-2,新\n";
    assert_eq!(String::from_utf8(copy).unwrap(), text);
}

#[test]
fn a_sheet_written_and_read_again_is_the_same() {
    let bench = Bench::new(workbook(&[
        &["标题, a", "\"b\""],
        &["手机号", "余额", "备注"],
        &["17312345678", "0.1", " a\r\nb\t\u{1}_x0041_ "],
        &["", "123456789012345", "TRUE"],
    ]));
    let input = bench.open_with(skip(1)).unwrap();
    let rows = all(&input).unwrap();
    bench.copy(&input, &OutputOptions::default(), "out.xlsx");
    let again = Input::open(&bench.folder.path().join("out.xlsx"), &skip(1)).unwrap();
    assert_eq!(again.format().preamble, "\"标题, a\",\"\"\"b\"\"\"\n");
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| [row, vec!["新".to_owned()]].concat()).collect();
    assert_eq!(all(&again).unwrap(), rows);
}

#[test]
fn a_changed_workbook_is_noticed_early_and_at_the_end() {
    let rows: Vec<[String; 1]> = (0..5_000).map(|n| [format!("{}", 17_300_000_000_u64 + n)]).collect();
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| vec![row[0].as_str()]).collect();
    let mut table: Vec<&[&str]> = vec![&["手机号"]];
    table.extend(rows.iter().map(Vec::as_slice));
    let bytes = workbook(&table);
    let bench = Bench::new(&bytes);
    let input = bench.open().unwrap();
    let pass = |after: usize, other: &[u8]| {
        let (mut rows, mut row, mut read) = (input.rows().unwrap(), Row::new(), 0);
        loop {
            match rows.next_into(&mut row) {
                Ok(true) => read += 1,
                Ok(false) => panic!("the change went unnoticed"),
                Err(error) => return (matches!(error, InputError::Changed { .. }), read),
            }
            if read == after {
                std::fs::write(&bench.path, other).unwrap();
            }
        }
    };
    let (changed, read) = pass(10, &bytes[1..]);
    assert!(changed && read < 2_000, "{read}");
    std::fs::write(&bench.path, &bytes).unwrap();
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    let (changed, read) = pass(4_990, &other);
    assert!(changed && read >= 4_990, "{read}");
}

#[test]
fn a_full_disk_says_that_nothing_is_lost() {
    let bench = Bench::new("手机号\n1\n");
    let input = bench.open().unwrap();
    let link = bench.folder.path().join("out.xlsx");
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    let output = Output::create(&Target::Path(link), &input, &OutputOptions::default(), &[]).unwrap();
    let error = output.finish().unwrap_err();
    assert!(matches!(error, OutputError::DiskFull { .. }), "{error}");
}

/// Half a file, or one with a byte knocked over, is an error or the same rows; it never stops the program.
#[test]
fn damaged_workbooks_are_errors() {
    let whole = workbook(&[&["手机号", "备注"], &["17312345678", "a"], &["17312345679", "b"]]);
    let mut random = fastrand::Rng::with_seed(4);
    for _ in 0..300 {
        let mut bytes = whole.clone();
        let at = random.usize(4..bytes.len());
        if random.bool() {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << random.u8(0..8);
        }
        let bench = Bench::new(bytes);
        if let Ok(input) = bench.open() {
            assert_eq!(all(&input).unwrap().len(), 2);
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn a_large_sheet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.csv");
    let rows: String = (0..1_000_000).map(|n| format!("客户{n},1860{n:07},上海市浦东新区,备注 {n}\n")).collect();
    std::fs::write(&path, format!("姓名,手机号,城市,备注\n{rows}")).unwrap();
    let bench = Bench { folder, path };
    let input = bench.open().unwrap();
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        work();
        eprintln!("{what}: {:.2} s", start.elapsed().as_secs_f64());
    };
    timed("csv to csv", &mut || drop(bench.copy(&input, &OutputOptions::default(), "out.csv")));
    let gb18030 = OutputOptions { encoding: Some("gb18030".to_owned()), ..OutputOptions::default() };
    timed("csv to gb18030", &mut || drop(bench.copy(&input, &gb18030, "gb.csv")));
    timed("csv to xlsx", &mut || drop(bench.copy(&input, &OutputOptions::default(), "out.xlsx")));
    let path = bench.folder.path().join("out.xlsx");
    let mut sheet = None;
    timed("opening the xlsx", &mut || sheet = Some(Input::open(&path, &InputOptions::default()).unwrap()));
    timed("one pass over it", &mut || assert_eq!(cells(sheet.as_ref().unwrap()).len(), 1_000_000));
}
