//! Functions for stores whose engine keeps sessions in a file, and for that file.

use std::path::PathBuf;
use std::sync::Arc;

use express_session_core::disk_store::{self, DiskStore, Options};
use express_session_core::engine::{Commit, Unmade};
use express_session_core::error::Error;
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Either3, External, Result, Undefined};
use napi_derive::napi;

use crate::error::js_error;
use crate::handle::EngineHandle;
use crate::later::{Work, later};
use crate::store::{Store, StoreStats};
use crate::text::Text;

/// The options of a store on a disk.
#[napi(object, object_to_js = false)]
pub struct DiskOptions {
    /// The file, an absolute path.
    pub path: String,
    /// Whether each commit waits until the disk has it.
    pub is_synced: bool,
    /// The ms by which a touch must at least move a session's expiry.
    pub touch_after: f64,
    /// The bytes that the file may have, NaN for no bound.
    pub max_bytes: f64,
    /// Whether a damaged file is put aside, and an empty one takes its place.
    pub is_replaced: bool,
    /// The ms between two prunings by the processes that share the file.
    pub check_period: f64,
    /// The most sessions of a user, Infinity for no bound; undefined if the store does not know whose its
    /// sessions are.
    pub max_of_user: Option<f64>,
}

/// What `createDiskStore` returns.
#[napi(object, object_from_js = false)]
pub struct OpenedDiskStore {
    /// The store.
    #[napi(ts_type = "object")]
    pub store: Store,
    /// A warning if a damaged file was put aside.
    pub warning: Option<String>,
}

/// Opens the store of a file, which is made if there is none. Throws an `Error` that names the
/// file and says what to do.
#[napi(catch_unwind)]
pub fn create_disk_store(env: &Env, options: DiskOptions) -> Result<OpenedDiskStore> {
    let most = options.max_bytes;
    let opened = DiskStore::open(Options {
        path: PathBuf::from(options.path),
        is_synced: options.is_synced,
        touch_after: options.touch_after as i64,
        max_bytes: (!most.is_nan()).then_some(most as usize),
        is_replaced: options.is_replaced,
        check_period: options.check_period as i64,
        max_of_user: options.max_of_user.map(|most| most as usize),
    });
    let (store, warning) = opened.map_err(js_error)?;
    Ok(OpenedDiskStore {
        store: External::new(EngineHandle::new(env, Arc::new(store))),
        warning,
    })
}

/// A change that was not made.
#[napi(object, object_from_js = false)]
pub struct UnmadeChange {
    /// The session id; undefined if all sessions were to be removed.
    #[napi(ts_type = "string")]
    pub sid: Option<Text>,
    /// The moment of the change, if it was to store or end a session: see `storeLastChange`.
    pub moment: f64,
    /// Why; undefined if the session was to be stored unless it was destroyed or changed, and it was; or
    /// if it was to be ended, and it was not one of the user.
    pub error: Option<String>,
}

fn unmade_changes(unmade: Vec<Unmade>) -> Vec<UnmadeChange> {
    let change = |Unmade { sid, moment, error }: Unmade| UnmadeChange {
        moment: moment as f64,
        sid: sid.map(|sid| sid.into_vec().into()),
        error: error.map(|error| error.to_string()),
    };
    unmade.into_iter().map(change).collect()
}

/// Returns the moment of the last change that stores or ends a session. It is called right after the change.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_last_change(store: &Store) -> Result<f64> {
    Ok(store.ask(|it| it.last_change())? as f64)
}

/// Commits the changes that came before, if that takes less than a millisecond. Returns undefined
/// if all of them were made, or an array of those that were not; and true if JavaScript must call
/// `storeFinish`, until which has ended this function does nothing.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "true | Array<UnmadeChange> | undefined"
)]
pub fn store_commit(store: &Store) -> Result<Either3<bool, Vec<UnmadeChange>, Undefined>> {
    Ok(match store.ask(|it| it.commit())? {
        Commit::Waiting => Either3::A(true),
        Commit::Done(unmade) if unmade.is_empty() => Either3::C(()),
        Commit::Done(unmade) => Either3::B(unmade_changes(unmade)),
    })
}

/// Commits the changes for which `storeCommit` has returned true. The promise is fulfilled with
/// those that were not made.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "Promise<Array<UnmadeChange>>"
)]
pub fn store_finish(store: &Store) -> AsyncTask<Work<Vec<UnmadeChange>>> {
    let engine = store.engine();
    later(move || engine.finish().map(unmade_changes).map_err(js_error))
}

