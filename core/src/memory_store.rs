//! Sessions in memory, as text.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::date;
use crate::session_text::{self, Cookie, Expiry, Renewal};

/// What the store knows of a sid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No session, or one that has expired.
    Missing,
    /// A session that has not expired.
    Live(Live),
    /// A text whose expiry only JavaScript can judge.
    Unclear(Arc<[u8]>),
}

/// A stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Its text.
    pub text: Arc<[u8]>,
    /// Where in the text the cookie ends and the rest begins, in bytes and in
    /// characters alike; `None` if something stands before the cookie.
    pub rest_at: Option<usize>,
    /// What using the session does to the text.
    pub renewal: Renewal,
}

/// What came of giving a session a new expiry.
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
    cookie: Cookie,
    /// Counts insertions: a sid keeps its place until it is removed.
    serial: u64,
}

/// What is said of a text that was not, or could not be, read.
const UNKNOWN: Cookie = Cookie {
    range: None,
    expiry: Expiry::Unclear,
    renewal: Renewal::Unclear,
};

/// What stands before a cookie that is the first key.
const FIRST: &[u8] = br#"{"cookie":"#;

impl Record {
    fn rest_at(&self) -> Option<usize> {
        let range = self.cookie.range.as_ref()?;
        (range.start == FIRST.len() && self.text[..range.end].is_ascii()).then_some(range.end)
    }
    fn has_expired(&self, now: i64) -> bool {
        matches!(self.cookie.expiry, Expiry::At(time) if time <= now)
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
            Some(record) if record.cookie.expiry == Expiry::Unclear => {
                Found::Unclear(record.text.clone())
            }
            Some(record) => Found::Live(Live {
                text: record.text.clone(),
                rest_at: record.rest_at(),
                renewal: record.cookie.renewal,
            }),
        }
    }

    /// Stores a session's text, made by `JSON.stringify`.
    pub fn set(&self, sid: &[u8], text: Vec<u8>) {
        let cookie = session_text::cookie(&text).unwrap_or(UNKNOWN);
        self.records.lock().put(sid, text, cookie);
    }

    /// [`set`](MemoryStore::set), unless there is no record of `sid`. Returns whether
    /// there was one.
    pub fn replace(&self, sid: &[u8], text: Vec<u8>) -> bool {
        let cookie = session_text::cookie(&text).unwrap_or(UNKNOWN);
        let mut records = self.records.lock();
        let is_there = records.by_sid.contains_key(sid);
        if is_there {
            records.put(sid, text, cookie);
        }
        is_there
    }

    /// Stores a text of unknown origin, which need not be a session.
    pub fn set_raw(&self, sid: &[u8], text: Vec<u8>) {
        self.records.lock().put(sid, text, UNKNOWN);
    }

    /// Puts `cookie`, a JSON text, in place of the session's cookie.
    pub fn touch(&self, sid: &[u8], cookie: &[u8], now: i64) -> Touched {
        let mut records = self.records.lock();
        let Some(record) = records.live(sid, now) else {
            return Touched::Missing;
        };
        let range = match &record.cookie {
            Cookie {
                expiry: Expiry::Unclear,
                ..
            }
            | Cookie { range: None, .. } => {
                return Touched::Unclear(record.text.clone());
            }
            Cookie {
                range: Some(range), ..
            } => range.clone(),
        };
        let (before, after) = (&record.text[..range.start], &record.text[range.end..]);
        let text = [before, cookie, after].concat();
        let cookie = session_text::cookie(&text).unwrap_or(UNKNOWN);
        records.put(sid, text, cookie);
        Touched::Done
    }

    /// Starts the lifetime of the session's cookie anew, as a request does that
    /// uses the session and does not change it.
    ///
    /// The session expires at `expires`, or after its lifetime if that is `None`.
    pub fn renew(&self, sid: &[u8], expires: Option<i64>, now: i64) -> Touched {
        let mut records = self.records.lock();
        let Some(record) = records.live(sid, now) else {
            return Touched::Missing;
        };

        let (at, lifetime) = match record.cookie.renewal {
            Renewal::Same => return Touched::Done,
            Renewal::Date { at, lifetime } => (at, lifetime),
            Renewal::Unclear => return Touched::Unclear(record.text.clone()),
        };
        let expires = expires.or_else(|| now.checked_add(lifetime));
        let Some((time, date)) = expires.and_then(|time| Some((time, date::to_iso(time)?))) else {
            return Touched::Unclear(record.text.clone());
        };
        Arc::make_mut(&mut record.text)[at..at + date::ISO].copy_from_slice(&date);
        record.cookie.expiry = Expiry::At(time);
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
        let unclear = |record: &Record| record.cookie.expiry == Expiry::Unclear;
        (!records.by_sid.values().any(unclear)).then_some(records.by_sid.len())
    }
}

