use sha2::{Digest, Sha256};

use super::*;

const TEXT: &str = "编号,姓名,手机号\r\n1,张三,17312345678\r\n2,\"李\n四, \"\"小李\"\"\",13912345678\r\n";

fn is_text(input: &Input) {
    assert_eq!(input.header(), ["编号", "姓名", "手机号"]);
    assert_eq!(input.phone_column(), 2);
    assert_eq!(cells(input), ["17312345678", "13912345678"]);
    assert_eq!(all(input).unwrap()[1][1], "李\n四, \"小李\"");
    assert_eq!(input.format().terminator, Terminator::CrLf);
}

#[test]
fn encodings_are_found() {
    let bom = |text: &str| format!("\u{FEFF}{text}");
    let cases: [(Vec<u8>, Charset, bool); 5] = [
        (TEXT.into(), Charset::UTF_8, false),
        (bom(TEXT).into(), Charset::UTF_8, true),
        (gb18030(TEXT), Charset::GB18030, false),
        (utf16(&bom(TEXT), false), Charset::UTF_16LE, true),
        (utf16(&bom(TEXT), true), Charset::UTF_16BE, true),
    ];
    for (bytes, charset, bom) in cases {
        for zipped in [false, true] {
            let bench = Bench::new(if zipped { gz(&bytes) } else { bytes.clone() });
            let input = bench.open().unwrap();
            let format = input.format();
            assert_eq!((format.charset, format.bom, format.gz), (charset, bom, zipped));
            is_text(&input);
            let digest: [u8; 32] = Sha256::digest(std::fs::read(&bench.path).unwrap()).into();
            assert_eq!(input.digest(), digest);
        }
    }
}

#[test]
fn one_chinese_name_far_down_decides() {
    let mut bytes = "id,phone\n".to_owned().into_bytes();
    for _ in 0..20_000 {
        bytes.extend_from_slice(b"1,17312345678\n");
    }
    bytes.extend_from_slice(&gb18030("张三,13912345678\n"));
    let input = Bench::new(&bytes).open().unwrap();
    assert_eq!(input.format().charset, Charset::GB18030);
    assert_eq!(all(&input).unwrap().pop().unwrap()[0], "张三");
}

#[test]
fn encodings_are_given() {
    is_text(&Bench::new(gb18030(TEXT)).open_with(encoding("GBK")).unwrap());
    is_text(&Bench::new(utf16(TEXT, false)).open_with(encoding("utf-16le")).unwrap());
    is_text(&Bench::new(utf16(&format!("\u{FEFF}{TEXT}"), true)).open_with(encoding("utf-16")).unwrap());
    is_text(&Bench::new(format!("\u{FEFF}{TEXT}")).open_with(encoding("utf-8")).unwrap());
}

#[test]
fn concatenated_gzip_members_are_one_file() {
    let mut bytes = gz(b"phone\n17312345678\n");
    bytes.extend(gz(b"13912345678\n"));
    assert_eq!(cells(&Bench::new(bytes).open().unwrap()), ["17312345678", "13912345678"]);
}

#[test]
fn delimiters_are_found_or_given() {
    for delimiter in [",", ";", "\t", "|"] {
        let bench = Bench::new(TEXT.replace("四, ", "四 ").replace(',', delimiter));
        let input = bench.open().unwrap();
        assert_eq!(input.format().delimiter, delimiter.as_bytes()[0]);
        assert_eq!(cells(&input), ["17312345678", "13912345678"]);
    }
    let given = InputOptions { delimiter: Some("tab".to_owned()), ..column("b") };
    let input = Bench::new("a;x\tb\n1;2\t17312345678\n").open_with(given).unwrap();
    assert_eq!(all(&input).unwrap(), [["1;2", "17312345678"]]);
}

#[test]
fn rows_get_the_header_s_length() {
    let bench = Bench::new("姓名,手机号,备注\n甲,17312345678\n\n乙,13912345678,x,,\n,,\n   \n");
    let rows = all(&bench.open().unwrap()).unwrap();
    assert_eq!(rows, [["甲", "17312345678", ""], ["乙", "13912345678", "x"], ["", "", ""], ["   ", "", ""]]);
}

#[test]
fn a_header_alone_is_no_error() {
    for text in ["手机号", "手机号\n", "手机号,姓名\r\n"] {
        assert_eq!(all(&Bench::new(text).open().unwrap()).unwrap().len(), 0);
    }
}

#[test]
fn title_lines_are_skipped_and_kept() {
    let bench = Bench::new("二〇二六年客户表\r\n,,\r\n姓名,手机号\r\n甲,17312345678\r\n");
    let input = bench.open_with(InputOptions { skip_lines: 2, ..InputOptions::default() }).unwrap();
    assert_eq!(input.format().preamble, "二〇二六年客户表\r\n,,\r\n");
    assert_eq!(cells(&input), ["17312345678"]);
    let copy = bench.copy(&input, &OutputOptions::default(), "out.csv");
    assert_eq!(String::from_utf8(copy).unwrap(), "二〇二六年客户表\r\n,,\r\n姓名,手机号,x\r\n甲,17312345678,新\r\n");
}

