//! The way in, in one call: from a Cookie header to a stored session.

use std::cell::RefCell;
use std::rc::Rc;

use express_session_core::cookie::signed;
use express_session_core::engine::{Asker, Found, Live};
use express_session_core::session_text::Renewal;
use napi::Env;
use napi::bindgen_prelude::{Either, Function, FunctionCallContext, Result, Uint8Array};
use napi_derive::napi;

use crate::caller_buffer::CallerBuffer;
use crate::cookie::{NO_COOKIE, number};
use crate::signature::{Keys, prepared};
use crate::store::Store;
use crate::text::{CreatedString, Text};

/// A door says: the store does not know the sid.
#[napi]
pub const UNKNOWN_SID: u32 = 3;
/// A door says: only JavaScript can read what is stored, or the sid.
#[napi]
pub const UNCLEAR_SESSION: u32 = 4;

/// What a door says of the session's expiry: using the session does not move it.
#[napi]
pub const RENEWAL_SAME: u32 = 0;
/// Using the session moves it: call `renew`. JavaScript asks for the others only.
const RENEWAL_DATE: u32 = 1;
/// Only JavaScript can tell.
#[napi]
pub const RENEWAL_UNCLEAR: u32 = 2;

/// Bytes that a door writes beside the session's data.
#[napi]
pub const FOUND_BYTES: u32 = 1024;
/// Where in them the length of the sid stands, in one byte.
#[napi]
pub const FOUND_SID_LENGTH: u32 = 0;
/// Where one of the `RENEWAL_` numbers stands.
#[napi]
pub const FOUND_RENEWAL: u32 = 1;
/// Where the length of the cookie's JSON stands, in two bytes, the lower one first.
#[napi]
pub const FOUND_COOKIE_LENGTH: u32 = 2;
/// Where the number of the cookie stands, a double: two cookies with one number differ
/// in their dates alone.
#[napi]
pub const FOUND_COOKIE_ID: u32 = 8;
/// Where the cookie's date stands, a double: ms since the epoch, NaN for none.
#[napi]
pub const FOUND_EXPIRES: u32 = 16;
/// Where the moment stands at which the session was found, a double: see `storeMoment`.
#[napi]
pub const FOUND_MOMENT: u32 = 24;
/// Where the sid begins; it has room for 255 bytes.
#[napi]
pub const FOUND_SID: u32 = 32;
/// Where the cookie's JSON begins.
#[napi]
pub const FOUND_COOKIE: u32 = 288;

/// The places above, as the numbers they are here.
const SID: usize = FOUND_SID as usize;
const COOKIE: usize = FOUND_COOKIE as usize;

/// A door into `store`: a function from a `Cookie` header and the time, in ms since the
/// epoch, to the data of the session that the header's cookie called `name` names, as a
/// JSON object without the session's cookie; or to the number that says why there is
/// none.
///
/// With the data, or the number `UNKNOWN_SID`, `found` has the sid; with the data the
/// cookie, too. It is read at once, so one serves every call, and costs less than making
/// an object. A door is a function of its own because what it knows then comes with the
/// call, and is not looked up.
#[napi(
    catch_unwind,
    ts_args_type = "name: string, keys: object, store: object, found: Uint8Array",
    ts_return_type = "(header: string, now: number) => string | number"
)]
pub fn create_door<'env>(
    env: &'env Env,
    name: Text,
    keys: &Keys,
    store: &Store,
    found: Uint8Array,
) -> Result<Function<'env, (), Either<CreatedString, u32>>> {
    let found = CallerBuffer::new(env, found)?;
    let name = name.into_bytes();
    let keys = prepared(keys).to_vec();
    let store = Rc::clone(store);
    // Kept for the next call, as long as it is not large.
    let data = RefCell::new(Vec::new());
    env.create_function_from_closure("enter", move |call: FunctionCallContext| {
        let header: Text = call.get(0)?;
        let now: f64 = call.get(1)?;
        let sid = match signed::open(&header, &name, &keys) {
            Ok(sid) => sid,
            Err(refusal) => return Ok(Either::B(number(refusal))),
        };
        // An empty sid is none: it may stand elsewhere in the request.
        if sid.is_empty() {
            return Ok(Either::B(NO_COOKIE));
        }
        // An id of a program's own: the store's `get` finds it.
        let Some(length) = u8::try_from(sid.len()).ok().filter(|_| sid.is_ascii()) else {
            return Ok(Either::B(UNCLEAR_SESSION));
        };
        let mut data = data.borrow_mut();
        let stored = store.ask(|it| it.get(&sid, now as i64, Asker::Middleware, &mut data))?;
        let is_written = found.fill(call.env, |found| {
            write_sid(&sid, length, found)?;
            match &stored {
                Found::Live(live) => write_cookie(live, found),
                Found::Missing => Some(()),
                Found::Unclear { .. } => None,
            }
        })?;
        let answer = match stored {
            Found::Live(_) if is_written.is_some() => {
                Either::A(CreatedString::text(call.env, &data)?)
            }
            Found::Missing if is_written.is_some() => Either::B(UNKNOWN_SID),
            _ => Either::B(UNCLEAR_SESSION),
        };
        if data.capacity() > KEPT {
            *data = Vec::new();
        }
        Ok(answer)
    })
}

/// Bytes of a session's data that a door has room for at any time.
const KEPT: usize = 64 * 1024;

fn write_sid(sid: &[u8], length: u8, found: &mut [u8]) -> Option<()> {
    found.get_mut(SID..SID + sid.len())?.copy_from_slice(sid);
    found[FOUND_SID_LENGTH as usize] = length;
    Some(())
}

/// A common cookie has room, and is ASCII.
fn write_cookie(live: &Live, found: &mut [u8]) -> Option<()> {
    let Live {
        cookie,
        expires,
        moment,
    } = live;
    let length = cookie.copy(*expires, found.get_mut(COOKIE..)?)?;
    let [low, high] = u16::try_from(length).ok()?.to_le_bytes();
    found[FOUND_COOKIE_LENGTH as usize] = low;
    found[FOUND_COOKIE_LENGTH as usize + 1] = high;
    found[FOUND_RENEWAL as usize] = match cookie.renewal {
        Renewal::Same => RENEWAL_SAME,
        Renewal::Date { .. } => RENEWAL_DATE,
        Renewal::Unclear => RENEWAL_UNCLEAR,
    } as u8;
    let expires = expires.map_or(f64::NAN, |time| time as f64);
    write_double(found, FOUND_COOKIE_ID, cookie.id as f64)?;
    write_double(found, FOUND_EXPIRES, expires)?;
    write_double(found, FOUND_MOMENT, *moment as f64)
}

/// In the byte order of the machine, as a `Float64Array` reads it.
fn write_double(found: &mut [u8], at: u32, number: f64) -> Option<()> {
    let at = at as usize;
    found
        .get_mut(at..at + 8)?
        .copy_from_slice(&number.to_ne_bytes());
    Some(())
}
