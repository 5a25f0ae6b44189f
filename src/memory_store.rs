use std::sync::Arc;

use express_session_core::memory_store::{Changed, Found, MemoryStore};
use napi::Env;
use napi::bindgen_prelude::{
    Either, Either3, External, Function, FunctionCallContext, JsObjectValue, Null, Object, Result,
    Undefined,
};
use napi_derive::napi;

use crate::text::{SharedText, Text};

/// A store, which doors hold too.
pub type Store = External<Arc<MemoryStore>>;

/// A text that only JavaScript can judge.
#[napi(object, object_from_js = false)]
pub struct Unclear {
    /// The stored text.
    #[napi(ts_type = "string")]
    pub text: SharedText,
}

/// An empty store.
#[napi(catch_unwind, ts_return_type = "object")]
pub fn create_store() -> Store {
    External::new(Arc::new(MemoryStore::new()))
}

/// The text of a session that has not expired at `now` (ms since the epoch);
/// undefined if there is none; an object with the text if only JavaScript can
/// judge whether it has expired.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, now: number",
    ts_return_type = "string | Unclear | undefined"
)]
pub fn store_get(store: &Store, sid: Text, now: f64) -> Either3<SharedText, Unclear, Undefined> {
    match store.get(&sid, now as i64) {
        Found::Live(live) => Either3::A(SharedText(live.text().into())),
        Found::Unclear(text) => Either3::B(Unclear {
            text: SharedText(text),
        }),
        Found::Missing => Either3::C(()),
    }
}

/// Stores a text made by `JSON.stringify` of a session.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, text: string"
)]
pub fn store_set(store: &Store, sid: Text, text: Text) {
    store.set(&sid, text.into_bytes());
}

/// Stores a session: its cookie's JSON, and its data without the cookie as a JSON
/// object. The number of the cookie, NaN if only JavaScript can judge it.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, cookie: string, data: string"
)]
pub fn store_put(store: &Store, sid: Text, cookie: Text, data: Text) -> f64 {
    let id = store.put(&sid, &cookie, data.into_bytes());
    id.map_or(f64::NAN, |id| id as f64)
}

/// What came of a change: it was made.
#[napi]
pub const CHANGED: u32 = 0;
/// There is no such session, or it has expired.
#[napi]
pub const MISSING: u32 = 1;
/// The session has another cookie, or only JavaScript can make the change.
#[napi]
pub const NOT_CHANGED: u32 = 2;

fn outcome(changed: Changed) -> u32 {
    match changed {
        Changed::Done => CHANGED,
        Changed::Missing => MISSING,
        Changed::OtherCookie | Changed::Unclear(_) => NOT_CHANGED,
    }
}

/// What requests do to a store, each a function of its own: so the store comes with the
/// call, and is not looked up. All take a sid, the number of the cookie that the session
/// is thought to have, and its expiry in ms since the epoch, NaN for none; and answer
/// `CHANGED`, `MISSING` or `NOT_CHANGED`.
///
/// `insert` stores a new session's data, a JSON object without the cookie; `rewrite` those
/// of a session that is there; `renew` starts the lifetime of the cookie anew, at `now`
/// if it has one and there is no other expiry.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "{ insert(sid: string, cookie: number, expires: number, data: string): number, rewrite(sid: string, cookie: number, expires: number, data: string): number, renew(sid: string, cookie: number, expires: number, now: number): number }"
)]
pub fn store_changes<'env>(env: &'env Env, store: &Store) -> Result<Object<'env>> {
    let mut changes = Object::new(env)?;
    let mut add =
        |name: &str, change: fn(&MemoryStore, &FunctionCallContext) -> Result<Changed>| {
            let store = Arc::clone(store);
            let function: Function<'_, (), u32> = env
                .create_function_from_closure(name, move |call| {
                    Ok(outcome(change(&store, &call)?))
                })?;
            changes.set_named_property(name, function)
        };
    add("insert", |store, call| {
        let (sid, data): (Text, Text) = (call.get(0)?, call.get(3)?);
        Ok(store.insert(&sid, cookie(call)?, expires(call)?, data.into_bytes()))
    })?;
    add("rewrite", |store, call| {
        let (sid, data): (Text, Text) = (call.get(0)?, call.get(3)?);
        Ok(store.rewrite(&sid, cookie(call)?, expires(call)?, data.into_bytes()))
    })?;
    add("renew", |store, call| {
        let (sid, now): (Text, f64) = (call.get(0)?, call.get(3)?);
        Ok(store.renew(&sid, cookie(call)?, expires(call)?, now as i64))
    })?;
    Ok(changes)
}

fn cookie(call: &FunctionCallContext) -> Result<u64> {
    call.get(1).map(|number: f64| number as u64)
}

fn expires(call: &FunctionCallContext) -> Result<Option<i64>> {
    call.get(2)
        .map(|ms: f64| (!ms.is_nan()).then_some(ms as i64))
}

/// Stores any text.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, text: string"
)]
pub fn store_set_raw(store: &Store, sid: Text, text: Text) {
    store.set_raw(&sid, text.into_bytes());
}

/// Puts the JSON text `cookie` in place of the session's cookie. True if done,
/// false if there is no session that has not expired at `now`, the stored text if
/// only JavaScript can do it.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, cookie: string, now: number",
    ts_return_type = "boolean | string"
)]
pub fn store_touch(store: &Store, sid: Text, cookie: Text, now: f64) -> Either<bool, SharedText> {
    match store.touch(&sid, &cookie, now as i64) {
        Changed::Done => Either::A(true),
        Changed::Missing | Changed::OtherCookie => Either::A(false),
        Changed::Unclear(text) => Either::B(SharedText(text)),
    }
}

/// Removes a session. False if there was none.
#[napi(catch_unwind, ts_args_type = "store: object, sid: string")]
pub fn store_destroy(store: &Store, sid: Text) -> bool {
    store.destroy(&sid)
}

/// Removes every session.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_clear(store: &Store) {
    store.clear();
}

/// Whether there is a record of `sid`, expired or not.
#[napi(catch_unwind, ts_args_type = "store: object, sid: string")]
pub fn store_has(store: &Store, sid: Text) -> bool {
    store.has(&sid)
}

/// The text of a session, expired or not.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string",
    ts_return_type = "string | undefined"
)]
pub fn store_peek(store: &Store, sid: Text) -> Either<SharedText, Undefined> {
    match store.peek(&sid) {
        Some(text) => Either::A(SharedText(text)),
        None => Either::B(()),
    }
}

/// Every sid in order of insertion, expired ones too.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "string[]"
)]
pub fn store_sids(store: &Store) -> Vec<Text> {
    let sids = store.sids();
    sids.into_iter().map(|sid| sid.into_vec().into()).collect()
}

/// How many sessions have not expired at `now`; null if only JavaScript can
/// judge one of them.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, now: number",
    ts_return_type = "number | null"
)]
pub fn store_length(store: &Store, now: f64) -> Either<f64, Null> {
    match store.len(now as i64) {
        Some(length) => Either::A(length as f64),
        None => Either::B(Null),
    }
}
