//! A part of the store: the records of some sids, behind one lock.

use std::sync::Arc;

use hashbrown::HashTable;

use super::ALLOCATION;
use super::destroyed::Destroyed;
use super::expiry_index::{ExpiryIndex, ExpiryNode, ExpiryNodes};
use super::lru::{self, Lru};
use crate::cookie_text::CookieText;

/// The time of a record that does not expire.
pub const NEVER: i64 = i64::MAX;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// A session's.
    Session,
    /// One that only JavaScript can judge, and has not judged yet.
    Unclassified,
    /// No session's, as JavaScript has said of `false`.
    NoSession,
}

/// A session as it is kept.
pub struct Record {
    /// The sid, or what fits of it.
    head: [u8; HEAD],
    sid_length: u32,
    due: ExpiryNode,
    /// What is left of the sid, and behind it the session's data or, without a cookie, its
    /// whole text.
    content: Box<[u8]>,
    /// The session's cookie, or none if only JavaScript can judge the text.
    pub cookie: Option<Arc<CookieText>>,
    /// What the text is.
    pub kind: TextKind,
    /// When it expires, in ms since the epoch.
    pub expires: i64,
    /// Counts insertions: a sid keeps its place until it is removed.
    pub serial: u64,
}

/// The ids that the package makes lie in the record whole, so that finding one needs no
/// look at the content.
const HEAD: usize = 32;

/// Where a record is, and enough of its sid's hash to move that without asking the record.
struct Entry {
    hash: u32,
    record: u32,
}

/// Bytes that a record takes beside its content and its cookie, as the store counts them:
/// those in the table, of which a part is empty, and in the orders of use and of expiry
/// included.
pub const RECORD_BYTES: usize = size_of::<Record>()
    + 2 * size_of::<Entry>()
    + lru::NODE_BYTES
    + 2 * size_of::<(u32, u32)>()
    + ALLOCATION;

impl Record {
    /// A record with these parts. `None` if the sid is longer than 4 GB.
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
            Some(_) => TextKind::Session,
            None => TextKind::Unclassified,
        };
        Some(Record {
            head,
            sid_length: sid.len().try_into().ok()?,
            due: ExpiryNode::default(),
            content: [rest, text].concat().into(),
            cookie,
            kind,
            expires,
            serial: 0,
        })
    }

    fn has_sid(&self, sid: &[u8]) -> bool {
        let (start, rest) = sid.split_at(sid.len().min(HEAD));
        self.sid_length as usize == sid.len()
            && self.head[..start.len()] == *start
            && (rest.is_empty() || self.content[..rest.len()] == *rest)
    }

    fn rest_length(&self) -> usize {
        (self.sid_length as usize).saturating_sub(HEAD)
    }

    /// The session id.
    pub fn sid(&self) -> Vec<u8> {
        let start = &self.head[..HEAD.min(self.sid_length as usize)];
        [start, &self.content[..self.rest_length()]].concat()
    }

    /// The session's data or, without a cookie, its whole text.
    pub fn text(&self) -> &[u8] {
        &self.content[self.rest_length()..]
    }

    /// The date in the session's cookie, in ms since the epoch.
    pub fn date(&self) -> Option<i64> {
        let has_date = self.cookie.as_ref().is_some_and(|cookie| cookie.has_date());
        has_date.then_some(self.expires)
    }

    /// What it takes of the memory that the store may take, its cookie aside.
    pub fn bytes(&self) -> usize {
        self.content.len() + RECORD_BYTES
    }

    fn has_expired(&self, now: i64) -> bool {
        self.expires <= now && self.expires != NEVER
    }
}

/// The records of some sids.
#[derive(Default)]
pub struct Shard {
    table: HashTable<Entry>,
    records: Records,
    free: Vec<u32>,
    due: ExpiryIndex,
    /// Kept if the store is bounded.
    pub order: Option<Lru>,
    /// How many records JavaScript must judge and has not judged yet.
    pub unclassified: usize,
    /// How many records are no sessions.
    pub no_sessions: usize,
    /// The sids that were destroyed lately.
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
        self.get_mut(record).map(|record| &mut record.due)
    }
}

impl Shard {
    /// No records; those to come are kept in the order of their use if `is_bounded`.
    pub fn new(is_bounded: bool) -> Shard {
        Shard {
            order: is_bounded.then(Lru::default),
            ..Shard::default()
        }
    }

    /// The record of `sid`, and its number.
    pub fn find(&self, hash: u32, sid: &[u8]) -> Option<u32> {
        let is_it = |entry: &Entry| {
            entry.hash == hash && self.record(entry.record).is_some_and(|it| it.has_sid(sid))
        };
        self.table
            .find(spread(hash), is_it)
            .map(|entry| entry.record)
    }

    /// The record with a number.
    pub fn record(&self, number: u32) -> Option<&Record> {
        self.records.get(number)
    }

