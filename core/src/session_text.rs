//! What a store must know of a session's JSON text, without parsing all of it.
//!
//! A session's text begins with its cookie, as `JSON.stringify` writes it; the rest is
//! its data, which nothing here looks at, so that the length of a session costs
//! nothing. A text that begins otherwise was arranged by hand, and is JavaScript's to
//! read.
//!
//! The reader takes the output of `JSON.stringify`: no key stands twice in an
//! object, and no key that matters here is written with escapes.

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
    /// The cookie's date becomes the time of use plus the lifetime.
    Date {
        /// The cookie's `originalMaxAge`, in ms.
        lifetime: i64,
    },
    /// Something that only JavaScript can tell.
    Unclear,
}

/// What a cookie's text says of its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its `expires`.
    pub expiry: Expiry,
    /// Where the date of `expires` begins, in bytes, if it has one.
    pub date_at: usize,
    /// What using the session does to the text.
    pub renewal: Renewal,
}

/// What stands before a session's cookie.
const FIRST: &[u8] = br#"{"cookie":"#;

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

/// Parts a session's text: its cookie's JSON, and its data as a JSON object.
///
/// `None` if the text does not begin with a cookie that is an object. Takes time linear in the length of
/// the text, and of the cookie whatever its nesting.
pub fn split(text: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let mut reader = Reader { text, at: 0 };
    text.starts_with(FIRST).then(|| reader.at = FIRST.len())?;
    (reader.peek()? == b'{').then(|| reader.skip_value())??;
    let data = match &text[reader.at..] {
        // Joined again it would be another text.
        b",}" => return None,
        b"}" => b"{}".to_vec(),
        [b',', rest @ ..] => [b"{", rest].concat(),
        _ => return None,
    };
    Some((&text[FIRST.len()..reader.at], data))
}

/// Begins a session's text, up to where its cookie's JSON comes.
pub fn begin(capacity: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(FIRST.len() + capacity);
    text.extend_from_slice(FIRST);
    text
}

/// Ends a session's text with its data, a JSON object.
pub fn end(text: &mut Vec<u8>, data: &[u8]) {
    match data {
        b"{}" => text.push(b'}'),
        [_, rest @ ..] => {
            text.push(b',');
            text.extend_from_slice(rest);
        }
        [] => {}
    }
}

