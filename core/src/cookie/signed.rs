//! Finds the session cookie in a `Cookie` header and verifies its signature.

use std::borrow::Cow;

use super::parse;
use crate::signature::{self, Key};

/// What a cookie's value begins with if it is signed, as in npm `express-session` 1.19.0.
pub const PREFIX: &[u8] = b"s:";

/// How many cookies of one name are verified at most. A browser that keeps old cookies of the
/// name sends one for each path and each domain that the page is in; a header with more than
/// these comes from no browser, and must not take more time.
const MAX_TRIED: usize = 16;

/// Why [`open`] found no signed value in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no cookie of the name, or its value is empty.
    Absent,
    /// The value does not begin with [`PREFIX`].
    Unsigned,
    /// The value has no signature that one of the keys made.
    Forged,
}

/// Returns the value that one of `keys` signed in the cookie called `name`, without its
/// signature. The value may be empty.
///
/// If there are several cookies of the name, the first counts that one of the keys signed:
/// a browser sends an old cookie, which it keeps for another path or a parent domain, before
/// or after the one that was set last (RFC 6265 section 4.2.2 says that servers should not
/// rely on the order).
///
/// # Errors
/// The [`Refusal`] of the first cookie of the name if none of them is signed.
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

/// Returns the signed value of one cookie.
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
