//! What a store must know of a session's JSON text, without parsing all of it.
//!
//! A session is stored and handed back as the text it arrived as. Its expiry is in
//! the text, in `cookie.expires`, and `cookie` is nearly always the first key, so
//! reading stops there, and the rest of a long session costs nothing.
//!
//! The reader takes the output of `JSON.stringify`: no key stands twice in an
//! object, and no key that matters here is written with escapes.

use std::ops::Range;

use crate::date;

/// When a session expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Never: `cookie.expires` is absent or null.
    Never,
    /// At this time, in ms since the epoch.
    At(i64),
    /// `cookie.expires` is something that only JavaScript can judge.
    Unclear,
}

/// What becomes of a session's text when the session is used but not changed, and
/// its cookie starts its lifetime anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Nothing: the cookie has no lifetime.
    Same,
    /// The date at this place in the text, in bytes, becomes the time of use plus
    /// the lifetime, in ms.
    Date {
        /// Where the first digit of the year stands.
        at: usize,
        /// The cookie's `originalMaxAge`.
        lifetime: i64,
    },
    /// Something that only JavaScript can tell.
    Unclear,
}

/// What the text says of the session's cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Where the value of `cookie` stands in the text, in bytes; `None` if the
    /// session has no such key.
    pub range: Option<Range<usize>>,
    /// Its `expires`.
    pub expiry: Expiry,
    /// What using the session does to the text.
    pub renewal: Renewal,
}

/// The keys of a cookie's JSON in their order, and whether each must be there, as
/// `Cookie.prototype.data` of npm `express-session` 1.19.0 lists them.
const KEYS: [(&[u8], bool); 9] = [
    (b"originalMaxAge", true),
    (b"partitioned", false),
    (b"priority", false),
    (b"expires", true),
    (b"secure", false),
    (b"httpOnly", true),
    (b"domain", false),
    (b"path", true),
    (b"sameSite", false),
];

/// Finds the cookie of a session in its text.
///
/// `None` if the text is no JSON object as far as it was read. Takes time linear
/// in what stands before the end of the cookie, whatever the nesting.
pub fn cookie(text: &[u8]) -> Option<Cookie> {
    let mut reader = Reader { text, at: 0 };
    let mut found = Cookie {
        range: None,
        expiry: Expiry::Never,
        renewal: Renewal::Unclear,
    };
    reader.object(|reader, key| {
        if key != b"cookie" {
            reader.skip_value()?;
            return Some(Next::Key);
        }
        let start = reader.at;
        (found.expiry, found.renewal) = reader.cookie()?;
        found.range = Some(start..reader.at);
        Some(Next::Stop)
    })?;
    Some(found)
}

enum Next {
    Key,
    Stop,
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Reads an object, calling `on_key` with the reader at each value.
    fn object(
        &mut self,
        mut on_key: impl FnMut(&mut Self, &'t [u8]) -> Option<Next>,
    ) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            if let Next::Stop = on_key(self, key)? {
                return Some(());
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Reads a string and returns what stands between its quotes, escapes and all.
    fn string(&mut self) -> Option<&'t [u8]> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            let rest = self.text.get(self.at..)?;
            let offset = rest
                .iter()
                .position(|&byte| byte == b'"' || byte == b'\\')?;
            self.at += offset;
            if rest[offset] == b'"' {
                let inner = &self.text[start..self.at];
                self.at += 1;
                return Some(inner);
            }
            // The escaped character may be a quote.
            self.at += 2;
        }
    }

    /// Skips a value of any depth, in constant space.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' | b',' | b':' if depth > 0 => {
                    if matches!(self.peek()?, b'}' | b']') {
                        depth -= 1;
                    }
                    self.at += 1;
                }
                b'}' | b']' | b',' | b':' => return None,
                _ => self.skip_literal(),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Skips a number, `true`, `false` or `null`.
    fn skip_literal(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest
            .iter()
            .position(|byte| matches!(byte, b',' | b':' | b'}' | b']' | b'"' | b'{' | b'['))
            .unwrap_or(rest.len())
            .max(1);
    }

    fn cookie(&mut self) -> Option<(Expiry, Renewal)> {
        let mut expiry = Expiry::Never;
        if self.peek()? != b'{' {
            self.skip_value()?;
            return Some((expiry, Renewal::Unclear));
        }
        let mut date_at = 0;
        let mut lifetime = Lifetime::Unclear;
        let mut keys = KEYS.iter();
        let mut in_order = true;
        self.object(|reader, key| {
            let start = reader.at;
            reader.skip_value()?;
            let value = &reader.text[start..reader.at];
            match key {
                b"expires" => {
                    date_at = start + 1;
                    expiry = expiry_of(value);
                }
                b"originalMaxAge" => lifetime = lifetime_of(value),
                _ => {}
            }
            // Skips the keys left out here, none of which may be a needed one.
            in_order = in_order
                && keys
                    .find(|(known, needed)| *known == key || *needed)
                    .is_some_and(|(known, _)| *known == key);
            Some(Next::Key)
        })?;
        let is_whole = in_order && keys.all(|(_, needed)| !needed);
        let renewal = match (lifetime, expiry) {
            (Lifetime::None, Expiry::Never) if is_whole => Renewal::Same,
            (Lifetime::Of(lifetime), Expiry::At(_)) if is_whole => Renewal::Date {
                at: date_at,
                lifetime,
            },
            _ => Renewal::Unclear,
        };
        Some((expiry, renewal))
    }
}

