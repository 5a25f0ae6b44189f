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

/// `openCookie` says: the header has no such cookie, or an empty one.
#[napi]
pub const NO_COOKIE: u32 = 0;
/// `openCookie` says: the cookie is not signed.
#[napi]
pub const UNSIGNED_COOKIE: u32 = 1;
/// `openCookie` says: no key made the signature.
#[napi]
pub const FORGED_COOKIE: u32 = 2;

/// The signed value of the cookie called `name`, of several the first that one of the
/// keys signed; or the number that says why there is none.
#[napi(
    catch_unwind,
    ts_args_type = "header: string, name: string, keys: object",
    ts_return_type = "string | number"
)]
pub fn open_cookie(header: Text, name: Text, keys: &Keys) -> Either<Text, u32> {
    match signed::open(&header, &name, keys) {
        Ok(sid) => Either::A(sid.into_owned().into()),
        Err(refusal) => Either::B(number(refusal)),
    }
}

/// The number that says why there is no signed value.
pub fn number(refusal: signed::Refusal) -> u32 {
    match refusal {
        signed::Refusal::Absent => NO_COOKIE,
        signed::Refusal::Unsigned => UNSIGNED_COOKIE,
        signed::Refusal::Forged => FORGED_COOKIE,
    }
}

/// The flags of a cookie, one bit each, and its two enumerations, three bits each.
#[napi]
pub const COOKIE_HTTP_ONLY: u32 = 1;
/// See `COOKIE_HTTP_ONLY`.
#[napi]
pub const COOKIE_SECURE: u32 = 1 << 1;
/// See `COOKIE_HTTP_ONLY`.
#[napi]
pub const COOKIE_PARTITIONED: u32 = 1 << 2;
/// `maxAge` is given.
#[napi]
pub const COOKIE_MAX_AGE: u32 = 1 << 3;
/// `expires` is given.
#[napi]
pub const COOKIE_EXPIRES: u32 = 1 << 4;
/// The value is encoded already.
#[napi]
pub const COOKIE_ENCODED: u32 = 1 << 5;
/// `domain` is given.
#[napi]
pub const COOKIE_DOMAIN: u32 = 1 << 6;
/// `path` is given.
#[napi]
pub const COOKIE_PATH: u32 = 1 << 7;
/// Shift of the priority: 0 for none, 1 low, 2 medium, 3 high, else invalid.
#[napi]
pub const COOKIE_PRIORITY_SHIFT: u32 = 8;
/// Shift of `sameSite`: 0 for none given, 1 lax, 2 none, 3 strict, else invalid.
#[napi]
pub const COOKIE_SAME_SITE_SHIFT: u32 = 12;

/// A `Set-Cookie` header, or the number of one of [`cookie_errors`] if it cannot be
/// written.
///
/// `max_age` is in seconds, `expires` in ms since the epoch; `bits` says which of
/// the arguments are given.
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
    let value = if bits & COOKIE_ENCODED != 0 {
        Value::Encoded(&value)
    } else {
        Value::Plain(&value)
    };
    let attributes = attributes(bits, max_age, &domain, &path, expires);
    answer(serialize::set_cookie(&name, value, &attributes))
}

/// The value of a session cookie: the signed `sid`, percent-encoded. The number of one
/// of [`cookie_errors`] if it cannot be.
#[napi(
    catch_unwind,
    ts_args_type = "sid: string, keys: object",
    ts_return_type = "string | number"
)]
pub fn seal(sid: Text, keys: &Keys) -> Result<Either<Text, u32>> {
    let Some(key) = keys.first() else {
        return answer(Err(Error::Secret));
    };
    let value = [signed::PREFIX, &signature::sign(&sid, key)].concat();
    answer(percent::encode(&value))
}

/// The errors that `serializeCookie` and `seal` answer with their place here.
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

/// The messages of the errors that `serializeCookie` and `seal` number.
#[napi(catch_unwind)]
pub fn cookie_errors() -> Vec<String> {
    ERRORS.iter().map(Error::to_string).collect()
}

fn answer(header: std::result::Result<Vec<u8>, Error>) -> Result<Either<Text, u32>> {
    match header {
        Ok(header) => Ok(Either::A(header.into())),
        Err(error) => match ERRORS.iter().position(|known| *known == error) {
            Some(at) => Ok(Either::B(at as u32)),
            None => Err(js_error(error)),
        },
    }
}

fn attributes<'a>(
    bits: u32,
    max_age: f64,
    domain: &'a [u8],
    path: &'a [u8],
    expires: f64,
) -> Attributes<'a> {
    let has = |bit| bits & bit != 0;
    Attributes {
        max_age: given(has(COOKIE_MAX_AGE), max_age),
        domain: has(COOKIE_DOMAIN).then_some(domain),
        path: has(COOKIE_PATH).then_some(path),
        expires: given(has(COOKIE_EXPIRES), expires),
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

fn given(is_given: bool, value: f64) -> Attribute<f64> {
    if is_given {
        Attribute::Value(value)
    } else {
        Attribute::Absent
    }
}