/// Reads a cookie's JSON. `None` if it is none as far as it was read.
pub fn cookie(text: &[u8]) -> Option<Cookie> {
    let mut reader = Reader { text, at: 0 };
    let cookie = reader.cookie()?;
    (reader.at == text.len()).then_some(cookie)
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
    fn object(&mut self, mut on_key: impl FnMut(&mut Self, &'t [u8]) -> Option<()>) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            on_key(self, key)?;
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

    fn cookie(&mut self) -> Option<Cookie> {
        let mut found = Cookie {
            expiry: Expiry::Never,
            date_at: 0,
            renewal: Renewal::Unclear,
        };
        let mut lifetime = Lifetime::Unclear;
        let mut keys = KEYS.iter();
        let mut in_order = true;
        self.object(|reader, key| {
            let start = reader.at;
            reader.skip_value()?;
            let value = &reader.text[start..reader.at];
            match key {
                b"expires" => {
                    found.date_at = start + 1;
                    found.expiry = expiry_of(value);
                }
                b"originalMaxAge" => lifetime = lifetime_of(value),
                _ => {}
            }
            // Skips the keys left out here, none of which may be a needed one.
            in_order = in_order
                && keys
                    .find(|(known, needed)| *known == key || *needed)
                    .is_some_and(|(known, _)| *known == key);
            Some(())
        })?;
        let is_whole = in_order && keys.all(|(_, needed)| !needed);
        found.renewal = match (lifetime, found.expiry) {
            (Lifetime::None, Expiry::Never) if is_whole => Renewal::Same,
            (Lifetime::Of(lifetime), Expiry::At(_)) if is_whole => Renewal::Date { lifetime },
            _ => Renewal::Unclear,
        };
        Some(found)
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

    fn joined(cookie: &[u8], data: &[u8]) -> String {
        let mut text = begin(0);
        text.extend_from_slice(cookie);
        end(&mut text, data);
        String::from_utf8_lossy(&text).into_owned()
    }

    #[test]
    fn parts_a_session() {
        let parts = |text: &str| {
            split(text.as_bytes()).map(|(cookie, data)| {
                assert_eq!(joined(cookie, &data), text);
                [cookie, &data].map(|part| String::from_utf8_lossy(part).into_owned())
            })
        };
        let pair = |cookie: &str, data: &str| Some([cookie.to_owned(), data.to_owned()]);
        assert_eq!(
            parts(r#"{"cookie":{"path":"{\"expires\":1}"},"a":1}"#),
            pair(r#"{"path":"{\"expires\":1}"}"#, r#"{"a":1}"#)
        );
        assert_eq!(parts(r#"{"cookie":{}}"#), pair("{}", "{}"));
        for other in [
            "",
            "{}",
            r#"{"a":1,"cookie":{}}"#,
            r#"{"cookie":null,"a":1}"#,
            r#"{"cookie":[],"a":1}"#,
            r#"{"cookie":{}"#,
            r#"{"cookie":{},}"#,
            r#"{"cookie":{"#,
            r#"{"cookie":"#,
            r#"{"cookie":{}]"#,
        ] {
            assert_eq!(parts(other), None, "{other}");
        }
    }

    #[test]
    fn reads_the_expiry() {
        let text = r#"{"originalMaxAge":1000,"expires":"2023-11-14T22:13:20.123Z","path":"/"}"#;
        assert_eq!(
            cookie(text.as_bytes()),
            Some(Cookie {
                expiry: Expiry::At(1_700_000_000_123),
                date_at: 34,
                renewal: Renewal::Unclear
            })
        );
        for text in ["{}", r#"{"expires":null,"path":"/"}"#] {
            assert_eq!(expiry(text), Some(Expiry::Never), "{text}");
        }
    }

    #[test]
    fn knows_what_using_the_session_changes() {
        let renewal = |text: &str| cookie(text.as_bytes()).map(|cookie| cookie.renewal);
        let date = r#""2023-11-14T22:13:20.123Z""#;
        assert_eq!(
            renewal(r#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#),
            Some(Renewal::Same)
        );
        assert_eq!(
            renewal(&format!(
                r#"{{"originalMaxAge":-50,"partitioned":true,"priority":"low","expires":{date},"secure":false,"httpOnly":true,"domain":"a","path":"/","sameSite":"lax"}}"#
            )),
            Some(Renewal::Date { lifetime: -50 })
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
        ] {
            assert_eq!(renewal(&unclear), Some(Renewal::Unclear), "{unclear}");
        }
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
            let text = format!(r#"{{"expires":{expires}}}"#);
            assert_eq!(expiry(&text), Some(Expiry::Unclear), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_json() {
        for text in [
            "", "null", "[]", "\"x\"", "{", "{a", "{\"a\":}", "{\"a\"", "{\"a\":1", "{}}",
        ] {
            assert_eq!(cookie(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn deep_nesting_takes_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        let text = format!(r#"{{"a":{deep},"expires":null}}"#);
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
            let key = prop_oneof![Just("expires".to_owned()), any::<String>()];
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
            split(&text);
            split(&[FIRST, &text].concat());
        }

        #[test]
        fn parts_a_session_where_a_json_reader_does(value in prop::collection::btree_map(any::<String>(), json(), 0..4), data in prop::collection::btree_map("[a-z\"\\\\]{1,3}", json(), 0..3)) {
            let cookie_text = serde_json::to_string(&value).unwrap_or_default();
            let data = serde_json::to_string(&data).unwrap_or_default();
            let text = joined(cookie_text.as_bytes(), data.as_bytes());
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            prop_assert_eq!(split(text.as_bytes()), Some((cookie_text.as_bytes(), data.into_bytes())));
            prop_assert!(cookie(cookie_text.as_bytes()).is_some());
        }
    }
}
