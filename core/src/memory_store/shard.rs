//! A part of the memory store: the records of some of its sids, which the store keeps behind
//! one lock.

use std::sync::Arc;

use hashbrown::HashTable;

use super::ALLOCATION;
use super::destroyed::Destroyed;
use super::expiry_index::{ExpiryIndex, ExpiryNode, ExpiryNodes};
use super::lru::{self, Lru};
use super::users::{PLACE_BYTES, Place};
use crate::cookie_text::CookieText;
use crate::session_text::is_pointer;

/// The expiry of a record that does not expire.
pub const NEVER: i64 = i64::MAX;

/// What the text of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// The text of a session.
    Session,
    /// An unclear text that JavaScript has not classified yet: see
    /// [`Engine::classify`](crate::engine::Engine::classify).
    Unclassified,
    /// The text of no session: a pointer, or as JavaScript found out. The text `false` is one.
    NoSession,
}

/// A session as it is kept.
pub struct Record {
    /// The first bytes of the sid, as many as fit.
    head: [u8; HEAD],
    sid_length: u32,
    expiry_node: ExpiryNode,
    /// The rest of the sid, and behind it the session's data or an unclear text.
    content: Box<[u8]>,
    /// The session's cookie. `None` for an unclear text.
    pub cookie: Option<Arc<CookieText>>,
    /// What the text is.
    pub kind: TextKind,
    /// Whether it is in the [`UserIndex`](super::users::UserIndex).
    pub is_indexed: bool,
    /// When the session expires, in ms since the epoch, or `NEVER`.
    pub expires: i64,
    /// The moment at which the sid was inserted, which a replacement of its record keeps.
    pub serial: u64,
}

/// The bytes of a sid that are in the record itself. The sids that this package makes fit, so
/// that comparing them does not read `content`.
const HEAD: usize = 32;

/// An entry of the hash table: the number of a record, and the part of its sid's hash that the
/// table needs when it grows, so that it does not have to read the record then.
struct Entry {
    hash: u32,
    record: u32,
}

/// The bytes that the store counts for a record beside those of its content and its cookie:
/// for the record, for its entry in the hash table, of which a part is empty, for its node in
/// the [`Lru`], and for its share of the [`ExpiryIndex`].
pub const RECORD_BYTES: usize = size_of::<Record>()
    + 2 * size_of::<Entry>()
    + lru::NODE_BYTES
    + 2 * size_of::<(u32, u32)>()
    + ALLOCATION;

impl Record {
    /// Makes a record of a sid with these parts: `text` is the session's data if it has a
    /// cookie, and otherwise an unclear text; `expires` is in ms since the epoch or `NEVER`.
    /// `None` if the sid is longer than 4 GB.
    pub fn new(
        sid: &[u8],
        text: &[u8],
        cookie: Option<Arc<CookieText>>,
        expires: i64,
    ) -> Option<Record> {
        let (start, rest) = sid.split_at(sid.len().min(HEAD));
        let mut head = [0; HEAD];
        head[..start.len()].copy_from_slice(start);
        let kind = match cookie {
            Some(_) if is_pointer(text) => TextKind::NoSession,
            Some(_) => TextKind::Session,
            None => TextKind::Unclassified,
        };
        Some(Record {
            head,
            sid_length: sid.len().try_into().ok()?,
            expiry_node: ExpiryNode::default(),
            content: [rest, text].concat().into(),
            cookie,
            kind,
            is_indexed: false,
            expires,
            serial: 0,
        })
    }

    /// Whether this is the record of a sid.
    pub fn has_sid(&self, sid: &[u8]) -> bool {
        let (start, rest) = sid.split_at(sid.len().min(HEAD));
        self.sid_length as usize == sid.len()
            && self.head[..start.len()] == *start
            && (rest.is_empty() || self.content[..rest.len()] == *rest)
    }

    /// Returns the bytes of the sid that are in `content`.
    fn rest_length(&self) -> usize {
        (self.sid_length as usize).saturating_sub(HEAD)
    }

    /// Returns the session id.
    pub fn sid(&self) -> Vec<u8> {
        let start = &self.head[..HEAD.min(self.sid_length as usize)];
        [start, &self.content[..self.rest_length()]].concat()
    }

    /// Returns the session's data or, if it has no cookie, its whole text.
    pub fn text(&self) -> &[u8] {
        &self.content[self.rest_length()..]
    }