#[test]
fn the_column_is_chosen_by_name_then_by_position() {
    let bench = Bench::new("a,3,手机号,Home Phone\n1,13912345678,17312345678,18812345678\n");
    let chosen = |name: &str| bench.open_with(column(name)).unwrap().phone_column();
    assert_eq!(chosen("3"), 1, "a header of that very name comes before the position");
    assert_eq!(chosen("4"), 3);
    assert_eq!(chosen("手机号"), 2);
    assert_eq!(chosen("home phone"), 3);
    assert_eq!(bench.open().unwrap().phone_column(), 2);
}

#[test]
fn the_column_is_found_by_its_cells() {
    let bench = Bench::new("编号,号\n1,17312345678\n2,\n3,+86 139-1234-5678\n4,坏\n");
    assert_eq!(bench.open().unwrap().phone_column(), 1);
}

#[test]
fn a_changed_file_is_noticed_early_and_at_the_end() {
    let mut text = "phone,note\n".to_owned();
    (0..50_000).for_each(|i| text.push_str(&format!("17312345678,note {i}\n")));
    let bench = Bench::new(&text);
    let input = bench.open().unwrap();

    // A touch changes nothing.
    let file = std::fs::OpenOptions::new().append(true).open(&bench.path).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(5)).unwrap();
    assert_eq!(cells(&input).len(), 50_000);

    let changed = |expected_rows: std::ops::Range<usize>| {
        let (mut rows, mut row) = (input.rows().unwrap(), Row::new());
        let mut read = 0;
        let error = loop {
            match rows.next_into(&mut row) {
                Ok(true) if read == 10 => {
                    let mut other = text.clone().into_bytes();
                    other.truncate(expected_rows.end * 20);
                    *other.last_mut().unwrap() = b'!';
                    std::fs::write(&bench.path, &other).unwrap();
                    read += 1;
                }
                Ok(true) => read += 1,
                Ok(false) => panic!("the change went unnoticed"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, InputError::Changed { .. }), "{error}");
        assert!(read < 20_000, "noticed only after {read} rows");
    };
    changed(0..40_000);
    assert!(matches!(input.rows().map(drop), Err(InputError::Changed { .. })));
}

#[test]
fn a_change_that_hides_its_length_and_time_is_found_by_the_digest() {
    let bench = Bench::new("phone\n17312345678\n");
    let input = bench.open().unwrap();
    let modified = std::fs::metadata(&bench.path).unwrap().modified().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&bench.path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"9", 16).unwrap();
    file.set_modified(modified).unwrap();
    assert!(matches!(all(&input), Err(InputError::Changed { .. })));
}

#[test]
fn a_file_renamed_over_is_not_read() {
    let bench = Bench::new("phone\n17312345678\n");
    let input = bench.open().unwrap();
    let other = bench.folder.path().join("other");
    std::fs::write(&other, "phone\n13912345678\n").unwrap();
    std::fs::rename(other, &bench.path).unwrap();
    assert_eq!(cells(&input), ["17312345678"]);
}

#[test]
fn a_pipe_is_copied_and_read_as_often_as_a_file() {
    let bench = Bench::new("");
    let pipe = bench.folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, TEXT).unwrap()
    });
    let input = Input::open(&pipe, &InputOptions::default()).unwrap();
    writer.join().unwrap();
    is_text(&input);
    is_text(&input);
}

/// By hand: `cargo test --release --lib -- --ignored --nocapture a_million_rows`
#[test]
#[ignore = "a measurement"]
fn a_million_rows() {
    let mut text = "客户编号,姓名,手机号,城市,备注\n".to_owned();
    for i in 0..1_000_000_u64 {
        text.push_str(&format!("C{i:07},张三丰,{},上海市,老客户 {i}\n", 17_300_000_000 + i * 7919 % 99_999_999));
    }
    for (name, bytes) in
        [("UTF-8", text.clone().into_bytes()), ("GB18030", gb18030(&text)), ("gz", gz(text.as_bytes()))]
    {
        let bench = Bench::new(&bytes);
        let start = std::time::Instant::now();
        let input = bench.open().unwrap();
        let opened = start.elapsed();
        let start = std::time::Instant::now();
        let (mut rows, mut row, mut valid) = (input.rows().unwrap(), Row::new(), 0);
        while rows.next_into(&mut row).unwrap() {
            valid += usize::from(crate::domain::cell::judge(row.cell()).is_ok());
        }
        let pass = start.elapsed();
        assert_eq!(valid, 1_000_000);
        let start = std::time::Instant::now();
        bench.copy(&input, &OutputOptions::default(), "out.csv");
        println!("{name}, {} MB: open {opened:?}, a pass {pass:?}, export {:?}", bytes.len() >> 20, start.elapsed());
    }
}
