//! `encodeURIComponent` and `decodeURIComponent`, step by step as ECMA-262 section
//! 19.2.6 has them.

/// `None` where JavaScript throws.
pub fn encoded(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let mut encoded = String::new();
    for char in text.chars() {
        if char.is_ascii_alphanumeric() || "-_.!~*'()".contains(char) {
            encoded.push(char);
        } else {
            let mut bytes = [0; 4];
            for byte in char.encode_utf8(&mut bytes).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    Some(encoded)
}

/// `None` where JavaScript throws.
pub fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'%' {
            decoded.push(text[at]);
            at += 1;
            continue;
        }
        // The first byte of a character says how many there are.
        let first = escape(text, at)?;
        let length = match first.leading_ones() {
            0 => 1,
            length @ 2..=4 => length as usize,
            _ => return None,
        };
        let character: Option<Vec<u8>> = (0..length)
            .map(|index| escape(text, at + 3 * index))
            .collect();
        let character = String::from_utf8(character?).ok()?;
        assert_eq!(character.chars().count(), 1);
        decoded.extend(character.into_bytes());
        at += 3 * length;
    }
    Some(decoded)
}

/// The byte that `%XX` at this place stands for.
fn escape(text: &[u8], at: usize) -> Option<u8> {
    let escape = std::str::from_utf8(text.get(at..at + 3)?).ok()?;
    let digits = escape.strip_prefix('%')?;
    // `from_str_radix` takes a sign, too.
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}
