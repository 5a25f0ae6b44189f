use std::sync::Arc;

use express_session_core::memory_store::{
    Bounds, Changed, Found, MemoryStore, Reason, Removed, shared,
};
use napi::Env;
use napi::bindgen_prelude::{
    Either, Either3, External, Function, FunctionCallContext, JsObjectValue, Object, Result,
    Undefined,
};
use napi_derive::napi;

use crate::text::Text;

/// A store, which doors hold too.
pub type Store = External<Arc<MemoryStore>>;

/// A text that only JavaScript can judge.
#[napi(object, object_from_js = false)]
pub struct Unclear {
    /// The stored text.
    #[napi(ts_type = "string")]
    pub text: Text,
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

/// Why a session was removed: its time was over.
#[napi]
pub const REMOVED_EXPIRED: u32 = 0;
/// The store was full.
#[napi]
pub const REMOVED_EVICTED: u32 = 1;
/// Somebody destroyed it, or all.
#[napi]
pub const REMOVED_DESTROYED: u32 = 2;

/// An empty store, or the one that all threads of the process share under a name. `max`
/// bounds its sessions and `maxBytes` their bytes, NaN for no bound.
#[napi(
    catch_unwind,
    ts_args_type = "max: number, maxBytes: number, shared?: string",
    ts_return_type = "object"
)]
pub fn create_store(max: f64, max_bytes: f64, shared: Option<Text>) -> Result<Store> {
    let bounds = Bounds {
        max: bound(max),
        max_bytes: bound(max_bytes),
    };
    let store = match shared {
        Some(name) => shared::store(&name, bounds),
        None => Ok(Arc::new(MemoryStore::new(bounds))),
    };
    store
        .map(External::new)
        .map_err(|error| napi::Error::from_reason(error.to_string()))
}

fn bound(most: f64) -> Option<usize> {
    (!most.is_nan()).then_some(most as usize)
}

fn time(ms: f64) -> Option<i64> {
    (!ms.is_nan()).then_some(ms as i64)
}

/// The text of a session that has not expired at `now` (ms since the epoch);
/// undefined if there is none; an object with the text if only JavaScript can
/// judge whether it has expired.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, now: number",
    ts_return_type = "string | Unclear | undefined"
)]
pub fn store_get(store: &Store, sid: Text, now: f64) -> Either3<Text, Unclear, Undefined> {
    let mut text = Vec::new();
    match store.get_whole(&sid, now as i64, &mut text) {
        Found::Live(_) => Either3::A(text.into()),
        Found::Unclear => Either3::B(Unclear { text: text.into() }),
        Found::Missing => Either3::C(()),
    }
}

/// Stores a text made by `JSON.stringify` of a session. `deadline` is when it expires if
/// its cookie does not, in ms since the epoch, NaN for never.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, text: string, deadline: number"
)]
pub fn store_set(store: &Store, sid: Text, text: Text, deadline: f64) {
    store.set(&sid, &text, time(deadline));
}

/// Stores a session: its cookie's JSON, and its data without the cookie as a JSON
/// object. The number of the cookie, NaN if only JavaScript can judge it.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, cookie: string, data: string, deadline: number"
)]
pub fn store_put(store: &Store, sid: Text, cookie: Text, data: Text, deadline: f64) -> f64 {
    let id = store.put(&sid, &cookie, &data, time(deadline));
    id.map_or(f64::NAN, |id| id as f64)
}

/// Stores any text.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, text: string, deadline: number"
)]
pub fn store_set_raw(store: &Store, sid: Text, text: Text, deadline: f64) {
    store.set_raw(&sid, &text, time(deadline));
}

/// What requests do to a store, each a function of its own: so the store comes with the
/// call, and is not looked up. All take a sid, the number of the cookie that the session
/// is thought to have, and the cookie's date and the session's `deadline` in ms since the
/// epoch, NaN for none; and answer `CHANGED`, `MISSING` or `NOT_CHANGED`.
///
/// `insert` stores a new session's data, a JSON object without the cookie; `rewrite` those
/// of a session that is there; `renew` starts the lifetime of the cookie anew, at `now`
/// if it has one and no other date is given.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "{ insert(sid: string, cookie: number, date: number, deadline: number, data: string): number, rewrite(sid: string, cookie: number, date: number, deadline: number, data: string): number, renew(sid: string, cookie: number, date: number, deadline: number, now: number): number }"
)]
pub fn store_changes<'env>(env: &'env Env, store: &Store) -> Result<Object<'env>> {
    let mut changes = Object::new(env)?;
    let mut add = |name: &str, change: fn(&MemoryStore, &Session, &Call) -> Result<Changed>| {
        let store = Arc::clone(store);
        let function: Function<'_, (), u32> =
            env.create_function_from_closure(name, move |call: Call| {
                let session = Session::of(&call)?;
                change(&store, &session, &call).map(outcome)
            })?;
        changes.set_named_property(name, function)
    };
    add("insert", |store, session, call| {
        let data: Text = call.get(4)?;
        Ok(store.insert(
            &session.sid,
            session.cookie,
            session.date,
            session.deadline,
            &data,
        ))
    })?;
    add("rewrite", |store, session, call| {
        let data: Text = call.get(4)?;
        Ok(store.rewrite(
            &session.sid,
            session.cookie,
            session.date,
            session.deadline,
            &data,
        ))
    })?;
    add("renew", |store, session, call| {
        let now: f64 = call.get(4)?;
        Ok(store.renew(
            &session.sid,
            session.cookie,
            session.date,
            session.deadline,
            now as i64,
        ))
    })?;
    Ok(changes)
}

