//! Which column holds the phone numbers: what the user says, else a header that is known for it, else the only column whose
//! cells look like numbers. Never a guess between two.

use crate::domain::cell::judge;
use crate::domain::subject::Identity;
use crate::domain::text::for_terminal;

use super::error::InputError;
use super::input::Input;
use super::rows::Row;

/// Headers of phone columns, in the form that [`plain_name`] gives them.
const KNOWN: [&str; 40] = [
    "手机号",
    "手机号码",
    "手机",
    "电话",
    "电话号码",
    "联系电话",
    "联系方式",
    "移动电话",
    "联系手机",
    "联系号码",
    "联系手机号",
    "联系电话号码",
    "手机电话",
    "移动电话号码",
    "移动号码",
    "客户手机",
    "客户手机号",
    "客户手机号码",
    "客户电话",
    "用户手机号",
    "用户手机号码",
    "用户号码",
    "本人手机号",
    "会员手机号",
    "mobile",
    "mobileno",
    "mobilenumber",
    "mobilephone",
    "phone",
    "phoneno",
    "phonenumber",
    "phonenum",
    "tel",
    "telno",
    "telephone",
    "telephonenumber",
    "cell",
    "cellphone",
    "contactnumber",
    "msisdn",
];

/// What forms put behind a column's name.
const HINTS: [&str; 9] = ["必填", "必填项", "必选", "必须", "必输", "选填", "required", "optional", "11位"];

/// The header is known to stand above phone numbers.
pub(super) fn is_known(header: &str) -> bool {
    KNOWN.contains(&plain_name(header).as_str())
}

/// The header without what people add to it: `＊手机号 （必填）：` is `手机号`.
fn plain_name(header: &str) -> String {
    let folded: String = header.chars().map(|c| half_width(c).to_ascii_lowercase()).collect();
    let mut name = folded;
    for hint in HINTS {
        for (open, close) in [('(', ')'), ('[', ']'), ('【', '】'), ('<', '>')] {
            name = name.replace(&format!("{open}{hint}{close}"), "");
        }
    }
    name.retain(|c| c.is_alphanumeric());
    name
}

fn half_width(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

/// The phone column's place, counted from 0.
pub(super) fn find(input: &Input, wanted: Option<&str>) -> Result<usize, InputError> {
    let header = input.header();
    // A header that is data would be lost as a row, whichever column is chosen.
    if let Some(at) = header.iter().position(|cell| matches!(judge(cell), Ok(Identity::Number(_)))) {
        return Err(InputError::NoHeader { name: input.name().to_owned(), column: at + 1 });
    }
    if let Some(wanted) = wanted {
        return named(input, wanted);
    }
    let known: Vec<usize> = (0..header.len()).filter(|at| is_known(&header[*at])).collect();
    match known[..] {
        [only] => Ok(only),
        [] => by_content(input),
        _ => Err(InputError::TwoPhoneColumns { name: input.name().to_owned(), columns: list(header, &known) }),
    }
}

/// By exact name, else by position, else by a name that differs only in decoration.
fn named(input: &Input, wanted: &str) -> Result<usize, InputError> {
    let header = input.header();
    let matching = |same: &dyn Fn(&str) -> bool| (0..header.len()).filter(|at| same(&header[*at])).collect::<Vec<_>>();
    let exact = matching(&|cell| cell.trim() == wanted.trim());
    let found = match (exact.is_empty(), wanted.trim().parse::<usize>()) {
        (false, _) => exact,
        (true, Ok(position)) if (1..=header.len()).contains(&position) => vec![position - 1],
        (true, Ok(_)) => Vec::new(),
        (true, Err(_)) => {
            let plain = plain_name(wanted);
            matching(&|cell| !plain.is_empty() && plain_name(cell) == plain)
        }
    };
    let name = input.name().to_owned();
    match found[..] {
        [only] => Ok(only),
        [] => Err(InputError::NoSuchColumn {
            name,
            wanted: wanted.to_owned(),
            nearest: nearest(header, wanted).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default(),
            columns: list(header, &all(header)),
        }),
        _ => Err(InputError::AmbiguousColumn { name, wanted: wanted.to_owned(), columns: list(header, &found) }),
    }
}

/// The only column in which most filled cells are numbers or digests, over all rows.
fn by_content(input: &Input) -> Result<usize, InputError> {
    let header = input.header();
    let mut filled = vec![0_u64; header.len()];
    let mut valid = vec![0_u64; header.len()];
    let (mut rows, mut row) = (input.rows()?, Row::new());
    while rows.next_into(&mut row)? {
        for (at, cell) in row.fields().enumerate() {
            let cell = std::str::from_utf8(cell).unwrap_or_default();
            filled[at] += u64::from(!cell.trim().is_empty());
            valid[at] += u64::from(judge(cell).is_ok());
        }
    }
    let candidates: Vec<usize> =
        (0..header.len()).filter(|at| valid[*at] > 0 && valid[*at] * 2 >= filled[*at]).collect();
    let name = input.name().to_owned();
    match candidates[..] {
        [only] => Ok(only),
        [] => Err(InputError::NoPhoneColumn { name, columns: list(header, &all(header)) }),
        _ => Err(InputError::TwoPhoneColumns { name, columns: list(header, &candidates) }),
    }
}

fn all(header: &[String]) -> Vec<usize> {
    (0..header.len()).collect()
}

/// `1 '姓名', 3 '手机号'`: names and the positions that tell equal names apart.
fn list(header: &[String], places: &[usize]) -> String {
    const MOST: usize = 40;
    let mut names: Vec<String> =
        places.iter().take(MOST).map(|at| format!("{} '{}'", at + 1, for_terminal(header[*at].trim()))).collect();
    if places.len() > MOST {
        names.push(format!("and {} more", places.len() - MOST));
    }
    names.join(", ")
}

fn nearest(header: &[String], wanted: &str) -> Option<String> {
    let distance = |name: &str| strsim::normalized_damerau_levenshtein(&plain_name(name), &plain_name(wanted));
    let (near, name) = header.iter().map(|name| (distance(name), name.trim())).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (near >= 0.5).then(|| for_terminal(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_in_any_dress() {
        for header in [
            "手机号",
            " *手机号码：",
            "手机号码（必填）",
            "手机号码(必填)",
            "＊手机 号:",
            "【必填】手机号",
            "联系电话\u{3000}",
            "\u{FEFF}电话",
            "Mobile Phone",
            "PHONE_NUMBER",
            "Phone No.",
            "ｐｈｏｎｅ",
            "Tel.",
            "msisdn",
            "手机号\n（11位）",
        ] {
            assert!(is_known(header), "{header:?}");
        }
        for header in ["", "姓名", "联系电话（座机）", "办公电话", "手机号归属地", "phone brand", "是否手机"]
        {
            assert!(!is_known(header), "{header:?}");
        }
    }

    #[test]
    fn known_names_are_in_plain_form() {
        for name in KNOWN {
            assert_eq!(plain_name(name), name);
        }
    }
}
