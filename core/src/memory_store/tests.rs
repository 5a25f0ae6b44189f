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

/// Checks that the index of users has the place of each record that is somebody's, and no other.
fn assert_index(store: &MemoryStore) {
    let users = store.users.as_deref().unwrap();
    let (mut found, mut names) = (0, std::collections::HashSet::new());
    for shard in store.shards.iter().map(Mutex::lock) {
        for number in shard.numbers() {
            let Some(record) = shard.record(number) else {
                continue;
            };
            let user = user_of(record.text());
            assert_eq!(record.is_indexed, user.is_some());
            if let Some(user) = user {
                assert!(users.places(user).contains(&shard.place(number)));
                names.insert(user.to_vec());
                found += 1;
            }
        }
    }
    assert_eq!(users.totals(), (names.len(), found));
}

#[test]
fn the_index_of_users_has_what_the_records_have_whatever_threads_do() {
    let store = &MemoryStore::new(Bounds {
        max: Some(60),
        max_bytes: None,
        max_of_user: Some(12),
    });
    for round in 0..20u32 {
        std::thread::scope(|scope| {
            for thread in 0..4u32 {
                scope.spawn(move || {
                    let mut random = round * 4 + thread + 1;
                    for now in 0..300i64 {
                        // Numerical Recipes, "Quick and dirty generators".
                        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        let [at, user, what] = [8, 16, 24].map(|by| random.rotate_right(by) as u8);
                        let sid = &[at % 90][..];
                        let user = format!(r#""u{}""#, user % 7);
                        let text = match what % 20 {
                            0..=9 => until("1970-01-01T00:00:00.200Z"),
                            10 => format!(r#"{{"a":1,"_meta":{{"user":{user}}}}}"#),
                            _ => PLAIN.to_owned(),
                        };
                        let meta = format!(r#""_meta":{{"created":{at},"user":{user}}}"#);
                        match what % 20 {
                            0..=7 => set(store, sid, &text.replace(r#""a":1"#, &meta)),
                            8..=11 => set(store, sid, &text),
                            12 => drop(store.destroy(sid)),
                            13 => drop(store.get(sid, now, Asker::User, &mut Vec::new())),
                            14 => drop(store.prune(now, 10)),
                            15 => drop(store.end(user.as_bytes(), sid, now)),
                            16 if now == 150 => drop(store.clear()),
                            _ => drop(store.sessions_of(user.as_bytes(), now)),
                        }
                    }
                });
            }
        });
        assert_index(store);
    }
    assert!(store.stats().unwrap().evicted > 0 && store.stats().unwrap().expired > 0);
    store.clear().unwrap();
    assert_index(store);
    assert_eq!(store.users.as_deref().unwrap().totals(), (0, 0));
}

#[test]
fn of_two_logins_at_once_one_stays() {
    let store = &MemoryStore::new(Bounds {
        max_of_user: Some(1),
        ..Bounds::default()
    });
    let arrived = &AtomicUsize::new(0);
    let text = PLAIN.replace(r#""a":1"#, r#""_meta":{"user":"ann"}"#);
    // Both go on within nanoseconds if each has a processor, as neither sleeps.
    let meet = |times: &mut usize| {
        *times += 2;
        arrived.fetch_add(1, Relaxed);
        let mut spins = 0;
        while arrived.load(Relaxed) < *times {
            spins += 1;
            if spins % 200 == 0 {
                std::thread::yield_now();
            }
        }
    };
    let login = |sid: &[u8]| {
        let (mut times, mut others) = (0, 0);
        for _ in 0..400 {
            meet(&mut times);
            set(store, sid, &text);
            meet(&mut times);
            let left = store.sessions_of(br#""ann""#, 0).unwrap().len();
            others += usize::from(left != 1);
            meet(&mut times);
            store.destroy(sid).unwrap();
        }
        assert_eq!(others, 0);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| login(b"a"));
        scope.spawn(|| login(b"b"));
    });
}

#[test]
fn what_the_index_of_users_takes_counts() {
    let bytes = |bounds| {
        let store = MemoryStore::new(bounds);
        set(
            &store,
            b"a",
            &PLAIN.replace(r#""a":1"#, r#""_meta":{"user":"ann"}"#),
        );
        set(&store, b"b", PLAIN);
        store.bytes()
    };
    let indexed = bytes(Bounds {
        max_of_user: Some(usize::MAX),
        ..Bounds::default()
    });
    assert_eq!(indexed, bytes(Bounds::default()) + users::PLACE_BYTES);
}
