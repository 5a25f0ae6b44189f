//! Sessions in memory, as text.

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
use order::Order;
use shard::{NEVER, Record, Shard};

/// What the store knows of a sid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No session, or one that has expired.
    Missing,
    /// A session that has not expired.
    Live(Live),
    /// A text that only JavaScript can judge.
    Unclear,
}

/// The cookie of a stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The cookie, its date aside.
    pub cookie: Arc<CookieText>,
    /// Its date, in ms since the epoch.
    pub expires: Option<i64>,
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
}

/// How much a store holds. Beyond it, the session goes whose last use is the longest ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Sessions.
    pub max: Option<usize>,
    /// Bytes of their texts and sids, with what it takes to keep them.
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
    /// Bytes of their texts and sids, with what it takes to keep them.
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

/// Locks, so that threads seldom wait for each other; and so that no table is ever so
/// large that growing it takes long.
const SHARDS: usize = 16;

/// A store of session texts by sid.
///
/// A text is handed back byte for byte. Every method holds a lock for as long as one
/// look-up takes, so that several threads may hold one store. Looking up, storing and
/// removing take time O(1); a session that expires costs O(log n) once in a lifetime.
pub struct MemoryStore {
    shards: [Mutex<Shard>; SHARDS],
    hasher: DefaultHashBuilder,
    cookies: Mutex<CookieTexts>,
    bounds: Bounds,
    sessions: AtomicUsize,
    bytes: AtomicUsize,
    /// The serial number of the next record to be inserted.
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
    let mut text = session_text::begin(data.len() + 128);
    cookie.write(date, &mut text);
    session_text::end(&mut text, data);
    text
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
            serial: AtomicU64::new(0),
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

    /// The session of `sid` at `now`, in ms since the epoch, and in `text` its data
    /// without the cookie, a JSON object; or the whole of an unclear text. An expired
    /// one is removed.
    pub fn get(&self, sid: &[u8], now: i64, text: &mut Vec<u8>) -> Found {
        text.clear();
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = self.live(&mut shard, hash, sid, now) else {
            self.misses.fetch_add(1, Relaxed);
            return Found::Missing;
        };
        self.hits.fetch_add(1, Relaxed);
        self.use_record(&mut shard, number);
        let Some(record) = shard.record(number) else {
            return Found::Missing;
        };
        text.extend_from_slice(record.text());
        match &record.cookie {
            Some(cookie) => Found::Live(Live {
                cookie: Arc::clone(cookie),
                expires: record.date(),
            }),
            None => Found::Unclear,
        }
    }

    /// [`get`](MemoryStore::get), with the whole text.
    pub fn get_whole(&self, sid: &[u8], now: i64, text: &mut Vec<u8>) -> Found {
        let found = self.get(sid, now, text);
        if let Found::Live(live) = &found {
            *text = whole(&live.cookie, live.expires, text);
        }
        found
    }

    /// Stores a session's text, made by `JSON.stringify`. If its cookie has no date it
    /// expires at `deadline`, in ms since the epoch, or never.
    pub fn set(&self, sid: &[u8], text: &[u8], deadline: Option<i64>) {
        match session_text::split(text) {
            Some((cookie, data)) => {
                self.put(sid, cookie, &data, deadline);
            }
            None => self.set_raw(sid, text, deadline),
        }
    }

    /// Stores a session: its cookie's JSON, and its data without the cookie as a JSON
    /// object. Returns the id of the cookie, unless only JavaScript can judge it.
    pub fn put(
        &self,
        sid: &[u8],
        cookie: &[u8],
        data: &[u8],
        deadline: Option<i64>,
    ) -> Option<u64> {
        // The lock is free again before another is taken.
        let made = self.cookies.lock().of(cookie);
        if let Some((cookie, date)) = made {
            let id = cookie.id;
            self.store(sid, data, Some(cookie), date.or(deadline));
            return Some(id);
        }
        let mut text = session_text::begin(cookie.len() + data.len());
        text.extend_from_slice(cookie);
        session_text::end(&mut text, data);
        self.set_raw(sid, &text, deadline);
        None
    }

    /// [`put`](MemoryStore::put) of a session whose cookie is known by its id and has
    /// the date `date`, in ms since the epoch. The sid must not be in use.
    pub fn insert(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        data: &[u8],
    ) -> Changed {
        let known = self.cookies.lock().known(cookie);
        match known {
            Some(cookie) if cookie.can_expire(date) && !self.has(sid) => {
                self.store(sid, data, Some(cookie), date.or(deadline));
                Changed::Done
            }
            _ => Changed::Not,
        }
    }

