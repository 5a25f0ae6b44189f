//! The store on a disk when the machine dies, and when the disk fails.
//!
//! # The death of the machine
//! A run is recorded: each write, truncation, deletion and sync that SQLite asks the system for, in
//! their order. Then the machine dies at a point of the record. Of each file, what was written
//! before its last sync is there. Of what was written later, each block of 512 bytes is there or
//! not by chance, and each truncation has happened or not: so later writes may be there without
//! earlier ones, and a file may be longer than what is in it. A deletion is there at once. What a
//! block has is old or new, never a mixture, and a sync that has returned holds: SQLite's own
//! assumptions ("Atomic Commit In SQLite", 2; powersafe overwrite). The index of the log, `-shm`,
//! is memory, and gone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use express_session_core::disk_store::{self, DiskStore, Options};
use express_session_core::engine::{Commit, Engine, Unmade};
use express_session_core::error::Error;
use parking_lot::Mutex;

mod vfs;

use vfs::{Fault, Op};

/// There is one recorder.
static ALONE: Mutex<()> = Mutex::new(());

/// Chances that are the same at every run (Marsaglia, "Xorshift RNGs").
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

fn open(path: &Path, is_synced: bool) -> Result<DiskStore, Error> {
    let opened = DiskStore::open(Options {
        path: path.to_owned(),
        is_synced,
        touch_after: 0,
        max_bytes: None,
        is_replaced: false,
        check_period: 60_000,
        max_of_user: None,
    });
    opened.map(|(store, warning)| {
        assert_eq!(warning, None);
        store
    })
}

fn session(n: usize, length: usize) -> String {
    format!(
        r#"{{"cookie":{{"expires":null}},"n":{n},"x":"{}"}}"#,
        "x".repeat(length)
    )
}

fn commit(store: &DiskStore) -> Result<Vec<Unmade>, Error> {
    match store.commit()? {
        Commit::Done(unmade) => Ok(unmade),
        Commit::Waiting => store.finish(),
    }
}

type Sessions = BTreeMap<Vec<u8>, String>;

fn sessions(store: &DiskStore) -> Sessions {
    let sids = store.sids().unwrap();
    let text = |sid: &[u8]| String::from_utf8(store.peek(sid).unwrap().unwrap()).unwrap();
    sids.iter().map(|sid| (sid.to_vec(), text(sid))).collect()
}

/// How many cases a test looks at: `EXPRESS_SESSION_CASES` can ask for more.
fn cases(usual: usize) -> usize {
    let asked = std::env::var("EXPRESS_SESSION_CASES").ok();
    asked.map_or(usual, |asked| asked.parse().expect("a number"))
}

/// A recorded run: what the store had after each commit, with the length of the record then.
struct Run {
    path: PathBuf,
    ops: Vec<Op>,
    states: Vec<(usize, Sessions)>,
}

fn run(path: &Path, is_synced: bool, dice: &mut Dice) -> Run {
    vfs::record(&path.to_string_lossy());
    let store = open(path, is_synced).unwrap();
    let mut now = Sessions::new();
    let mut states = vec![(0, now.clone())];
    for n in 0..150 {
        for _ in 0..=dice.below(3) {
            let sid = vec![dice.below(12) as u8];
            match dice.below(5) {
                0 => {
                    store.destroy(&sid).unwrap();
                    now.remove(&sid);
                }
                _ => {
                    let length = [10, 300, 3000, 30_000][dice.below(4)];
                    let text = session(n, length);
                    store.set(&sid, text.as_bytes(), None, None).unwrap();
                    now.insert(sid, text);
                }
            }
        }
        if n == 70 {
            store.clear().unwrap();
            now.clear();
        }
        assert_eq!(commit(&store), Ok(Vec::new()));
        states.push((vfs::count(), now.clone()));
        if dice.below(9) == 0 {
            store.maintain(0).unwrap();
        }
    }
    let ops = vfs::end();
    Run {
        path: path.to_owned(),
        ops,
        states,
    }
}

/// Returns the files as a death before the operation `end` leaves them.
fn files_after_death<'o>(ops: &'o [Op], end: usize, dice: &mut Dice) -> HashMap<&'o str, Vec<u8>> {
    let mut synced: HashMap<&str, usize> = HashMap::new();
    for (at, op) in ops[..end].iter().enumerate() {
        if let Op::Sync { file } | Op::Delete { file } = op {
            synced.insert(file, at);
        }
    }
    // None, few, many or all of what was not synced.
    let chance = [0, 10, 50, 90, 99, 100][dice.below(6)];
    let mut files: HashMap<&str, Vec<u8>> = HashMap::new();
    for (at, op) in ops[..end].iter().enumerate() {
        let mut is_there = |file: &str| {
            synced.get(file).is_some_and(|&synced| at < synced) || dice.below(100) < chance
        };
        match op {
            Op::Write { file, at, bytes } => {
                // The writes of SQLite begin anywhere, blocks do not.
                let mut at = *at;
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let (block, behind) = rest.split_at(rest.len().min(512 - at % 512));
                    if is_there(file) {
                        let content = files.entry(file).or_default();
                        if content.len() < at + block.len() {
                            content.resize(at + block.len(), 0);
                        }
                        content[at..at + block.len()].copy_from_slice(block);
                    }
                    at += block.len();
                    rest = behind;
                }
            }
            Op::Truncate { file, length } => {
                if is_there(file) {
                    files.entry(file).or_default().truncate(*length);
                }
            }
            Op::Sync { .. } => {}
            Op::Delete { file } => {
                files.remove(&**file);
            }
        }
    }
    files
}

