//! Splits a session's JSON text into its cookie and its data, and reads when the cookie
//! expires, without parsing the data.
//!
//! In the text that `JSON.stringify` makes of a session the member `cookie` comes first, or
//! behind the keys that are array indexes, which JavaScript lists before all others. What
//! stands behind the cookie is not read, so that long sessions take no longer to read. A text
//! whose cookie stands elsewhere was not made by `JSON.stringify` of a session, and is left to
//! JavaScript.
//!
//! The reader relies on what `JSON.stringify` writes: an object has no key twice, there are no
//! blanks, and no key that matters here is written with escapes.

use crate::date;

/// When a session expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Never: `cookie.expires` is absent or null.
    Never,
    /// At this time, in ms since the epoch.
    At(i64),
    /// Only JavaScript can tell: `cookie.expires` is neither null nor a date as
    /// `Date.prototype.toJSON` writes it for the years 0 to 9999.
    Unclear,
}

/// What happens to a cookie's text when a request uses the session without changing it, and
/// the cookie's lifetime starts anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The text stays the same: the cookie has no lifetime.
    Same,
    /// The cookie's date becomes the time of the request plus the lifetime.
    Date {
        /// The cookie's `originalMaxAge`, in ms.
        lifetime: i64,
    },
    /// Only JavaScript can tell: the members are not those of `Cookie.prototype.data`, or
    /// `originalMaxAge` and `expires` do not go together.
    Unclear,
}

/// What is read in the JSON of a session's cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// When it expires.
    pub expiry: Expiry,
    /// The byte at which the date of `expires` begins, if that is [`Expiry::At`].
    pub date_at: usize,
    /// What a request that uses the session does to the cookie.
    pub renewal: Renewal,
    /// Whether none of its values is an object or an array. A program could change what is in
    /// such a value, and so the cookies of all sessions that share it.
    pub is_flat: bool,
}

/// The key of a session's cookie, and the colon behind it.
const KEY: &[u8] = br#""cookie":"#;

/// The keys of a cookie's JSON in the order in which `Cookie.prototype.data` of npm
/// `express-session` 1.19.0 lists them, and whether each is always there.
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

/// Splits a session's text into the JSON of its cookie and its data, a JSON object.
///
/// `None` if there is no object as the member `cookie` where JavaScript puts it, so that
/// [`join`] would not return the same text. Takes time linear in the length of the text,
/// however deeply it is nested.
pub fn split(text: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let place = cookie_place(text);
    let (before, rest) = text.split_at(place);
    let has_indexes = place > 1;
    let rest = if has_indexes {
        rest.strip_prefix(b",")?
    } else {
        rest
    };
    let rest = rest.strip_prefix(KEY)?;
    let mut reader = Reader { text: rest, at: 0 };
    (reader.peek()? == b'{').then(|| reader.skip_value())??;
    let (cookie, behind) = rest.split_at(reader.at);
    let behind = match behind {
        b"}" => behind,
        [b',', members @ ..] if members.first() == Some(&b'"') => {
            if has_indexes {
                behind
            } else {
                members
            }
        }
        _ => return None,
    };
    let data = [before, behind].concat();
    // `join` would put the cookie behind an array index that stood behind it.
    (cookie_place(&data) == place).then_some((cookie, data))
}

