//! The room as its users see it: files in, rows out, files out.

mod errors;
mod fixtures;
mod output;
mod reading;
mod sheets;

use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::*;

/// A folder with one input in it.
struct Bench {
    folder: TempDir,
    path: PathBuf,
}

impl Bench {
    fn new(content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.csv");
        std::fs::write(&path, content).unwrap();
        Bench { folder, path }
    }

    fn open(&self) -> Result<Input, InputError> {
        self.open_with(InputOptions::default())
    }

    fn open_with(&self, options: InputOptions) -> Result<Input, InputError> {
        Input::open(&self.path, &options)
    }

    /// The error's text, with `in.csv` in place of the whole path.
    #[track_caller]
    fn error(&self, options: InputOptions) -> String {
        let error = match self.open_with(options) {
            Ok(input) => match all(&input) {
                Ok(rows) => panic!("no error, but {rows:?}"),
                Err(error) => error,
            },
            Err(error) => error,
        };
        error.to_string().replace(self.path.to_str().unwrap(), "in.csv")
    }

    /// The input written out again with one new column `x`.
    fn copy(&self, input: &Input, options: &OutputOptions, name: &str) -> Vec<u8> {
        let path = self.folder.path().join(name);
        let mut output = Output::create(&Target::Path(path.clone()), input, options, &["x".to_owned()]).unwrap();
        let (mut rows, mut row) = (input.rows().unwrap(), Row::new());
        while rows.next_into(&mut row).unwrap() {
            output.write(&row, ["新"].into_iter()).unwrap();
        }
        output.finish().unwrap();
        std::fs::read(path).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The passes run on threads of their own.
#[test]
fn everything_may_change_threads() {
    fn is_send<T: Send>() {}
    is_send::<Input>();
    is_send::<Rows>();
    is_send::<Output>();
    is_send::<Sorted>();
}

fn all(input: &Input) -> Result<Vec<Vec<String>>, InputError> {
    let (mut rows, mut row, mut all) = (input.rows()?, Row::new(), Vec::new());
    while rows.next_into(&mut row)? {
        assert_eq!(row.record, all.len() as u64 + 1);
        all.push(row.fields().map(|field| String::from_utf8(field.to_vec()).unwrap()).collect());
    }
    Ok(all)
}

fn cells(input: &Input) -> Vec<String> {
    let (mut rows, mut row, mut cells) = (input.rows().unwrap(), Row::new(), Vec::new());
    while rows.next_into(&mut row).unwrap() {
        cells.push(row.cell().to_owned());
    }
    cells
}

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let units = text.encode_utf16();
    units.flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

fn gb18030(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

fn column(name: &str) -> InputOptions {
    InputOptions { column: Some(name.to_owned()), ..InputOptions::default() }
}

fn encoding(label: &str) -> InputOptions {
    InputOptions { encoding: Some(label.to_owned()), ..InputOptions::default() }
}
