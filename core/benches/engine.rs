//! What one call into the engine costs, without Node.js: `cargo bench -p express-session-core`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark is no interface, and stops at the first surprise"
)]

use divan::{Bencher, black_box};
use express_session_core::cookie::{parse, serialize};
use express_session_core::disk_store::{DiskStore, Options};
use express_session_core::engine::{Asker, Commit, Engine};
use express_session_core::memory_store::MemoryStore;
use express_session_core::state::{self, Facts};
use express_session_core::{session_id, signature, wtf8};

const NAME: &[u8] = b"connect.sid";
const SID: &[u8] = b"Ji4DaHvLkHRx-e1yQ5Tz0rXc8PbN2mWf";
/// 2026-01-01, in ms since the epoch.
const NOW: i64 = 1_767_225_600_000;

fn main() {
    divan::main();
}

fn key() -> signature::Key {
    signature::Key::new(b"correct horse battery staple").unwrap()
}

/// The text of a session whose data has about `bytes` bytes.
fn session(bytes: usize) -> Vec<u8> {
    let cookie = r#"{"originalMaxAge":86400000,"expires":"2026-01-02T00:00:00.000Z","httpOnly":true,"path":"/"}"#;
    let mut text =
        format!(r#"{{"cookie":{cookie},"user":{{"id":10001,"name":"Ada Marlow"}},"cart":["#);
    while text.len() < bytes + cookie.len() {
        text.push_str(
            r#"{"sku":"BK-1042","title":"Middlemarch","quantity":1,"price":{"amount":1250}},"#,
        );
    }
    text.push_str("null]}");
    text.into_bytes()
}

/// A `Cookie` header of `count` cookies, the session's last.
fn header(count: usize) -> Vec<u8> {
    let signed = signature::sign(SID, &key());
    let mut header = Vec::new();
    for at in 1..count {
        header.extend_from_slice(format!("pref_{at}=v{at}-on; ").as_bytes());
    }
    header.extend_from_slice(b"connect.sid=s%3A");
    let encoded = String::from_utf8(signed).unwrap();
    let encoded = encoded.replace('+', "%2B").replace('/', "%2F");
    header.extend_from_slice(encoded.as_bytes());
    header
}

mod way_in {
    use super::*;

    #[divan::bench]
    fn unsign(bencher: Bencher) {
        let keys = [key()];
        let signed = signature::sign(SID, &keys[0]);
        bencher.bench(|| signature::unsign(black_box(&signed), black_box(&keys)).is_some());
    }

    #[divan::bench(args = [1, 10, 100, 1000])]
    fn parse_cookies(bencher: Bencher, count: usize) {
        let header = header(count);
        bencher.bench(|| {
            let mut values = parse::values(black_box(&header), black_box(NAME));
            values.next().is_some()
        });
    }

    #[divan::bench]
    fn new_id() -> String {
        session_id::session_id()
    }
}

mod way_out {
    use super::*;

    #[divan::bench]
    fn decide() -> state::End {
        let facts = Facts::STORE_TOUCHES
            | Facts::HAS_ID
            | Facts::ID_IS_STRING
            | Facts::ID_FROM_COOKIE
            | Facts::HAS_SESSION
            | Facts::WAS_SAVED
            | Facts::SAVED;
        state::end(black_box(Facts(facts)))
    }

    #[divan::bench]
    fn sign(bencher: Bencher) {
        let key = key();
        bencher.bench(|| signature::sign(black_box(SID), black_box(&key)));
    }

    #[divan::bench]
    fn set_cookie(bencher: Bencher) {
        let value = [b"s:", signature::sign(SID, &key()).as_slice()].concat();
        let attributes = serialize::Attributes {
            path: Some(b"/"),
            http_only: true,
            expires: serialize::Attribute::Value(NOW as f64),
            same_site: serialize::Attribute::Value(serialize::SameSite::Lax),
            ..serialize::Attributes::default()
        };
        bencher.bench(|| {
            let value = serialize::Value::Plain(black_box(&value));
            serialize::set_cookie(black_box(NAME), value, black_box(&attributes)).is_ok()
        });
    }
}

mod store {
    use super::*;

    /// A look-up among `count` sessions of 100 bytes.
    #[divan::bench(args = [1_000, 10_000, 100_000, 1_000_000])]
    fn get_among(bencher: Bencher, count: usize) {
        let store = MemoryStore::default();
        let sids: Vec<Vec<u8>> = (0..count)
            .map(|at| format!("{at:032}").into_bytes())
            .collect();
        for sid in &sids {
            store.set(sid, &session(100), None, None).unwrap();
        }
        let mut at = 0;
        let mut data = Vec::new();
        bencher.bench_local(|| {
            at = (at + 7919) % count;
            store.get(black_box(&sids[at]), NOW, Asker::User, &mut data)
        });
    }

    #[divan::bench(args = [100, 1_000, 10_000, 100_000])]
    fn get(bencher: Bencher, bytes: usize) {
        let store = MemoryStore::default();
        store.set(SID, &session(bytes), None, None).unwrap();
        let mut data = Vec::new();
        bencher.bench_local(|| store.get(black_box(SID), NOW, Asker::User, &mut data));
    }

    #[divan::bench(args = [100, 1_000, 10_000, 100_000])]
    fn set(bencher: Bencher, bytes: usize) {
        let store = MemoryStore::default();
        let text = session(bytes);
        bencher.bench(|| store.set(black_box(SID), black_box(&text), None, None));
    }

    #[divan::bench(args = [100, 1_000, 10_000, 100_000])]
    fn touch(bencher: Bencher, bytes: usize) {
        let store = MemoryStore::default();
        store.set(SID, &session(bytes), None, None).unwrap();
        let cookie = session(0);
        let end = cookie.iter().position(|&byte| byte == b'}').unwrap() + 1;
        let cookie = &cookie[br#"{"cookie":"#.len()..end];
        bencher.bench(|| store.touch(black_box(SID), black_box(cookie), NOW, None));
    }
}

/// The store in a file, in the folder for temporary files. Checkpoints, which another thread does,
/// are made between the measurements.
mod disk_store {
    use super::*;

    /// A store with `count` sessions of 100 bytes, and its folder.
    fn filled(count: usize) -> (DiskStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = DiskStore::open(Options {
            path: folder.path().join("sessions.db"),
            is_synced: false,
            touch_after: 0,
            max_bytes: None,
            is_replaced: false,
            check_period: 60_000,
            max_of_user: None,
        })
        .unwrap();
        for at in 0..count {
            store.set(&sid(at), &session(100), None, None).unwrap();
        }
        commit(&store);
        store.maintain(NOW).unwrap();
        (store, folder)
    }

    fn sid(at: usize) -> Vec<u8> {
        format!("{at:032}").into_bytes()
    }

    fn commit(store: &DiskStore) {
        if store.commit().unwrap() == Commit::Waiting {
            store.finish().unwrap();
        }
    }

    #[divan::bench(args = [1_000, 100_000])]
    fn get_among(bencher: Bencher, count: usize) {
        let (store, _folder) = filled(count);
        let (mut at, mut data) = (0, Vec::new());
        bencher.bench_local(|| {
            at = (at + 7919) % count;
            store.get(black_box(&sid(at)), NOW, Asker::User, &mut data)
        });
    }

    #[divan::bench(args = [100, 1_000, 10_000])]
    fn set_and_commit(bencher: Bencher, bytes: usize) {
        let (store, _folder) = filled(10_000);
        let (mut at, mut calls) = (0, 0);
        bencher
            .with_inputs(|| {
                calls += 1;
                at = (at + 7919) % 10_000;
                if calls % 1000 == 0 {
                    store.maintain(NOW).unwrap();
                }
                let mut text = session(bytes);
                text.splice(text.len() - 2.., format!(",{calls}]}}").into_bytes());
                (sid(at), text)
            })
            .bench_local_values(|(sid, text)| {
                store.set(&sid, &text, None, None).unwrap();
                commit(&store);
            });
    }

    #[divan::bench]
    fn renew_and_commit(bencher: Bencher) {
        let (store, _folder) = filled(10_000);
        let (mut at, mut calls) = (0, 0);
        bencher
            .with_inputs(|| {
                calls += 1;
                at = (at + 7919) % 10_000;
                if calls % 1000 == 0 {
                    store.maintain(NOW).unwrap();
                }
                (sid(at), NOW + 100_000_000 + calls)
            })
            .bench_local_values(|(sid, date)| {
                store.renew(&sid, 0, Some(date), None, NOW).unwrap();
                commit(&store);
            });
    }
}

mod text {
    use super::*;

    #[divan::bench(args = [100, 1_000, 10_000, 100_000])]
    fn from_utf16(bencher: Bencher, bytes: usize) {
        let units = wtf8::to_utf16(&session(bytes));
        bencher.bench(|| wtf8::from_utf16(black_box(&units)));
    }
}
