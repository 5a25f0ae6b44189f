//! The engine that keeps sessions in a file, for all processes of this machine.
//!
//! The file is an SQLite database with a write-ahead log. A reader of this process sees a change at
//! once; [`Engine::commit`] makes it for all others, together with the changes that came before.
//!
//! A moment is the µs since the epoch, or more where the clock stands still or was set back. The
//! database has for each sid the moment at which it was inserted. So a session that was loaded at
//! a moment is the same one if its sid was inserted before: one that was destroyed since is not
//! there, or was inserted later.

mod changes;
mod database;
mod file;
mod only_copy;
mod recent;

use std::hash::BuildHasher;
use std::path::PathBuf;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use hashbrown::DefaultHashBuilder;
use parking_lot::{Mutex, MutexGuard};

use crate::cookie_text::{CookieText, CookieTextCache};
use crate::engine::{
    Asker, Changed, Commit, Engine, Found, Listed, Live, NewCookie, Removed, Slice, Stats, Stored,
    Unmade,
};
use crate::error::Error;
use crate::meta::Whose;
use crate::session_text::{self, Renewal};
use changes::{Change, Changes, Condition, Limit, Record, Touched, View};
use database::{Answer, Database, Header, Made, Patience, Refusal, insist};
use recent::Recent;

pub use file::{Summary, check, copy, look};

/// Where a store keeps its sessions, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file, an absolute path.
    pub path: PathBuf,
    /// Whether each commit waits until the disk has it.
    pub is_synced: bool,
    /// The ms by which a touch must at least move a session's expiry.
    pub touch_after: i64,
    /// About how many bytes the file may have, without its log. If it gets larger, the sessions are
    /// removed that expire first. `None` for no bound.
    pub max_bytes: Option<usize>,
    /// Whether a damaged file is copied aside and emptied when it is opened.
    pub is_replaced: bool,
    /// The ms between two prunings by the processes that share the file.
    pub check_period: i64,
    /// The number of sessions of each user, `usize::MAX` for no bound. `None` if users are not indexed.
    pub max_of_user: Option<usize>,
}

/// An engine that keeps session texts in a file.
///
/// Several processes and threads may use the file, each by a store of its own.
pub struct DiskStore {
    options: Options,
    state: Mutex<State>,
    /// The connection of the thread that commits and may wait, made when it is needed.
    writer: Mutex<Option<Database>>,
    /// The connection for what takes long, made when it is needed.
    upkeep: Mutex<Upkeep>,
    hasher: DefaultHashBuilder,
    hits: AtomicU64,
    misses: AtomicU64,
    expired: AtomicU64,
    evicted: AtomicU64,
    /// The bytes of the database when the sizes of all sessions were looked at.
    looked_at: AtomicUsize,
    /// How many changes were committed since the last checkpoint.
    committed: AtomicUsize,
    /// Whether removed sessions are collected: see [`Engine::take_removed`].
    is_watched: AtomicBool,
    removed: Mutex<Vec<Removed>>,
}

/// What [`Engine::finish`] returns.
type Finished = Result<Vec<Unmade>, Error>;

/// What the methods that must not wait use.
struct State {
    /// `None` when the store is closed.
    database: Option<Database>,
    changes: Changes,
    /// The changes that another thread commits now.
    in_flight: Option<Arc<Changes>>,
    /// What came of such changes, if `close` has committed them.
    finished: Option<Finished>,
    cookies: CookieTextCache,
    recent: Recent,
    /// The latest moment that was seen.
    moment: u64,
    /// The moment of the last change that stores or ends a session.
    stored: u64,
    /// The time that a call has named last, in ms since the epoch.
    clock: i64,
}

#[derive(Default)]
struct Upkeep {
    database: Option<Database>,
    /// Who prunes, for the other processes: a number that no other store has.
    owner: i64,
    /// The key of the session that was pruned last, if there is more to prune.
    pruned_to: Option<i64>,
}

/// The ms for which a store that prunes keeps others from it.
const LEASE: i64 = 30_000;

