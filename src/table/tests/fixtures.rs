//! The fixtures show what their README says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::domain::cell::{Invalid, judge};
use crate::domain::subject::Identity;

/// Rows by word (`plain`, `digest`, or a reason's) and the distinct subjects.
fn survey(name: &str) -> (Input, BTreeMap<&'static str, usize>, BTreeSet<Vec<u8>>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let input = Input::open(&path, &InputOptions::default()).unwrap();
    let (mut counts, mut subjects) = (BTreeMap::new(), BTreeSet::new());
    for cell in cells(&input) {
        let judged = judge(&cell);
        subjects.extend(judged.map(|identity| identity.subject().as_bytes().to_vec()));
        let word = match judged {
            Ok(Identity::Number(_)) => "plain",
            Ok(Identity::Digest(_)) => "digest",
            Err(reason) => reason.word(),
        };
        *counts.entry(word).or_insert(0) += 1;
    }
    (input, counts, subjects)
}

#[test]
fn customers() {
    let (input, counts, subjects) = survey("customers.csv");
    assert_eq!((input.phone_column(), input.format().charset), (2, Charset::UTF_8));
    assert_eq!(counts.values().sum::<usize>(), 300);
    for word in Invalid::ALL_WORDS.into_iter().filter(|word| *word != Invalid::NeedsNumber.word()) {
        assert!(counts.contains_key(word), "no cell is {word}: {counts:?}");
    }
    assert!(subjects.len() + 30 < counts["plain"] + counts["digest"], "{} subjects in {counts:?}", subjects.len());
}

#[test]
fn customers_of_chinese_excel() {
    let (input, counts, _) = survey("customers-gb18030.csv");
    assert_eq!(input.format().charset, Charset::GB18030);
    assert_eq!(input.format().terminator, Terminator::CrLf);
    assert_eq!(input.header()[2], "*手机号码（必填）：");
    assert_eq!((counts.values().sum::<usize>(), counts["plain"]), (200, 195));
}
