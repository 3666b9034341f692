use proptest::prelude::*;

use super::*;

const N: &str = "17312345678";
const DIGEST: &str = "b1c5a2f0d34e68790123456789abcdefb1c5a2f0d34e68790123456789abcdef";

#[track_caller]
fn is_number(cell: &str, digits: &str) {
    match judge(cell) {
        Ok(Identity::Number(number)) => assert_eq!(number.as_str(), digits, "{cell:?}"),
        other => panic!("{cell:?} gave {other:?}"),
    }
}

#[test]
fn every_spelling_of_a_number_is_that_number() {
    for cell in [
        N,
        " 17312345678\t",
        "\t17312345678",
        "17312345678\r\n",
        "\u{3000}17312345678\u{A0}",
        "173 1234 5678",
        "173\u{A0}1234\u{3000}5678",
        "1 7 3 1 2 3 4 5 6 7 8",
        "\u{FEFF}17312345678",
        "\u{202D}17312345678\u{202C}",
        "173\u{200B}1234\u{200D}5678",
        "１７３１２３４５６７８",
        "＋８６　１７３－１２３４－５６７８",
        "（８６）17312345678",
        "'17312345678",
        "’17312345678",
        "‘17312345678",
        "＇17312345678",
        " '\t17312345678",
        "173-1234-5678",
        "173‐1234‑5678",
        "173–1234—5678",
        "173－1234−5678",
        "173.1234.5678",
        "+86.173.1234.5678",
        "(173)1234-5678",
        "【173】12345678",
        "+8617312345678",
        "+86 17312345678",
        "+86-173-1234-5678",
        "(+86)17312345678",
        "+(86)17312345678",
        "+(86) 173 1234 5678",
        "(+86) 017312345678",
        "+86-017312345678",
        "+86 (0) 173 1234 5678",
        "008617312345678",
        "0086-17312345678",
        "00860 17312345678",
        "8617312345678",
        "86 17312345678",
        "86017312345678",
        "017312345678",
        "0-17312345678",
        "17312345678.0",
        "17312345678.00",
        "17312345678.000000",
        "17312345678.",
        "8617312345678.0",
        "1.7312345678E+10",
        "1.7312345678e10",
        "1.7312345678E+010",
        "１．７３１２３４５６７８Ｅ＋１０",
        "1.73123456780E+10",
        "8.617312345678E+12",
    ] {
        is_number(cell, N);
    }
    is_number("173.1234.0000", "17312340000");
    is_number("19912345678", "19912345678");
}

#[test]
fn a_digest_is_folded_to_lower_case() {
    let subject = |cell: &str| match judge(cell) {
        Ok(Identity::Digest(subject)) => subject.hex(),
        other => panic!("{cell:?} gave {other:?}"),
    };
    for cell in
        [DIGEST.to_string(), DIGEST.to_uppercase(), format!("\u{FEFF} {DIGEST}\u{3000}\n"), format!("'{DIGEST}")]
    {
        assert_eq!(subject(&cell), DIGEST);
    }
    let hash = Number::from_digits(N.as_bytes()).unwrap().subject();
    assert_eq!(judge(&hash.hex()).unwrap().subject(), judge(N).unwrap().subject());
}

#[test]
fn each_reason_has_its_cells() {
    use Invalid::*;
    let cases: &[(Invalid, &[&str])] = &[
        (Empty, &["", " ", "\u{3000}\t", "\u{FEFF}", "'", "-", "——", "()", "+"]),
        (TooShort { digits: 10 }, &["1731234567", "1731234567.0", "+861731234567", "861731234567"]),
        (TooShort { digits: 5 }, &["45617", "10086"]),
        (TooShort { digits: 8 }, &["12345678", "8765-4321"]),
        (
            TooLong { digits: 12 },
            &["117312345678", "173123456781", "173-1234-56789", "86173123456789", "17312345678 1"],
        ),
        (TooLong { digits: 18 }, &["110101199003071234"]),
        (Masked, &["173****5678", "173XXXX5678", "173xxxx5678", "173＊＊＊＊5678", "173●●●●5678", "1731234567x"]),
        (Masked, &["***********", "+86 173****5678", "173****5678/139****5678", "173####5678", "173 **** 5678"]),
        (TwoNumbers, &["17312345678/13912345678", "17312345678 13912345678", "17312345678、13912345678"]),
        (TwoNumbers, &["17312345678;13912345678", "17312345678；13912345678", "17312345678或13912345678"]),
        (TwoNumbers, &["17312345678,13912345678", "17312345678\n13912345678", "17312345678-13912345678"]),
        (TwoNumbers, &["1731234567813912345678", "173-1234-5678 139-1234-5678", "+8617312345678+8613912345678"]),
        (TwoNumbers, &["021-12345678 17312345678", "17312345678(爸) 13912345678(妈)", "17312345678or13912345678"]),
        (LostDigits, &["1.73123E+10", "1.73E10", "1.7E+10", "1.7312345678E+11", "1.73123456789E+10", "2E+10"]),
        (LostDigits, &["0.17312345678E+11", "１．７３１２３Ｅ＋１０"]),
        (NotMobile, &["12345678901", "11012345678", "10012345678", "02112345678", "021-12345678", "0755-12345678"]),
        (
            NotMobile,
            &["(010)12345678", "+862112345678", "400-123-4567", "8001234567", "+1 731 234 5678", "+17312345678"],
        ),
        (
            NotMobile,
            &["0017312345678", "+852 1234 5678", "85212345678", "00852 12345678", "+85212345678", "23912345678"],
        ),
        (NotMobile, &["2024-11-21", "2024.11.21", "1985-01-01 123", "1731234567.8", "192.168.100.12", ".17312345678"]),
        (NotMobile, &["1731234.0000", "173.12345678", "173.1234.567.0", "+0086 17312345678"]),
        (WrongDigest { digits: 32 }, &["d41d8cd98f00b204e9800998ecf8427e", "'D41D8CD98F00B204E9800998ECF8427E"]),
        (WrongDigest { digits: 40 }, &["da39a3ee5e6b4b0d3255bfef95601890afd80709"]),
        (WrongDigest { digits: 63 }, &[&DIGEST[1..]]),
        (
            Letters,
            &["无", "N/A", "张三17312345678", "17312345678转1", "tel:17312345678", "17312345678;", "x", "=17312345678"],
        ),
        (
            Letters,
            &["17,312,345,678", "2024/11/21", "2024-11-21 10:30", "86+17312345678", "1.7312345678E-10", "一七三"],
        ),
        (Letters, &["١٧٣١٢٣٤٥٦٧٨", "17312345678\0"]),
    ];
    for (reason, cells) in cases {
        for cell in *cells {
            assert_eq!(judge(cell), Err(*reason), "{cell:?}");
        }
    }
}

