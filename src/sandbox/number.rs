//! Numbers as the vendor accepts them, and a compact table of all that were asked about.
//!
//! The vendor takes a number in exactly one form per endpoint and calls everything else a wrong parameter. The table is exact (no
//! two numbers share an entry, whatever their hashes) and only grows, so an index once given stays good: about 50 bytes a number.

use serde::Deserialize;

/// A well-formed number: eleven ASCII digits padded with zeros, or the 32 bytes of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number([u8; 32]);

const PLAIN: usize = 11;
const DIGEST: usize = 64;

/// A 64-bit hash that is the same on every machine and in every build, which chaos needs.
pub(super) fn hash(bytes: &[u8], seed: u64) -> u64 {
    let fnv = bytes
        .iter()
        .fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    // FNV alone leaves the high bits poor; this is the finaliser of splitmix64.
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Number {
    /// A roll of the dice that belongs to this number and `seed`.
    pub(super) fn roll(&self, seed: u64) -> u64 {
        hash(&self.0, seed)
    }

    /// As it was sent.
    pub(super) fn text(&self, form: Form) -> String {
        match form {
            Form::Plain => self.0[..PLAIN].iter().map(|digit| char::from(*digit)).collect(),
            Form::Sha256 => hex::encode(self.0),
        }
    }
}

/// How the number has to be written.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// Eleven digits.
    Plain,
    /// 64 lower-case hexadecimal digits.
    Sha256,
}

impl Form {
    /// The number, or what is wrong with it, in the vendor's words. What was sent is never repeated.
    pub(super) fn read(self, text: &str) -> Result<Number, &'static str> {
        if text.is_empty() {
            return Err("mobile为空");
        }
        match self {
            Form::Plain => read_plain(text),
            Form::Sha256 => read_digest(text),
        }
    }
}

fn read_plain(text: &str) -> Result<Number, &'static str> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.as_bytes() {
        [b'+', ..] => Err("手机号不能带+86等国家代码"),
        [b'8', b'6', rest @ ..] if digits && rest.len() == PLAIN => Err("手机号不能带86等国家代码"),
        bytes if bytes.len() == DIGEST => Err("此接口需要明文手机号"),
        _ if !digits => Err("手机号只能是数字"),
        bytes if bytes.len() != PLAIN => Err("手机号应为11位"),
        bytes @ [b'1', b'3'..=b'9', ..] => {
            let mut number = [0; 32];
            number[..PLAIN].copy_from_slice(bytes);
            Ok(Number(number))
        }
        _ => Err("手机号段不存在"),
    }
}

fn read_digest(text: &str) -> Result<Number, &'static str> {
    if text.len() == PLAIN && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("手机号须sha256加密");
    }
    if text.len() != DIGEST {
        return Err("sha256密文应为64位");
    }
    if text.bytes().any(|byte| matches!(byte, b'A'..=b'F')) {
        return Err("sha256密文须为小写");
    }
    let mut number = [0; 32];
    hex::decode_to_slice(text, &mut number).map_err(|_| "sha256密文含有非十六进制字符")?;
    Ok(Number(number))
}

/// What the vendor remembers of one number.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub number: Number,
    /// How often the supplier was asked about it.
    pub asked: u32,
    pub charged: u32,
}

/// Every number asked about, in the order of the first time.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    entries: Vec<Entry>,
    /// Open addressing: the index of an entry plus one, or zero. Never more than half full.
    slots: Vec<u32>,
}

impl Numbers {
    /// The entry of a number, made if it is new.
    pub(super) fn entry(&mut self, number: Number) -> (u32, &mut Entry) {
        if self.slots.len() < (self.entries.len() + 1) * 2 {
            self.grow();
        }
        let slot = self.slot(&number);
        if self.slots[slot] == 0 {
            self.entries.push(Entry { number, asked: 0, charged: 0 });
            self.slots[slot] = u32::try_from(self.entries.len()).expect("fewer than four thousand million numbers");
        }
        let index = self.slots[slot] - 1;
        (index, &mut self.entries[index as usize])
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Where a number stands, or the free slot where it belongs.
    fn slot(&self, number: &Number) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = usize::try_from(number.roll(0) & mask as u64).unwrap_or(0);
        while self.slots[slot] != 0 && self.entries[self.slots[slot] as usize - 1].number != *number {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        self.slots = vec![0; (self.slots.len() * 2).max(1024)];
        for index in 0..self.entries.len() {
            let slot = self.slot(&self.entries[index].number);
            self.slots[slot] = u32::try_from(index + 1).expect("an index that was given before");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_are_taken_in_one_form_only() {
        assert_eq!(Form::Plain.read("17312345678").expect("valid").text(Form::Plain), "17312345678");
        for wrong in [
            "",
            "+8617312345678",
            "8617312345678",
            "173-1234-5678",
            "1731234567",
            "173123456789",
            "12312345678",
            " 17312345678",
            "１７３１２３４５６７８",
            &"0".repeat(64),
        ] {
            assert!(Form::Plain.read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn digests_are_lower_case_and_whole() {
        let digest = "f1e6f6d6f6a8821f6de81cf04045ba760a613933161594b83d3879ee43878e48";
        assert_eq!(Form::Sha256.read(digest).expect("valid").text(Form::Sha256), digest);
        assert_eq!(Form::Sha256.read(&digest.to_uppercase()), Err("sha256密文须为小写"));
        for wrong in ["", "17312345678", &digest[1..], &digest.replace('f', "g")] {
            assert!(Form::Sha256.read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_table_keeps_every_number_apart() {
        let mut numbers = Numbers::default();
        let number = |n: u32| Form::Sha256.read(&format!("{n:064x}")).expect("a digest");
        for round in 1..=2 {
            for n in 0..50_000 {
                let (index, entry) = numbers.entry(number(n));
                entry.asked += 1;
                assert_eq!((index, entry.asked), (n, round));
            }
        }
        assert_eq!(numbers.entries().len(), 50_000);
    }
}
