//! Sessions in memory, as text.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::cookie_text::{CookieText, CookieTexts};
use crate::session_text::{self, Renewal};

/// What the store knows of a sid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No session, or one that has expired.
    Missing,
    /// A session that has not expired.
    Live(Live),
    /// A text that only JavaScript can judge.
    Unclear(Arc<[u8]>),
}

/// A stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Its cookie, the date aside.
    pub cookie: Arc<CookieText>,
    /// The cookie's date, in ms since the epoch.
    pub expires: Option<i64>,
    /// Its data without the cookie, a JSON object.
    pub data: Arc<[u8]>,
}

impl Live {
    /// The session's whole text.
    pub fn text(&self) -> Vec<u8> {
        let mut text = session_text::begin(self.data.len() + 128);
        self.cookie.write(self.expires, &mut text);
        session_text::end(&mut text, &self.data);
        text
    }

    fn has_expired(&self, now: i64) -> bool {
        self.expires.is_some_and(|time| time <= now)
    }
}

/// What came of a change to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was made.
    Done,
    /// No session, or one that has expired.
    Missing,
    /// The session has another cookie than the caller thinks.
    OtherCookie,
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
    cookies: CookieTexts,
    /// The serial number of the next record to be inserted.
    next: u64,
}

struct Record {
    content: Content,
    /// Counts insertions: a sid keeps its place until it is removed.
    serial: u64,
}

enum Content {
    Session(Live),
    /// A text that only JavaScript can judge.
    Text(Arc<[u8]>),
}

impl Record {
    fn has_expired(&self, now: i64) -> bool {
        matches!(&self.content, Content::Session(live) if live.has_expired(now))
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
            Some(Content::Session(live)) => Found::Live(live.clone()),
            Some(Content::Text(text)) => Found::Unclear(Arc::clone(text)),
        }
    }

    /// Stores a session's text, made by `JSON.stringify`.
    pub fn set(&self, sid: &[u8], text: Vec<u8>) {
        match session_text::split(&text) {
            Some((cookie, data)) => {
                self.put(sid, cookie, data);
            }
            None => self.set_raw(sid, text),
        }
    }

    /// Stores a session: its cookie's JSON, and its data without the cookie as a JSON
    /// object. Returns the id of the cookie, unless only JavaScript can judge it.
    pub fn put(&self, sid: &[u8], cookie: &[u8], data: Vec<u8>) -> Option<u64> {
        let mut records = self.records.lock();
        let (content, id) = match records.cookies.of(cookie) {
            Some((cookie, expires)) => {
                let id = cookie.id;
                let data = data.into();
                (
                    Content::Session(Live {
                        cookie,
                        expires,
                        data,
                    }),
                    Some(id),
                )
            }
            None => {
                let mut text = session_text::begin(cookie.len() + data.len());
                text.extend_from_slice(cookie);
                session_text::end(&mut text, &data);
                (Content::Text(text.into()), None)
            }
        };
        records.put(sid, content);
        id
    }

    /// [`put`](MemoryStore::put) of a session whose cookie is known by its id and expires
    /// at `expires`, in ms since the epoch. The sid must not be in use.
    pub fn insert(&self, sid: &[u8], cookie: u64, expires: Option<i64>, data: Vec<u8>) -> Changed {
        let mut records = self.records.lock();
        match records.cookies.known(cookie) {
            Some(cookie) if cookie.can_expire(expires) && !records.by_sid.contains_key(sid) => {
                let data = data.into();
                records.put(
                    sid,
                    Content::Session(Live {
                        cookie,
                        expires,
                        data,
                    }),
                );
                Changed::Done
            }
            _ => Changed::OtherCookie,
        }
    }

    /// Gives a session other data and another expiry, in ms since the epoch, if its
    /// cookie is the one called `cookie` and can have it. An expired session counts as
    /// there.
    pub fn rewrite(&self, sid: &[u8], cookie: u64, expires: Option<i64>, data: Vec<u8>) -> Changed {
        let mut records = self.records.lock();
        match records
            .by_sid
            .get_mut(sid)
            .map(|record| &mut record.content)
        {
            None => Changed::Missing,
            Some(Content::Session(live))
                if live.cookie.id == cookie && live.cookie.can_expire(expires) =>
            {
                live.data = data.into();
                live.expires = expires;
                Changed::Done
            }
            Some(_) => Changed::OtherCookie,
        }
    }

    /// Stores a text of unknown origin, which need not be a session.
    pub fn set_raw(&self, sid: &[u8], text: Vec<u8>) {
        self.records.lock().put(sid, Content::Text(text.into()));
    }

    /// Puts `cookie`, a JSON text, in place of the session's cookie.
    pub fn touch(&self, sid: &[u8], cookie: &[u8], now: i64) -> Changed {
        let mut records = self.records.lock();
        let made = records.cookies.of(cookie);
        match (records.live(sid, now), made) {
            (None, _) => Changed::Missing,
            (Some(Content::Session(live)), Some((cookie, expires))) => {
                live.cookie = cookie;
                live.expires = expires;
                Changed::Done
            }
            (Some(Content::Session(live)), None) => Changed::Unclear(live.text().into()),
            (Some(Content::Text(text)), _) => Changed::Unclear(Arc::clone(text)),
        }
    }

    /// Starts the lifetime of the session's cookie anew, as a request does that
    /// uses the session and does not change it.
    ///
    /// The session expires at `expires` (ms since the epoch), or after its lifetime if
    /// that is `None`. `cookie` is the id of the cookie it is thought to have.
    pub fn renew(&self, sid: &[u8], cookie: u64, expires: Option<i64>, now: i64) -> Changed {
        let mut records = self.records.lock();
        let live = match records.live(sid, now) {
            None => return Changed::Missing,
            Some(Content::Session(live)) if live.cookie.id == cookie => live,
            Some(_) => return Changed::OtherCookie,
        };
        let expires = match live.cookie.renewal {
            Renewal::Date { lifetime } => expires.or_else(|| now.checked_add(lifetime)),
            _ => expires,
        };
        if !live.cookie.can_expire(expires) {
            return Changed::Unclear(live.text().into());
        }
        live.expires = expires;
        Changed::Done
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
        records.by_sid.get(sid).map(|record| match &record.content {
            Content::Session(live) => live.text().into(),
            Content::Text(text) => Arc::clone(text),
        })
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
        let unclear = |record: &Record| matches!(record.content, Content::Text(_));
        (!records.by_sid.values().any(unclear)).then_some(records.by_sid.len())
    }
}