#[test]
fn words_and_sentences() {
    let all = [
        Invalid::Empty,
        Invalid::TooShort { digits: 10 },
        Invalid::TooLong { digits: 12 },
        Invalid::Masked,
        Invalid::TwoNumbers,
        Invalid::LostDigits,
        Invalid::NotMobile,
        Invalid::WrongDigest { digits: 32 },
        Invalid::Letters,
        Invalid::NeedsNumber,
    ];
    assert_eq!(all.map(Invalid::word), Invalid::ALL_WORDS);
    assert_eq!(
        all.map(|reason| reason.to_string()),
        [
            "empty",
            "too short: 10 of 11 digits",
            "too long: 12 digits instead of 11",
            "masked digits: the whole number is needed",
            "two numbers in one cell: keep one of them",
            "scientific notation lost digits: format the column as text and export again",
            "not a mainland mobile number: 11 digits from 13 to 19 are needed",
            "a digest of 32 hex digits; a SHA-256 digest has 64 (MD5 and SHA-1 are not taken)",
            "contains letters or other text",
            "a digest where this API needs the number",
        ]
    );
}

fn number() -> impl Strategy<Value = String> {
    "1[3-9][0-9]{9}"
}

proptest! {
    #[test]
    fn any_text_is_judged(cell in any::<String>()) {
        if let Ok(Identity::Number(number)) = judge(&cell) {
            prop_assert_eq!(judge(number.as_str()), Ok(Identity::Number(number)));
        }
    }

    #[test]
    fn near_numbers_are_judged(cell in "['+（( ]{0,2}(86|0086|0)?[0-9xeE.\\- /*＋０-９]{0,25}[)0.]{0,3}") {
        // Whatever is accepted has its 11 digits in the cell, in one row: nothing is invented.
        if let Ok(Identity::Number(number)) = judge(&cell) {
            let digits: Vec<u8> = fold(&cell).into_iter().filter(u8::is_ascii_digit).collect();
            prop_assert!(digits.windows(11).any(|run| run == number.as_str().as_bytes()));
        }
    }

    #[test]
    fn decoration_never_changes_the_subject(
        digits in number(),
        prefix in "(|\\+86|\\+86 |0086|0086-|86|86 |0|0 |\\(\\+86\\)|\\+\\(86\\)|\\+86-0)",
        between in "[ \u{3000}\u{A0}‐‑–—－−-]{0,2}",
        around in "[ \t\u{3000}\u{200B}\u{202A}\u{FEFF}]{0,3}",
        apostrophe in "['’‘]?",
        zero in "(|\\.0|\\.00)",
        wide in any::<bool>(),
    ) {
        let body = format!("{}{between}{}{between}{}", &digits[..3], &digits[3..7], &digits[7..]);
        let mut cell = format!("{around}{apostrophe}{around}{prefix}{body}{zero}{around}");
        if wide {
            cell = cell.chars().map(|c| if c.is_ascii_digit() || "+-().".contains(c) {
                char::from_u32(c as u32 + 0xFEE0).unwrap()
            } else { c }).collect();
        }
        let subject = judge(&digits).unwrap().subject();
        prop_assert_eq!(judge(&cell).map(|identity| identity.subject()), Ok(subject), "{:?}", cell);
        let scientific = format!("{}.{}E+10", &digits[..1], &digits[1..]);
        prop_assert_eq!(judge(&scientific).map(|identity| identity.subject()), Ok(subject));
    }

    #[test]
    fn a_longer_or_shorter_number_is_refused(digits in "[1-9][0-9]{3,9}|[1-7][0-9]{11,12}") {
        prop_assert!(judge(&digits).is_err());
    }
}
