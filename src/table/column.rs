//! Which column holds what: what the user says, else a header that is known for it; for phone numbers also the only column whose
//! cells look like numbers. Never a guess between two.

use crate::domain::cell::judge;
use crate::domain::subject::Identity;
use crate::domain::text::for_terminal;

use super::error::InputError;
use super::opened::Table;
use super::row::Row;

/// Headers of phone columns, in the form that [`plain_name`] gives them.
pub(super) const KNOWN: [&str; 40] = [
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

/// The header without what people add to it: `＊手机号 （必填）：` is `手机号`.
pub(super) fn plain_name(header: &str) -> String {
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

/// What a column holds, and how it is known.
#[derive(Debug)]
pub(super) struct Kind {
    /// For messages.
    pub(super) what: &'static str,
    /// The flag that names it.
    pub(super) flag: &'static str,
    /// Headers in the form that [`plain_name`] gives them.
    pub(super) known: &'static [&'static str],
}

/// The column of the main job.
pub(super) const PHONE: Kind = Kind { what: "phone numbers", flag: "--column", known: &KNOWN };

impl Kind {
    /// The header is known to stand above such a column.
    pub(super) fn is_known(&self, header: &str) -> bool {
        self.known.contains(&plain_name(header).as_str())
    }

    /// The column that the user names, else the only one with a known header; counted from 0.
    pub(super) fn find(
        &self,
        table: &Table,
        wanted: Option<&str>,
        except: &[usize],
    ) -> Result<Option<usize>, InputError> {
        let header = table.header();
        refuse_data(table)?;
        if let Some(wanted) = wanted {
            return self.named(table, wanted).map(Some);
        }
        let known = (0..header.len()).filter(|at| !except.contains(at) && self.is_known(&header[*at]));
        self.only(table, &known.collect::<Vec<_>>())
    }

    /// The same for numbers, which also show in the cells.
    pub(super) fn find_numbers(
        &self,
        table: &Table,
        wanted: Option<&str>,
        except: &[usize],
    ) -> Result<Option<usize>, InputError> {
        match self.find(table, wanted, except)? {
            Some(found) => Ok(Some(found)),
            None => self.only(table, &look_like_numbers(table, except)?),
        }
    }

    /// For those who cannot do without it.
    pub(super) fn missing(&self, table: &Table) -> InputError {
        let header = table.header();
        InputError::NoColumn {
            name: table.name().to_owned(),
            columns: list(header, &all(header)),
            what: self.what,
            flag: self.flag,
        }
    }

    /// Never a guess between two.
    fn only(&self, table: &Table, candidates: &[usize]) -> Result<Option<usize>, InputError> {
        match candidates {
            [] => Ok(None),
            [only] => Ok(Some(*only)),
            _ => Err(InputError::TwoColumns {
                name: table.name().to_owned(),
                columns: list(table.header(), candidates),
                what: self.what,
                flag: self.flag,
            }),
        }
    }

    /// By exact name, else by position, else by a name that differs only in decoration.
    fn named(&self, table: &Table, wanted: &str) -> Result<usize, InputError> {
        let header = table.header();
        let matching =
            |same: &dyn Fn(&str) -> bool| (0..header.len()).filter(|at| same(&header[*at])).collect::<Vec<_>>();
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
        let (name, wanted_name) = (table.name().to_owned(), wanted.to_owned());
        match found[..] {
            [only] => Ok(only),
            [] => Err(InputError::NoSuchColumn {
                name,
                wanted: wanted_name,
                nearest: nearest(header, wanted).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default(),
                columns: list(header, &all(header)),
            }),
            _ => Err(InputError::AmbiguousColumn {
                name,
                wanted: wanted_name,
                columns: list(header, &found),
                flag: self.flag,
            }),
        }
    }
}

/// A header that is data would be lost as a row, whichever column is chosen.
fn refuse_data(table: &Table) -> Result<(), InputError> {
    match table.header().iter().position(|cell| matches!(judge(cell), Ok(Identity::Number(_)))) {
        Some(at) => Err(InputError::NoHeader { name: table.name().to_owned(), column: at + 1 }),
        None => Ok(()),
    }
}

/// The columns in which most filled cells are numbers or digests, over all rows.
fn look_like_numbers(table: &Table, except: &[usize]) -> Result<Vec<usize>, InputError> {
    let columns = table.header().len();
    let mut filled = vec![0_u64; columns];
    let mut valid = vec![0_u64; columns];
    let (mut rows, mut row) = (table.rows(None)?, Row::new());
    while rows.next_into(&mut row)? {
        for (at, cell) in row.fields().enumerate() {
            let cell = std::str::from_utf8(cell).unwrap_or_default();
            filled[at] += u64::from(!cell.trim().is_empty());
            valid[at] += u64::from(judge(cell).is_ok());
        }
    }
    Ok((0..columns).filter(|at| !except.contains(at) && valid[*at] > 0 && valid[*at] * 2 >= filled[*at]).collect())
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
            assert!(PHONE.is_known(header), "{header:?}");
        }
        for header in ["", "姓名", "联系电话（座机）", "办公电话", "手机号归属地", "phone brand", "是否手机"]
        {
            assert!(!PHONE.is_known(header), "{header:?}");
        }
    }

    #[test]
    fn known_names_are_in_plain_form() {
        for name in KNOWN {
            assert_eq!(plain_name(name), name);
        }
    }
}
