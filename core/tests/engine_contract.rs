//! The contract of an engine, kept by the memory store, the store on a disk, and the plainest engine
//! there is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "these engines fail only where a test says so"
)]

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use express_session_core::disk_store::{DiskStore, Options};
use express_session_core::engine::{
    Asker, Bounds, CLASSIFICATION_COST, Changed, Commit, Engine, Found, Listed, NewCookie, Reason,
    Stats, Stored, Unmade,
};
use express_session_core::error::Error;
use express_session_core::memory_store::MemoryStore;
use proptest::prelude::*;
use tempfile::TempDir;

mod engines;

use engines::failing::{self, Failing};
use engines::plain::Plain;

/// Makes an empty engine.
type Make = fn(Bounds) -> Box<dyn Engine>;

fn memory_store(bounds: Bounds) -> Box<dyn Engine> {
    Box::new(MemoryStore::new(bounds))
}

fn plain(bounds: Bounds) -> Box<dyn Engine> {
    Box::new(Plain::new(bounds))
}

/// A store in a folder of its own, which is removed when the test has ended.
fn disk_store(bounds: Bounds) -> Box<dyn Engine> {
    thread_local! {
        static FOLDERS: RefCell<Vec<TempDir>> = const { RefCell::new(Vec::new()) };
    }
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        max_of_user: bounds.max_of_user,
        ..disk_options(folder.path())
    };
    let (store, _) = DiskStore::open(options).unwrap();
    FOLDERS.with_borrow_mut(|folders| folders.push(folder));
    Box::new(store)
}

/// Options for a store in a folder, of which each touch counts.
fn disk_options(folder: &Path) -> Options {
    Options {
        path: folder.join("sessions.db"),
        is_synced: false,
        touch_after: 0,
        max_bytes: None,
        is_replaced: false,
        check_period: 0,
        max_of_user: None,
    }
}

/// Tests of an engine, by a function that makes it.
macro_rules! tests {
    ($engine:ident: $($name:ident,)+) => {
        $(#[test] fn $name() { super::$name(super::$engine); })+
    };
}

/// Tests for all engines, and tests for those that keep sessions in memory. These keep the order of
/// insertion, are bounded, remove what has expired when they find it, remember what was destroyed,
/// and hand out what is to be classified.
macro_rules! contract {
    (all [$($all:ident,)+] memory [$($memory:ident,)+]) => {
        mod memory_store { tests!(memory_store: $($all,)+ $($memory,)+); }
        mod plain { tests!(plain: $($all,)+ $($memory,)+); }
        mod disk_store { tests!(disk_store: $($all,)+); }
    };
}

contract!(
    all [
    hands_back_what_it_was_given,
    sids_have_any_length,
    a_session_expires_on_the_millisecond,
    touch_changes_the_cookie_alone,
    what_it_cannot_read_is_left_to_javascript,
    takes_down_what_javascript_says,
    a_pointer_is_no_session,
    lists_each_sid_once,
    clears,
    renewing_moves_the_date_alone,
    renewing_leaves_a_cookie_without_a_lifetime,
    a_session_without_a_date_has_a_deadline,
    writes_a_session_whose_cookie_is_known,
    what_was_destroyed_since_is_not_stored,
    one_that_is_still_there_was_not_destroyed_whoever_was,
    a_session_destroyed_by_another_thread_never_comes_back,
    puts_together_what_comes_in_parts,
    stores_only_what_is_unchanged,
    of_two_that_change_the_same_one_is_stored,
    a_cookie_that_is_not_common_has_no_number,
    prunes_in_slices,
    counts_hits_and_misses,
    finds_the_sessions_of_a_user,
    follows_each_change_of_a_user,
    ends_a_session_only_if_it_is_the_users,
    a_user_has_no_more_than_the_bounds_allow,
    only_a_login_ends_another_session,
    many_logins_of_a_user_leave_as_many_as_allowed,
    many_threads_lose_nothing,
    ] memory [
    removes_what_it_finds_expired,
    an_index_of_users_counts_and_is_freed,
    hands_out_what_is_unclassified,
    hands_out_what_is_to_be_classified_in_slices,
    lists_in_order_of_insertion,
    writes_no_session_with_another_cookie,
    what_was_destroyed_before_is_stored,
    what_was_evicted_or_has_expired_is_stored_again,
    the_least_recently_used_goes,
    bytes_are_bounded,
    looking_is_no_use,
    ]
);

const AT_2000: &str = r#"{"cookie":{"expires":"1970-01-01T00:00:02.000Z"},"a":1}"#;
const FOREVER: &str = r#"{"cookie":{"expires":null},"a":1}"#;
const PLAIN: &str =
    r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"a":1}"#;

fn until(date: &str) -> String {
    format!(
        r#"{{"cookie":{{"originalMaxAge":5000,"expires":"{date}","httpOnly":true,"path":"/"}},"a":1}}"#
    )
}

fn set(store: &dyn Engine, sid: &[u8], text: &str) {
    store.set(sid, text.as_bytes(), None, None).unwrap();
}

fn has(store: &dyn Engine, sid: &[u8]) -> bool {
    store.peek(sid).unwrap().is_some()
}

/// The whole text of a live session.
fn text(store: &dyn Engine, sid: &[u8], now: i64) -> Option<String> {
    let mut text = Vec::new();
    match store.get_whole(sid, now, Asker::User, &mut text) {
        Ok(Found::Live(_)) => Some(String::from_utf8(text).unwrap()),
        _ => None,
    }
}

/// The id of its cookie.
fn cookie(store: &dyn Engine, sid: &[u8]) -> u64 {
    match store.get(sid, i64::MIN, Asker::Viewer, &mut Vec::new()) {
        Ok(Found::Live(live)) => live.cookie.id,
        _ => u64::MAX,
    }
}

fn unclear(store: &dyn Engine, sid: &[u8]) -> Option<String> {
    unclear_at(store, sid, 0)
}

fn unclear_at(store: &dyn Engine, sid: &[u8], now: i64) -> Option<String> {
    let mut text = Vec::new();
    let found = store.get(sid, now, Asker::Viewer, &mut text);
    matches!(found, Ok(Found::Unclear { .. })).then(|| String::from_utf8(text).unwrap())
}

/// Commits all changes.
fn commit(store: &dyn Engine) {
    match store.commit().unwrap() {
        Commit::Waiting => assert_eq!(store.finish(), Ok(Vec::new())),
        Commit::Done(unmade) => assert_eq!(unmade, []),
    }
}

/// Counts the sessions after all changes are committed.
fn len(store: &dyn Engine, now: i64) -> usize {
    commit(store);
    store.len(now).unwrap()
}

fn stats(store: &dyn Engine) -> Stats {
    commit(store);
    store.stats().unwrap()
}

fn sids(store: &dyn Engine) -> Vec<String> {
    commit(store);
    let sids = store.sids().unwrap();
    sids.iter()
        .map(|sid| String::from_utf8_lossy(sid).into_owned())
        .collect()
}

fn unclassified(store: &dyn Engine) -> usize {
    store.unclassified(0, usize::MAX).unwrap().0.len()
}

fn hands_back_what_it_was_given(make: Make) {
    let store = &*make(Bounds::default());
    assert_eq!(text(store, b"a", 0), None);
    set(store, b"a", FOREVER);
    assert_eq!(text(store, b"a", i64::MAX).as_deref(), Some(FOREVER));
    assert!(has(store, b"a"));
    assert_eq!(store.destroy(b"a"), Ok(true));
    assert!(!has(store, b"a"));
    assert_eq!(store.destroy(b"a"), Ok(false));
    assert_eq!(text(store, b"a", 0), None);
}

fn sids_have_any_length(make: Make) {
    let store = &*make(Bounds::default());
    let sids: Vec<Vec<u8>> = (0..80).map(|length| vec![b'a'; length]).collect();
    for sid in &sids {
        assert_eq!(text(store, sid, 0), None);
        set(store, sid, &FOREVER.replace('1', &sid.len().to_string()));
    }
    for sid in &sids {
        let expected = FOREVER.replace('1', &sid.len().to_string());
        assert_eq!(text(store, sid, 0), Some(expected));
        store
            .set_raw(&[sid, &b"x"[..]].concat(), b"raw", None, None)
            .unwrap();
    }
    commit(store);
    let mut listed: Vec<Vec<u8>> = store.sids().unwrap().into_iter().map(Vec::from).collect();
    assert_eq!(listed.len(), 160);
    listed.retain(|sid| !sid.ends_with(b"x"));
    listed.sort_unstable();
    assert_eq!(listed, sids);
    assert!(sids.iter().all(|sid| store.destroy(sid) == Ok(true)));
    assert_eq!(stats(store).sessions, 80);
}

