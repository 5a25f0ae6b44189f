//! What a store must know of a session's JSON text, without parsing all of it.
//!
//! A session is stored and handed back as the text it arrived as. Its expiry is in
//! the text, in `cookie.expires`, and `cookie` is nearly always the first key, so
//! reading stops there, and the rest of a long session costs nothing.
//!
//! The reader takes the output of `JSON.stringify`: no key stands twice in an
//! object, and no key that matters here is written with escapes.

use std::ops::Range;

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

/// What the text says of the session's cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Where the value of `cookie` stands in the text, in bytes; `None` if the
    /// session has no such key.
    pub range: Option<Range<usize>>,
    /// Its `expires`.
    pub expiry: Expiry,
}

/// Finds the cookie of a session in its text.
///
/// `None` if the text is no JSON object as far as it was read. Takes time linear
/// in what stands before the end of the cookie, whatever the nesting.
pub fn cookie(text: &[u8]) -> Option<Cookie> {
    let mut reader = Reader { text, at: 0 };
    let mut found = Cookie {
        range: None,
        expiry: Expiry::Never,
    };
    reader.object(|reader, key| {
        if key != b"cookie" {
            reader.skip_value()?;
            return Some(Next::Key);
        }
        let start = reader.at;
        found.expiry = reader.cookie_expiry()?;
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

    fn cookie_expiry(&mut self) -> Option<Expiry> {
        let mut expiry = Expiry::Never;
        if self.peek()? != b'{' {
            self.skip_value()?;
            return Some(expiry);
        }
        self.object(|reader, key| {
            let start = reader.at;
            reader.skip_value()?;
            if key == b"expires" {
                expiry = match &reader.text[start..reader.at] {
                    b"null" => Expiry::Never,
                    value => iso_time(value).map_or(Expiry::Unclear, Expiry::At),
                };
            }
            Some(Next::Key)
        })?;
        Some(expiry)
    }
}

/// The time in `"YYYY-MM-DDTHH:mm:ss.sssZ"`, quotes included, which is how
/// `Date.prototype.toJSON` writes the years 0 to 9999 (ECMA-262 section 21.4.1.32).
fn iso_time(text: &[u8]) -> Option<i64> {
    const PATTERN: &[u8; 26] = b"\"0000-00-00T00:00:00.000Z\"";
    let shaped = text.len() == PATTERN.len()
        && text.iter().zip(PATTERN).all(|(&byte, &pattern)| {
            if pattern == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == pattern
            }
        });
    if !shaped {
        return None;
    }
    let number = |range: Range<usize>| {
        text[range]
            .iter()
            .fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
    };
    let (year, month, day) = (number(1..5), number(6..8), number(9..11));
    let (hour, minute, second) = (number(12..14), number(15..17), number(18..20));
    let valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    valid.then(|| {
        let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        seconds * 1000 + number(21..24)
    })
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the epoch to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that start in March end with the leap day.
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
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

        #[test]
        fn reads_any_date_that_javascript_writes(seconds in -62_167_219_200i64..253_402_300_800, ms in 0i64..1000) {
            let date = cookie_crate_date(seconds);
            let text = format!(r#"{{"cookie":{{"expires":"{date}.{ms:03}Z"}}}}"#);
            prop_assert_eq!(expiry(&text), Some(Expiry::At(seconds * 1000 + ms)));
        }
    }

    /// `YYYY-MM-DDTHH:mm:ss` from an independent calendar.
    fn cookie_crate_date(seconds: i64) -> String {
        let at = ::cookie::time::OffsetDateTime::from_unix_timestamp(seconds)
            .unwrap_or(::cookie::time::OffsetDateTime::UNIX_EPOCH);
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    }
}
