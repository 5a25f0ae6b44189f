use super::*;
use proptest::prelude::*;

fn key(secret: &[u8]) -> Key {
    Key::new(secret).unwrap_or_else(|error| unreachable!("{error}"))
}

/// RFC 4231, test case 2.
#[test]
fn signs_the_rfc_4231_vector() {
    assert_eq!(
        sign(b"what do ya want for nothing?", &key(b"Jefe")),
        b"what do ya want for nothing?.W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM"
    );
}

#[test]
fn refuses_what_is_not_exactly_the_signature() {
    let keys = [key(b"secret")];
    let signed = sign(b"value", &keys[0]);
    assert_eq!(unsign(&signed, &keys), Some(&b"value"[..]));
    for at in 0..signed.len() {
        let mut forged = signed.clone();
        forged[at] ^= 1;
        assert_eq!(unsign(&forged, &keys), None, "bit 0 of byte {at}");
    }
    assert_eq!(unsign(&[&signed[..], b"="].concat(), &keys), None);
    assert_eq!(unsign(&signed[..signed.len() - 1], &keys), None);
    assert_eq!(unsign(b"", &keys), None);
    assert_eq!(unsign(b"value", &keys), None);
    assert_eq!(unsign(b"value.", &keys), None);
}

/// The last of 43 characters carries two bits that no tag has.
#[test]
fn refuses_stray_low_bits() {
    let keys = [key(b"secret")];
    let mut signed = sign(b"value", &keys[0]);
    let last = signed.len() - 1;
    let valid = signed[last];
    let accepted: Vec<u8> = (0..=255)
        .filter(|&byte| {
            signed[last] = byte;
            unsign(&signed, &keys).is_some()
        })
        .collect();
    assert_eq!(accepted, [valid]);
}

#[test]
fn no_key_accepts_nothing() {
    assert_eq!(unsign(&sign(b"value", &key(b"secret")), &[]), None);
}

proptest! {
    #[test]
    fn any_key_of_the_list_verifies(value: Vec<u8>, secrets in prop::collection::vec(any::<Vec<u8>>(), 1..4), pick: prop::sample::Index) {
        let keys: Vec<Key> = secrets.iter().map(|secret| key(secret)).collect();
        let signed = sign(&value, &keys[pick.index(keys.len())]);
        prop_assert_eq!(unsign(&signed, &keys), Some(&value[..]));
    }

    #[test]
    fn another_key_does_not(value: Vec<u8>, secret in prop::collection::vec(1u8.., 0..64)) {
        let other = [&secret[..], b"x"].concat();
        let signed = sign(&value, &key(&other));
        prop_assert_eq!(unsign(&signed, &[key(&secret)]), None);
    }
}
