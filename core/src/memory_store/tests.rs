//! Tests of what the memory store does beyond the contract of an engine, whose tests are in
//! `core/tests/engine_contract.rs`.
#![allow(clippy::unwrap_used, reason = "the memory store never fails")]

use super::*;

const PLAIN: &str =
    r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"a":1}"#;

fn until(date: &str) -> String {
    format!(
        r#"{{"cookie":{{"originalMaxAge":5000,"expires":"{date}","httpOnly":true,"path":"/"}},"a":1}}"#
    )
}

fn unbounded() -> MemoryStore {
    MemoryStore::default()
}

fn set(store: &MemoryStore, sid: &[u8], text: &str) {
    store.set(sid, text.as_bytes(), None, None).unwrap();
}

/// What a record takes, that with a cookie has another text than all others.
fn own_bytes(text: &str) -> usize {
    let store = unbounded();
    set(&store, b"a", text);
    store.stats().unwrap().bytes
}

#[test]
fn a_cookie_counts_once_as_long_as_a_session_has_it() {
    let store = unbounded();
    let other = PLAIN.replace(r#""/""#, r#""/other""#);
    let long = format!(
        r#"{{"cookie":{{"expires":null,"path":"{}"}}}}"#,
        "p".repeat(100_000)
    );
    let mut held = 0;
    for (sid, text) in [(b"a", PLAIN), (b"b", &other), (b"c", &long), (b"d", &long)] {
        set(&store, sid, text);
        held += own_bytes(text);
        assert_eq!(store.stats().unwrap().bytes, held);
    }
    set(&store, b"e", PLAIN);
    let shared = store.stats().unwrap().bytes - held;
    assert!(
        shared < own_bytes(PLAIN) - 66,
        "its cookie is there already"
    );
    store.destroy(b"a").unwrap();
    store.destroy(b"e").unwrap();
    assert_eq!(store.stats().unwrap().bytes, held - own_bytes(PLAIN));
    let cookie = br#"{"expires":null}"#;
    assert_eq!(store.touch(b"c", cookie, 0, None), Ok(Changed::Done));
    assert_eq!(store.touch(b"d", cookie, 0, None), Ok(Changed::Done));
    assert!(
        store.stats().unwrap().bytes < 2000,
        "the long ones are gone"
    );
    for sid in store.sids().unwrap() {
        store.destroy(&sid).unwrap();
    }
    assert_eq!(store.stats().unwrap().bytes, 0);
}

#[test]
fn cookies_are_bounded() {
    let session = |length: usize, at: usize| {
        let path = "p".repeat(length);
        format!(r#"{{"cookie":{{"originalMaxAge":{at},"expires":null,"path":"{path}"}},"a":1}}"#)
    };
    // Long ones, and those of "until midnight", which differ in their lifetime.
    for length in [10_000, 1] {
        let one = own_bytes(&session(length, 10_000));
        let store = MemoryStore::new(Bounds {
            max: None,
            max_bytes: Some(10 * one),
            ..Bounds::default()
        });
        for at in 0..100usize {
            set(&store, &at.to_be_bytes(), &session(length, 10_000 + at));
            assert!(store.stats().unwrap().bytes <= 10 * one);
        }
        assert_eq!(store.stats().unwrap().sessions, 10);
        let touch =
            |cookie: String| store.touch(&99usize.to_be_bytes(), cookie.as_bytes(), 0, None);
        let cookie =
            |length: usize| format!(r#"{{"expires":null,"path":"{}"}}"#, "p".repeat(length));
        assert_eq!(touch(cookie(length + 5 * one)), Ok(Changed::Done));
        assert!(store.stats().unwrap().bytes <= 10 * one);
        assert_eq!(
            store.stats().unwrap().sessions,
            5,
            "it has driven others out"
        );
        touch(cookie(10 * one)).unwrap();
        assert_eq!(
            store.stats().unwrap().sessions,
            4,
            "one that never fits goes"
        );
    }
}

/// Each shard used to look at as many as the budget was, which the fuzz target of the
/// store brought to light.
#[test]
fn a_slice_looks_at_no_more_than_its_budget_in_a_second_that_is_not_over() {
    let store = unbounded();
    for at in 0..100u32 {
        set(
            &store,
            &at.to_be_bytes(),
            &until("1970-01-01T00:00:05.200Z"),
        );
    }
    assert!(store.prune(5_500, 7).unwrap(), "no second is over");
    assert_eq!(store.stats().unwrap().expired, 7);
    assert_eq!(store.len(5_500).unwrap(), 0);
}
