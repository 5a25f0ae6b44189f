use std::rc::Rc;

use express_session_core::engine::{
    Asker, Bounds, Changed, Found, Listed, NewCookie, Reason, Removed, Stats, Stored,
};
use napi::Env;
use napi::bindgen_prelude::{
    Either, Either3, External, Function, FunctionCallContext, JsObjectValue, Object, Result,
    Undefined,
};
use napi_derive::napi;

use crate::engines;
use crate::error::js_error;
use crate::handle::EngineHandle;
use crate::text::Text;

/// A store: the handle of its engine, which the functions that were made for the store own, too.
/// For JavaScript it is an opaque object.
pub type Store = External<Rc<EngineHandle>>;

/// A stored text that only JavaScript can read.
#[napi(object, object_from_js = false)]
pub struct Unclear {
    /// The stored text.
    #[napi(ts_type = "string")]
    pub text: Text,
    /// Whether `storeClassify` was called for this text.
    pub is_classified: bool,
}

/// The outcome of a change: it was made.
#[napi]
pub const CHANGED: u32 = 0;
/// The outcome of a change: there is no such session, or it has expired. JavaScript compares
/// with `CHANGED` and `NOT_CHANGED` alone, so this one is not exported.
const MISSING: u32 = 1;
/// The outcome of a change: the session has another cookie than the caller named, or only
/// JavaScript can make the change.
#[napi]
pub const NOT_CHANGED: u32 = 2;
/// The outcome of a change: the session was destroyed at the moment that the caller named or
/// later. Not exported, as `MISSING`.
const DESTROYED: u32 = 3;
/// The outcome of a change: it was left out, because it would have moved the session's expiry by
/// less than the engine cares for.
#[napi]
pub const KEPT: u32 = 4;

/// `storePut` returns this if the session was destroyed at the moment `since` or later.
#[napi]
pub const NOT_PUT: i32 = -1;

/// Why a session was removed: it had expired.
#[napi]
pub const REMOVED_EXPIRED: u32 = 0;
/// Why a session was removed: the store held more than its bounds allow.
#[napi]
pub const REMOVED_EVICTED: u32 = 1;
/// Why a session was removed: it was destroyed, alone or with all others, or as its user had too many.
#[napi]
pub const REMOVED_DESTROYED: u32 = 2;

/// Makes an empty store or, with a name in `shared`, returns the one that all threads of the
/// process share under that name. `max` bounds the number of sessions and `maxBytes` their
/// bytes; NaN is no bound. `maxOfUser` bounds the sessions of each user, Infinity for no bound; without
/// it the store does not know whose its sessions are. Throws an `Error` if the shared store has other
/// bounds.
#[napi(
    catch_unwind,
    ts_args_type = "max: number, maxBytes: number, shared?: string, maxOfUser?: number",
    ts_return_type = "object"
)]
pub fn create_store(
    env: &Env,
    max: f64,
    max_bytes: f64,
    shared: Option<Text>,
    max_of_user: Option<f64>,
) -> Result<Store> {
    let bounds = Bounds {
        max: bound(max),
        max_bytes: bound(max_bytes),
        max_of_user: max_of_user.map(|most| most as usize),
    };
    let engine = engines::create(bounds, shared.as_deref()).map_err(js_error)?;
    Ok(External::new(match shared {
        Some(_) => EngineHandle::shared(env, engine),
        None => EngineHandle::new(env, engine),
    }))
}

/// Converts a bound of JavaScript's, NaN for none.
fn bound(most: f64) -> Option<usize> {
    (!most.is_nan()).then_some(most as usize)
}

/// Converts a time of JavaScript's, in ms since the epoch, NaN for none.
fn time(ms: f64) -> Option<i64> {
    (!ms.is_nan()).then_some(ms as i64)
}

/// Converts a moment of JavaScript's, NaN for none.
fn moment(number: f64) -> Option<u64> {
    (!number.is_nan()).then_some(number as u64)
}

