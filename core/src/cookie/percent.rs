//! Percent-encoding as ECMAScript's `encodeURIComponent` and
//! `decodeURIComponent` do it (ECMA-262 section 19.2.6).

use std::borrow::Cow;

use crate::error::Error;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Percent-encodes every byte of `text` that is no ASCII letter or digit and none of
/// `- _ . ! ~ * ' ( )`.
///
/// # Errors
/// [`Error::MalformedUri`] if the text has a lone surrogate.
pub fn encode(text: &[u8]) -> Result<Vec<u8>, Error> {
    if std::str::from_utf8(text).is_err() {
        return Err(Error::MalformedUri);
    }
    let mut encoded = Vec::with_capacity(text.len() + 16);
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(byte);
        } else {
            encoded.push(b'%');
            encoded.push(HEX[usize::from(byte >> 4)]);
            encoded.push(HEX[usize::from(byte & 15)]);
        }
    }
    Ok(encoded)
}

/// Decodes every escape of `text`. `None` if a `%` is not followed by two hexadecimal digits,
/// or if consecutive escapes are not valid UTF-8.
pub fn decode(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(first) = escape_in(text) else {
        return Some(Cow::Borrowed(text));
    };
    let mut decoded = Vec::with_capacity(text.len());
    decoded.extend_from_slice(&text[..first]);
    let mut rest = &text[first..];
    while !rest.is_empty() {
        // A character may take several escapes, so consecutive ones are checked together.
        let run = decoded.len();
        while let [b'%', escape @ ..] = rest {
            let [high, low, after @ ..] = escape else {
                return None;
            };
            decoded.push(hex(*high)? << 4 | hex(*low)?);
            rest = after;
        }
        std::str::from_utf8(&decoded[run..]).ok()?;
        let (plain, after) = rest.split_at(escape_in(rest).unwrap_or(rest.len()));
        decoded.extend_from_slice(plain);
        rest = after;
    }
    Some(Cow::Owned(decoded))
}

/// Returns where in `text` the first escape begins.
fn escape_in(text: &[u8]) -> Option<usize> {
    memchr::memchr(b'%', text)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_utf8() {
        for text in [
            "%",
            "%4",
            "%4g",
            "%E9",
            "%C3",
            "%C3x",
            "%C3é",
            "%ED%A0%80",
            "%C0%80",
            "%F5%80%80%80",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decodes_what_it_encodes(text: String) {
            let encoded = encode(text.as_bytes()).unwrap_or_default();
            let decoded = decode(&encoded);
            prop_assert_eq!(decoded.as_deref(), Some(text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_read(text: Vec<u8>) {
            decode(&text);
        }
    }
}
