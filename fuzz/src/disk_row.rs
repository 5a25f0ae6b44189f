//! The row of a session in the file of a `DiskStore`, as another program may have written it.

use std::cell::RefCell;

use express_session_core::disk_store::{DiskStore, Options};
use express_session_core::engine::{Asker, Changed, Commit, Engine, Found, Reason};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ToSql, params};
use serde_json::Value as Json;
use tempfile::TempDir;

use super::{cut, same, sure};

const SID: &[u8] = b"sid";
/// The time of all calls, in ms since the epoch.
const NOW: i64 = 1_000_000;

/// A store with one session, of which the row is changed, and another connection to its file.
struct Fixture {
    store: DiskStore,
    connection: Connection,
    /// Removed when the thread ends.
    _folder: TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap_or_else(|error| unreachable!("{error}"));
        let path = folder.path().join("sessions.db");
        let (store, _) = sure(DiskStore::open(Options {
            path: path.clone(),
            is_synced: false,
            touch_after: 0,
            max_bytes: None,
            is_replaced: false,
            check_period: 0,
            max_of_user: None,
        }));
        sure(store.take_removed());
        let connection = Connection::open(path).unwrap_or_else(|error| unreachable!("{error}"));
        Fixture {
            store,
            connection,
            _folder: folder,
        }
    }

    fn commit(&self) {
        let unmade = match sure(self.store.commit()) {
            Commit::Done(unmade) => unmade,
            Commit::Waiting => sure(self.store.finish()),
        };
        assert_eq!(unmade, []);
    }
}

/// Bytes that are stored as a text.
struct Text<'t>(&'t [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

/// Checks a row. The input has the kind and the expiry as two bytes, the template of the cookie up
/// to a line feed, and the data.
///
/// Whatever is in the row, the store reads it, renews it, and hands it out when it is removed; and
/// the text that a program gets is the same in each way of reading it.
pub fn check(input: &[u8]) {
    thread_local! {
        static FIXTURE: RefCell<Fixture> = RefCell::new(Fixture::new());
    }
    FIXTURE.with_borrow_mut(|fixture| check_row(fixture, input));
}

fn check_row(fixture: &Fixture, input: &[u8]) {
    let Some((&[kind, expiry], rest)) = input.split_first_chunk() else {
        return;
    };
    let (template, data) = cut(rest, b'\n');
    let data = data.unwrap_or_default();
    let kind = i64::from(kind % 4);
    let expires = match expiry {
        b'0' => None,
        b'1' => Some(i64::MAX),
        b'2' => Some(i64::MIN),
        other => Some(NOW - 100 + i64::from(other)),
    };
    let Fixture {
        store, connection, ..
    } = fixture;
    sure(store.set(SID, b"{}", None, None));
    fixture.commit();
    let cookie = match template {
        b"" => ToSqlOutput::Owned(Value::Null),
        _ => ToSqlOutput::Borrowed(ValueRef::Text(template)),
    };
    let sql = "UPDATE sessions SET kind=?1, expires=?2, cookie=?3, data=?4";
    let written = connection.execute(sql, params![kind, expires, cookie, Text(data)]);
    assert_eq!(written, Ok(1));

    let whole = sure(store.peek(SID)).unwrap_or_default();
    let mut text = b"left over".to_vec();
    let found = sure(store.get_whole(SID, NOW, Asker::User, &mut text));
    let is_alive = expires.is_none_or(|expires| expires > NOW);
    assert_eq!(found == Found::Missing, !is_alive);
    assert_eq!(sure(store.len(NOW)), usize::from(is_alive && kind != 2));
    if is_alive {
        same(&text, &whole);
    } else {
        same(&text, b"");
    }
    match found {
        Found::Missing => {}
        Found::Unclear { is_classified } => {
            assert_eq!(is_classified, kind != 1);
            if template.is_empty() {
                same(&whole, data);
            }
            assert_eq!(sure(store.renew(SID, 0, None, None, NOW)), Changed::Refused);
        }
        Found::Live(live) => {
            let mut cookie = Vec::new();
            live.cookie.write(live.expires, &mut cookie);
            assert_eq!(live.cookie.template(), template);
            if !live.cookie.has_date() {
                same(&cookie, template);
            }
            check_json(&whole, &cookie, data);
            // A renewal changes the date alone.
            let renewed = sure(store.renew(SID, live.cookie.id, None, None, NOW));
            fixture.commit();
            if renewed == Changed::Done {
                let now = sure(store.get(SID, NOW, Asker::User, &mut text));
                let Found::Live(after) = now else {
                    // It has a date before now, as the lifetime of the cookie is negative.
                    assert_eq!(now, Found::Missing);
                    return removed(fixture);
                };
                same(after.cookie.template(), template);
                same(&text, data);
            }
        }
    }
    removed(fixture);
}

/// The text is the JSON of the data with the cookie in it, if both are JSON.
fn check_json(whole: &[u8], cookie: &[u8], data: &[u8]) {
    let parse = |text: &[u8]| serde_json::from_slice::<Json>(text).ok();
    let (Some(cookie), Some(Json::Object(mut data))) = (parse(cookie), parse(data)) else {
        return;
    };
    // `JSON.stringify` writes no key twice and no white space, and the data have no cookie.
    let is_plain = !whole
        .iter()
        .any(|&byte| byte == b'\\' || byte.is_ascii_whitespace());
    if data.insert("cookie".to_owned(), cookie).is_none() && is_plain {
        assert_eq!(parse(whole), Some(Json::Object(data)));
    }
}

/// What is handed out of a removed session is what it had.
fn removed(fixture: &Fixture) {
    let whole = sure(fixture.store.peek(SID)).unwrap_or_default();
    assert!(sure(fixture.store.destroy(SID)));
    fixture.commit();
    let removed = sure(fixture.store.take_removed());
    let [removed] = &removed[..] else {
        unreachable!("{removed:?}");
    };
    assert_eq!(removed.reason, Reason::Destroyed);
    same(&removed.text, &whole);
}