/// Returns the text of the session of `sid` that has not expired at `now`, in ms since the
/// epoch: as an object if only JavaScript can read it, and undefined if there is no such
/// session. `isUse` says whether this counts as a look-up and as a use of the session.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, now: number, isUse: boolean",
    ts_return_type = "string | Unclear | undefined"
)]
pub fn store_get(
    store: &Store,
    sid: Text,
    now: f64,
    is_use: bool,
) -> Result<Either3<Text, Unclear, Undefined>> {
    let mut text = Vec::new();
    let asker = if is_use { Asker::User } else { Asker::Viewer };
    let found = store.ask(|it| it.get_whole(&sid, now as i64, asker, &mut text))?;
    Ok(match found {
        Found::Live(_) => Either3::A(text.into()),
        Found::Unclear { is_classified } => Either3::B(Unclear {
            text: text.into(),
            is_classified,
        }),
        Found::Missing => Either3::C(()),
    })
}

/// Returns the current moment of the store, a number greater than 0 that is no time: sessions
/// that are destroyed from now on are destroyed at this moment or later. A program that stores
/// a session names the moment at which it loaded it, so that a session that was destroyed in
/// between is not stored again.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_moment(store: &Store) -> Result<f64> {
    Ok(store.ask(|it| it.moment())? as f64)
}

/// Returns whether the session of `sid` was destroyed at the moment `since` or later; false if
/// that is NaN.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, since: number"
)]
pub fn store_was_destroyed(store: &Store, sid: Text, since: f64) -> Result<bool> {
    match moment(since) {
        Some(since) => store.ask(|it| it.was_destroyed(&sid, since)),
        None => Ok(false),
    }
}

/// Stores `text`, made by `JSON.stringify` of a session. `deadline` is when the session expires
/// if its cookie has no date, in ms since the epoch, NaN for never. Stores nothing and returns
/// false if the session was destroyed at the moment `since` or later; with NaN it is stored in
/// any case.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, text: string, deadline: number, since: number"
)]
pub fn store_set(store: &Store, sid: Text, text: Text, deadline: f64, since: f64) -> Result<bool> {
    let stored = store.ask(|it| it.set(&sid, &text, time(deadline), moment(since)))?;
    Ok(stored != Stored::Destroyed)
}

/// Stores a session as `storeSet` does, from the JSON of its cookie and its data, the JSON
/// object without the cookie. Returns the id of the cookie, NaN if no other session may share
/// it; or `NOT_PUT` if nothing was stored.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, cookie: string, data: string, deadline: number, since: number"
)]
pub fn store_put(
    store: &Store,
    sid: Text,
    cookie: Text,
    data: Text,
    deadline: f64,
    since: f64,
) -> Result<f64> {
    let stored = store.ask(|it| it.put(&sid, &cookie, &data, time(deadline), moment(since)))?;
    Ok(match stored {
        Stored::Done(id) => id.map_or(f64::NAN, |id| id as f64),
        Stored::Destroyed => f64::from(NOT_PUT),
    })
}

/// Stores a session as `storePut` does if its data, without `cookie` and `_meta`, are still `base`, the
/// JSON object of the data. Without `cookie`, `data` is any text, as for `storeSetRaw`. `now` is in
/// ms since the epoch. Returns the number of an outcome: `NOT_CHANGED` if the data differ.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, base: string, cookie: string | undefined, data: string, now: number, deadline: number"
)]
pub fn store_put_if_unchanged(
    store: &Store,
    sid: Text,
    base: Text,
    cookie: Option<Text>,
    data: Text,
    now: f64,
    deadline: f64,
) -> Result<u32> {
    let cookie = cookie.as_deref().map_or(NewCookie::InText, NewCookie::Json);
    let stored =
        store.ask(|it| it.put_if_unchanged(&sid, &base, cookie, &data, now as i64, time(deadline)));
    stored.map(outcome)
}

