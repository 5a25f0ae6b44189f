//! Signed values: `value.signature`, as npm `cookie-signature` 1.0.7 makes them.
//!
//! The signature is HMAC-SHA256 of the value, in base64 without padding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::Error;
use crate::wtf8;

/// Bytes of an HMAC-SHA256 tag.
const TAG: usize = 32;
/// Characters of a tag in base64 without padding.
const ENCODED_TAG: usize = 43;

/// A secret, prepared once: both hash states of HMAC already hold it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Prepares a secret of any length, also an empty one.
    ///
    /// # Errors
    /// [`Error::Secret`] if the HMAC implementation refuses the length; the one
    /// in use refuses none.
    pub fn new(secret: &[u8]) -> Result<Key, Error> {
        Hmac::new_from_slice(secret)
            .map(Key)
            .map_err(|_| Error::Secret)
    }

    fn mac(&self, value: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(&wtf8::to_utf8(value));
        mac
    }
}

/// Appends a dot and the signature of `value` to it.
pub fn sign(value: &[u8], key: &Key) -> Vec<u8> {
    let tag = key.mac(value).finalize().into_bytes();
    let mut signed = Vec::with_capacity(value.len() + 1 + ENCODED_TAG);
    signed.extend_from_slice(value);
    signed.push(b'.');
    signed.extend_from_slice(STANDARD_NO_PAD.encode(tag).as_bytes());
    signed
}

/// The value of a signed text, if one of the keys made its signature.
///
/// Keys are tried in order, which is how secrets rotate. The comparison takes
/// the same time wherever the signatures differ.
pub fn unsign<'v>(signed: &'v [u8], keys: &[Key]) -> Option<&'v [u8]> {
    let dot = memchr::memrchr(b'.', signed)?;
    let value = &signed[..dot];
    let mut tag = [0; TAG];
    // A text has one tag and a tag has one text: the engine refuses padding and
    // stray low bits, so comparing tags is comparing signatures.
    match STANDARD_NO_PAD.decode_slice(&signed[dot + 1..], &mut tag) {
        Ok(TAG) => keys
            .iter()
            .any(|key| key.mac(value).verify_slice(&tag).is_ok())
            .then_some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
