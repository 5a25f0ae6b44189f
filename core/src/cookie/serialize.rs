//! Writes the `Set-Cookie` header, byte for byte as npm `cookie` 0.7.2 does.
//!
//! ```text
//! set-cookie-string = cookie-pair *( ";" SP cookie-av )   ; RFC 6265 section 4.1.1
//! ```

use super::percent;
use crate::date;
use crate::error::Error;

/// The value of the `Priority` attribute (draft-west-cookie-priority-00).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// The browser evicts the cookie first.
    Low,
    /// The priority of a cookie without the attribute.
    Medium,
    /// The browser evicts the cookie last.
    High,
}

/// The value of the `SameSite` attribute (RFC 6265bis).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// The browser sends the cookie with same-site requests and top-level navigations.
    Lax,
    /// The browser sends the cookie with every request.
    None,
    /// The browser sends the cookie with same-site requests only.
    Strict,
}

/// An attribute as a JavaScript program gave it: not at all, with a valid value, or with one
/// that is none of those that the attribute can have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Attribute<T> {
    /// The attribute is not written.
    #[default]
    Absent,
    /// The value is invalid: the header is refused with the attribute's [`Error`].
    Invalid,
    /// The attribute is written with this value.
    Value(T),
}

/// The attributes of a cookie, in the order in which they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Attributes<'a> {
    /// `Max-Age`, in seconds, a whole number.
    pub max_age: Attribute<f64>,
    /// `Domain`.
    pub domain: Option<&'a [u8]>,
    /// `Path`.
    pub path: Option<&'a [u8]>,
    /// `Expires`, in ms since the epoch.
    pub expires: Attribute<f64>,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `Secure`.
    pub secure: bool,
    /// `Partitioned`.
    pub partitioned: bool,
    /// `Priority`.
    pub priority: Attribute<Priority>,
    /// `SameSite`.
    pub same_site: Attribute<SameSite>,
}

