//! Reads `_meta`, the member of a session's data in which the package keeps what its options must
//! remember of the session, without parsing the data.
//!
//! `_meta` is in its *usual form* if it is the last member of the data and begins with `created`,
//! `renewed` and `seen`, as session/request/times.js writes it.

use std::sync::LazyLock;

use memchr::memmem;

use crate::session_text::Reader;

/// How the usual form of `_meta` begins. A text in JSON has no such bytes within a string, where each
/// quote stands behind a backslash.
const START: &[u8] = br#""_meta":{"created":"#;

/// Finds the last [`START`]: making it takes longer than to search the data of most sessions.
static LAST_START: LazyLock<memmem::FinderRev<'static>> =
    LazyLock::new(|| memmem::FinderRev::new(START));

/// The key `_meta`, and the colon behind it.
const KEY: &[u8] = br#""_meta":"#;

/// No number that is read here has more digits.
const MOST_DIGITS: usize = 16;

/// The keys with which the usual form begins.
const TIMES: [&[u8]; 3] = [b"created", b"renewed", b"seen"];

/// A `_meta` in its usual form.
#[derive(Debug, PartialEq, Eq)]
pub struct Meta<'d> {
    /// `created`, `renewed` and `seen`, in ms since the epoch.
    pub times: [i64; 3],
    /// The members behind these, as JSON; empty if there are none. Their values are strings and numbers.
    pub others: &'d [u8],
    /// The JSON of the member `user`, a string with its quotes.
    pub user: Option<&'d [u8]>,
    /// How many bytes of the data stand before `_meta` and its comma.
    pub start: usize,
}

impl<'d> Meta<'d> {
    /// Reads the `_meta` of a session's data. `None` if it is not there in its usual form.
    pub fn of(data: &'d [u8]) -> Option<Meta<'d>> {
        let at = LAST_START.rfind(data)?;
        let mut reader = Reader {
            text: data,
            at: at + KEY.len(),
        };
        let mut times = [0; 3];
        let mut read = 0;
        let mut others = None;
        let mut user = None;
        reader.object(|reader, key| {
            let start = reader.at;
            if let Some(time) = times.get_mut(read) {
                reader.skip_value()?;
                *time = number(&data[start..reader.at]).filter(|_| key == TIMES[read])?;
                read += 1;
                return Some(());
            }
            // Without blanks, the key's quotes and the colon are three bytes.
            others.get_or_insert(start - key.len() - 3);
            let is_string = data.get(start) == Some(&b'"');
            if !is_string && !data.get(start).is_some_and(|&byte| is_numeric(byte)) {
                return None;
            }
            reader.skip_value()?;
            if key == b"user" && is_string {
                user = Some(&data[start..reader.at]);
            }
            Some(())
        })?;
        // If `_meta` is a member of an object in the data, another brace follows.
        if read < TIMES.len() || data.get(reader.at..) != Some(b"}") {
            return None;
        }
        let start = match data[..at] {
            [b'{'] => at,
            [b'{', .., b','] => at - 1,
            _ => return None,
        };
        Some(Meta {
            times,
            others: others.map_or(&[], |from| &data[from..reader.at - 1]),
            user,
            start,
        })
    }
}

/// Returns the JSON of the member `_meta`, in whatever form it is. `None` if the data have none, or are
/// no JSON object.
pub fn json_of(data: &[u8]) -> Option<&[u8]> {
    if let Some(meta) = Meta::of(data) {
        let member = &data[meta.start..data.len() - 1];
        return member
            .strip_prefix(b",")
            .unwrap_or(member)
            .strip_prefix(KEY);
    }
    // The first one that is found may stand in a part of the data.
    memmem::find(data, KEY)?;
    let mut json = None;
    let mut reader = Reader { text: data, at: 0 };
    reader.object(|reader, key| {
        let start = reader.at;
        reader.skip_value()?;
        if key == b"_meta" {
            json = Some(&data[start..reader.at]);
        }
        Some(())
    })?;
    json
}

/// Whose a session is, as its `_meta` says in whatever form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose<'d> {
    /// The JSON of the member `user`, a string with its quotes.
    pub user: &'d [u8],
    /// `created`, `renewed` and `seen`, in ms since the epoch. `None` for what is no such time.
    times: [Option<i64>; 3],
}

