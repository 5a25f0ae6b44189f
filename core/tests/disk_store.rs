//! What is special about the store on a disk: several stores share a file, and it survives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use express_session_core::disk_store::{self, DiskStore, Options};
use express_session_core::engine::{Asker, Changed, Commit, Engine, Found, Reason, Stored, Unmade};
use express_session_core::error::Error;
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

fn options(path: &Path) -> Options {
    Options {
        path: path.to_owned(),
        is_synced: false,
        touch_after: 0,
        max_bytes: None,
        is_replaced: false,
        check_period: 60_000,
        max_of_user: None,
    }
}

fn open(path: &Path) -> DiskStore {
    open_with(options(path))
}

fn open_with(options: Options) -> DiskStore {
    let (store, warning) = DiskStore::open(options).unwrap();
    assert_eq!(warning, None);
    store
}

/// A folder, and the path of a file in it that does not exist.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    (folder, path)
}

/// The JSON of a session that expires at `date`, a second of the first minute of 1970.
fn session(second: i64, n: usize) -> String {
    format!(r#"{{"cookie":{},"n":{n}}}"#, cookie(second * 1000))
}

fn cookie(time: i64) -> String {
    let (second, ms) = (time / 1000, time % 1000);
    format!(
        r#"{{"originalMaxAge":5000,"expires":"1970-01-01T00:{:02}:{:02}.{ms:03}Z","httpOnly":true,"path":"/"}}"#,
        second / 60,
        second % 60
    )
}

fn set(store: &DiskStore, sid: &[u8], text: &str) {
    store.set(sid, text.as_bytes(), None, None).unwrap();
}

/// Commits all changes, and returns those that were not made.
fn commit(store: &DiskStore) -> Vec<Unmade> {
    match store.commit().unwrap() {
        Commit::Done(unmade) => unmade,
        Commit::Waiting => store.finish().unwrap(),
    }
}

/// Stores a session and commits it.
fn store_now(store: &DiskStore, sid: &[u8], text: &str) {
    set(store, sid, text);
    assert_eq!(commit(store), []);
}

fn peek(store: &DiskStore, sid: &[u8]) -> Option<String> {
    let text = store.peek(sid).unwrap();
    text.map(|text| String::from_utf8_lossy(&text).into_owned())
}

/// The moment that a request gets when it loads the session.
fn load(store: &DiskStore, sid: &[u8]) -> u64 {
    match store.get(sid, 0, Asker::User, &mut Vec::new()) {
        Ok(Found::Live(live)) => live.moment,
        other => unreachable!("{other:?}"),
    }
}

/// The id of a session's cookie.
fn cookie_id(store: &DiskStore, sid: &[u8]) -> u64 {
    match store.get(sid, 0, Asker::User, &mut Vec::new()) {
        Ok(Found::Live(live)) => live.cookie.id,
        other => unreachable!("{other:?}"),
    }
}

/// Does to the file what no store does.
fn tamper(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

fn message<T>(outcome: Result<T, Error>) -> String {
    match outcome {
        Ok(_) => unreachable!("no error"),
        Err(error) => error.to_string(),
    }
}

/// Copies the file and its log, as they are while a store has them open.
fn copy_files(from: &Path, to: &Path) {
    for end in ["-wal", ""] {
        let name = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        if name(from).exists() {
            fs::copy(name(from), name(to)).unwrap();
        }
    }
}

// ---------------------------------------------------------------- Against a model

const SIDS: [&[u8]; 4] = [b"", b"a", b"a\0b", b"\xED\xA0\x80-lone"];

#[derive(Clone, Debug)]
enum Step {
    Put,
    /// Stores a session unless it was destroyed since it was loaded.
    PutSince,
    Load,
    Destroy,
    Clear,
    Touch,
    Renew,
    Commit,
    Finish,
    Prune,
    Checkpoint,
    Reopen,
    /// Both processes are killed.
    Kill,
    Pass,
}

/// A change as the model has it. The numbers are the moments of the model.
#[derive(Clone, Debug)]
enum Change {
    Put(usize, String, i64, u64, Option<u64>),
    Touch(usize, i64, i64),
    Destroy(usize),
    Clear,
}

#[derive(Clone, Debug)]
struct Row {
    n: String,
    expires: i64,
    born: u64,
}

type Rows = BTreeMap<usize, Row>;

/// Makes a change, and returns whether it was made. For a reader before the commit, a session that
/// depends on another one is stored in any case.
fn make(rows: &mut Rows, change: &Change, is_view: bool) -> bool {
    match change {
        Change::Put(sid, n, expires, born, since) => {
            let old = rows.get(sid).map(|row| row.born);
            let is_there = since.is_none_or(|since| old.is_some_and(|born| born < since));
            if is_there || is_view {
                let born = old.unwrap_or(*born);
                let (n, expires) = (n.clone(), *expires);
                rows.insert(*sid, Row { n, expires, born });
            }
            is_there
        }
        Change::Touch(sid, expires, now) => {
            if let Some(row) = rows.get_mut(sid)
                && row.expires > *now
            {
                row.expires = *expires;
            }
            true
        }
        Change::Destroy(sid) => {
            rows.remove(sid);
            true
        }
        Change::Clear => {
            rows.clear();
            true
        }
    }
}

/// One of the two processes.
struct Side {
    store: DiskStore,
    pending: Vec<Change>,
    in_flight: Option<Vec<Change>>,
    /// The moment of the last load of each sid, in the store and in the model.
    loaded: BTreeMap<usize, (u64, u64)>,
}

impl Side {
    fn new(path: &Path, is_synced: bool) -> Side {
        let options = Options {
            is_synced,
            ..options(path)
        };
        Side {
            store: open_with(options),
            pending: Vec::new(),
            in_flight: None,
            loaded: BTreeMap::new(),
        }
    }

    /// Returns the changes that are not committed and that a reader of this process sees: a record that
    /// another process may have removed is not seen, unless it replaces one of the same changes.
    fn seen(&self) -> Vec<&Change> {
        let mut seen = Vec::new();
        for changes in self.in_flight.iter().chain([&self.pending]) {
            let mut stored = BTreeSet::new();
            for change in changes {
                match change {
                    Change::Put(sid, _, _, _, Some(_)) if !stored.contains(sid) => continue,
                    Change::Put(sid, ..) => drop(stored.insert(*sid)),
                    Change::Destroy(sid) => drop(stored.remove(sid)),
                    Change::Clear => stored.clear(),
                    Change::Touch(..) => {}
                }
                seen.push(change);
            }
        }
        seen
    }

    fn view(&self, committed: &Rows) -> Rows {
        let mut rows = committed.clone();
        for change in self.seen() {
            make(&mut rows, change, true);
        }
        rows
    }

    /// Whether the record of a sid is one of a change that is not committed.
    fn has_stored(&self, at: usize) -> bool {
        let changes = self.seen();
        changes.into_iter().fold(false, |has, change| match change {
            Change::Put(sid, ..) if *sid == at => true,
            Change::Destroy(sid) if *sid == at => false,
            Change::Clear => false,
            _ => has,
        })
    }

    /// The change is committed or given to the thread that may wait.
    fn commit(&mut self, committed: &mut Rows) {
        if self.in_flight.is_some() {
            assert_eq!(self.store.commit(), Ok(Commit::Waiting));
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        match self.store.commit().unwrap() {
            Commit::Waiting => self.in_flight = Some(pending),
            Commit::Done(unmade) => settle(committed, &pending, unmade),
        }
    }

    fn finish(&mut self, committed: &mut Rows) {
        let unmade = self.store.finish().unwrap();
        settle(
            committed,
            &self.in_flight.take().unwrap_or_default(),
            unmade,
        );
    }
}

/// Makes changes in the model, and compares what was not made.
fn settle(committed: &mut Rows, changes: &[Change], unmade: Vec<Unmade>) {
    let mut expected = Vec::new();
    for change in changes {
        if !make(committed, change, false)
            && let Change::Put(sid, ..) = change
        {
            expected.push(SIDS[*sid].to_vec());
        }
    }
    let unmade: Vec<_> = unmade
        .into_iter()
        .map(|unmade| {
            assert_eq!(unmade.error, None);
            unmade.sid.unwrap().into_vec()
        })
        .collect();
    assert_eq!(unmade, expected);
}

fn step() -> impl Strategy<Value = (Step, usize, usize, i64)> {
    let step = prop_oneof![
        4 => Just(Step::Put),
        4 => Just(Step::PutSince),
        4 => Just(Step::Load),
        3 => Just(Step::Destroy),
        1 => Just(Step::Clear),
        2 => Just(Step::Touch),
        2 => Just(Step::Renew),
        6 => Just(Step::Commit),
        3 => Just(Step::Finish),
        1 => Just(Step::Prune),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        2 => Just(Step::Pass),
    ];
    (step, 0..2usize, 0..SIDS.len(), 0..8i64)
}

/// Runs of a test of which `EXPRESS_SESSION_CASES` can ask for more.
fn cases(usual: u32) -> u32 {
    let asked = std::env::var("EXPRESS_SESSION_CASES").ok();
    asked.map_or(usual, |asked| asked.parse().expect("a number"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(40)))]

    /// Two stores on one file tell at each step what a list of changes tells that each of them
    /// makes when it commits. One of them commits on the thread that may wait.
    #[test]
    fn two_stores_on_one_file_agree_with_a_model(
        steps in prop::collection::vec(step(), 0..80),
        is_synced: bool,
    ) {
        let (mut folder, mut path) = folder();
        let mut sides = [Side::new(&path, false), Side::new(&path, is_synced)];
        let mut committed = Rows::new();
        let mut now = 0;
        let mut moment = 0;
        for (step, side, at, number) in steps {
            moment += 1;
            let view = sides[side].view(&committed);
            let it = &mut sides[side];
            let sid = SIDS[at];
            let expires = now + number * 1000;
            match step {
                Step::Put | Step::PutSince => {
                    let since = match step {
                        Step::Put => None,
                        _ => it.loaded.get(&at).copied(),
                    };
                    let text = format!(r#"{{"cookie":{},"n":{moment}}}"#, cookie(expires));
                    let real = since.map(|(real, _)| real);
                    let outcome = it.store.set(sid, text.as_bytes(), None, real).unwrap();
                    let since = since.map(|(_, since)| since);
                    if outcome == Stored::Destroyed {
                        let old = view.get(&at);
                        prop_assert!(old.is_none_or(|old| Some(old.born) >= since), "{old:?}");
                    } else {
                        let change = Change::Put(at, moment.to_string(), expires, moment, since);
                        it.pending.push(change);
                    }
                }
                Step::Load => match it.store.get(sid, now, Asker::User, &mut Vec::new()).unwrap() {
                    Found::Live(live) => {
                        prop_assert!(view[&at].expires > now);
                        prop_assert_eq!(live.expires, Some(view[&at].expires));
                        // A record that is committed is known by the moment of its sid: another
                        // process may have put another one in its place meanwhile.
                        let since = if it.has_stored(at) { moment } else { view[&at].born + 1 };
                        it.loaded.insert(at, (live.moment, since));
                    }
                    _ => {
                        prop_assert!(view.get(&at).is_none_or(|row| row.expires <= now));
                        it.loaded.insert(at, (it.store.moment().unwrap(), moment));
                    }
                },
                Step::Destroy => {
                    prop_assert_eq!(it.store.destroy(sid), Ok(view.contains_key(&at)));
                    it.pending.push(Change::Destroy(at));
                }
                Step::Clear => {
                    it.store.clear().unwrap();
                    it.pending.push(Change::Clear);
                }
                Step::Touch | Step::Renew => {
                    let touched = match step {
                        Step::Touch => it.store.touch(sid, cookie(expires).as_bytes(), now, None),
                        _ => it.store.renew(sid, 0, Some(expires), None, now),
                    };
                    match touched.unwrap() {
                        Changed::Done => it.pending.push(Change::Touch(at, expires, now)),
                        // A renewal may rely on what the store has read lately.
                        Changed::Kept => {}
                        Changed::Missing => {
                            prop_assert!(view.get(&at).is_none_or(|row| row.expires <= now));
                        }
                        // No cookie is known before the first session.
                        other => prop_assert_eq!(other, Changed::Refused),
                    }
                }
                Step::Commit => it.commit(&mut committed),
                Step::Finish => it.finish(&mut committed),
                Step::Prune => {
                    it.store.prune(now, usize::MAX).unwrap();
                    committed.retain(|_, row| row.expires > now);
                }
                Step::Checkpoint => it.store.maintain(now).unwrap(),
                Step::Reopen => {
                    it.store.close().unwrap();
                    for change in it.in_flight.take().into_iter().flatten().chain(it.pending.drain(..)) {
                        make(&mut committed, &change, false);
                    }
                    *it = Side::new(&path, is_synced && side == 1);
                }
                Step::Kill => {
                    let next = tempfile::tempdir().unwrap();
                    let other = next.path().join("sessions.db");
                    copy_files(&path, &other);
                    path = other;
                    sides = [Side::new(&path, false), Side::new(&path, is_synced)];
                    folder = next;
                }
                Step::Pass => now += number * 700,
            }
            for side in &sides {
                let view = side.view(&committed);
                for (at, sid) in SIDS.iter().enumerate() {
                    let expected = view
                        .get(&at)
                        .map(|row| format!(r#"{{"cookie":{},"n":{}}}"#, cookie(row.expires), row.n));
                    prop_assert_eq!(peek(&side.store, sid), expected, "{:?}", sid);
                }
                let mut listed = side.store.sids().unwrap();
                listed.sort_unstable();
                let mut expected: Vec<_> = committed.keys().map(|&at| Box::from(SIDS[at])).collect();
                expected.sort_unstable();
                prop_assert_eq!(listed, expected);
                let live = committed.values().filter(|row| row.expires > now).count();
                prop_assert_eq!(side.store.len(now), Ok(live));
            }
            // A moment of the model is at least a moment of the clock.
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(2) {}
        }
        drop(sides);
        drop(folder);
    }
}

// ---------------------------------------------------------------- Several stores on a file

#[test]
fn another_store_sees_what_is_committed() {
    let (_folder, path) = folder();
    let (one, other) = (open(&path), open(&path));
    set(&one, b"a", &session(9, 1));
    assert_eq!(peek(&one, b"a"), Some(session(9, 1)));
    assert_eq!(peek(&other, b"a"), None);
    assert_eq!(commit(&one), []);
    assert_eq!(peek(&other, b"a"), Some(session(9, 1)));
    drop(one);
    drop(other);
    assert_eq!(peek(&open(&path), b"a"), Some(session(9, 1)));
}

/// Who reads a session that has ended elsewhere could store it under another sid.
#[test]
fn a_record_that_may_have_been_removed_is_not_seen_before_it_is_stored() {
    let (_folder, path) = folder();
    let (one, other) = (open(&path), open(&path));
    store_now(&one, b"a", &session(9, 1));
    let since = one.moment().unwrap();
    other.destroy(b"a").unwrap();
    assert_eq!(commit(&other), []);
    let text = session(9, 2);
    one.set(b"a", text.as_bytes(), None, Some(since)).unwrap();
    assert_eq!(peek(&one, b"a"), None);
    assert_eq!(commit(&one).len(), 1);
    assert_eq!(peek(&one, b"a"), None);
}

#[test]
fn dropping_a_store_commits_and_killing_it_does_not() {
    let (folder, path) = folder();
    let store = open(&path);
    store_now(&store, b"a", &session(9, 1));
    set(&store, b"b", &session(9, 2));
    let killed = folder.path().join("killed.db");
    copy_files(&path, &killed);
    assert_eq!(peek(&open(&killed), b"a"), Some(session(9, 1)));
    assert_eq!(peek(&open(&killed), b"b"), None);
    drop(store);
    assert_eq!(peek(&open(&path), b"b"), Some(session(9, 2)));
}

#[test]
fn what_another_store_has_destroyed_never_comes_back() {
    let (_folder, path) = folder();
    let (one, other) = (open(&path), open(&path));
    for is_made_again in [false, true] {
        store_now(&one, b"a", &session(9, 1));
        let since = load(&one, b"a");
        other.destroy(b"a").unwrap();
        if is_made_again {
            set(&other, b"a", &session(9, 2));
        }
        assert_eq!(commit(&other), []);
        let text = session(9, 3);
        let stored = one.set(b"a", text.as_bytes(), None, Some(since));
        assert!(matches!(stored, Ok(Stored::Done(_))), "it cannot know");
        assert_eq!(one.was_destroyed(b"b", since), Ok(true));
        let unmade = Unmade {
            sid: Some(Box::from(&b"a"[..])),
            moment: one.last_change().unwrap(),
            error: None,
        };
        assert_eq!(commit(&one), [unmade]);
        let expected = is_made_again.then(|| session(9, 2));
        assert_eq!(peek(&one, b"a"), expected);
        assert_eq!(one.was_destroyed(b"a", since), Ok(true));
    }
}

#[test]
fn a_clock_that_was_set_back_revives_nothing() {
    let (_folder, path) = folder();
    let (one, other) = (open(&path), open(&path));
    store_now(&one, b"a", &session(9, 1));
    // The session was stored an hour from now.
    tamper(&path, "UPDATE sessions SET born=born+3600000000");
    let since = load(&one, b"a");
    one.set(b"a", session(9, 2).as_bytes(), None, Some(since))
        .unwrap();
    assert_eq!(commit(&one), [], "it is still the same session");
    other.destroy(b"a").unwrap();
    set(&other, b"a", &session(9, 3));
    assert_eq!(commit(&other), []);
    one.set(b"a", session(9, 4).as_bytes(), None, Some(since))
        .unwrap();
    assert_eq!(commit(&one).len(), 1);
    assert_eq!(peek(&one, b"a"), Some(session(9, 3)));
    // What is stored after that moment was not destroyed since.
    let since = load(&one, b"a");
    assert_eq!(one.was_destroyed(b"a", since), Ok(false));
    let now = one.moment().unwrap();
    assert_eq!(one.was_destroyed(b"a", now), Ok(false));
}

#[test]
fn a_touch_revives_nothing() {
    let (_folder, path) = folder();
    let (one, other) = (open(&path), open(&path));
    store_now(&one, b"a", &session(9, 1));
    let id = cookie_id(&one, b"a");
    // Another process lets the session expire, and destroys one.
    store_now(&other, b"a", &session(1, 2));
    let renewed = one.renew(b"a", id, Some(15_000), None, 2000).unwrap();
    assert_eq!(renewed, Changed::Done, "it was alive when it was read");
    assert_eq!(peek(&one, b"a"), Some(session(1, 2)), "it does not show");
    assert_eq!(commit(&one), []);
    assert_eq!(peek(&one, b"a"), Some(session(1, 2)));

    store_now(&one, b"b", &session(9, 1));
    cookie_id(&one, b"b");
    other.destroy(b"b").unwrap();
    assert_eq!(commit(&other), []);
    one.renew(b"b", id, Some(15_000), None, 2000).unwrap();
    assert_eq!(commit(&one), []);
    assert_eq!(peek(&one, b"b"), None);
}

#[test]
fn a_small_touch_is_left_out() {
    let (_folder, path) = folder();
    let store = open_with(Options {
        touch_after: 1000,
        ..options(&path)
    });
    store_now(&store, b"a", &session(20, 1));
    let id = cookie_id(&store, b"a");
    let renew = |to, now| {
        let outcome = store.renew(b"a", id, Some(to), None, now);
        assert_eq!(commit(&store), []);
        outcome.unwrap()
    };
    let touch = |to: i64, now| {
        let outcome = store.touch(b"a", cookie(to).as_bytes(), now, None);
        assert_eq!(commit(&store), []);
        outcome.unwrap()
    };
    assert_eq!(renew(20_999, 0), Changed::Kept);
    assert_eq!(touch(20_999, 0), Changed::Kept);
    assert_eq!(renew(21_000, 0), Changed::Done);
    assert_eq!(renew(21_000, 0), Changed::Kept, "it is there already");
    assert_eq!(renew(20_500, 0), Changed::Done, "shorter");
    assert_eq!(touch(20_499, 0), Changed::Done, "shorter");
    assert_eq!(renew(20_600, 18_601), Changed::Done, "it ends soon");
    assert_eq!(commit(&store), []);
    assert_eq!(
        store.len(20_599).unwrap() - store.len(20_600).unwrap(),
        1,
        "the last one counts"
    );
    let plain = r#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#;
    let touch = |sid: &[u8], now, deadline| {
        let outcome = store.touch(sid, plain.as_bytes(), now, deadline);
        assert_eq!(commit(&store), []);
        outcome.unwrap()
    };
    let text = format!(r#"{{"cookie":{plain}}}"#);
    set(&store, b"b", &text);
    assert_eq!(
        store.touch(b"b", plain.as_bytes(), 0, None),
        Ok(Changed::Done),
        "who asks for it waits for the change that is not committed"
    );
    assert_eq!(commit(&store), []);
    assert_eq!(touch(b"b", 0, None), Changed::Kept);
    assert_eq!(touch(b"b", 0, Some(5000)), Changed::Done);
    assert_eq!(touch(b"b", 0, Some(5001)), Changed::Kept);
    assert_eq!(touch(b"b", 0, None), Changed::Done, "never");
    // Extremes of a deadline.
    let set = |deadline| {
        store
            .set(b"c", text.as_bytes(), Some(deadline), None)
            .unwrap()
    };
    set(i64::MIN);
    assert_eq!(touch(b"c", i64::MIN, Some(i64::MAX)), Changed::Missing);
    set(i64::MIN + 1);
    assert_eq!(commit(&store), []);
    assert_eq!(touch(b"c", i64::MIN, Some(i64::MAX)), Changed::Done);
    assert_eq!(commit(&store), []);
    assert_eq!(store.prune(i64::MAX, usize::MAX), Ok(true));
    assert_eq!(store.sids().unwrap(), [Box::from(&b"b"[..])]);
}

#[test]
fn one_process_prunes_at_a_time() {
    let (_folder, path) = folder();
    let (one, other) = (open(&path), open(&path));
    let now = 1_000_000_000;
    let fill = |sids: std::ops::Range<u8>| {
        for at in sids {
            set(&one, &[at], &session(1, 1));
        }
        assert_eq!(commit(&one), []);
    };
    let count = || one.sids().unwrap().len();
    fill(0..10);
    assert_eq!(one.prune(now, 4), Ok(false));
    assert_eq!(count(), 6);
    assert_eq!(
        other.prune(now + 29_999, 4),
        Ok(true),
        "another one does it"
    );
    assert_eq!(count(), 6);
    // The one that prunes has ended.
    assert_eq!(other.prune(now + 30_000, 4), Ok(false));
    assert_eq!(count(), 2);
    assert_eq!(one.prune(now + 30_001, 4), Ok(true), "it has lost it");
    assert_eq!(other.prune(now + 30_002, 4), Ok(true), "done");
    assert_eq!(count(), 0);
    fill(0..10);
    assert_eq!(one.prune(now + 30_002 + 53_999, 100), Ok(true), "lately");
    assert_eq!(count(), 10);
    assert_eq!(one.prune(now + 30_002 + 54_000, 5), Ok(false));
    assert_eq!(count(), 5);
    // A program asks for all: from the first one on.
    fill(20..25);
    assert_eq!(one.prune(now + 84_003, usize::MAX), Ok(true));
    assert_eq!(count(), 0);
    // The clock was set back.
    fill(0..10);
    assert_eq!(other.prune(now - 1_000_000, 100), Ok(true));
    assert_eq!(count(), 0);
    assert_eq!(
        one.stats().unwrap().expired + other.stats().unwrap().expired,
        35
    );
}

#[test]
fn those_that_expire_first_are_evicted() {
    let (_folder, path) = folder();
    let most = 1 << 20;
    let store = open_with(Options {
        max_bytes: Some(most),
        ..options(&path)
    });
    let other = open_with(Options {
        max_bytes: Some(most),
        ..options(&path)
    });
    assert_eq!(store.take_removed(), Ok(Vec::new()));
    let mut next = 0u64;
    let mut gone = 0;
    for round in 0..120 {
        for _ in 0..50 {
            next += 1;
            // Sids in no order, and one session in ten with a longer text.
            let sid = next.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            let long = if next.is_multiple_of(10) { 3000 } else { 200 };
            let text = format!(
                r#"{{"cookie":{{"expires":null}},"n":"{}"}}"#,
                "x".repeat(long)
            );
            store
                .set(&sid, text.as_bytes(), Some(next as i64), None)
                .unwrap();
        }
        assert_eq!(commit(&store), []);
        let before = store.stats().unwrap();
        store.maintain(0).unwrap();
        other.maintain(0).unwrap();
        let after = store.stats().unwrap();
        let evicted = before.sessions - after.sessions;
        assert!(
            evicted <= before.sessions / 5,
            "{evicted} of {}",
            before.sessions
        );
        assert!(after.bytes <= most + most / 5, "{after:?} in round {round}");
        let removed = store.take_removed().unwrap();
        assert_eq!(removed.len(), evicted, "the other one had nothing to do");
        for removed in &removed {
            assert_eq!(removed.reason, Reason::Evicted);
        }
        gone += evicted;
        // Those that are left are the last ones.
        assert_eq!(store.len(gone as i64), Ok(after.sessions));
    }
    assert!(gone > 2000, "{gone}");
    assert_eq!(store.stats().unwrap().evicted, gone as u64);
}

#[test]
fn those_that_never_expire_are_evicted_last_and_no_more_than_needed() {
    for expiring in [0, 900] {
        let (_folder, path) = folder();
        let store = open_with(Options {
            max_bytes: Some(200_000),
            ..options(&path)
        });
        for at in 0..1000u64 {
            let sid = at.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            let text = format!(
                r#"{{"cookie":{{"expires":null}},"n":"{}"}}"#,
                "x".repeat(200)
            );
            let deadline = (at < expiring).then_some(at as i64);
            store.set(&sid, text.as_bytes(), deadline, None).unwrap();
        }
        assert_eq!(commit(&store), []);
        store.maintain(0).unwrap();
        let left = store.stats().unwrap().sessions;
        assert!((400..700).contains(&left), "{left}");
        if expiring > 0 {
            let last_evicted = 1000 - left as i64 - 1;
            assert_eq!(store.len(last_evicted), Ok(left));
        }
    }
}

#[test]
fn a_row_that_no_store_has_written_is_an_error_or_unclear() {
    let (_folder, path) = folder();
    let store = open(&path);
    let other = open(&path);
    for (born, is_read) in [(-1, false), (0, true), (1 << 52, true), (i64::MAX, false)] {
        store_now(&store, b"a", &session(9, 1));
        tamper(&path, &format!("UPDATE sessions SET born={born}"));
        let read = store.get(b"a", 0, Asker::User, &mut Vec::new());
        assert_eq!(read.is_ok(), is_read, "{read:?}");
        if !is_read {
            assert!(message(read).contains("is damaged"));
            let found = disk_store::check(&path).unwrap();
            assert_eq!(found, ["a session has no moment"]);
        }
        other.destroy(b"a").ok();
        tamper(&path, "DELETE FROM sessions");
        assert!(commit(&other).is_empty());
    }
    store_now(&store, b"b", &session(9, 1));
    tamper(&path, "UPDATE sessions SET cookie='{\"a'");
    let mut text = Vec::new();
    let found = store.get(b"b", 0, Asker::User, &mut text);
    assert_eq!(
        found,
        Ok(Found::Unclear {
            is_classified: true
        })
    );
    assert_eq!(text, br#"{"cookie":{"a,"n":1}"#);
    assert_eq!(
        store.renew(b"b", 0, Some(9_000), None, 0),
        Ok(Changed::Refused)
    );
    // A text in place of one whose cookie could be read.
    store_now(&store, b"c", &session(9, 1));
    let id = cookie_id(&store, b"c");
    store.set_raw(b"c", b"text", None, None).unwrap();
    assert_eq!(
        store.renew(b"c", id, Some(20_000), None, 0),
        Ok(Changed::Refused)
    );
}

#[test]
fn one_change_that_fails_keeps_no_other_from_being_made() {
    let (_folder, path) = folder();
    let store = open(&path);
    store_now(&store, b"old", &session(9, 1));
    tamper(
        &path,
        "CREATE TRIGGER refuse BEFORE INSERT ON sessions WHEN NEW.sid='bad'
         BEGIN SELECT RAISE(ABORT, 'it is refused'); END",
    );
    store.take_removed().unwrap();
    let since = load(&store, b"old");
    store.destroy(b"old").unwrap();
    set(&store, b"a", &session(9, 2));
    set(&store, b"bad", &session(9, 3));
    set(&store, b"b", &session(9, 4));
    let late = store.set(b"c", session(9, 5).as_bytes(), None, Some(since));
    assert!(matches!(late, Ok(Stored::Done(_))), "{late:?}");
    assert_eq!(store.commit(), Ok(Commit::Waiting), "JavaScript tries once");
    let unmade = store.finish().unwrap();
    assert_eq!(unmade.len(), 2);
    assert_eq!(unmade[0].sid.as_deref(), Some(&b"bad"[..]));
    let error = unmade[0].error.as_ref().unwrap().to_string();
    assert!(error.contains("it is refused"), "{error}");
    assert!(error.contains("sessions.db"), "{error}");
    assert_eq!(unmade[1].sid.as_deref(), Some(&b"c"[..]));
    assert_eq!(unmade[1].error, None);
    let expected: Vec<Box<[u8]>> = vec![b"a"[..].into(), b"b"[..].into()];
    let mut sids = store.sids().unwrap();
    sids.sort_unstable();
    assert_eq!(sids, expected);
    assert_eq!(store.take_removed().unwrap().len(), 1, "once");
    // Alone, it is no other.
    set(&store, b"bad", &session(9, 6));
    assert_eq!(commit(&store).len(), 1);
    set(&store, b"bad", &session(9, 6));
    assert!(message(store.close()).contains("it is refused"));
}

// ---------------------------------------------------------------- Waiting and closing

#[test]
fn a_busy_file_is_left_to_the_thread_that_may_wait() {
    let (_folder, path) = folder();
    let store = open(&path);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    set(&store, b"a", &session(9, 1));
    set(&store, b"b", &session(9, 2));
    let start = Instant::now();
    assert_eq!(store.commit(), Ok(Commit::Waiting));
    assert!(
        start.elapsed() < Duration::from_millis(50),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(store.commit(), Ok(Commit::Waiting), "until it has ended");
    set(&store, b"b", &session(9, 3));
    assert_eq!(peek(&store, b"a"), Some(session(9, 1)));
    assert_eq!(peek(&store, b"b"), Some(session(9, 3)));
    thread::scope(|scope| {
        let finished = scope.spawn(|| store.finish());
        thread::sleep(Duration::from_millis(30));
        assert!(!finished.is_finished());
        connection.execute_batch("COMMIT").unwrap();
        assert_eq!(finished.join().unwrap(), Ok(Vec::new()));
    });
    let other = open(&path);
    assert_eq!(peek(&other, b"b"), Some(session(9, 2)));
    assert_eq!(commit(&store), []);
    assert_eq!(peek(&other, b"b"), Some(session(9, 3)));
}

#[test]
fn what_close_commits_is_told_to_the_thread_that_waits() {
    let (_folder, path) = folder();
    let store = open_with(Options {
        is_synced: true,
        ..options(&path)
    });
    let other = open(&path);
    store_now(&store, b"a", &session(9, 1));
    let since = load(&store, b"a");
    other.destroy(b"a").unwrap();
    assert_eq!(commit(&other), []);
    store
        .set(b"a", session(9, 2).as_bytes(), None, Some(since))
        .unwrap();
    assert_eq!(store.commit(), Ok(Commit::Waiting));
    set(&store, b"b", &session(9, 3));
    assert_eq!(store.close(), Ok(()));
    let unmade = store.finish().unwrap();
    assert_eq!(unmade[0].sid.as_deref(), Some(&b"a"[..]));
    assert_eq!(store.finish(), Ok(Vec::new()));
    assert_eq!(peek(&other, b"b"), Some(session(9, 3)));
}

#[test]
fn a_closed_store_fails_everywhere() {
    let (_folder, path) = folder();
    let store = open(&path);
    store_now(&store, b"a", &session(9, 1));
    let id = cookie_id(&store, b"a");
    store.close().unwrap();
    assert_eq!(store.close(), Ok(()));
    let text = session(9, 2);
    let outcomes = [
        message(store.get(b"a", 0, Asker::User, &mut Vec::new())),
        message(store.peek(b"a")),
        message(store.set(b"a", text.as_bytes(), None, None)),
        message(store.put(b"a", b"{}", b"{}", None, None)),
        message(store.set_raw(b"a", b"x", None, None)),
        message(store.write(b"a", id, None, None, None, b"{}")),
        message(store.touch(b"a", b"{}", 0, None)),
        message(store.renew(b"a", id, Some(20_000), None, 0)),
        message(store.classify(b"a", b"x", true, None, 0)),
        message(store.destroy(b"a")),
        message(store.clear()),
        message(store.moment()),
        message(store.was_destroyed(b"a", 1)),
        message(store.sids()),
        message(store.len(0)),
        message(store.prune(0, 1)),
        message(store.maintain(0)),
        message(store.commit()),
        message(store.stats()),
    ];
    for outcome in outcomes {
        assert_eq!(
            outcome,
            format!("DiskStore: {}: the store is closed", path.display())
        );
    }
    assert_eq!(peek(&open(&path), b"a"), Some(session(9, 1)));
}

#[test]
fn threads_that_call_at_once_do_not_hang() {
    for is_synced in [false, true] {
        let (_folder, path) = folder();
        let store = open_with(Options {
            is_synced,
            ..options(&path)
        });
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let repeat = |work: &'static (dyn Fn(&DiskStore) + Sync)| {
                let (store, is_over) = (&store, &is_over);
                scope.spawn(move || {
                    while !is_over.load(Relaxed) {
                        work(store);
                    }
                });
            };
            repeat(&|store| {
                store.set(b"a", session(9, 1).as_bytes(), None, None).ok();
                if store.commit() == Ok(Commit::Waiting) {
                    store.finish().ok();
                }
            });
            repeat(&|store| drop(store.finish()));
            repeat(&|store| {
                store.maintain(0).ok();
                store.prune(0, 10).ok();
            });
            repeat(&|store| {
                store.clear().ok();
                store.destroy(b"a").ok();
                store.stats().ok();
                store.peek(b"a").ok();
            });
            thread::sleep(Duration::from_millis(300));
            thread::scope(|scope| {
                scope.spawn(|| store.close());
                scope.spawn(|| store.close());
            });
            is_over.store(true, Relaxed);
        });
        assert!(store.peek(b"a").is_err());
        drop(store);
        assert_eq!(disk_store::check(&path), Ok(Vec::new()));
    }
}

#[test]
fn sids_and_texts_may_be_odd_and_long() {
    let (_folder, path) = folder();
    let (store, other) = (open(&path), open(&path));
    let long = session(9, 1).replace("\"n\":1", &format!("\"n\":\"{}\"", "y".repeat(10 << 20)));
    let sids: [&[u8]; 6] = [
        b"",
        b"\0",
        b"\0\0",
        b"\xFF\xFE\x80",
        &[b's'; 5000],
        b"plain",
    ];
    for sid in sids {
        set(&store, sid, &session(9, sid.len()));
    }
    set(&store, b"long", &long);
    assert_eq!(
        store.commit(),
        Ok(Commit::Waiting),
        "too much for JavaScript"
    );
    assert_eq!(store.finish(), Ok(Vec::new()));
    for sid in sids {
        assert_eq!(peek(&other, sid), Some(session(9, sid.len())));
    }
    assert_eq!(peek(&other, b"long"), Some(long));
    let (mut listed, mut after): (Vec<Box<[u8]>>, _) = (Vec::new(), None);
    for _ in 0..4 {
        let some = other.sids_after(after.as_deref(), 2).unwrap();
        after = some.last().cloned();
        listed.extend(some);
    }
    assert_eq!(listed, other.sids().unwrap());
    assert_eq!(listed.len(), 7);
    for sid in sids {
        assert_eq!(other.destroy(sid), Ok(true));
    }
    assert_eq!(commit(&other), []);
    assert_eq!(store.sids().unwrap().len(), 1);
}

#[test]
fn the_thread_that_reads_all_stops_no_writer() {
    let (_folder, path) = folder();
    let store = open(&path);
    let reader = Connection::open(&path).unwrap();
    store_now(&store, b"a", &session(9, 1));
    reader
        .execute_batch("BEGIN; SELECT 1 FROM sessions")
        .unwrap();
    // More than the log that is begun anew.
    for letter in "abcdefghijkl".chars() {
        let long = format!("\"n\":\"{}\"", letter.to_string().repeat(1 << 20));
        store_now(&store, b"a", &session(9, 1).replace("\"n\":1", &long));
    }
    let log = || {
        let log = fs::metadata(format!("{}-wal", path.display()));
        log.unwrap().len()
    };
    assert!(log() > 12 << 20);
    let start = Instant::now();
    store.maintain(0).unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    // When the reader has ended, the log is begun anew.
    reader.execute_batch("COMMIT").unwrap();
    store_now(&store, b"a", &session(9, 2));
    store.maintain(0).unwrap();
    store_now(&store, b"a", &session(9, 3));
    assert!(log() < 14 << 20);
}

// ---------------------------------------------------------------- The file

/// The work of a child process, in the variable `VARIABLE`. The parent sees whether it ends by a
/// signal or a panic.
const VARIABLE: &str = "EXPRESS_SESSION_CHILD";

/// Runs a work in a process of its own. Returns the lines that it has told.
fn child(work: &str, path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "works_as_a_child", "--nocapture"])
        .env(VARIABLE, work)
        .env("EXPRESS_SESSION_PATH", path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits for the end of a child, and returns what it has told.
fn told(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter_map(|line| line.split_once("told: "));
    lines.map(|(_, line)| line.to_owned()).collect()
}

/// Does nothing but in a child.
#[test]
fn works_as_a_child() {
    let Ok(work) = std::env::var(VARIABLE) else {
        return;
    };
    let path = PathBuf::from(std::env::var_os("EXPRESS_SESSION_PATH").unwrap());
    let tell = |line: &dyn std::fmt::Display| println!("\ntold: {line}");
    match &*work {
        "use" => fs::read_dir(&path)
            .unwrap()
            .filter_map(|entry| {
                let path = entry.unwrap().path();
                (path.extension()? == "db").then_some(path)
            })
            .for_each(|path| tell(&use_damaged(&path))),
        "replace" => {
            let options = Options {
                is_replaced: true,
                ..options(&path)
            };
            let (store, warning) = DiskStore::open(options).unwrap();
            let sid = std::process::id().to_be_bytes();
            store_now(&store, &sid, &session(9, 1));
            tell(&warning.is_some());
        }
        "make" => {
            let store = open(&path);
            store_now(&store, &std::process::id().to_be_bytes(), &session(9, 1));
            tell(&"made");
        }
        // As a user who may not write.
        "open" => tell(&message(DiskStore::open(options(&path)))),
        other => unreachable!("{other}"),
    }
}

/// Uses a file in all ways, and then as one that may be replaced. Returns what came of it.
fn use_damaged(path: &Path) -> String {
    let before = fs::read(path).unwrap();
    let mut errors = Vec::new();
    let opened = DiskStore::open(options(path));
    let is_open = opened.is_ok();
    match opened {
        Err(error) => errors.push(error),
        Ok((store, _)) => {
            let mut note = |outcome: Result<(), Error>| errors.extend(outcome.err());
            for at in 0..60u32 {
                let sid = at.to_be_bytes();
                note(store.get(&sid, 0, Asker::User, &mut Vec::new()).map(drop));
                note(store.renew(&sid, 0, Some(20_000), None, 0).map(drop));
            }
            let commit = || {
                let unmade = match store.commit() {
                    Ok(Commit::Waiting) => store.finish(),
                    Ok(Commit::Done(unmade)) => Ok(unmade),
                    Err(error) => Err(error),
                };
                for unmade in unmade? {
                    unmade.error.map_or(Ok(()), Err)?;
                }
                Ok(())
            };
            note(commit());
            for at in (0..70u32).step_by(3) {
                note(store.destroy(&at.to_be_bytes()).map(drop));
                note(
                    store
                        .set(
                            &(at + 1).to_be_bytes(),
                            session(9, 1).as_bytes(),
                            None,
                            None,
                        )
                        .map(drop),
                );
            }
            note(commit());
            note(store.take_removed().map(drop));
            note(store.stats().map(drop));
            note(store.sids().map(drop));
            note(store.prune(2000, 7).map(drop));
            note(store.prune(2000, usize::MAX).map(drop));
            note(store.maintain(0));
            note(disk_store::check(path).map(drop));
            note(store.close());
        }
    }
    for error in &errors {
        let error = error.to_string();
        let what = [
            "is damaged or no session database",
            "a database of another program",
            "has version",
        ];
        assert!(what.iter().any(|what| error.contains(what)), "{error}");
        assert!(error.contains(&*path.to_string_lossy()), "{error}");
    }
    let is_damaged = errors
        .iter()
        .any(|error| error.to_string().contains("is damaged"));
    let options = Options {
        is_replaced: true,
        ..options(path)
    };
    match DiskStore::open(options) {
        Err(error) => {
            let error = error.to_string();
            assert!(
                error.contains("another program") || error.contains("version"),
                "{error}"
            );
            "refused".to_owned()
        }
        Ok((store, None)) => {
            // A page that could not be read may have been written anew, and one that is damaged
            // may not have been read.
            let found = disk_store::check(path);
            assert!(
                !is_damaged || found == Ok(Vec::new()),
                "{errors:?} {found:?}"
            );
            store_now(&store, b"new", &session(9, 2));
            "sound".to_owned()
        }
        Ok((store, Some(warning))) => {
            assert!(is_damaged, "{warning}");
            assert_eq!(store.sids(), Ok(Vec::new()));
            store_now(&store, b"new", &session(9, 2));
            store.close().unwrap();
            assert_eq!(disk_store::check(path), Ok(Vec::new()));
            let aside = warning.split(" copied to ").nth(1).unwrap();
            let aside = aside.split(", and").next().unwrap();
            if !is_open {
                assert!(fs::read(aside).unwrap() == before, "it is kept as it was");
            }
            "replaced".to_owned()
        }
    }
}

/// A file of a store with some sessions, of which some have long texts.
fn filled(path: &Path) {
    let store = open(path);
    for at in 0..60u32 {
        let n = if at % 9 == 0 { 9000 } else { 300 };
        let text = session(i64::from(at) % 9 + 1, 1)
            .replace("\"n\":1", &format!("\"n\":\"{}\"", "z".repeat(n)));
        set(&store, &at.to_be_bytes(), &text);
    }
    assert_eq!(commit(&store), []);
    for at in (0..60u32).step_by(7) {
        store.destroy(&at.to_be_bytes()).unwrap();
    }
    assert_eq!(commit(&store), []);
}

/// Whatever has become of a page or of the file's end, the outcome is an answer or an error that
/// says what to do; and an empty store, if that is wanted.
#[test]
fn a_damaged_page_is_an_error_and_never_the_end() {
    let (folder, path) = folder();
    filled(&path);
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 20, "{pages}");
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut dice = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice as u8
    };
    for page in 0..pages {
        let folder = folder.path().join(page.to_string());
        fs::create_dir(&folder).unwrap();
        let (start, end) = (page * 4096, page * 4096 + 4096);
        let write = |name: &str, change: &mut dyn FnMut(&mut Vec<u8>)| {
            let mut bytes = whole.clone();
            change(&mut bytes);
            fs::write(folder.join(format!("{name}.db")), bytes).unwrap();
        };
        write("zeros", &mut |bytes| bytes[start..end].fill(0));
        write("ones", &mut |bytes| bytes[start..end].fill(0xFF));
        write("random", &mut |bytes| {
            bytes[start..end].fill_with(&mut random)
        });
        write("cut", &mut |bytes| bytes.truncate(start));
        write("half", &mut |bytes| bytes.truncate(start + 1000));
        write("bytes", &mut |bytes| {
            for _ in 0..8 {
                let at = usize::from(random()) * 16 + usize::from(random()) % 16;
                bytes[start + at] = random();
            }
        });
        write("header", &mut |bytes| {
            let at = start + if page == 0 { 100 } else { 0 };
            bytes[at..at + 12].fill_with(&mut random);
        });
        for outcome in told(child("use", &folder)) {
            *outcomes.entry(outcome).or_default() += 1;
        }
    }
    assert_eq!(outcomes.values().sum::<usize>(), pages * 7, "{outcomes:?}");
    assert!(outcomes["replaced"] > pages * 3, "{outcomes:?}");
    println!("{outcomes:?}");
}

/// A log that is damaged loses what it has, and nothing else.
#[test]
fn a_damaged_log_is_left_out() {
    let (folder, path) = folder();
    filled(&path);
    let store = open(&path);
    for at in 0..60u32 {
        store_now(&store, &at.to_be_bytes(), &session(9, 7));
    }
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    let length = fs::metadata(log(&path)).unwrap().len() as usize;
    let copies = folder.path().join("copies");
    fs::create_dir(&copies).unwrap();
    for at in (0..length).step_by(length / 12) {
        for (name, byte) in [("zeros", Some(0)), ("ones", Some(0xFF)), ("cut", None)] {
            let other = copies.join(format!("{name}-{at}.db"));
            copy_files(&path, &other);
            let mut bytes = fs::read(log(&other)).unwrap();
            match byte {
                Some(byte) => bytes[at..(at + 100).min(length)].fill(byte),
                None => bytes.truncate(at),
            }
            fs::write(log(&other), bytes).unwrap();
        }
    }
    let outcomes = told(child("use", &copies));
    assert!(outcomes.len() >= 36);
    assert!(outcomes.iter().all(|it| it == "sound"), "{outcomes:?}");
}

#[test]
fn what_is_no_database_of_ours_is_refused() {
    let (folder, path) = folder();
    let refused = |path: &Path| {
        let before = fs::read(path).ok();
        let error = message(DiskStore::open(Options {
            is_replaced: true,
            ..options(path)
        }));
        assert!(error.contains(&*path.to_string_lossy()), "{error}");
        assert_eq!(fs::read(path).ok(), before, "it is left alone");
        error
    };
    tamper(&path, "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    assert!(refused(&path).contains("a database of another program"));

    let newer = folder.path().join("newer.db");
    filled(&newer);
    tamper(
        &newer,
        "PRAGMA user_version=2000; PRAGMA wal_checkpoint(TRUNCATE)",
    );
    assert!(refused(&newer).contains("version 2000"));
    tamper(
        &newer,
        "PRAGMA user_version=1999; ALTER TABLE sessions ADD COLUMN more TEXT",
    );
    let store = open(&newer);
    store_now(&store, b"a", &session(9, 1));
    assert_eq!(
        peek(&store, b"a"),
        Some(session(9, 1)),
        "a newer minor version"
    );

    let error = refused(folder.path());
    assert!(error.contains("this is a folder"), "{error}");
    let under_a_file = path.join("sessions.db");
    assert!(refused(&under_a_file).contains("its folder cannot be made"));
}

#[test]
fn a_text_file_is_kept_aside() {
    let (folder, path) = folder();
    for text in ["no database", &"word ".repeat(2000)] {
        fs::write(&path, text).unwrap();
        let error = message(DiskStore::open(options(&path)));
        assert!(
            error.contains("is damaged or no session database"),
            "{error}"
        );
        assert!(error.contains("onDamage: 'fresh'"), "{error}");
        let (store, warning) = DiskStore::open(Options {
            is_replaced: true,
            ..options(&path)
        })
        .unwrap();
        let warning = warning.unwrap();
        assert!(warning.contains("sessions.db.damaged-2"), "{warning}");
        store_now(&store, b"a", &session(9, 1));
        drop(store);
        let kept = fs::read_dir(folder.path()).unwrap().filter(|entry| {
            let path = entry.as_ref().unwrap().path();
            fs::read(path).unwrap() == text.as_bytes()
        });
        assert_eq!(kept.count(), 1);
        fs::remove_file(&path).unwrap();
    }
}

/// A process that has the file open goes on with the store that others have emptied.
#[test]
fn a_store_that_was_emptied_meanwhile_goes_on() {
    let (_folder, path) = folder();
    filled(&path);
    let store = open(&path);
    cookie_id(&store, &1u32.to_be_bytes());
    tamper(
        &path,
        "PRAGMA writable_schema=ON; DELETE FROM sqlite_schema WHERE name='upkeep'",
    );
    assert_eq!(told(child("replace", &path)), ["true"]);
    store_now(&store, b"a", &session(9, 1));
    assert_eq!(store.sids().unwrap().len(), 2);
    drop(store);
    let other = open(&path);
    assert_eq!(peek(&other, b"a"), Some(session(9, 1)));
    assert_eq!(disk_store::check(&path), Ok(Vec::new()));
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _) = folder();
    let path = folder.path().join("new/folder/sessions.db");
    let store = open(&path);
    store_now(&store, b"a", &session(9, 1));
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for end in ["", "-wal", "-shm"] {
        assert_eq!(
            mode(PathBuf::from(format!("{}{end}", path.display()))),
            0o600,
            "{end}"
        );
    }
    for folder in path.ancestors().skip(1).take(2) {
        assert_eq!(mode(folder.to_owned()), 0o700);
    }
}

/// Root may write everywhere, so a child of another user tries.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let (folder, path) = folder();
    filled(&path);
    let allow =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let is_root = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0;
    let try_it = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "works_as_a_child", "--nocapture"])
            .env(VARIABLE, "open")
            .env("EXPRESS_SESSION_PATH", &path)
            .stdout(Stdio::piped());
        if is_root {
            command.uid(65_534).gid(65_534);
        }
        match command.spawn() {
            Ok(child) => Some(told(child).concat()),
            // Where another user may not even start the test.
            Err(_) if is_root => None,
            Err(error) => unreachable!("{error}"),
        }
    };
    allow(folder.path(), 0o755);
    allow(&path, 0o444);
    let Some(error) = try_it() else {
        return;
    };
    assert!(error.contains("cannot be written to"), "{error}");
    fs::remove_file(&path).unwrap();
    allow(folder.path(), 0o555);
    let error = try_it().unwrap();
    assert!(error.contains("the file cannot be made"), "{error}");
    assert!(
        error.contains("Give the user that runs this process the right"),
        "{error}"
    );
    allow(folder.path(), 0o755);
}