enum Lifetime {
    None,
    Of(i64),
    Unclear,
}

fn expiry_of(value: &[u8]) -> Expiry {
    match value {
        b"null" => Expiry::Never,
        [b'"', text @ .., b'"'] => date::from_iso(text).map_or(Expiry::Unclear, Expiry::At),
        _ => Expiry::Unclear,
    }
}

fn lifetime_of(value: &[u8]) -> Lifetime {
    if value == b"null" {
        return Lifetime::None;
    }
    let number = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok());
    number.map_or(Lifetime::Unclear, Lifetime::Of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn expiry(text: &str) -> Option<Expiry> {
        cookie(text.as_bytes()).map(|cookie| cookie.expiry)
    }

    fn cookie_text(text: &str) -> Option<&str> {
        cookie(text.as_bytes())?
            .range
            .and_then(|range| text.get(range))
    }

    #[test]
    fn reads_the_expiry() {
        let text = r#"{"cookie":{"originalMaxAge":1000,"expires":"2023-11-14T22:13:20.123Z","path":"/"},"a":1}"#;
        assert_eq!(expiry(text), Some(Expiry::At(1_700_000_000_123)));
        assert_eq!(
            cookie_text(text),
            Some(r#"{"originalMaxAge":1000,"expires":"2023-11-14T22:13:20.123Z","path":"/"}"#)
        );
    }

    #[test]
    fn knows_what_using_the_session_changes() {
        let renewal = |cookie: &str| {
            super::cookie(format!(r#"{{"cookie":{cookie},"a":1}}"#).as_bytes())
                .map(|cookie| cookie.renewal)
        };
        let date = r#""2023-11-14T22:13:20.123Z""#;
        assert_eq!(
            renewal(r#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#),
            Some(Renewal::Same)
        );
        assert_eq!(
            renewal(&format!(
                r#"{{"originalMaxAge":-50,"partitioned":true,"priority":"low","expires":{date},"secure":false,"httpOnly":true,"domain":"a","path":"/","sameSite":"lax"}}"#
            )),
            Some(Renewal::Date {
                at: 79,
                lifetime: -50
            })
        );
        for unclear in [
            r#"{"originalMaxAge":null,"expires":null,"httpOnly":true}"#.to_owned(),
            r#"{"expires":null,"httpOnly":true,"path":"/"}"#.to_owned(),
            r#"{"originalMaxAge":null,"httpOnly":true,"expires":null,"path":"/"}"#.to_owned(),
            r#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/","x":1}"#.to_owned(),
            r#"{"originalMaxAge":5,"expires":null,"httpOnly":true,"path":"/"}"#.to_owned(),
            format!(r#"{{"originalMaxAge":null,"expires":{date},"httpOnly":true,"path":"/"}}"#),
            format!(r#"{{"originalMaxAge":1.5,"expires":{date},"httpOnly":true,"path":"/"}}"#),
            format!(r#"{{"originalMaxAge":"5","expires":{date},"httpOnly":true,"path":"/"}}"#),
            "{}".to_owned(),
            "null".to_owned(),
        ] {
            assert_eq!(renewal(&unclear), Some(Renewal::Unclear), "{unclear}");
        }
    }

    #[test]
    fn knows_sessions_without_one() {
        for text in [
            "{}",
            r#"{"a":[{"cookie":{"expires":"2023-11-14T22:13:20.123Z"}}]}"#,
            r#"{"cookie":{}}"#,
            r#"{"cookie":null}"#,
            r#"{"cookie":"x"}"#,
            r#"{"cookie":{"expires":null,"path":"/"}}"#,
            r#"{"a\"":"}\\","b":"\\\"","cookie":{"path":"{\"expires\":1}"}}"#,
        ] {
            assert_eq!(expiry(text), Some(Expiry::Never), "{text}");
        }
        assert_eq!(cookie_text("{}"), None);
    }

    #[test]
    fn leaves_other_dates_to_javascript() {
        for expires in [
            "1700000000123",
            "true",
            r#""tomorrow""#,
            r#""2023-02-29T00:00:00.000Z""#,
            r#""2023-13-01T00:00:00.000Z""#,
            r#""2023-11-14T24:00:00.000Z""#,
            r#""+010000-01-01T00:00:00.000Z""#,
            r#""2023-11-14""#,
        ] {
            let text = format!(r#"{{"cookie":{{"expires":{expires}}}}}"#);
            assert_eq!(expiry(&text), Some(Expiry::Unclear), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_object() {
        for text in [
            "", "null", "[]", "\"x\"", "{", "{a", "{\"a\":}", "{\"a\"", "{\"a\":1",
        ] {
            assert_eq!(cookie(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn deep_nesting_takes_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        let text = format!(r#"{{"a":{deep},"cookie":{{"expires":null}}}}"#);
        assert_eq!(expiry(&text), Some(Expiry::Never));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\\\\"{}:,\\[\\]]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let key = prop_oneof![
                Just("cookie".to_owned()),
                Just("expires".to_owned()),
                any::<String>()
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(text: Vec<u8>) {
            cookie(&text);
        }

        #[test]
        fn finds_the_cookie_a_json_reader_finds(value in json()) {
            let text = value.to_string();
            let expected = value.get("cookie").map(Value::to_string);
            prop_assert_eq!(cookie_text(&text), expected.as_deref());
            prop_assert_eq!(cookie(text.as_bytes()).is_some(), value.is_object());
        }
    }
}
