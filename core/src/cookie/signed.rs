//! The session cookie in a `Cookie` header.

use std::borrow::Cow;

use super::parse;
use crate::signature::{self, Key};

/// What stands before a signed value.
pub const PREFIX: &[u8] = b"s:";

/// How many cookies of one name are tried. A browser that keeps old ones sends one for
/// each path and each domain that the page is in; a header that has more is no browser's,
/// and must not cost more.
const MAX_TRIED: usize = 16;

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
    for value in parse::values(header, name).take(MAX_TRIED) {
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
mod tests;