#[test]
fn many_may_make_the_file_at_once() {
    for round in 0..5 {
        let (_folder, path) = folder();
        let children: Vec<_> = (0..3).map(|_| child("make", &path)).collect();
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for at in 0..4u8 {
                let (start, path) = (&start, &path);
                scope.spawn(move || {
                    start.wait();
                    store_now(&open(path), &[at], &session(9, 1));
                });
            }
        });
        for child in children {
            assert_eq!(told(child), ["made"]);
        }
        assert_eq!(open(&path).sids().unwrap().len(), 7, "round {round}");
    }
}

/// Of several that find a damaged file one puts it aside, and none loses what another one has
/// stored since.
#[test]
fn many_may_find_damage_at_once() {
    for round in 0..5 {
        let (folder, path) = folder();
        filled(&path);
        let mut bytes = fs::read(&path).unwrap();
        bytes[..100].fill(round);
        fs::write(&path, bytes).unwrap();
        let children: Vec<_> = (0..4).map(|_| child("replace", &path)).collect();
        let warned = children
            .into_iter()
            .flat_map(told)
            .filter(|line| line == "true")
            .count();
        assert_eq!(warned, 1, "round {round}");
        assert_eq!(open(&path).sids().unwrap().len(), 4, "round {round}");
        let aside = fs::read_dir(folder.path()).unwrap().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().contains("db.damaged-")
        });
        assert_eq!(aside.count(), 1);
        assert_eq!(disk_store::check(&path), Ok(Vec::new()));
    }
}
