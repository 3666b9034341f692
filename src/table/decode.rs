//! Raw bytes to UTF-8 text, streaming: unzipped on the way, the byte order mark dropped, other encodings converted.
//!
//! UTF-8 goes through untouched: the first pass has judged it already. In other encodings a malformed sequence is an error at the
//! very place where it stands: the text before it is handed out first, so that the reader on top knows the record.

use std::io::{self, BufReader, Read};

use encoding_rs::{Decoder, DecoderResult};
use flate2::read::MultiGzDecoder;

use super::format::Charset;
use super::source::Pass;

const CHUNK: usize = 64 << 10;

/// A sequence that its encoding does not have. Travels inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("malformed bytes at {offset}")]
pub(super) struct MalformedAt {
    /// Counted from 0, after unzipping.
    pub(super) offset: u64,
}

/// The file's bytes after unzipping.
#[derive(Debug)]
pub(super) enum Bytes {
    Plain(Pass),
    Gz(Box<MultiGzDecoder<BufReader<Pass>>>),
}

impl Bytes {
    pub(super) fn new(pass: Pass, gz: bool) -> Self {
        if gz {
            Bytes::Gz(Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, pass))))
        } else {
            Bytes::Plain(pass)
        }
    }

    pub(super) fn pass(&mut self) -> &mut Pass {
        match self {
            Bytes::Plain(pass) => pass,
            Bytes::Gz(decoder) => decoder.get_mut().get_mut(),
        }
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Bytes::Plain(pass) => pass.read(buffer),
            Bytes::Gz(decoder) => decoder.read(buffer),
        }
    }
}

/// The file's text in UTF-8.
pub(super) struct Text {
    bytes: Bytes,
    /// Bytes of the byte order mark still to be dropped.
    mark: usize,
    convert: Option<Convert>,
}

struct Convert {
    decoder: Decoder,
    chunk: Vec<u8>,
    at: usize,
    filled: usize,
    /// Of the next byte to be decoded.
    offset: u64,
    /// The bytes are at their end; the decoder may still hold back the start of a character.
    end: bool,
    /// So is the decoder, which must not be used again.
    done: bool,
    malformed: Option<u64>,
}

impl Text {
    pub(super) fn new(bytes: Bytes, charset: Charset, bom: bool) -> Self {
        let mark = if bom { charset.bom().len() } else { 0 };
        let convert = (charset != Charset::UTF_8).then(|| Convert {
            decoder: charset.0.new_decoder_without_bom_handling(),
            chunk: vec![0; CHUNK],
            at: 0,
            filled: 0,
            offset: mark as u64,
            end: false,
            done: false,
            malformed: None,
        });
        Text { bytes, mark, convert }
    }

    pub(super) fn pass(&mut self) -> &mut Pass {
        self.bytes.pass()
    }
}

impl Read for Text {
    /// `buffer` must have room for a character, as every buffered reader's has.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.mark > 0 {
            let mut dropped = [0; 3];
            self.bytes.read_exact(&mut dropped[..self.mark])?;
            self.mark = 0;
        }
        match &mut self.convert {
            None => self.bytes.read(buffer),
            Some(convert) => convert.read(&mut self.bytes, buffer),
        }
    }
}

impl Convert {
    fn read(&mut self, bytes: &mut Bytes, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.done {
                return Ok(0);
            }
            if let Some(offset) = self.malformed {
                return Err(io::Error::other(MalformedAt { offset }));
            }
            if self.at == self.filled && !self.end {
                self.filled = bytes.read(&mut self.chunk)?;
                self.at = 0;
                self.end = self.filled == 0;
            }
            let rest = &self.chunk[self.at..self.filled];
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(rest, buffer, self.end);
            self.at += read;
            self.offset += read as u64;
            if let DecoderResult::Malformed(bad, after) = result {
                self.malformed = Some(self.offset - u64::from(bad) - u64::from(after));
            }
            self.done = self.end && result == DecoderResult::InputEmpty;
            if written > 0 || self.done {
                return Ok(written);
            }
        }
    }
}
