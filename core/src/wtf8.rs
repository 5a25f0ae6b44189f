//! Generalised UTF-8: UTF-8 that may also encode lone surrogates
//! (<https://simonsapin.github.io/wtf-8/>).
//!
//! JavaScript strings are sequences of UTF-16 units and need not be valid
//! Unicode. Plain UTF-8 would replace the invalid units and lose data.

use std::borrow::Cow;

/// The UTF-8 form of U+FFFD, which Node.js puts in place of a lone surrogate.
const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

/// Encodes UTF-16 units as generalised UTF-8, and keeps lone surrogates.
pub fn from_utf16(units: &[u16]) -> Vec<u8> {
    // Without a branch for each unit, so that the compiler can test many at a time.
    if units.iter().fold(0, |all, unit| all | unit) < 0x80 {
        return units.iter().map(|&unit| unit as u8).collect();
    }
    let mut bytes = Vec::with_capacity(units.len() * 2);
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let unit = lone.unpaired_surrogate();
                bytes.extend([
                    0xE0 | (unit >> 12) as u8,
                    0x80 | (unit >> 6 & 0x3F) as u8,
                    0x80 | (unit & 0x3F) as u8,
                ]);
            }
        }
    }
    bytes
}

/// Decodes generalised UTF-8 into UTF-16 units, the inverse of [`from_utf16`].
///
/// Bytes that are not generalised UTF-8 become U+FFFD.
pub fn to_utf16(bytes: &[u8]) -> Vec<u16> {
    let mut units = Vec::with_capacity(bytes.len());
    for chunk in Surrogates(bytes) {
        match chunk {
            Chunk::Text(text) => units.extend(String::from_utf8_lossy(text).encode_utf16()),
            Chunk::Surrogate(unit) => units.push(unit),
        }
    }
    units
}

/// Turns generalised UTF-8 into the UTF-8 that Node.js makes of the same string, in which
/// lone surrogates are U+FFFD. Node.js's `crypto` hashes strings in this form.
pub fn to_utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(bytes).is_ok() {
        return Cow::Borrowed(bytes);
    }
    let mut utf8 = Vec::with_capacity(bytes.len());
    for chunk in Surrogates(bytes) {
        match chunk {
            Chunk::Text(text) => utf8.extend_from_slice(text),
            Chunk::Surrogate(_) => utf8.extend_from_slice(REPLACEMENT),
        }
    }
    Cow::Owned(utf8)
}

/// A part of generalised UTF-8.
enum Chunk<'a> {
    Text(&'a [u8]),
    Surrogate(u16),
}

/// Splits generalised UTF-8 into lone surrogates and the text between them.
struct Surrogates<'a>(&'a [u8]);

impl<'a> Iterator for Surrogates<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let bytes = self.0;
        if let Some(unit) = leading_surrogate(bytes) {
            self.0 = &bytes[3..];
            return Some(Chunk::Surrogate(unit));
        }
        let end = (1..bytes.len())
            .find(|&at| leading_surrogate(&bytes[at..]).is_some())
            .unwrap_or(bytes.len());
        let (text, rest) = bytes.split_at(end);
        self.0 = rest;
        (!text.is_empty()).then_some(Chunk::Text(text))
    }
}

/// Returns the surrogate, U+D800 to U+DFFF, that `bytes` begin with. In generalised UTF-8 it
/// is three bytes: `ED`, `A0` to `BF`, and `80` to `BF`.
fn leading_surrogate(bytes: &[u8]) -> Option<u16> {
    match *bytes {
        [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ..] => {
            Some(0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lone_surrogates_survive() {
        let units = [0x61, 0xD800, 0x62, 0xDC00, 0xD83D, 0xDE00, 0xDFFF];
        assert_eq!(to_utf16(&from_utf16(&units)), units);
    }

    #[test]
    fn lone_surrogates_are_hashed_as_node_hashes_them() {
        let bytes = from_utf16(&[0x61, 0xD800, 0x62]);
        assert_eq!(&*to_utf8(&bytes), "a\u{FFFD}b".as_bytes());
    }

    proptest! {
        #[test]
        fn any_units_survive(units: Vec<u16>) {
            prop_assert_eq!(to_utf16(&from_utf16(&units)), units);
        }

        #[test]
        fn valid_text_is_plain_utf8(text: String) {
            let units: Vec<u16> = text.encode_utf16().collect();
            prop_assert_eq!(from_utf16(&units), text.as_bytes());
        }

        #[test]
        fn any_bytes_decode(bytes: Vec<u8>) {
            to_utf16(&bytes);
            to_utf8(&bytes);
        }
    }
}
