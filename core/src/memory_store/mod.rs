//! Sessions in memory, as text.

mod destroyed;
mod due;
mod order;
mod shard;
pub mod shared;

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use hashbrown::DefaultHashBuilder;
use parking_lot::{Mutex, MutexGuard};

use crate::cookie_text::{CookieText, CookieTexts};
use crate::session_text::{self, Renewal};
use destroyed::Destroyed;
use order::Order;
pub use shard::Kind;
use shard::{NEVER, Record, Shard};

/// What the store knows of a sid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No session, or one that has expired.
    Missing,
    /// A session that has not expired.
    Live(Live),
    /// A text that only JavaScript can read.
    Unclear {
        /// Whether JavaScript has said what it is and when it expires: it has not.
        is_judged: bool,
    },
}

/// A stored session, its data aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The cookie, its date aside.
    pub cookie: Arc<CookieText>,
    /// Its date, in ms since the epoch.
    pub expires: Option<i64>,
    /// The moment at which it was found: see [`MemoryStore::moment`].
    pub moment: u64,
}

/// Who looks a session up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A request or a program that uses the session.
    User,
    /// A request that uses the session if its cookie is common, and otherwise asks again
    /// by another way: then this is no use, and the answer is unclear.
    Door,
    /// Somebody who looks through the store, which is no use of its sessions.
    Viewer,
}

/// What came of a change to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was made.
    Done,
    /// No session, or one that has expired.
    Missing,
    /// The session has another cookie than the caller thinks, or only JavaScript can
    /// judge and change its text.
    Not,
    /// The session was destroyed since the moment that the caller named.
    Destroyed,
}

/// What came of storing a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It was stored; with the id of its cookie, if that is common.
    Done(Option<u64>),
    /// The session was destroyed since the moment that the caller named.
    Destroyed,
}

/// How much a store holds. Beyond it, the session goes whose last use is the longest ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Sessions.
    pub max: Option<usize>,
    /// Bytes of all that is kept of them, as [`Stats::bytes`] counts them.
    pub max_bytes: Option<usize>,
}

/// Why a session is not in the store any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its time was over.
    Expired,
    /// The store was full.
    Evicted,
    /// Somebody destroyed it, or all.
    Destroyed,
}

/// A session that is not in the store any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its id.
    pub sid: Box<[u8]>,
    /// Its whole text.
    pub text: Vec<u8>,
    /// Why it is gone.
    pub reason: Reason,
}

/// What a store has done so far, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sessions, expired ones that nobody has found yet included.
    pub sessions: usize,
    /// Bytes of all that is kept of them: sids, data, cookies, of which one that many have
    /// in common counts once, and what it takes to keep these.
    pub bytes: usize,
    /// Look-ups that found a session.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
    /// Sessions removed because their time was over.
    pub expired: u64,
    /// Sessions removed because the store was full.
    pub evicted: u64,
}

/// Bytes that an allocator takes for a piece of memory beside what was asked for, about.
pub const ALLOCATION: usize = 16;

/// What a record costs in [`MemoryStore::unjudged`] that JavaScript is to judge, its length
/// aside; any other costs 1. It stands for the time that each takes.
const JUDGEMENT: usize = 1000;

/// Locks, so that threads seldom wait for each other; and so that no table is ever so
/// large that growing it takes long.
const SHARDS: usize = 16;

/// A store of session texts by sid.
///
/// A text is handed back byte for byte. Every method holds a lock for as long as one
/// look-up takes, so that several threads may hold one store. Looking up, storing and
/// removing take time O(1); a session that expires costs O(log n) once in a lifetime.
///
/// Who has loaded a session and stores it later can name the moment of loading: then the
/// session is not stored if somebody has destroyed it since. That it was evicted or has
/// expired since does not matter.
pub struct MemoryStore {
    shards: [Mutex<Shard>; SHARDS],
    hasher: DefaultHashBuilder,
    cookies: Mutex<CookieTexts>,
    bounds: Bounds,
    sessions: AtomicUsize,
    bytes: AtomicUsize,
    /// The serial number of the next record to be inserted, or of the next sid to be
    /// destroyed. It is taken under the lock of the sid's shard.
    serial: AtomicU64,
    /// The number of the next use.
    used: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    expired: AtomicU64,
    evicted: AtomicU64,
    is_watched: AtomicBool,
    removed: Mutex<Vec<Removed>>,
}

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore::new(Bounds::default())
    }
}

/// A session's whole text.
fn whole(cookie: &CookieText, date: Option<i64>, data: &[u8]) -> Vec<u8> {
    session_text::join(data, cookie.bytes(), |text| cookie.write(date, text))
}