    /// Returns the date of the session's cookie, in ms since the epoch. `None` if it has none.
    pub fn date(&self) -> Option<i64> {
        let has_date = self.cookie.as_ref().is_some_and(|cookie| cookie.has_date());
        has_date.then_some(self.expires)
    }

    /// Returns the bytes that the store counts for the record without its cookie.
    pub fn bytes(&self) -> usize {
        self.content.len() + RECORD_BYTES + usize::from(self.is_indexed) * PLACE_BYTES
    }

    /// Whether it has expired at `now`, in ms since the epoch.
    pub fn has_expired(&self, now: i64) -> bool {
        self.expires <= now && self.expires != NEVER
    }
}

/// The records of some sids. Each has a number that it keeps until it is removed.
#[derive(Default)]
pub struct Shard {
    /// The number of the shard in its store.
    pub number: u8,
    table: HashTable<Entry>,
    records: Records,
    /// The numbers that no record has.
    free: Vec<u32>,
    expiries: ExpiryIndex,
    /// The order of the records' last use. `None` if the store is not bounded.
    pub lru: Option<Lru>,
    /// How many records are `TextKind::Unclassified`.
    pub unclassified: usize,
    /// How many records are `TextKind::NoSession`.
    pub no_sessions: usize,
    /// Which of the shard's sids were destroyed lately.
    pub destroyed: Destroyed,
}

/// The records by their numbers.
#[derive(Default)]
struct Records(Vec<Option<Record>>);

impl Records {
    fn get(&self, number: u32) -> Option<&Record> {
        self.0.get(number as usize)?.as_ref()
    }

    fn get_mut(&mut self, number: u32) -> Option<&mut Record> {
        self.0.get_mut(number as usize)?.as_mut()
    }
}

impl ExpiryNodes for Records {
    fn node(&mut self, record: u32) -> Option<&mut ExpiryNode> {
        self.get_mut(record).map(|record| &mut record.expiry_node)
    }
}

impl Shard {
    /// Makes the empty shard of a store, which may be bounded, that has this number there.
    pub fn new(number: u8, is_bounded: bool) -> Shard {
        Shard {
            number,
            lru: is_bounded.then(Lru::default),
            ..Shard::default()
        }
    }

    /// Returns the number of the record of `sid`, of which `hash` is the hash.
    pub fn find(&self, hash: u32, sid: &[u8]) -> Option<u32> {
        let is_it = |entry: &Entry| {
            entry.hash == hash && self.record(entry.record).is_some_and(|it| it.has_sid(sid))
        };
        self.table
            .find(spread(hash), is_it)
            .map(|entry| entry.record)
    }

    /// Returns the place of the record with a number.
    pub fn place(&self, number: u32) -> Place {
        Place {
            shard: self.number,
            record: number,
        }
    }

    /// Returns the record with a number. `None` if none has it.
    pub fn record(&self, number: u32) -> Option<&Record> {
        self.records.get(number)
    }

    /// Counts a record of the kind `new` in and one of the kind `old` out.
    fn count(&mut self, new: Option<TextKind>, old: Option<TextKind>) {
        let is = |kind, wanted| usize::from(kind == Some(wanted));
        let moved = |count: &mut usize, wanted| *count = *count + is(new, wanted) - is(old, wanted);
        moved(&mut self.unclassified, TextKind::Unclassified);
        moved(&mut self.no_sessions, TextKind::NoSession);
    }

    /// Returns the numbers that records may have, some of which are free.
    pub fn numbers(&self) -> std::ops::Range<u32> {
        0..self.records.0.len() as u32
    }