/// Whether the data of a record are a pointer: the session that was here has another id now, which
/// the pointer holds encrypted. It is no session, and nothing is the same as it.
pub fn is_pointer(data: &[u8]) -> bool {
    data.strip_prefix(POINTER)
        .and_then(|rest| rest.strip_suffix(br#""}}"#))
        .is_some_and(|sealed| !sealed.contains(&b'"'))
}

/// What a pointer begins with. session/request/pointer.js makes it.
const POINTER: &[u8] = br#"{"_meta":{"next":"r1:"#;

/// Whether two texts of a session's data say the same, whatever their members `cookie` and `_meta`
/// are. A text that is no JSON object is the same only as itself.
pub fn is_same_data(one: &[u8], other: &[u8]) -> bool {
    if is_pointer(one) || is_pointer(other) {
        return false;
    }
    let may_differ = [one, other].iter().any(|text| {
        let has = |key: &[u8]| memchr::memmem::find(text, key).is_some();
        has(KEY) || has(META)
    });
    if !may_differ {
        return one == other;
    }
    match (counting(one), counting(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Returns the members of a JSON object that count as data: the texts of those that are neither
/// `cookie` nor `_meta`. `None` if it is no object.
fn counting(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut members = Vec::new();
    let mut reader = Reader { text, at: 0 };
    reader.object(|reader, key| {
        let start = reader.at - key.len() - 3;
        reader.skip_value()?;
        if key != b"cookie" && key != b"_meta" {
            members.push(&reader.text[start..reader.at]);
        }
        Some(())
    })?;
    (reader.at == text.len()).then_some(members)
}

/// The key of what the added features keep with a session, and the colon behind it.
const META: &[u8] = br#""_meta":"#;

/// Joins the text of a session from its data, a JSON object, and its cookie's JSON, which
/// `write_cookie` appends to the text that it is given. `length` is about the number of bytes
/// that it appends.
pub fn join(data: &[u8], length: usize, write_cookie: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let (before, behind) = data.split_at(cookie_place(data));
    let mut text = Vec::with_capacity(data.len() + KEY.len() + length + 1);
    text.extend_from_slice(before);
    let has_indexes = before.len() > 1;
    if has_indexes {
        text.push(b',');
    }
    text.extend_from_slice(KEY);
    write_cookie(&mut text);
    if !has_indexes && !matches!(behind, b"" | b"}") {
        text.push(b',');
    }
    text.extend_from_slice(behind);
    text
}

/// Returns the byte of a JSON object at which the key `cookie` stands or is to be inserted:
/// behind the keys that are array indexes, which JavaScript lists first, from the least to the
/// greatest, and before all other keys, as a session gets its cookie before these.
fn cookie_place(object: &[u8]) -> usize {
    let mut reader = Reader {
        text: object,
        at: 0,
    };
    let mut place = usize::from(reader.expect(b'{').is_some());
    let mut last = None;
    while let Some(index) = reader.index().filter(|&index| last < Some(index)) {
        if reader.skip_value().is_none() {
            break;
        }
        place = reader.at;
        last = Some(index);
        if reader.expect(b',').is_none() {
            break;
        }
    }
    place
}

/// Reads the JSON of a session's cookie. `None` if it is no JSON object; of the values in it
/// the reader checks quotes and brackets alone.
pub fn cookie(text: &[u8]) -> Option<Cookie> {
    let mut reader = Reader { text, at: 0 };
    let cookie = reader.cookie()?;
    (reader.at == text.len()).then_some(cookie)
}

/// A reader of JSON, as `JSON.stringify` writes it: `at` is the byte of `text` that it reads
/// next. Its methods return `None` if the text is not what they expect.
pub(crate) struct Reader<'t> {
    pub(crate) text: &'t [u8],
    pub(crate) at: usize,
}

impl<'t> Reader<'t> {
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Reads an object. Calls `on_key` with each key, which must read the key's value.
    pub(crate) fn object(
        &mut self,
        mut on_key: impl FnMut(&mut Self, &'t [u8]) -> Option<()>,
    ) -> Option<()> {
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

    /// Reads a string and returns the bytes between its quotes, with escapes as they stand.
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

    /// Reads a key that is an array index (ECMA-262 section 6.1.7), and the colon behind it.
    fn index(&mut self) -> Option<u32> {
        // Most keys do not begin with a digit, and need not be read.
        self.text
            .get(self.at + 1)
            .filter(|it| it.is_ascii_digit())?;
        let key = self.string()?;
        self.expect(b':')?;
        let is_canonical = key[0] != b'0' || key.len() == 1;
        let index = std::str::from_utf8(key).ok()?.parse().ok()?;
        (is_canonical && index != u32::MAX).then_some(index)
    }

    /// Reads over a value, however deeply it is nested, in constant space.
    pub(crate) fn skip_value(&mut self) -> Option<()> {
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

    /// Reads over a number, `true`, `false` or `null`.
    fn skip_literal(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest
            .iter()
            .position(|byte| matches!(byte, b',' | b':' | b'}' | b']' | b'"' | b'{' | b'['))
            .unwrap_or(rest.len())
            .max(1);
    }

    /// Reads a cookie's JSON: see [`cookie`].
    fn cookie(&mut self) -> Option<Cookie> {
        let mut found = Cookie {
            expiry: Expiry::Never,
            date_at: 0,
            renewal: Renewal::Unclear,
            is_flat: true,
        };
        let mut lifetime = Lifetime::Unclear;
        let mut keys = KEYS.iter();
        let mut in_order = true;
        self.object(|reader, key| {
            let start = reader.at;
            reader.skip_value()?;
            let value = &reader.text[start..reader.at];
            found.is_flat &= !matches!(value.first(), Some(b'{' | b'['));
            match key {
                b"expires" => {
                    found.date_at = start + 1;
                    found.expiry = expiry_of(value);
                }
                b"originalMaxAge" => lifetime = lifetime_of(value),
                _ => {}
            }
            // Moves on in `KEYS` to this key: those left out may be no needed ones.
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

/// What a cookie's `originalMaxAge` says.
enum Lifetime {
    /// It is null.
    None,
    /// It is this number of ms.
    Of(i64),
    /// It is missing or something else.
    Unclear,
}

/// Returns what a cookie's `expires` says, of which `value` is the JSON.
fn expiry_of(value: &[u8]) -> Expiry {
    match value {
        b"null" => Expiry::Never,
        [b'"', text @ .., b'"'] => date::from_iso(text).map_or(Expiry::Unclear, Expiry::At),
        _ => Expiry::Unclear,
    }
}

/// Returns what a cookie's `originalMaxAge` says, of which `value` is the JSON.
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
        let text = join(data, cookie.len(), |text| text.extend_from_slice(cookie));
        String::from_utf8_lossy(&text).into_owned()
    }

    #[test]
    fn compares_data_without_cookie_and_meta() {
        let same = |one: &str, other: &str| is_same_data(one.as_bytes(), other.as_bytes());
        assert!(same("{}", "{}"));
        assert!(same(r#"{"a":1}"#, r#"{"a":1}"#));
        assert!(!same(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(same(r#"{"a":1,"_meta":{"x":[1]}}"#, r#"{"a":1}"#));
        assert!(same(r#"{"_meta":1,"a":1}"#, r#"{"cookie":{},"a":1}"#));
        assert!(same(r#"{"_meta":1}"#, "{}"));
        assert!(!same(r#"{"_meta":1,"a":1}"#, r#"{"_meta":1}"#));
        assert!(
            !same(r#"{"a":{"_meta":1}}"#, r#"{"a":{"_meta":2}}"#),
            "inside"
        );
        assert!(!same(r#"{"a":"\"_meta\":1"}"#, r#"{"a":"\"_meta\":2"}"#));
        assert!(!same(r#"{"_meta":1,"a":1,"b":2}"#, r#"{"a":1,"b":3}"#));
        assert!(!same("no JSON", r#"{"_meta":1}"#));
        assert!(!same(r#""_meta":1"#, r#""_meta":2"#));
        assert!(same(r#""_meta":1"#, r#""_meta":1"#));
    }

    #[test]
    fn knows_a_pointer() {
        let pointer = r#"{"_meta":{"next":"r1:aZ_-09"}}"#;
        assert!(is_pointer(pointer.as_bytes()));
        for other in [
            "{}",
            r#"{"_meta":{"next":"r2:a"}}"#,
            r#"{"_meta":{"next":1}}"#,
            r#"{"_meta":{"next":"r1:a","created":1}}"#,
            r#"{"_meta":{"next":"r1:a"},"a":1}"#,
            r#"{"_meta":{"next":"r1:a"},"a":{"b":"c"}}"#,
            r#"{"a":1,"_meta":{"next":"r1:a"}}"#,
            r#"{"_meta":{"next":"r1:"#,
            r#"[{"_meta":{"next":"r1:a"}}]"#,
        ] {
            assert!(!is_pointer(other.as_bytes()), "{other}");
        }
        for data in [pointer, "{}", r#"{"_meta":{"created":1}}"#] {
            assert!(!is_same_data(pointer.as_bytes(), data.as_bytes()), "{data}");
            assert!(!is_same_data(data.as_bytes(), pointer.as_bytes()), "{data}");
        }
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
        assert_eq!(
            parts(r#"{"0":{"cookie":{}},"7":"\"","4294967294":[],"cookie":{"a":1},"b":1}"#),
            pair(
                r#"{"a":1}"#,
                r#"{"0":{"cookie":{}},"7":"\"","4294967294":[],"b":1}"#
            )
        );
        assert_eq!(parts(r#"{"1":1,"cookie":{}}"#), pair("{}", r#"{"1":1}"#));
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
            r#"{"cookie":{},x"#,
            r#"{"1":1,"cookie":{},}"#,
            r#"{"1":1,"cookie":null}"#,
            r#"{"1":1"cookie":{}}"#,
            r#"{"1":1,,"cookie":{}}"#,
            r#"{"1":,"cookie":{}}"#,
            // No array indexes, or not where JavaScript lists them.
            r#"{"01":1,"cookie":{}}"#,
            r#"{"-1":1,"cookie":{}}"#,
            r#"{"1.5":1,"cookie":{}}"#,
            r#"{"4294967295":1,"cookie":{}}"#,
            r#"{"2":1,"1":1,"cookie":{}}"#,
            r#"{"1":1,"1":1,"cookie":{}}"#,
            r#"{"cookie":{},"1":1}"#,
            r#"{"1":1,"cookie":{},"2":1}"#,
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
                renewal: Renewal::Unclear,
                is_flat: true,
            })
        );
        for text in ["{}", r#"{"expires":null,"path":"/"}"#] {
            assert_eq!(expiry(text), Some(Expiry::Never), "{text}");
        }
    }

    #[test]
    fn tells_a_cookie_that_a_program_can_change_inside() {
        let is_flat = |text: &str| cookie(text.as_bytes()).map(|cookie| cookie.is_flat);
        for (text, expected) in [
            ("{}", true),
            (r#"{"path":"[{","secure":false,"a":-1,"b":null}"#, true),
            (r#"{"path":"/","prefs":{}}"#, false),
            (r#"{"prefs":[1],"path":"/"}"#, false),
        ] {
            assert_eq!(is_flat(text), Some(expected), "{text}");
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
            for before in [&br#"{"cookie":"#[..], br#"{"7":"#, br#"{"7":1,"cookie":{}"#] {
                split(&[before, &text].concat());
            }
            joined(b"{}", &text);
        }

        /// Against a reader that knows where everything is: the keys of a session as
        /// JavaScript lists them.
        #[test]
        fn parts_a_session_where_a_json_reader_does(
            value in prop::collection::btree_map(any::<String>(), json(), 0..4),
            indexes in prop::collection::btree_map(prop_oneof![0u32..12, any::<u32>()], json(), 0..4),
            others in prop::collection::btree_map("[a-z\"\\\\]{1,3}|[0-9]{10,12}|0[0-9]|[1-9][a-z.]", json(), 0..3),
        ) {
            let member = |key: &str, value: &Value| {
                let [key, value] = [&Value::from(key), value].map(|it| it.to_string());
                format!("{key}:{value}")
            };
            let is_index = |key: &str| key.parse::<u32>().is_ok_and(|it| it < u32::MAX && it.to_string() == key);
            let indexes = indexes.iter().filter(|(index, _)| **index < u32::MAX);
            let mut members: Vec<String> = indexes.map(|(index, value)| member(&index.to_string(), value)).collect();
            let place = members.len();
            let others = others.iter().filter(|(key, _)| !is_index(key));
            members.extend(others.map(|(key, value)| member(key, value)));
            let data = format!("{{{}}}", members.join(","));
            let cookie_text = serde_json::to_string(&value).unwrap_or_default();
            members.insert(place, format!("\"cookie\":{cookie_text}"));
            let text = format!("{{{}}}", members.join(","));
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            prop_assert_eq!(&joined(cookie_text.as_bytes(), data.as_bytes()), &text);
            prop_assert_eq!(split(text.as_bytes()), Some((cookie_text.as_bytes(), data.into_bytes())));
            let read = cookie(cookie_text.as_bytes());
            prop_assert_eq!(read.map(|it| it.is_flat), Some(!value.values().any(|it| it.is_object() || it.is_array())));
        }
    }
}