impl Record {
    fn whole(&self) -> Vec<u8> {
        match &self.cookie {
            Some(cookie) => whole(cookie, self.date(), self.text()),
            None => self.text().to_vec(),
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new(bounds: Bounds) -> MemoryStore {
        let is_bounded = bounds != Bounds::default();
        MemoryStore {
            shards: std::array::from_fn(|_| Mutex::new(Shard::new(is_bounded))),
            hasher: DefaultHashBuilder::default(),
            cookies: Mutex::default(),
            bounds,
            sessions: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            // 0 is no moment.
            serial: AtomicU64::new(1),
            used: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            is_watched: AtomicBool::new(false),
            removed: Mutex::default(),
        }
    }

    /// What it was made with.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// From now on keeps what is removed, for [`take_removed`](MemoryStore::take_removed).
    pub fn watch(&self) {
        self.is_watched.store(true, Relaxed);
    }

    /// What was removed since the last call.
    pub fn take_removed(&self) -> Vec<Removed> {
        std::mem::take(&mut self.removed.lock())
    }

    /// This moment: what is destroyed from now on has a later one.
    pub fn moment(&self) -> u64 {
        self.serial.load(Relaxed)
    }

    /// The session of `sid` at `now`, in ms since the epoch, and in `text` its data
    /// without the cookie, a JSON object; or the whole of an unclear text. An expired
    /// one is removed.
    pub fn get(&self, sid: &[u8], now: i64, asker: Asker, text: &mut Vec<u8>) -> Found {
        text.clear();
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = self.live(&mut shard, hash, sid, now) else {
            if asker != Asker::Viewer {
                self.misses.fetch_add(1, Relaxed);
            }
            return Found::Missing;
        };
        let Some(record) = shard.record(number) else {
            return Found::Missing;
        };
        let found = match &record.cookie {
            Some(cookie) if cookie.is_common || asker != Asker::Door => Found::Live(Live {
                cookie: Arc::clone(cookie),
                expires: record.date(),
                moment: self.moment(),
            }),
            _ => Found::Unclear {
                is_judged: record.kind != Kind::Unjudged,
            },
        };
        let is_use = match asker {
            Asker::User => true,
            Asker::Door => matches!(found, Found::Live(_)),
            Asker::Viewer => false,
        };
        text.extend_from_slice(record.text());
        if is_use {
            self.hits.fetch_add(1, Relaxed);
            self.use_record(&mut shard, number);
        }
        found
    }

    /// [`get`](MemoryStore::get), with the whole text.
    pub fn get_whole(&self, sid: &[u8], now: i64, asker: Asker, text: &mut Vec<u8>) -> Found {
        let found = self.get(sid, now, asker, text);
        if let Found::Live(live) = &found {
            *text = whole(&live.cookie, live.expires, text);
        }
        found
    }

    /// Stores a session's text, made by `JSON.stringify`. If its cookie has no date it
    /// expires at `deadline`, in ms since the epoch, or never. It is not stored if it was
    /// destroyed since the moment `since`.
    pub fn set(
        &self,
        sid: &[u8],
        text: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Stored {
        match session_text::split(text) {
            Some((cookie, data)) => self.put(sid, cookie, &data, deadline, since),
            None => self.set_raw(sid, text, deadline, since),
        }
    }

    /// [`set`](MemoryStore::set) of a session in parts: its cookie's JSON, and its data
    /// without the cookie as a JSON object.
    pub fn put(
        &self,
        sid: &[u8],
        cookie: &[u8],
        data: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Stored {
        // The lock is free again before another is taken.
        let made = self.cookies.lock().of(cookie);
        if let Some((cookie, date)) = made {
            let id = cookie.is_common.then_some(cookie.id);
            let is_stored = self.store(sid, data, Some(cookie), date.or(deadline), since);
            return if is_stored {
                Stored::Done(id)
            } else {
                Stored::Destroyed
            };
        }
        let text = session_text::join(data, cookie.len(), |text| text.extend_from_slice(cookie));
        self.set_raw(sid, &text, deadline, since)
    }

    /// [`put`](MemoryStore::put) of a session whose cookie is known by its id and has the
    /// date `date`, in ms since the epoch: it must be the cookie that the stored session
    /// has, expired or not, or that the store remembers, and able to have the date.
    pub fn write(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        since: Option<u64>,
        data: &[u8],
    ) -> Changed {
        let (shard, hash) = self.shard(sid);
        let number = shard.find(hash, sid);
        if since.is_some_and(|since| shard.was_destroyed(hash, number, since)) {
            return Changed::Destroyed;
        }
        let known = match number.and_then(|number| shard.record(number)) {
            Some(record) => record.cookie.clone().filter(|known| known.id == cookie),
            None => self.cookies.lock().known(cookie),
        };
        let Some(known) = known.filter(|known| known.can_expire(date)) else {
            return Changed::Not;
        };
        let sid = (hash, number, sid);
        self.store_in(shard, sid, data, Some(known), date.or(deadline));
        Changed::Done
    }

    /// Stores a text of unknown origin, which need not be a session.
    pub fn set_raw(
        &self,
        sid: &[u8],
        text: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Stored {
        if self.store(sid, text, None, deadline, since) {
            Stored::Done(None)
        } else {
            Stored::Destroyed
        }
    }

    /// Takes down what JavaScript says of a text that only it can judge: whether it is a
    /// session, and when it expires, in ms since the epoch; at `now` that may be over.
    /// Does nothing if the text of `sid` is another one by now.
    pub fn judge(&self, sid: &[u8], text: &[u8], is_session: bool, expires: Option<i64>, now: i64) {
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = shard.find(hash, sid) else {
            return;
        };
        let record = shard.record(number);
        if !record.is_some_and(|record| record.cookie.is_none() && record.text() == text) {
            return;
        }
        let kind = if is_session {
            Kind::Session
        } else {
            Kind::NoSession
        };
        shard.judge(number, kind);
        if let Some(expires) = expires {
            shard.renew(number, expires);
        }
        self.live(&mut shard, hash, sid, now);
    }

    /// Puts `cookie`, a JSON text, in place of the session's cookie.
    pub fn touch(&self, sid: &[u8], cookie: &[u8], now: i64, deadline: Option<i64>) -> Changed {
        let made = self.cookies.lock().of(cookie);
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = self.live(&mut shard, hash, sid, now) else {
            return Changed::Missing;
        };
        self.use_record(&mut shard, number);
        let Some((cookie, date)) = made else {
            return Changed::Not;
        };
        let Some(old) = shard.give_cookie(number, Arc::clone(&cookie)) else {
            return Changed::Not;
        };
        let held = cookie.hold();
        self.bytes.fetch_sub(old.release(), Relaxed);
        self.bytes.fetch_add(held, Relaxed);
        shard.renew(number, date.or(deadline).unwrap_or(NEVER));
        if shard.record(number).is_some_and(|it| !self.fits(it)) {
            self.remove(&mut shard, hash, number, Reason::Evicted);
        }
        drop(shard);
        self.evict();
        Changed::Done
    }

    /// Starts the lifetime of the session's cookie anew, as a request does that
    /// uses the session and does not change it.
    ///
    /// The cookie's date becomes `date`, in ms since the epoch, or the end of its
    /// lifetime after `now` if that is `None`. `cookie` is the id of the cookie it is
    /// thought to have.
    pub fn renew(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        now: i64,
    ) -> Changed {
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = self.live(&mut shard, hash, sid, now) else {
            return Changed::Missing;
        };
        self.use_record(&mut shard, number);
        let known = shard
            .record(number)
            .and_then(|record| record.cookie.as_ref());
        let Some(known) = known.filter(|known| known.id == cookie) else {
            return Changed::Not;
        };
        let date = match known.renewal {
            Renewal::Date { lifetime } => date.or_else(|| now.checked_add(lifetime)),
            _ => date,
        };
        if !known.can_expire(date) {
            return Changed::Not;
        }
        shard.renew(number, date.or(deadline).unwrap_or(NEVER));
        Changed::Done
    }

    /// Removes a session. Returns whether there was one.
    pub fn destroy(&self, sid: &[u8]) -> bool {
        let (mut shard, hash) = self.shard(sid);
        let serial = self.serial.fetch_add(1, Relaxed);
        shard.destroyed.note(hash, serial);
        let number = shard.find(hash, sid);
        if let Some(number) = number {
            self.remove(&mut shard, hash, number, Reason::Destroyed);
        }
        number.is_some()
    }

    /// Whether a session was destroyed since the moment `since`.
    pub fn was_destroyed(&self, sid: &[u8], since: u64) -> bool {
        let (shard, hash) = self.shard(sid);
        shard.was_destroyed(hash, shard.find(hash, sid), since)
    }

    /// Removes every session.
    pub fn clear(&self) {
        for shard in &self.shards {
            let old = {
                let mut shard = shard.lock();
                let mut empty = Shard::new(shard.order.is_some());
                empty.destroyed = Destroyed::all(self.serial.fetch_add(1, Relaxed));
                std::mem::replace(&mut *shard, empty)
            };
            // Freed once the lock is.
            for record in old.records() {
                self.forget(record, Reason::Destroyed);
            }
        }
    }

    /// Whether there is a record of `sid`, expired or not.
    pub fn has(&self, sid: &[u8]) -> bool {
        let (shard, hash) = self.shard(sid);
        shard.find(hash, sid).is_some()
    }

    /// The text of `sid`, expired or not.
    pub fn peek(&self, sid: &[u8]) -> Option<Vec<u8>> {
        let (shard, hash) = self.shard(sid);
        let number = shard.find(hash, sid)?;
        shard.record(number).map(Record::whole)
    }

    /// Every sid in order of insertion, expired ones too. Takes time O(n log n), and
    /// memory for all of them.
    pub fn sids(&self) -> Vec<Box<[u8]>> {
        let mut sids = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            let records = shard.records();
            sids.extend(records.map(|record| (record.serial, Box::from(record.sid()))));
        }
        sids.sort_unstable_by_key(|&(serial, _)| serial);
        sids.into_iter().map(|(_, sid)| sid).collect()
    }

    /// Some of the sids whose texts JavaScript must judge and has not judged yet, and
    /// where to go on, if there may be more; `from` is 0 to begin with. `budget` is how
    /// many records are looked at; one that JavaScript must judge costs as much as many
    /// others, and is handed out if there is any budget left.
    pub fn unjudged(&self, from: u64, mut budget: usize) -> (Vec<Box<[u8]>>, Option<u64>) {
        let mut sids = Vec::new();
        let (first, mut begin) = ((from >> 32) as usize, from as u32);
        for (at, shard) in self.shards.iter().enumerate().skip(first) {
            let shard = shard.lock();
            let numbers = shard.numbers().skip(std::mem::take(&mut begin) as usize);
            for number in numbers.take_while(|_| shard.unjudged > 0) {
                if budget == 0 {
                    return (sids, Some((at as u64) << 32 | u64::from(number)));
                }
                let record = shard.record(number);
                let unjudged = record.filter(|record| record.kind == Kind::Unjudged);
                let cost = unjudged.map_or(1, |record| JUDGEMENT + record.text().len());
                budget = budget.saturating_sub(cost);
                sids.extend(unjudged.map(|record| Box::from(record.sid())));
            }
        }
        (sids, None)
    }

    /// How many sessions are alive at `now`, in ms since the epoch, with texts that
    /// JavaScript has not judged yet; those that have expired are removed. Takes time for
    /// what has expired and is still there, and not for what is alive.
    pub fn len(&self, now: i64) -> usize {
        self.prune(now, usize::MAX);
        let no_sessions = self.shards.iter().map(|shard| shard.lock().no_sessions);
        let no_sessions: usize = no_sessions.sum();
        self.sessions.load(Relaxed).saturating_sub(no_sessions)
    }

    /// Removes sessions that have expired at `now`, in ms since the epoch, looking at about
    /// `budget` records. Returns whether that was enough for all whose second is over; of
    /// those whose second is not, it looks at no more than is left of the budget.
    pub fn prune(&self, now: i64, budget: usize) -> bool {
        let is_done = self.prune_shards(now, budget);
        // The GNU C library's allocator sorts what was freed when it is next asked for a
        // large piece, ten thousand pieces at a time, which takes 5 ms. Asked now it has
        // this slice's to sort, and nobody finds a pile.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(4096)));
        is_done
    }

    fn prune_shards(&self, now: i64, mut budget: usize) -> bool {
        for shard in &self.shards {
            let mut shard = shard.lock();
            while let Some(number) = shard.expired(now, &mut budget) {
                self.remove_expired(&mut shard, number);
            }
            if budget == 0 {
                return false;
            }
        }
        for shard in &self.shards {
            let mut shard = shard.lock();
            for number in shard.expiring(now, &mut budget) {
                self.remove_expired(&mut shard, number);
            }
        }
        true
    }

    fn remove_expired(&self, shard: &mut Shard, number: u32) {
        let sid_hash = shard.record(number).map(|it| self.hash(&it.sid()));
        if let Some(hash) = sid_hash {
            self.remove(shard, hash as u32, number, Reason::Expired);
        }
    }

    /// [`Stats::bytes`].
    pub fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// What it holds, and what it has done.
    pub fn stats(&self) -> Stats {
        Stats {
            sessions: self.sessions.load(Relaxed),
            bytes: self.bytes(),
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            expired: self.expired.load(Relaxed),
            evicted: self.evicted.load(Relaxed),
        }
    }

    fn hash(&self, sid: &[u8]) -> u64 {
        self.hasher.hash_one(sid)
    }

    /// The shard of a sid, and what the shard needs of its hash.
    fn shard(&self, sid: &[u8]) -> (MutexGuard<'_, Shard>, u32) {
        let hash = self.hash(sid);
        // The shard is told by the top bits, the place in it by the bottom ones.
        let shard = (hash >> 32) as usize % SHARDS;
        (self.shards[shard].lock(), hash as u32)
    }

    /// The number of a record that has not expired at `now`. One that has is removed.
    fn live(&self, shard: &mut Shard, hash: u32, sid: &[u8], now: i64) -> Option<u32> {
        let number = shard.find(hash, sid)?;
        if shard.has_expired(number, now) {
            self.remove(shard, hash, number, Reason::Expired);
            return None;
        }
        Some(number)
    }

    fn use_record(&self, shard: &mut Shard, number: u32) {
        if let Some(order) = &mut shard.order {
            order.use_record(number, self.used.fetch_add(1, Relaxed));
        }
    }

    /// Stores a record, unless its sid was destroyed since the moment `since`: whether it
    /// was not.
    fn store(
        &self,
        sid: &[u8],
        text: &[u8],
        cookie: Option<Arc<CookieText>>,
        expires: Option<i64>,
        since: Option<u64>,
    ) -> bool {
        let (shard, hash) = self.shard(sid);
        let number = shard.find(hash, sid);
        if since.is_some_and(|since| shard.was_destroyed(hash, number, since)) {
            return false;
        }
        self.store_in(shard, (hash, number, sid), text, cookie, expires);
        true
    }

    /// Stores a record of a sid, which comes with its hash and the number of the record
    /// that it has.
    fn store_in(
        &self,
        mut shard: MutexGuard<'_, Shard>,
        (hash, number, sid): (u32, Option<u32>, &[u8]),
        text: &[u8],
        cookie: Option<Arc<CookieText>>,
        expires: Option<i64>,
    ) {
        let Some(mut record) = Record::new(sid, text, cookie, expires.unwrap_or(NEVER)) else {
            return;
        };
        if !self.fits(&record) {
            // It would drive out all others, and then itself.
            if let Some(number) = number {
                self.remove(&mut shard, hash, number, Reason::Evicted);
            }
            return;
        }
        record.serial = match number.and_then(|number| shard.record(number)) {
            Some(old) => old.serial,
            None => self.serial.fetch_add(1, Relaxed),
        };
        let held = hold(&record);
        let number = match number {
            Some(number) => {
                if let Some(old) = shard.replace(number, record) {
                    self.bytes.fetch_sub(release(&old), Relaxed);
                }
                number
            }
            None => match shard.insert(hash, record) {
                Ok(number) => {
                    self.sessions.fetch_add(1, Relaxed);
                    number
                }
                Err(record) => {
                    release(&record);
                    return;
                }
            },
        };
        self.bytes.fetch_add(held, Relaxed);
        self.use_record(&mut shard, number);
        drop(shard);
        self.evict();
    }

    /// Whether a record would fit in, alone.
    fn fits(&self, record: &Record) -> bool {
        let cookie = record.cookie.as_ref().map_or(0, |cookie| cookie.bytes());
        let most = self.bounds.max_bytes;
        most.is_none_or(|most| record.bytes() + cookie <= most)
    }

    /// Removes what is too much.
    fn evict(&self) {
        while self.is_full() {
            let oldest = |at: usize| {
                let (used, _) = self.shards[at].lock().order.as_ref()?.oldest()?;
                Some((used, at))
            };
            let Some((_, at)) = (0..SHARDS).filter_map(oldest).min() else {
                return;
            };
            let mut shard = self.shards[at].lock();
            let oldest = shard.order.as_ref().and_then(Order::oldest);
            let Some((_, number)) = oldest else {
                continue;
            };
            let hash = shard
                .record(number)
                .map(|record| self.hash(&record.sid()) as u32);
            if let Some(hash) = hash {
                self.remove(&mut shard, hash, number, Reason::Evicted);
            }
        }
    }

    fn is_full(&self) -> bool {
        let Bounds { max, max_bytes } = self.bounds;
        max.is_some_and(|most| self.sessions.load(Relaxed) > most)
            || max_bytes.is_some_and(|most| self.bytes() > most)
    }

    fn remove(&self, shard: &mut Shard, hash: u32, number: u32, reason: Reason) {
        if let Some(record) = shard.remove(hash, number) {
            self.forget(&record, reason);
        }
    }

    /// Counts a record as gone.
    fn forget(&self, record: &Record, reason: Reason) {
        self.sessions.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(release(record), Relaxed);
        match reason {
            Reason::Expired => self.expired.fetch_add(1, Relaxed),
            Reason::Evicted => self.evicted.fetch_add(1, Relaxed),
            Reason::Destroyed => 0,
        };
        if self.is_watched.load(Relaxed) {
            self.removed.lock().push(Removed {
                sid: record.sid().into(),
                text: record.whole(),
                reason,
            });
        }
    }
}

/// Counts a record in: the bytes that it adds to what is held.
fn hold(record: &Record) -> usize {
    record.bytes() + record.cookie.as_ref().map_or(0, |cookie| cookie.hold())
}

/// Counts a record out: the bytes that are held no more.
fn release(record: &Record) -> usize {
    record.bytes() + record.cookie.as_ref().map_or(0, |cookie| cookie.release())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT_2000: &str = r#"{"cookie":{"expires":"1970-01-01T00:00:02.000Z"},"a":1}"#;
    const FOREVER: &str = r#"{"cookie":{"expires":null},"a":1}"#;
    const PLAIN: &str =
        r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"a":1}"#;

    fn until(date: &str) -> String {
        format!(
            r#"{{"cookie":{{"originalMaxAge":5000,"expires":"{date}","httpOnly":true,"path":"/"}},"a":1}}"#
        )
    }

    fn unbounded() -> MemoryStore {
        MemoryStore::default()
    }

    fn set(store: &MemoryStore, sid: &[u8], text: &str) {
        store.set(sid, text.as_bytes(), None, None);
    }

    /// The whole text of a live session.
    fn text(store: &MemoryStore, sid: &[u8], now: i64) -> Option<String> {
        let mut text = Vec::new();
        match store.get_whole(sid, now, Asker::User, &mut text) {
            Found::Live(_) => Some(String::from_utf8_lossy(&text).into_owned()),
            _ => None,
        }
    }

    /// The id of its cookie.
    fn cookie(store: &MemoryStore, sid: &[u8]) -> u64 {
        match store.get(sid, i64::MIN, Asker::Viewer, &mut Vec::new()) {
            Found::Live(live) => live.cookie.id,
            _ => u64::MAX,
        }
    }

    fn unclear(store: &MemoryStore, sid: &[u8]) -> Option<String> {
        let mut text = Vec::new();
        let found = store.get(sid, 0, Asker::Viewer, &mut text);
        matches!(found, Found::Unclear { .. }).then(|| String::from_utf8_lossy(&text).into_owned())
    }

    fn sids(store: &MemoryStore) -> Vec<String> {
        let sids = store.sids();
        sids.iter()
            .map(|sid| String::from_utf8_lossy(sid).into_owned())
            .collect()
    }

    #[test]
    fn hands_back_what_it_was_given() {
        let store = unbounded();
        assert_eq!(text(&store, b"a", 0), None);
        set(&store, b"a", FOREVER);
        assert_eq!(text(&store, b"a", i64::MAX).as_deref(), Some(FOREVER));
        assert!(store.has(b"a"));
        assert!(store.destroy(b"a"));
        assert!(!store.has(b"a"));
        assert!(!store.destroy(b"a"));
        assert_eq!(text(&store, b"a", 0), None);
    }

    #[test]
    fn sids_have_any_length() {
        let store = unbounded();
        let sids: Vec<Vec<u8>> = (0..80).map(|length| vec![b'a'; length]).collect();
        for sid in &sids {
            assert_eq!(text(&store, sid, 0), None);
            set(&store, sid, &FOREVER.replace('1', &sid.len().to_string()));
        }
        for sid in &sids {
            let expected = FOREVER.replace('1', &sid.len().to_string());
            assert_eq!(text(&store, sid, 0), Some(expected));
            store.set_raw(&[sid, &b"x"[..]].concat(), b"raw", None, None);
        }
        let listed: Vec<Vec<u8>> = store.sids().into_iter().map(Vec::from).collect();
        assert_eq!(listed[..80], sids);
        assert!(sids.iter().all(|sid| store.destroy(sid)));
        assert_eq!(store.stats().sessions, 80);
    }

    #[test]
    fn a_session_expires_on_the_millisecond() {
        let store = unbounded();
        set(&store, b"a", AT_2000);
        assert_eq!(text(&store, b"a", 1999).as_deref(), Some(AT_2000));
        assert_eq!(text(&store, b"a", 2000), None);
        assert_eq!(store.peek(b"a"), None, "it is removed when found expired");
        assert_eq!(store.stats().expired, 1);
    }

    #[test]
    fn touch_changes_the_cookie_alone() {
        let store = unbounded();
        set(&store, b"a", AT_2000);
        let cookie = br#"{"expires":"1970-01-01T00:00:05.000Z"}"#;
        assert_eq!(store.touch(b"a", cookie, 1999, None), Changed::Done);
        let expected = r#"{"cookie":{"expires":"1970-01-01T00:00:05.000Z"},"a":1}"#;
        assert_eq!(text(&store, b"a", 4999).as_deref(), Some(expected));
        assert_eq!(store.touch(b"a", cookie, 5000, None), Changed::Missing);
        assert_eq!(store.touch(b"b", cookie, 0, None), Changed::Missing);
    }

    fn unjudged(store: &MemoryStore) -> usize {
        store.unjudged(0, usize::MAX).0.len()
    }

    #[test]
    fn what_it_cannot_judge_is_left_to_javascript() {
        let store = unbounded();
        store.set_raw(b"a", b"not json", None, None);
        set(&store, b"b", r#"{"a":1}"#);
        let odd = r#"{"cookie":{"expires":"tomorrow"}}"#;
        set(&store, b"c", odd);
        for (sid, expected) in [(b"a", "not json"), (b"b", r#"{"a":1}"#), (b"c", odd)] {
            assert_eq!(unclear(&store, sid).as_deref(), Some(expected));
            assert_eq!(store.touch(sid, b"{}", 0, None), Changed::Not);
            assert_eq!(store.renew(sid, 0, None, None, 0), Changed::Not);
            assert_eq!(store.write(sid, 0, None, None, None, b"{}"), Changed::Not);
        }
        assert_eq!(unjudged(&store), 3);
        assert_eq!(store.len(i64::MAX), 3);
        set(&store, b"a", PLAIN);
        assert_eq!(unjudged(&store), 2);
        store.clear();
        assert_eq!(unjudged(&store), 0);
    }

    #[test]
    fn takes_down_what_javascript_says() {
        let store = unbounded();
        let raw = |sid: &[u8], text: &[u8]| store.set_raw(sid, text, None, None);
        for sid in [b"a", b"b", b"c", b"d"] {
            raw(sid, b"text");
        }
        store.judge(b"a", b"text", true, None, 0);
        store.judge(b"b", b"text", true, Some(2000), 0);
        store.judge(b"c", b"text", false, None, 0);
        store.judge(b"none", b"text", true, None, 0);
        assert_eq!(store.unjudged(0, usize::MAX).0, [b"d".as_slice().into()]);
        assert_eq!(store.len(1999), 3, "c is no session");
        assert_eq!(store.len(2000), 2, "b has expired");
        assert_eq!(unclear(&store, b"a").as_deref(), Some("text"));
        let mut text = Vec::new();
        let judged = |found: Found| match found {
            Found::Unclear { is_judged } => Some(is_judged),
            _ => None,
        };
        assert_eq!(
            judged(store.get(b"a", 0, Asker::User, &mut text)),
            Some(true)
        );
        assert_eq!(
            judged(store.get(b"d", 0, Asker::User, &mut text)),
            Some(false)
        );

        // Who was slow has judged another text.
        raw(b"d", b"other");
        store.judge(b"d", b"text", true, Some(0), 5);
        assert!(store.has(b"d"));
        store.judge(b"d", b"other", true, Some(5), 5);
        assert!(!store.has(b"d"), "it is over");
        assert_eq!(store.stats().expired, 2);
        set(&store, b"c", PLAIN);
        store.judge(b"c", PLAIN.as_bytes(), false, Some(0), 5);
        assert_eq!(store.len(0), 2, "it has a cookie now");
        raw(b"a", b"text");
        assert_eq!(unjudged(&store), 1, "it may be another one");
    }

    #[test]
    fn hands_out_what_is_to_be_judged_in_slices() {
        let store = unbounded();
        for at in 0..300u32 {
            let sid = at.to_be_bytes();
            match at % 3 {
                0 => drop(store.set_raw(&sid, b"text", None, None)),
                _ => set(&store, &sid, PLAIN),
            }
        }
        store.set_raw(b"long", &[b'x'; 50 * JUDGEMENT], None, None);
        let (mut from, mut sids, mut slices) = (0, Vec::new(), 0);
        loop {
            let (some, next) = store.unjudged(from, 5 * (JUDGEMENT + 4));
            assert!(some.len() <= 6, "{}", some.len());
            sids.extend(some);
            slices += 1;
            let Some(next) = next else {
                break;
            };
            from = next;
        }
        assert!(slices >= 101 / 6, "{slices}");
        assert_eq!(sids.len(), 101);
        sids.sort_unstable();
        sids.dedup();
        assert_eq!(sids.len(), 101, "each once");
        for odd in [u64::MAX, 1 << 63, 15 << 32 | 5_000_000] {
            assert_eq!(store.unjudged(odd, 1), (Vec::new(), None));
        }
    }

    #[test]
    fn lists_in_order_of_insertion() {
        let store = unbounded();
        for sid in [b"c", b"a", b"b"] {
            set(&store, sid, FOREVER);
        }
        set(&store, b"a", AT_2000);
        assert_eq!(sids(&store), ["c", "a", "b"]);
        store.destroy(b"c");
        set(&store, b"c", FOREVER);
        assert_eq!(sids(&store), ["a", "b", "c"]);
        assert_eq!(store.len(1999), 3);
        assert_eq!(store.len(2000), 2);
        store.clear();
        assert_eq!(store.len(0), 0);
        assert!(store.sids().is_empty());
        assert_eq!(store.stats().bytes, 0);
    }

    #[test]
    fn renewing_moves_the_date_alone() {
        let store = unbounded();
        set(&store, b"a", &until("1970-01-01T00:00:05.000Z"));
        let id = cookie(&store, b"a");
        assert_eq!(store.renew(b"a", id, None, None, 4999), Changed::Done);
        let renewed = until("1970-01-01T00:00:09.999Z");
        assert_eq!(store.peek(b"a").as_deref(), Some(renewed.as_bytes()));
        assert_eq!(
            store.renew(b"a", id, Some(12_000), None, 9998),
            Changed::Done
        );
        assert!(text(&store, b"a", 11_999).is_some());
        assert_eq!(text(&store, b"a", 12_000), None);

        set(&store, b"a", &until("9999-12-31T23:59:59.999Z"));
        let far = 253_402_300_799_000;
        assert_eq!(
            store.renew(b"a", id, None, None, far),
            Changed::Not,
            "year 10000"
        );
        assert_eq!(
            store.renew(b"a", id, None, None, far + 999),
            Changed::Missing
        );
    }

    #[test]
    fn renewing_leaves_a_cookie_without_a_lifetime() {
        let store = unbounded();
        set(&store, b"a", PLAIN);
        let id = cookie(&store, b"a");
        assert_eq!(store.renew(b"a", id, None, None, 0), Changed::Done);
        assert_eq!(store.peek(b"a").as_deref(), Some(PLAIN.as_bytes()));

        set(&store, b"b", FOREVER);
        let other = cookie(&store, b"b");
        assert_eq!(store.renew(b"a", other, None, None, 0), Changed::Not);
        assert_eq!(store.renew(b"b", other, None, None, 0), Changed::Not);
    }

    #[test]
    fn a_session_without_a_date_has_a_deadline() {
        let store = unbounded();
        store.set(b"a", PLAIN.as_bytes(), Some(1000), None);
        let id = cookie(&store, b"a");
        assert_eq!(
            text(&store, b"a", 999).as_deref(),
            Some(PLAIN),
            "it does not show"
        );
        assert_eq!(store.renew(b"a", id, None, Some(2000), 999), Changed::Done);
        assert_eq!(text(&store, b"a", 1999).as_deref(), Some(PLAIN));
        assert_eq!(
            store.write(b"a", id, None, Some(3000), None, br#"{"a":1}"#),
            Changed::Done
        );
        assert_eq!(text(&store, b"a", 2999).as_deref(), Some(PLAIN));
        assert_eq!(
            store.write(b"b", id, None, Some(3000), None, br#"{"a":1}"#),
            Changed::Done
        );
        assert_eq!(store.len(2999), 2);
        assert_eq!(store.len(3000), 0);

        let dated = until("1970-01-01T00:00:05.000Z");
        store.set(b"a", dated.as_bytes(), Some(1000), None);
        assert_eq!(text(&store, b"a", 4999), Some(dated), "the date goes first");
        store.set_raw(b"c", b"text", Some(1000), None);
        assert_eq!(store.len(999), 2);
        assert_eq!(store.len(1000), 1);
    }

    #[test]
    fn writes_a_session_whose_cookie_is_known() {
        let store = unbounded();
        let data = br#"{"b":2}"#;
        let write = |sid: &[u8], cookie, date| store.write(sid, cookie, date, None, None, data);
        assert_eq!(write(b"a", 0, None), Changed::Not, "not known");
        assert!(!store.has(b"a"));

        set(&store, b"a", PLAIN);
        let id = cookie(&store, b"a");
        assert_eq!(write(b"a", id, None), Changed::Done);
        let expected = PLAIN.replace(r#""a":1"#, r#""b":2"#);
        assert_eq!(text(&store, b"a", 0).as_ref(), Some(&expected));
        assert_eq!(write(b"b", id, None), Changed::Done, "a new one");
        assert_eq!(text(&store, b"b", 0), Some(expected));
        assert_eq!(write(b"a", id + 1, None), Changed::Not);
        assert_eq!(write(b"a", id, Some(5)), Changed::Not, "no date");
        assert_eq!(write(b"c", id, Some(5)), Changed::Not, "no date");

        set(&store, b"a", &until("1970-01-01T00:00:05.000Z"));
        assert_eq!(write(b"a", id, None), Changed::Not, "another cookie");
        let id = cookie(&store, b"a");
        assert_eq!(write(b"a", id, None), Changed::Not, "a date");
        assert_eq!(write(b"a", id, Some(i64::MAX)), Changed::Not);
        assert_eq!(write(b"a", id, Some(7000)), Changed::Done);
        let expected = until("1970-01-01T00:00:07.000Z").replace(r#""a":1"#, r#""b":2"#);
        assert_eq!(text(&store, b"a", 6999), Some(expected));

        let odd = store.put(b"y", br#"{"expires":null}"#, data, None, None);
        let Stored::Done(Some(odd)) = odd else {
            unreachable!("{odd:?}");
        };
        assert_eq!(write(b"c", odd, None), Changed::Not, "no lifetime known");
    }

    #[test]
    fn what_was_destroyed_since_is_not_stored() {
        let cookie_text = br#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#;
        let (plain, data) = (PLAIN.as_bytes(), br#"{"a":1}"#);
        let ways: [fn(&MemoryStore); 3] = [
            |store| {
                store.destroy(b"a");
            },
            |store| {
                store.destroy(b"a");
                set(store, b"a", PLAIN);
            },
            |store| store.clear(),
        ];
        for destroy in ways {
            let store = unbounded();
            set(&store, b"a", PLAIN);
            let id = cookie(&store, b"a");
            let moment = store.moment();
            let before = Some(moment);
            destroy(&store);
            let stored = store.peek(b"a");
            assert_eq!(store.set(b"a", plain, None, before), Stored::Destroyed);
            assert_eq!(store.set_raw(b"a", b"x", None, before), Stored::Destroyed);
            let put = store.put(b"a", cookie_text, data, None, before);
            assert_eq!(put, Stored::Destroyed);
            let write = |since| store.write(b"a", id, None, None, since, data);
            assert_eq!(write(before), Changed::Destroyed);
            assert!(store.was_destroyed(b"a", moment));
            assert_eq!(store.peek(b"a"), stored, "nothing has come of it");

            let after = store.moment();
            assert!(!store.was_destroyed(b"a", after));
            assert_eq!(write(Some(after)), Changed::Done);
            assert_eq!(write(None), Changed::Done, "who names no moment stores");
            assert_eq!(
                store.set(b"a", plain, None, Some(after)),
                Stored::Done(Some(id))
            );
        }
    }

    #[test]
    fn what_was_evicted_or_has_expired_is_stored_again() {
        let store = MemoryStore::new(Bounds {
            max: Some(1),
            max_bytes: None,
        });
        set(&store, b"a", AT_2000);
        let since = Some(store.moment());
        store.destroy(b"another");
        set(&store, b"b", PLAIN);
        assert!(!store.has(b"a"));
        assert_eq!(
            store.set(b"a", AT_2000.as_bytes(), None, since),
            Stored::Done(Some(0))
        );
        assert_eq!(text(&store, b"a", 2000), None, "expired");
        assert_eq!(
            store.set(b"a", AT_2000.as_bytes(), None, since),
            Stored::Done(Some(0))
        );
        set(&store, b"b", PLAIN);
        store.destroy(b"a");
        assert_eq!(
            store.set(b"a", AT_2000.as_bytes(), None, since),
            Stored::Destroyed,
            "destroyed when it was evicted already"
        );
    }

    #[test]
    fn one_that_is_still_there_was_not_destroyed_whoever_was() {
        let store = unbounded();
        set(&store, b"kept", PLAIN);
        let since = store.moment();
        for at in 0..10_000u32 {
            store.destroy(&at.to_be_bytes());
        }
        assert!(!store.was_destroyed(b"kept", since));
        assert_eq!(store.stats().bytes, store.bytes());
    }

    #[test]
    fn a_session_destroyed_by_another_thread_never_comes_back() {
        let store = unbounded();
        for round in 0..200 {
            set(&store, b"a", PLAIN);
            let since = store.moment();
            std::thread::scope(|scope| {
                scope.spawn(|| store.destroy(b"a"));
                match round % 2 {
                    0 => drop(store.set(b"a", FOREVER.as_bytes(), None, Some(since))),
                    _ => drop(store.write(b"a", 0, None, None, Some(since), b"{}")),
                }
            });
            assert!(!store.has(b"a"), "round {round}");
        }
    }

    #[test]
    fn puts_together_what_comes_in_parts() {
        let store = unbounded();
        let put = |cookie: &str, data: &[u8]| store.put(b"a", cookie.as_bytes(), data, None, None);
        let stored = put(r#"{"expires":null}"#, br#"{"a":1}"#);
        assert_eq!(stored, Stored::Done(Some(cookie(&store, b"a"))));
        assert_eq!(text(&store, b"a", 0).as_deref(), Some(FOREVER));
        put(r#"{"expires":null}"#, br#"{"1":2,"10":3,"a":1}"#);
        let indexed = r#"{"1":2,"10":3,"cookie":{"expires":null},"a":1}"#;
        assert_eq!(text(&store, b"a", 0).as_deref(), Some(indexed));
        set(&store, b"a", indexed);
        assert_eq!(unjudged(&store), 0);
        assert_eq!(text(&store, b"a", 0).as_deref(), Some(indexed));
        let stored = put(r#"{"expires":"soon"}"#, br#"{"1":2,"a":1}"#);
        assert_eq!(stored, Stored::Done(None));
        let odd = r#"{"1":2,"cookie":{"expires":"soon"},"a":1}"#;
        assert_eq!(unclear(&store, b"a").as_deref(), Some(odd));
    }

    #[test]
    fn a_cookie_that_is_not_common_has_no_number() {
        let store = unbounded();
        let cookie = br#"{"expires":null,"prefs":[]}"#;
        let stored = store.put(b"a", cookie, br#"{"a":1}"#, None, None);
        assert_eq!(stored, Stored::Done(None));
        let expected = r#"{"cookie":{"expires":null,"prefs":[]},"a":1}"#;
        assert_eq!(text(&store, b"a", 0).as_deref(), Some(expected));
        let found = store.get(b"a", 0, Asker::Door, &mut Vec::new());
        assert!(matches!(found, Found::Unclear { .. }));
        assert_eq!(store.stats().hits, 1, "the door asks again by another way");
    }

    #[test]
    fn the_least_recently_used_goes() {
        let store = MemoryStore::new(Bounds {
            max: Some(3),
            max_bytes: None,
        });
        store.watch();
        for sid in [b"a", b"b", b"c"] {
            set(&store, sid, PLAIN);
        }
        assert!(text(&store, b"a", 0).is_some());
        let id = cookie(&store, b"a");
        set(&store, b"d", PLAIN);
        assert_eq!(sids(&store), ["a", "c", "d"], "a was used after b");
        assert_eq!(store.renew(b"c", id, None, None, 0), Changed::Done);
        set(&store, b"e", PLAIN);
        assert_eq!(sids(&store), ["c", "d", "e"]);
        set(&store, b"c", PLAIN);
        store.destroy(b"d");
        set(&store, b"f", PLAIN);
        assert_eq!(sids(&store), ["c", "e", "f"], "there was room");
        assert_eq!(store.stats().evicted, 2);
        let removed = store.take_removed();
        let gone: Vec<_> = removed.iter().map(|it| (&*it.sid, it.reason)).collect();
        assert_eq!(
            gone,
            [
                (&b"b"[..], Reason::Evicted),
                (b"a", Reason::Evicted),
                (b"d", Reason::Destroyed)
            ]
        );
        assert!(removed.iter().all(|it| it.text == PLAIN.as_bytes()));
        assert!(store.take_removed().is_empty());
    }

    #[test]
    fn bytes_are_bounded() {
        let (one, three) = {
            let store = unbounded();
            set(&store, b"a", PLAIN);
            let first = store.stats().bytes;
            set(&store, b"b", PLAIN);
            let one = store.stats().bytes - first;
            (one, first + 2 * one)
        };
        let store = MemoryStore::new(Bounds {
            max: None,
            max_bytes: Some(three),
        });
        for sid in [b"a", b"b", b"c", b"d"] {
            set(&store, sid, PLAIN);
        }
        assert_eq!(sids(&store), ["b", "c", "d"]);
        assert_eq!(store.stats().bytes, three);
        let long = PLAIN.replace("1}", &format!("{}}}", "1".repeat(one)));
        set(&store, b"b", &long);
        assert_eq!(
            sids(&store),
            ["b", "d"],
            "a session that grew drives others out"
        );
        let too_long = PLAIN.replace("1}", &format!("{}}}", "1".repeat(three)));
        set(&store, b"e", &too_long);
        set(&store, b"d", &too_long);
        assert_eq!(
            sids(&store),
            ["b"],
            "one that never fits drives out nobody else"
        );
        assert!(store.stats().bytes <= three);
    }

    /// What a record takes, that with a cookie has another text than all others.
    fn own_bytes(text: &str) -> usize {
        let store = unbounded();
        set(&store, b"a", text);
        store.stats().bytes
    }

    #[test]
    fn a_cookie_counts_once_as_long_as_a_session_has_it() {
        let store = unbounded();
        let other = PLAIN.replace(r#""/""#, r#""/other""#);
        let long = format!(
            r#"{{"cookie":{{"expires":null,"path":"{}"}}}}"#,
            "p".repeat(100_000)
        );
        let mut held = 0;
        for (sid, text) in [(b"a", PLAIN), (b"b", &other), (b"c", &long), (b"d", &long)] {
            set(&store, sid, text);
            held += own_bytes(text);
            assert_eq!(store.stats().bytes, held);
        }
        set(&store, b"e", PLAIN);
        let shared = store.stats().bytes - held;
        assert!(
            shared < own_bytes(PLAIN) - 66,
            "its cookie is there already"
        );
        store.destroy(b"a");
        store.destroy(b"e");
        assert_eq!(store.stats().bytes, held - own_bytes(PLAIN));
        let cookie = br#"{"expires":null}"#;
        assert_eq!(store.touch(b"c", cookie, 0, None), Changed::Done);
        assert_eq!(store.touch(b"d", cookie, 0, None), Changed::Done);
        assert!(store.stats().bytes < 2000, "the long ones are gone");
        for sid in store.sids() {
            store.destroy(&sid);
        }
        assert_eq!(store.stats().bytes, 0);
    }

    #[test]
    fn cookies_are_bounded() {
        let session = |length: usize, at: usize| {
            let path = "p".repeat(length);
            format!(
                r#"{{"cookie":{{"originalMaxAge":{at},"expires":null,"path":"{path}"}},"a":1}}"#
            )
        };
        // Long ones, and those of "until midnight", which differ in their lifetime.
        for length in [10_000, 1] {
            let one = own_bytes(&session(length, 10_000));
            let store = MemoryStore::new(Bounds {
                max: None,
                max_bytes: Some(10 * one),
            });
            for at in 0..100usize {
                set(&store, &at.to_be_bytes(), &session(length, 10_000 + at));
                assert!(store.stats().bytes <= 10 * one);
            }
            assert_eq!(store.stats().sessions, 10);
            let touch =
                |cookie: String| store.touch(&99usize.to_be_bytes(), cookie.as_bytes(), 0, None);
            let cookie =
                |length: usize| format!(r#"{{"expires":null,"path":"{}"}}"#, "p".repeat(length));
            assert_eq!(touch(cookie(length + 5 * one)), Changed::Done);
            assert!(store.stats().bytes <= 10 * one);
            assert_eq!(store.stats().sessions, 5, "it has driven others out");
            touch(cookie(10 * one));
            assert_eq!(store.stats().sessions, 4, "one that never fits goes");
        }
    }

    #[test]
    fn prunes_in_slices() {
        let store = unbounded();
        store.watch();
        for at in 0..100u32 {
            let date = format!("1970-01-01T00:00:{:02}.500Z", at % 10);
            set(&store, &at.to_be_bytes(), &until(&date));
        }
        let id = cookie(&store, &0u32.to_be_bytes());
        // Those of the first second are used, and live on.
        for at in (0..100u32).step_by(10) {
            assert_eq!(
                store.renew(&at.to_be_bytes(), id, Some(60_000), None, 0),
                Changed::Done
            );
        }
        let mut slices = 1;
        while !store.prune(5_499, 7) {
            slices += 1;
        }
        assert!(slices >= (40 + 10) / 7, "{slices}");
        assert_eq!(store.stats().expired, 40, "seconds 1 to 4");
        assert_eq!(store.len(5_499), 60);
        assert!(store.prune(5_500, 100));
        assert_eq!(store.stats().expired, 50, "the second that is not over");
        assert!(
            store
                .take_removed()
                .iter()
                .all(|it| it.reason == Reason::Expired)
        );
        assert_eq!(store.len(59_999), 10);
        assert_eq!(store.len(60_000), 0);
    }

    /// Each shard used to look at as many as the budget was, which the fuzz target of the
    /// store brought to light.
    #[test]
    fn a_slice_looks_at_no_more_than_its_budget_in_a_second_that_is_not_over() {
        let store = unbounded();
        for at in 0..100u32 {
            set(
                &store,
                &at.to_be_bytes(),
                &until("1970-01-01T00:00:05.200Z"),
            );
        }
        assert!(store.prune(5_500, 7), "no second is over");
        assert_eq!(store.stats().expired, 7);
        assert_eq!(store.len(5_500), 0);
    }

    #[test]
    fn counts_hits_and_misses() {
        let store = unbounded();
        set(&store, b"a", AT_2000);
        let get = |sid, now, asker| store.get(sid, now, asker, &mut Vec::new());
        get(b"a", 0, Asker::User);
        get(b"b", 0, Asker::User);
        get(b"a", 1999, Asker::Door);
        for sid in [b"a", b"b"] {
            get(sid, 1999, Asker::Viewer);
        }
        get(b"a", 2000, Asker::Door);
        let Stats {
            hits,
            misses,
            expired,
            ..
        } = store.stats();
        assert_eq!((hits, misses, expired), (2, 2, 1));
    }

    #[test]
    fn looking_is_no_use() {
        let store = MemoryStore::new(Bounds {
            max: Some(2),
            max_bytes: None,
        });
        set(&store, b"a", PLAIN);
        set(&store, b"b", "text");
        for sid in [b"a", b"b"] {
            store.get(sid, 0, Asker::Viewer, &mut Vec::new());
        }
        store.get(b"b", 0, Asker::Door, &mut Vec::new());
        store.peek(b"a");
        set(&store, b"c", PLAIN);
        assert_eq!(sids(&store), ["b", "c"]);
        assert_eq!((store.stats().hits, store.stats().misses), (0, 0));
    }

    #[test]
    fn many_threads_lose_nothing() {
        let store = unbounded();
        std::thread::scope(|scope| {
            for thread in 0..4u32 {
                let store = &store;
                scope.spawn(move || {
                    for at in 0..2000u32 {
                        let sid = [thread.to_be_bytes(), at.to_be_bytes()].concat();
                        set(store, &sid, PLAIN);
                        set(store, b"common", PLAIN);
                        assert!(store.has(&sid));
                        if at % 2 == 0 {
                            assert!(store.destroy(&sid));
                        }
                    }
                });
            }
        });
        assert_eq!(store.len(0), 4 * 1000 + 1);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(u8, u8),
        Touch(u8, u8),
        Get(u8),
        Destroy(u8),
        Pass(u8),
        Prune(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        let sid = 0u8..4;
        prop_oneof![
            (sid.clone(), any::<u8>()).prop_map(|(sid, at)| Step::Set(sid, at)),
            (sid.clone(), any::<u8>()).prop_map(|(sid, at)| Step::Touch(sid, at)),
            sid.clone().prop_map(Step::Get),
            sid.prop_map(Step::Destroy),
            any::<u8>().prop_map(Step::Pass),
            (0u8..5).prop_map(Step::Prune),
        ]
    }

    fn cookie_until(ms: i64) -> String {
        format!(
            r#"{{"expires":"1970-01-01T00:{:02}:{:02}.{:03}Z"}}"#,
            ms / 60_000,
            ms / 1000 % 60,
            ms % 1000
        )
    }

    /// Times in the test go in steps of this many ms, to cross seconds.
    const STEP: i64 = 37;

    proptest! {
        /// The store against a plain list of sids and expiry times.
        #[test]
        fn behaves_like_a_plain_list(steps in prop::collection::vec(step(), 0..60)) {
            let store = unbounded();
            let mut model: Vec<(u8, i64)> = Vec::new();
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Set(sid, after) => {
                        let at = now + i64::from(after) * STEP;
                        set(&store, &[sid], &format!(r#"{{"cookie":{},"sid":{sid}}}"#, cookie_until(at)));
                        match model.iter_mut().find(|(other, _)| *other == sid) {
                            Some(entry) => entry.1 = at,
                            None => model.push((sid, at)),
                        }
                    }
                    Step::Touch(sid, after) => {
                        let at = now + i64::from(after) * STEP;
                        model.retain(|&(other, at)| other != sid || at > now);
                        let expected = match model.iter_mut().find(|(other, _)| *other == sid) {
                            Some(entry) => { entry.1 = at; Changed::Done }
                            None => Changed::Missing,
                        };
                        prop_assert_eq!(store.touch(&[sid], cookie_until(at).as_bytes(), now, None), expected);
                    }
                    Step::Get(sid) => {
                        model.retain(|&(other, at)| other != sid || at > now);
                        let expected = model.iter().find(|(other, _)| *other == sid).map(|&(_, at)| {
                            format!(r#"{{"cookie":{},"sid":{sid}}}"#, cookie_until(at))
                        });
                        prop_assert_eq!(text(&store, &[sid], now), expected);
                    }
                    Step::Destroy(sid) => {
                        let before = model.len();
                        model.retain(|&(other, _)| other != sid);
                        prop_assert_eq!(store.destroy(&[sid]), model.len() < before);
                    }
                    Step::Pass(ms) => now += i64::from(ms) * STEP,
                    Step::Prune(budget) => {
                        let is_done = store.prune(now, usize::from(budget));
                        let left = sids(&store);
                        model.retain(|&(sid, at)| at > now || left.contains(&char::from(sid).to_string()));
                        if is_done {
                            prop_assert!(model.iter().all(|&(_, at)| at.div_euclid(1000) >= now.div_euclid(1000)));
                        }
                    }
                }
                let listed: Vec<u8> = store.sids().iter().map(|sid| sid[0]).collect();
                prop_assert_eq!(listed, model.iter().map(|&(sid, _)| sid).collect::<Vec<_>>());
                prop_assert_eq!(store.stats().sessions, model.len());
            }
            prop_assert_eq!(store.len(now), model.iter().filter(|&&(_, at)| at > now).count());
            store.clear();
            prop_assert_eq!(store.stats().bytes, 0);
        }
    }
}