/// Commits all changes that came before, however long that takes: for the end of the process.
#[napi(catch_unwind, ts_args_type = "store: object")]
pub fn store_commit_now(store: &Store) -> Result<()> {
    store.ask(|it| {
        while let Commit::Waiting = it.commit()? {
            it.finish()?;
        }
        Ok(())
    })
}

/// Waits until a call that has failed with the code `Cancelled` may succeed, some seconds at most.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "Promise<void>"
)]
pub fn store_wait(store: &Store) -> AsyncTask<Work<()>> {
    let engine = store.engine();
    later(move || engine.wait().map_err(js_error))
}

/// Does what keeps the store in shape beside the pruning. `now` is in ms since the epoch.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, now: number",
    ts_return_type = "Promise<void>"
)]
pub fn store_maintain(store: &Store, now: f64) -> AsyncTask<Work<()>> {
    let engine = store.engine();
    later(move || engine.maintain(now as i64).map_err(js_error))
}

/// Does what `storePrune` does.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, now: number, budget: number",
    ts_return_type = "Promise<boolean>"
)]
pub fn store_prune_later(store: &Store, now: f64, budget: f64) -> AsyncTask<Work<bool>> {
    let engine = store.engine();
    later(move || engine.prune(now as i64, budget as usize).map_err(js_error))
}

/// Does what `storeLength` does.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, now: number",
    ts_return_type = "Promise<number>"
)]
pub fn store_length_later(store: &Store, now: f64) -> AsyncTask<Work<f64>> {
    let engine = store.engine();
    later(move || Ok(engine.len(now as i64).map_err(js_error)? as f64))
}

/// Does what `storeStats` does.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "Promise<StoreStats>"
)]
pub fn store_stats_later(store: &Store) -> AsyncTask<Work<StoreStats>> {
    let engine = store.engine();
    later(move || engine.stats().map(StoreStats::from).map_err(js_error))
}

/// Returns up to `count` sids that come after `after` in the order of the store; the first ones
/// without `after`.
#[napi(
    catch_unwind,
    ts_args_type = "store: object, after: string | undefined, count: number",
    ts_return_type = "string[]"
)]
pub fn store_sids_after(store: &Store, after: Option<Text>, count: f64) -> Result<Vec<Text>> {
    let sids = store.ask(|it| it.sids_after(after.as_deref(), count as usize))?;
    Ok(sids.into_iter().map(|sid| sid.into_vec().into()).collect())
}

/// Commits all changes, and closes what the store has open. Each later call fails.
#[napi(
    catch_unwind,
    ts_args_type = "store: object",
    ts_return_type = "Promise<void>"
)]
pub fn store_close(store: &Store) -> AsyncTask<Work<()>> {
    let engine = store.engine();
    later(move || engine.close().map_err(js_error))
}

/// What the file of a store holds.
#[napi(object, object_from_js = false)]
pub struct DiskSummary {
    /// The number of sessions that have not expired.
    pub live: f64,
    /// The number of sessions, also of those that have expired and were not removed yet.
    pub sessions: f64,
    /// The bytes of the file that are in use, without the log.
    pub bytes: f64,
    /// When the oldest session was first stored, in ms since the epoch.
    pub oldest: Option<f64>,
    /// When the next session expires, in ms since the epoch.
    pub next_expiry: Option<f64>,
}

/// Tells what the file of a store holds at `now`, in ms since the epoch.
#[napi(catch_unwind, ts_return_type = "Promise<DiskSummary>")]
pub fn disk_look(path: String, now: f64) -> AsyncTask<Work<DiskSummary>> {
    later(move || {
        let summary = disk_store::look(path.as_ref(), now as i64).map_err(js_error)?;
        Ok(DiskSummary {
            live: summary.live as f64,
            sessions: summary.sessions as f64,
            bytes: summary.bytes as f64,
            oldest: summary.oldest.map(|time| time as f64),
            next_expiry: summary.next_expiry.map(|time| time as f64),
        })
    })
}

/// Reads each page of the file of a store, and tells what is wrong: nothing if it is whole.
#[napi(catch_unwind, ts_return_type = "Promise<string[]>")]
pub fn disk_check(path: String) -> AsyncTask<Work<Vec<String>>> {
    later(move || disk_store::check(path.as_ref()).map_err(js_error))
}

/// Copies the file of a store, which may be in use, to a new file.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn disk_copy(from: String, to: String) -> AsyncTask<Work<()>> {
    later(move || {
        let copied: std::result::Result<(), Error> = disk_store::copy(from.as_ref(), to.as_ref());
        copied.map_err(js_error)
    })
}