impl Records {
    fn live(&mut self, sid: &[u8], now: i64) -> Option<&mut Content> {
        if self.by_sid.get(sid)?.has_expired(now) {
            self.by_sid.remove(sid);
            return None;
        }
        self.by_sid.get_mut(sid).map(|record| &mut record.content)
    }

    fn put(&mut self, sid: &[u8], content: Content) {
        match self.by_sid.get_mut(sid) {
            Some(record) => record.content = content,
            None => {
                let record = Record {
                    content,
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

    /// The text of a live session.
    fn text(found: Found) -> Option<String> {
        match found {
            Found::Live(live) => Some(String::from_utf8_lossy(&live.text()).into_owned()),
            _ => None,
        }
    }

    /// The id of its cookie.
    fn cookie(found: Found) -> u64 {
        match found {
            Found::Live(live) => live.cookie.id,
            _ => u64::MAX,
        }
    }

    #[test]
    fn hands_back_what_it_was_given() {
        let store = MemoryStore::new();
        assert_eq!(store.get(b"a", 0), Found::Missing);
        store.set(b"a", FOREVER.into());
        assert_eq!(text(store.get(b"a", i64::MAX)).as_deref(), Some(FOREVER));
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
        assert_eq!(text(store.get(b"a", 1999)).as_deref(), Some(AT_2000));
        assert_eq!(store.get(b"a", 2000), Found::Missing);
        assert_eq!(store.peek(b"a"), None, "it is removed when found expired");
    }

    #[test]
    fn touch_changes_the_cookie_alone() {
        let store = MemoryStore::new();
        store.set(b"a", AT_2000.into());
        let cookie = br#"{"expires":"1970-01-01T00:00:05.000Z"}"#;
        assert_eq!(store.touch(b"a", cookie, 1999), Changed::Done);
        let expected = r#"{"cookie":{"expires":"1970-01-01T00:00:05.000Z"},"a":1}"#;
        assert_eq!(text(store.get(b"a", 4999)).as_deref(), Some(expected));
        assert_eq!(store.touch(b"a", cookie, 5000), Changed::Missing);
        assert_eq!(store.touch(b"b", cookie, 0), Changed::Missing);
    }

    #[test]
    fn what_it_cannot_judge_is_left_to_javascript() {
        let store = MemoryStore::new();
        store.set_raw(b"a", b"not json".to_vec());
        assert_eq!(store.get(b"a", 0), Found::Unclear((*b"not json").into()));
        assert_eq!(
            store.touch(b"a", b"{}", 0),
            Changed::Unclear((*b"not json").into())
        );
        assert_eq!(store.len(0), None);
        store.set(b"b", br#"{"a":1}"#.to_vec());
        assert_eq!(
            store.touch(b"b", b"{}", 0),
            Changed::Unclear((*br#"{"a":1}"#).into()),
            "a session without a cookie"
        );
        let odd = br#"{"cookie":{"expires":"tomorrow"}}"#;
        store.set(b"c", odd.to_vec());
        assert_eq!(store.get(b"c", 0), Found::Unclear((*odd).into()));
        assert_eq!(
            store.touch(b"c", b"{}", 0),
            Changed::Unclear((*odd).into()),
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

    fn until(date: &str) -> String {
        format!(
            r#"{{"cookie":{{"originalMaxAge":5000,"expires":"{date}","httpOnly":true,"path":"/"}},"a":1}}"#
        )
    }

    const PLAIN: &str =
        r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"a":1}"#;

    #[test]
    fn renewing_moves_the_date_alone() {
        let store = MemoryStore::new();
        store.set(b"a", until("1970-01-01T00:00:05.000Z").into());
        let id = cookie(store.get(b"a", 0));
        assert_eq!(store.renew(b"a", id, None, 4999), Changed::Done);
        let renewed = until("1970-01-01T00:00:09.999Z");
        assert_eq!(store.peek(b"a").as_deref(), Some(renewed.as_bytes()));
        assert_eq!(store.renew(b"a", id, Some(12_000), 9998), Changed::Done);
        assert_eq!(cookie(store.get(b"a", 11_999)), id);
        assert_eq!(store.get(b"a", 12_000), Found::Missing);

        store.set(b"a", until("9999-12-31T23:59:59.999Z").into());
        let far = 253_402_300_799_000;
        assert!(
            matches!(store.renew(b"a", id, None, far), Changed::Unclear(_)),
            "year 10000"
        );
        assert_eq!(store.renew(b"a", id, None, far + 999), Changed::Missing);
    }

    #[test]
    fn renewing_leaves_a_cookie_without_a_lifetime() {
        let store = MemoryStore::new();
        store.set(b"a", PLAIN.into());
        let id = cookie(store.get(b"a", 0));
        assert_eq!(store.renew(b"a", id, None, 0), Changed::Done);
        assert_eq!(store.peek(b"a").as_deref(), Some(PLAIN.as_bytes()));

        store.set(b"b", FOREVER.into());
        let other = cookie(store.get(b"b", 0));
        assert_eq!(store.renew(b"a", other, None, 0), Changed::OtherCookie);
        assert!(matches!(
            store.renew(b"b", other, None, 0),
            Changed::Unclear(_)
        ));
    }

    #[test]
    fn a_text_handed_out_stays_as_it_was() {
        let text = until("1970-01-01T00:00:05.000Z");
        let store = MemoryStore::new();
        store.set(b"a", text.clone().into());
        let held = store.get(b"a", 0);
        let id = cookie(held.clone());
        assert_eq!(store.renew(b"a", id, None, 1), Changed::Done);
        assert_eq!(
            store.rewrite(b"a", id, Some(9), b"{}".to_vec()),
            Changed::Done
        );
        assert_eq!(super::tests::text(held), Some(text));
    }

    #[test]
    fn rewrites_a_session_that_is_there() {
        let store = MemoryStore::new();
        let data = || br#"{"b":2}"#.to_vec();
        assert_eq!(store.rewrite(b"a", 0, None, data()), Changed::Missing);
        assert!(!store.has(b"a"));

        store.set(b"a", PLAIN.into());
        let id = cookie(store.get(b"a", 0));
        assert_eq!(store.rewrite(b"a", id, None, data()), Changed::Done);
        let expected = PLAIN.replace(r#""a":1"#, r#""b":2"#);
        assert_eq!(text(store.get(b"a", 0)), Some(expected));
        assert_eq!(
            store.rewrite(b"a", id + 1, None, data()),
            Changed::OtherCookie
        );
        assert_eq!(
            store.rewrite(b"a", id, Some(5), data()),
            Changed::OtherCookie,
            "no date"
        );

        store.set(b"a", until("1970-01-01T00:00:05.000Z").into());
        let id = cookie(store.get(b"a", 0));
        assert_eq!(
            store.rewrite(b"a", id, None, data()),
            Changed::OtherCookie,
            "a date"
        );
        assert_eq!(
            store.rewrite(b"a", id, Some(i64::MAX), data()),
            Changed::OtherCookie
        );
        assert_eq!(
            store.rewrite(b"a", id, Some(7000), b"{}".to_vec()),
            Changed::Done
        );
        let expected = until("1970-01-01T00:00:07.000Z").replace(r#","a":1"#, "");
        assert_eq!(text(store.get(b"a", 6999)), Some(expected));
    }

    #[test]
    fn inserts_a_session_with_a_known_cookie() {
        let store = MemoryStore::new();
        let data = || br#"{"a":1}"#.to_vec();
        assert_eq!(
            store.insert(b"a", 0, None, data()),
            Changed::OtherCookie,
            "not known"
        );
        store.set(b"x", PLAIN.into());
        let id = cookie(store.get(b"x", 0));
        assert_eq!(
            store.insert(b"a", id, Some(5), data()),
            Changed::OtherCookie,
            "no date"
        );
        assert_eq!(store.insert(b"a", id, None, data()), Changed::Done);
        assert_eq!(text(store.get(b"a", 0)).as_deref(), Some(PLAIN));
        assert_eq!(
            store.insert(b"a", id, None, data()),
            Changed::OtherCookie,
            "in use"
        );
        let odd = store
            .put(b"y", br#"{"expires":null}"#, data())
            .unwrap_or_default();
        assert_eq!(
            store.insert(b"b", odd, None, data()),
            Changed::OtherCookie,
            "no lifetime known"
        );
    }

    #[test]
    fn puts_together_what_comes_in_parts() {
        let store = MemoryStore::new();
        let id = store.put(b"a", br#"{"expires":null}"#, br#"{"a":1}"#.to_vec());
        assert_eq!(id, Some(cookie(store.get(b"a", 0))));
        assert_eq!(text(store.get(b"a", 0)).as_deref(), Some(FOREVER));
        let id = store.put(b"a", br#"{"expires":"soon"}"#, br#"{"a":1}"#.to_vec());
        assert_eq!(id, None);
        let odd = br#"{"cookie":{"expires":"soon"},"a":1}"#;
        assert_eq!(store.get(b"a", 0), Found::Unclear((*odd).into()));
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
                            Some(entry) => { entry.1 = at; Changed::Done }
                            None => Changed::Missing,
                        };
                        prop_assert_eq!(store.touch(&[sid], cookie_until(at).as_bytes(), now), expected);
                    }
                    Step::Get(sid) => {
                        model.retain(|&(other, at)| other != sid || at > now);
                        let expected = model.iter().find(|(other, _)| *other == sid).map(|&(_, at)| {
                            format!(r#"{{"cookie":{},"sid":{sid}}}"#, cookie_until(at))
                        });
                        prop_assert_eq!(text(store.get(&[sid], now)), expected);
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
