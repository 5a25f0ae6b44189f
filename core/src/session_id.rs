//! Makes session ids.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::CryptoRng;

/// The random bytes of an id: 192 bits, as many as npm `express-session` 1.19.0 asks
/// `uid-safe` for.
const BYTES: usize = 24;

/// Makes a new session id: 24 random bytes, written as 32 characters of URL-safe base64
/// without padding (RFC 4648 section 5).
///
/// The bytes come from the thread's cryptographic generator, which the operating system seeds
/// and reseeds.
pub fn session_id() -> String {
    id_of(&mut rand::rng())
}

/// Makes an id of the bytes of `generator`. The bound keeps out generators that are not
/// cryptographic ones.
fn id_of(generator: &mut impl CryptoRng) -> String {
    let mut bytes = [0; BYTES];
    generator.fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
