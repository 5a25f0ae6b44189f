//! A part of the store: the records of some sids, behind one lock.

use std::sync::Arc;

use hashbrown::HashTable;

use super::due::{self, Due};
use super::order::Order;
use crate::cookie_text::CookieText;

/// The time of a record that does not expire.
pub const NEVER: i64 = i64::MAX;

/// A session as it is kept.
pub struct Record {
    /// The sid, and behind it the session's data or, without a cookie, its whole text.
    content: Box<[u8]>,
    sid_length: u32,
    /// The session's cookie, or none if only JavaScript can judge the text.
    pub cookie: Option<Arc<CookieText>>,
    /// When it expires, in ms since the epoch.
    pub expires: i64,
    /// Counts insertions: a sid keeps its place until it is removed.
    pub serial: u64,
}

/// Where a record is, and enough of its sid's hash to move that without asking the record.
struct Entry {
    hash: u32,
    record: u32,
}

/// Bytes that a record takes beside its content, as the store counts them.
pub const RECORD_BYTES: usize = size_of::<Record>() + 2 * size_of::<Entry>() + due::RECORD_BYTES;

impl Record {
    /// A record with these parts. `None` if the sid is longer than 4 GB.
    pub fn new(
        sid: &[u8],
        text: &[u8],
        cookie: Option<Arc<CookieText>>,
        expires: i64,
    ) -> Option<Record> {
        Some(Record {
            content: [sid, text].concat().into(),
            sid_length: sid.len().try_into().ok()?,
            cookie,
            expires,
            serial: 0,
        })
    }

    /// The session id.
    pub fn sid(&self) -> &[u8] {
        &self.content[..self.sid_length as usize]
    }

    /// The session's data or, without a cookie, its whole text.
    pub fn text(&self) -> &[u8] {
        &self.content[self.sid_length as usize..]
    }

    /// The date in the session's cookie, in ms since the epoch.
    pub fn date(&self) -> Option<i64> {
        let has_date = self.cookie.as_ref().is_some_and(|cookie| cookie.has_date());
        has_date.then_some(self.expires)
    }

    /// What it takes of the memory that the store may take.
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
    records: Vec<Option<Record>>,
    free: Vec<u32>,
    due: Due,
    /// Kept if the store is bounded.
    pub order: Option<Order>,
    /// How many records only JavaScript can judge.
    pub unclear: usize,
}

impl Shard {
    /// No records; those to come are kept in the order of their use if `is_bounded`.
    pub fn new(is_bounded: bool) -> Shard {
        Shard {
            order: is_bounded.then(Order::default),
            ..Shard::default()
        }
    }

    /// The record of `sid`, and its number.
    pub fn find(&self, hash: u32, sid: &[u8]) -> Option<u32> {
        let is_it = |entry: &Entry| {
            entry.hash == hash && self.record(entry.record).is_some_and(|it| it.sid() == sid)
        };
        self.table
            .find(spread(hash), is_it)
            .map(|entry| entry.record)
    }

    /// The record with a number.
    pub fn record(&self, number: u32) -> Option<&Record> {
        self.records.get(number as usize)?.as_ref()
    }

    /// Every record.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().flatten()
    }

    /// Whether a record has expired at `now`, in ms since the epoch.
    pub fn has_expired(&self, number: u32, now: i64) -> bool {
        self.record(number)
            .is_some_and(|record| record.has_expired(now))
    }

    /// Adds a record of a sid that has none. `None` if there is no number left for it.
    pub fn insert(&mut self, hash: u32, record: Record) -> Option<u32> {
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                let number = u32::try_from(self.records.len())
                    .ok()
                    .filter(|&at| at != u32::MAX)?;
                self.records.push(None);
                number
            }
        };
        if record.expires != NEVER {
            self.due.file(number, record.expires);
        }
        self.unclear += usize::from(record.cookie.is_none());
        self.records[number as usize] = Some(record);
        let entry = Entry {
            hash,
            record: number,
        };
        self.table
            .insert_unique(spread(hash), entry, |entry| spread(entry.hash));
        Some(number)
    }

    /// Puts a record in the place of another of the same sid, and returns that.
    pub fn replace(&mut self, number: u32, record: Record) -> Option<Record> {
        if record.expires == NEVER {
            self.due.unfile(number);
        } else {
            self.due.file(number, record.expires);
        }
        self.unclear += usize::from(record.cookie.is_none());
        let old = self.records.get_mut(number as usize)?.replace(record)?;
        self.unclear -= usize::from(old.cookie.is_none());
        Some(old)
    }

    /// Gives a record another cookie. False if only JavaScript can judge its text.
    pub fn give_cookie(&mut self, number: u32, cookie: Arc<CookieText>) -> bool {
        let record = self
            .records
            .get_mut(number as usize)
            .and_then(Option::as_mut);
        let old = record.and_then(|record| record.cookie.as_mut());
        old.map(|old| *old = cookie).is_some()
    }

    /// Gives a record another expiry.
    pub fn renew(&mut self, number: u32, expires: i64) {
        let Some(Some(record)) = self.records.get_mut(number as usize) else {
            return;
        };
        record.expires = expires;
        if expires != NEVER {
            self.due.file(number, expires);
        }
    }

    /// Takes a record out.
    pub fn remove(&mut self, hash: u32, number: u32) -> Option<Record> {
        let record = self.records.get_mut(number as usize)?.take()?;
        if let Ok(entry) = self
            .table
            .find_entry(spread(hash), |entry| entry.record == number)
        {
            entry.remove();
        }
        self.due.unfile(number);
        if let Some(order) = &mut self.order {
            order.remove(number);
        }
        self.unclear -= usize::from(record.cookie.is_none());
        self.free.push(number);
        Some(record)
    }

    /// A record that has expired in a second before that of `now`. Of those filed for
    /// such a second, at most `budget` that turn out to live on are filed anew;
    /// `budget` is reduced by as many as were looked at.
    pub fn expired(&mut self, now: i64, budget: &mut usize) -> Option<u32> {
        while *budget > 0 {
            let number = self.due.over(now)?;
            *budget -= 1;
            if self.has_expired(number, now) {
                return Some(number);
            }
            self.due.unfile(number);
            match self.record(number) {
                Some(record) if record.expires != NEVER => {
                    let expires = record.expires;
                    self.due.file(number, expires);
                }
                _ => {}
            }
        }
        None
    }

    /// The records that have expired in the second of `now`, of as many as `budget`.
    pub fn expiring(&self, now: i64, budget: usize) -> Vec<u32> {
        let mut numbers = self.due.in_second(now, budget);
        numbers.retain(|&number| self.has_expired(number, now));
        numbers
    }
}

/// The table takes its control bits from the top of a hash.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
