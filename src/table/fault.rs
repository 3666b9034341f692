//! What went wrong while an input was read, in words: the readers pass their findings up inside an [`io::Error`].

use std::io;

use super::decode::MalformedAt;
use super::error::InputError;
use super::source::HasChanged;

/// `place` says where in the file `name`; `not_utf8` is the first byte at which the file is no UTF-8.
pub(super) fn fault(
    error: io::Error,
    name: &str,
    place: &str,
    encoding: &'static str,
    not_utf8: Option<u64>,
) -> InputError {
    let name = name.to_owned();
    let inner = error.get_ref();
    if inner.is_some_and(|inner| inner.is::<HasChanged>()) {
        return InputError::Changed { name };
    }
    if let Some(MalformedAt { offset }) = inner.and_then(|inner| inner.downcast_ref()) {
        let guess = not_utf8.map(|at| format!(" (nor is the file UTF-8: that breaks off at {at})")).unwrap_or_default();
        return InputError::Malformed { name, place: place.to_owned(), offset: *offset, encoding, guess };
    }
    InputError::Read { name, error }
}
