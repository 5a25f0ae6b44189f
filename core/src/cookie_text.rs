//! The JSON text of stored sessions' cookies, kept once for all sessions that have the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::date;
use crate::memory_store::ALLOCATION;
use crate::session_text::{self, Expiry, Renewal};

/// A cookie's JSON text without its date. As a rule the cookies of an application differ in
/// their dates alone, so its sessions share one `CookieText`.
#[derive(Debug)]
pub struct CookieText {
    /// The number by which the [`CookieTextCache`] that made it tells it from all others.
    pub id: u64,
    /// What a request that uses the session does to the cookie.
    pub renewal: Renewal,
    /// Whether sessions may share the text, and what JavaScript makes of it: it is ASCII, no
    /// longer than `MAX_SHAREABLE`, and none of its values is an object or an array. So it can
    /// be handed out as Latin-1 and kept parsed, and a program that changes the cookie of one
    /// session changes that of no other.
    pub is_shareable: bool,
    has_date: bool,
    /// The text without its date.
    text: Box<[u8]>,
    /// The byte of the text before which the date stands: the text's length if it has none.
    date_at: usize,
    /// How many stored sessions have this cookie.
    holders: AtomicUsize,
}

/// The bytes, without the date, of the longest text that is [shareable](CookieText::is_shareable).
const MAX_SHAREABLE: usize = 512;

/// The bytes that a store counts for a [`CookieText`] beside those of its text.
const COOKIE_BYTES: usize = size_of::<CookieText>() + 2 * size_of::<usize>() + 2 * ALLOCATION;

impl PartialEq for CookieText {
    fn eq(&self, other: &CookieText) -> bool {
        self.id == other.id && self.text == other.text && self.date_at == other.date_at
    }
}

impl Eq for CookieText {}

impl CookieText {
    /// Returns the cookie's JSON without its date: `""` stands where the date is. See
    /// [`CookieTextCache::intern_template`].
    pub fn template(&self) -> &[u8] {
        &self.text
    }

    /// Returns the text before the date and the text behind it.
    fn parts(&self) -> (&[u8], &[u8]) {
        self.text.split_at(self.date_at)
    }

    /// Appends the cookie's JSON to `text`, with the date `expires`, in ms since the epoch:
    /// `None` for a cookie that has none.
    pub fn write(&self, expires: Option<i64>, text: &mut Vec<u8>) {
        let (head, tail) = self.parts();
        text.extend_from_slice(head);
        if let Some(date) = expires.and_then(date::to_iso) {
            text.extend_from_slice(&date);
        }
        text.extend_from_slice(tail);
    }

    /// Returns the whole text of a session that has this cookie, with the date `expires` in ms
    /// since the epoch, and the data `data`, a JSON object.
    pub fn whole(&self, expires: Option<i64>, data: &[u8]) -> Vec<u8> {
        session_text::join(data, self.bytes(), |text| self.write(expires, text))
    }

    /// Whether the cookie has a date.
    pub fn has_date(&self) -> bool {
        self.has_date
    }

    /// Whether the cookie can be given the date `expires`, in ms since the epoch. A cookie with
    /// a lifetime takes a date whose year has four digits; one without takes `None`; and one
    /// whose [`Renewal`] is unclear takes neither.
    pub fn can_expire(&self, expires: Option<i64>) -> bool {
        match (self.renewal, expires) {
            (Renewal::Same, None) => true,
            (Renewal::Date { .. }, Some(time)) => date::to_iso(time).is_some(),
            _ => false,
        }
    }

    /// Copies the cookie's JSON, with the date `expires` in ms since the epoch, to the start of
    /// `buffer`, and returns its length in bytes. `None` if the buffer is too short, or if the
    /// JSON is not ASCII, as a reader of Latin-1 would misread it.
    pub fn copy(&self, expires: Option<i64>, buffer: &mut [u8]) -> Option<usize> {
        let date = expires.and_then(date::to_iso);
        let date = date.as_ref().map_or(&[][..], |date| date);
        let (head, tail) = self.parts();
        let mut length = 0;
        for part in [head, date, tail] {
            let end = length + part.len();
            buffer.get_mut(length..end)?.copy_from_slice(part);
            length = end;
        }
        buffer[..length].is_ascii().then_some(length)
    }

    /// Returns the bytes that a store counts for the cookie.
    pub fn bytes(&self) -> usize {
        self.text.len() + COOKIE_BYTES
    }

    /// Counts one more session that has this cookie. Returns the bytes that the store must add
    /// to what it holds: those of the cookie for the first such session, and 0 for others.
    pub fn hold(&self) -> usize {
        match self.holders.fetch_add(1, Relaxed) {
            0 => self.bytes(),
            _ => 0,
        }
    }

