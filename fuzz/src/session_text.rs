//! The text of a session, against `serde_json`; and the store's answers about it.

use express_session_core::cookie_text::{CookieText, CookieTextCache};
use express_session_core::engine::{Asker, Changed, Engine, Found};
use express_session_core::memory_store::MemoryStore;
use express_session_core::session_text::{self, Expiry, Renewal};
use serde_json::Value;

use super::{cut, iso, json, same, same_if_any, shown, sure};

const START: &[u8] = br#"{"cookie":"#;

/// Keys that JavaScript lists before the cookie.
const INDEXES: &[u8] = br#"{"0":"a,","7":{"cookie":{}},"cookie":"#;

/// The cookie that the session gets when the input names none.
const OTHER: &[u8] =
    br#"{"originalMaxAge":60000,"expires":"2026-11-25T12:00:00.000Z","httpOnly":true,"path":"/"}"#;

/// Reads a session's text and, after a line feed, the text of a cookie.
pub fn check(input: &[u8]) {
    let (text, other) = cut(input, b'\n');
    split(text);
    // Each is also read as what the other is.
    let other = other.unwrap_or(OTHER);
    split(&[START, other, b"}"].concat());
    split(&[INDEXES, other, b"}"].concat());
    for cookie in [text, other] {
        reads_a_cookie(cookie);
        shares_a_cookie(cookie);
    }
    if let Some((cookie, _)) = session_text::split(text) {
        reads_a_cookie(cookie);
        shares_a_cookie(cookie);
    }
    stores(text, other);
}

/// Parts are where a JSON reader finds them, and make the same text when joined.
fn split(text: &[u8]) {
    let parts = session_text::split(text);
    if let Some((cookie, data)) = &parts {
        same(&joined(cookie, data), text);
    }
    // What is no JSON at all is JavaScript's to refuse, however it was parted.
    let Some(members) = json::members(text) else {
        return;
    };
    let mut expected = cookie_of(&members);
    // The engine sees no index that a blank separates from its colon. What it takes for a
    // cookie is one then, too, wherever JavaScript lists it.
    if expected.is_none() && json::has_blanks(text) {
        expected = members.iter().position(is_cookie);
    }
    match (parts, expected) {
        (Some((cookie, data)), Some(at)) => {
            same(cookie, &text[members[at].place.clone()]);
            let data = json::members(&data);
            let rest = members.iter().enumerate().filter(|(other, _)| *other != at);
            let pair = |member: &json::Member| (member.key.clone(), member.value.clone());
            assert_eq!(
                data.map(|data| data.iter().map(pair).collect()),
                Some(rest.map(|(_, member)| pair(member)).collect::<Vec<_>>())
            );
        }
        (None, None) => {}
        (None, Some(_)) => assert!(json::has_blanks(text), "not parted: {}", shown(text)),
        (Some(_), None) => unreachable!("there is no cookie in its place: {}", shown(text)),
    }
}

/// The place among a session's members of its cookie, if that is where JavaScript lists it:
/// behind the array indexes, which rise.
fn cookie_of(members: &[json::Member]) -> Option<usize> {
    let index = |member: &json::Member| {
        let index = member.key.parse::<u32>().ok()?;
        let is_it = member.is_plain && index != u32::MAX && member.key == index.to_string();
        is_it.then_some(index)
    };
    let is_risen = |pair: &[json::Member]| match (index(&pair[0]), index(&pair[1])) {
        (Some(one), Some(next)) => one < next,
        _ => true,
    };
    let place = members.iter().take_while(|it| index(it).is_some()).count();
    let cookie = members.get(place)?;
    let is_listed = members[..place].windows(2).all(is_risen) && is_cookie(cookie);
    // An index behind the cookie would be one before it, if it rises from those.
    let behind = members.get(place + 1).and_then(index);
    let last = place.checked_sub(1).and_then(|last| index(&members[last]));
    (is_listed && behind.is_none_or(|behind| last >= Some(behind))).then_some(place)
}

/// Whether a member of a session is its cookie.
fn is_cookie(member: &json::Member) -> bool {
    member.key == "cookie" && member.is_plain && member.value.is_object()
}

fn joined(cookie: &[u8], data: &[u8]) -> Vec<u8> {
    session_text::join(data, cookie.len(), |text| text.extend_from_slice(cookie))
}