/// The session that the state has for a sid.
type Known = Header<Arc<CookieText>>;

impl State {
    /// Returns the current moment: µs since the epoch, or more, so that it is later than all that
    /// were seen.
    fn now(&mut self) -> u64 {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH);
        let clock = clock.map_or(1, |since| since.as_micros() as u64);
        self.moment = clock.max(self.moment + 1);
        self.moment
    }

    /// Looks a session up, and appends its text to `text` if that is given. Returns it with
    /// whether a change that is not committed has stored it.
    fn look_up(
        &mut self,
        sid: &[u8],
        mut text: Option<&mut Vec<u8>>,
    ) -> Answer<Option<(Known, bool)>> {
        // The later touch comes first.
        let mut touches: Vec<Touched> = Vec::new();
        for changes in self.pending() {
            match changes.view(sid) {
                None => {}
                Some(View::Gone) => return Ok(None),
                Some(View::Touched(touched)) => touches.push(touched.clone()),
                Some(View::Stored { record, born, .. }) => {
                    if let Some(text) = &mut text {
                        text.extend_from_slice(&record.text);
                    }
                    let known = Header {
                        expires: record.expires,
                        born: *born,
                        is_classified: record.cookie.is_some(),
                        cookie: record.cookie.clone(),
                    };
                    return Ok(Some((with(known, touches), true)));
                }
            }
        }
        let State {
            database, cookies, ..
        } = self;
        let database = database.as_ref().ok_or(Refusal::Closed)?;
        let cookie_of = |template: &[u8]| cookies.intern_template(template);
        let known = match text {
            Some(text) => database.read(sid, text, cookie_of)?,
            None => database.read_header(sid, cookie_of)?,
        };
        let Some(known) = known else {
            return Ok(None);
        };
        self.moment = self.moment.max(known.born);
        Ok(Some((with(known, touches), false)))
    }

    /// Returns the changes that are not committed, the later ones first.
    fn pending(&self) -> impl Iterator<Item = &Changes> {
        std::iter::once(&self.changes).chain(self.in_flight.as_deref())
    }

    /// Returns what the changes that are not committed say of the moment at which the sid was
    /// inserted, `None` for no record, and whether that holds whatever the database has.
    fn pending_born(&self, sid: &[u8]) -> (Option<u64>, bool) {
        let mut moment = None;
        for changes in self.pending() {
            match changes.view(sid) {
                Some(View::Gone) => return (moment, true),
                Some(View::Stored { born, is_new, .. }) => {
                    moment = Some(*born);
                    if *is_new {
                        return (moment, true);
                    }
                }
                _ => {}
            }
        }
        (moment, false)
    }

    /// Returns the moment at which the sid was inserted. `None` if it has no record.
    fn born(&mut self, sid: &[u8]) -> Answer<Option<u64>> {
        let (pending, is_known) = self.pending_born(sid);
        if is_known {
            return Ok(pending);
        }
        let database = self.database.as_ref().ok_or(Refusal::Closed)?;
        let stored = database.read_header(sid, |_| Some(()))?;
        let stored = stored.map(|header| header.born);
        self.moment = self.moment.max(stored.unwrap_or(0));
        Ok(stored.or(pending))
    }

    /// Whether a change of `sid` is not committed. A touch is not left out then, as who asks for it
    /// waits for the touch, and so for that change.
    fn is_pending(&self, sid: &[u8]) -> bool {
        self.pending().any(|changes| changes.view(sid).is_some())
    }

    /// Whether a change that is not committed has destroyed `sid` at the moment `since` or later.
    fn has_destroyed(&self, sid: &[u8], since: u64) -> bool {
        let (born, is_known) = self.pending_born(sid);
        is_known && born.is_none_or(|born| born >= since)
    }
}

/// Returns what is known of a session after touches, of which the last one is made first.
fn with(known: Known, touches: Vec<Touched>) -> Known {
    let touch = |known: Known, touched: Touched| {
        if !touched.suits(known.cookie.as_ref(), known.expires) {
            return known;
        }
        Header {
            expires: touched.expires,
            cookie: Some(touched.cookie),
            ..known
        }
    };
    touches.into_iter().rev().fold(known, touch)
}

