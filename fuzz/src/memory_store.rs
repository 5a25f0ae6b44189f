//! Calls of the memory store in any order, against a list.

use std::sync::LazyLock;

use express_session_core::engine::{Asker, Bounds, Changed, Engine, Found, Removed, Stored};
use express_session_core::memory_store::MemoryStore;

use super::model::{Cookie, Kind, Lifetime, Model, Overhead, whole};
use super::{iso, same, same_if_any, shown, sure};

/// More calls take time and find nothing that fewer do not.
const MOST: usize = 120;

/// Times go in steps of this many ms, so that few of them cross a second.
const STEP: i64 = 137;

/// Where the clock begins: not at the epoch, so that dates before it are in reach.
const BEGIN: i64 = 3_000;

/// The sids lie in a record up to this length, and longer ones elsewhere.
const SIDS: [&[u8]; 6] = [
    b"",
    b"a",
    b"Zg7Qf1cXoH5bC0kq8dS2nVtYwLrE3uMi",
    b"Zg7Qf1cXoH5bC0kq8dS2nVtYwLrE3uMj",
    b"Zg7Qf1cXoH5bC0kq8dS2nVtYwLrE3uMi.",
    b"Zg7Qf1cXoH5bC0kq8dS2nVtYwLrE3uMi/a-longer-one-that-programs-with-a-genid-of-their-own-make",
];
const HEAD: usize = 32;

const DATA: [&[u8]; 4] = [
    b"{}",
    br#"{"user":"ada"}"#,
    br#"{"7":{"/":12},"10":[{"id":7,"n":1}],"a":0}"#,
    br#"{"flash":{"error":["Wrong password."]},"returnTo":"/account?tab=orders&page=2","passport":{"user":"507f1f77bcf86cd799439011"}}"#,
];

/// Reads two characters, how many sessions and how many bytes the store may hold (`-` for
/// any number), and then steps of four: what to do, a sid, a cookie, a number.
pub fn check(input: &[u8]) {
    let [max, max_bytes, steps @ ..] = input else {
        return;
    };
    let overhead = overhead();
    let bounds = Bounds {
        max: (*max != b'-').then_some(usize::from(max % 8)),
        // The cookie counts beside as many sessions.
        max_bytes: (*max_bytes != b'-').then_some(
            usize::from(max_bytes % 8) * (overhead.session + DATA[2].len()) + overhead.cookie + 66,
        ),
        ..Bounds::default()
    };
    let mut both = Both {
        store: MemoryStore::new(bounds),
        model: Model::new(bounds, overhead, HEAD),
        now: BEGIN,
        since: None,
    };
    assert_eq!(both.store.bounds(), bounds);
    for step in steps.chunks_exact(4).take(MOST) {
        both.step(step[0], step[1], step[2], step[3]);
        both.compare();
    }
    both.end();
}

