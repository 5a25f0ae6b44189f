use std::rc::Rc;

use express_session_core::engine::{Asker, Bounds, Changed, Found, Reason, Removed, Stored};
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

/// A store, which doors hold too.
pub type Store = External<Rc<EngineHandle>>;

/// A text that only JavaScript can read.
#[napi(object, object_from_js = false)]
pub struct Unclear {
    /// The stored text.
    #[napi(ts_type = "string")]
    pub text: Text,
    /// Whether JavaScript has said what it is and when it expires: it has not.
    pub is_judged: bool,
}

/// What came of a change: it was made.
#[napi]
pub const CHANGED: u32 = 0;
/// There is no such session, or it has expired. JavaScript asks for the others only.
const MISSING: u32 = 1;
/// The session has another cookie, or only JavaScript can make the change.
#[napi]
pub const NOT_CHANGED: u32 = 2;
/// The session was destroyed since the moment that the caller named. Nor for this one.
const DESTROYED: u32 = 3;

/// `storePut` says: the session was destroyed since the moment that the caller named.
#[napi]
pub const NOT_PUT: i32 = -1;

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
pub fn create_store(env: &Env, max: f64, max_bytes: f64, shared: Option<Text>) -> Result<Store> {
    let bounds = Bounds {
        max: bound(max),
        max_bytes: bound(max_bytes),
    };
    let engine = engines::create(bounds, shared.as_deref()).map_err(js_error)?;
    Ok(External::new(match shared {
        Some(_) => EngineHandle::shared(env, engine),
        None => EngineHandle::new(env, engine),
    }))
}

fn bound(most: f64) -> Option<usize> {
    (!most.is_nan()).then_some(most as usize)
}

fn time(ms: f64) -> Option<i64> {
    (!ms.is_nan()).then_some(ms as i64)
}

/// The moments of a store, as numbers.
fn moment(number: f64) -> Option<u64> {
    (!number.is_nan()).then_some(number as u64)
}

/// The text of a session that has not expired at `now` (ms since the epoch);
/// undefined if there is none; an object with the text if only JavaScript can
/// read it. `isUse` says whether the session is used, or only looked at.
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
            is_judged: is_classified,
        }),
        Found::Missing => Either3::C(()),
    })
}

/// This moment, as a number: what is destroyed from now on has a later one. Those who
/// store a session can name the moment at which they had it from the store.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_moment(store: &Store) -> Result<f64> {
    Ok(store.ask(|it| it.moment())? as f64)
}

/// Whether a session was destroyed since the moment `since`.
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

/// Stores a text made by `JSON.stringify` of a session. `deadline` is when it expires if
/// its cookie does not, in ms since the epoch, NaN for never. False if it was destroyed
/// since the moment `since`, NaN for none.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, text: string, deadline: number, since: number"
)]
pub fn store_set(store: &Store, sid: Text, text: Text, deadline: f64, since: f64) -> Result<bool> {
    let stored = store.ask(|it| it.set(&sid, &text, time(deadline), moment(since)))?;
    Ok(stored != Stored::Destroyed)
}

/// Stores a session as `storeSet` does: its cookie's JSON, and its data without the cookie
/// as a JSON object. The number of the cookie, NaN if it has none; or `NOT_PUT`.
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

/// Stores any text, as `storeSet` does.
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

/// Takes down what JavaScript says of a text that only it can judge, if that still is the
/// text of `sid`: whether it is a session, and when it expires, in ms since the epoch, NaN
/// for never. One that has expired at `now` is removed.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, text: string, isSession: boolean, expires: number, now: number"
)]
pub fn store_judge(
    store: &Store,
    sid: Text,
    text: Text,
    is_session: bool,
    expires: f64,
    now: f64,
) -> Result<()> {
    store.ask(|it| it.classify(&sid, &text, is_session, time(expires), now as i64))
}

