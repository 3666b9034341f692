//! One sheet of a workbook, held in memory, packed: text with what each cell is.

use super::row::Form;

/// A filled cell.
#[derive(Clone, Copy, Debug)]
struct Cell {
    column: u16,
    form: Form,
    /// Of its text, in bytes.
    length: u32,
}

/// A row that is not blank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// Counted from 0.
    pub(super) row: u32,
    cell: usize,
    byte: usize,
}

/// The filled cells of a sheet, row by row.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) name: String,
    text: String,
    cells: Vec<Cell>,
    /// Those that are not blank.
    pub(super) rows: Vec<Start>,
}

impl Sheet {
    pub(super) fn new(name: String) -> Self {
        Sheet { name, ..Sheet::default() }
    }

    /// Appends a filled cell. False where it does not stand behind the one before it.
    pub(super) fn push(&mut self, row: u32, column: u16, text: &str, form: Form) -> bool {
        let Ok(length) = u32::try_from(text.len()) else { return false };
        match self.rows.last() {
            Some(last) if last.row > row => return false,
            Some(last) if last.row == row => {
                if self.cells.last().is_some_and(|cell| cell.column >= column) {
                    return false;
                }
            }
            _ => self.rows.push(Start { row, cell: self.cells.len(), byte: self.text.len() }),
        }
        self.cells.push(Cell { column, form, length });
        self.text.push_str(text);
        true
    }

    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.cells.shrink_to_fit();
        self.rows.shrink_to_fit();
    }

    /// The cells of the `at`-th row that is not blank: place, text, form.
    pub(super) fn row(&self, at: usize) -> impl Iterator<Item = (usize, &str, Form)> {
        let Start { cell, byte, .. } = self.rows[at];
        let end = self.rows.get(at + 1).map_or(self.cells.len(), |next| next.cell);
        let mut from = byte;
        self.cells[cell..end].iter().map(move |cell| {
            let start = from;
            from += cell.length as usize;
            (usize::from(cell.column), &self.text[start..from], cell.form)
        })
    }

    /// The texts of that row, blank cells included.
    pub(super) fn texts(&self, at: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for (place, text, _) in self.row(at) {
            texts.resize(place, String::new());
            texts.push(text.to_owned());
        }
        texts
    }
}

/// A column as people find it in a sheet: `A`, `B`, …, `AA`. Counted from 0.
pub(super) fn column_letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + u8::try_from(column % 26).unwrap_or_default()));
        if column < 26 {
            return letters.into_iter().rev().collect();
        }
        column = column / 26 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters() {
        for (column, letters) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")] {
            assert_eq!(column_letters(column), letters);
        }
    }

    #[test]
    fn cells_come_in_order_or_not_at_all() {
        let mut sheet = Sheet::default();
        assert!(
            sheet.push(1, 2, "a", Form::Text) && sheet.push(1, 4, "b", Form::Text) && sheet.push(5, 0, "c", Form::Text)
        );
        assert_eq!(sheet.texts(0), ["", "", "a", "", "b"]);
        assert_eq!(sheet.texts(1), ["c"]);
        assert!(!sheet.push(5, 0, "d", Form::Text) && !sheet.push(4, 0, "d", Form::Text));
    }
}
