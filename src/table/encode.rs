//! UTF-8 text to the output's encoding, streaming. A character that the encoding lacks is an error, never a question mark.

use std::io::{self, Write};

use encoding_rs::{Encoder, EncoderResult};

use super::format::Charset;

/// A character that the encoding cannot hold. Travels inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("'{0}' cannot be encoded")]
pub(super) struct CannotEncode(pub(super) char);

/// Encodes what is written to it.
pub(super) struct Encode<W> {
    inner: W,
    how: How,
    /// The start of a character whose rest comes with the next write.
    split: Vec<u8>,
    encoded: Vec<u8>,
}

enum How {
    AsItIs,
    Utf16 { big_endian: bool },
    Table(Box<Encoder>),
}

impl<W: Write> Encode<W> {
    pub(super) fn new(inner: W, charset: Charset) -> Self {
        let how = if charset == Charset::UTF_8 {
            How::AsItIs
        } else if charset.is_utf16() {
            How::Utf16 { big_endian: charset == Charset::UTF_16BE }
        } else {
            How::Table(Box::new(charset.0.new_encoder()))
        };
        Encode { inner, how, split: Vec::new(), encoded: Vec::new() }
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        if !self.split.is_empty() {
            return Err(not_utf8());
        }
        self.encode("", true)?;
        Ok(self.inner)
    }

    fn encode(&mut self, text: &str, last: bool) -> io::Result<()> {
        self.encoded.clear();
        match &mut self.how {
            How::AsItIs => return self.inner.write_all(text.as_bytes()),
            How::Utf16 { big_endian } => {
                for unit in text.encode_utf16() {
                    self.encoded.extend(if *big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() });
                }
            }
            How::Table(encoder) => {
                let room = encoder.max_buffer_length_from_utf8_without_replacement(text.len());
                self.encoded.reserve(room.unwrap_or(4 * text.len()));
                let (result, _) = encoder.encode_from_utf8_to_vec_without_replacement(text, &mut self.encoded, last);
                match result {
                    EncoderResult::InputEmpty => {}
                    EncoderResult::Unmappable(c) => return Err(io::Error::other(CannotEncode(c))),
                    EncoderResult::OutputFull => return Err(io::Error::other("the encoder ran out of room")),
                }
            }
        }
        self.inner.write_all(&self.encoded)
    }
}

impl<W: Write> Write for Encode<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if matches!(self.how, How::AsItIs) {
            return self.inner.write(bytes);
        }
        let joined = [std::mem::take(&mut self.split).as_slice(), bytes].concat();
        let valid = match std::str::from_utf8(&joined) {
            Ok(_) => joined.len(),
            Err(error) if error.error_len().is_some() => return Err(not_utf8()),
            Err(error) => error.valid_up_to(),
        };
        let (text, split) = joined.split_at(valid);
        self.split = split.to_vec();
        self.encode(std::str::from_utf8(text).map_err(|_| not_utf8())?, false)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The first pass has judged the whole input: such bytes can only come from a file that changed since.
fn not_utf8() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a field is not UTF-8: the input changed while it was being read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, charset: Charset, chunk: usize) -> Vec<u8> {
        let mut encode = Encode::new(Vec::new(), charset);
        text.as_bytes().chunks(chunk).for_each(|bytes| encode.write_all(bytes).unwrap());
        encode.finish().unwrap()
    }

    #[test]
    fn characters_split_between_writes_are_whole() {
        let text = "客户€𠮷\u{E000},a\n";
        for charset in [Charset::UTF_8, Charset::GB18030, Charset::UTF_16LE, Charset::UTF_16BE] {
            for chunk in 1..6 {
                let bytes = encoded(text, charset, chunk);
                assert_eq!(bytes, encoded(text, charset, 100));
                let back = charset.0.decode_without_bom_handling_and_without_replacement(&bytes).unwrap();
                assert_eq!(back, text);
            }
        }
    }

    #[test]
    fn nothing_is_replaced() {
        let mut encode = Encode::new(Vec::new(), Charset::of_label("windows-1252").unwrap());
        let error = encode.write_all("café 手".as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "'手' cannot be encoded");
    }
}
