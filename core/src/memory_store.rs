//! Sessions in memory, as text.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::session_text::{self, Expiry};

/// What the store knows of a sid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No session, or one that has expired.
    Missing,
    /// A session that has not expired.
    Live(Arc<[u8]>),
    /// A text whose expiry only JavaScript can judge.
    Unclear(Arc<[u8]>),
}

/// What came of renewing a session's cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// The session has the new cookie.
    Done,
    /// No session, or one that has expired.
    Missing,
    /// A text that only JavaScript can judge and change.
    Unclear(Arc<[u8]>),
}

/// A store of session texts by sid.
///
/// A text is handed back byte for byte. Every method takes the lock for as long
/// as one look-up takes, so that several threads may hold one store.
#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    by_sid: HashMap<Box<[u8]>, Record>,
    /// The serial number of the next record to be inserted.
    next: u64,
}

struct Record {
    text: Arc<[u8]>,
    /// Where the cookie's value stands in `text`, if that is known.
    cookie: Option<(u32, u32)>,
    expiry: Expiry,
    /// Counts insertions: a sid keeps its place until it is removed.
    serial: u64,
}

impl Record {
    fn has_expired(&self, now: i64) -> bool {
        matches!(self.expiry, Expiry::At(time) if time <= now)
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// The session of `sid` at `now`. An expired one is removed.
    pub fn get(&self, sid: &[u8], now: i64) -> Found {
        let mut records = self.records.lock();
        match records.live(sid, now) {
            None => Found::Missing,
            Some(record) if record.expiry == Expiry::Unclear => Found::Unclear(record.text.clone()),
            Some(record) => Found::Live(record.text.clone()),
        }
    }

    /// Stores a session's text, made by `JSON.stringify`.
    pub fn set(&self, sid: &[u8], text: Vec<u8>) {
        let (cookie, expiry) = cookie_of(&text);
        self.records.lock().put(sid, text, cookie, expiry);
    }

    /// Stores a text of unknown origin, which need not be a session.
    pub fn set_raw(&self, sid: &[u8], text: Vec<u8>) {
        self.records.lock().put(sid, text, None, Expiry::Unclear);
    }

    /// Puts `cookie`, a JSON text, in place of the session's cookie.
    pub fn touch(&self, sid: &[u8], cookie: &[u8], now: i64) -> Touched {
        let mut records = self.records.lock();
        let Some(record) = records.live(sid, now) else {
            return Touched::Missing;
        };
        let (Some((start, end)), Expiry::Never | Expiry::At(_)) = (record.cookie, record.expiry)
        else {
            return Touched::Unclear(record.text.clone());
        };
        let (before, after) = (&record.text[..start as usize], &record.text[end as usize..]);
        let text = [before, cookie, after].concat();
        let (cookie, expiry) = cookie_of(&text);
        records.put(sid, text, cookie, expiry);
        Touched::Done
    }

    /// Removes a session. Returns whether there was one.
    pub fn destroy(&self, sid: &[u8]) -> bool {
        self.records.lock().by_sid.remove(sid).is_some()
    }

    /// Removes every session.
    pub fn clear(&self) {
        // The old map is dropped once the lock is free.
        let _old = std::mem::take(&mut self.records.lock().by_sid);
    }

    /// Whether there is a record of `sid`, expired or not.
    pub fn has(&self, sid: &[u8]) -> bool {
        self.records.lock().by_sid.contains_key(sid)
    }

    /// The text of `sid`, expired or not.
    pub fn peek(&self, sid: &[u8]) -> Option<Arc<[u8]>> {
        let records = self.records.lock();
        records.by_sid.get(sid).map(|record| record.text.clone())
    }

    /// Every sid in order of insertion, expired ones too. Takes time
    /// O(n log n).
    pub fn sids(&self) -> Vec<Box<[u8]>> {
        let records = self.records.lock();
        let mut sids: Vec<_> = records.by_sid.iter().collect();
        sids.sort_unstable_by_key(|(_, record)| record.serial);
        sids.into_iter().map(|(sid, _)| sid.clone()).collect()
    }

    /// How many sessions are alive at `now`; the others are removed. `None` if
    /// only JavaScript can judge one of them. Takes time O(n).
    pub fn len(&self, now: i64) -> Option<usize> {
        let mut records = self.records.lock();
        records.by_sid.retain(|_, record| !record.has_expired(now));
        let unclear = |record: &Record| record.expiry == Expiry::Unclear;
        (!records.by_sid.values().any(unclear)).then_some(records.by_sid.len())
    }
}

impl Records {
    fn live(&mut self, sid: &[u8], now: i64) -> Option<&Record> {
        if self.by_sid.get(sid)?.has_expired(now) {
            self.by_sid.remove(sid);
            return None;
        }
        self.by_sid.get(sid)
    }

