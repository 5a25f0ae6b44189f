//! The JSON text of a stored session's cookie, which many sessions have in common.

use std::sync::Arc;

use crate::date;
use crate::session_text::{self, Expiry, Renewal};

/// The text of a cookie but for its date: only that tells the cookies of one
/// application apart, so their sessions share one of these.
#[derive(Debug, PartialEq, Eq)]
pub struct CookieText {
    /// Tells it from every other one of its store.
    pub id: u64,
    /// What using the session does to the cookie.
    pub renewal: Renewal,
    has_date: bool,
    /// What stands before the date, or all of it without one.
    head: Box<[u8]>,
    /// What stands behind the date.
    tail: Box<[u8]>,
}

impl CookieText {
    /// Writes the text with a date in it, in ms since the epoch. A cookie whose text
    /// had no date is written with `None`.
    pub fn write(&self, expires: Option<i64>, text: &mut Vec<u8>) {
        text.extend_from_slice(&self.head);
        if let Some(date) = expires.and_then(date::to_iso) {
            text.extend_from_slice(&date);
        }
        text.extend_from_slice(&self.tail);
    }

    /// Whether the text has a date.
    pub fn has_date(&self) -> bool {
        self.has_date
    }

    /// Whether a session with this cookie can expire at `expires`, in ms since the epoch:
    /// the text has a place for a date or has none, and a year has four digits.
    pub fn can_expire(&self, expires: Option<i64>) -> bool {
        match (self.renewal, expires) {
            (Renewal::Same, None) => true,
            (Renewal::Date { .. }, Some(time)) => date::to_iso(time).is_some(),
            _ => false,
        }
    }

    /// Copies the text into a buffer and returns its length. `None` if there is too
    /// little room, or a character other than ASCII, which Latin-1 would misread.
    pub fn copy(&self, expires: Option<i64>, buffer: &mut [u8]) -> Option<usize> {
        let date = expires.and_then(date::to_iso);
        let date = date.as_ref().map_or(&[][..], |date| date);
        let mut length = 0;
        for part in [&self.head, date, &self.tail] {
            let end = length + part.len();
            buffer.get_mut(length..end)?.copy_from_slice(part);
            length = end;
        }
        buffer[..length].is_ascii().then_some(length)
    }
}

/// How many texts are remembered, so that sessions can share them. An application
/// has one for each kind of session it makes.
const REMEMBERED: usize = 8;

/// The texts that were seen last.
#[derive(Default)]
pub struct CookieTexts {
    recent: Vec<Arc<CookieText>>,
    next: u64,
}

impl CookieTexts {
    /// The one with this id, if it was seen lately.
    pub fn known(&self, id: u64) -> Option<Arc<CookieText>> {
        self.recent.iter().find(|cookie| cookie.id == id).cloned()
    }

    /// A cookie's JSON text, taken apart: what it shares with others, and its date in
    /// ms since the epoch. `None` if only JavaScript can judge when it expires.
    pub fn of(&mut self, text: &[u8]) -> Option<(Arc<CookieText>, Option<i64>)> {
        let cookie = session_text::cookie(text)?;
        let (date, expires) = match cookie.expiry {
            Expiry::Never => (text.len()..text.len(), None),
            Expiry::At(time) => (cookie.date_at..cookie.date_at + date::ISO, Some(time)),
            Expiry::Unclear => return None,
        };
        let (head, tail) = (&text[..date.start], &text[date.end..]);
        // Without a date all of the text is its head, so the two cannot be mistaken.
        let is_same = |known: &Arc<CookieText>| *known.head == *head && *known.tail == *tail;
        if let Some(at) = self.recent.iter().position(is_same) {
            self.recent[..=at].rotate_right(1);
        } else {
            self.recent.truncate(REMEMBERED - 1);
            self.recent.insert(
                0,
                Arc::new(CookieText {
                    id: self.next,
                    renewal: cookie.renewal,
                    has_date: expires.is_some(),
                    head: head.into(),
                    tail: tail.into(),
                }),
            );
            self.next += 1;
        }
        Some((Arc::clone(&self.recent[0]), expires))
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
        let mut texts = CookieTexts::default();
        let first = with_date("1970-01-01T00:00:05.000Z", "/");
        let second = with_date("2023-11-14T22:13:20.123Z", "/");
        let Some((one, Some(5000))) = texts.of(first.as_bytes()) else {
            unreachable!("the date was not read");
        };
        let Some((other, Some(1_700_000_000_123))) = texts.of(second.as_bytes()) else {
            unreachable!("the date was not read");
        };
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(one.renewal, Renewal::Date { lifetime: 5000 });
        assert_eq!(written(&one, Some(5000)), first);
        assert_eq!(written(&one, Some(1_700_000_000_123)), second);
    }

    #[test]
    fn others_do_not() {
        let mut texts = CookieTexts::default();
        let mut ids = Vec::new();
        for text in [
            PLAIN.to_owned(),
            "{}".to_owned(),
            r#"{"expires":null}"#.to_owned(),
            with_date("1970-01-01T00:00:05.000Z", "/"),
            with_date("1970-01-01T00:00:05.000Z", "/a"),
        ] {
            let Some((cookie, expires)) = texts.of(text.as_bytes()) else {
                unreachable!("{text}");
            };
            assert_eq!(written(&cookie, expires), text);
            ids.push(cookie.id);
        }
        assert_eq!(ids, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn forgets_what_was_not_seen_for_long() {
        let mut texts = CookieTexts::default();
        let mut id = |path: usize| {
            let text = with_date("1970-01-01T00:00:05.000Z", &path.to_string());
            texts.of(text.as_bytes()).map(|(cookie, _)| cookie.id)
        };
        for path in 0..REMEMBERED {
            assert_eq!(id(path), Some(path as u64));
        }
        assert_eq!(id(0), Some(0));
        assert_eq!(id(REMEMBERED), Some(REMEMBERED as u64), "one more");
        assert_eq!(id(0), Some(0), "seen lately");
        assert_eq!(id(1), Some(REMEMBERED as u64 + 1), "forgotten");
    }

    #[test]
    fn leaves_what_only_javascript_can_judge() {
        let mut texts = CookieTexts::default();
        for text in [r#"{"expires":"tomorrow"}"#, r#"{"expires":12}"#, "{", ""] {
            assert_eq!(texts.of(text.as_bytes()), None, "{text}");
        }
    }
}
