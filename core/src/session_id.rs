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
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn is_32_url_safe_characters() {
        for _ in 0..1000 {
            let id = session_id();
            assert_eq!(id.len(), 32);
            assert!(
                id.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            );
        }
    }

    #[test]
    fn does_not_repeat() {
        let ids: HashSet<String> = (0..10_000).map(|_| session_id()).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn uses_every_bit() {
        let (mut or, mut and) = ([0; BYTES], [0xFF; BYTES]);
        for _ in 0..1000 {
            let bytes = URL_SAFE_NO_PAD.decode(session_id()).unwrap_or_default();
            for (at, byte) in bytes.into_iter().enumerate() {
                or[at] |= byte;
                and[at] &= byte;
            }
        }
        assert_eq!((or, and), ([0xFF; BYTES], [0; BYTES]));
    }
}
