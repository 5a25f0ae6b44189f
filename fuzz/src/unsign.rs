//! Signed values, against RFC 2104 and RFC 4648 written down.

use express_session_core::signature::{self, Key};
use express_session_core::wtf8;
use sha2::{Digest, Sha256};

use super::{cut, same, same_if_any};

/// Characters of a tag in base64 without padding.
const ENCODED_TAG: usize = 43;

/// Reads three lines: secrets with tabs between them, edits, and a text, which may have
/// line feeds.
///
/// The text is unsigned as it came, as a forger would send it. Then it is signed, the
/// edits change the signed text, and that is unsigned: so the engine sees many texts
/// that nearly have the signature, which no mutation of a file would find.
pub fn check(input: &[u8]) {
    let (secrets, rest) = cut(input, b'\n');
    let (edits, text) = cut(rest.unwrap_or_default(), b'\n');
    let text = text.unwrap_or_default();
    let secrets: Vec<&[u8]> = secrets.split(|&byte| byte == b'\t').take(3).collect();
    let keys: Vec<Key> = secrets.iter().map(|secret| key(secret)).collect();

    agrees(text, &keys, &secrets);
    for (at, key) in keys.iter().enumerate() {
        let signed = signature::sign(text, key);
        same(&signed, &sign(text, secrets[at]));
        assert_eq!(signature::unsign(&signed, &keys), Some(text));
        assert_eq!(signature::unsign(&signed, &[]), None);
        agrees(&signed, &keys[..at], &secrets[..at]);
        agrees(&edited(&signed, edits), &keys, &secrets);
        agrees(&nearly(&signed, edits, secrets[at]), &keys, &secrets);
    }
    javascript_strings(text, &keys[0], secrets[0]);
}

fn key(secret: &[u8]) -> Key {
    Key::new(secret).unwrap_or_else(|error| unreachable!("{error}"))
}

/// The engine accepts a text exactly if it is what signing its value makes of it.
fn agrees(signed: &[u8], keys: &[Key], secrets: &[&[u8]]) {
    let dot = signed.iter().rposition(|&byte| byte == b'.');
    let value = dot.map(|dot| &signed[..dot]);
    let expected = value.filter(|value| secrets.iter().any(|secret| sign(value, secret) == signed));
    same_if_any(signature::unsign(signed, keys), expected);
}

/// Each pair of bytes changes a byte counted from the end, puts one in or takes one out.
fn edited(signed: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut text = signed.to_vec();
    for edit in edits.chunks_exact(2) {
        let place = text.len().saturating_sub(1 + usize::from(edit[0] & 0x3F));
        match edit[0] >> 6 {
            2 => text.insert(place, edit[1]),
            3 if place < text.len() => {
                text.remove(place);
            }
            _ => {
                if let Some(byte) = text.get_mut(place) {
                    *byte ^= edit[1];
                }
            }
        }
    }
    text
}

/// A signed text whose tag differs from the right one in one bit of its 256. The edits say
/// which, but what they make here is well-formed base64, unlike most of what they do to a
/// signed text.
fn nearly(signed: &[u8], edits: &[u8], secret: &[u8]) -> Vec<u8> {
    let text = &signed[..signed.len() - ENCODED_TAG];
    let value = &text[..text.len() - 1];
    let bit = edits
        .iter()
        .fold(255u8, |sum, byte| sum.wrapping_add(*byte));
    let mut tag = hmac(secret, &without_surrogates(value));
    tag[usize::from(bit / 8)] ^= 1 << (7 - bit % 8);
    let forged = [text, base64(&tag).as_bytes()].concat();
    assert!(forged.len() == signed.len() && forged != signed);
    forged
}

/// A string is signed as Node.js hashes it, and comes back as it was, whatever its units.
fn javascript_strings(bytes: &[u8], key: &Key, secret: &[u8]) {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let text = wtf8::from_utf16(&units);
    assert_eq!(wtf8::to_utf16(&text), units);
    let signed = signature::sign(&text, key);
    let hashed = String::from_utf16_lossy(&units);
    assert_eq!(*wtf8::to_utf8(&text), *hashed.as_bytes());
    let tag = format!(".{}", base64(&hmac(secret, hashed.as_bytes())));
    same_if_any(signed.strip_prefix(&text[..]), Some(tag.as_bytes()));
}

/// What npm `cookie-signature` 1.0.7 makes of a value.
fn sign(value: &[u8], secret: &[u8]) -> Vec<u8> {
    let tag = base64(&hmac(secret, &without_surrogates(value)));
    [value, b".", tag.as_bytes()].concat()
}

/// The bytes with U+FFFD for each surrogate in them, which is three bytes as it is.
fn without_surrogates(value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    for at in 0..value.len() {
        if let [0xED, 0xA0..=0xBF, 0x80..=0xBF] = value[at..value.len().min(at + 3)] {
            value[at..at + 3].copy_from_slice("\u{FFFD}".as_bytes());
        }
    }
    value
}

/// HMAC of RFC 2104, with SHA-256.
fn hmac(secret: &[u8], text: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut key = if secret.len() > BLOCK {
        Sha256::digest(secret).to_vec()
    } else {
        secret.to_vec()
    };
    key.resize(BLOCK, 0);
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([&pad(0x36), text].concat());
    Sha256::digest([&pad(0x5C)[..], &inner].concat()).to_vec()
}

/// Base64 of RFC 4648 section 4, without padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        // Each byte begins one character more than there are bytes.
        for at in 0..=three.len() as u32 {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}