/// The engine may leave a cookie to JavaScript, but not if `JSON.stringify` wrote it; and
/// what it says is so.
fn reads_a_cookie(text: &[u8]) {
    let found = session_text::cookie(text);
    let Some(members) = json::members(text) else {
        return;
    };
    // `JSON.stringify` escapes nothing in the keys that matter.
    if !members.iter().all(|member| member.is_plain) {
        return;
    }
    let last = |key: &str| members.iter().rfind(|member| member.key == key);
    let (expiry, date_at) = match last("expires") {
        None => (Expiry::Never, 0),
        Some(expires) => {
            let date_at = expires.place.start + 1;
            let expiry = match &text[expires.place.clone()] {
                b"null" => Expiry::Never,
                [b'"', date @ .., b'"'] => iso::time(date).map_or(Expiry::Unclear, Expiry::At),
                _ => Expiry::Unclear,
            };
            (expiry, date_at)
        }
    };
    let renewal = match (last("originalMaxAge").map(|it| &it.value), expiry) {
        _ if !is_whole(&members) => Renewal::Unclear,
        (Some(Value::Null), Expiry::Never) => Renewal::Same,
        (Some(Value::Number(number)), Expiry::At(_)) => number
            .as_i64()
            .map_or(Renewal::Unclear, |lifetime| Renewal::Date { lifetime }),
        _ => Renewal::Unclear,
    };
    let Some(found) = found else {
        assert!(json::has_blanks(text), "not read: {}", shown(text));
        return;
    };
    if !json::has_blanks(text) || found.expiry != Expiry::Unclear {
        assert_eq!(found.expiry, expiry, "{}", shown(text));
    }
    if let Expiry::At(_) = found.expiry {
        assert_eq!(found.date_at, date_at);
    }
    // Of zeros JSON.stringify writes only the one without a sign.
    let has_minus_zero = last("originalMaxAge").is_some_and(|it| text[it.place.clone()] == *b"-0");
    if (!json::has_blanks(text) || found.renewal != Renewal::Unclear) && !has_minus_zero {
        assert_eq!(found.renewal, renewal, "{}", shown(text));
    }
}

/// Whether nothing is in a cookie but what npm `express-session` 1.19.0 writes, in its
/// order, and nothing is missing.
fn is_whole(members: &[json::Member]) -> bool {
    const ORDER: [&str; 9] = [
        "originalMaxAge",
        "partitioned",
        "priority",
        "expires",
        "secure",
        "httpOnly",
        "domain",
        "path",
        "sameSite",
    ];
    let places: Option<Vec<usize>> = members
        .iter()
        .map(|member| ORDER.iter().position(|key| *key == member.key))
        .collect();
    places.is_some_and(|places| {
        places.is_sorted_by(|one, next| one < next)
            && [0, 3, 5, 7].iter().all(|needed| places.contains(needed))
    })
}

/// A cookie's text is the same text when it was taken apart and put together.
fn shares_a_cookie(text: &[u8]) {
    let mut texts = CookieTextCache::default();
    let made = texts.intern(text);
    let clear = session_text::cookie(text).filter(|it| it.expiry != Expiry::Unclear);
    assert_eq!(made.is_some(), clear.is_some());
    let Some((cookie, expires)) = made else {
        return;
    };
    same(&written(&cookie, expires), text);
    assert_eq!(cookie.has_date(), expires.is_some());
    assert_eq!(cookie.is_shareable, is_shareable(text, expires.is_some()));
    let again = texts
        .intern(text)
        .map(|(again, expires)| (again.id, expires));
    if cookie.is_shareable {
        assert_eq!(again, Some((cookie.id, expires)));
    } else {
        assert_ne!(again.map(|(id, _)| id), Some(cookie.id));
    }
    copies(&cookie, expires, text);
    is_not_mistaken(&mut texts, text);

    // With another date it is the text with that date, and is still known.
    let Some((at, date)) = expires.zip(iso::text(951_782_400_123)) else {
        return;
    };
    let old = iso::text(at).unwrap_or_default();
    let other = written(&cookie, Some(951_782_400_123));
    let place = text
        .windows(old.len())
        .position(|window| window == old.as_bytes());
    assert!(place.is_some(), "the date is in the text");
    assert_eq!(other.len(), text.len());
    let back = texts.intern(&other);
    assert_eq!(
        back.map(|(back, expires)| (back.id == cookie.id, expires)),
        Some((cookie.is_shareable, Some(951_782_400_123)))
    );
    if let Ok(mut value) = serde_json::from_slice::<Value>(text) {
        value["expires"] = date.into();
        assert_eq!(serde_json::from_slice::<Value>(&other).ok(), Some(value));
    }
}

/// Whether sessions may share a cookie: it is ASCII, not longer than 512 bytes without its
/// date, and nothing in it can be changed. Of what is no JSON the engine decides.
fn is_shareable(text: &[u8], has_date: bool) -> bool {
    let length = text.len() - if has_date { 24 } else { 0 };
    let is_flat = match json::members(text) {
        Some(members) => !members
            .iter()
            .any(|it| it.value.is_object() || it.value.is_array()),
        None => session_text::cookie(text).is_some_and(|it| it.is_flat),
    };
    is_flat && length <= 512 && text.is_ascii()
}

