//! The engine that keeps sessions in the memory of this process.

mod destroyed;
mod expiry_index;
mod lru;
mod shard;
pub mod shared;
mod users;

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

use hashbrown::DefaultHashBuilder;
use parking_lot::{Mutex, MutexGuard};

use crate::cookie_text::{CookieText, CookieTextCache};
use crate::engine::{
    Asker, Bounds, CLASSIFICATION_COST, Changed, Engine, Found, Listed, Live, NewCookie, Reason,
    Removed, Slice, Stats, Stored,
};
use crate::error::Error;
use crate::meta::{Whose, user_of};
use crate::session_text::{self, Renewal};
use destroyed::Destroyed;
use lru::Lru;
use shard::{NEVER, Record, Shard, TextKind};
use users::{Place, UserIndex};

/// About the bytes that an allocator takes for a piece of memory beside those that it was asked
/// for.
pub const ALLOCATION: usize = 16;

/// The number of shards. There are several so that threads seldom wait for each other's locks,
/// and so that no hash table gets so large that growing it takes long.
const SHARDS: usize = 16;

/// An engine that keeps session texts in memory, in shards with a lock each.
///
/// Several threads may use one store: a method that is about one session holds the lock of
/// its shard for as long as a look-up takes. Looking up, storing and removing a session takes
/// time O(1), and a session that expires costs O(log n) once in a lifetime. If users are indexed,
/// storing and removing a session takes time O(log n) of the sessions of its user; and O(n), but only
/// if the bounds then allow the user none more.
pub struct MemoryStore {
    shards: [Mutex<Shard>; SHARDS],
    hasher: DefaultHashBuilder,
    cookies: Mutex<CookieTextCache>,
    bounds: Bounds,
    sessions: AtomicUsize,
    bytes: AtomicUsize,
    /// The current moment: the serial number of the next insertion or destruction of a sid,
    /// which takes it under the lock of the sid's shard.
    serial: AtomicU64,
    /// The number of the next use of a session.
    used: AtomicU64,
    /// `None` if users are not indexed.
    users: Option<Box<UserIndex>>,
    /// The time that a call has named last, in ms since the epoch, if the sessions of a user are
    /// bounded.
    clock: AtomicI64,
    hits: AtomicU64,
    misses: AtomicU64,
    expired: AtomicU64,
    evicted: AtomicU64,
    /// Whether removed sessions are collected: see [`Engine::take_removed`].
    is_watched: AtomicBool,
    removed: Mutex<Vec<Removed>>,
}

/// The index of users, and whose a text is.
type Its<'a> = Option<(&'a UserIndex, Whose<'a>)>;

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore::new(Bounds::default())
    }
}

impl Record {
    /// Returns the whole text of the session.
    fn whole(&self) -> Vec<u8> {
        match &self.cookie {
            Some(cookie) => cookie.whole(self.date(), self.text()),
            None => self.text().to_vec(),
        }
    }
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new(bounds: Bounds) -> MemoryStore {
        MemoryStore {
            shards: std::array::from_fn(|at| Mutex::new(Shard::new(at as u8, bounds.evicts()))),
            hasher: DefaultHashBuilder::default(),
            cookies: Mutex::default(),
            bounds,
            sessions: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            // A moment is greater than 0.
            serial: AtomicU64::new(1),
            used: AtomicU64::new(0),
            users: bounds.max_of_user.map(|_| Box::default()),
            clock: AtomicI64::new(i64::MIN),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            is_watched: AtomicBool::new(false),
            removed: Mutex::default(),
        }
    }

    /// Returns the bounds that the store was made with.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Takes down the time of a call.
    fn note_time(&self, now: i64) {
        if self.users.is_some() {
            self.clock.store(now, Relaxed);
        }
    }

    /// Removes expired sessions: see [`Engine::prune`].
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

    fn hash(&self, sid: &[u8]) -> u64 {
        self.hasher.hash_one(sid)
    }

    /// Locks the shard of a sid, and returns it with the part of the sid's hash that it needs.
    fn shard(&self, sid: &[u8]) -> (MutexGuard<'_, Shard>, u32) {
        let hash = self.hash(sid);
        // The upper bits choose the shard, the lower ones the place in its hash table.
        let shard = (hash >> 32) as usize % SHARDS;
        (self.shards[shard].lock(), hash as u32)
    }

