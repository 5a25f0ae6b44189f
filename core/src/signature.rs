//! Signs values and verifies signatures as npm `cookie-signature` 1.0.7 does.
//!
//! A signed value is the value, a dot and its signature: HMAC-SHA256 (RFC 2104) of the value,
//! in base64 without padding (RFC 4648 section 4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::Error;
use crate::wtf8;

/// The bytes of an HMAC-SHA256 tag.
const TAG: usize = 32;
/// The characters of a tag in base64 without padding.
const ENCODED_TAG: usize = 43;

/// A secret that is prepared for signing: HMAC's inner and outer hash have taken it in.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Prepares a secret of any length, also an empty one.
    ///
    /// # Errors
    /// [`Error::Secret`] if the HMAC implementation refuses the length. The one in use refuses
    /// none.
    pub fn new(secret: &[u8]) -> Result<Key, Error> {
        Hmac::new_from_slice(secret)
            .map(Key)
            .map_err(|_| Error::Secret)
    }

    /// Returns the HMAC of `value` in UTF-8, before its last step.
    fn mac(&self, value: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(&wtf8::to_utf8(value));
        mac
    }
}

/// Returns `value` with a dot and its signature by `key` behind it.
pub fn sign(value: &[u8], key: &Key) -> Vec<u8> {
    let tag = key.mac(value).finalize().into_bytes();
    let mut signed = Vec::with_capacity(value.len() + 1 + ENCODED_TAG);
    signed.extend_from_slice(value);
    signed.push(b'.');
    signed.extend_from_slice(STANDARD_NO_PAD.encode(tag).as_bytes());
    signed
}

/// Returns the value of a signed text. `None` if none of the keys made its signature.
///
/// The keys are tried in their order: the first is the newest, the others are those that it
/// replaces. Comparing two signatures takes the same time wherever they differ.
pub fn unsign<'v>(signed: &'v [u8], keys: &[Key]) -> Option<&'v [u8]> {
    let dot = memchr::memrchr(b'.', signed)?;
    let value = &signed[..dot];
    let mut tag = [0; TAG];
    // The decoder refuses padding and stray low bits, so a tag has one text only, and
    // comparing tags is comparing signatures.
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