/// A cookie that differs in one character before its date, or behind it, is another one.
fn is_not_mistaken(texts: &mut CookieTextCache, text: &[u8]) {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
    let ends = [
        text.iter().position(is_letter),
        text.iter().rposition(is_letter),
    ];
    for at in ends.into_iter().flatten() {
        let mut other = text.to_vec();
        other[at] ^= 0x20;
        if let Some((cookie, expires)) = texts.intern(&other) {
            same(&written(&cookie, expires), &other);
        }
    }
}

fn written(cookie: &CookieText, expires: Option<i64>) -> Vec<u8> {
    let mut text = Vec::new();
    cookie.write(expires, &mut text);
    text
}

/// Into a buffer that is long enough and not longer, and into none that is shorter.
fn copies(cookie: &CookieText, expires: Option<i64>, text: &[u8]) {
    let mut buffer = vec![0; text.len()];
    let copied = cookie.copy(expires, &mut buffer);
    assert_eq!(copied, text.is_ascii().then_some(text.len()));
    if copied.is_some() {
        assert_eq!(buffer, text);
    }
    if let Some(short) = text.len().checked_sub(1) {
        assert_eq!(cookie.copy(expires, &mut buffer[..short]), None);
    }
}

/// The store hands a text back as it came, until it expires, and changes of the cookie or
/// of the data change nothing else.
fn stores(text: &[u8], other: &[u8]) {
    let sid = b"sid";
    let store = MemoryStore::default();
    sure(store.set(sid, text, None, None));
    same_if_any(sure(store.peek(sid)).as_deref(), Some(text));

    let parts = session_text::split(text);
    let read = parts
        .as_ref()
        .and_then(|(cookie, _)| session_text::cookie(cookie))
        .filter(|cookie| cookie.expiry != Expiry::Unclear);
    let mut out = Vec::new();
    let Some(((cookie, data), read)) = parts.zip(read) else {
        for now in [i64::MIN, 0, i64::MAX] {
            let found = sure(store.get(sid, now, Asker::User, &mut out));
            assert_eq!(
                found,
                Found::Unclear {
                    is_classified: false
                }
            );
            same(&out, text);
        }
        assert_eq!(sure(store.unclassified(0, usize::MAX)).0.len(), 1);
        assert_eq!(store.touch(sid, other, 0, None), Ok(Changed::Refused));
        same_if_any(sure(store.peek(sid)).as_deref(), Some(text));
        return;
    };
    let expires = match read.expiry {
        Expiry::At(time) => Some(time),
        _ => None,
    };
    let now = expires.map_or(i64::MAX, |time| time - 1);
    let Found::Live(live) = sure(store.get(sid, now, Asker::User, &mut out)) else {
        unreachable!("expired too soon: {}", shown(text));
    };
    assert_eq!(live.expires, expires);
    same(&out, &data);
    sure(store.get_whole(sid, now, Asker::User, &mut out));
    same(&out, text);

    let id = live.cookie.id;
    let renewed = store.renew(sid, id, None, None, now);
    let date = match read.renewal {
        Renewal::Same => Some(None),
        Renewal::Date { lifetime } => {
            let time = now.checked_add(lifetime);
            time.filter(|&time| iso::text(time).is_some()).map(Some)
        }
        Renewal::Unclear => None,
    };
    let expected = match date {
        None => {
            assert_eq!(renewed, Ok(Changed::Refused));
            text.to_vec()
        }
        Some(time) => {
            assert_eq!(renewed, Ok(Changed::Done));
            let mut cookie = cookie.to_vec();
            if let Some(date) = time.and_then(iso::text) {
                let place = read.date_at..read.date_at + date.len();
                cookie[place].copy_from_slice(date.as_bytes());
            }
            joined(&cookie, &data)
        }
    };
    same_if_any(sure(store.peek(sid)).as_deref(), Some(&expected));

    // A lifetime below zero leaves a session that is over.
    let now = i64::MIN;
    let touched = store.touch(sid, other, now, None);
    let is_clear = session_text::cookie(other).is_some_and(|it| it.expiry != Expiry::Unclear);
    let expected = if is_clear {
        assert_eq!(touched, Ok(Changed::Done));
        joined(other, &data)
    } else {
        assert_eq!(touched, Ok(Changed::Refused));
        expected
    };
    same_if_any(sure(store.peek(sid)).as_deref(), Some(&expected));

    if let Some(time) = expires {
        sure(store.set(sid, text, None, None));
        let found = sure(store.get(sid, time, Asker::User, &mut out));
        assert_eq!(found, Found::Missing);
        assert_eq!(store.peek(sid), Ok(None));
    }
    assert!(sure(store.destroy(sid)) || expires.is_some());
    assert_eq!(sure(store.stats()).bytes, 0);
}