    /// Counts one session less that has this cookie. Returns the bytes that the store must
    /// subtract from what it holds: those of the cookie for the last such session, 0 for others.
    pub fn release(&self) -> usize {
        match self.holders.fetch_sub(1, Relaxed) {
            1 => self.bytes(),
            _ => 0,
        }
    }
}

/// The place of the date in a [template](CookieText::template).
const NO_DATE: &[u8] = br#""expires":"""#;
/// A date, to see which cookie a template is of.
const SOME_DATE: &[u8] = b"1970-01-01T00:00:00.000Z";

/// How many texts a [`CookieTextCache`] keeps. An application has one text for each set of
/// cookie attributes that it gives to sessions.
const CACHED: usize = 8;

/// The shareable texts that were interned last. The cache keeps them when no session has
/// them any more; a store does not count them then, which is 5 kB at most.
#[derive(Default)]
pub struct CookieTextCache {
    recent: Vec<Arc<CookieText>>,
    next: u64,
}

impl CookieTextCache {
    /// Returns the text with the id `id`, if it is in the cache.
    pub fn get(&self, id: u64) -> Option<Arc<CookieText>> {
        self.recent.iter().find(|cookie| cookie.id == id).cloned()
    }

    /// Returns the cookie of a [`template`](CookieText::template), which is one that other sessions
    /// have already if possible. `None` if no cookie has that template.
    pub fn intern_template(&mut self, template: &[u8]) -> Option<Arc<CookieText>> {
        let is_same = |known: &Arc<CookieText>| *known.text == *template;
        if let Some(at) = self.recent.iter().position(is_same) {
            self.recent[..=at].rotate_right(1);
            return Some(Arc::clone(&self.recent[0]));
        }
        // A value of the cookie may look like the place of the date, too.
        let places = memchr::memmem::find_iter(template, NO_DATE).map(|at| at + NO_DATE.len() - 1);
        let dated = places.map(|at| [&template[..at], SOME_DATE, &template[at..]].concat());
        std::iter::once(template.to_vec())
            .chain(dated)
            .filter_map(|text| self.intern(&text))
            .map(|(cookie, _)| cookie)
            .find(|cookie| *cookie.text == *template)
    }