/// Stores any text as `storeSet` does, as one that only JavaScript can read.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, text: string, deadline: number, since: number"
)]
pub fn store_set_raw(
    store: &Store,
    sid: Text,
    text: Text,
    deadline: f64,
    since: f64,
) -> Result<bool> {
    let stored = store.ask(|it| it.set_raw(&sid, &text, time(deadline), moment(since)))?;
    Ok(stored != Stored::Destroyed)
}

/// Records what JavaScript has found out about a text that only it can read: whether it is a
/// session, and the expiry that it has in itself, in ms since the epoch, NaN for none. If it has
/// expired at `now`, it is removed. Does nothing if the text of `sid` is not `text` any more.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, text: string, isSession: boolean, expires: number, now: number"
)]
pub fn store_classify(
    store: &Store,
    sid: Text,
    text: Text,
    is_session: bool,
    expires: f64,
    now: f64,
) -> Result<()> {
    store.ask(|it| it.classify(&sid, &text, is_session, time(expires), now as i64))
}

/// Makes the functions by which requests change sessions of a store. They own the store, which
/// costs less than taking it at each call.
///
/// All take a sid, the id of the cookie that the caller expects the session to have, the date
/// that the cookie gets, and the session's deadline, both in ms since the epoch, NaN for none.
/// They return the number of an outcome, such as `CHANGED`.
///
/// `write` stores `data`, the JSON object of a session without its cookie, unless the session
/// was destroyed at the moment `since` or later, NaN for none. `writeIfUnchanged` does so if the data
/// of the session are still `base`: see `storePutIfUnchanged`. `renew` starts the lifetime of
/// the cookie anew: without a date, at `now`, in ms since the epoch.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "{ write(sid: string, cookie: number, date: number, deadline: number, since: number, data: string): number, writeIfUnchanged(sid: string, cookie: number, date: number, deadline: number, base: string, data: string, now: number): number, renew(sid: string, cookie: number, date: number, deadline: number, now: number): number }"
)]
pub fn store_request_calls<'env>(env: &'env Env, store: &Store) -> Result<Object<'env>> {
    let mut changes = Object::new(env)?;
    let mut add =
        |name: &str, change: fn(&EngineHandle, &ChangeArguments, &Call) -> Result<Changed>| {
            let store = Rc::clone(store);
            let function: Function<'_, (), u32> =
                env.create_function_from_closure(name, move |call: Call| {
                    let session = ChangeArguments::of(&call)?;
                    change(&store, &session, &call).map(outcome)
                })?;
            changes.set_named_property(name, function)
        };
    add("write", |store, session, call| {
        let since: f64 = call.get(4)?;
        let data: Text = call.get(5)?;
        let ChangeArguments {
            sid,
            cookie,
            date,
            deadline,
        } = session;
        store.ask(|it| it.write(sid, *cookie, *date, *deadline, moment(since), &data))
    })?;
    add("writeIfUnchanged", |store, session, call| {
        let base: Text = call.get(4)?;
        let data: Text = call.get(5)?;
        let now: f64 = call.get(6)?;
        let ChangeArguments {
            sid,
            cookie,
            date,
            deadline,
        } = session;
        let cookie = NewCookie::Known(*cookie, *date);
        store.ask(|it| it.put_if_unchanged(sid, &base, cookie, &data, now as i64, *deadline))
    })?;
    add("renew", |store, session, call| {
        let now: f64 = call.get(4)?;
        let ChangeArguments {
            sid,
            cookie,
            date,
            deadline,
        } = session;
        store.ask(|it| it.renew(sid, *cookie, *date, *deadline, now as i64))
    })?;
    Ok(changes)
}

type Call<'scope> = FunctionCallContext<'scope>;

/// The arguments that these functions have in common.
struct ChangeArguments {
    sid: Text,
    cookie: u64,
    date: Option<i64>,
    deadline: Option<i64>,
}

