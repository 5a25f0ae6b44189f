//! The way in, in one call: from a Cookie header to a stored session.

use std::sync::Arc;

use express_session_core::cookie::parse;
use express_session_core::memory_store::{Found, MemoryStore, Touched};
use express_session_core::session_text::Renewal;
use express_session_core::signature::{self, Key};
use napi::bindgen_prelude::{BufferSlice, Either, External};
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

/// Bytes that `enter` writes beside a text.
#[napi]
pub const FOUND_BYTES: u32 = 128;
/// Where in them the length of the sid stands.
#[napi]
pub const FOUND_SID_LENGTH: u32 = 0;
/// Where one of the `RENEWAL_` numbers stands.
#[napi]
pub const FOUND_RENEWAL: u32 = 1;
/// Where the text's cookie ends, in two bytes, the lower one first.
#[napi]
pub const FOUND_REST: u32 = 2;
/// Where the sid begins.
#[napi]
pub const FOUND_SID: u32 = 4;

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
/// With a text, or the number `UNKNOWN_SID`, `found` has the sid: reading an array of
/// bytes costs less than making an object.
#[napi(
    catch_unwind,
    ts_args_type = "door: object, header: string, now: number, found: Uint8Array",
    ts_return_type = "string | number"
)]
pub fn enter(
    door: &External<Door>,
    header: Text,
    now: f64,
    mut found: BufferSlice<'_>,
) -> Either<SharedText, u32> {
    let value = parse::value(&header, &door.name).unwrap_or_default();
    if value.is_empty() {
        return Either::B(NO_COOKIE);
    }
    let Some(signed) = value.strip_prefix(SIGNED) else {
        return Either::B(UNSIGNED_COOKIE);
    };
    let Some(sid) = signature::unsign(signed, &door.keys) else {
        return Either::B(FORGED_COOKIE);
    };
    if found.len() != FOUND_BYTES as usize {
        return Either::B(UNCLEAR_SESSION);
    }
    let stored = door.store.get(sid, now as i64);
    let room = found.get_mut(FOUND_SID as usize..FOUND_SID as usize + sid.len());
    match (room, &stored) {
        (Some(room), Found::Missing | Found::Live(_)) if sid.is_ascii() => {
            room.copy_from_slice(sid);
            found[FOUND_SID_LENGTH as usize] = sid.len() as u8;
        }
        // A sid of this kind is somebody's own: the long way reads it.
        _ => return Either::B(UNCLEAR_SESSION),
    }
    let Found::Live(live) = stored else {
        return Either::B(UNKNOWN_SID);
    };
    // Something before the cookie, or a cookie of 64 kB, was arranged by hand.
    let Some(rest_at) = live.rest_at.and_then(|at| u16::try_from(at).ok()) else {
        return Either::B(UNCLEAR_SESSION);
    };
    let [low, high] = rest_at.to_le_bytes();
    found[FOUND_REST as usize] = low;
    found[FOUND_REST as usize + 1] = high;
    found[FOUND_RENEWAL as usize] = match live.renewal {
        Renewal::Same => RENEWAL_SAME,
        Renewal::Date { .. } => RENEWAL_DATE,
        Renewal::Unclear => RENEWAL_UNCLEAR,
    } as u8;
    Either::A(SharedText(live.text))
}

/// Starts the lifetime of a session's cookie anew. `expires` is the new expiry in ms
/// since the epoch, NaN for the cookie's own lifetime after `now`. False if only
/// JavaScript can do it.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, expires: number, now: number"
)]
pub fn store_renew(store: &Store, sid: Text, expires: f64, now: f64) -> bool {
    let expires = (!expires.is_nan()).then_some(expires as i64);
    !matches!(store.renew(&sid, expires, now as i64), Touched::Unclear(_))
}