    /// Takes the JSON `text` of a cookie apart: returns the cookie without its date, which is
    /// one that other sessions have already if possible, and the date in ms since the epoch.
    /// `None` if only JavaScript can tell when the cookie expires.
    pub fn intern(&mut self, text: &[u8]) -> Option<(Arc<CookieText>, Option<i64>)> {
        let cookie = session_text::cookie(text)?;
        let (date, expires) = match cookie.expiry {
            Expiry::Never => (text.len()..text.len(), None),
            Expiry::At(time) => (cookie.date_at..cookie.date_at + date::ISO, Some(time)),
            Expiry::Unclear => return None,
        };
        let parts = (&text[..date.start], &text[date.end..]);
        // A text without a date has an empty second part, which no text with a date has.
        let is_same = |known: &Arc<CookieText>| known.parts() == parts;
        if let Some(at) = self.recent.iter().position(is_same) {
            self.recent[..=at].rotate_right(1);
            return Some((Arc::clone(&self.recent[0]), expires));
        }
        let (head, tail) = parts;
        let is_shareable =
            cookie.is_flat && head.len() + tail.len() <= MAX_SHAREABLE && text.is_ascii();
        let made = Arc::new(CookieText {
            id: self.next,
            renewal: cookie.renewal,
            is_shareable,
            has_date: expires.is_some(),
            text: [head, tail].concat().into(),
            date_at: head.len(),
            holders: AtomicUsize::new(0),
        });
        self.next += 1;
        if is_shareable {
            self.recent.truncate(CACHED - 1);
            self.recent.insert(0, Arc::clone(&made));
        }
        Some((made, expires))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#;

    fn with_date(date: &str, path: &str) -> String {
        format!(r#"{{"originalMaxAge":5000,"expires":"{date}","httpOnly":true,"path":"{path}"}}"#)
    }

    fn written(cookie: &CookieText, expires: Option<i64>) -> String {
        let mut text = Vec::new();
        cookie.write(expires, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    #[test]
    fn cookies_that_differ_in_their_date_share_a_text() {
        let mut texts = CookieTextCache::default();
        let first = with_date("1970-01-01T00:00:05.000Z", "/");
        let second = with_date("2023-11-14T22:13:20.123Z", "/");
        let Some((one, Some(5000))) = texts.intern(first.as_bytes()) else {
            unreachable!("the date was not read");
        };
        let Some((other, Some(1_700_000_000_123))) = texts.intern(second.as_bytes()) else {
            unreachable!("the date was not read");
        };
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(one.renewal, Renewal::Date { lifetime: 5000 });
        assert_eq!(written(&one, Some(5000)), first);
        assert_eq!(written(&one, Some(1_700_000_000_123)), second);
    }

    #[test]
    fn others_do_not() {
        let mut texts = CookieTextCache::default();
        let mut ids = Vec::new();
        for text in [
            PLAIN.to_owned(),
            "{}".to_owned(),
            r#"{"expires":null}"#.to_owned(),
            with_date("1970-01-01T00:00:05.000Z", "/"),
            with_date("1970-01-01T00:00:05.000Z", "/a"),
        ] {
            let Some((cookie, expires)) = texts.intern(text.as_bytes()) else {
                unreachable!("{text}");
            };
            assert_eq!(written(&cookie, expires), text);
            ids.push(cookie.id);
        }
        assert_eq!(ids, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn templates_give_back_their_cookies() {
        let date = "2023-11-14T22:13:20.123Z";
        for text in [
            PLAIN.to_owned(),
            "{}".to_owned(),
            with_date(date, "/"),
            format!(r#"{{"a":{{"expires":""}},"expires":"{date}","path":"/"}}"#),
            format!(r#"{{"expires":"{date}","a":{{"expires":""}}}}"#),
        ] {
            let mut texts = CookieTextCache::default();
            let Some((cookie, expires)) = texts.intern(text.as_bytes()) else {
                unreachable!("{text}");
            };
            for mut cache in [texts, CookieTextCache::default()] {
                let Some(again) = cache.intern_template(cookie.template()) else {
                    unreachable!("{text}");
                };
                assert_eq!(written(&again, expires), text);
                assert_eq!(again.has_date(), expires.is_some());
                assert_eq!(again.renewal, cookie.renewal);
            }
        }
        let mut texts = CookieTextCache::default();
        for template in ["", "{", "[]", r#"{"expires":"x"}"#, r#"{"expires":1}"#] {
            assert_eq!(
                texts.intern_template(template.as_bytes()),
                None,
                "{template}"
            );
        }
    }

    #[test]
    fn forgets_what_was_not_seen_for_long() {
        let mut texts = CookieTextCache::default();
        let mut id = |path: usize| {
            let text = with_date("1970-01-01T00:00:05.000Z", &path.to_string());
            texts.intern(text.as_bytes()).map(|(cookie, _)| cookie.id)
        };
        for path in 0..CACHED {
            assert_eq!(id(path), Some(path as u64));
        }
        assert_eq!(id(0), Some(0));
        assert_eq!(id(CACHED), Some(CACHED as u64), "one more");
        assert_eq!(id(0), Some(0), "seen lately");
        assert_eq!(id(1), Some(CACHED as u64 + 1), "forgotten");
    }

    #[test]
    fn shares_no_text_that_is_long_or_can_be_changed_inside() {
        let mut texts = CookieTextCache::default();
        let path = |length: usize| format!(r#"{{"expires":null,"path":"{}"}}"#, "p".repeat(length));
        let around = path(0).len();
        for (text, is_shareable) in [
            (path(MAX_SHAREABLE - around), true),
            (path(MAX_SHAREABLE - around + 1), false),
            (r#"{"expires":null,"prefs":{"list":[]}}"#.to_owned(), false),
            (r#"{"expires":null,"path":"/é"}"#.to_owned(), false),
        ] {
            let mut made = || texts.intern(text.as_bytes()).map(|(cookie, _)| cookie);
            let (Some(one), Some(other)) = (made(), made()) else {
                unreachable!("{text}");
            };
            assert_eq!(Arc::ptr_eq(&one, &other), is_shareable, "{text}");
            assert_eq!([one.is_shareable, other.is_shareable], [is_shareable; 2]);
            assert_eq!(written(&other, None), text);
            let id = other.id;
            assert_eq!(texts.get(id).is_some(), is_shareable);
        }
    }

    #[test]
    fn counts_its_bytes_once() {
        let mut texts = CookieTextCache::default();
        let Some((cookie, _)) = texts.intern(PLAIN.as_bytes()) else {
            unreachable!("{PLAIN}");
        };
        let bytes = PLAIN.len() + COOKIE_BYTES;
        assert_eq!([cookie.hold(), cookie.hold()], [bytes, 0]);
        assert_eq!([cookie.release(), cookie.release()], [0, bytes]);
        assert_eq!(cookie.hold(), bytes);
    }

    #[test]
    fn leaves_what_only_javascript_can_judge() {
        let mut texts = CookieTextCache::default();
        for text in [r#"{"expires":"tomorrow"}"#, r#"{"expires":12}"#, "{", ""] {
            assert_eq!(texts.intern(text.as_bytes()), None, "{text}");
        }
    }
}