/// Whether a session with this expiry is alive at `now`.
fn is_live(expires: Option<i64>, now: i64) -> bool {
    expires.is_none_or(|expires| expires > now)
}

/// The expiry of a session that does not expire, in [`Recent`].
const NEVER: i64 = i64::MAX;

impl DiskStore {
    /// Opens the file, and makes it if there is none, with its folder.
    ///
    /// Returns the store and, if a damaged file was emptied, a warning that names the copy.
    ///
    /// # Errors
    /// [`Error::Engine`] with a message that names the file and says what to do.
    pub fn open(options: Options) -> Result<(DiskStore, Option<String>), Error> {
        let (database, warning) =
            file::open(&options.path, &options).map_err(|refusal| refusal.error(&options.path))?;
        let state = State {
            database: Some(database),
            changes: Changes::default(),
            in_flight: None,
            finished: None,
            cookies: CookieTextCache::default(),
            recent: Recent::default(),
            moment: 0,
            stored: 0,
            clock: i64::MIN,
        };
        let store = DiskStore {
            options,
            state: Mutex::new(state),
            writer: Mutex::default(),
            upkeep: Mutex::new(Upkeep {
                owner: i64::from_ne_bytes(rand::random()),
                ..Upkeep::default()
            }),
            hasher: DefaultHashBuilder::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            looked_at: AtomicUsize::new(0),
            committed: AtomicUsize::new(0),
            is_watched: AtomicBool::new(false),
            removed: Mutex::default(),
        };
        Ok((store, warning))
    }

    fn error(&self, refusal: Refusal) -> Error {
        if let Refusal::Damaged(_) = refusal {
            file::mark_damaged(&self.options.path);
        }
        refusal.error(&self.options.path)
    }

    fn hash(&self, sid: &[u8]) -> u64 {
        self.hasher.hash_one(sid)
    }

    /// Stores a record, unless it is known already that `sid` was destroyed at the moment `since`
    /// or later.
    fn store(
        &self,
        state: &mut State,
        sid: &[u8],
        text: &[u8],
        cookie: Option<Arc<CookieText>>,
        expires: Option<i64>,
        condition: Condition,
    ) -> Stored {
        if let Condition::BornBefore(since) = condition
            && state.has_destroyed(sid, since)
        {
            return Stored::Destroyed;
        }
        let common = cookie.as_ref().filter(|cookie| cookie.is_shareable);
        let id = common.map(|cookie| cookie.id);
        let hash = self.hash(sid);
        match &cookie {
            Some(cookie) => state.recent.note(hash, cookie.id, expires.unwrap_or(NEVER)),
            None => state.recent.forget(hash),
        }
        let born = state.now();
        state.stored = born;
        let limit = self.limit_of(text, state.clock);
        state.changes.push(Change::Put {
            sid: Arc::from(sid),
            record: Arc::new(Record {
                cookie,
                text: Arc::from(text),
                expires,
            }),
            born,
            condition,
            limit,
        });
        Stored::Done(id)
    }

    /// Returns how many sessions the user may have whose a text is that is stored at the time `now`.
    fn limit_of(&self, text: &[u8], now: i64) -> Option<Limit> {
        let most = self.options.max_of_user.filter(|&most| most < usize::MAX)?;
        let named = Whose::of(text)?.latest();
        let now = now.max(named.unwrap_or(i64::MIN));
        Some(Limit { most, now })
    }

    /// Stores a session that comes in its two parts: see [`Engine::put`].
    fn put_parts(
        &self,
        state: &mut State,
        sid: &[u8],
        cookie: &[u8],
        data: &[u8],
        deadline: Option<i64>,
        condition: Condition,
    ) -> Stored {
        if let Some((cookie, date)) = state.cookies.intern(cookie) {
            let expires = date.or(deadline);
            return self.store(state, sid, data, Some(cookie), expires, condition);
        }
        let text = session_text::join(data, cookie.len(), |text| text.extend_from_slice(cookie));
        self.store(state, sid, &text, None, deadline, condition)
    }

