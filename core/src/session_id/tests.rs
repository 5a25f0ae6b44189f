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