/// What requests do to a store, each a function of its own: so the store comes with the
/// call, and is not looked up. All take a sid, the number of the cookie that the session
/// is thought to have, and the cookie's date and the session's `deadline` in ms since the
/// epoch, NaN for none; and answer `CHANGED`, `MISSING`, `NOT_CHANGED` or `DESTROYED`.
///
/// `write` stores the data of a session, a JSON object without the cookie, unless it was
/// destroyed since the moment `since`, NaN for none; `renew` starts the lifetime of the
/// cookie anew, at `now` if it has one and no other date is given.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "{ write(sid: string, cookie: number, date: number, deadline: number, since: number, data: string): number, renew(sid: string, cookie: number, date: number, deadline: number, now: number): number }"
)]
pub fn store_changes<'env>(env: &'env Env, store: &Store) -> Result<Object<'env>> {
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

/// The arguments that the changes have in common.
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

fn outcome(changed: Changed) -> u32 {
    match changed {
        Changed::Done => CHANGED,
        Changed::Missing => MISSING,
        Changed::Refused => NOT_CHANGED,
        Changed::Destroyed => DESTROYED,
    }
}

/// Puts the JSON text `cookie` in place of the session's cookie. One of `CHANGED`,
/// `MISSING`, `NOT_CHANGED`.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, sid: string, cookie: string, now: number, deadline: number"
)]
pub fn store_touch(store: &Store, sid: Text, cookie: Text, now: f64, deadline: f64) -> Result<u32> {
    let touched = store.ask(|it| it.touch(&sid, &cookie, now as i64, time(deadline)));
    touched.map(outcome)
}

/// Removes a session. False if there was none.
#[napi(catch_unwind, ts_args_type = "store: object, sid: string")]
pub fn store_destroy(store: &Store, sid: Text) -> Result<bool> {
    store.ask(|it| it.destroy(&sid))
}

/// Removes every session.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_clear(store: &Store) -> Result<()> {
    store.ask(|it| it.clear())
}

/// The text of a session, expired or not.
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

/// Every sid in order of insertion, expired ones too.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "string[]"
)]
pub fn store_sids(store: &Store) -> Result<Vec<Text>> {
    store.ask(|it| it.sids()).map(texts)
}

/// Texts that JavaScript must judge.
#[napi(object, object_from_js = false)]
pub struct Unjudged {
    /// Their sids.
    #[napi(ts_type = "string[]")]
    pub sids: Vec<Text>,
    /// Where to go on, 0 if there are no more.
    pub next: f64,
}

/// Some of the sids whose texts JavaScript must judge and has not judged yet. `from` is 0
/// to begin with; `budget` is about how many bytes of such texts are handed out, each of
/// which counts 1,000 besides, and every other record 1.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, from: number, budget: number"
)]
pub fn store_unjudged(store: &Store, from: f64, budget: f64) -> Result<Unjudged> {
    let (sids, next) = store.ask(|it| it.unclassified(from as u64, budget as usize))?;
    Ok(Unjudged {
        sids: texts(sids),
        next: next.unwrap_or_default() as f64,
    })
}

fn texts(sids: Vec<Box<[u8]>>) -> Vec<Text> {
    sids.into_iter().map(|sid| sid.into_vec().into()).collect()
}

/// How many sessions have not expired at `now`, with texts that JavaScript has not judged
/// yet.
#[napi(catch_unwind, ts_args_type = "store: object, now: number")]
pub fn store_length(store: &Store, now: f64) -> Result<f64> {
    Ok(store.ask(|it| it.len(now as i64))? as f64)
}

/// Removes sessions that have expired at `now`, looking at about `budget` records. False
/// if that was not enough for all.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, now: number, budget: number"
)]
pub fn store_prune(store: &Store, now: f64, budget: f64) -> Result<bool> {
    store.ask(|it| it.prune(now as i64, budget as usize))
}

/// What a store holds, and what it has done.
#[napi(object, object_from_js = false)]
pub struct StoreStats {
    /// Sessions, expired ones that nobody has found yet included.
    pub sessions: f64,
    /// Bytes of all that is kept of them.
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
pub fn store_stats(store: &Store) -> Result<StoreStats> {
    let stats = store.ask(|it| it.stats())?;
    Ok(StoreStats {
        sessions: stats.sessions as f64,
        bytes: stats.bytes as f64,
        hits: stats.hits as f64,
        misses: stats.misses as f64,
        expired: stats.expired as f64,
        evicted: stats.evicted as f64,
    })
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

/// What was removed since the last call. It is kept from the first call on.
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