    /// Whether a touch that moves the expiry from `old` to `new` is left out.
    fn is_small(&self, old: Option<i64>, new: Option<i64>, now: i64) -> bool {
        let least = self.options.touch_after;
        match (old, new) {
            (None, None) => true,
            (Some(old), Some(new)) => {
                let lives_long = new.saturating_sub(now) >= least.saturating_mul(2);
                new == old || (new > old && new.saturating_sub(old) < least && lives_long)
            }
            _ => false,
        }
    }

    /// Touches a session.
    fn touch_session(&self, state: &mut State, sid: &[u8], touched: Touched) -> Changed {
        let expires = touched.expires.unwrap_or(NEVER);
        state
            .recent
            .note(self.hash(sid), touched.cookie.id, expires);
        state.changes.push(Change::Touch {
            sid: Arc::from(sid),
            touched,
        });
        Changed::Done
    }

    /// Locks the state, which must not be closed.
    fn open_state(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.state.lock();
        match state.database {
            Some(_) => Ok(state),
            None => Err(self.error(Refusal::Closed)),
        }
    }

    /// Locks the state for a call that names the time.
    fn open_state_at(&self, now: i64) -> Result<MutexGuard<'_, State>, Error> {
        let mut state = self.open_state()?;
        state.clock = now;
        Ok(state)
    }

    fn is_watched(&self) -> bool {
        self.is_watched.load(Relaxed)
    }

    /// Makes changes, all or none.
    fn make(&self, database: &Database, changes: &[Change]) -> Answer<Vec<Unmade>> {
        let Made { unmade, removed } = database.make(changes, self.is_watched())?;
        self.note_removed(removed);
        self.committed.fetch_add(changes.len(), Relaxed);
        Ok(unmade)
    }

    /// Makes each change alone.
    fn make_each(&self, database: &Database, changes: &[Change]) -> Vec<Unmade> {
        let mut unmade = Vec::new();
        let mut is_locked = false;
        for change in changes {
            let made = match is_locked {
                false => insist(|| self.make(database, slice::from_ref(change))),
                true => Err(Refusal::Busy),
            };
            is_locked = matches!(made, Err(Refusal::Busy));
            match made {
                Ok(more) => unmade.extend(more),
                Err(refusal) => unmade.push(Unmade {
                    sid: change.sid().map(Box::from),
                    moment: change.moment(),
                    error: Some(self.error(refusal)),
                }),
            }
        }
        unmade
    }

    /// Commits the changes that are in flight, by the connection of the thread that may wait. If
    /// that is for `close`, the outcome is kept for the thread that must call `finish`.
    fn land(&self, is_for_close: bool) -> Finished {
        let mut writer = self.writer.lock();
        let changes = {
            let mut state = self.state.lock();
            if !is_for_close && let Some(finished) = state.finished.take() {
                return finished;
            }
            match &state.in_flight {
                Some(changes) => Arc::clone(changes),
                None => return Ok(Vec::new()),
            }
        };
        let connected = match writer.take() {
            Some(database) => Ok(database),
            None => self.connect(),
        };
        let finished = connected.and_then(|database| {
            let database = writer.insert(database);
            match insist(|| self.make(database, changes.list())) {
                Ok(unmade) => Ok(unmade),
                Err(Refusal::Busy) => Err(self.error(Refusal::Busy)),
                Err(_) => Ok(self.make_each(database, changes.list())),
            }
        });
        let mut state = self.state.lock();
        state.in_flight = None;
        if is_for_close && state.finished.is_none() {
            state.finished = Some(finished.clone());
        }
        finished
    }

    /// Calls `work` with the connection for what takes long.
    fn with_upkeep<T>(
        &self,
        work: impl FnOnce(&mut Database, &mut Option<i64>, i64) -> Answer<T>,
    ) -> Result<T, Error> {
        let mut upkeep = self.upkeep.lock();
        let Upkeep {
            database,
            owner,
            pruned_to,
        } = &mut *upkeep;
        let database = match database {
            Some(database) => database,
            None => database.insert(self.connect()?),
        };
        work(database, pruned_to, *owner).map_err(|refusal| self.error(refusal))
    }

    fn connect(&self) -> Result<Database, Error> {
        if self.state.lock().database.is_none() {
            return Err(Refusal::Closed.error(&self.options.path));
        }
        Database::open(&self.options.path, Patience::Long, self.options.is_synced)
            .and_then(|database| database.look_for_users().map(|()| database))
            .map_err(|refusal| self.error(refusal))
    }

    /// Collects removed sessions.
    fn note_removed(&self, removed: Vec<Removed>) {
        if !removed.is_empty() {
            self.removed.lock().extend(removed);
        }
    }
}