    /// Counts a record in, by what JavaScript has said of it, and another one out.
    fn count(&mut self, new: Option<TextKind>, old: Option<TextKind>) {
        let is = |kind, wanted| usize::from(kind == Some(wanted));
        let moved = |count: &mut usize, wanted| *count = *count + is(new, wanted) - is(old, wanted);
        moved(&mut self.unclassified, TextKind::Unclassified);
        moved(&mut self.no_sessions, TextKind::NoSession);
    }

    /// The numbers of records, some of which may be free.
    pub fn numbers(&self) -> std::ops::Range<u32> {
        0..self.records.0.len() as u32
    }

    /// Every record.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.0.iter().flatten()
    }

    /// Whether a record has expired at `now`, in ms since the epoch.
    pub fn has_expired(&self, number: u32, now: i64) -> bool {
        self.record(number)
            .is_some_and(|record| record.has_expired(now))
    }

    /// Adds a record of a sid that has none.
    ///
    /// # Errors
    /// The record, if there is no number left for it.
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
            self.due.file(&mut self.records, number, expires);
        }
        let entry = Entry {
            hash,
            record: number,
        };
        self.table
            .insert_unique(spread(hash), entry, |entry| spread(entry.hash));
        Ok(number)
    }

    /// Puts a record in the place of another of the same sid, and returns that.
    pub fn replace(&mut self, number: u32, mut record: Record) -> Option<Record> {
        let expires = record.expires;
        let kind = record.kind;
        let place = self.records.get_mut(number)?;
        record.due = place.due;
        let old = std::mem::replace(place, record);
        self.count(Some(kind), Some(old.kind));
        if expires == NEVER {
            self.due.unfile(&mut self.records, number);
        } else {
            self.due.file(&mut self.records, number, expires);
        }
        Some(old)
    }

    /// Gives a record another cookie, and returns the old one. `None` if only JavaScript
    /// can judge its text.
    pub fn give_cookie(&mut self, number: u32, cookie: Arc<CookieText>) -> Option<Arc<CookieText>> {
        let record = self.records.get_mut(number);
        let old = record.and_then(|record| record.cookie.as_mut())?;
        Some(std::mem::replace(old, cookie))
    }

    /// Takes down what JavaScript says of a record's text.
    pub fn classify(&mut self, number: u32, kind: TextKind) {
        if let Some(record) = self.records.get_mut(number) {
            let old = record.kind;
            record.kind = kind;
            self.count(Some(kind), Some(old));
        }
    }

    /// Whether the sid of a hash, which has the record called `number` or none, was
    /// destroyed since the moment with the serial number `since`. What was evicted or has
    /// expired was not.
    pub fn was_destroyed(&self, hash: u32, number: Option<u32>, since: u64) -> bool {
        let record = number.and_then(|number| self.record(number));
        // One that was there then and still is needs not be remembered.
        let is_same = record.is_some_and(|record| record.serial < since);
        !is_same && self.destroyed.was_after(hash, since)
    }

    /// Gives a record another expiry.
    pub fn renew(&mut self, number: u32, expires: i64) {
        let Some(record) = self.records.get_mut(number) else {
            return;
        };
        record.expires = expires;
        if expires != NEVER {
            self.due.file(&mut self.records, number, expires);
        }
    }

    /// Takes a record out.
    pub fn remove(&mut self, hash: u32, number: u32) -> Option<Record> {
        self.due.unfile(&mut self.records, number);
        let record = self.records.0.get_mut(number as usize)?.take()?;
        if let Ok(entry) = self
            .table
            .find_entry(spread(hash), |entry| entry.record == number)
        {
            entry.remove();
        }
        if let Some(order) = &mut self.order {
            order.remove(number);
        }
        self.count(None, Some(record.kind));
        self.free.push(number);
        Some(record)
    }

    /// A record that has expired in a second before that of `now`. Those filed for such a
    /// second that live on are filed anew; `budget` is reduced by as many as were looked
    /// at, and ends the search.
    pub fn expired(&mut self, now: i64, budget: &mut usize) -> Option<u32> {
        while *budget > 0 {
            let number = self.due.over(now)?;
            *budget -= 1;
            if self.has_expired(number, now) {
                return Some(number);
            }
            self.due.unfile(&mut self.records, number);
            let expires = self.record(number).map(|record| record.expires);
            if let Some(expires) = expires.filter(|&expires| expires != NEVER) {
                self.due.file(&mut self.records, number, expires);
            }
        }
        None
    }

    /// The records that have expired in the second of `now`, of as many as `budget`, which
    /// is reduced by those.
    pub fn expiring(&mut self, now: i64, budget: &mut usize) -> Vec<u32> {
        let mut numbers = self.due.in_second(&mut self.records, now, *budget);
        *budget -= numbers.len();
        numbers.retain(|&number| self.has_expired(number, now));
        numbers
    }
}

/// The table takes its control bits from the top of a hash.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