fn survives_the_death_of_the_machine(is_synced: bool) {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let Run { path, ops, states } = run(&path, is_synced, &mut dice);
    let database = path.to_string_lossy().into_owned();
    let log = format!("{database}-wal");
    let made = states[1].0;
    let mut lost = 0;
    let cases = cases(200);
    for case in 0..cases {
        // Each point while the file is made, and then any.
        let end = if case < made {
            case
        } else {
            dice.below(ops.len() + 1)
        };
        let files = files_after_death(&ops, end, &mut dice);
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("sessions.db");
        for (file, content) in &files {
            let name = file.strip_prefix(&database).unwrap();
            fs::write(format!("{}{name}", other.display()), content).unwrap();
        }
        let store =
            open(&other, false).unwrap_or_else(|error| unreachable!("case {case}, {end}: {error}"));
        let found = sessions(&store);
        store
            .set(b"new", session(0, 10).as_bytes(), None, None)
            .unwrap();
        assert_eq!(commit(&store), Ok(Vec::new()));
        drop(store);
        assert_eq!(
            disk_store::check(&other),
            Ok(Vec::new()),
            "case {case}, {end}"
        );

        // The commit that had returned last, and the last one that the disk has.
        let returned = states.iter().rposition(|(at, _)| *at <= end).unwrap();
        let is_log = |op: &Op| matches!(op, Op::Sync { file } if *file == log);
        let durable = match ops[..end].iter().rposition(is_log) {
            _ if is_synced => returned,
            Some(sync) => states.iter().rposition(|(at, _)| *at <= sync).unwrap(),
            None => 0,
        };
        let last = (returned + 1).min(states.len() - 1);
        let state = (durable..=last).rev().find(|&at| states[at].1 == found);
        let Some(state) = state else {
            unreachable!(
                "case {case}, {end}: the sessions are none of the states {durable} to {last}"
            );
        };
        lost += usize::from(state < returned);
    }
    println!(
        "{cases} deaths in a record of {} operations; {lost} lost a commit",
        ops.len()
    );
    assert_eq!(
        lost > 0,
        !is_synced,
        "{lost}: the disk may have all, or must"
    );
}

#[test]
fn with_each_commit_synced_the_death_of_the_machine_loses_none() {
    survives_the_death_of_the_machine(true);
}

#[test]
fn without_it_what_was_synced_is_there_and_nothing_is_torn() {
    survives_the_death_of_the_machine(false);
}

/// When the disk is full, what is there can be read, what cannot be stored is an error of its own,
/// and writing goes on once there is room.
#[test]
fn a_full_disk_is_an_error_of_each_change() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    vfs::record(&path.to_string_lossy());
    let store = open(&path, false).unwrap();
    store
        .set(b"old", session(1, 100).as_bytes(), None, None)
        .unwrap();
    assert_eq!(commit(&store), Ok(Vec::new()));
    vfs::fail(Some(Fault::Longer(100_000)));
    for (sid, length) in [(b"a", 100), (b"b", 200_000), (b"c", 100)] {
        store
            .set(sid, session(2, length).as_bytes(), None, None)
            .unwrap();
    }
    let unmade = commit(&store).unwrap();
    assert_eq!(unmade.len(), 1, "{unmade:?}");
    assert_eq!(unmade[0].sid.as_deref(), Some(&b"b"[..]));
    let error = unmade[0].error.as_ref().unwrap().to_string();
    assert!(
        error.contains("disk is full. Make room on the disk"),
        "{error}"
    );
    assert!(error.contains("sessions.db"), "{error}");
    let sids: Vec<_> = sessions(&store).into_keys().collect();
    assert_eq!(sids, [&b"a"[..], b"c", b"old"]);
    vfs::fail(None);
    store
        .set(b"b", session(2, 200_000).as_bytes(), None, None)
        .unwrap();
    assert_eq!(commit(&store), Ok(Vec::new()));
    drop(store);
    vfs::end();
    assert_eq!(sessions(&open(&path, false).unwrap()).len(), 4);
    assert_eq!(disk_store::check(&path), Ok(Vec::new()));
}

/// Each write and sync of a run fails once in turn. Each change is made or has an error, and the
/// store goes on.
#[test]
fn a_disk_that_fails_once_costs_no_other_change() {
    let _alone = ALONE.lock();
    let step = 1 + 30 / cases(30);
    for is_synced in [false, true] {
        for nth in (0..).step_by(step) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("sessions.db");
            vfs::record(&path.to_string_lossy());
            let store = open(&path, is_synced).unwrap();
            let mut expected = Sessions::new();
            let mut failed = 0;
            vfs::fail(Some(Fault::Nth(nth)));
            for n in 0..12 {
                let sids = [vec![n as u8], vec![n as u8 / 2, 1]];
                for sid in &sids {
                    store
                        .set(sid, session(n, 600 * n).as_bytes(), None, None)
                        .unwrap();
                }
                let outcome = commit(&store);
                let all = outcome.is_err();
                failed += usize::from(all);
                let unmade = outcome.unwrap_or_default();
                for sid in sids {
                    let own = unmade.iter().any(|it| it.sid.as_deref() == Some(&sid[..]));
                    failed += usize::from(own);
                    if !own && !all {
                        expected.insert(sid, session(n, 600 * n));
                    }
                }
                assert_eq!(sessions(&store), expected, "{nth}, {n}");
                if n % 4 == 3 {
                    failed += usize::from(store.maintain(0).is_err());
                }
            }
            let is_over = vfs::is_to_fail();
            vfs::fail(None);
            assert!(failed <= 1, "{failed} at {nth}");
            let other = open(&path, false).unwrap();
            assert_eq!(sessions(&other), expected, "{nth}");
            drop((store, other));
            vfs::end();
            assert_eq!(disk_store::check(&path), Ok(Vec::new()), "{nth}");
            if is_over {
                break;
            }
        }
    }
}