    /// Returns every record.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.0.iter().flatten()
    }

    /// Whether a record has expired at `now`, in ms since the epoch.
    pub fn has_expired(&self, number: u32, now: i64) -> bool {
        self.record(number)
            .is_some_and(|record| record.has_expired(now))
    }

    /// Adds the record of a sid that has none, and returns its number.
    ///
    /// # Errors
    /// The record itself, if there is no number left for it.
    pub fn insert(&mut self, hash: u32, record: Record) -> Result<u32, Record> {
        let records = &mut self.records.0;
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                let next = u32::try_from(records.len()).ok();
                let Some(number) = next.filter(|&at| at != u32::MAX) else {
                    return Err(record);
                };
                records.push(None);
                number
            }
        };
        let expires = record.expires;
        let kind = record.kind;
        records[number as usize] = Some(record);
        self.count(Some(kind), None);
        if expires != NEVER {
            self.expiries.file(&mut self.records, number, expires);
        }
        let entry = Entry {
            hash,
            record: number,
        };
        self.table
            .insert_unique(spread(hash), entry, |entry| spread(entry.hash));
        Ok(number)
    }

    /// Replaces the record with a number by another one of the same sid, and returns the old
    /// one. `None` if no record has the number.
    pub fn replace(&mut self, number: u32, mut record: Record) -> Option<Record> {
        let expires = record.expires;
        let kind = record.kind;
        let old_place = self.records.get_mut(number)?;
        record.expiry_node = old_place.expiry_node;
        let old = std::mem::replace(old_place, record);
        self.count(Some(kind), Some(old.kind));
        if expires == NEVER {
            self.expiries.unfile(&mut self.records, number);
        } else {
            self.expiries.file(&mut self.records, number, expires);
        }
        Some(old)
    }

    /// Gives a record another cookie, and returns the old one. `None` if the record has no
    /// cookie, as its text is unclear.
    pub fn give_cookie(&mut self, number: u32, cookie: Arc<CookieText>) -> Option<Arc<CookieText>> {
        let record = self.records.get_mut(number);
        let old = record.and_then(|record| record.cookie.as_mut())?;
        Some(std::mem::replace(old, cookie))
    }

    /// Sets what the text of a record is.
    pub fn set_kind(&mut self, number: u32, kind: TextKind) {
        if let Some(record) = self.records.get_mut(number) {
            let old = record.kind;
            record.kind = kind;
            self.count(Some(kind), Some(old));
        }
    }

    /// Whether the sid with this hash was destroyed at the moment `since` or later. `number` is
    /// that of the sid's record, if it has one.
    pub fn was_destroyed(&self, hash: u32, number: Option<u32>, since: u64) -> bool {
        let record = number.and_then(|number| self.record(number));
        // A record that was inserted before `since` and is still there was not destroyed.
        let is_same = record.is_some_and(|record| record.serial < since);
        !is_same && self.destroyed.was_after(hash, since)
    }

    /// Gives a record another expiry, in ms since the epoch or `NEVER`.
    pub fn set_expiry(&mut self, number: u32, expires: i64) {
        let Some(record) = self.records.get_mut(number) else {
            return;
        };
        record.expires = expires;
        if expires != NEVER {
            self.expiries.file(&mut self.records, number, expires);
        }
    }

    /// Removes the record with a number, of whose sid `hash` is the hash, and returns it.
    pub fn remove(&mut self, hash: u32, number: u32) -> Option<Record> {
        self.expiries.unfile(&mut self.records, number);
        let record = self.records.0.get_mut(number as usize)?.take()?;
        if let Ok(entry) = self
            .table
            .find_entry(spread(hash), |entry| entry.record == number)
        {
            entry.remove();
        }
        if let Some(lru) = &mut self.lru {
            lru.remove(number);
        }
        self.count(None, Some(record.kind));
        self.free.push(number);
        Some(record)
    }

    /// Returns a record that has expired in an earlier second than that of `now`, in ms since
    /// the epoch. Records in the list of such a second whose expiry has moved to a later one
    /// are filed anew. Each record that is looked at reduces `budget` by 1; at 0 the search
    /// ends.
    pub fn expired(&mut self, now: i64, budget: &mut usize) -> Option<u32> {
        while *budget > 0 {
            let number = self.expiries.over(now)?;
            *budget -= 1;
            if self.has_expired(number, now) {
                return Some(number);
            }
            self.expiries.unfile(&mut self.records, number);
            let expires = self.record(number).map(|record| record.expires);
            if let Some(expires) = expires.filter(|&expires| expires != NEVER) {
                self.expiries.file(&mut self.records, number, expires);
            }
        }
        None
    }

    /// Returns the records that have expired in the second of `now`, in ms since the epoch.
    /// Looks at `budget` records at most, and reduces it by those that it looked at.
    pub fn expiring(&mut self, now: i64, budget: &mut usize) -> Vec<u32> {
        let mut numbers = self.expiries.in_second(&mut self.records, now, *budget);
        *budget -= numbers.len();
        numbers.retain(|&number| self.has_expired(number, now));
        numbers
    }
}

/// Spreads the part of a hash that an entry keeps over 64 bits, as the hash table takes its
/// control bits from the upper ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