/// What a session and a cookie take beside their texts.
fn overhead() -> Overhead {
    static OVERHEAD: LazyLock<Overhead> = LazyLock::new(|| {
        let bytes = |cookie: &[u8]| {
            let store = MemoryStore::default();
            let stored = store.put(b"", cookie, b"{}", None, None);
            assert!(stored.is_ok());
            sure(store.stats()).bytes
        };
        // One of these is a text that only JavaScript can judge, so that it is kept whole.
        let (raw, plain) = (br#"{"expires":0}"#, br#"{"expires":null}"#);
        let session = bytes(raw) - br#"{"cookie":{"expires":0}}"#.len();
        Overhead {
            session,
            cookie: bytes(plain) - session - b"{}".len() - plain.len(),
        }
    });
    *OVERHEAD
}

struct Both {
    store: MemoryStore,
    model: Model,
    now: i64,
    /// What writes name as the moment since which a sid must not have been destroyed: that
    /// of the store, and how many were destroyed then.
    since: Option<(u64, usize)>,
}

impl Both {
    fn step(&mut self, what: u8, sid: u8, kind: u8, amount: u8) {
        let Both {
            store,
            model,
            now,
            since,
        } = self;
        let now = *now;
        let sid = SIDS[usize::from(sid) % SIDS.len()];
        let moment = since.map(|(moment, _)| moment);
        let is_destroyed = since.is_some_and(|(moment, count)| {
            let told = sure(store.was_destroyed(sid, moment));
            let (is_destroyed, others) = model.was_destroyed(sid, count);
            assert!(told || !is_destroyed, "a destroy was missed");
            assert!(!told || is_destroyed || others > 1, "none was destroyed");
            told
        });
        let data = DATA[usize::from(amount) % DATA.len()];
        let time = now + (i64::from(amount) - 32) * STEP;
        let cookie = cookie(kind, time);
        // Digits and small letters have this bit, capitals have not.
        let deadline = (kind & 0x20 != 0).then_some(now + 1500);
        let id = u64::from(kind % 16);
        let date = match amount {
            b'-' => None,
            b'+' => Some(i64::MAX),
            _ => Some(time),
        };
        match what {
            b's' => assert_eq!(
                store.set(sid, &whole(&cookie.text(), data), deadline, moment),
                Ok(model.put(sid, &cookie, data, deadline, is_destroyed))
            ),
            b'p' => assert_eq!(
                store.put(sid, cookie.text().as_bytes(), data, deadline, moment),
                Ok(model.put(sid, &cookie, data, deadline, is_destroyed))
            ),
            b'x' => {
                let stored = store.set_raw(sid, data, deadline, moment);
                assert_eq!(stored == Ok(Stored::Destroyed), is_destroyed);
                if !is_destroyed {
                    model.store(sid, data.to_vec(), None, deadline);
                }
            }
            b'i' | b'w' => {
                let written = store.write(sid, id, date, deadline, moment, data);
                let expected = if is_destroyed {
                    Changed::Destroyed
                } else {
                    model.write(sid, id, date, deadline, data)
                };
                assert_eq!(written, Ok(expected));
            }
            b'm' => {
                *since = (amount != b'-').then(|| (sure(store.moment()), model.destroyed.len()))
            }
            b'j' => {
                let is_session = kind & 1 != 0;
                sure(store.classify(sid, data, is_session, date, now));
                model.classify(sid, data, is_session, date, now);
            }
            b't' => assert_eq!(
                store.touch(sid, cookie.text().as_bytes(), now, deadline),
                Ok(model.touch(sid, &cookie, now, deadline))
            ),
            b'r' => assert_eq!(
                store.renew(sid, id, date, deadline, now),
                Ok(model.renew(sid, id, date, deadline, now))
            ),
            b'g' => self.get(sid, Asker::User),
            b'D' => self.get(sid, Asker::Middleware),
            b'G' => self.get_whole(sid, Asker::User),
            b'a' => self.get_whole(sid, Asker::Viewer),
            b'd' => assert_eq!(store.destroy(sid), Ok(model.destroy(sid))),
            b'c' => {
                sure(store.clear());
                model.clear();
            }
            b'l' => assert_eq!(store.len(now), Ok(model.len(now))),
            b'u' => {
                let budget = usize::from(amount % 8);
                let is_done = sure(store.prune(now, budget));
                let removed = model.pruned(now, is_done, |sid| store.peek(sid) != Ok(None));
                assert!(removed <= budget, "{removed} removed of {budget}");
            }
            b'v' => self.take_removed(),
            b'n' => self.now += i64::from(amount) * STEP,
            _ => {}
        }
    }

    fn get(&mut self, sid: &[u8], asker: Asker) {
        // What the caller's buffer held before is not part of the answer.
        let mut text = b"left over".to_vec();
        let found = sure(self.store.get(sid, self.now, asker, &mut text));
        // A session reader asks again by another way about what it cannot read.
        let is_use = asker == Asker::User || !matches!(found, Found::Unclear { .. });
        match (found, self.model.get(sid, self.now, is_use)) {
            (Found::Missing, None) => assert_eq!(text, b""),
            (Found::Unclear { is_classified }, Some(session)) => {
                assert!(session.cookie.is_none());
                assert_eq!(is_classified, session.kind != Kind::Unclassified);
                same(&text, &session.text);
            }
            (Found::Live(live), Some(session)) => {
                let known = session.cookie.as_ref();
                let known = known.map(|(id, cookie)| (*id, cookie.date, cookie.text()));
                let mut written = Vec::new();
                live.cookie.write(live.expires, &mut written);
                let written = String::from_utf8_lossy(&written).into_owned();
                assert_eq!(Some((live.cookie.id, live.expires, written)), known);
                assert_eq!(Ok(live.moment), self.store.moment());
                same(&text, &session.text);
            }
            (found, session) => unreachable!("{found:?}, but {}", session.is_some()),
        }
    }

    fn get_whole(&mut self, sid: &[u8], asker: Asker) {
        let mut text = Vec::new();
        let found = sure(self.store.get_whole(sid, self.now, asker, &mut text));
        let session = self.model.get(sid, self.now, asker == Asker::User);
        assert_eq!(found == Found::Missing, session.is_none());
        same(&text, &session.map(|it| it.whole()).unwrap_or_default());
    }

    /// In slices: each sid comes once.
    fn unclassified(&self) -> Vec<Box<[u8]>> {
        let (mut sids, mut from) = (Vec::new(), Some(0));
        while let Some(at) = from {
            let (some, next) = sure(self.store.unclassified(at, 1));
            assert!(some.len() <= 1);
            sids.extend(some);
            from = next;
        }
        sids.sort_unstable();
        sids
    }

    fn compare(&self) {
        let Both { store, model, .. } = self;
        assert_eq!(store.stats(), Ok(model.stats()));
        let all = model.sessions.iter();
        let unclassified = all.clone().filter(|it| it.kind == Kind::Unclassified);
        let mut unclassified: Vec<_> = unclassified.map(|it| Box::from(&it.sid[..])).collect();
        unclassified.sort_unstable();
        assert!(
            sure(store.sids())
                .iter()
                .map(|sid| &**sid)
                .eq(all.map(|it| &it.sid[..]))
        );
        assert_eq!(self.unclassified(), unclassified);
        for sid in SIDS {
            let session = model.find(sid);
            let whole = session.map(|it| it.whole());
            same_if_any(sure(store.peek(sid)).as_deref(), whole.as_deref());
        }
    }

    /// Every session that went was handed out once, with the reason.
    fn end(mut self) {
        assert_eq!(self.store.len(self.now), Ok(self.model.len(self.now)));
        self.compare();
        sure(self.store.clear());
        self.model.clear();
        assert_eq!(sure(self.store.stats()).bytes, 0);
        self.take_removed();
        assert_eq!(self.store.take_removed(), Ok(Vec::new()));
    }

    fn take_removed(&mut self) {
        // Those that go at once have no order.
        let sorted = |removed: Vec<Removed>| {
            let mut removed: Vec<_> = removed
                .into_iter()
                .map(|it| (shown(&it.sid), shown(&it.text), it.reason as u8))
                .collect();
            removed.sort();
            removed
        };
        self.model.is_watched = true;
        assert_eq!(
            sorted(sure(self.store.take_removed())),
            sorted(std::mem::take(&mut self.model.removed))
        );
    }
}

/// The cookie of a kind; kinds above 6 differ in their path, so that there are more of
/// them than the store remembers.
fn cookie(kind: u8, time: i64) -> Cookie {
    let kind = i64::from(kind % 16);
    let (before, lifetime, has_date) = match kind {
        0 => (
            r#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#,
            Lifetime::None,
            false,
        ),
        1 => (r#"{"expires":null}"#, Lifetime::Unclear, false),
        2 => (
            r#"{"originalMaxAge":5000,"expires":"tomorrow","httpOnly":true,"path":"/"}"#,
            Lifetime::Unclear,
            false,
        ),
        3 => (r#"{"expires":"#, Lifetime::Unclear, true),
        4 => (
            r#"{"originalMaxAge":null,"expires":"#,
            Lifetime::Unclear,
            true,
        ),
        5 => (
            r#"{"originalMaxAge":-50,"expires":"#,
            Lifetime::Of(-50),
            true,
        ),
        _ => (
            r#"{"originalMaxAge":5000,"expires":"#,
            Lifetime::Of(5000),
            true,
        ),
    };
    let behind = match kind {
        3 => r#""}"#.to_owned(),
        _ => format!(r#"","httpOnly":true,"path":"/{kind}"}}"#),
    };
    let around = if has_date {
        (format!("{before}\""), behind)
    } else {
        (before.to_owned(), String::new())
    };
    Cookie {
        around,
        // All dates here have four digits in their year.
        date: has_date
            .then_some(time)
            .filter(|&time| iso::text(time).is_some()),
        lifetime,
        is_unclear: kind == 2,
    }
}