impl Engine for DiskStore {
    fn get(&self, sid: &[u8], now: i64, asker: Asker, text: &mut Vec<u8>) -> Result<Found, Error> {
        let mut state = self.open_state_at(now)?;
        text.clear();
        let known = state.look_up(sid, Some(text));
        let known = known.map_err(|refusal| self.error(refusal))?;
        let Some((known, is_pending)) = known.filter(|(known, _)| is_live(known.expires, now))
        else {
            text.clear();
            if asker != Asker::Viewer {
                self.misses.fetch_add(1, Relaxed);
            }
            return Ok(Found::Missing);
        };
        let found = match known.cookie {
            Some(cookie) if cookie.is_shareable || asker != Asker::Middleware => {
                let expires = known.expires.unwrap_or(NEVER);
                state.recent.note(self.hash(sid), cookie.id, expires);
                Found::Live(Live {
                    expires: known.expires.filter(|_| cookie.has_date()),
                    moment: if is_pending {
                        state.now()
                    } else {
                        known.born + 1
                    },
                    cookie,
                })
            }
            _ => {
                state.recent.forget(self.hash(sid));
                Found::Unclear {
                    is_classified: known.is_classified,
                }
            }
        };
        let is_use = match asker {
            Asker::User => true,
            Asker::Middleware => matches!(found, Found::Live(_)),
            Asker::Viewer => false,
        };
        if is_use {
            self.hits.fetch_add(1, Relaxed);
        }
        Ok(found)
    }

    fn peek(&self, sid: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut state = self.open_state()?;
        let mut text = Vec::new();
        let known = state.look_up(sid, Some(&mut text));
        let known = known.map_err(|refusal| self.error(refusal))?;
        Ok(known.map(|(known, _)| match known.cookie {
            Some(cookie) => cookie.whole(known.expires.filter(|_| cookie.has_date()), &text),
            None => text,
        }))
    }

