//! What the columns mean: the states of a call, and the small conversions between Rust's values and SQLite's.
//!
//! Invariant: the numbers of [`State`] are on disk and never change. How it fails: a number that is no state is reported as a
//! SQLite conversion error, so a damaged row ends as an error and never as a guess.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::domain::call::{CallState, Outcome};
use crate::domain::status::Status;
use crate::domain::subject::Subject;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Paid = 0,
    NoRecord = 1,
    Rejected = 2,
    Failed = 3,
    /// The attempt brought nothing; also a doubt that the vendor's statement cleared.
    Unpaid = 4,
    InDoubt = 5,
    Released = 6,
    WrittenOff = 7,
    Lost = 8,
}

impl State {
    const ALL: [State; 9] = [
        State::Paid,
        State::NoRecord,
        State::Rejected,
        State::Failed,
        State::Unpaid,
        State::InDoubt,
        State::Released,
        State::WrittenOff,
        State::Lost,
    ];

    /// What it says about its subject; nothing where the subject is to be asked all the same.
    pub(super) const fn status(self) -> Option<Status> {
        Some(match self {
            State::Paid => Status::Ok,
            State::NoRecord => Status::NoRecord,
            State::Rejected => Status::Rejected,
            State::Failed => Status::Failed,
            State::InDoubt => Status::InDoubt,
            State::WrittenOff => Status::WrittenOff,
            State::Lost => Status::Lost,
            State::Unpaid | State::Released => return None,
        })
    }
}

impl From<Outcome> for State {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Paid => State::Paid,
            Outcome::NoRecord => State::NoRecord,
            Outcome::Rejected => State::Rejected,
            Outcome::Failed => State::Failed,
            Outcome::Unpaid => State::Unpaid,
            Outcome::Doubt => State::InDoubt,
        }
    }
}

impl From<State> for CallState {
    fn from(state: State) -> Self {
        match state {
            State::Paid => CallState::Paid,
            State::NoRecord => CallState::NoRecord,
            State::Rejected => CallState::Rejected,
            State::Failed => CallState::Failed,
            State::Unpaid => CallState::Unpaid,
            State::InDoubt => CallState::InDoubt,
            State::Released => CallState::Released,
            State::WrittenOff => CallState::WrittenOff,
            State::Lost => CallState::Lost,
        }
    }
}

impl ToSql for State {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(*self as i64))
    }
}

impl FromSql for State {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        State::ALL.into_iter().find(|state| *state as i64 == number).ok_or(FromSqlError::OutOfRange(number))
    }
}

/// A subject's column.
pub(super) struct SubjectColumn(pub(super) Subject);

impl FromSql for SubjectColumn {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes: [u8; 32] = FromSql::column_result(value)?;
        Ok(SubjectColumn(Subject::from_bytes(bytes)))
    }
}

/// A count that is zero or more.
pub(super) struct Count(pub(super) u64);

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number).map(Count).map_err(|_| FromSqlError::OutOfRange(number))
    }
}

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.0)
            .map(ToSqlOutput::from)
            .map_err(|wrong| rusqlite::Error::ToSqlConversionFailure(Box::new(wrong)))
    }
}

pub(super) const FIELD_SEPARATOR: char = '\u{1F}';

/// The profile's fields as one text; none for no fields.
pub(super) fn join_fields(fields: &[String]) -> Option<String> {
    if fields.is_empty() {
        return None;
    }
    // The vendor's text is data: a separator in it must not make two fields of one.
    let clean: Vec<_> = fields.iter().map(|field| field.replace(FIELD_SEPARATOR, " ")).collect();
    Some(clean.join("\u{1F}"))
}

pub(super) fn split_fields(fields: Option<&str>) -> Vec<String> {
    fields.map(|text| text.split(FIELD_SEPARATOR).map(str::to_owned).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_as_they_went_in() {
        for fields in [vec![], vec![""], vec!["", ""], vec!["1", "", "三"]] {
            let fields: Vec<String> = fields.into_iter().map(str::to_owned).collect();
            assert_eq!(split_fields(join_fields(&fields).as_deref()), fields);
        }
        assert_eq!(split_fields(join_fields(&["a\u{1f}b".to_owned()]).as_deref()), ["a b"]);
    }
}
