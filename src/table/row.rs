//! One record, as every pass hands it on: its cells in UTF-8 and, out of a sheet, what each of them is.

use csv::ByteRecord;

/// What a cell is in a sheet. In a text file every cell is text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    #[default]
    Text,
    Number,
    Bool,
    Date,
    /// A date with a time of day.
    Moment,
    Time,
}

/// One data record.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The first data record is 1; blank lines do not count.
    pub record: u64,
    pub(super) fields: ByteRecord,
    /// One for each field that came out of a sheet; empty for a text file.
    pub(super) forms: Vec<Form>,
    /// The row of the sheet, counted from 1; 0 for a text file.
    pub(super) sheet_row: u32,
    /// The phone column.
    pub(super) column: Option<usize>,
}

impl Row {
    pub fn new() -> Self {
        Self::default()
    }

    /// The cell of the phone column.
    pub fn cell(&self) -> &str {
        self.column.map(|column| self.field(column)).unwrap_or_default()
    }

    /// Any cell.
    pub(super) fn field(&self, column: usize) -> &str {
        self.fields.get(column).and_then(|cell| std::str::from_utf8(cell).ok()).unwrap_or_default()
    }

    /// All fields in UTF-8.
    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        self.fields.iter()
    }

    /// The same with what they are.
    pub(super) fn cells(&self) -> impl Iterator<Item = (&[u8], Form)> {
        let forms = self.forms.iter().copied().chain(std::iter::repeat(Form::Text));
        self.fields.iter().zip(forms)
    }
}