impl ChangeArguments {
    fn of(call: &Call) -> Result<ChangeArguments> {
        let number = |at| call.get::<f64>(at);
        Ok(ChangeArguments {
            sid: call.get(0)?,
            cookie: number(1)? as u64,
            date: time(number(2)?),
            deadline: time(number(3)?),
        })
    }
}

/// Returns the number by which JavaScript knows an outcome.
fn outcome(changed: Changed) -> u32 {
    match changed {
        Changed::Done => CHANGED,
        Changed::Kept => KEPT,
        Changed::Missing => MISSING,
        Changed::Refused => NOT_CHANGED,
        Changed::Destroyed => DESTROYED,
    }
}

/// Replaces the cookie of the session of `sid` by `cookie`, a JSON text. `now` and `deadline`
/// are in ms since the epoch, and NaN is no deadline. Returns the number of an outcome:
/// `NOT_CHANGED` if only JavaScript can read one of the two cookies.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, cookie: string, now: number, deadline: number"
)]
pub fn store_touch(store: &Store, sid: Text, cookie: Text, now: f64, deadline: f64) -> Result<u32> {
    let touched = store.ask(|it| it.touch(&sid, &cookie, now as i64, time(deadline)));
    touched.map(outcome)
}

/// Removes the session of `sid`. Returns whether there was one, which may have expired.
#[napi(catch_unwind, ts_args_type = "store: object, sid: string")]
pub fn store_destroy(store: &Store, sid: Text) -> Result<bool> {
    store.ask(|it| it.destroy(&sid))
}

/// Removes every session.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_clear(store: &Store) -> Result<()> {
    store.ask(|it| it.clear())
}

/// A session of a user.
#[napi(object, object_from_js = false)]
pub struct ListedSession {
    /// Its id.
    #[napi(ts_type = "string")]
    pub sid: Text,
    /// The JSON of its `_meta`.
    #[napi(ts_type = "string")]
    pub meta: Text,
    /// When it expires, in ms since the epoch; NaN for never, or if only JavaScript can tell.
    pub expires: f64,
    /// The ms for which a request that uses it prolongs it; NaN if its cookie does not say.
    pub lifetime: f64,
    /// Whether `expires` is its deadline, as its cookie has no date.
    pub is_deadline: bool,
    /// Whether only JavaScript can tell whether it is a session that has not expired.
    pub is_unclear: bool,
}

/// Returns the sessions of a user, the JSON of a string, that have not expired at `now`, in ms since the
/// epoch.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, user: string, now: number"
)]
pub fn store_sessions_of(store: &Store, user: Text, now: f64) -> Result<Vec<ListedSession>> {
    let listed = store.ask(|it| it.sessions_of(&user, now as i64))?;
    let number = |time: Option<i64>| time.map_or(f64::NAN, |time| time as f64);
    let session = |it: Listed| ListedSession {
        sid: it.sid.into_vec().into(),
        meta: it.meta.into_vec().into(),
        expires: number(it.expires),
        lifetime: number(it.lifetime),
        is_deadline: it.is_deadline,
        is_unclear: it.is_unclear,
    };
    Ok(listed.into_iter().map(session).collect())
}

/// Destroys the session of `sid` if it is one of a user, the JSON of a string, that has not expired at
/// `now`, in ms since the epoch. Returns whether it was, as far as is known yet.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, user: string, sid: string, now: number"
)]
pub fn store_end(store: &Store, user: Text, sid: Text, now: f64) -> Result<bool> {
    store.ask(|it| it.end(&user, &sid, now as i64))
}

/// Returns the text of the session of `sid`, also if it has expired; undefined if there is none.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string",
    ts_return_type = "string | undefined"
)]
pub fn store_peek(store: &Store, sid: Text) -> Result<Either<Text, Undefined>> {
    Ok(match store.ask(|it| it.peek(&sid))? {
        Some(text) => Either::A(text.into()),
        None => Either::B(()),
    })
}