fn a_session_expires_on_the_millisecond(make: Make) {
    let store = &*make(Bounds::default());
    set(store, b"a", AT_2000);
    assert_eq!(text(store, b"a", 1999).as_deref(), Some(AT_2000));
    assert_eq!(text(store, b"a", 2000), None);
    commit(store);
    assert_eq!(store.prune(2000, usize::MAX), Ok(true));
    assert_eq!(store.peek(b"a"), Ok(None));
    assert_eq!(store.stats().unwrap().expired, 1);
}

fn removes_what_it_finds_expired(make: Make) {
    let store = &*make(Bounds::default());
    set(store, b"a", AT_2000);
    assert_eq!(text(store, b"a", 2000), None);
    assert_eq!(store.peek(b"a"), Ok(None));
    assert_eq!(store.stats().unwrap().expired, 1);
    store.set_raw(b"b", b"text", None, None).unwrap();
    store.classify(b"b", b"text", true, Some(5), 5).unwrap();
    assert!(!has(store, b"b"), "it is over");
    assert_eq!(store.stats().unwrap().expired, 2);
}

fn touch_changes_the_cookie_alone(make: Make) {
    let store = &*make(Bounds::default());
    set(store, b"a", AT_2000);
    let cookie = br#"{"expires":"1970-01-01T00:00:05.000Z"}"#;
    assert_eq!(store.touch(b"a", cookie, 1999, None), Ok(Changed::Done));
    let expected = r#"{"cookie":{"expires":"1970-01-01T00:00:05.000Z"},"a":1}"#;
    assert_eq!(text(store, b"a", 4999).as_deref(), Some(expected));
    assert_eq!(store.touch(b"a", cookie, 5000, None), Ok(Changed::Missing));
    assert_eq!(store.touch(b"b", cookie, 0, None), Ok(Changed::Missing));
}