    fn put(
        &self,
        sid: &[u8],
        cookie: &[u8],
        data: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error> {
        let mut state = self.open_state()?;
        let condition = Condition::of(since);
        Ok(self.put_parts(&mut state, sid, cookie, data, deadline, condition))
    }

    /// Whether it was stored is known when the change is committed.
    fn put_if_unchanged(
        &self,
        sid: &[u8],
        base: &[u8],
        cookie: NewCookie,
        data: &[u8],
        now: i64,
        deadline: Option<i64>,
    ) -> Result<Changed, Error> {
        let mut state = self.open_state_at(now)?;
        let condition = Condition::Unchanged {
            base: Box::from(base),
            now,
        };
        match cookie {
            NewCookie::Json(cookie) => {
                self.put_parts(&mut state, sid, cookie, data, deadline, condition)
            }
            NewCookie::Known(id, date) => {
                let known = state.cookies.get(id);
                let Some(cookie) = known.filter(|known| known.can_expire(date)) else {
                    return Ok(Changed::Refused);
                };
                let expires = date.or(deadline);
                self.store(&mut state, sid, data, Some(cookie), expires, condition)
            }
            NewCookie::InText => self.store(&mut state, sid, data, None, deadline, condition),
        };
        Ok(Changed::Done)
    }

    fn set_raw(
        &self,
        sid: &[u8],
        text: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error> {
        let mut state = self.open_state()?;
        let condition = Condition::of(since);
        Ok(self.store(&mut state, sid, text, None, deadline, condition))
    }

    /// Stores the session also if the one that is there has another cookie.
    fn write(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        since: Option<u64>,
        data: &[u8],
    ) -> Result<Changed, Error> {
        let mut state = self.open_state()?;
        let known = state.cookies.get(cookie);
        let Some(cookie) = known.filter(|known| known.can_expire(date)) else {
            return Ok(Changed::Refused);
        };
        let expires = date.or(deadline);
        Ok(
            match self.store(
                &mut state,
                sid,
                data,
                Some(cookie),
                expires,
                Condition::of(since),
            ) {
                Stored::Done(_) => Changed::Done,
                Stored::Destroyed => Changed::Destroyed,
            },
        )
    }

    /// Refuses while the file is busy.
    fn touch(
        &self,
        sid: &[u8],
        cookie: &[u8],
        now: i64,
        deadline: Option<i64>,
    ) -> Result<Changed, Error> {
        let mut state = self.open_state_at(now)?;
        let made = state.cookies.intern(cookie);
        let known = match state.look_up(sid, None) {
            Err(Refusal::Busy) => return Ok(Changed::Refused),
            known => known.map_err(|refusal| self.error(refusal))?,
        };
        let Some((known, _)) = known.filter(|(known, _)| is_live(known.expires, now)) else {
            return Ok(Changed::Missing);
        };
        let (Some((cookie, date)), Some(old)) = (made, known.cookie) else {
            return Ok(Changed::Refused);
        };
        let expires = date.or(deadline);
        let is_same = old.template() == cookie.template();
        if is_same && !state.is_pending(sid) && self.is_small(known.expires, expires, now) {
            return Ok(Changed::Kept);
        }
        let touched = Touched {
            cookie,
            expires,
            must_match: false,
            now,
        };
        Ok(self.touch_session(&mut state, sid, touched))
    }

    /// Refuses while the file is busy.
    fn renew(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        now: i64,
    ) -> Result<Changed, Error> {
        let mut state = self.open_state_at(now)?;
        let recent = state.recent.expiry(self.hash(sid), cookie);
        let recent = recent.filter(|&expires| expires > now);
        let (old, known) = match (recent, state.cookies.get(cookie)) {
            (Some(old), Some(known)) => ((old != NEVER).then_some(old), known),
            _ => {
                let known = match state.look_up(sid, None) {
                    Err(Refusal::Busy) => return Ok(Changed::Refused),
                    known => known.map_err(|refusal| self.error(refusal))?,
                };
                let Some((known, _)) = known.filter(|(known, _)| is_live(known.expires, now))
                else {
                    return Ok(Changed::Missing);
                };
                match known.cookie.filter(|known| known.id == cookie) {
                    Some(cookie) => (known.expires, cookie),
                    None => return Ok(Changed::Refused),
                }
            }
        };
        let date = match known.renewal {
            Renewal::Date { lifetime } => date.or_else(|| now.checked_add(lifetime)),
            _ => date,
        };
        if !known.can_expire(date) {
            return Ok(Changed::Refused);
        }
        let expires = date.or(deadline);
        if !state.is_pending(sid) && self.is_small(old, expires, now) {
            return Ok(Changed::Kept);
        }
        let touched = Touched {
            cookie: known,
            expires,
            must_match: true,
            now,
        };
        Ok(self.touch_session(&mut state, sid, touched))
    }

    fn classify(
        &self,
        sid: &[u8],
        text: &[u8],
        is_session: bool,
        expires: Option<i64>,
        now: i64,
    ) -> Result<(), Error> {
        self.open_state_at(now)?.changes.push(Change::Classify {
            sid: Arc::from(sid),
            text: Box::from(text),
            is_session,
            expires,
        });
        Ok(())
    }

    /// Returns none: such a text is classified when it is read.
    fn unclassified(&self, _from: u64, _budget: usize) -> Result<Slice, Error> {
        Ok((Vec::new(), None))
    }

    /// Whether there is a session is not known while the file is busy: then it says that there is.
    fn destroy(&self, sid: &[u8]) -> Result<bool, Error> {
        let mut state = self.open_state()?;
        let is_there = match state.born(sid) {
            Err(Refusal::Busy) => true,
            born => born.map_err(|refusal| self.error(refusal))?.is_some(),
        };
        let hash = self.hash(sid);
        state.recent.forget(hash);
        state.changes.push(Change::Destroy {
            sid: Arc::from(sid),
        });
        Ok(is_there)
    }

    fn clear(&self) -> Result<(), Error> {
        let mut state = self.open_state()?;
        state.recent.clear();
        state.changes.push(Change::Clear);
        Ok(())
    }

    fn sessions_of(&self, user: &[u8], now: i64) -> Result<Vec<Listed>, Error> {
        let mut state = self.open_state_at(now)?;
        if self.options.max_of_user.is_none() {
            return Ok(Vec::new());
        }
        let State {
            database, cookies, ..
        } = &mut *state;
        let database = database.as_ref().ok_or(Refusal::Closed);
        let cookie_of = |template: &[u8]| cookies.intern_template(template);
        let found = database.and_then(|database| database.sessions_of(user, now, cookie_of));
        found.map_err(|refusal| self.error(refusal))
    }

    /// Whether it was one of the user is known when the change is committed.
    fn end(&self, user: &[u8], sid: &[u8], now: i64) -> Result<bool, Error> {
        let mut state = self.open_state_at(now)?;
        if self.options.max_of_user.is_none() {
            return Ok(false);
        }
        state.recent.forget(self.hash(sid));
        let moment = state.now();
        state.stored = moment;
        state.changes.push(Change::End {
            sid: Arc::from(sid),
            user: Box::from(user),
            now,
            moment,
        });
        Ok(true)
    }

    fn moment(&self) -> Result<u64, Error> {
        Ok(self.open_state()?.now())
    }

    fn last_change(&self) -> Result<u64, Error> {
        Ok(self.state.lock().stored)
    }

    fn was_destroyed(&self, sid: &[u8], since: u64) -> Result<bool, Error> {
        let mut state = self.open_state()?;
        let born = state.born(sid).map_err(|refusal| self.error(refusal))?;
        Ok(born.is_none_or(|born| born >= since))
    }

    /// In the order of their keys. Sessions whose changes are not committed yet are as they were.
    fn sids(&self) -> Result<Vec<Box<[u8]>>, Error> {
        self.sids_after(None, usize::MAX)
    }

    fn sids_after(&self, after: Option<&[u8]>, count: usize) -> Result<Vec<Box<[u8]>>, Error> {
        let state = self.open_state()?;
        let database = state.database.as_ref().ok_or(Refusal::Closed);
        let sids = database.and_then(|database| database.sids(after, count));
        sids.map_err(|refusal| self.error(refusal))
    }

    /// Reads all sessions, and removes none.
    fn len(&self, now: i64) -> Result<usize, Error> {
        drop(self.open_state_at(now)?);
        let (live, _) = self.with_upkeep(|database, _, _| database.count(now))?;
        Ok(live)
    }

    /// Does nothing if another process does it, or has done it lately, unless the budget is
    /// `usize::MAX`.
    fn prune(&self, now: i64, budget: usize) -> Result<bool, Error> {
        drop(self.open_state_at(now)?);
        let is_forced = budget == usize::MAX;
        let mut removed = self.is_watched().then(Vec::new);
        let done = self.with_upkeep(|database, pruned_to, owner| {
            let period = self.options.check_period - self.options.check_period / 10;
            if is_forced {
                *pruned_to = None;
            } else if !database.take_upkeep(owner, now, LEASE, period)? {
                *pruned_to = None;
                return Ok(true);
            }
            let (count, last) = database.prune(*pruned_to, budget, now, removed.as_mut())?;
            self.expired.fetch_add(count as u64, Relaxed);
            let is_done = last.is_none();
            *pruned_to = last;
            if is_done {
                database.end_upkeep(owner, now)?;
            }
            Ok(is_done)
        });
        self.note_removed(removed.unwrap_or_default());
        done
    }

    fn maintain(&self, _now: i64) -> Result<(), Error> {
        let mut removed = self.is_watched().then(Vec::new);
        let done = self.with_upkeep(|database, _, _| {
            let committed = self.committed.load(Relaxed);
            if committed > 0 {
                database.checkpoint()?;
                self.committed.fetch_sub(committed, Relaxed);
            }
            let Some(most) = self.options.max_bytes else {
                return Ok(());
            };
            // Pages that are not full take more sessions. So the file is looked through only when
            // it has grown.
            let bytes = database.bytes()?;
            let looked_at = self.looked_at.load(Relaxed);
            if bytes > most && bytes > looked_at + looked_at / 64 {
                let count = database.evict(most, removed.as_mut())?;
                self.evicted.fetch_add(count as u64, Relaxed);
                self.looked_at.store(database.bytes()?, Relaxed);
                database.checkpoint()?;
            }
            Ok(())
        });
        self.note_removed(removed.unwrap_or_default());
        done
    }

    fn commit(&self) -> Result<Commit, Error> {
        let mut state = self.open_state()?;
        if state.in_flight.is_some() {
            return Ok(Commit::Waiting);
        }
        let State {
            database, changes, ..
        } = &mut *state;
        if changes.is_empty() {
            return Ok(Commit::Done(Vec::new()));
        }
        // What cannot be made at once is left to the thread that may wait, also if it fails.
        if let Some(database) = database
            && !self.options.is_synced
            && !changes.is_long()
            && let Ok(unmade) = self.make(database, changes.list())
        {
            *changes = Changes::default();
            return Ok(Commit::Done(unmade));
        }
        state.in_flight = Some(Arc::new(std::mem::take(&mut state.changes)));
        Ok(Commit::Waiting)
    }

    fn finish(&self) -> Result<Vec<Unmade>, Error> {
        self.land(false)
    }

    fn wait(&self) -> Result<(), Error> {
        drop(self.open_state()?);
        let looked = insist(|| Database::open(&self.options.path, Patience::Long, false)?.look());
        looked.map_err(|refusal| self.error(refusal))
    }

    /// The error is that of the first change that was not made. Does nothing if the store is closed.
    fn close(&self) -> Result<(), Error> {
        if self.state.lock().database.is_none() {
            return Ok(());
        }
        let mut error = None;
        let mut note = |finished: Finished| {
            let failed = match finished {
                Ok(unmade) => unmade.into_iter().find_map(|unmade| unmade.error),
                Err(error) => Some(error),
            };
            error = error.take().or(failed);
        };
        loop {
            match self.commit() {
                Ok(Commit::Waiting) => note(self.land(true)),
                Ok(Commit::Done(unmade)) => break note(Ok(unmade)),
                Err(error) => break note(Err(error)),
            }
        }
        // Each connection is closed outside the lock of the state, as the last one may copy the log.
        let database = self.state.lock().database.take();
        drop(database);
        *self.writer.lock() = None;
        self.upkeep.lock().database = None;
        error.map_or(Ok(()), Err)
    }

    fn take_removed(&self) -> Result<Vec<Removed>, Error> {
        self.is_watched.store(true, Relaxed);
        Ok(std::mem::take(&mut self.removed.lock()))
    }

    /// Reads all sessions.
    fn stats(&self) -> Result<Stats, Error> {
        let (sessions, bytes) = self.with_upkeep(|database, _, _| {
            let (_, all) = database.count(0)?;
            Ok((all, database.bytes()?))
        })?;
        Ok(Stats {
            sessions,
            bytes,
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            expired: self.expired.load(Relaxed),
            evicted: self.evicted.load(Relaxed),
        })
    }

    fn bytes(&self) -> usize {
        0
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        // There is nobody to tell of an error.
        self.close().ok();
    }
}