impl Records {
    fn live(&mut self, sid: &[u8], now: i64) -> Option<&mut Record> {
        if self.by_sid.get(sid)?.has_expired(now) {
            self.by_sid.remove(sid);
            return None;
        }
        self.by_sid.get_mut(sid)
    }

    fn put(&mut self, sid: &[u8], text: Vec<u8>, cookie: Cookie) {
        let text = text.into();
        match self.by_sid.get_mut(sid) {
            Some(record) => {
                record.text = text;
                record.cookie = cookie;
            }
            None => {
                let record = Record {
                    text,
                    cookie,
                    serial: self.next,
                };
                self.next += 1;
                self.by_sid.insert(sid.into(), record);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT_2000: &str = r#"{"cookie":{"expires":"1970-01-01T00:00:02.000Z"},"a":1}"#;
    const FOREVER: &str = r#"{"cookie":{"expires":null},"a":1}"#;

    fn live(text: &str) -> Found {
        Found::Live(Live {
            text: text.as_bytes().into(),
            rest_at: Some(text.find('}').map_or(0, |at| at + 1)),
            renewal: Renewal::Unclear,
        })
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

    #[test]
    fn renewing_moves_the_date_alone() {
        let text = |date: &str| {
            format!(
                r#"{{"cookie":{{"originalMaxAge":5000,"expires":"{date}","httpOnly":true,"path":"/"}},"a":1}}"#
            )
        };
        let store = MemoryStore::new();
        store.set(b"a", text("1970-01-01T00:00:05.000Z").into());
        assert_eq!(store.renew(b"a", None, 4999), Touched::Done);
        let renewed = text("1970-01-01T00:00:09.999Z");
        assert_eq!(store.peek(b"a").as_deref(), Some(renewed.as_bytes()));
        assert_eq!(store.get(b"a", 9999), Found::Missing);

        store.set(b"a", text("9999-12-31T23:59:59.999Z").into());
        let far = 253_402_300_799_000;
        assert!(
            matches!(store.renew(b"a", None, far), Touched::Unclear(_)),
            "year 10000"
        );
        assert_eq!(store.renew(b"a", None, far + 999), Touched::Missing);
        store.set(b"a", FOREVER.into());
        assert!(matches!(store.renew(b"a", None, 0), Touched::Unclear(_)));
        let same =
            r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}}"#;
        store.set(b"a", same.into());
        assert_eq!(store.renew(b"a", None, 0), Touched::Done);
        assert_eq!(store.peek(b"a").as_deref(), Some(same.as_bytes()));
    }

    /// A reader that still holds the old text must not see it change.
    #[test]
    fn a_text_handed_out_stays_as_it_was() {
        let text = r#"{"cookie":{"originalMaxAge":5000,"expires":"1970-01-01T00:00:05.000Z","httpOnly":true,"path":"/"}}"#;
        let store = MemoryStore::new();
        store.set(b"a", text.into());
        let held = store.peek(b"a");
        assert_eq!(store.renew(b"a", None, 1), Touched::Done);
        assert_eq!(held.as_deref(), Some(text.as_bytes()));
        assert_ne!(store.peek(b"a"), held);
    }

    #[test]
    fn renews_until_a_given_time() {
        let text = r#"{"cookie":{"originalMaxAge":5000,"expires":"1970-01-01T00:00:05.000Z","httpOnly":true,"path":"/"}}"#;
        let store = MemoryStore::new();
        store.set(b"a", text.into());
        assert_eq!(store.renew(b"a", Some(7000), 1), Touched::Done);
        assert_eq!(store.renew(b"a", None, 6999), Touched::Done);
        assert_eq!(store.get(b"a", 11_999), Found::Missing);
    }

    #[test]
    fn replaces_what_is_there() {
        let store = MemoryStore::new();
        assert!(!store.replace(b"a", FOREVER.into()));
        assert!(!store.has(b"a"));
        store.set(b"a", AT_2000.into());
        assert!(store.replace(b"a", FOREVER.into()));
        assert_eq!(store.get(b"a", 3000), live(FOREVER));
    }

    #[test]
    fn says_where_the_rest_begins() {
        let rest_at = |text: &str| {
            let store = MemoryStore::new();
            store.set(b"a", text.into());
            match store.get(b"a", 0) {
                Found::Live(live) => live.rest_at,
                _ => None,
            }
        };
        assert_eq!(rest_at(r#"{"cookie":{"path":"/"},"a":1}"#), Some(22));
        assert_eq!(
            rest_at(r#"{"cookie":{"path":"/é"},"a":1}"#),
            None,
            "bytes are not characters"
        );
        assert_eq!(rest_at(r#"{"a":1,"cookie":{"path":"/"}}"#), None);
        assert_eq!(rest_at(r#"{"a":1}"#), None);
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
