use express_session_core::cookie::serialize::{
    self, Attribute, Attributes, Priority, SameSite, Value,
};
use express_session_core::cookie::{percent, signed};
use express_session_core::error::Error;
use express_session_core::signature;
use napi::bindgen_prelude::{Either, Result};
use napi_derive::napi;

use crate::error::js_error;
use crate::signature::Keys;
use crate::text::Text;

/// `unsignCookie` returns this if the header has no cookie of the name, or an empty one.
#[napi]
pub const NO_COOKIE: u32 = 0;
/// `unsignCookie` returns this if the cookie is not signed.
#[napi]
pub const UNSIGNED_COOKIE: u32 = 1;
/// `unsignCookie` returns this if none of the keys made the cookie's signature.
#[napi]
pub const FORGED_COOKIE: u32 = 2;

/// Returns the signed value of the cookie called `name`, without its signature; if there are
/// several such cookies, of the first that one of the keys signed. If there is none, returns
/// `NO_COOKIE`, `UNSIGNED_COOKIE` or `FORGED_COOKIE`.
#[napi(
    catch_unwind,
    ts_args_type = "header: string, name: string, keys: object",
    ts_return_type = "string | number"
)]
pub fn unsign_cookie(header: Text, name: Text, keys: &Keys) -> Either<Text, u32> {
    match signed::open(&header, &name, keys) {
        Ok(sid) => Either::A(sid.into_owned().into()),
        Err(refusal) => Either::B(refusal_number(refusal)),
    }
}

/// Returns the number by which JavaScript knows a refusal.
pub fn refusal_number(refusal: signed::Refusal) -> u32 {
    match refusal {
        signed::Refusal::Absent => NO_COOKIE,
        signed::Refusal::Unsigned => UNSIGNED_COOKIE,
        signed::Refusal::Forged => FORGED_COOKIE,
    }
}

/// Bit of `serializeCookie`: the cookie has the attribute `HttpOnly`.
#[napi]
pub const COOKIE_HTTP_ONLY: u32 = 1;
/// Bit of `serializeCookie`: the cookie has the attribute `Secure`.
#[napi]
pub const COOKIE_SECURE: u32 = 1 << 1;
/// Bit of `serializeCookie`: the cookie has the attribute `Partitioned`.
#[napi]
pub const COOKIE_PARTITIONED: u32 = 1 << 2;
/// Bit of `serializeCookie`: the cookie has the attribute `Max-Age`, of the argument `maxAge`.
#[napi]
pub const COOKIE_MAX_AGE: u32 = 1 << 3;
/// Bit of `serializeCookie`: the cookie has the attribute `Expires`, of the argument `expires`.
#[napi]
pub const COOKIE_EXPIRES: u32 = 1 << 4;
/// Bit of `serializeCookie`: the cookie has the attribute `Domain`, of the argument `domain`.
#[napi]
pub const COOKIE_DOMAIN: u32 = 1 << 5;
/// Bit of `serializeCookie`: the cookie has the attribute `Path`, of the argument `path`.
#[napi]
pub const COOKIE_PATH: u32 = 1 << 6;
/// Number of the lowest of three bits of `serializeCookie` that are the attribute `Priority`: 0
/// for no such attribute, 1 for `low`, 2 for `medium`, 3 for `high`, else an invalid one.
#[napi]
pub const COOKIE_PRIORITY_SHIFT: u32 = 8;
/// Number of the lowest of three bits of `serializeCookie` that are the attribute `SameSite`: 0
/// for no such attribute, 1 for `lax`, 2 for `none`, 3 for `strict`, else an invalid one.
#[napi]
pub const COOKIE_SAME_SITE_SHIFT: u32 = 12;

