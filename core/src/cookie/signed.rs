//! The session cookie in a `Cookie` header.

use std::borrow::Cow;

use super::parse;
use crate::signature::{self, Key};

/// What stands before a signed value.
pub const PREFIX: &[u8] = b"s:";

/// How many cookies of one name are tried. A browser that keeps old ones sends one for
/// each path and each domain that the page is in; a header that has more is no browser's,
/// and must not cost more.
const MOST: usize = 16;

/// Why a header gives no signed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no cookie of the name, or an empty one.
    Absent,
    /// The cookie is not signed.
    Unsigned,
    /// None of the keys made the signature.
    Forged,
}

/// The signed value of the cookie called `name`, without its signature. It may be empty.
///
/// Of several cookies of the name the first counts that one of the keys signed: browsers
/// send an old one, which stays for another path or a parent domain, before or after the
/// one that was set last (RFC 6265 section 4.2.2 says that servers should not rely on the
/// order).
///
/// # Errors
/// What is wrong with the first cookie of the name, if none is signed.
pub fn open<'h>(header: &'h [u8], name: &[u8], keys: &[Key]) -> Result<Cow<'h, [u8]>, Refusal> {
    let mut first = None;
    for value in parse::values(header, name).take(MOST) {
        match verified(value, keys) {
            Ok(value) => return Ok(value),
            Err(refusal) => first = first.or(Some(refusal)),
        }
    }
    Err(first.unwrap_or(Refusal::Absent))
}

#[inline]
fn verified<'h>(cookie: Cow<'h, [u8]>, keys: &[Key]) -> Result<Cow<'h, [u8]>, Refusal> {
    if cookie.is_empty() {
        return Err(Refusal::Absent);
    }
    let signed = cookie.strip_prefix(PREFIX).ok_or(Refusal::Unsigned)?;
    let value = signature::unsign(signed, keys).ok_or(Refusal::Forged)?;
    let end = PREFIX.len() + value.len();
    Ok(match cookie {
        Cow::Borrowed(cookie) => Cow::Borrowed(&cookie[PREFIX.len()..end]),
        Cow::Owned(mut cookie) => {
            cookie.truncate(end);
            cookie.drain(..PREFIX.len());
            Cow::Owned(cookie)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(secret: &[u8]) -> Key {
        Key::new(secret).unwrap_or_else(|error| unreachable!("{error}"))
    }

    /// A cookie's value, signed with `secret`.
    fn signed(value: &str, secret: &[u8]) -> String {
        let signed = signature::sign(value.as_bytes(), &key(secret));
        format!("s:{}", String::from_utf8_lossy(&signed))
    }

    /// What a header says whose cookies of one name have these values.
    fn opened(values: &[&str]) -> Result<String, Refusal> {
        let header: Vec<String> = values.iter().map(|value| format!("sid={value}")).collect();
        open(header.join("; ").as_bytes(), b"sid", &[key(b"secret")])
            .map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    #[test]
    fn opens_a_signed_cookie() {
        let good = signed("id", b"secret");
        assert_eq!(opened(&[&good]).as_deref(), Ok("id"));
        assert_eq!(opened(&[&good.replace("s:", "s%3A")]).as_deref(), Ok("id"));
        assert_eq!(opened(&[&signed("", b"secret")]).as_deref(), Ok(""));
        assert_eq!(opened(&[]), Err(Refusal::Absent));
        assert_eq!(opened(&[""]), Err(Refusal::Absent));
        assert_eq!(opened(&[&good[2..]]), Err(Refusal::Unsigned));
        assert_eq!(opened(&[&signed("id", b"other")]), Err(Refusal::Forged));
    }

    #[test]
    fn of_several_the_first_that_is_signed_counts() {
        let (one, two) = (signed("one", b"secret"), signed("two", b"secret"));
        let empty = signed("", b"secret");
        let forged = signed("old", b"other");
        assert_eq!(opened(&[&one, &two]).as_deref(), Ok("one"));
        assert_eq!(opened(&[&one, &forged]).as_deref(), Ok("one"));
        assert_eq!(
            opened(&["", "old", &forged, &two, &one]).as_deref(),
            Ok("two")
        );
        assert_eq!(opened(&[&empty, &one]).as_deref(), Ok(""));
        assert_eq!(opened(&["old", &empty, &one]).as_deref(), Ok(""));
    }

    #[test]
    fn without_a_signed_one_the_first_says_why() {
        let forged = signed("old", b"other");
        assert_eq!(opened(&["", "old", &forged]), Err(Refusal::Absent));
        assert_eq!(opened(&["old", &forged, ""]), Err(Refusal::Unsigned));
        assert_eq!(opened(&[&forged, "old", ""]), Err(Refusal::Forged));
    }

    #[test]
    fn no_more_than_sixteen_are_tried() {
        let good = signed("id", b"secret");
        let mut values = vec!["old"; 15];
        values.push(&good);
        assert_eq!(opened(&values).as_deref(), Ok("id"));
        values.insert(0, "old");
        assert_eq!(opened(&values), Err(Refusal::Unsigned));
    }

    proptest! {
        #[test]
        fn any_header_is_opened(header: Vec<u8>, name: Vec<u8>) {
            prop_assert!(open(&header, &name, &[key(b"secret")]).is_err());
        }
    }
}