/// Returns all sids, also of sessions that have expired, in the order in which they were
/// inserted.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "string[]"
)]
pub fn store_sids(store: &Store) -> Result<Vec<Text>> {
    store.ask(|it| it.sids()).map(texts)
}

/// What `storeUnclassified` returns.
#[napi(object, object_from_js = false)]
pub struct Unclassified {
    /// Sids of texts that only JavaScript can read.
    #[napi(ts_type = "string[]")]
    pub sids: Vec<Text>,
    /// The `from` of the next call, 0 if there are no more.
    pub next: f64,
}

/// Returns some of the sids whose texts only JavaScript can read, and for which `storeClassify` was
/// not called yet. The first call has `from` 0. `budget` limits the work of a call: each sid
/// that is returned costs the bytes of its text plus 1,000, and any other session that is
/// looked at costs 1.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, from: number, budget: number"
)]
pub fn store_unclassified(store: &Store, from: f64, budget: f64) -> Result<Unclassified> {
    let (sids, next) = store.ask(|it| it.unclassified(from as u64, budget as usize))?;
    Ok(Unclassified {
        sids: texts(sids),
        next: next.unwrap_or_default() as f64,
    })
}

/// Converts sids to JavaScript strings.
fn texts(sids: Vec<Box<[u8]>>) -> Vec<Text> {
    sids.into_iter().map(|sid| sid.into_vec().into()).collect()
}

/// Counts the sessions that have not expired at `now`, in ms since the epoch. A text that only
/// JavaScript can read counts unless `storeClassify` said that it is no session.
#[napi(catch_unwind, ts_args_type = "store: object, now: number")]
pub fn store_length(store: &Store, now: f64) -> Result<f64> {
    Ok(store.ask(|it| it.len(now as i64))? as f64)
}

/// Removes sessions that have expired at `now`, in ms since the epoch, and looks at about
/// `budget` sessions for that. Returns false if the budget was used up before it was clear that
/// none is left whose expiry is in an earlier second.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, now: number, budget: number"
)]
pub fn store_prune(store: &Store, now: f64, budget: f64) -> Result<bool> {
    store.ask(|it| it.prune(now as i64, budget as usize))
}

/// What a store holds, and what it has done so far.
#[napi(object, object_from_js = false)]
pub struct StoreStats {
    /// The number of sessions, also of those that have expired and were not removed yet.
    pub sessions: f64,
    /// The bytes of all that is kept of them.
    pub bytes: f64,
    /// The look-ups that found a session.
    pub hits: f64,
    /// The look-ups that found none.
    pub misses: f64,
    /// The sessions that were removed because they had expired.
    pub expired: f64,
    /// The sessions that were removed because the store held more than its bounds allow.
    pub evicted: f64,
}

/// Returns what a store holds and what it has done so far.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_stats(store: &Store) -> Result<StoreStats> {
    store.ask(|it| it.stats()).map(StoreStats::from)
}

impl From<Stats> for StoreStats {
    fn from(stats: Stats) -> StoreStats {
        StoreStats {
            sessions: stats.sessions as f64,
            bytes: stats.bytes as f64,
            hits: stats.hits as f64,
            misses: stats.misses as f64,
            expired: stats.expired as f64,
            evicted: stats.evicted as f64,
        }
    }
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

/// Returns the sessions that were removed since the last call. The store collects them from the
/// first call on.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_take_removed(store: &Store) -> Result<Vec<RemovedSession>> {
    let removed = store.ask(|it| it.take_removed())?.into_iter();
    let session = |Removed { sid, text, reason }| RemovedSession {
        sid: sid.into_vec().into(),
        text: text.into(),
        reason: match reason {
            Reason::Expired => REMOVED_EXPIRED,
            Reason::Evicted => REMOVED_EVICTED,
            Reason::Destroyed => REMOVED_DESTROYED,
        },
    };
    Ok(removed.map(session).collect())
}