fn what_it_cannot_read_is_left_to_javascript(make: Make) {
    let store = &*make(Bounds::default());
    store.set_raw(b"a", b"not json", None, None).unwrap();
    set(store, b"b", r#"{"a":1}"#);
    let odd = r#"{"cookie":{"expires":"tomorrow"}}"#;
    set(store, b"c", odd);
    for (sid, expected) in [(b"a", "not json"), (b"b", r#"{"a":1}"#), (b"c", odd)] {
        assert_eq!(unclear(store, sid).as_deref(), Some(expected));
        assert_eq!(store.touch(sid, b"{}", 0, None), Ok(Changed::Refused));
        assert_eq!(store.renew(sid, 0, None, None, 0), Ok(Changed::Refused));
        assert_eq!(
            store.write(sid, 0, None, None, None, b"{}"),
            Ok(Changed::Refused)
        );
    }
    assert_eq!(len(store, i64::MAX), 3);
}

fn a_pointer_is_no_session(make: Make) {
    let store = &*make(Bounds::default());
    let pointer = r#"{"cookie":{},"_meta":{"next":"r1:x"}}"#;
    for sid in [b"a", b"b", b"c"] {
        set(store, sid, r#"{"cookie":{},"_meta":{"created":1}}"#);
    }
    assert_eq!(len(store, 0), 3);
    assert!(put_if(store, b"a", "{}", r#"{"_meta":{"next":"r1:x"}}"#, 0));
    set(store, b"b", pointer);
    assert_eq!(len(store, 0), 1, "c is a session");
    assert_eq!(
        text(store, b"b", 0).as_deref(),
        Some(pointer),
        "it is found"
    );
    for base in ["{}", r#"{"_meta":{"next":"r1:x"}}"#] {
        assert!(!put_if(store, b"a", base, "{}", 0), "{base}");
    }
    set(store, b"b", PLAIN);
    assert_eq!(len(store, 0), 2, "b is a session again");
    assert_eq!(store.destroy(b"a"), Ok(true));
    assert_eq!(len(store, 0), 2);
}

fn hands_out_what_is_unclassified(make: Make) {
    let store = &*make(Bounds::default());
    for sid in [b"a", b"b", b"c", b"d"] {
        store.set_raw(sid, b"text", None, None).unwrap();
    }
    store.classify(b"a", b"text", true, None, 0).unwrap();
    store.classify(b"b", b"text", false, None, 0).unwrap();
    set(store, b"c", PLAIN);
    assert_eq!(
        store.unclassified(0, usize::MAX).unwrap().0,
        [b"d".as_slice().into()]
    );
    store.set_raw(b"a", b"text", None, None).unwrap();
    assert_eq!(unclassified(store), 2, "it may be another one");
    store.clear().unwrap();
    assert_eq!(unclassified(store), 0);
}

fn takes_down_what_javascript_says(make: Make) {
    let store = &*make(Bounds::default());
    let raw = |sid: &[u8], text: &[u8]| {
        assert_eq!(store.set_raw(sid, text, None, None), Ok(Stored::Done(None)));
    };
    for sid in [b"a", b"b", b"c", b"d"] {
        raw(sid, b"text");
    }
    store.classify(b"a", b"text", true, None, 0).unwrap();
    store.classify(b"b", b"text", true, Some(2000), 0).unwrap();
    store.classify(b"c", b"text", false, None, 0).unwrap();
    store.classify(b"none", b"text", true, None, 0).unwrap();
    assert_eq!(len(store, 1999), 3, "c is no session");
    assert_eq!(len(store, 2000), 2, "b has expired");
    assert_eq!(unclear(store, b"a").as_deref(), Some("text"));
    let mut text = Vec::new();
    let classified = |found: Result<Found, Error>| match found {
        Ok(Found::Unclear { is_classified }) => Some(is_classified),
        _ => None,
    };
    assert_eq!(
        classified(store.get(b"a", 0, Asker::User, &mut text)),
        Some(true)
    );
    assert_eq!(
        classified(store.get(b"d", 0, Asker::User, &mut text)),
        Some(false)
    );

    // A classification of a text that is not the session's any more changes nothing.
    raw(b"d", b"other");
    store.classify(b"d", b"text", true, Some(0), 5).unwrap();
    assert!(has(store, b"d"));
    store.classify(b"d", b"other", true, Some(5), 5).unwrap();
    commit(store);
    assert_eq!(unclear_at(store, b"d", 5), None, "it is over");
    set(store, b"c", PLAIN);
    store
        .classify(b"c", PLAIN.as_bytes(), false, Some(0), 5)
        .unwrap();
    store.destroy(b"b").unwrap();
    assert_eq!(len(store, 5), 2, "c has a cookie now");
}

fn hands_out_what_is_to_be_classified_in_slices(make: Make) {
    let store = &*make(Bounds::default());
    for at in 0..300u32 {
        let sid = at.to_be_bytes();
        match at % 3 {
            0 => drop(store.set_raw(&sid, b"text", None, None).unwrap()),
            _ => set(store, &sid, PLAIN),
        }
    }
    store
        .set_raw(b"long", &[b'x'; 50 * CLASSIFICATION_COST], None, None)
        .unwrap();
    let (mut from, mut sids, mut slices) = (0, Vec::new(), 0);
    loop {
        let (some, next) = store
            .unclassified(from, 5 * (CLASSIFICATION_COST + 4))
            .unwrap();
        assert!(some.len() <= 6, "{}", some.len());
        sids.extend(some);
        slices += 1;
        let Some(next) = next else {
            break;
        };
        from = next;
    }
    assert!(slices >= 101 / 6, "{slices}");
    assert_eq!(sids.len(), 101);
    sids.sort_unstable();
    sids.dedup();
    assert_eq!(sids.len(), 101, "each once");
    for odd in [u64::MAX, 1 << 63, 15 << 32 | 5_000_000] {
        assert_eq!(store.unclassified(odd, 1), Ok((Vec::new(), None)));
    }
}

fn lists_in_order_of_insertion(make: Make) {
    let store = &*make(Bounds::default());
    for sid in [b"c", b"a", b"b"] {
        set(store, sid, FOREVER);
    }
    set(store, b"a", AT_2000);
    assert_eq!(sids(store), ["c", "a", "b"]);
    store.destroy(b"c").unwrap();
    set(store, b"c", FOREVER);
    assert_eq!(sids(store), ["a", "b", "c"]);
}

fn lists_each_sid_once(make: Make) {
    let store = &*make(Bounds::default());
    for sid in [b"c", b"a", b"b"] {
        set(store, sid, FOREVER);
    }
    set(store, b"a", AT_2000);
    store.destroy(b"c").unwrap();
    set(store, b"c", FOREVER);
    let mut listed = sids(store);
    listed.sort_unstable();
    assert_eq!(listed, ["a", "b", "c"]);
    let (mut parts, mut last) = (Vec::new(), None);
    for expected in [2, 1, 0] {
        let part = store.sids_after(last.as_deref(), 2).unwrap();
        assert_eq!(part.len(), expected);
        last = part.last().cloned().or(last);
        parts.extend(part);
    }
    parts.sort_unstable();
    assert_eq!(parts.concat(), b"abc");
    assert_eq!(len(store, 1999), 3);
    assert_eq!(len(store, 2000), 2);
}

fn clears(make: Make) {
    let store = &*make(Bounds::default());
    let empty = store.stats().unwrap().bytes;
    for sid in [b"a", b"b"] {
        set(store, sid, FOREVER);
    }
    commit(store);
    store.clear().unwrap();
    assert!(!has(store, b"a"));
    set(store, b"c", FOREVER);
    assert_eq!(sids(store), ["c"]);
    store.clear().unwrap();
    assert_eq!(len(store, 0), 0);
    assert!(sids(store).is_empty());
    assert_eq!(store.stats().unwrap().bytes, empty);
}

fn renewing_moves_the_date_alone(make: Make) {
    let store = &*make(Bounds::default());
    set(store, b"a", &until("1970-01-01T00:00:05.000Z"));
    let id = cookie(store, b"a");
    assert_eq!(store.renew(b"a", id, None, None, 4999), Ok(Changed::Done));
    let renewed = until("1970-01-01T00:00:09.999Z");
    assert_eq!(
        store.peek(b"a").unwrap().as_deref(),
        Some(renewed.as_bytes())
    );
    assert_eq!(
        store.renew(b"a", id, Some(12_000), None, 9998),
        Ok(Changed::Done)
    );
    assert!(text(store, b"a", 11_999).is_some());
    assert_eq!(text(store, b"a", 12_000), None);

    set(store, b"a", &until("9999-12-31T23:59:59.999Z"));
    let far = 253_402_300_799_000;
    assert_eq!(
        store.renew(b"a", id, None, None, far),
        Ok(Changed::Refused),
        "year 10000"
    );
    assert_eq!(
        store.renew(b"a", id, None, None, far + 999),
        Ok(Changed::Missing)
    );
}

fn renewing_leaves_a_cookie_without_a_lifetime(make: Make) {
    let store = &*make(Bounds::default());
    set(store, b"a", PLAIN);
    let id = cookie(store, b"a");
    let renewed = store.renew(b"a", id, None, None, 0);
    assert!(matches!(renewed, Ok(Changed::Done | Changed::Kept)));
    assert_eq!(store.peek(b"a").unwrap().as_deref(), Some(PLAIN.as_bytes()));

    set(store, b"b", FOREVER);
    let other = cookie(store, b"b");
    assert_eq!(
        store.renew(b"a", other, None, None, 0),
        Ok(Changed::Refused)
    );
    assert_eq!(
        store.renew(b"b", other, None, None, 0),
        Ok(Changed::Refused)
    );
}

fn a_session_without_a_date_has_a_deadline(make: Make) {
    let store = &*make(Bounds::default());
    store.set(b"a", PLAIN.as_bytes(), Some(1000), None).unwrap();
    let id = cookie(store, b"a");
    assert_eq!(
        text(store, b"a", 999).as_deref(),
        Some(PLAIN),
        "it does not show"
    );
    assert_eq!(
        store.renew(b"a", id, None, Some(2000), 999),
        Ok(Changed::Done)
    );
    assert_eq!(text(store, b"a", 1999).as_deref(), Some(PLAIN));
    assert_eq!(
        store.write(b"a", id, None, Some(3000), None, br#"{"a":1}"#),
        Ok(Changed::Done)
    );
    assert_eq!(text(store, b"a", 2999).as_deref(), Some(PLAIN));
    assert_eq!(
        store.write(b"b", id, None, Some(3000), None, br#"{"a":1}"#),
        Ok(Changed::Done)
    );
    assert_eq!(len(store, 2999), 2);
    assert_eq!(len(store, 3000), 0);

    store.clear().unwrap();
    let dated = until("1970-01-01T00:00:05.000Z");
    store.set(b"a", dated.as_bytes(), Some(1000), None).unwrap();
    assert_eq!(text(store, b"a", 4999), Some(dated), "the date goes first");
    store.set_raw(b"c", b"text", Some(1000), None).unwrap();
    assert_eq!(len(store, 999), 2);
    assert_eq!(len(store, 1000), 1);
}

fn writes_a_session_whose_cookie_is_known(make: Make) {
    let store = &*make(Bounds::default());
    let data = br#"{"b":2}"#;
    let write = |sid: &[u8], cookie, date| store.write(sid, cookie, date, None, None, data);
    assert_eq!(write(b"a", 0, None), Ok(Changed::Refused), "not known");
    assert!(!has(store, b"a"));

    set(store, b"a", PLAIN);
    let id = cookie(store, b"a");
    assert_eq!(write(b"a", id, None), Ok(Changed::Done));
    let expected = PLAIN.replace(r#""a":1"#, r#""b":2"#);
    assert_eq!(text(store, b"a", 0).as_ref(), Some(&expected));
    assert_eq!(write(b"b", id, None), Ok(Changed::Done), "a new one");
    assert_eq!(text(store, b"b", 0), Some(expected));
    assert_eq!(write(b"a", id + 1, None), Ok(Changed::Refused));
    assert_eq!(write(b"a", id, Some(5)), Ok(Changed::Refused), "no date");
    assert_eq!(write(b"c", id, Some(5)), Ok(Changed::Refused), "no date");

    set(store, b"a", &until("1970-01-01T00:00:05.000Z"));
    let id = cookie(store, b"a");
    assert_eq!(write(b"a", id, None), Ok(Changed::Refused), "a date");
    assert_eq!(write(b"a", id, Some(i64::MAX)), Ok(Changed::Refused));
    assert_eq!(write(b"a", id, Some(7000)), Ok(Changed::Done));
    let expected = until("1970-01-01T00:00:07.000Z").replace(r#""a":1"#, r#""b":2"#);
    assert_eq!(text(store, b"a", 6999), Some(expected));

    let odd = store.put(b"y", br#"{"expires":null}"#, data, None, None);
    let Ok(Stored::Done(Some(odd))) = odd else {
        unreachable!("{odd:?}");
    };
    assert_eq!(
        write(b"c", odd, None),
        Ok(Changed::Refused),
        "no lifetime known"
    );
}

fn writes_no_session_with_another_cookie(make: Make) {
    let store = &*make(Bounds::default());
    set(store, b"a", PLAIN);
    let id = cookie(store, b"a");
    set(store, b"a", &until("1970-01-01T00:00:05.000Z"));
    let written = store.write(b"a", id, None, None, None, b"{}");
    assert_eq!(written, Ok(Changed::Refused));
}

fn what_was_destroyed_since_is_not_stored(make: Make) {
    let cookie_text = br#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#;
    let (plain, data) = (PLAIN.as_bytes(), br#"{"a":1}"#);
    let ways: [fn(&dyn Engine); 3] = [
        |store| {
            store.destroy(b"a").unwrap();
        },
        |store| {
            store.destroy(b"a").unwrap();
            set(store, b"a", PLAIN);
        },
        |store| store.clear().unwrap(),
    ];
    for destroy in ways {
        let store = &*make(Bounds::default());
        set(store, b"a", PLAIN);
        let id = cookie(store, b"a");
        let moment = store.moment().unwrap();
        let before = Some(moment);
        destroy(store);
        let stored = store.peek(b"a").unwrap();
        assert_eq!(store.set(b"a", plain, None, before), Ok(Stored::Destroyed));
        assert_eq!(
            store.set_raw(b"a", b"x", None, before),
            Ok(Stored::Destroyed)
        );
        let put = store.put(b"a", cookie_text, data, None, before);
        assert_eq!(put, Ok(Stored::Destroyed));
        let write = |since| store.write(b"a", id, None, None, since, data);
        assert_eq!(write(before), Ok(Changed::Destroyed));
        assert_eq!(store.was_destroyed(b"a", moment), Ok(true));
        assert_eq!(store.peek(b"a"), Ok(stored), "nothing has come of it");

        assert_eq!(write(None), Ok(Changed::Done), "who names no moment stores");
        let after = store.moment().unwrap();
        assert_eq!(store.was_destroyed(b"a", after), Ok(false));
        assert_eq!(write(Some(after)), Ok(Changed::Done));
        assert_eq!(
            store.set(b"a", plain, None, Some(after)),
            Ok(Stored::Done(Some(id)))
        );
    }
}

fn what_was_destroyed_before_is_stored(make: Make) {
    let store = &*make(Bounds::default());
    set(store, b"a", PLAIN);
    let id = cookie(store, b"a");
    store.destroy(b"a").unwrap();
    let after = store.moment().unwrap();
    assert_eq!(store.was_destroyed(b"a", after), Ok(false));
    let written = store.write(b"a", id, None, None, Some(after), b"{}");
    assert_eq!(written, Ok(Changed::Done));
}

fn what_was_evicted_or_has_expired_is_stored_again(make: Make) {
    let store = &*make(Bounds {
        max: Some(1),
        max_bytes: None,
        ..Bounds::default()
    });
    set(store, b"a", AT_2000);
    let since = Some(store.moment().unwrap());
    store.destroy(b"another").unwrap();
    set(store, b"b", PLAIN);
    assert!(!has(store, b"a"));
    assert_eq!(
        store.set(b"a", AT_2000.as_bytes(), None, since),
        Ok(Stored::Done(Some(0)))
    );
    assert_eq!(text(store, b"a", 2000), None, "expired");
    assert_eq!(
        store.set(b"a", AT_2000.as_bytes(), None, since),
        Ok(Stored::Done(Some(0)))
    );
    set(store, b"b", PLAIN);
    store.destroy(b"a").unwrap();
    assert_eq!(
        store.set(b"a", AT_2000.as_bytes(), None, since),
        Ok(Stored::Destroyed),
        "destroyed when it was evicted already"
    );
}

fn one_that_is_still_there_was_not_destroyed_whoever_was(make: Make) {
    let store = &*make(Bounds::default());
    set(store, b"kept", PLAIN);
    let since = store.moment().unwrap();
    for at in 0..10_000u32 {
        store.destroy(&at.to_be_bytes()).unwrap();
    }
    assert_eq!(store.was_destroyed(b"kept", since), Ok(false));
}

fn a_session_destroyed_by_another_thread_never_comes_back(make: Make) {
    let store = &*make(Bounds::default());
    for round in 0..200 {
        set(store, b"a", PLAIN);
        let since = store.moment().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| store.destroy(b"a").unwrap());
            match round % 2 {
                0 => drop(
                    store
                        .set(b"a", FOREVER.as_bytes(), None, Some(since))
                        .unwrap(),
                ),
                _ => drop(
                    store
                        .write(b"a", 0, None, None, Some(since), b"{}")
                        .unwrap(),
                ),
            }
        });
        assert!(!has(store, b"a"), "round {round}");
    }
}

/// Whether a session was stored because its data were `base`.
fn put_if(store: &dyn Engine, sid: &[u8], base: &str, data: &str, now: i64) -> bool {
    let cookie = br#"{"expires":null}"#;
    let (base, data) = (base.as_bytes(), data.as_bytes());
    let changed = store.put_if_unchanged(sid, base, NewCookie::Json(cookie), data, now, None);
    let unmade = match store.commit().unwrap() {
        Commit::Done(unmade) => unmade,
        Commit::Waiting => store.finish().unwrap(),
    };
    assert!(
        unmade
            .iter()
            .all(|it| it.sid.as_deref() == Some(sid) && it.error.is_none())
    );
    changed.unwrap() == Changed::Done && unmade.is_empty()
}

fn stores_only_what_is_unchanged(make: Make) {
    let store = &*make(Bounds::default());
    assert!(!put_if(store, b"a", "{}", r#"{"a":2}"#, 0), "no session");
    assert!(!has(store, b"a"));
    set(store, b"a", FOREVER);
    assert!(
        !put_if(store, b"a", r#"{"a":2}"#, r#"{"a":3}"#, 0),
        "other data"
    );
    assert_eq!(text(store, b"a", 0).as_deref(), Some(FOREVER));
    assert!(put_if(
        store,
        b"a",
        r#"{"a":1,"_meta":{"b":1}}"#,
        r#"{"_meta":2,"a":2}"#,
        0
    ));
    let expected = r#"{"cookie":{"expires":null},"_meta":2,"a":2}"#;
    assert_eq!(text(store, b"a", 0).as_deref(), Some(expected));
    assert!(put_if(
        store,
        b"a",
        r#"{"cookie":{"path":1},"a":2}"#,
        "{}",
        0
    ));

    set(store, b"b", AT_2000);
    assert!(!put_if(store, b"b", r#"{"a":1}"#, "{}", 2000), "expired");
    set(store, b"b", AT_2000);
    assert!(put_if(store, b"b", r#"{"a":1}"#, "{}", 1999));
    assert!(
        text(store, b"b", i64::MAX).is_some(),
        "it has the new expiry"
    );

    store
        .set_raw(b"c", br#"{"a":1,"cookie":{}}"#, None, None)
        .unwrap();
    assert!(!put_if(store, b"c", "{}", "{}", 0));
    assert!(
        put_if(store, b"c", r#"{"a":1}"#, "{}", 0),
        "a text that nobody reads"
    );
    let raw = store.put_if_unchanged(b"c", b"{}", NewCookie::InText, b"raw", 0, None);
    assert_eq!(raw, Ok(Changed::Done));
    assert_eq!(store.commit(), Ok(Commit::Done(Vec::new())));
    assert_eq!(unclear(store, b"c").as_deref(), Some("raw"));
    assert!(put_if(store, b"c", "raw", "{}", 0));

    store.destroy(b"c").unwrap();
    assert!(!put_if(store, b"c", "{}", "{}", 0), "destroyed");

    let with_known = |id, date, base: &[u8]| {
        let cookie = NewCookie::Known(id, date);
        let changed = store.put_if_unchanged(b"d", base, cookie, br#"{"a":2}"#, 0, Some(3000));
        let committed = store.commit().unwrap();
        changed.unwrap() == Changed::Done && committed == Commit::Done(Vec::new())
    };
    let first = br#"{"a":1}"#;
    assert!(!with_known(0, None, first), "no session");
    set(store, b"d", &until("1970-01-01T00:00:02.000Z"));
    let id = cookie(store, b"d");
    assert!(!with_known(id, Some(5000), b"{}"), "other data");
    assert!(!with_known(id + 1, Some(5000), first), "no such cookie");
    assert!(!with_known(id, None, first), "it needs a date");
    let unchanged = until("1970-01-01T00:00:02.000Z");
    assert_eq!(text(store, b"d", 0), Some(unchanged));
    assert!(with_known(id, Some(5000), first));
    let expected = until("1970-01-01T00:00:05.000Z").replace(r#""a":1"#, r#""a":2"#);
    assert_eq!(text(store, b"d", 4999).as_deref(), Some(expected.as_str()));
    assert_eq!(
        text(store, b"d", 5000),
        None,
        "the date counts, and not the deadline"
    );
}

/// Several requests of one turn: an engine that commits later shows the first change to the next.
fn of_two_that_change_the_same_one_is_stored(make: Make) {
    let store = &*make(Bounds::default());
    set(store, b"a", FOREVER);
    let put = |data: &str| {
        let cookie = NewCookie::Json(br#"{"expires":null}"#);
        store.put_if_unchanged(b"a", br#"{"a":1}"#, cookie, data.as_bytes(), 0, None)
    };
    let changed = [put(r#"{"a":2}"#), put(r#"{"a":3}"#)];
    let unmade = match store.commit().unwrap() {
        Commit::Done(unmade) => unmade.len(),
        Commit::Waiting => store.finish().unwrap().len(),
    };
    let refused = changed
        .iter()
        .filter(|it| **it == Ok(Changed::Refused))
        .count();
    assert_eq!(refused + unmade, 1);
    assert_eq!(
        text(store, b"a", 0).as_deref(),
        Some(r#"{"cookie":{"expires":null},"a":2}"#)
    );
}

fn puts_together_what_comes_in_parts(make: Make) {
    let store = &*make(Bounds::default());
    let put = |cookie: &str, data: &[u8]| {
        store
            .put(b"a", cookie.as_bytes(), data, None, None)
            .unwrap()
    };
    let stored = put(r#"{"expires":null}"#, br#"{"a":1}"#);
    assert_eq!(stored, Stored::Done(Some(cookie(store, b"a"))));
    assert_eq!(text(store, b"a", 0).as_deref(), Some(FOREVER));
    put(r#"{"expires":null}"#, br#"{"1":2,"10":3,"a":1}"#);
    let indexed = r#"{"1":2,"10":3,"cookie":{"expires":null},"a":1}"#;
    assert_eq!(text(store, b"a", 0).as_deref(), Some(indexed));
    set(store, b"a", indexed);
    assert_eq!(unclassified(store), 0);
    assert_eq!(text(store, b"a", 0).as_deref(), Some(indexed));
    let stored = put(r#"{"expires":"soon"}"#, br#"{"1":2,"a":1}"#);
    assert_eq!(stored, Stored::Done(None));
    let odd = r#"{"1":2,"cookie":{"expires":"soon"},"a":1}"#;
    assert_eq!(unclear(store, b"a").as_deref(), Some(odd));
}

fn a_cookie_that_is_not_common_has_no_number(make: Make) {
    let store = &*make(Bounds::default());
    let cookie = br#"{"expires":null,"prefs":[]}"#;
    let stored = store.put(b"a", cookie, br#"{"a":1}"#, None, None);
    assert_eq!(stored, Ok(Stored::Done(None)));
    let expected = r#"{"cookie":{"expires":null,"prefs":[]},"a":1}"#;
    assert_eq!(text(store, b"a", 0).as_deref(), Some(expected));
    let found = store.get(b"a", 0, Asker::Middleware, &mut Vec::new());
    assert!(matches!(found, Ok(Found::Unclear { .. })));
    assert_eq!(
        store.stats().unwrap().hits,
        1,
        "the session reader asks again by another way"
    );
}

fn the_least_recently_used_goes(make: Make) {
    let store = &*make(Bounds {
        max: Some(3),
        max_bytes: None,
        ..Bounds::default()
    });
    assert_eq!(store.take_removed(), Ok(Vec::new()), "kept from now on");
    for sid in [b"a", b"b", b"c"] {
        set(store, sid, PLAIN);
    }
    assert!(text(store, b"a", 0).is_some());
    let id = cookie(store, b"a");
    set(store, b"d", PLAIN);
    assert_eq!(sids(store), ["a", "c", "d"], "a was used after b");
    assert_eq!(store.renew(b"c", id, None, None, 0), Ok(Changed::Done));
    set(store, b"e", PLAIN);
    assert_eq!(sids(store), ["c", "d", "e"]);
    set(store, b"c", PLAIN);
    store.destroy(b"d").unwrap();
    set(store, b"f", PLAIN);
    assert_eq!(sids(store), ["c", "e", "f"], "there was room");
    assert_eq!(store.stats().unwrap().evicted, 2);
    let removed = store.take_removed().unwrap();
    let gone: Vec<_> = removed.iter().map(|it| (&*it.sid, it.reason)).collect();
    assert_eq!(
        gone,
        [
            (&b"b"[..], Reason::Evicted),
            (b"a", Reason::Evicted),
            (b"d", Reason::Destroyed)
        ]
    );
    assert!(removed.iter().all(|it| it.text == PLAIN.as_bytes()));
    assert_eq!(store.take_removed(), Ok(Vec::new()));
}

fn bytes_are_bounded(make: Make) {
    let (one, three) = {
        let store = &*make(Bounds::default());
        set(store, b"a", PLAIN);
        let first = store.stats().unwrap().bytes;
        set(store, b"b", PLAIN);
        let one = store.stats().unwrap().bytes - first;
        (one, first + 2 * one)
    };
    let store = &*make(Bounds {
        max: None,
        max_bytes: Some(three),
        ..Bounds::default()
    });
    for sid in [b"a", b"b", b"c", b"d"] {
        set(store, sid, PLAIN);
    }
    assert_eq!(sids(store), ["b", "c", "d"]);
    assert_eq!(store.stats().unwrap().bytes, three);
    let long = PLAIN.replace("1}", &format!("{}}}", "1".repeat(one)));
    set(store, b"b", &long);
    assert_eq!(
        sids(store),
        ["b", "d"],
        "a session that grew drives others out"
    );
    let too_long = PLAIN.replace("1}", &format!("{}}}", "1".repeat(three)));
    set(store, b"e", &too_long);
    set(store, b"d", &too_long);
    assert_eq!(
        sids(store),
        ["b"],
        "one that never fits drives out nobody else"
    );
    assert!(store.stats().unwrap().bytes <= three);
}

fn prunes_in_slices(make: Make) {
    let store = &*make(Bounds::default());
    assert_eq!(store.take_removed(), Ok(Vec::new()), "kept from now on");
    for at in 0..100u32 {
        let date = format!("1970-01-01T00:00:{:02}.500Z", at % 10);
        set(store, &at.to_be_bytes(), &until(&date));
    }
    let id = cookie(store, &0u32.to_be_bytes());
    // The sessions of the first second are used, and expire later.
    for at in (0..100u32).step_by(10) {
        assert_eq!(
            store.renew(&at.to_be_bytes(), id, Some(60_000), None, 0),
            Ok(Changed::Done)
        );
    }
    commit(store);
    let mut slices = 1;
    while !store.prune(5_499, 7).unwrap() {
        slices += 1;
    }
    assert!(slices >= 40 / 7, "{slices}");
    assert_eq!(store.stats().unwrap().expired, 40, "seconds 1 to 4");
    assert_eq!(len(store, 5_499), 60);
    assert_eq!(store.prune(5_500, 100), Ok(true));
    assert_eq!(
        store.stats().unwrap().expired,
        50,
        "the second that is not over"
    );
    assert!(
        store
            .take_removed()
            .unwrap()
            .iter()
            .all(|it| it.reason == Reason::Expired)
    );
    assert_eq!(len(store, 59_999), 10);
    assert_eq!(len(store, 60_000), 0);
}

fn counts_hits_and_misses(make: Make) {
    let store = &*make(Bounds::default());
    set(store, b"a", AT_2000);
    let get = |sid, now, asker| store.get(sid, now, asker, &mut Vec::new()).unwrap();
    get(b"a", 0, Asker::User);
    get(b"b", 0, Asker::User);
    get(b"a", 1999, Asker::Middleware);
    for sid in [b"a", b"b"] {
        get(sid, 1999, Asker::Viewer);
    }
    get(b"a", 2000, Asker::Middleware);
    commit(store);
    store.prune(2000, usize::MAX).unwrap();
    let Stats {
        hits,
        misses,
        expired,
        ..
    } = store.stats().unwrap();
    assert_eq!((hits, misses, expired), (2, 2, 1));
}

fn looking_is_no_use(make: Make) {
    let store = &*make(Bounds {
        max: Some(2),
        max_bytes: None,
        ..Bounds::default()
    });
    set(store, b"a", PLAIN);
    set(store, b"b", "text");
    for sid in [b"a", b"b"] {
        store.get(sid, 0, Asker::Viewer, &mut Vec::new()).unwrap();
    }
    store
        .get(b"b", 0, Asker::Middleware, &mut Vec::new())
        .unwrap();
    store.peek(b"a").unwrap();
    set(store, b"c", PLAIN);
    assert_eq!(sids(store), ["b", "c"]);
    let Stats { hits, misses, .. } = store.stats().unwrap();
    assert_eq!((hits, misses), (0, 0));
}

fn many_threads_lose_nothing(make: Make) {
    let store = &*make(Bounds::default());
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            scope.spawn(move || {
                for at in 0..2000u32 {
                    let sid = [thread.to_be_bytes(), at.to_be_bytes()].concat();
                    set(store, &sid, PLAIN);
                    set(store, b"common", PLAIN);
                    assert!(has(store, &sid));
                    if at % 2 == 0 {
                        assert_eq!(store.destroy(&sid), Ok(true));
                    }
                }
            });
        }
    });
    assert_eq!(len(store, 0), 4 * 1000 + 1);
}

/// Bounds of an engine that indexes users.
fn of_user(most: usize) -> Bounds {
    Bounds {
        max_of_user: Some(most),
        ..Bounds::default()
    }
}

/// The text of a session that began at a time, with a cookie of five seconds that ends at 1970-01-01
/// and `second`.
fn session_of(user: &str, began: i64, renewed: i64, second: i64) -> String {
    let cookie = cookie_of(9, second * 1000);
    format!(
        r#"{{"cookie":{cookie},"n":1,"_meta":{{"created":{began},"renewed":{renewed},"seen":{renewed},"user":"{user}"}}}}"#
    )
}

fn login(store: &dyn Engine, sid: &[u8], user: &str, began: i64) {
    set(store, sid, &session_of(user, began, began, 50));
}

/// The sids of a user's sessions, committed, in their order.
fn of(store: &dyn Engine, user: &str, now: i64) -> Vec<String> {
    commit(store);
    let listed = store.sessions_of(format!("\"{user}\"").as_bytes(), now);
    let sids = listed.unwrap().into_iter().map(|it| it.sid.into_vec());
    let mut sids: Vec<_> = sids.map(|sid| String::from_utf8(sid).unwrap()).collect();
    sids.sort_unstable();
    sids
}

fn end(store: &dyn Engine, user: &str, sid: &[u8], now: i64) -> bool {
    let ended = store.end(format!("\"{user}\"").as_bytes(), sid, now);
    let unmade = match store.commit().unwrap() {
        Commit::Done(unmade) => unmade,
        Commit::Waiting => store.finish().unwrap(),
    };
    let is_it = |it: &Unmade| it.error.is_none() && it.moment == store.last_change().unwrap();
    assert!(unmade.iter().all(is_it));
    ended.unwrap() && unmade.is_empty()
}

fn finds_the_sessions_of_a_user(make: Make) {
    let store = &*make(of_user(usize::MAX));
    assert_eq!(of(store, "ann", 0), [""; 0]);
    login(store, b"a", "ann", 7);
    login(store, b"b", "bob", 8);
    login(store, b"c", "ann", 9);
    set(store, b"d", PLAIN);
    set(store, b"p", r#"{"cookie":{},"_meta":{"next":"r1:x"}}"#);
    let odd = r#"{"_meta":{"user":"ann","created":3},"cookie":{"expires":"tomorrow"}}"#;
    store.set_raw(b"e", odd.as_bytes(), None, None).unwrap();
    let until = r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"_meta":{"user":"ann"}}"#;
    store.set(b"f", until.as_bytes(), Some(4000), None).unwrap();
    assert_eq!(of(store, "ann", 3999), ["a", "c", "e", "f"]);
    assert_eq!(of(store, "ann", 4000), ["a", "c", "e"]);
    assert_eq!(of(store, "bob", 0), ["b"]);
    assert_eq!(of(store, "an", 0), [""; 0]);
    let mut listed = store.sessions_of(b"\"ann\"", 0).unwrap();
    listed.sort_unstable_by(|one, other| one.sid.cmp(&other.sid));
    let meta = r#"{"created":7,"renewed":7,"seen":7,"user":"ann"}"#;
    let told = |at: usize| {
        let Listed {
            meta,
            expires,
            lifetime,
            is_deadline,
            is_unclear,
            ..
        } = &listed[at];
        (&**meta, *expires, *lifetime, *is_deadline, *is_unclear)
    };
    assert_eq!(
        told(0),
        (meta.as_bytes(), Some(50_000), Some(5000), false, false)
    );
    let meta = br#"{"user":"ann","created":3}"#;
    assert_eq!(told(2), (&meta[..], None, None, false, true));
    let meta = br#"{"user":"ann"}"#;
    assert_eq!(told(3), (&meta[..], Some(4000), None, true, false));

    let without = &*make(Bounds::default());
    login(without, b"a", "ann", 7);
    assert_eq!(of(without, "ann", 0), [""; 0]);
    assert!(!end(without, "ann", b"a", 0));
    assert!(has(without, b"a"));
}

fn follows_each_change_of_a_user(make: Make) {
    let store = &*make(of_user(usize::MAX));
    for sid in [b"a", b"b", b"c", b"d"] {
        login(store, sid, "ann", 1);
    }
    login(store, b"a", "ann", 1);
    login(store, b"b", "bob", 1);
    set(store, b"c", PLAIN);
    assert_eq!(of(store, "ann", 0), ["a", "d"]);
    assert_eq!(of(store, "bob", 0), ["b"]);
    let id = cookie(store, b"d");
    let data = br#"{"_meta":{"created":1,"renewed":1,"seen":1,"user":"cyd"}}"#;
    let written = store.write(b"d", id, Some(60_000), None, None, data);
    assert_eq!(written, Ok(Changed::Done));
    assert_eq!(of(store, "ann", 0), ["a"]);
    assert_eq!(of(store, "cyd", 59_999), ["d"]);
    assert!(put_if(store, b"d", "{}", r#"{"_meta":{"user":"ann"}}"#, 0));
    assert!(put_if(
        store,
        b"c",
        r#"{"a":1}"#,
        r#"{"_meta":{"user":"ann"}}"#,
        0
    ));
    assert_eq!(of(store, "ann", 0), ["a", "c", "d"]);
    assert_eq!(of(store, "cyd", 0), [""; 0]);
    assert_eq!(
        store.renew(b"a", id, Some(90_000), None, 0),
        Ok(Changed::Done)
    );
    assert_eq!(of(store, "ann", 89_999), ["a", "c", "d"]);
    assert!(put_if(store, b"c", "{}", r#"{"_meta":{"next":"r1:x"}}"#, 0));
    assert_eq!(of(store, "ann", 0), ["a", "d"], "a pointer is nobody's");
    let since = store.moment().unwrap();
    store.destroy(b"d").unwrap();
    let late = session_of("ann", 1, 1, 50);
    let stored = store.set(b"d", late.as_bytes(), None, Some(since));
    let committed = store.commit().unwrap();
    assert!(stored == Ok(Stored::Destroyed) || committed != Commit::Done(Vec::new()));
    assert_eq!(of(store, "ann", 0), ["a"]);
    store.clear().unwrap();
    assert_eq!(of(store, "ann", 0), [""; 0]);
    login(store, b"x", "ann", 1);
    assert_eq!(of(store, "ann", 0), ["x"]);
}

fn ends_a_session_only_if_it_is_the_users(make: Make) {
    let store = &*make(of_user(usize::MAX));
    assert_eq!(store.take_removed(), Ok(Vec::new()), "kept from now on");
    for sid in [b"a", b"b", b"c"] {
        login(store, sid, "ann", 1);
    }
    let since = store.moment().unwrap();
    assert!(!end(store, "bob", b"a", 0));
    assert!(!end(store, "ann", b"x", 0));
    assert!(!end(store, "ann", b"a", 50_000), "it has expired");
    assert_eq!(of(store, "ann", 0), ["a", "b", "c"]);
    assert!(end(store, "ann", b"a", 49_999));
    assert!(!end(store, "ann", b"a", 49_999), "once");
    set(store, b"b", r#"{"cookie":{},"_meta":{"next":"r1:x"}}"#);
    assert!(!end(store, "ann", b"b", 0), "a pointer");
    assert_eq!(of(store, "ann", 0), ["c"]);
    assert_eq!(store.was_destroyed(b"a", since), Ok(true));
    let removed = store.take_removed().unwrap();
    let gone: Vec<_> = removed.iter().map(|it| (&*it.sid, it.reason)).collect();
    assert_eq!(gone, [(&b"a"[..], Reason::Destroyed)]);
    assert_eq!(removed[0].text, session_of("ann", 1, 1, 50).as_bytes());
}

fn a_user_has_no_more_than_the_bounds_allow(make: Make) {
    let store = &*make(of_user(2));
    assert_eq!(store.take_removed(), Ok(Vec::new()), "kept from now on");
    for (sid, began) in [(b"a", 30), (b"b", 10), (b"c", 20)] {
        login(store, sid, "ann", began);
    }
    assert_eq!(of(store, "ann", 0), ["a", "c"], "b began first");
    login(store, b"d", "bob", 1);
    let since = store.moment().unwrap();
    login(store, b"e", "ann", 5);
    assert_eq!(
        of(store, "ann", 0),
        ["a", "e"],
        "not the one that is stored"
    );
    assert_eq!(store.was_destroyed(b"c", since), Ok(true));
    assert_eq!(of(store, "bob", 0), ["d"]);
    set(store, b"f", r#"{"cookie":{},"_meta":{"user":"ann"}}"#);
    login(store, b"g", "ann", 99);
    assert_eq!(of(store, "ann", 0), ["f", "g"], "f began after all others");
    login(store, b"d", "ann", 1);
    assert_eq!(of(store, "ann", 0), ["d", "f"], "d is ann's now");
    assert_eq!(of(store, "bob", 0), [""; 0]);
    let mut gone: Vec<_> = store.take_removed().unwrap();
    assert!(gone.iter().all(|it| it.reason == Reason::Destroyed));
    gone.sort_by(|one, other| one.sid.cmp(&other.sid));
    let gone: Vec<_> = gone.iter().map(|it| it.sid[0]).collect();
    assert_eq!(gone, *b"abceg");
    // Of those that began at the same time, the one that was stored first goes.
    let store = &*make(of_user(1));
    for sid in [b"z", b"y", b"x"] {
        login(store, sid, "ann", 1);
        commit(store);
    }
    assert_eq!(of(store, "ann", 0), ["x"]);
}

fn only_a_login_ends_another_session(make: Make) {
    let store = &*make(of_user(1));
    login(store, b"a", "ann", 10);
    set(store, b"b", &session_of("ann", 10, 20, 50));
    assert_eq!(of(store, "ann", 0), ["a", "b"], "it takes the place of a");
    login(store, b"b", "ann", 10);
    assert_eq!(of(store, "ann", 0), ["a", "b"], "it was there");
    set(store, b"a", r#"{"cookie":{},"_meta":{"next":"r1:x"}}"#);
    set(store, b"d", &session_of("bob", 10, 20, 50));
    set(store, b"d", &session_of("ann", 10, 20, 50));
    assert_eq!(of(store, "ann", 0), ["d"], "its user has changed");
    // What has expired does not count, but is no session that was there either.
    set(store, b"e", &session_of("cyd", 1, 1, 1));
    login(store, b"f", "cyd", 999);
    assert_eq!(of(store, "cyd", 0), ["f"], "e was alive then");
    set(store, b"e", &session_of("cyd", 1, 1, 1));
    assert_eq!(of(store, "cyd", 0), ["e"]);
    login(store, b"g", "cyd", 1000);
    assert_eq!(of(store, "cyd", 0), ["e", "g"]);
    set(store, b"h", &session_of("dot", 1, 1, 2));
    assert_eq!(
        len(store, 2000),
        2,
        "d and g: the time is known from now on"
    );
    login(store, b"i", "dot", 1);
    set(store, b"h", &session_of("dot", 1, 1, 59));
    assert_eq!(of(store, "dot", 0), ["h"], "h was over");
    len(store, 2000);
    set(store, b"k", &session_of("dot", 1, 1, 1));
    assert_eq!(of(store, "dot", 2000), ["h"], "k is over already");
}

fn many_logins_of_a_user_leave_as_many_as_allowed(make: Make) {
    let store = &*make(of_user(2));
    for round in 0..200u8 {
        std::thread::scope(|scope| {
            for thread in 0..3u8 {
                scope.spawn(move || {
                    for at in 0..2u8 {
                        login(
                            store,
                            &[b'a' + thread, b'a' + at, b'0' + round % 10],
                            "ann",
                            1,
                        );
                        login(store, &[b'x', b'a' + thread], "bob", 1);
                    }
                });
            }
        });
        for user in ["ann", "bob"] {
            assert_eq!(of(store, user, 0).len(), 2, "{user}, round {round}");
        }
    }
    assert_eq!(len(store, 0), 4);
}

fn an_index_of_users_counts_and_is_freed(make: Make) {
    let bytes = |bounds| {
        let store = make(bounds);
        login(&*store, b"a", "ann", 1);
        let bytes = store.bytes();
        (store, bytes)
    };
    let (_, without) = bytes(Bounds::default());
    let (store, with) = bytes(of_user(2));
    assert!(with >= without, "{with} {without}");
    login(&*store, b"a", "bob", 1);
    assert_eq!(store.bytes(), with);
    for sid in [b"b", b"c", b"d"] {
        login(&*store, sid, "bob", 1);
    }
    set(&*store, b"d", PLAIN);
    store.destroy(b"d").unwrap();
    store.destroy(b"c").unwrap();
    assert_eq!(store.bytes(), 0, "a and b were ended");
}

/// Every call of an engine that fails returns the error, and changes nothing that is seen later.
#[test]
fn a_failing_engine_fails_everywhere_and_then_goes_on() {
    static IS_ON: AtomicBool = AtomicBool::new(false);
    let store = &Failing::new(Bounds::default(), &IS_ON);
    set(store, b"a", PLAIN);
    let before = store.stats();
    IS_ON.store(true, Relaxed);
    let text = &mut Vec::new();
    let outcomes = [
        ("get", store.get(b"a", 0, Asker::User, text).err()),
        (
            "get_whole",
            store.get_whole(b"a", 0, Asker::User, text).err(),
        ),
        ("peek", store.peek(b"a").err()),
        ("set", store.set(b"a", FOREVER.as_bytes(), None, None).err()),
        ("put", store.put(b"a", b"{}", b"{}", None, None).err()),
        ("set_raw", store.set_raw(b"a", b"x", None, None).err()),
        ("write", store.write(b"a", 0, None, None, None, b"{}").err()),
        ("touch", store.touch(b"a", b"{}", 0, None).err()),
        ("renew", store.renew(b"a", 0, None, None, 0).err()),
        ("classify", store.classify(b"a", b"x", true, None, 0).err()),
        ("unclassified", store.unclassified(0, 1).err()),
        ("destroy", store.destroy(b"a").err()),
        ("clear", store.clear().err()),
        ("sessions_of", store.sessions_of(b"1", 0).err()),
        ("end", store.end(b"1", b"a", 0).err()),
        ("moment", store.moment().err()),
        ("was_destroyed", store.was_destroyed(b"a", 1).err()),
        ("sids", store.sids().err()),
        ("len", store.len(0).err()),
        ("prune", store.prune(0, 1).err()),
        ("take_removed", store.take_removed().err()),
        ("stats", store.stats().err()),
    ];
    for (name, error) in outcomes {
        assert_eq!(
            error,
            Some(Error::Engine(failing::MESSAGE.into())),
            "{name}"
        );
    }
    IS_ON.store(false, Relaxed);
    assert_eq!(store.stats(), before);
    assert_eq!(store.peek(b"a"), Ok(Some(PLAIN.into())));
}

#[derive(Clone, Debug)]
enum Call {
    Get(Asker),
    Set,
    Put,
    PutIf,
    Raw,
    Write,
    Touch,
    Renew,
    Classify(bool),
    Destroy,
    End,
    Clear,
    Moment,
    Len,
    Prune,
    Pass,
}

/// A call, which sid it is about, which cookie it names, and a time.
type Step = (Call, usize, usize, i64);

fn step() -> impl Strategy<Value = Step> {
    let asker = prop_oneof![
        Just(Asker::User),
        Just(Asker::Middleware),
        Just(Asker::Viewer)
    ];
    let call = prop_oneof![
        4 => asker.prop_map(Call::Get),
        3 => Just(Call::Set),
        2 => Just(Call::Put),
        3 => Just(Call::PutIf),
        1 => Just(Call::Raw),
        3 => Just(Call::Write),
        2 => Just(Call::Touch),
        2 => Just(Call::Renew),
        2 => any::<bool>().prop_map(Call::Classify),
        2 => Just(Call::Destroy),
        2 => Just(Call::End),
        1 => Just(Call::Clear),
        2 => Just(Call::Moment),
        1 => Just(Call::Len),
        1 => Just(Call::Prune),
        3 => Just(Call::Pass),
    ];
    (call, 0..SIDS.len(), 0..8usize, 0i64..100)
}

/// Times go in steps of this many ms, so that some cross a second and some do not.
const STEP: i64 = 137;

const SIDS: [&[u8]; 4] = [
    b"",
    b"a",
    b"Zg7Qf1cXoH5bC0kq8dS2nVtYwLrE3uMi",
    b"Zg7Qf1cXoH5bC0kq8dS2nVtYwLrE3uMi-and-longer-than-those-of-the-package",
];
const DATA: [&str; 7] = [
    "{}",
    r#"{"a":1}"#,
    r#"{"1":2,"a":{"cookie":1}}"#,
    r#"{"_meta":{"created":300,"renewed":300,"seen":900,"user":"ann"}}"#,
    r#"{"a":1,"_meta":{"created":200,"renewed":200,"seen":200,"user":"ann"}}"#,
    r#"{"a":1,"_meta":{"created":100,"renewed":200,"seen":200,"user":"bob"}}"#,
    r#"{"_meta":{"user":"ann"},"a":1}"#,
];

const USERS: [&str; 2] = ["\"ann\"", "\"bob\""];

/// A cookie's JSON, of one of eight kinds.
fn cookie_of(kind: usize, time: i64) -> String {
    let date = format!(
        "1970-01-01T00:00:{:02}.{:03}Z",
        time / 1000 % 60,
        time % 1000
    );
    match kind {
        0 => r#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#.to_owned(),
        1 => r#"{"expires":null}"#.to_owned(),
        2 => r#"{"expires":"tomorrow"}"#.to_owned(),
        3 => r#"{"expires":null,"prefs":[]}"#.to_owned(),
        4 => format!(r#"{{"expires":"{date}"}}"#),
        _ => format!(
            r#"{{"originalMaxAge":{}000,"expires":"{date}","httpOnly":true,"path":"/"}}"#,
            kind - 4
        ),
    }
}

/// All that an engine answers about its sessions, as a text. Bytes, which each engine counts
/// in its own way, are left out.
fn all_of(store: &dyn Engine, now: i64) -> String {
    let stats = Stats {
        bytes: 0,
        ..store.stats().unwrap()
    };
    let listed = store.sids().unwrap();
    let texts: Vec<_> = SIDS.iter().map(|sid| store.peek(sid).unwrap()).collect();
    let mut removed: Vec<_> = store.take_removed().unwrap();
    removed.sort_by(|one, other| one.sid.cmp(&other.sid));
    let (mut unclassified, mut from) = (Vec::new(), Some(0));
    while let Some(at) = from {
        let (some, next) = store.unclassified(at, 1).unwrap();
        assert!(some.len() <= 1);
        unclassified.extend(some);
        from = next;
    }
    unclassified.sort_unstable();
    assert_eq!(stats.sessions == 0, store.bytes() == 0);
    let its = USERS.map(|user| {
        let mut its = store.sessions_of(user.as_bytes(), now).unwrap();
        its.sort_by(|one, other| one.sid.cmp(&other.sid));
        its
    });
    format!("{stats:?} {listed:?} {texts:?} {removed:?} {unclassified:?} {its:?}")
}

/// One of the two engines, and the moment that `since` names in its calls.
struct Side {
    engine: Box<dyn Engine>,
    since: Option<u64>,
}

impl Side {
    /// Makes a call, and tells what came of it in words.
    fn call(&mut self, (call, sid, kind, number): &Step, now: i64) -> String {
        let Side { engine, since } = self;
        let (engine, sid) = (&**engine, SIDS[*sid]);
        let time = now + number * STEP;
        let data = DATA[*number as usize % DATA.len()];
        let cookie = cookie_of(*kind, time);
        let since_then = since.filter(|_| number % 2 == 0);
        let deadline = (number % 3 == 0).then_some(time);
        let date = (*kind > 3).then_some(time);
        match call {
            Call::Get(asker) => {
                let mut data = b"left over".to_vec();
                let found = engine.get(sid, now, *asker, &mut data).unwrap();
                let mut whole = Vec::new();
                engine
                    .get_whole(sid, now, Asker::Viewer, &mut whole)
                    .unwrap();
                let live = match &found {
                    Found::Live(live) => {
                        assert_eq!(live.moment, engine.moment().unwrap());
                        Some((live.cookie.id, live.cookie.renewal, live.expires))
                    }
                    _ => None,
                };
                let unclear = matches!(found, Found::Unclear { .. }).then_some(&found);
                format!("{live:?} {unclear:?} {data:?} {whole:?}")
            }
            Call::Set => {
                let text = format!(r#"{{"cookie":{cookie},"n":{number}}}"#);
                format!(
                    "{:?}",
                    engine.set(sid, text.as_bytes(), deadline, since_then)
                )
            }
            Call::Put => {
                let stored = engine.put(
                    sid,
                    cookie.as_bytes(),
                    data.as_bytes(),
                    deadline,
                    since_then,
                );
                format!("{stored:?}")
            }
            Call::PutIf => {
                let base = DATA[*kind % DATA.len()].as_bytes();
                let cookie = match number % 5 {
                    0 => NewCookie::InText,
                    1 | 2 => NewCookie::Known(*kind as u64, date),
                    _ => NewCookie::Json(cookie.as_bytes()),
                };
                format!(
                    "{:?}",
                    engine.put_if_unchanged(sid, base, cookie, data.as_bytes(), now, deadline)
                )
            }
            Call::Raw => format!(
                "{:?}",
                engine.set_raw(sid, data.as_bytes(), deadline, since_then)
            ),
            Call::Write => {
                let written = engine.write(
                    sid,
                    *kind as u64,
                    date,
                    deadline,
                    since_then,
                    data.as_bytes(),
                );
                format!("{written:?}")
            }
            Call::Touch => format!("{:?}", engine.touch(sid, cookie.as_bytes(), now, deadline)),
            Call::Renew => {
                let date = date.filter(|_| number % 2 == 0);
                format!("{:?}", engine.renew(sid, *kind as u64, date, deadline, now))
            }
            Call::Classify(is_session) => {
                // The text that it has, or another one.
                let text = engine.peek(sid).unwrap().filter(|_| number % 4 != 0);
                format!(
                    "{:?}",
                    engine.classify(sid, &text.unwrap_or_default(), *is_session, deadline, now)
                )
            }
            Call::Destroy => format!("{:?}", engine.destroy(sid)),
            Call::End => {
                let user = USERS[*kind % 2].as_bytes();
                format!("{:?}", engine.end(user, sid, now))
            }
            Call::Clear => format!("{:?}", engine.clear()),
            Call::Moment => {
                *since = Some(engine.moment().unwrap());
                String::new()
            }
            Call::Len => format!("{:?}", engine.len(now)),
            Call::Prune => format!("{:?}", engine.prune(now, usize::MAX)),
            Call::Pass => String::new(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is done to both, the store on a disk and the plain engine find the same sessions of
    /// users.
    #[test]
    fn the_disk_store_and_the_plain_engine_find_the_same_of_users(
        most in prop_oneof![1usize..3, Just(usize::MAX)],
        steps in prop::collection::vec((step(), 0..7i64), 0..60),
    ) {
        let sides = [disk_store(of_user(most)), plain(of_user(most))];
        let mut sides = sides.map(|engine| Side { engine, since: None });
        let mut now = 0;
        for ((call, sid, kind, number), data) in &steps {
            // A number that has this remainder chooses the data.
            let number = number / 7 * 7 + data;
            let call = match call {
                Call::Set | Call::Write | Call::Touch | Call::Renew | Call::Moment => Call::Put,
                // With a known cookie an engine may refuse.
                Call::PutIf if matches!(number % 5, 1 | 2) => Call::Put,
                other => other.clone(),
            };
            let step = (call, *sid, *kind, number);
            for side in &mut sides {
                // Which of two that began together is ended depends on what was there before, and so
                // on when the engine removes what has expired.
                side.engine.prune(now, usize::MAX).unwrap();
                // A look-up tells the moment, which is another one.
                if !matches!(step.0, Call::Get(_)) {
                    side.call(&step, now);
                }
                if let Commit::Waiting = side.engine.commit().unwrap() {
                    side.engine.finish().unwrap();
                }
            }
            let [ours, plain] = sides.each_ref().map(|side| {
                USERS.map(|user| {
                    let mut its = side.engine.sessions_of(user.as_bytes(), now).unwrap();
                    its.sort_by(|one, other| one.sid.cmp(&other.sid));
                    its
                })
            });
            prop_assert_eq!(ours, plain, "after {:?} at {}", step, now);
            if let Call::Pass = step.0 {
                now += number * STEP;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever is done to both, the memory store and the plain engine tell the same.
    #[test]
    fn the_memory_store_and_the_plain_engine_agree(
        max in prop::option::of(1usize..4),
        max_of_user in prop::option::of(prop_oneof![1usize..3, Just(usize::MAX)]),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let bounds = Bounds { max, max_bytes: None, max_of_user };
        let mut sides = [memory_store(bounds), plain(bounds)]
            .map(|engine| Side { engine, since: None });
        let mut now = 0;
        for step in &steps {
            let [ours, plain] = sides.each_mut().map(|side| side.call(step, now));
            prop_assert_eq!(ours, plain, "{:?} at {}", step, now);
            let [ours, plain] = sides.each_ref().map(|side| all_of(&*side.engine, now));
            prop_assert_eq!(ours, plain, "after {:?} at {}", step, now);
            let was = |side: &Side| {
                let was = |since| SIDS.map(|sid| side.engine.was_destroyed(sid, since).unwrap());
                side.since.map(was)
            };
            let [ours, plain] = sides.each_ref().map(was);
            prop_assert_eq!(ours, plain, "destroyed, after {:?}", step);
            if let (Call::Pass, .., number) = step {
                now += number * STEP;
            }
        }
    }
}