/// The value of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The value is percent-encoded before it is written.
    Plain(&'a [u8]),
    /// The caller has encoded the value: it is written as it is.
    Encoded(&'a [u8]),
}

/// Writes the text of a `Set-Cookie` header.
///
/// # Errors
/// The [`Error`] of the first of name, value and attributes, in this order, that is invalid.
pub fn set_cookie(
    name: &[u8],
    value: Value<'_>,
    attributes: &Attributes<'_>,
) -> Result<Vec<u8>, Error> {
    if !is_token(name) {
        return Err(Error::Name);
    }
    let mut header = Vec::with_capacity(192);
    header.extend_from_slice(name);
    header.push(b'=');
    match value {
        Value::Plain(text) => header.append(&mut percent::encode(text)?),
        Value::Encoded(text) if is_cookie_value(text) => header.extend_from_slice(text),
        Value::Encoded(_) => return Err(Error::Value),
    }
    write_attributes(&mut header, attributes)?;
    Ok(header)
}

fn write_attributes(header: &mut Vec<u8>, attributes: &Attributes<'_>) -> Result<(), Error> {
    match attributes.max_age {
        Attribute::Absent => {}
        Attribute::Value(seconds) if seconds.is_finite() => {
            write(header, "; Max-Age=", number(seconds).as_bytes());
        }
        _ => return Err(Error::MaxAge),
    }
    match attributes.domain {
        None => {}
        Some(domain) if is_domain(domain) => write(header, "; Domain=", domain),
        Some(_) => return Err(Error::Domain),
    }
    match attributes.path {
        None => {}
        Some(path) if is_path(path) => write(header, "; Path=", path),
        Some(_) => return Err(Error::Path),
    }
    match attributes.expires {
        Attribute::Absent => {}
        Attribute::Value(time) if time.abs() <= date::MAX_TIME as f64 => {
            write(
                header,
                "; Expires=",
                date::utc_string(time as i64).as_bytes(),
            );
        }
        _ => return Err(Error::Expires),
    }
    for (flag, text) in [
        (attributes.http_only, "; HttpOnly"),
        (attributes.secure, "; Secure"),
        (attributes.partitioned, "; Partitioned"),
    ] {
        if flag {
            write(header, text, b"");
        }
    }
    match attributes.priority {
        Attribute::Absent => {}
        Attribute::Invalid => return Err(Error::Priority),
        Attribute::Value(Priority::Low) => write(header, "; Priority=", b"Low"),
        Attribute::Value(Priority::Medium) => write(header, "; Priority=", b"Medium"),
        Attribute::Value(Priority::High) => write(header, "; Priority=", b"High"),
    }
    match attributes.same_site {
        Attribute::Absent => {}
        Attribute::Invalid => return Err(Error::SameSite),
        Attribute::Value(SameSite::Lax) => write(header, "; SameSite=", b"Lax"),
        Attribute::Value(SameSite::None) => write(header, "; SameSite=", b"None"),
        Attribute::Value(SameSite::Strict) => write(header, "; SameSite=", b"Strict"),
    }
    Ok(())
}

fn write(header: &mut Vec<u8>, text: &str, value: &[u8]) {
    header.extend_from_slice(text.as_bytes());
    header.extend_from_slice(value);
}

/// Writes a whole number as `Number.prototype.toString` does (ECMA-262 section 6.1.6.1.20).
fn number(value: f64) -> String {
    if value.abs() >= 1e21 {
        format!("{value:e}").replace('e', "e+")
    } else {
        // Adding zero turns -0 into 0, which is how JavaScript prints it.
        (value + 0.0).to_string()
    }
}

/// Whether `name` is a cookie-name, which is a token (RFC 7230 section 3.2.6).
fn is_token(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// Whether `value` is a cookie-value (RFC 6265 section 4.1.1):
///
/// ```text
/// cookie-value = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE )
/// cookie-octet = %x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E
/// ```
fn is_cookie_value(value: &[u8]) -> bool {
    let octets = match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    };
    octets
        .iter()
        .all(|byte| matches!(byte, 0x21 | 0x23..=0x2B | 0x2D..=0x3A | 0x3C..=0x5B | 0x5D..=0x7E))
}

/// Whether `domain` is a domain name: labels of 1 to 63 letters, digits and inner hyphens,
/// joined by dots (RFC 1034 section 3.5, RFC 1123 section 2.1). It may have one leading dot,
/// as older browsers wanted.
fn is_domain(domain: &[u8]) -> bool {
    domain
        .strip_prefix(b".")
        .unwrap_or(domain)
        .split(|&byte| byte == b'.')
        .all(|label| match label {
            [] => false,
            [first, .., last]
                if !first.is_ascii_alphanumeric() || !last.is_ascii_alphanumeric() =>
            {
                false
            }
            [only] if !only.is_ascii_alphanumeric() => false,
            _ => {
                label.len() <= 63
                    && label
                        .iter()
                        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            }
        })
}

/// Whether `path` is printable ASCII without `;` and `<`. RFC 6265 section 4.1.1 forbids
/// controls and `;` only; npm `cookie` 0.7.2 refuses `<`, too.
fn is_path(path: &[u8]) -> bool {
    path.iter()
        .all(|byte| matches!(byte, 0x20..=0x3A | 0x3D..=0x7E))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::cookie::Cookie;
    use proptest::prelude::*;

    fn text(attributes: &Attributes<'_>) -> Result<String, Error> {
        set_cookie(b"sid", Value::Plain(b"s:a.b+c/d"), attributes)
            .map(|header| String::from_utf8_lossy(&header).into_owned())
    }

    #[test]
    fn writes_every_attribute_in_order() {
        let header = text(&Attributes {
            max_age: Attribute::Value(60.0),
            domain: Some(b".example.com"),
            path: Some(b"/"),
            expires: Attribute::Value(1_700_000_000_000.0),
            http_only: true,
            secure: true,
            partitioned: true,
            priority: Attribute::Value(Priority::High),
            same_site: Attribute::Value(SameSite::Lax),
        });
        assert_eq!(
            header.as_deref(),
            Ok(
                "sid=s%3Aa.b%2Bc%2Fd; Max-Age=60; Domain=.example.com; Path=/; \
                Expires=Tue, 14 Nov 2023 22:13:20 GMT; HttpOnly; Secure; Partitioned; \
                Priority=High; SameSite=Lax"
            )
        );
    }

    #[test]
    fn writes_dates_as_javascript_does() {
        for (time, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (951_782_400_000, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (-62_198_755_200_000, "Fri, 01 Jan -0001 00:00:00 GMT"),
            (date::MAX_TIME, "Sat, 13 Sep 275760 00:00:00 GMT"),
            (-date::MAX_TIME, "Tue, 20 Apr -271821 00:00:00 GMT"),
        ] {
            assert_eq!(date::utc_string(time), expected);
        }
    }

    #[test]
    fn writes_numbers_as_javascript_does() {
        for (value, expected) in [
            (-0.0, "0"),
            (-5.0, "-5"),
            (1e20, "100000000000000000000"),
            (1.5e21, "1.5e+21"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn refuses_the_first_thing_that_is_wrong() {
        let wrong = Attributes {
            max_age: Attribute::Invalid,
            domain: Some(b"a..b"),
            path: Some(b"/;"),
            ..Attributes::default()
        };
        assert_eq!(
            set_cookie(b"a b", Value::Plain(b""), &wrong),
            Err(Error::Name)
        );
        assert_eq!(text(&wrong), Err(Error::MaxAge));
        let wrong = Attributes {
            max_age: Attribute::Absent,
            ..wrong
        };
        assert_eq!(text(&wrong), Err(Error::Domain));
        let wrong = Attributes {
            domain: None,
            ..wrong
        };
        assert_eq!(text(&wrong), Err(Error::Path));
    }

    #[test]
    fn knows_a_domain() {
        let longest = [b'a'; 63];
        let too_long = [b'a'; 64];
        for domain in [&b"a"[..], b"localhost", b".a.b-c.d", b"1.2", &longest] {
            assert!(is_domain(domain));
        }
        for domain in [
            &b"."[..],
            b"..a",
            b"a.",
            b"-a",
            b"a-",
            b"a_b",
            b"a b",
            &too_long,
        ] {
            assert!(!is_domain(domain));
        }
    }

    proptest! {
        /// An independent reader finds what was written.
        #[test]
        fn the_cookie_crate_reads_it(
            value: String,
            path in "/[a-z/]{0,8}",
            http_only: bool,
            secure: bool,
            seconds in 0u32..,
        ) {
            let header = set_cookie(b"sid", Value::Plain(value.as_bytes()), &Attributes {
                path: Some(path.as_bytes()),
                expires: Attribute::Value(f64::from(seconds) * 1000.0),
                http_only,
                secure,
                ..Attributes::default()
            });
            let header = String::from_utf8(header.unwrap_or_default()).unwrap_or_default();
            let cookie = Cookie::parse_encoded(header).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(cookie.name(), "sid");
            prop_assert_eq!(cookie.value(), value);
            prop_assert_eq!(cookie.path(), Some(&path[..]));
            prop_assert_eq!(cookie.http_only(), http_only.then_some(true));
            prop_assert_eq!(cookie.secure(), secure.then_some(true));
            prop_assert_eq!(cookie.expires_datetime().map(|at| at.unix_timestamp()), Some(i64::from(seconds)));
        }

        #[test]
        fn any_text_is_written_or_refused(name: Vec<u8>, value: Vec<u8>, domain: Vec<u8>, path: Vec<u8>, max_age: f64, expires: f64) {
            let attributes = Attributes {
                max_age: Attribute::Value(max_age),
                domain: Some(&domain),
                path: Some(&path),
                expires: Attribute::Value(expires),
                ..Attributes::default()
            };
            for value in [Value::Plain(&value), Value::Encoded(&value)] {
                if let Ok(header) = set_cookie(&name, value, &attributes) {
                    prop_assert!(header.iter().all(|byte| matches!(byte, 0x20..=0x7E)));
                }
            }
        }
    }
}
