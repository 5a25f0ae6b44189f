//! The `Cookie` header, against a reader that makes a list of all its cookies, and
//! against the `cookie` crate.

use cookie::Cookie;
use express_session_core::cookie::parse;

use super::{cut, percent, same_if_any};

/// The name that npm `express-session` gives its cookie.
const USUAL: &[u8] = b"connect.sid";

/// Reads a name, a line feed and a header; a header without a name is asked for
/// `connect.sid`. Then asks for every cookie that the header has.
pub fn check(input: &[u8]) {
    let (name, header) = match cut(input, b'\n') {
        (name, Some(header)) => (name, header),
        (header, None) => (USUAL, header),
    };
    let cookies = cookies(header);
    one(header, name, &cookies);
    for (name, _) in cookies.iter().take(MOST) {
        one(header, name, &cookies);
    }
}

/// Each look-up reads all of the header, so more of them would make long headers slow to
/// check and find nothing that those do not.
const MOST: usize = 12;

fn one(header: &[u8], name: &[u8], cookies: &[(&[u8], &[u8])]) {
    let raw = first(cookies, name).filter(|_| header.len() >= 2 && name != b"__proto__");
    let found = parse::values(header, name).next();
    let expected = raw.map(decoded);
    same_if_any(found.as_deref(), expected.as_deref());
    if let (Some(raw), Some(found)) = (raw, &found) {
        assert!(found.len() <= raw.len(), "decoding makes nothing longer");
        as_the_cookie_crate(name, raw, found);
    }
    if header.len() >= 2 {
        // What another site of the domain adds comes too late.
        let tossed = [header, b"; ", name, b"=tossed"].concat();
        let again = parse::values(&tossed, name).next();
        match &found {
            Some(found) => assert_eq!(again.as_ref(), Some(found)),
            None if is_token(name) && name != b"__proto__" => {
                assert_eq!(again.as_deref(), Some(&b"tossed"[..]));
            }
            None => {}
        }
    }
}

fn first<'h>(cookies: &[(&[u8], &'h [u8])], name: &[u8]) -> Option<&'h [u8]> {
    cookies
        .iter()
        .find(|(other, _)| *other == name)
        .map(|&(_, raw)| raw)
}

/// The names and values of a header, blanks around them dropped.
fn cookies(header: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut cookies = Vec::new();
    for piece in header.split(|&byte| byte == b';') {
        if let (name, Some(value)) = cut(piece, b'=') {
            cookies.push((bare(name), bare(value)));
        }
    }
    cookies
}

fn bare(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// What the value of a cookie stands for.
fn decoded(raw: &[u8]) -> Vec<u8> {
    let is_quoted = raw.starts_with(b"\"") && raw.ends_with(b"\"");
    let inner = if is_quoted {
        raw.get(1..raw.len() - 1).unwrap_or_default()
    } else {
        raw
    };
    percent::decoded(inner).unwrap_or_else(|| inner.to_vec())
}

/// Where the RFC's grammar is kept, and nothing is left to the reader's tolerance, an
/// independent reader finds the same.
fn as_the_cookie_crate(name: &[u8], raw: &[u8], found: &[u8]) {
    let Some(text) = regular(name, raw) else {
        return;
    };
    match Cookie::parse_encoded(text) {
        Ok(cookie) => {
            assert_eq!(cookie.name().as_bytes(), name);
            assert_eq!(cookie.value_trimmed().as_bytes(), found);
        }
        // It is no UTF-8, which npm `cookie` leaves as it is.
        Err(_) => assert_eq!(
            raw.strip_prefix(b"\"").unwrap_or(raw).get(..found.len()),
            Some(found)
        ),
    }
}

/// The pair, if both readers must understand the same by it: a token without escapes,
/// and octets that the RFC allows, in quotes or not, with whole escapes.
fn regular(name: &[u8], raw: &[u8]) -> Option<String> {
    let octets = match raw {
        [b'"', inner @ .., b'"'] => inner,
        _ => raw,
    };
    let is_octet = |byte: &u8| byte.is_ascii_graphic() && !b"\",;\\".contains(byte);
    let text = String::from_utf8([name, b"=", raw].concat()).ok()?;
    let escapes_are_whole = text.split('%').skip(1).all(|after| {
        // An escaped quote becomes one that the crate takes for a quote around the value.
        after.get(..2).is_some_and(|digits| {
            digits != "22" && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
    });
    (is_token(name) && !name.contains(&b'%') && octets.iter().all(is_octet) && escapes_are_whole)
        .then_some(text)
}

/// `token` of RFC 7230 section 3.2.6.
fn is_token(name: &[u8]) -> bool {
    let is_separator = |byte: &u8| b"\"(),/:;<=>?@[\\]{}".contains(byte);
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !is_separator(byte))
}