    /// Gives a session other data and another date, in ms since the epoch, if its cookie
    /// is the one called `cookie` and can have it. An expired session counts as there.
    pub fn rewrite(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        data: &[u8],
    ) -> Changed {
        let (shard, hash) = self.shard(sid);
        let Some(record) = shard
            .find(hash, sid)
            .and_then(|number| shard.record(number))
        else {
            return Changed::Missing;
        };
        match &record.cookie {
            Some(known) if known.id == cookie && known.can_expire(date) => {
                let known = Arc::clone(known);
                self.store_in(shard, hash, sid, data, Some(known), date.or(deadline));
                Changed::Done
            }
            _ => Changed::Not,
        }
    }

    /// Stores a text of unknown origin, which need not be a session.
    pub fn set_raw(&self, sid: &[u8], text: &[u8], deadline: Option<i64>) {
        self.store(sid, text, None, deadline);
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
        if !shard.give_cookie(number, cookie) {
            return Changed::Not;
        }
        shard.renew(number, date.or(deadline).unwrap_or(NEVER));
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
        self.take_out(sid, Reason::Destroyed)
    }

    /// Removes a session that only JavaScript could judge to have expired.
    pub fn expire(&self, sid: &[u8]) -> bool {
        self.take_out(sid, Reason::Expired)
    }

    fn take_out(&self, sid: &[u8], reason: Reason) -> bool {
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = shard.find(hash, sid) else {
            return false;
        };
        self.remove(&mut shard, hash, number, reason);
        true
    }