    /// Returns the index of users and whose a text is. `None` if it is nobody's, or users are not
    /// indexed.
    fn whose<'a>(&'a self, text: &'a [u8]) -> Its<'a> {
        let users = self.users.as_deref()?;
        Some((users, Whose::of(text)?))
    }

    /// Waits until no other thread stores a session of the user, and ends others of that user. No lock
    /// may be held.
    fn turn<'a>(&self, its: Its<'a>) -> Option<MutexGuard<'a, ()>> {
        self.bounds.max_of_user.filter(|&most| most < usize::MAX)?;
        its.map(|(users, whose)| users.turn(whose.user))
    }

    /// Takes the record at a place, which has left it, out of the index of users.
    fn forget_user(&self, record: &Record, place: Place) {
        if record.is_indexed
            && let Some((users, whose)) = self.whose(record.text())
        {
            users.remove(whose.user, place);
        }
    }

    /// Calls `look` with each record of a user that is alive at `now`, while its shard is locked.
    fn each_of(&self, users: &UserIndex, user: &[u8], now: i64, mut look: impl FnMut(&Record)) {
        for place in users.places(user) {
            let shard = self.shards[usize::from(place.shard)].lock();
            // The record may have gone meanwhile, and another one may be there.
            let record = shard.record(place.record);
            let record = record.filter(|it| !it.has_expired(now) && it.is_indexed);
            if let Some(record) = record.filter(|it| user_of(it.text()) == Some(user)) {
                look(record);
            }
        }
    }

    /// Ends what the user of the session that was stored under `sid` has too many, at the time `now`:
    /// see [`Engine::set`]. No lock of a shard may be held.
    fn limit(&self, sid: &[u8], users: &UserIndex, user: &[u8], now: i64) {
        let most = self.bounds.max_of_user.unwrap_or(usize::MAX);
        if most == usize::MAX || users.count(user) <= most {
            return;
        }
        let mut others = Vec::new();
        self.each_of(users, user, now, |record| {
            if !record.has_sid(sid) {
                let began = Whose::of(record.text()).map_or(i64::MAX, |whose| whose.began());
                others.push((began, record.serial, record.sid()));
            }
        });
        let excess = (others.len() + 1).saturating_sub(most);
        others.sort_unstable();
        for (_, _, sid) in others.into_iter().take(excess) {
            self.end_one(&sid, user, now);
        }
    }

    /// Destroys a session if it is one of a user that is alive at `now`. Returns whether it was.
    fn end_one(&self, sid: &[u8], user: &[u8], now: i64) -> bool {
        let (mut shard, hash) = self.shard(sid);
        let number = shard.find(hash, sid);
        let record = number.and_then(|number| shard.record(number));
        let is_it = record.is_some_and(|it| {
            it.is_indexed && !it.has_expired(now) && user_of(it.text()) == Some(user)
        });
        is_it && self.destroy_in(&mut shard, hash, number)
    }

    /// Destroys the sid with this hash, whose record has the number, if it has one. Returns whether it
    /// has.
    fn destroy_in(&self, shard: &mut Shard, hash: u32, number: Option<u32>) -> bool {
        let serial = self.serial.fetch_add(1, Relaxed);
        shard.destroyed.note(hash, serial);
        if let Some(number) = number {
            self.remove(shard, hash, number, Reason::Destroyed);
        }
        number.is_some()
    }

    /// Returns the number of the record of `sid` if it has not expired at `now`, and removes the
    /// record if it has.
    fn live(&self, shard: &mut Shard, hash: u32, sid: &[u8], now: i64) -> Option<u32> {
        let number = shard.find(hash, sid)?;
        if shard.has_expired(number, now) {
            self.remove(shard, hash, number, Reason::Expired);
            return None;
        }
        Some(number)
    }

    fn use_record(&self, shard: &mut Shard, number: u32) {
        if let Some(lru) = &mut shard.lru {
            lru.use_record(number, self.used.fetch_add(1, Relaxed));
        }
    }

    /// Stores a record of `sid`, unless that was destroyed at the moment `since` or later.
    fn store(
        &self,
        sid: &[u8],
        text: &[u8],
        cookie: Option<Arc<CookieText>>,
        expires: Option<i64>,
        since: Option<u64>,
    ) -> Stored {
        let its = self.whose(text);
        let _turn = self.turn(its);
        let (shard, hash) = self.shard(sid);
        let number = shard.find(hash, sid);
        if since.is_some_and(|since| shard.was_destroyed(hash, number, since)) {
            return Stored::Destroyed;
        }
        let common = cookie.as_ref().filter(|cookie| cookie.is_shareable);
        let id = common.map(|cookie| cookie.id);
        self.store_in(shard, (hash, number, sid), text, its, cookie, expires);
        Stored::Done(id)
    }

    /// Stores a record of the sid that comes with its hash and the number of the record that it
    /// has in `shard`, if any; `its` is whose the text is. Evicts what exceeds the store's bounds then.
    fn store_in(
        &self,
        mut shard: MutexGuard<'_, Shard>,
        (hash, number, sid): (u32, Option<u32>, &[u8]),
        text: &[u8],
        its: Its<'_>,
        cookie: Option<Arc<CookieText>>,
        expires: Option<i64>,
    ) {
        let Some(mut record) = Record::new(sid, text, cookie, expires.unwrap_or(NEVER)) else {
            return;
        };
        record.is_indexed = its.is_some();
        if !self.fits(&record) {
            // Storing it would evict all other sessions, and then this one.
            if let Some(number) = number {
                self.remove(&mut shard, hash, number, Reason::Evicted);
            }
            return;
        }
        let old = number.and_then(|number| shard.record(number));
        record.serial = match old {
            Some(old) => old.serial,
            None => self.serial.fetch_add(1, Relaxed),
        };
        let named = its.and_then(|(_, whose)| whose.latest());
        let now = self.clock.load(Relaxed).max(named.unwrap_or(i64::MIN));
        let old_user = old
            .filter(|old| old.is_indexed)
            .and_then(|old| user_of(old.text()));
        let is_same_user = old_user == its.map(|(_, whose)| whose.user);
        let gaining = its.filter(|(_, whose)| match old.filter(|old| !old.has_expired(now)) {
            Some(_) => !is_same_user,
            None => !whose.is_renewed(),
        });
        let gaining = gaining.filter(|_| !record.has_expired(now));
        let held = hold(&record);
        let number = match number {
            Some(number) => {
                if let Some(old) = shard.replace(number, record) {
                    self.bytes.fetch_sub(release(&old), Relaxed);
                    if !is_same_user {
                        self.forget_user(&old, shard.place(number));
                    }
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
        if let Some((users, whose)) = its.filter(|_| !is_same_user) {
            users.add(whose.user, shard.place(number));
        }
        self.bytes.fetch_add(held, Relaxed);
        self.use_record(&mut shard, number);
        drop(shard);
        if let Some((users, whose)) = gaining {
            self.limit(sid, users, whose.user, now);
        }
        self.evict();
    }

    /// Whether a record is within the store's bounds when it is the only one.
    fn fits(&self, record: &Record) -> bool {
        let cookie = record.cookie.as_ref().map_or(0, |cookie| cookie.bytes());
        let most = self.bounds.max_bytes;
        most.is_none_or(|most| record.bytes() + cookie <= most)
    }

    /// Removes the least recently used sessions until the store is within its bounds. No lock
    /// of a shard may be held.
    fn evict(&self) {
        while self.exceeds_bounds() {
            let oldest = |at: usize| {
                let (used, _) = self.shards[at].lock().lru.as_ref()?.oldest()?;
                Some((used, at))
            };
            let Some((_, at)) = (0..SHARDS).filter_map(oldest).min() else {
                return;
            };
            let mut shard = self.shards[at].lock();
            let oldest = shard.lru.as_ref().and_then(Lru::oldest);
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

    /// Whether the store holds more than its bounds allow.
    fn exceeds_bounds(&self) -> bool {
        let Bounds { max, max_bytes, .. } = self.bounds;
        max.is_some_and(|most| self.sessions.load(Relaxed) > most)
            || max_bytes.is_some_and(|most| self.bytes() > most)
    }

    fn remove(&self, shard: &mut Shard, hash: u32, number: u32, reason: Reason) {
        if let Some(record) = shard.remove(hash, number) {
            self.forget_user(&record, shard.place(number));
            self.count_removed(&record, reason);
        }
    }

    /// Counts a record that was taken out of its shard as removed.
    fn count_removed(&self, record: &Record, reason: Reason) {
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

impl Engine for MemoryStore {
    fn get(&self, sid: &[u8], now: i64, asker: Asker, text: &mut Vec<u8>) -> Result<Found, Error> {
        text.clear();
        self.note_time(now);
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = self.live(&mut shard, hash, sid, now) else {
            if asker != Asker::Viewer {
                self.misses.fetch_add(1, Relaxed);
            }
            return Ok(Found::Missing);
        };
        let Some(record) = shard.record(number) else {
            return Ok(Found::Missing);
        };
        let found = match &record.cookie {
            Some(cookie) if cookie.is_shareable || asker != Asker::Middleware => {
                Found::Live(Live {
                    cookie: Arc::clone(cookie),
                    expires: record.date(),
                    moment: self.serial.load(Relaxed),
                })
            }
            _ => Found::Unclear {
                is_classified: record.kind != TextKind::Unclassified,
            },
        };
        let is_use = match asker {
            Asker::User => true,
            Asker::Middleware => matches!(found, Found::Live(_)),
            Asker::Viewer => false,
        };
        text.extend_from_slice(record.text());
        if is_use {
            self.hits.fetch_add(1, Relaxed);
            self.use_record(&mut shard, number);
        }
        Ok(found)
    }

    fn peek(&self, sid: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let (shard, hash) = self.shard(sid);
        let number = shard.find(hash, sid);
        let record = number.and_then(|number| shard.record(number));
        Ok(record.map(Record::whole))
    }

    fn put(
        &self,
        sid: &[u8],
        cookie: &[u8],
        data: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error> {
        // The lock of the cache is released before that of a shard is taken.
        let made = self.cookies.lock().intern(cookie);
        if let Some((cookie, date)) = made {
            return Ok(self.store(sid, data, Some(cookie), date.or(deadline), since));
        }
        let text = session_text::join(data, cookie.len(), |text| text.extend_from_slice(cookie));
        self.set_raw(sid, &text, deadline, since)
    }

    fn put_if_unchanged(
        &self,
        sid: &[u8],
        base: &[u8],
        cookie: NewCookie,
        data: &[u8],
        now: i64,
        deadline: Option<i64>,
    ) -> Result<Changed, Error> {
        self.note_time(now);
        let its = self.whose(data);
        let _turn = self.turn(its);
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = self.live(&mut shard, hash, sid, now) else {
            return Ok(Changed::Missing);
        };
        let record = shard.record(number);
        let Some(record) = record.filter(|it| session_text::is_same_data(it.text(), base)) else {
            return Ok(Changed::Refused);
        };
        let made = match cookie {
            NewCookie::Json(cookie) => self.cookies.lock().intern(cookie),
            NewCookie::Known(id, date) => match &record.cookie {
                Some(known) if known.id == id && known.can_expire(date) => {
                    Some((Arc::clone(known), date))
                }
                _ => return Ok(Changed::Refused),
            },
            NewCookie::InText => None,
        };
        let sid = (hash, Some(number), sid);
        match (made, cookie) {
            (Some((cookie, date)), _) => {
                self.store_in(shard, sid, data, its, Some(cookie), date.or(deadline));
            }
            (None, NewCookie::Json(cookie)) => {
                let text =
                    session_text::join(data, cookie.len(), |text| text.extend_from_slice(cookie));
                self.store_in(shard, sid, &text, its, None, deadline);
            }
            (None, _) => self.store_in(shard, sid, data, its, None, deadline),
        }
        Ok(Changed::Done)
    }

    fn set_raw(
        &self,
        sid: &[u8],
        text: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error> {
        Ok(self.store(sid, text, None, deadline, since))
    }

    fn write(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        since: Option<u64>,
        data: &[u8],
    ) -> Result<Changed, Error> {
        let its = self.whose(data);
        let _turn = self.turn(its);
        let (shard, hash) = self.shard(sid);
        let number = shard.find(hash, sid);
        if since.is_some_and(|since| shard.was_destroyed(hash, number, since)) {
            return Ok(Changed::Destroyed);
        }
        let known = match number.and_then(|number| shard.record(number)) {
            Some(record) => record.cookie.clone().filter(|known| known.id == cookie),
            None => self.cookies.lock().get(cookie),
        };
        let Some(known) = known.filter(|known| known.can_expire(date)) else {
            return Ok(Changed::Refused);
        };
        let sid = (hash, number, sid);
        self.store_in(shard, sid, data, its, Some(known), date.or(deadline));
        Ok(Changed::Done)
    }

    fn touch(
        &self,
        sid: &[u8],
        cookie: &[u8],
        now: i64,
        deadline: Option<i64>,
    ) -> Result<Changed, Error> {
        self.note_time(now);
        let made = self.cookies.lock().intern(cookie);
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = self.live(&mut shard, hash, sid, now) else {
            return Ok(Changed::Missing);
        };
        self.use_record(&mut shard, number);
        let Some((cookie, date)) = made else {
            return Ok(Changed::Refused);
        };
        let Some(old) = shard.give_cookie(number, Arc::clone(&cookie)) else {
            return Ok(Changed::Refused);
        };
        let held = cookie.hold();
        self.bytes.fetch_sub(old.release(), Relaxed);
        self.bytes.fetch_add(held, Relaxed);
        shard.set_expiry(number, date.or(deadline).unwrap_or(NEVER));
        if shard.record(number).is_some_and(|it| !self.fits(it)) {
            self.remove(&mut shard, hash, number, Reason::Evicted);
        }
        drop(shard);
        self.evict();
        Ok(Changed::Done)
    }

    fn renew(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        now: i64,
    ) -> Result<Changed, Error> {
        self.note_time(now);
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = self.live(&mut shard, hash, sid, now) else {
            return Ok(Changed::Missing);
        };
        self.use_record(&mut shard, number);
        let known = shard
            .record(number)
            .and_then(|record| record.cookie.as_ref());
        let Some(known) = known.filter(|known| known.id == cookie) else {
            return Ok(Changed::Refused);
        };
        let date = match known.renewal {
            Renewal::Date { lifetime } => date.or_else(|| now.checked_add(lifetime)),
            _ => date,
        };
        if !known.can_expire(date) {
            return Ok(Changed::Refused);
        }
        shard.set_expiry(number, date.or(deadline).unwrap_or(NEVER));
        Ok(Changed::Done)
    }

    fn classify(
        &self,
        sid: &[u8],
        text: &[u8],
        is_session: bool,
        expires: Option<i64>,
        now: i64,
    ) -> Result<(), Error> {
        self.note_time(now);
        let (mut shard, hash) = self.shard(sid);
        let Some(number) = shard.find(hash, sid) else {
            return Ok(());
        };
        let record = shard.record(number);
        if !record.is_some_and(|record| record.cookie.is_none() && record.text() == text) {
            return Ok(());
        }
        let kind = if is_session {
            TextKind::Session
        } else {
            TextKind::NoSession
        };
        shard.set_kind(number, kind);
        if let Some(expires) = expires {
            shard.set_expiry(number, expires);
        }
        self.live(&mut shard, hash, sid, now);
        Ok(())
    }

    fn unclassified(&self, from: u64, mut budget: usize) -> Result<Slice, Error> {
        let mut sids = Vec::new();
        let (first, mut begin) = ((from >> 32) as usize, from as u32);
        for (at, shard) in self.shards.iter().enumerate().skip(first) {
            let shard = shard.lock();
            let numbers = shard.numbers().skip(std::mem::take(&mut begin) as usize);
            for number in numbers.take_while(|_| shard.unclassified > 0) {
                if budget == 0 {
                    return Ok((sids, Some((at as u64) << 32 | u64::from(number))));
                }
                let record = shard.record(number);
                let unclassified = record.filter(|record| record.kind == TextKind::Unclassified);
                let cost =
                    unclassified.map_or(1, |record| CLASSIFICATION_COST + record.text().len());
                budget = budget.saturating_sub(cost);
                sids.extend(unclassified.map(|record| Box::from(record.sid())));
            }
        }
        Ok((sids, None))
    }

    fn destroy(&self, sid: &[u8]) -> Result<bool, Error> {
        let (mut shard, hash) = self.shard(sid);
        let number = shard.find(hash, sid);
        Ok(self.destroy_in(&mut shard, hash, number))
    }

    fn clear(&self) -> Result<(), Error> {
        for shard in &self.shards {
            let old = {
                let mut shard = shard.lock();
                // Before another record gets the same place.
                if self.users.is_some() {
                    for number in shard.numbers() {
                        let record = shard.record(number);
                        record.inspect(|it| self.forget_user(it, shard.place(number)));
                    }
                }
                let mut empty = Shard::new(shard.number, shard.lru.is_some());
                empty.destroyed = Destroyed::all(self.serial.fetch_add(1, Relaxed));
                std::mem::replace(&mut *shard, empty)
            };
            // The lock is released before the records are counted and freed.
            for record in old.records() {
                self.count_removed(record, Reason::Destroyed);
            }
        }
        Ok(())
    }

    fn sessions_of(&self, user: &[u8], now: i64) -> Result<Vec<Listed>, Error> {
        self.note_time(now);
        let mut found = Vec::new();
        if let Some(users) = &self.users {
            self.each_of(users, user, now, |record| {
                let expires = (record.expires != NEVER).then_some(record.expires);
                let cookie = record.cookie.as_deref();
                found.extend(Listed::of(
                    record.sid(),
                    record.text(),
                    cookie,
                    expires,
                    user,
                ));
            });
        }
        Ok(found)
    }

    fn end(&self, user: &[u8], sid: &[u8], now: i64) -> Result<bool, Error> {
        self.note_time(now);
        Ok(self.end_one(sid, user, now))
    }

    fn moment(&self) -> Result<u64, Error> {
        Ok(self.serial.load(Relaxed))
    }

    fn was_destroyed(&self, sid: &[u8], since: u64) -> Result<bool, Error> {
        let (shard, hash) = self.shard(sid);
        Ok(shard.was_destroyed(hash, shard.find(hash, sid), since))
    }

    /// Takes time O(n log n), and memory for all sids.
    fn sids(&self) -> Result<Vec<Box<[u8]>>, Error> {
        let mut sids = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            let records = shard.records();
            sids.extend(records.map(|record| (record.serial, Box::from(record.sid()))));
        }
        sids.sort_unstable_by_key(|&(serial, _)| serial);
        Ok(sids.into_iter().map(|(_, sid)| sid).collect())
    }

    /// Takes time in proportion to the sessions that have expired and are still there, and
    /// none for those that are alive.
    fn len(&self, now: i64) -> Result<usize, Error> {
        self.prune(now, usize::MAX)?;
        let no_sessions = self.shards.iter().map(|shard| shard.lock().no_sessions);
        let no_sessions: usize = no_sessions.sum();
        Ok(self.sessions.load(Relaxed).saturating_sub(no_sessions))
    }

    /// With what is left of the budget, removes sessions that have expired in the second of
    /// `now`, too.
    fn prune(&self, now: i64, budget: usize) -> Result<bool, Error> {
        self.note_time(now);
        let is_done = self.prune_shards(now, budget);
        // When the GNU C library's allocator is asked for a large piece, it sorts the small
        // ones that were freed since the last time: ten thousand of them take 5 ms. Asked
        // here, it sorts those of this call, and no request has to wait for many.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(4096)));
        Ok(is_done)
    }

    fn take_removed(&self) -> Result<Vec<Removed>, Error> {
        self.is_watched.store(true, Relaxed);
        Ok(std::mem::take(&mut self.removed.lock()))
    }

    fn stats(&self) -> Result<Stats, Error> {
        Ok(Stats {
            sessions: self.sessions.load(Relaxed),
            bytes: self.bytes(),
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            expired: self.expired.load(Relaxed),
            evicted: self.evicted.load(Relaxed),
        })
    }

    fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }
}

/// Counts a record in that is stored. Returns the bytes that it adds to what the store holds.
fn hold(record: &Record) -> usize {
    record.bytes() + record.cookie.as_ref().map_or(0, |cookie| cookie.hold())
}

/// Counts a record out that is stored no more. Returns the bytes that it takes from what the
/// store holds.
fn release(record: &Record) -> usize {
    record.bytes() + record.cookie.as_ref().map_or(0, |cookie| cookie.release())
}

#[cfg(test)]
mod tests;