/// Writes the text of a `Set-Cookie` header. If it cannot be written, returns the index of its
/// error's message in `cookieErrors`.
///
/// `value` is written as it is, and must be percent-encoded where its characters need that.
/// `bits` is a sum of the `COOKIE_` constants, and says which of the other arguments count.
/// `maxAge` is in seconds, `expires` in ms since the epoch.
#[napi(
    catch_unwind,
    ts_args_type = "name: string, value: string, bits: number, maxAge: number, domain: string, path: string, expires: number",
    ts_return_type = "string | number"
)]
pub fn serialize_cookie(
    name: Text,
    value: Text,
    bits: u32,
    max_age: f64,
    domain: Text,
    path: Text,
    expires: f64,
) -> Result<Either<Text, u32>> {
    let attributes = attributes(bits, max_age, &domain, &path, expires);
    text_or_index(serialize::set_cookie(
        &name,
        Value::Encoded(&value),
        &attributes,
    ))
}

/// Returns the value of a session cookie: `s:` and the `sid` signed by the first key,
/// percent-encoded. If that is impossible, returns the index of the error's message in
/// `cookieErrors`.
#[napi(
    catch_unwind,
    ts_args_type = "sid: string, keys: object",
    ts_return_type = "string | number"
)]
pub fn signed_cookie_value(sid: Text, keys: &Keys) -> Result<Either<Text, u32>> {
    let Some(key) = keys.first() else {
        return text_or_index(Err(Error::Secret));
    };
    let value = [signed::PREFIX, &signature::sign(&sid, key)].concat();
    text_or_index(percent::encode(&value))
}

/// The errors of `serializeCookie` and `signedCookieValue`, which return the index of theirs.
static ERRORS: [Error; 10] = [
    Error::Name,
    Error::MalformedUri,
    Error::Value,
    Error::MaxAge,
    Error::Domain,
    Error::Path,
    Error::Expires,
    Error::Priority,
    Error::SameSite,
    Error::Secret,
];

/// Returns the messages of the errors of `serializeCookie` and `signedCookieValue`, which return
/// the index of theirs.
#[napi(catch_unwind)]
pub fn cookie_errors() -> Vec<String> {
    ERRORS.iter().map(Error::to_string).collect()
}

/// Returns a text, or the index of an error in [`ERRORS`], for JavaScript.
fn text_or_index(text: std::result::Result<Vec<u8>, Error>) -> Result<Either<Text, u32>> {
    match text {
        Ok(text) => Ok(Either::A(text.into())),
        Err(error) => match ERRORS.iter().position(|known| *known == error) {
            Some(at) => Ok(Either::B(at as u32)),
            None => Err(js_error(error)),
        },
    }
}

/// Returns the attributes that the arguments of `serializeCookie` are about.
fn attributes<'a>(
    bits: u32,
    max_age: f64,
    domain: &'a [u8],
    path: &'a [u8],
    expires: f64,
) -> Attributes<'a> {
    let has = |bit| bits & bit != 0;
    Attributes {
        max_age: attribute(has(COOKIE_MAX_AGE), max_age),
        domain: has(COOKIE_DOMAIN).then_some(domain),
        path: has(COOKIE_PATH).then_some(path),
        expires: attribute(has(COOKIE_EXPIRES), expires),
        http_only: has(COOKIE_HTTP_ONLY),
        secure: has(COOKIE_SECURE),
        partitioned: has(COOKIE_PARTITIONED),
        priority: match bits >> COOKIE_PRIORITY_SHIFT & 7 {
            0 => Attribute::Absent,
            1 => Attribute::Value(Priority::Low),
            2 => Attribute::Value(Priority::Medium),
            3 => Attribute::Value(Priority::High),
            _ => Attribute::Invalid,
        },
        same_site: match bits >> COOKIE_SAME_SITE_SHIFT & 7 {
            0 => Attribute::Absent,
            1 => Attribute::Value(SameSite::Lax),
            2 => Attribute::Value(SameSite::None),
            3 => Attribute::Value(SameSite::Strict),
            _ => Attribute::Invalid,
        },
    }
}

/// Returns an attribute that has `value` if it is given.
fn attribute(is_given: bool, value: f64) -> Attribute<f64> {
    if is_given {
        Attribute::Value(value)
    } else {
        Attribute::Absent
    }
}