type Call<'scope> = FunctionCallContext<'scope>;

/// The arguments that the changes have in common.
struct Session {
    sid: Text,
    cookie: u64,
    date: Option<i64>,
    deadline: Option<i64>,
}

impl Session {
    fn of(call: &Call) -> Result<Session> {
        let number = |at| call.get::<f64>(at);
        Ok(Session {
            sid: call.get(0)?,
            cookie: number(1)? as u64,
            date: time(number(2)?),
            deadline: time(number(3)?),
        })
    }
}

fn outcome(changed: Changed) -> u32 {
    match changed {
        Changed::Done => CHANGED,
        Changed::Missing => MISSING,
        Changed::Not => NOT_CHANGED,
    }
}

/// Puts the JSON text `cookie` in place of the session's cookie. One of `CHANGED`,
/// `MISSING`, `NOT_CHANGED`.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, cookie: string, now: number, deadline: number"
)]
pub fn store_touch(store: &Store, sid: Text, cookie: Text, now: f64, deadline: f64) -> u32 {
    outcome(store.touch(&sid, &cookie, now as i64, time(deadline)))
}

/// Removes a session. False if there was none.
#[napi(catch_unwind, ts_args_type = "store: object, sid: string")]
pub fn store_destroy(store: &Store, sid: Text) -> bool {
    store.destroy(&sid)
}

/// Removes a session that has expired, as JavaScript judged.
#[napi(catch_unwind, ts_args_type = "store: object, sid: string")]
pub fn store_expire(store: &Store, sid: Text) -> bool {
    store.expire(&sid)
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
pub fn store_peek(store: &Store, sid: Text) -> Either<Text, Undefined> {
    match store.peek(&sid) {
        Some(text) => Either::A(text.into()),
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
    texts(store.sids())
}

/// The sids whose texts only JavaScript can judge, in order of insertion.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "string[]"
)]
pub fn store_unclear_sids(store: &Store) -> Vec<Text> {
    if store.has_unclear() {
        texts(store.unclear_sids())
    } else {
        Vec::new()
    }
}

fn texts(sids: Vec<Box<[u8]>>) -> Vec<Text> {
    sids.into_iter().map(|sid| sid.into_vec().into()).collect()
}

/// How many sessions have not expired at `now`, with those that only JavaScript can
/// judge.
#[napi(catch_unwind, ts_args_type = "store: object, now: number")]
pub fn store_length(store: &Store, now: f64) -> f64 {
    store.len(now as i64) as f64
}

/// Removes sessions that have expired at `now`, looking at about `budget` records. False
/// if that was not enough for all.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, now: number, budget: number"
)]
pub fn store_prune(store: &Store, now: f64, budget: f64) -> bool {
    store.prune(now as i64, budget as usize)
}

/// What a store holds, and what it has done.
#[napi(object, object_from_js = false)]
pub struct StoreStats {
    /// Sessions, expired ones that nobody has found yet included.
    pub sessions: f64,
    /// Bytes of their texts and sids, with what it takes to keep them.
    pub bytes: f64,
    /// Look-ups that found a session.
    pub hits: f64,
    /// Look-ups that found none.
    pub misses: f64,
    /// Sessions removed because their time was over.
    pub expired: f64,
    /// Sessions removed because the store was full.
    pub evicted: f64,
}

/// See `StoreStats`.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_stats(store: &Store) -> StoreStats {
    let stats = store.stats();
    StoreStats {
        sessions: stats.sessions as f64,
        bytes: stats.bytes as f64,
        hits: stats.hits as f64,
        misses: stats.misses as f64,
        expired: stats.expired as f64,
        evicted: stats.evicted as f64,
    }
}

/// From now on the store keeps what is removed, for `storeTakeRemoved`.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_watch(store: &Store) {
    store.watch();
}

/// A session that was removed.
#[napi(object, object_from_js = false)]
pub struct RemovedSession {
    /// Its id.
    #[napi(ts_type = "string")]
    pub sid: Text,
    /// Its text.
    #[napi(ts_type = "string")]
    pub text: Text,
    /// One of the `REMOVED_` numbers.
    pub reason: u32,
}

/// What was removed since the last call.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_take_removed(store: &Store) -> Vec<RemovedSession> {
    let removed = store.take_removed().into_iter();
    let session = |Removed { sid, text, reason }| RemovedSession {
        sid: sid.into_vec().into(),
        text: text.into(),
        reason: match reason {
            Reason::Expired => REMOVED_EXPIRED,
            Reason::Evicted => REMOVED_EVICTED,
            Reason::Destroyed => REMOVED_DESTROYED,
        },
    };
    removed.map(session).collect()
}