    /// Removes every session.
    pub fn clear(&self) {
        for shard in &self.shards {
            let old = {
                let mut shard = shard.lock();
                let is_bounded = shard.order.is_some();
                std::mem::replace(&mut *shard, Shard::new(is_bounded))
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
        self.sids_where(|_| true)
    }

    /// The sids, in order of insertion, whose texts only JavaScript can judge. Takes
    /// time O(n) if there is one.
    pub fn unclear_sids(&self) -> Vec<Box<[u8]>> {
        self.sids_where(|record| record.cookie.is_none())
    }

    /// Whether there is a text that only JavaScript can judge.
    pub fn has_unclear(&self) -> bool {
        self.shards.iter().any(|shard| shard.lock().unclear > 0)
    }

    /// How many sessions are alive at `now`, in ms since the epoch, with those that only
    /// JavaScript can judge; the others are removed. Takes time for what has expired
    /// and is still there, and not for what is alive.
    pub fn len(&self, now: i64) -> usize {
        self.prune(now, usize::MAX);
        self.sessions.load(Relaxed)
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

    /// What it holds, and what it has done.
    pub fn stats(&self) -> Stats {
        Stats {
            sessions: self.sessions.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
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

    fn store(
        &self,
        sid: &[u8],
        text: &[u8],
        cookie: Option<Arc<CookieText>>,
        expires: Option<i64>,
    ) {
        let (shard, hash) = self.shard(sid);
        self.store_in(shard, hash, sid, text, cookie, expires);
    }

    fn store_in(
        &self,
        mut shard: MutexGuard<'_, Shard>,
        hash: u32,
        sid: &[u8],
        text: &[u8],
        cookie: Option<Arc<CookieText>>,
        expires: Option<i64>,
    ) {
        let Some(mut record) = Record::new(sid, text, cookie, expires.unwrap_or(NEVER)) else {
            return;
        };
        let bytes = record.bytes();
        let number = shard.find(hash, sid);
        if self.bounds.max_bytes.is_some_and(|most| bytes > most) {
            // It would drive out all others, and then itself.
            if let Some(number) = number {
                self.remove(&mut shard, hash, number, Reason::Evicted);
            }
            return;
        }
        let number = match number {
            Some(number) => {
                record.serial = shard.record(number).map_or(0, |old| old.serial);
                if let Some(old) = shard.replace(number, record) {
                    self.bytes.fetch_sub(old.bytes(), Relaxed);
                }
                number
            }
            None => {
                record.serial = self.serial.fetch_add(1, Relaxed);
                let Some(number) = shard.insert(hash, record) else {
                    return;
                };
                self.sessions.fetch_add(1, Relaxed);
                number
            }
        };
        self.bytes.fetch_add(bytes, Relaxed);
        self.use_record(&mut shard, number);
        drop(shard);
        self.evict();
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
            || max_bytes.is_some_and(|most| self.bytes.load(Relaxed) > most)
    }

    fn remove(&self, shard: &mut Shard, hash: u32, number: u32, reason: Reason) {
        if let Some(record) = shard.remove(hash, number) {
            self.forget(&record, reason);
        }
    }

    /// Counts a record as gone.
    fn forget(&self, record: &Record, reason: Reason) {
        self.sessions.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(record.bytes(), Relaxed);
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

    fn sids_where(&self, is_wanted: impl Fn(&Record) -> bool) -> Vec<Box<[u8]>> {
        let mut sids = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            let wanted = shard.records().filter(|record| is_wanted(record));
            sids.extend(wanted.map(|record| (record.serial, Box::from(record.sid()))));
        }
        sids.sort_unstable_by_key(|&(serial, _)| serial);
        sids.into_iter().map(|(_, sid)| sid).collect()
    }
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
        store.set(sid, text.as_bytes(), None);
    }

    /// The whole text of a live session.
    fn text(store: &MemoryStore, sid: &[u8], now: i64) -> Option<String> {
        let mut text = Vec::new();
        match store.get_whole(sid, now, &mut text) {
            Found::Live(_) => Some(String::from_utf8_lossy(&text).into_owned()),
            _ => None,
        }
    }

    /// The id of its cookie.
    fn cookie(store: &MemoryStore, sid: &[u8]) -> u64 {
        match store.get(sid, i64::MIN, &mut Vec::new()) {
            Found::Live(live) => live.cookie.id,
            _ => u64::MAX,
        }
    }

    fn unclear(store: &MemoryStore, sid: &[u8]) -> Option<String> {
        let mut text = Vec::new();
        let found = store.get(sid, 0, &mut text);
        (found == Found::Unclear).then(|| String::from_utf8_lossy(&text).into_owned())
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
            store.set_raw(&[sid, &b"x"[..]].concat(), b"raw", None);
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

    #[test]
    fn what_it_cannot_judge_is_left_to_javascript() {
        let store = unbounded();
        store.set_raw(b"a", b"not json", None);
        set(&store, b"b", r#"{"a":1}"#);
        let odd = r#"{"cookie":{"expires":"tomorrow"}}"#;
        set(&store, b"c", odd);
        for (sid, expected) in [(b"a", "not json"), (b"b", r#"{"a":1}"#), (b"c", odd)] {
            assert_eq!(unclear(&store, sid).as_deref(), Some(expected));
            assert_eq!(store.touch(sid, b"{}", 0, None), Changed::Not);
            assert_eq!(store.renew(sid, 0, None, None, 0), Changed::Not);
            assert_eq!(store.rewrite(sid, 0, None, None, b"{}"), Changed::Not);
        }
        assert!(store.has_unclear());
        assert_eq!(store.unclear_sids(), store.sids());
        assert_eq!(store.len(i64::MAX), 3);
        set(&store, b"a", PLAIN);
        assert_eq!(store.unclear_sids().len(), 2);
        assert!(store.expire(b"b"));
        assert!(!store.expire(b"b"));
        assert_eq!(store.stats().expired, 1);
        store.clear();
        assert!(!store.has_unclear());
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
        store.set(b"a", PLAIN.as_bytes(), Some(1000));
        let id = cookie(&store, b"a");
        assert_eq!(
            text(&store, b"a", 999).as_deref(),
            Some(PLAIN),
            "it does not show"
        );
        assert_eq!(store.renew(b"a", id, None, Some(2000), 999), Changed::Done);
        assert_eq!(text(&store, b"a", 1999).as_deref(), Some(PLAIN));
        assert_eq!(
            store.rewrite(b"a", id, None, Some(3000), br#"{"a":1}"#),
            Changed::Done
        );
        assert_eq!(text(&store, b"a", 2999).as_deref(), Some(PLAIN));
        assert_eq!(
            store.insert(b"b", id, None, Some(3000), br#"{"a":1}"#),
            Changed::Done
        );
        assert_eq!(store.len(2999), 2);
        assert_eq!(store.len(3000), 0);

        let dated = until("1970-01-01T00:00:05.000Z");
        store.set(b"a", dated.as_bytes(), Some(1000));
        assert_eq!(text(&store, b"a", 4999), Some(dated), "the date goes first");
        store.set_raw(b"c", b"text", Some(1000));
        assert_eq!(store.len(999), 2);
        assert_eq!(store.len(1000), 1);
    }

    #[test]
    fn rewrites_a_session_that_is_there() {
        let store = unbounded();
        let data = br#"{"b":2}"#;
        assert_eq!(store.rewrite(b"a", 0, None, None, data), Changed::Missing);
        assert!(!store.has(b"a"));

        set(&store, b"a", PLAIN);
        let id = cookie(&store, b"a");
        assert_eq!(store.rewrite(b"a", id, None, None, data), Changed::Done);
        let expected = PLAIN.replace(r#""a":1"#, r#""b":2"#);
        assert_eq!(text(&store, b"a", 0), Some(expected));
        assert_eq!(store.rewrite(b"a", id + 1, None, None, data), Changed::Not);
        assert_eq!(
            store.rewrite(b"a", id, Some(5), None, data),
            Changed::Not,
            "no date"
        );

        set(&store, b"a", &until("1970-01-01T00:00:05.000Z"));
        let id = cookie(&store, b"a");
        assert_eq!(
            store.rewrite(b"a", id, None, None, data),
            Changed::Not,
            "a date"
        );
        assert_eq!(
            store.rewrite(b"a", id, Some(i64::MAX), None, data),
            Changed::Not
        );
        assert_eq!(
            store.rewrite(b"a", id, Some(7000), None, b"{}"),
            Changed::Done
        );
        let expected = until("1970-01-01T00:00:07.000Z").replace(r#","a":1"#, "");
        assert_eq!(text(&store, b"a", 6999), Some(expected));
    }

    #[test]
    fn inserts_a_session_with_a_known_cookie() {
        let store = unbounded();
        let data = br#"{"a":1}"#;
        assert_eq!(
            store.insert(b"a", 0, None, None, data),
            Changed::Not,
            "not known"
        );
        set(&store, b"x", PLAIN);
        let id = cookie(&store, b"x");
        assert_eq!(
            store.insert(b"a", id, Some(5), None, data),
            Changed::Not,
            "no date"
        );
        assert_eq!(store.insert(b"a", id, None, None, data), Changed::Done);
        assert_eq!(text(&store, b"a", 0).as_deref(), Some(PLAIN));
        assert_eq!(
            store.insert(b"a", id, None, None, data),
            Changed::Not,
            "in use"
        );
        let odd = store
            .put(b"y", br#"{"expires":null}"#, data, None)
            .unwrap_or_default();
        assert_eq!(
            store.insert(b"b", odd, None, None, data),
            Changed::Not,
            "no lifetime known"
        );
    }

    #[test]
    fn puts_together_what_comes_in_parts() {
        let store = unbounded();
        let id = store.put(b"a", br#"{"expires":null}"#, br#"{"a":1}"#, None);
        assert_eq!(id, Some(cookie(&store, b"a")));
        assert_eq!(text(&store, b"a", 0).as_deref(), Some(FOREVER));
        let id = store.put(b"a", br#"{"expires":"soon"}"#, br#"{"a":1}"#, None);
        assert_eq!(id, None);
        let odd = r#"{"cookie":{"expires":"soon"},"a":1}"#;
        assert_eq!(unclear(&store, b"a").as_deref(), Some(odd));
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
        let id = cookie(&store, b"a");
        set(&store, b"d", PLAIN);
        assert_eq!(sids(&store), ["a", "c", "d"], "a was looked at after b");
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
        let one = {
            let store = unbounded();
            set(&store, b"a", PLAIN);
            store.stats().bytes
        };
        let store = MemoryStore::new(Bounds {
            max: None,
            max_bytes: Some(3 * one),
        });
        for sid in [b"a", b"b", b"c", b"d"] {
            set(&store, sid, PLAIN);
        }
        assert_eq!(sids(&store), ["b", "c", "d"]);
        assert_eq!(store.stats().bytes, 3 * one);
        let long = PLAIN.replace("1}", &format!("{}}}", "1".repeat(one)));
        set(&store, b"b", &long);
        assert_eq!(
            sids(&store),
            ["b", "d"],
            "a session that grew drives others out"
        );
        let too_long = PLAIN.replace("1}", &format!("{}}}", "1".repeat(3 * one)));
        set(&store, b"e", &too_long);
        set(&store, b"d", &too_long);
        assert_eq!(
            sids(&store),
            ["b"],
            "one that never fits drives out nobody else"
        );
        assert!(store.stats().bytes <= 3 * one);
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
        let mut text = Vec::new();
        store.get(b"a", 0, &mut text);
        store.get(b"b", 0, &mut text);
        store.get(b"a", 2000, &mut text);
        let Stats {
            hits,
            misses,
            expired,
            ..
        } = store.stats();
        assert_eq!((hits, misses, expired), (1, 2, 1));
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
