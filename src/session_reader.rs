//! Opens a stored session in one call: finds the session cookie in a `Cookie` header, verifies
//! its signature, and looks the session up.
//!
//! The function that does it for one middleware is called a session reader.

use std::cell::RefCell;
use std::rc::Rc;

use express_session_core::cookie::signed;
use express_session_core::engine::{Asker, Found, Live};
use express_session_core::meta::Meta;
use express_session_core::session_text::Renewal;
use napi::Env;
use napi::bindgen_prelude::{Either, Function, FunctionCallContext, Result, Uint8Array};
use napi_derive::napi;

use crate::caller_buffer::CallerBuffer;
use crate::cookie::{NO_COOKIE, refusal_number};
use crate::signature::Keys;
use crate::store::Store;
use crate::text::{CreatedString, Text};

/// A session reader returns this if the cookie is signed but the store has no session of its sid.
#[napi]
pub const UNKNOWN_SID: u32 = 3;
/// A session reader returns this if JavaScript must look the session up by the store's `get`: the sid is
/// too long or not ASCII, or the engine's answer is unclear.
#[napi]
pub const ASK_STORE: u32 = 4;

/// The session's cookie has no lifetime, so that using the session does not renew it. One of
/// the values at `DETAILS_RENEWAL`.
#[napi]
pub const RENEWAL_SAME: u32 = 0;
/// Using the session renews its cookie: JavaScript calls `renew`. It compares with the two other
/// values alone, so this one is not exported.
const RENEWAL_DATE: u32 = 1;
/// Only JavaScript can tell how using the session renews its cookie.
#[napi]
pub const RENEWAL_UNCLEAR: u32 = 2;

/// The bytes of the array `details` into which a session reader writes what it returns beside the session's
/// data.
#[napi]
pub const DETAILS_BYTES: u32 = 2048;
/// The byte of `details` that is the length of the sid in bytes.
#[napi]
pub const DETAILS_SID_LENGTH: u32 = 0;
/// The byte of `details` that is one of the `RENEWAL_` numbers.
#[napi]
pub const DETAILS_RENEWAL: u32 = 1;
/// The first byte of `details` of the length of the cookie's JSON in bytes: two bytes, the lower
/// one first.
#[napi]
pub const DETAILS_COOKIE_LENGTH: u32 = 2;
/// The first byte of `details` of the cookie's id, a double. Cookies with the same id differ in
/// their dates alone.
#[napi]
pub const DETAILS_COOKIE_NUMBER: u32 = 8;
/// The first byte of `details` of the cookie's date, a double: ms since the epoch, NaN for none.
#[napi]
pub const DETAILS_EXPIRES: u32 = 16;
/// The first byte of `details` of the moment at which the session was found, a double: see
/// `storeMoment`.
#[napi]
pub const DETAILS_MOMENT: u32 = 24;
/// The first byte of `details` of the three times of `_meta`, doubles: `created`, `renewed` and `seen` in
/// ms since the epoch. The first one is NaN if the data have no `_meta` in its usual form.
#[napi]
pub const DETAILS_META: u32 = 32;
/// The first byte of `details` of the length of the other members of `_meta` in bytes: two bytes, the
/// lower one first.
#[napi]
pub const DETAILS_OTHERS_LENGTH: u32 = 4;
/// The first byte of `details` of the sid, for which there are 255 bytes.
#[napi]
pub const DETAILS_SID: u32 = 56;
/// The first byte of `details` of the cookie's JSON, which ends before `DETAILS_OTHERS`.
#[napi]
pub const DETAILS_COOKIE: u32 = 312;
/// The first byte of `details` of the other members of `_meta`, as JSON.
#[napi]
pub const DETAILS_OTHERS: u32 = 1024;

// The same as indexes of a slice.
const SID: usize = DETAILS_SID as usize;
const COOKIE: usize = DETAILS_COOKIE as usize;
const OTHERS: usize = DETAILS_OTHERS as usize;