impl<'d> Whose<'d> {
    /// Reads whose a session is, from its data or its whole text. `None` if it is nobody's.
    pub fn of(data: &'d [u8]) -> Option<Whose<'d>> {
        if let Some(Meta { times, user, .. }) = Meta::of(data) {
            let times = times.map(Some);
            return user.map(|user| Whose { user, times });
        }
        let text = json_of(data)?;
        let mut user = None;
        let mut times = [None; 3];
        let mut reader = Reader { text, at: 0 };
        reader.object(|reader, key| {
            let start = reader.at;
            reader.skip_value()?;
            let value = &text[start..reader.at];
            if let Some(at) = TIMES.iter().position(|it| *it == key) {
                times[at] = time(value);
            } else if key == b"user" {
                user = Some(value).filter(|it| it.first() == Some(&b'"'));
            }
            Some(())
        })?;
        user.map(|user| Whose { user, times })
    }

    /// Returns when the session began, in ms since the epoch: the last of all if that is not known.
    pub fn began(&self) -> i64 {
        self.times[0].unwrap_or(i64::MAX)
    }

    /// Whether the session has got another id since it began. If the id is new, it takes the place of a
    /// session of the user.
    pub fn is_renewed(&self) -> bool {
        matches!(self.times, [Some(created), Some(renewed), _] if created < renewed)
    }

    /// Returns the latest time that is known from the session, in ms since the epoch.
    pub fn latest(&self) -> Option<i64> {
        self.times.into_iter().flatten().max()
    }
}

/// Returns the JSON of the member `user` of `_meta`, a string with its quotes. `None` if the data have
/// none there.
pub fn user_of(data: &[u8]) -> Option<&[u8]> {
    Whose::of(data).map(|it| it.user)
}

/// Returns the time that a JSON value is, in ms since the epoch. `None` if it is none.
fn time(value: &[u8]) -> Option<i64> {
    let number: f64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (value.first().is_some_and(|&byte| is_numeric(byte)) && number >= 0.0).then_some(number as i64)
}

/// Whether a JSON number may begin with a byte.
fn is_numeric(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'-'
}

/// Returns a whole number that is not negative. `None` if it has too many digits.
fn number(digits: &[u8]) -> Option<i64> {
    if digits.len() > MOST_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(data: &str) -> Option<([i64; 3], String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let meta = Meta::of(data.as_bytes())?;
        let before = &data.as_bytes()[..meta.start];
        Some((meta.times, text(meta.others), text(before)))
    }

    #[test]
    fn reads_the_usual_form() {
        let times = r#""created":1,"renewed":22,"seen":333"#;
        let of =
            |others: &str, before: &str| Some(([1, 22, 333], others.to_owned(), before.to_owned()));
        assert_eq!(read(&format!(r#"{{"_meta":{{{times}}}}}"#)), of("", "{"));
        assert_eq!(
            read(&format!(r#"{{"a":1,"_meta":{{{times}}}}}"#)),
            of("", r#"{"a":1"#)
        );
        let others = r#""user":"}\"{","version":-7,"agent":"[\\""#;
        let data = format!(r#"{{"a":{{}},"_meta":{{{times},{others}}}}}"#);
        assert_eq!(read(&data), of(others, r#"{"a":{}"#));
        assert_eq!(user_of(data.as_bytes()), Some(&br#""}\"{""#[..]));
        // The later one is the member of the data.
        let data = format!(r#"{{"a":{{"_meta":{{{times}}}}},"_meta":{{{times}}}}}"#);
        assert_eq!(
            read(&data),
            of("", &format!(r#"{{"a":{{"_meta":{{{times}}}}}"#))
        );
    }

    #[test]
    fn leaves_other_forms_to_others() {
        let times = r#""created":1,"renewed":2,"seen":3"#;
        for other in [
            "{}".to_owned(),
            r#"{"_meta":{"created":1,"renewed":2}}"#.to_owned(),
            r#"{"_meta":{"created":1,"seen":2,"renewed":3}}"#.to_owned(),
            r#"{"_meta":{"created":1.5,"renewed":2,"seen":3}}"#.to_owned(),
            r#"{"_meta":{"created":-1,"renewed":2,"seen":3}}"#.to_owned(),
            r#"{"_meta":{"created":12345678901234567,"renewed":2,"seen":3}}"#.to_owned(),
            r#"{"_meta":{"created":null,"renewed":2,"seen":3}}"#.to_owned(),
            format!(r#"{{"_meta":{{{times},"x":null}}}}"#),
            format!(r#"{{"_meta":{{{times},"x":{{}}}}}}"#),
            format!(r#"{{"_meta":{{{times}}},"a":1}}"#),
            format!(r#"{{"a":{{"_meta":{{{times}}}}}}}"#),
            format!(r#"{{"a":[{{"_meta":{{{times}}}}}]}}"#),
            format!(r#"["_meta":{{{times}}}}}"#),
            format!(r#"{{"_meta":{{{times}}}"#),
            format!(r#"{{"_meta":{{{times}}}}}}}"#),
        ] {
            assert_eq!(read(&other), None, "{other}");
        }
    }

    #[test]
    fn finds_the_user_in_any_form() {
        let user = |data: &str| {
            user_of(data.as_bytes()).map(|it| String::from_utf8_lossy(it).into_owned())
        };
        for (data, expected) in [
            (r#"{"_meta":{"user":"ann"},"a":1}"#, Some(r#""ann""#)),
            (
                r#"{"a":"\"_meta\":{","_meta":{"x":{"user":"no"},"user":"ann"}}"#,
                Some(r#""ann""#),
            ),
            (r#"{"a":{"_meta":{"user":"ann"}}}"#, None),
            (r#"{"_meta":{"x":{"user":"ann"}}}"#, None),
            (r#"{"_meta":{"user":7}}"#, None),
            (r#"{"_meta":"user"}"#, None),
            (r#"{"_meta":[{"user":"ann"}]}"#, None),
            (
                r#"{"_meta":{"created":1,"renewed":2,"seen":3,"user":7}}"#,
                None,
            ),
            (r#"{"_meta":{"user":"ann""#, None),
            (r#"{"_meta":{"user":"ann","user":7}}"#, None),
            (r#"{"_meta":{"user":"ann"},"_meta":{}}"#, None),
            ("", None),
            (r#""_meta":"#, None),
        ] {
            assert_eq!(user(data).as_deref(), expected, "{data}");
        }
    }

    #[test]
    fn finds_meta_in_any_form() {
        let json = |data: &str| {
            json_of(data.as_bytes()).map(|it| String::from_utf8_lossy(it).into_owned())
        };
        let usual = r#"{"created":1,"renewed":2,"seen":3,"user":"x"}"#;
        for (data, expected) in [
            (format!(r#"{{"_meta":{usual}}}"#), Some(usual)),
            (format!(r#"{{"a":1,"_meta":{usual}}}"#), Some(usual)),
            (format!(r#"{{"_meta":{usual},"a":1}}"#), Some(usual)),
            (r#"{"a":{"_meta":1},"_meta":[7]}"#.to_owned(), Some("[7]")),
            (r#"{"a":{"_meta":1}}"#.to_owned(), None),
            (r#"{"_meta":"#.to_owned(), None),
        ] {
            assert_eq!(json(&data).as_deref(), expected, "{data}");
        }
    }

    #[test]
    fn tells_when_a_session_began_and_got_its_id() {
        let whose = |meta: &str| {
            let data = format!(r#"{{"_meta":{{{meta},"user":"x"}},"a":1}}"#);
            let whose =
                Whose::of(data.as_bytes()).map(|it| (it.began(), it.is_renewed(), it.latest()));
            let usual = format!(r#"{{"a":1,"_meta":{{{meta},"user":"x"}}}}"#);
            assert_eq!(
                whose,
                Whose::of(usual.as_bytes()).map(|it| (it.began(), it.is_renewed(), it.latest()))
            );
            whose
        };
        let times = |created: &str, renewed: &str, seen: &str| {
            whose(&format!(
                r#""created":{created},"renewed":{renewed},"seen":{seen}"#
            ))
        };
        assert_eq!(times("1", "2", "3"), Some((1, true, Some(3))));
        assert_eq!(times("2", "2", "1"), Some((2, false, Some(2))));
        assert_eq!(times("1.5", "2e1", "0"), Some((1, true, Some(20))));
        for none in [r#""1""#, "null", "-1", "[]", "nan", "inf", "{}"] {
            assert_eq!(
                times(none, "9", none),
                Some((i64::MAX, false, Some(9))),
                "{none}"
            );
        }
        assert_eq!(times("9", "null", "null"), Some((9, false, Some(9))));
        assert_eq!(whose(r#""x":1"#), Some((i64::MAX, false, None)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, from in 0usize..60, to in 0usize..60) {
            let whole = br#"{"a":1,"_meta":{"created":1,"renewed":2,"seen":3,"user":"x"}}"#;
            let start = &whole[..from.min(whole.len())];
            let end = &whole[to.min(whole.len())..];
            for data in [&bytes[..], &[start, &bytes, end].concat(), &[start, end].concat()] {
                Meta::of(data);
                Whose::of(data);
                json_of(data);
            }
        }
    }
}
