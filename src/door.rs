//! The way in, in one call: from a Cookie header to a stored session.

use std::sync::Arc;

use express_session_core::cookie::parse;
use express_session_core::memory_store::{Found, Live, MemoryStore, Touched};
use express_session_core::session_text::Renewal;
use express_session_core::signature::{self, Key};
use napi::bindgen_prelude::{Array, Either, External, Result};
use napi_derive::napi;

use crate::cookie::{FORGED_COOKIE, NO_COOKIE, SIGNED, UNSIGNED_COOKIE};
use crate::memory_store::Store;
use crate::signature::{Keys, prepared};
use crate::text::{SharedText, Text};

/// `enter` says: the store does not know the sid.
#[napi]
pub const UNKNOWN_SID: u32 = 3;
/// `enter` says: only JavaScript can judge the stored text.
#[napi]
pub const UNCLEAR_SESSION: u32 = 4;

/// What `enter` says of the session's expiry: using the session does not move it.
#[napi]
pub const RENEWAL_SAME: u32 = 0;
/// Using the session moves it: call `renew`.
#[napi]
pub const RENEWAL_DATE: u32 = 1;
/// Only JavaScript can tell.
#[napi]
pub const RENEWAL_UNCLEAR: u32 = 2;

/// All that the way in needs to know.
pub struct Door {
    name: Vec<u8>,
    keys: Vec<Key>,
    store: Arc<MemoryStore>,
}

/// A door for the session cookie called `name`, with the keys of `keys`, into
/// `store`.
#[napi(
    catch_unwind,
    ts_args_type = "name: string, keys: object, store: object",
    ts_return_type = "object"
)]
pub fn create_door(name: Text, keys: &Keys, store: &Store) -> External<Door> {
    External::new(Door {
        name: name.into_bytes(),
        keys: prepared(keys).to_vec(),
        store: Arc::clone(store),
    })
}

/// The text of the session that a Cookie header names, or the number that says why
/// there is none. `now` is in ms since the epoch.
///
/// Beside the text, `found` gets the sid, where the text's cookie ends (-1 if it is
/// not the first key), one of the `RENEWAL_` numbers, and the text's version.
#[napi(
    catch_unwind,
    ts_args_type = "door: object, header: string, now: number, found: Array<unknown>",
    ts_return_type = "string | number"
)]
pub fn enter(
    door: &External<Door>,
    header: Text,
    now: f64,
    mut found: Array,
) -> Result<Either<SharedText, u32>> {
    let value = parse::value(&header, &door.name).unwrap_or_default();
    if value.is_empty() {
        return Ok(Either::B(NO_COOKIE));
    }
    let Some(signed) = value.strip_prefix(SIGNED) else {
        return Ok(Either::B(UNSIGNED_COOKIE));
    };
    let Some(sid) = signature::unsign(signed, &door.keys) else {
        return Ok(Either::B(FORGED_COOKIE));
    };
    let stored = door.store.get(sid, now as i64);
    found.set(0, Text::from(sid.to_vec()))?;
    let live = match stored {
        Found::Missing => return Ok(Either::B(UNKNOWN_SID)),
        Found::Unclear(_) => return Ok(Either::B(UNCLEAR_SESSION)),
        Found::Live(live) => live,
    };
    let Live {
        text,
        rest_at,
        renewal,
        version,
    } = live;
    found.set(1, rest_at.map_or(-1.0, |at| at as f64))?;
    found.set(
        2,
        match renewal {
            Renewal::Same => RENEWAL_SAME,
            Renewal::Date { .. } => RENEWAL_DATE,
            Renewal::Unclear => RENEWAL_UNCLEAR,
        },
    )?;
    found.set(3, version as f64)?;
    Ok(Either::A(SharedText(text)))
}

/// Starts the lifetime of a session's cookie anew. `version` is what `enter` gave;
/// `expires` is the new expiry in ms since the epoch, NaN for the cookie's own
/// lifetime after `now`. False if only JavaScript can do it.
#[napi(
    catch_unwind,
    ts_args_type = "door: object, sid: string, version: number, expires: number, now: number"
)]
pub fn renew(door: &External<Door>, sid: Text, version: f64, expires: f64, now: f64) -> bool {
    let expires = (!expires.is_nan()).then_some(expires as i64);
    let touched = door.store.renew(&sid, version as u64, expires, now as i64);
    !matches!(touched, Touched::Unclear(_))
}
