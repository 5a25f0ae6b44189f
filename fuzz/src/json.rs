//! The members of a JSON object and where they stand, read by `serde_json`.

use std::ops::Range;

use serde_json::{Deserializer, Value};

/// A key and its value.
pub struct Member {
    pub key: String,
    /// Whether the key stands there as it is.
    pub is_plain: bool,
    pub value: Value,
    /// Where the value's text is.
    pub place: Range<usize>,
}

/// The members of an object in their order, also those whose key comes again. `None` if
/// the text is no JSON object, or one that `serde_json` refuses and JavaScript does not:
/// lone surrogates, and nesting that is deeper than 128.
pub fn members(text: &[u8]) -> Option<Vec<Member>> {
    if !serde_json::from_slice::<Value>(text).ok()?.is_object() {
        return None;
    }
    let mut members = Vec::new();
    let mut at = after(text, 0, b'{');
    while text[blank(text, at)] != b'}' {
        let (key, place) = value(text, at)?;
        let key = key.as_str()?.to_owned();
        let is_plain = text[place.clone()] == *format!("\"{key}\"").as_bytes();
        let (value, place) = value(text, after(text, place.end, b':'))?;
        at = blank(text, place.end);
        if text[at] == b',' {
            at += 1;
        }
        members.push(Member {
            key,
            is_plain,
            value,
            place,
        });
    }
    Some(members)
}

/// The first value from a place on, and where its text is.
pub fn value(text: &[u8], at: usize) -> Option<(Value, Range<usize>)> {
    let at = blank(text, at);
    let mut values = Deserializer::from_slice(&text[at..]).into_iter();
    let value = values.next()?.ok()?;
    Some((value, at..at + values.byte_offset()))
}

/// The place of the next byte that is no blank.
fn blank(text: &[u8], at: usize) -> usize {
    let blanks = text[at..].iter();
    at + blanks.take_while(|byte| b" \t\r\n".contains(byte)).count()
}

/// The place after a byte that must come next.
fn after(text: &[u8], at: usize, byte: u8) -> usize {
    let at = blank(text, at);
    assert_eq!(text[at], byte);
    at + 1
}

/// Whether there are blanks outside of strings, which `JSON.stringify` does not write.
pub fn has_blanks(json: &[u8]) -> bool {
    let mut is_string = false;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_string = !is_string,
            b'\\' => {
                bytes.next();
            }
            b' ' | b'\t' | b'\r' | b'\n' if !is_string => return true,
            _ => {}
        }
    }
    false
}