    fn put(&mut self, sid: &[u8], text: Vec<u8>, cookie: Option<(u32, u32)>, expiry: Expiry) {
        let text = text.into();
        match self.by_sid.get_mut(sid) {
            Some(record) => {
                record.text = text;
                record.cookie = cookie;
                record.expiry = expiry;
            }
            None => {
                let record = Record {
                    text,
                    cookie,
                    expiry,
                    serial: self.next,
                };
                self.next += 1;
                self.by_sid.insert(sid.into(), record);
            }
        }
    }
}

fn cookie_of(text: &[u8]) -> (Option<(u32, u32)>, Expiry) {
    match session_text::cookie(text) {
        Some(cookie) => (cookie.range.and_then(narrow), cookie.expiry),
        None => (None, Expiry::Unclear),
    }
}

/// A range in 8 bytes; a text of 4 GiB and more has none.
fn narrow(range: std::ops::Range<usize>) -> Option<(u32, u32)> {
    Some((range.start.try_into().ok()?, range.end.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT_2000: &str = r#"{"cookie":{"expires":"1970-01-01T00:00:02.000Z"},"a":1}"#;
    const FOREVER: &str = r#"{"cookie":{"expires":null},"a":1}"#;

    fn live(text: &str) -> Found {
        Found::Live(text.as_bytes().into())
    }

    #[test]
    fn hands_back_what_it_was_given() {
        let store = MemoryStore::new();
        assert_eq!(store.get(b"a", 0), Found::Missing);
        store.set(b"a", FOREVER.into());
        assert_eq!(store.get(b"a", i64::MAX), live(FOREVER));
        assert!(store.has(b"a"));
        assert!(store.destroy(b"a"));
        assert!(!store.has(b"a"));
        assert!(!store.destroy(b"a"));
        assert_eq!(store.get(b"a", 0), Found::Missing);
    }

    #[test]
    fn a_session_expires_on_the_millisecond() {
        let store = MemoryStore::new();
        store.set(b"a", AT_2000.into());
        assert_eq!(store.get(b"a", 1999), live(AT_2000));
        assert_eq!(store.get(b"a", 2000), Found::Missing);
        assert_eq!(store.peek(b"a"), None, "it is removed when found expired");
    }

    #[test]
    fn touch_changes_the_cookie_alone() {
        let store = MemoryStore::new();
        store.set(b"a", AT_2000.into());
        let cookie = br#"{"expires":"1970-01-01T00:00:05.000Z"}"#;
        assert_eq!(store.touch(b"a", cookie, 1999), Touched::Done);
        let expected = r#"{"cookie":{"expires":"1970-01-01T00:00:05.000Z"},"a":1}"#;
        assert_eq!(store.get(b"a", 4999), live(expected));
        assert_eq!(store.touch(b"a", cookie, 5000), Touched::Missing);
        assert_eq!(store.touch(b"b", cookie, 0), Touched::Missing);
    }

    #[test]
    fn what_it_cannot_judge_is_left_to_javascript() {
        let store = MemoryStore::new();
        store.set_raw(b"a", b"not json".to_vec());
        assert_eq!(store.get(b"a", 0), Found::Unclear((*b"not json").into()));
        assert_eq!(
            store.touch(b"a", b"{}", 0),
            Touched::Unclear((*b"not json").into())
        );
        assert_eq!(store.len(0), None);
        store.set(b"b", br#"{"a":1}"#.to_vec());
        assert_eq!(
            store.touch(b"b", b"{}", 0),
            Touched::Unclear((*br#"{"a":1}"#).into()),
            "a session without a cookie"
        );
        let odd = br#"{"cookie":{"expires":"tomorrow"}}"#;
        store.set(b"c", odd.to_vec());
        assert_eq!(store.get(b"c", 0), Found::Unclear((*odd).into()));
        assert_eq!(
            store.touch(b"c", b"{}", 0),
            Touched::Unclear((*odd).into()),
            "it may have expired"
        );
    }

    #[test]
    fn lists_in_order_of_insertion() {
        let store = MemoryStore::new();
        for sid in [b"c", b"a", b"b"] {
            store.set(sid, FOREVER.into());
        }
        store.set(b"a", AT_2000.into());
        assert_eq!(
            store.sids(),
            [(*b"c").into(), (*b"a").into(), (*b"b").into()] as [Box<[u8]>; 3]
        );
        store.destroy(b"c");
        store.set(b"c", FOREVER.into());
        assert_eq!(
            store.sids(),
            [(*b"a").into(), (*b"b").into(), (*b"c").into()] as [Box<[u8]>; 3]
        );
        assert_eq!(store.len(1999), Some(3));
        assert_eq!(store.len(2000), Some(2));
        store.clear();
        assert_eq!(store.len(0), Some(0));
        assert!(store.sids().is_empty());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(u8, u8),
        Touch(u8, u8),
        Get(u8),
        Destroy(u8),
        Pass(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        let sid = 0u8..4;
        prop_oneof![
            (sid.clone(), any::<u8>()).prop_map(|(sid, at)| Step::Set(sid, at)),
            (sid.clone(), any::<u8>()).prop_map(|(sid, at)| Step::Touch(sid, at)),
            sid.clone().prop_map(Step::Get),
            sid.prop_map(Step::Destroy),
            any::<u8>().prop_map(Step::Pass),
        ]
    }

    fn cookie_until(ms: i64) -> String {
        format!(
            r#"{{"expires":"1970-01-01T00:00:{:02}.{:03}Z"}}"#,
            ms / 1000,
            ms % 1000
        )
    }

    proptest! {
        /// The store against a plain list of sids and expiry times.
        #[test]
        fn behaves_like_a_plain_list(steps in prop::collection::vec(step(), 0..60)) {
            let store = MemoryStore::new();
            let mut model: Vec<(u8, i64)> = Vec::new();
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Set(sid, after) => {
                        let at = now + i64::from(after);
                        store.set(&[sid], format!(r#"{{"cookie":{},"sid":{sid}}}"#, cookie_until(at)).into());
                        match model.iter_mut().find(|(other, _)| *other == sid) {
                            Some(entry) => entry.1 = at,
                            None => model.push((sid, at)),
                        }
                    }
                    Step::Touch(sid, after) => {
                        let at = now + i64::from(after);
                        model.retain(|&(other, at)| other != sid || at > now);
                        let expected = match model.iter_mut().find(|(other, _)| *other == sid) {
                            Some(entry) => { entry.1 = at; Touched::Done }
                            None => Touched::Missing,
                        };
                        prop_assert_eq!(store.touch(&[sid], cookie_until(at).as_bytes(), now), expected);
                    }
                    Step::Get(sid) => {
                        model.retain(|&(other, at)| other != sid || at > now);
                        let expected = match model.iter().find(|(other, _)| *other == sid) {
                            Some(&(_, at)) => live(&format!(r#"{{"cookie":{},"sid":{sid}}}"#, cookie_until(at))),
                            None => Found::Missing,
                        };
                        prop_assert_eq!(store.get(&[sid], now), expected);
                    }
                    Step::Destroy(sid) => {
                        let before = model.len();
                        model.retain(|&(other, _)| other != sid);
                        prop_assert_eq!(store.destroy(&[sid]), model.len() < before);
                    }
                    Step::Pass(ms) => now += i64::from(ms),
                }
                let sids: Vec<u8> = store.sids().iter().map(|sid| sid[0]).collect();
                prop_assert_eq!(sids, model.iter().map(|&(sid, _)| sid).collect::<Vec<_>>());
            }
            prop_assert_eq!(store.len(now), Some(model.iter().filter(|&&(_, at)| at > now).count()));
        }
    }
}
