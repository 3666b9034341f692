//! A CSV by its columns' names.

use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Strict: every row has as many fields as the header.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        Self::parse_with(text, b',')
    }

    #[track_caller]
    pub fn parse_with(text: &str, delimiter: u8) -> Self {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text.as_bytes());
        let mut records = reader.records().map(|record| {
            let record = record.unwrap_or_else(|error| panic!("{error}"));
            record.iter().map(str::to_owned).collect::<Vec<_>>()
        });
        let header = records.next().expect("a header");
        Table { header, rows: records.collect() }
    }

    #[track_caller]
    pub fn position(&self, column: &str) -> usize {
        let position = self.header.iter().position(|name| name == column);
        position.unwrap_or_else(|| panic!("there is no column '{column}' in {:?}", self.header))
    }

    /// The cells of a column.
    #[track_caller]
    pub fn column(&self, name: &str) -> Vec<&str> {
        let position = self.position(name);
        self.rows.iter().map(|row| row[position].as_str()).collect()
    }

    /// How often each value stands in a column.
    #[track_caller]
    pub fn counts(&self, column: &str) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for cell in self.column(column) {
            *counts.entry(cell).or_default() += 1;
        }
        counts
    }

    /// How often `value` stands in a column.
    #[track_caller]
    pub fn count(&self, column: &str, value: &str) -> usize {
        self.column(column).into_iter().filter(|cell| *cell == value).count()
    }

    /// The cell of `column` in the row (from 0).
    #[track_caller]
    pub fn cell(&self, row: usize, column: &str) -> &str {
        &self.rows[row][self.position(column)]
    }
}
