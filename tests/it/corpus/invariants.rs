//! What must hold for every input whatever: shared by the corpus tests and the fuzz targets, which reach it by path.

use std::io::Write;
use std::path::Path;

use payonce::catalog::Catalogue;
use payonce::domain::cell;
use payonce::domain::subject::Identity;
use payonce::domain::verdict::{Billing, Class, RawReply, Verdict};
use payonce::replies;
use payonce::table::{Input, InputError, InputOptions, Row};

/// The verdict of one built-in API on a body. It never panics, is always the same, and its class and its money agree.
pub fn verdict(api: &str, http: u16, body: &[u8]) -> Verdict {
    let catalogue = Catalogue::built_in();
    let profile = catalogue.get(api).expect("a built-in API");
    let reply = RawReply::Received { http, retry_after: None, body: body.to_vec() };
    let verdict = replies::judge(profile, &reply);
    let again = replies::judge(profile, &reply);
    assert_eq!(format!("{verdict:?}"), format!("{again:?}"), "a verdict is a function of the reply");
    assert_eq!(verdict.class == Class::Answer, verdict.billing == Billing::Paid, "{verdict:?}");
    assert_eq!(verdict.class == Class::Doubt, verdict.billing == Billing::Doubt, "{verdict:?}");
    assert!(verdict.class != Class::NotSent, "it was received: {verdict:?}");
    if verdict.class == Class::Answer {
        assert_eq!(verdict.code, Some(0), "{verdict:?}");
        assert_eq!(verdict.fields.len(), profile.reply.fields.len(), "{verdict:?}");
    }
    // What is stored of a reply is bounded, whatever the vendor sends.
    let texts = verdict.fields.iter().chain(&verdict.order_id);
    assert!(texts.into_iter().all(|text| text.chars().count() <= 512), "{verdict:?}");
    verdict
}

/// What a cell is; the same number in its plain form is the same subject, and a mask shows neither.
pub fn identity(cell: &str) -> Result<Identity, cell::Invalid> {
    let judged = cell::judge(cell);
    match &judged {
        Ok(Identity::Number(number)) => {
            let plain = number.as_str();
            assert!(plain.len() == 11 && plain.bytes().all(|digit| digit.is_ascii_digit()), "{plain}");
            assert_eq!(cell::judge(plain), judged, "the plain form of a number is that number");
            let digest = cell::judge(&number.subject().hex()).map(|identity| identity.subject());
            assert_eq!(digest, Ok(number.subject()), "a number and its digest are one subject");
            assert!(!number.masked().contains(plain));
        }
        Ok(Identity::Digest(subject)) => {
            assert_eq!(cell::judge(&subject.hex()), judged, "a digest in its usual form is that digest");
        }
        Err(reason) => assert!(!reason.to_string().is_empty()),
    }
    judged
}

/// Reads a CSV twice; both times it is the same, every row is as wide as the header at least, and records count up.
pub fn read_csv(path: &Path) -> Result<u64, InputError> {
    let input = Input::open(path, &InputOptions::default())?;
    let once = rows_of(&input)?;
    let again = rows_of(&input)?;
    assert_eq!(once, again, "{}", path.display());
    Ok(once.len() as u64)
}

fn rows_of(input: &Input) -> Result<Vec<Vec<Vec<u8>>>, InputError> {
    let (mut rows, mut row, mut all) = (input.rows()?, Row::new(), Vec::new());
    let mut last = 0;
    while rows.next_into(&mut row)? {
        assert_eq!(row.record, last + 1, "records are counted one by one");
        last = row.record;
        let fields: Vec<Vec<u8>> = row.fields().map(<[u8]>::to_vec).collect();
        assert_eq!(fields.len(), input.header().len(), "record {last}");
        let _ = identity(row.cell());
        all.push(fields);
    }
    Ok(all)
}

/// The same for bytes that are in no file yet.
pub fn read_csv_bytes(bytes: &[u8]) -> Result<u64, InputError> {
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file");
    read_csv(file.path())
}
