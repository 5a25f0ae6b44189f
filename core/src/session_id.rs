//! Session ids.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::CryptoRng;

/// Random bytes in an id: 192 bits, as npm `uid-safe` 2.1.5 is asked for by
/// `express-session` 1.19.0.
const BYTES: usize = 24;

/// A new session id: 32 characters of URL-safe base64 without padding.
///
/// The bytes come from the thread's cryptographic generator, which the
/// operating system seeds and reseeds.
pub fn session_id() -> String {
    id_of(&mut rand::rng())
}

/// The compiler takes no generator that is not a cryptographic one.
fn id_of(generator: &mut impl CryptoRng) -> String {
    let mut bytes = [0; BYTES];
    generator.fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