/// Makes a session reader: a function that opens sessions of `store`. It takes a `Cookie` header and the
/// current time, in ms since the epoch, and returns the data of the session whose sid is the
/// signed value of the cookie called `name`, or the number that says why there is none:
/// `NO_COOKIE`, `UNSIGNED_COOKIE`, `FORGED_COOKIE`, `UNKNOWN_SID` or `ASK_STORE`.
///
/// If it returns data or `UNKNOWN_SID`, it has written the sid into `details`, and with data also
/// what the other `DETAILS_` constants name. The caller reads `details` before the next call: that
/// costs less than an object made at each call. A function that owns keys, store and array
/// costs less than one that takes them at each call.
///
/// With `takes_meta`, a `_meta` in its usual form is in `details`, and not among the returned data.
#[napi(
    catch_unwind,
    ts_args_type = "name: string, keys: object, store: object, details: Uint8Array, takesMeta?: boolean",
    ts_return_type = "(header: string, now: number) => string | number"
)]
pub fn create_session_reader<'env>(
    env: &'env Env,
    name: Text,
    keys: &Keys,
    store: &Store,
    details: Uint8Array,
    takes_meta: Option<bool>,
) -> Result<Function<'env, (), Either<CreatedString, u32>>> {
    let details = CallerBuffer::new(env, details)?;
    let takes_meta = takes_meta.unwrap_or(false);
    let name = name.into_bytes();
    let keys = keys.to_vec();
    let store = Rc::clone(store);
    // The memory is kept for the next call unless it is large.
    let data = RefCell::new(Vec::new());
    env.create_function_from_closure("readSession", move |call: FunctionCallContext| {
        let header: Text = call.get(0)?;
        let now: f64 = call.get(1)?;
        let sid = match signed::open(&header, &name, &keys) {
            Ok(sid) => sid,
            Err(refusal) => return Ok(Either::B(refusal_number(refusal))),
        };
        // An empty sid counts as none, and JavaScript looks for one elsewhere in the request.
        if sid.is_empty() {
            return Ok(Either::B(NO_COOKIE));
        }
        // A program with a `genid` of its own may have made such a sid.
        let Some(length) = u8::try_from(sid.len()).ok().filter(|_| sid.is_ascii()) else {
            return Ok(Either::B(ASK_STORE));
        };
        let mut data = data.borrow_mut();
        let stored = store.ask(|it| it.get(&sid, now as i64, Asker::Middleware, &mut data))?;
        let is_written = details.fill(call.env, |details| {
            write_sid(&sid, length, details)?;
            match &stored {
                Found::Live(live) => {
                    if takes_meta {
                        take_meta(&mut data, details)?;
                    }
                    write_cookie(live, details)
                }
                Found::Missing => Some(()),
                Found::Unclear { .. } => None,
            }
        })?;
        let answer = match stored {
            Found::Live(_) if is_written.is_some() => {
                Either::A(CreatedString::new(call.env, &data)?)
            }
            Found::Missing if is_written.is_some() => Either::B(UNKNOWN_SID),
            _ => Either::B(ASK_STORE),
        };
        if data.capacity() > MAX_KEPT {
            *data = Vec::new();
        }
        Ok(answer)
    })
}

/// The most bytes of memory that a session reader keeps between two calls.
const MAX_KEPT: usize = 64 * 1024;

/// Writes the sid into the array `details`. `None` if it has no room.
fn write_sid(sid: &[u8], length: u8, details: &mut [u8]) -> Option<()> {
    details.get_mut(SID..SID + sid.len())?.copy_from_slice(sid);
    details[DETAILS_SID_LENGTH as usize] = length;
    Some(())
}

/// Writes what is known of the session's cookie into the array `details`. `None` if that has no
/// room or the cookie is not ASCII, which no shareable cookie comes to.
fn write_cookie(live: &Live, details: &mut [u8]) -> Option<()> {
    let Live {
        cookie,
        expires,
        moment,
    } = live;
    let length = cookie.copy(*expires, details.get_mut(COOKIE..OTHERS)?)?;
    write_length(details, DETAILS_COOKIE_LENGTH, length)?;
    details[DETAILS_RENEWAL as usize] = match cookie.renewal {
        Renewal::Same => RENEWAL_SAME,
        Renewal::Date { .. } => RENEWAL_DATE,
        Renewal::Unclear => RENEWAL_UNCLEAR,
    } as u8;
    let expires = expires.map_or(f64::NAN, |time| time as f64);
    write_double(details, DETAILS_COOKIE_NUMBER, cookie.id as f64)?;
    write_double(details, DETAILS_EXPIRES, expires)?;
    write_double(details, DETAILS_MOMENT, *moment as f64)
}

/// Moves the `_meta` of a session out of its data into the array `details`. If it is not there in its
/// usual form, or longer than its place, the data stay as they are.
fn take_meta(data: &mut Vec<u8>, details: &mut [u8]) -> Option<()> {
    write_double(details, DETAILS_META, f64::NAN)?;
    let Some(meta) = Meta::of(data) else {
        return Some(());
    };
    // JavaScript reads the place as UTF-8, so what is none stays with the data.
    let place = details.get_mut(OTHERS..OTHERS + meta.others.len());
    let Some(place) = place.filter(|_| std::str::from_utf8(meta.others).is_ok()) else {
        return Some(());
    };
    place.copy_from_slice(meta.others);
    write_length(details, DETAILS_OTHERS_LENGTH, meta.others.len())?;
    for (at, time) in (DETAILS_META..).step_by(8).zip(meta.times) {
        write_double(details, at, time as f64)?;
    }
    let start = meta.start;
    data.truncate(start);
    data.push(b'}');
    Some(())
}

/// Writes a length of two bytes at a byte of `details`. `None` if it has more.
fn write_length(details: &mut [u8], at: u32, length: usize) -> Option<()> {
    let at = at as usize;
    let bytes = u16::try_from(length).ok()?.to_le_bytes();
    details.get_mut(at..at + 2)?.copy_from_slice(&bytes);
    Some(())
}

/// Writes a double at a byte of `details`, in the byte order of the machine, as a `Float64Array`
/// reads it.
fn write_double(details: &mut [u8], at: u32, number: f64) -> Option<()> {
    let at = at as usize;
    details
        .get_mut(at..at + 8)?
        .copy_from_slice(&number.to_ne_bytes());
    Some(())
}
