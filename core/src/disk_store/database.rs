//! One connection to the database: its settings, and the statements that are sent to it.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{
    CachedStatement, Connection, ErrorCode, OpenFlags, Params, Row, ToSql, ffi, params,
};
use sha2::{Digest, Sha256};

use super::changes::{Change, Condition, Limit, Record, Touched};
use super::is_live;
use super::only_copy::Claim;
use crate::cookie_text::{CookieText, CookieTextCache};
use crate::engine::{Listed, Reason, Removed, Unmade};
use crate::error::Error;
use crate::meta::{Whose, user_of};
use crate::session_text::{self, is_pointer, is_same_data};

/// The `application_id` of a database of ours: `ESRS` in ASCII.
const APPLICATION: i64 = 0x4553_5253;
/// The `user_version` of a database that this version of the package makes. Its thousands are
/// the major version: a database of the same major version may have more tables and columns.
const VERSION: i64 = 1000;

/// The bytes of a page.
const PAGE: usize = 4096;

/// The tables. `kind` is one of the `KIND_` numbers. `cookie` is the JSON of the session's cookie,
/// in which `""` stands for the date, which is `expires`; and `data` is the JSON of the session
/// without the cookie. A text that only JavaScript can read is in `data` whole, and its `cookie`
/// is null. `expires` is in ms since the epoch, or null for never. `born` is the moment at which
/// the sid was inserted, in µs since the epoch; a replacement keeps it.
///
/// `id` is made of the sid by [`id_of`], and is the key. With the sid itself as the key, each page
/// that leads to others would keep whole sessions, so that a look-up among a million would read five
/// such pages in place of two. There is no index on `expires`: it would double the cost of each write.
const SCHEMA: &str = "
    CREATE TABLE sessions(
        id INTEGER NOT NULL PRIMARY KEY,
        sid TEXT NOT NULL,
        expires INTEGER,
        born INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        cookie TEXT,
        data TEXT NOT NULL
    ) STRICT;
    CREATE TABLE upkeep(
        id INTEGER NOT NULL PRIMARY KEY,
        owner INTEGER NOT NULL,
        until INTEGER NOT NULL,
        done INTEGER NOT NULL
    ) STRICT;
    INSERT INTO upkeep VALUES(1, 0, 0, 0);
";

/// What a store that indexes users adds to the tables. `user` is the JSON of the user whose the session
/// is, or null: see [`Whose`].
///
/// A connection that was opened before, or by an older version of the package, leaves the column as it
/// is when it replaces a session, and null when it inserts one. So who finds a row by its user must look
/// whether the text still says so. A session that such a connection has inserted is found when a store
/// that knows the column has stored it again.
const ADD_USERS: &str = "ALTER TABLE sessions ADD COLUMN user TEXT";
const INDEX_USERS: &str = "CREATE INDEX sessions_user ON sessions(user) WHERE user IS NOT NULL";

/// The text is a session's.
pub const KIND_SESSION: i64 = 0;
/// The text was not classified yet.
const KIND_UNCLASSIFIED: i64 = 1;
/// The text is a pointer, or was classified as no session.
const KIND_NO_SESSION: i64 = 2;

/// How often a thread of JavaScript lets others run before it sleeps, while another process
/// writes.
const YIELDS: i32 = 20;
/// How often it sleeps then.
const NAPS: i32 = 6;
/// How long it sleeps each time.
const NAP: Duration = Duration::from_micros(50);
/// How often a thread of the pool sleeps for a millisecond before it gives up.
const LONG_NAPS: i32 = 5000;

/// Why the database did not do something.
#[derive(Debug)]
pub enum Refusal {
    /// Another process or thread writes.
    Busy,
    /// The database is damaged, or no database.
    Damaged(String),
    /// The store was closed.
    Closed,
    /// Anything else.
    Other(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Refusal {
        let code = error.sqlite_error().map(|error| error.extended_code);
        // A row has what no row has, or the file ends within a page.
        let is_odd = matches!(error, rusqlite::Error::InvalidColumnType(..));
        if is_odd || code == Some(ffi::SQLITE_IOERR_SHORT_READ) {
            return Refusal::Damaged(error.to_string());
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Refusal::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Refusal::Damaged(error.to_string())
            }
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                Refusal::Other(NOT_WRITABLE.to_owned())
            }
            Some(ErrorCode::DiskFull) => Refusal::Other(format!("{error}. Make room on the disk")),
            _ => Refusal::Other(error.to_string()),
        }
    }
}

const NOT_WRITABLE: &str = "the file or its folder cannot be written to. Give the user that runs this \
                            process the right to write there, or use another path";

impl Refusal {
    /// Makes the error that a program gets.
    pub fn error(self, path: &Path) -> Error {
        let path = path.display();
        let message = match self {
            Refusal::Busy => {
                let message = format!(
                    "DiskStore: {path} is locked: another process has been writing to it for seconds. \
                     End that process, or wait for it"
                );
                return Error::Busy(message.into());
            }
            Refusal::Damaged(why) => format!(
                "DiskStore: {path} is damaged or no session database ({why}). Move the file away, or give \
                 the DiskStore the option onDamage: 'fresh', which does that at the next start"
            ),
            Refusal::Closed => format!("DiskStore: {path}: the store is closed"),
            Refusal::Other(why) => format!("DiskStore: {path}: {why}"),
        };
        Error::Engine(message.into())
    }
}

/// What a call of the database returns.
pub type Answer<T> = Result<T, Refusal>;

/// Returns the key of a sid: the first 63 bits of its SHA-256.
///
/// If two sids have the same key, the one that is stored later takes the place of the other one: that
/// session is lost, and never taken for another. Among ten million sessions this happens with a
/// probability of one in a hundred thousand.
pub fn id_of(sid: &[u8]) -> i64 {
    let hash = Sha256::digest(sid);
    let first = hash.first_chunk().copied().map(u64::from_be_bytes);
    (first.unwrap_or_default() >> 1) as i64
}

/// Less than each key.
const BEFORE_ALL: i64 = -1;

/// A text as it is stored: bytes that need not be valid UTF-8.
struct Text<'t>(&'t [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

/// How long a connection waits while another one writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as a thread of JavaScript may: about a third of a millisecond.
    Short,
    /// As long as a thread of the pool may: seconds.
    Long,
}

/// What a row has beside the session's text.
#[derive(Debug)]
pub struct Header<C> {
    /// When it expires, in ms since the epoch. `None` for never.
    pub expires: Option<i64>,
    /// The moment at which the sid was inserted.
    pub born: u64,
    /// Whether the text was classified, if it is unclear.
    pub is_classified: bool,
    /// The session's cookie. `None` for an unclear text.
    pub cookie: Option<C>,
}

fn connect(path: &Path, patience: Patience) -> Answer<Database> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || Ok(Connection::open_with_flags(path, flags)?);
    let (connection, _claim) = Claim::with(path, open)?;
    let mut database = Database {
        connection,
        has_users: Cell::new(false),
        _claim,
    };
    let connection = &mut database.connection;
    connection.set_prepared_statement_cache_capacity(32);
    connection.busy_handler(Some(match patience {
        Patience::Short => wait_shortly,
        Patience::Long => wait_long,
    }))?;
    Ok(database)
}

/// What has come of changes.
#[derive(Debug, Default)]
pub struct Made {
    /// The changes that depended on a session that is not there.
    pub unmade: Vec<Unmade>,
    /// The sessions that were removed.
    pub removed: Vec<Removed>,
}

impl Made {
    fn note_unmade(&mut self, change: &Change) {
        self.unmade.push(Unmade {
            sid: change.sid().map(Box::from),
            moment: change.moment(),
            error: None,
        });
    }
}

/// A connection.
pub struct Database {
    connection: Connection,
    /// Whether the table has the column `user`, as far as is known.
    has_users: Cell<bool>,
    /// Comes last, as it is dropped after the connection.
    _claim: Claim,
}

impl Database {
    /// Opens a connection to the database at `path`, which must exist. With `is_synced` each
    /// commit waits until the disk has it.
    pub fn open(path: &Path, patience: Patience, is_synced: bool) -> Answer<Database> {
        let database = connect(path, patience)?;
        let synchronous = if is_synced { "FULL" } else { "NORMAL" };
        // A page that another process has damaged must be an error, not a signal: so the file is
        // not mapped, and the cells of each page are checked.
        database.connection.execute_batch(&format!(
            "PRAGMA synchronous={synchronous}; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-8000;
             PRAGMA mmap_size=0; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;"
        ))?;
        Ok(database)
    }

    /// Makes the tables if the database is empty, and checks that they are ours. With `indexes_users` it
    /// sees to it that they have an index of users.
    pub fn set_up(&self, indexes_users: bool) -> Answer<()> {
        if self.is_empty()? {
            let page_size = format!("PRAGMA page_size={PAGE}");
            self.connection.execute_batch(&page_size)?;
        } else {
            // Before the journal of a database of another program is changed.
            self.verify()?;
        }
        let sql = "PRAGMA journal_mode=WAL";
        let mode: String = self.connection.query_row(sql, [], |row| row.get(0))?;
        if mode != "wal" {
            return Err(Refusal::Other(format!(
                "the database cannot have a write-ahead log here (its journal is {mode})"
            )));
        }
        self.in_transaction(|| self.make_tables())?;
        self.verify()?;
        self.look_for_users()?;
        if indexes_users && !self.has_users.get() {
            self.in_transaction(|| self.index_users())?;
            self.has_users.set(true);
        }
        Ok(())
    }

    /// Finds out whether the table has an index of users, which is kept up to date from then on.
    pub fn look_for_users(&self) -> Answer<()> {
        let sql = "SELECT count(*) FROM pragma_table_info('sessions') WHERE name='user'";
        let columns: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        self.has_users.set(columns > 0);
        Ok(())
    }

    /// Adds the index of users. Reads all sessions.
    fn index_users(&self) -> Answer<()> {
        self.look_for_users()?;
        if self.has_users.get() {
            return Ok(());
        }
        self.connection.execute_batch(ADD_USERS)?;
        let mut found: Vec<(i64, Vec<u8>)> = Vec::new();
        {
            let sql = "SELECT id, data FROM sessions WHERE instr(data, '\"_meta\":')";
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let Some(user) = user_of(bytes(row, 1)?) {
                    found.push((row.get(0)?, user.to_vec()));
                }
            }
        }
        for (id, user) in found {
            self.prepare("UPDATE sessions SET user=?2 WHERE id=?1")?
                .execute(params![id, Text(&user)])?;
        }
        Ok(self.connection.execute_batch(INDEX_USERS)?)
    }

    /// Removes all that is in the file at `path`, whatever that is, also the tables. Other
    /// connections may have the file open.
    pub fn empty(path: &Path) -> Answer<()> {
        let Database { connection, .. } = &connect(path, Patience::Long)?;
        // As "sqlite3_db_config" says of SQLITE_DBCONFIG_RESET_DATABASE: the log stays if the schema
        // was read, which may fail.
        connection.prepare("SELECT 1 FROM sqlite_schema").ok();
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
        Ok(connection.execute_batch("VACUUM")?)
    }

    fn make_tables(&self) -> Answer<()> {
        if self.is_empty()? {
            self.connection.execute_batch(SCHEMA)?;
            self.connection.execute_batch(&format!(
                "PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION}"
            ))?;
        }
        Ok(())
    }

    fn is_empty(&self) -> Answer<bool> {
        let sql = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(tables == 0 && self.pragma("application_id")? == 0 && self.pragma("user_version")? == 0)
    }

    fn pragma(&self, name: &str) -> Answer<i64> {
        let value = self
            .connection
            .pragma_query_value(None, name, |row| row.get(0));
        Ok(value?)
    }

    /// Checks that the tables are ours. Reads the first page of each, so that a file that is cut off
    /// is found.
    pub fn verify(&self) -> Answer<()> {
        let (application, version) = (self.pragma("application_id")?, self.pragma("user_version")?);
        if application != APPLICATION {
            return Err(Refusal::Other(
                "this is a database of another program. Give the DiskStore a path of its own"
                    .to_owned(),
            ));
        }
        if version / 1000 != VERSION / 1000 {
            return Err(Refusal::Other(format!(
                "the database has version {version}, and this express-session-rs reads {VERSION}. Use \
                 the version of the package that made it, or another path"
            )));
        }
        let sql =
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM sessions LIMIT 1)), until FROM upkeep";
        let found = self.connection.query_row(sql, [], |_| Ok(()));
        found.map_err(|error| match error.sqlite_error_code() {
            // A table or its row is missing.
            None | Some(ErrorCode::Unknown) => Refusal::Damaged(error.to_string()),
            _ => Refusal::from(error),
        })
    }

    /// Reads next to nothing.
    pub fn look(&self) -> Answer<()> {
        self.pragma("user_version").map(drop)
    }

    fn prepare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.connection.prepare_cached(sql)
    }

    /// Looks a session up, and appends its text to `text`. `cookie_of` returns the cookie of which
    /// the stored JSON is given. If it cannot read that, the text is unclear.
    pub fn read<C>(
        &self,
        sid: &[u8],
        text: &mut Vec<u8>,
        cookie_of: impl FnOnce(&[u8]) -> Option<C>,
    ) -> Answer<Option<Header<C>>> {
        let mut statement = self.prepare(
            "SELECT expires, born, kind, cookie, data FROM sessions WHERE id=?1 AND sid=?2",
        )?;
        let mut rows = statement.query(params![id_of(sid), Text(sid)])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let data = bytes(row, 4)?;
        let template = optional_bytes(row, 3)?;
        let cookie = template.and_then(cookie_of);
        match template {
            // Another program may have written the row.
            Some(template) if cookie.is_none() => text.extend(whole(template, None, data)),
            _ => text.extend_from_slice(data),
        }
        header(row, cookie).map(Some)
    }

    /// Does what [`read`](Database::read) does, without the text.
    pub fn read_header<C>(
        &self,
        sid: &[u8],
        cookie_of: impl FnOnce(&[u8]) -> Option<C>,
    ) -> Answer<Option<Header<C>>> {
        let mut statement = self
            .prepare("SELECT expires, born, kind, cookie FROM sessions WHERE id=?1 AND sid=?2")?;
        let mut rows = statement.query(params![id_of(sid), Text(sid)])?;
        match rows.next()? {
            Some(row) => {
                let cookie = optional_bytes(row, 3)?.and_then(cookie_of);
                header(row, cookie).map(Some)
            }
            None => Ok(None),
        }
    }

    /// Makes changes, all or none. With `is_watched` it returns the sessions that were removed, too.
    pub fn make(&self, changes: &[Change], is_watched: bool) -> Answer<Made> {
        let mut made = Made::default();
        let mut make_all = || {
            changes
                .iter()
                .try_for_each(|change| self.make_one(change, is_watched, &mut made))
        };
        match changes {
            // A statement alone is a transaction of its own.
            [one] if !one.reads() => make_all()?,
            _ => self.in_transaction(make_all)?,
        }
        Ok(made)
    }

    /// Calls `work` in a transaction, which makes all that it does or nothing.
    fn in_transaction<T>(&self, work: impl FnOnce() -> Answer<T>) -> Answer<T> {
        // There is a transaction if an earlier one could not be rolled back.
        self.roll_back();
        self.prepare("BEGIN IMMEDIATE")?.execute([])?;
        let done = work().and_then(|value| {
            self.prepare("COMMIT")?.execute([])?;
            Ok(value)
        });
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK").ok();
        }
    }

    fn make_one(&self, change: &Change, is_watched: bool, made: &mut Made) -> Answer<()> {
        let removed = is_watched.then_some(&mut made.removed);
        match change {
            Change::Put {
                sid,
                record,
                born,
                condition,
                limit,
            } => {
                let whose = Whose::of(&record.text).filter(|_| self.has_users.get());
                let gaining = match (whose, limit) {
                    (Some(whose), Some(limit))
                        if is_live(record.expires, limit.now)
                            && self.gains(sid, &whose, limit.now)? =>
                    {
                        Some((whose.user, limit))
                    }
                    _ => None,
                };
                let user = whose.map(|whose| whose.user);
                if !self.put(sid, record, user, *born, condition)? {
                    made.note_unmade(change);
                } else if let Some((user, limit)) = gaining {
                    self.limit(sid, user, limit, removed)?;
                }
            }
            Change::End { sid, user, now, .. } => {
                let is_it = self.live_data(sid, *now)?;
                let is_it = is_it.is_some_and(|data| user_of(&data) == Some(user));
                if !(is_it && self.destroy(sid, removed)? > 0) {
                    made.note_unmade(change);
                }
            }
            Change::Touch { sid, touched } => self.touch(sid, touched)?,
            Change::Classify {
                sid,
                text,
                is_session,
                expires,
            } => {
                let kind = if *is_session {
                    KIND_SESSION
                } else {
                    KIND_NO_SESSION
                };
                self.prepare(
                    "UPDATE sessions SET kind=?1, expires=coalesce(?2, expires)
                     WHERE id=?5 AND sid=?3 AND cookie IS NULL AND data=?4",
                )?
                .execute(params![
                    kind,
                    expires,
                    Text(sid),
                    Text(text),
                    id_of(sid)
                ])?;
            }
            Change::Destroy { sid } => {
                self.destroy(sid, removed)?;
            }
            Change::Clear => {
                self.delete("", [], Reason::Destroyed, removed)?;
            }
        }
        Ok(())
    }

    /// Returns the data of the session of `sid` if it is alive at `now`; the whole text if it is unclear.
    fn live_data(&self, sid: &[u8], now: i64) -> Answer<Option<Vec<u8>>> {
        let mut data = Vec::new();
        let stored = self.read(sid, &mut data, |_| Some(()))?;
        let is_live = stored.is_some_and(|it| is_live(it.expires, now));
        Ok(is_live.then_some(data))
    }

    /// Whether a user has a session more once the session with this `_meta` is stored under `sid`: see
    /// [`Engine::set`](crate::engine::Engine::set).
    fn gains(&self, sid: &[u8], whose: &Whose<'_>, now: i64) -> Answer<bool> {
        Ok(match self.live_data(sid, now)? {
            Some(data) => user_of(&data) != Some(whose.user),
            None => !whose.is_renewed(),
        })
    }

    /// Ends what the user of the session that was stored under `sid` has too many.
    fn limit(
        &self,
        sid: &[u8],
        user: &[u8],
        limit: &Limit,
        mut removed: Option<&mut Vec<Removed>>,
    ) -> Answer<()> {
        let sql = "SELECT count(*) FROM sessions WHERE user=?1";
        let count = |row: &Row<'_>| row.get::<_, i64>(0);
        if self.prepare(sql)?.query_row([Text(user)], count)? as usize <= limit.most {
            return Ok(());
        }
        let mut others = Vec::new();
        self.each_of(user, limit.now, |other, row| {
            if other != sid {
                let began = Whose::of(bytes(row, 2)?).map_or(i64::MAX, |whose| whose.began());
                others.push((began, row.get::<_, i64>(4)?, other.to_vec()));
            }
            Ok(())
        })?;
        let excess = (others.len() + 1).saturating_sub(limit.most);
        others.sort_unstable();
        for (_, _, other) in others.into_iter().take(excess) {
            self.destroy(&other, removed.as_deref_mut())?;
        }
        Ok(())
    }

    /// Calls `look` with the sid of each session of a user that is alive at `now`, and a row of its sid,
    /// expiry, data, cookie and moment.
    fn each_of(
        &self,
        user: &[u8],
        now: i64,
        mut look: impl FnMut(&[u8], &Row<'_>) -> Answer<()>,
    ) -> Answer<()> {
        let mut statement = self.prepare(
            "SELECT sid, expires, data, cookie, born FROM sessions
             WHERE user=?1 AND (expires IS NULL OR expires>?2)",
        )?;
        let mut rows = statement.query(params![Text(user), now])?;
        while let Some(row) = rows.next()? {
            // An older version of the package may have replaced the session.
            if user_of(bytes(row, 2)?) == Some(user) {
                look(bytes(row, 0)?, row)?;
            }
        }
        Ok(())
    }

    /// Returns the sessions of a user that are alive at `now`: none if there is no index of users.
    /// `cookie_of` is that of [`read`](Database::read).
    pub fn sessions_of(
        &self,
        user: &[u8],
        now: i64,
        mut cookie_of: impl FnMut(&[u8]) -> Option<Arc<CookieText>>,
    ) -> Answer<Vec<Listed>> {
        let mut found = Vec::new();
        if self.has_users.get() {
            self.each_of(user, now, |sid, row| {
                let cookie = optional_bytes(row, 3)?.and_then(&mut cookie_of);
                let (data, expires) = (bytes(row, 2)?, row.get(1)?);
                found.extend(Listed::of(sid, data, cookie.as_deref(), expires, user));
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Removes the session of `sid`. Returns how many there were, and appends it to `removed` if that is
    /// there.
    fn destroy(&self, sid: &[u8], removed: Option<&mut Vec<Removed>>) -> Answer<usize> {
        let parameters = params![id_of(sid), Text(sid)];
        self.delete(
            "WHERE id=?1 AND sid=?2",
            parameters,
            Reason::Destroyed,
            removed,
        )
    }

    /// Stores a record, as one of `user` if the table has such a column. Returns whether it was stored.
    fn put(
        &self,
        sid: &[u8],
        record: &Record,
        user: Option<&[u8]>,
        born: u64,
        condition: &Condition,
    ) -> Answer<bool> {
        let since = match condition {
            Condition::None => None,
            Condition::BornBefore(since) => Some(*since as i64),
            Condition::Unchanged { base, now } => {
                let data = self.live_data(sid, *now)?;
                if !data.is_some_and(|data| is_same_data(&data, base)) {
                    return Ok(false);
                }
                Some(i64::MAX)
            }
        };
        let Record {
            cookie,
            text,
            expires,
        } = record;
        let kind = match cookie {
            Some(_) if is_pointer(text) => KIND_NO_SESSION,
            Some(_) => KIND_SESSION,
            None => KIND_UNCLASSIFIED,
        };
        let cookie = cookie.as_ref().map(|cookie| Text(cookie.template()));
        let (id, sid, text, user) = (id_of(sid), Text(sid), Text(text), user.map(Text));
        let has_users = self.has_users.get();
        let stored = match since {
            Some(since) => {
                let values = params![id, sid, expires, kind, cookie, text, since];
                let update = "UPDATE sessions SET expires=?3, kind=?4, cookie=?5, data=?6";
                let this = "WHERE id=?1 AND sid=?2 AND born<?7";
                let with_user = params![id, sid, expires, kind, cookie, text, since, user];
                if !has_users {
                    self.prepare(&format!("{update} {this}"))?.execute(values)?
                } else {
                    // As a rule the user stays, and so the index need not be written.
                    let same = format!("{update} {this} AND user IS ?8");
                    match self.prepare(&same)?.execute(with_user)? {
                        0 => self
                            .prepare(&format!("{update}, user=?8 {this}"))?
                            .execute(with_user)?,
                        stored => stored,
                    }
                }
            }
            None => {
                let (column, value, change) = match has_users {
                    true => (", user", ", ?8", ", user=excluded.user"),
                    false => ("", "", ""),
                };
                let mut statement = self.prepare(&format!(
                    "INSERT INTO sessions(id, sid, expires, kind, cookie, data, born{column})
                     VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7{value}) ON CONFLICT(id) DO UPDATE
                     SET sid=excluded.sid, expires=excluded.expires, kind=excluded.kind,
                         cookie=excluded.cookie, data=excluded.data,
                         born=CASE sid WHEN excluded.sid THEN born ELSE excluded.born END{change}"
                ))?;
                let born = born as i64;
                match has_users {
                    true => statement
                        .execute(params![id, sid, expires, kind, cookie, text, born, user])?,
                    false => {
                        statement.execute(params![id, sid, expires, kind, cookie, text, born])?
                    }
                }
            }
        };
        Ok(stored > 0)
    }

    fn touch(&self, sid: &[u8], touched: &Touched) -> Answer<()> {
        let sql = if touched.must_match {
            "UPDATE sessions SET expires=?3
             WHERE id=?1 AND sid=?2 AND cookie=?4 AND (expires IS NULL OR expires>?5)"
        } else {
            "UPDATE sessions SET expires=?3, cookie=?4
             WHERE id=?1 AND sid=?2 AND cookie IS NOT NULL AND (expires IS NULL OR expires>?5)"
        };
        self.prepare(sql)?.execute(params![
            id_of(sid),
            Text(sid),
            touched.expires,
            Text(touched.cookie.template()),
            touched.now
        ])?;
        Ok(())
    }

    /// Removes the sessions that a condition is true of. Returns their number, and appends them to
    /// `removed` if that is there.
    fn delete(
        &self,
        condition: &str,
        parameters: impl Params,
        reason: Reason,
        removed: Option<&mut Vec<Removed>>,
    ) -> Answer<usize> {
        let sql = format!("DELETE FROM sessions {condition}");
        let Some(removed) = removed else {
            return Ok(self.prepare(&sql)?.execute(parameters)?);
        };
        let mut statement = self.prepare(&(sql + " RETURNING expires, cookie, data, sid"))?;
        let mut rows = statement.query(parameters)?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let data = bytes(row, 2)?;
            let text = match optional_bytes(row, 1)? {
                Some(template) => whole(template, row.get(0)?, data),
                None => data.to_vec(),
            };
            removed.push(Removed {
                sid: Box::from(bytes(row, 3)?),
                text,
                reason,
            });
            count += 1;
        }
        Ok(count)
    }

    /// Returns up to `count` sids that come after `after`, in the order of their keys; from the first
    /// on if that is `None`.
    pub fn sids(&self, after: Option<&[u8]>, count: usize) -> Answer<Vec<Box<[u8]>>> {
        let mut statement =
            self.prepare("SELECT sid FROM sessions WHERE id>?1 ORDER BY id LIMIT ?2")?;
        let after = after.map_or(BEFORE_ALL, id_of);
        let mut rows = statement.query(params![after, limit(count)])?;
        let mut sids = Vec::new();
        while let Some(row) = rows.next()? {
            sids.push(Box::from(bytes(row, 0)?));
        }
        Ok(sids)
    }

    /// Counts the sessions that have not expired at `now`, in ms since the epoch, and all.
    pub fn count(&self, now: i64) -> Answer<(usize, usize)> {
        let sql =
            "SELECT count(*) FILTER (WHERE kind<>?1 AND (expires IS NULL OR expires>?2)), count(*)
                   FROM sessions";
        let count = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (live, all) = self
            .prepare(sql)?
            .query_row(params![KIND_NO_SESSION, now], count)?;
        Ok((live as usize, all as usize))
    }

    /// Returns the bytes of the database that are in use, without the write-ahead log.
    pub fn bytes(&self) -> Answer<usize> {
        let pages = self.pragma("page_count")? - self.pragma("freelist_count")?;
        Ok(pages as usize * self.pragma("page_size")? as usize)
    }

    /// Returns when the oldest session was inserted, and when the next one expires that is alive at
    /// `now`; all in ms since the epoch.
    pub fn times(&self, now: i64) -> Answer<(Option<i64>, Option<i64>)> {
        let sql = "SELECT min(born)/1000, min(expires) FILTER (WHERE expires>?1) FROM sessions";
        let times = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        Ok(self.prepare(sql)?.query_row([now], times)?)
    }

    /// Copies the database to the file `to`, which is empty.
    pub fn copy(&self, to: &Path) -> Answer<()> {
        let Some(to) = to.to_str() else {
            return Err(Refusal::Other("the path is not UTF-8".to_owned()));
        };
        self.connection.execute("VACUUM INTO ?1", [to])?;
        Ok(())
    }

    /// Copies what is in the write-ahead log into the database, and makes sure that the disk has
    /// it. Tries to begin the log anew if it is long.
    ///
    /// Returns the pages that are in the log.
    pub fn checkpoint(&mut self) -> Answer<usize> {
        let (_, mut pages, copied) = self.run_checkpoint("PASSIVE")?;
        // SQLite syncs the log before it copies, so not if a reader keeps it from that, or if another
        // process copies (which gives -1).
        if copied < pages || pages < 0 {
            self.sync_log()?;
        }
        let mut is_copied = copied == pages && pages > 1;
        if pages > LONG_LOG {
            let mode = if pages > LONGEST_LOG {
                "TRUNCATE"
            } else {
                "RESTART"
            };
            // What was written meanwhile is copied while others write.
            self.run_checkpoint("PASSIVE")?;
            // This waits for readers, and lets nobody write meanwhile. So it must not wait long for
            // one that reads all sessions.
            self.connection.busy_handler(Some(wait_briefly))?;
            let mut begun = self.run_checkpoint(mode);
            for _ in 0..ATTEMPTS {
                if !matches!(begun, Ok((true, ..))) {
                    break;
                }
                std::thread::sleep(PAUSE);
                begun = self.run_checkpoint(mode);
            }
            self.connection.busy_handler(Some(wait_long))?;
            let (is_busy, left, _) = begun?;
            is_copied = !is_busy;
            pages = left;
        }
        if is_copied {
            self.begin_log()?;
        }
        Ok(pages.max(0) as usize)
    }

    /// Returns whether others have kept it from ending, the pages of the log, and how many of them
    /// are copied.
    fn run_checkpoint(&self, mode: &str) -> Answer<(bool, i64, i64)> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let counts = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        Ok(self.connection.query_row(&sql, [], counts)?)
    }

    /// Counts the checkpoints in a row of `upkeep`. The first write after all of the log was copied begins it
    /// anew, for which SQLite waits for the disk: so no thread of JavaScript has to.
    fn begin_log(&self) -> Answer<()> {
        let sql = "INSERT INTO upkeep VALUES(2, 0, 0, 1) ON CONFLICT DO UPDATE SET done=done+1";
        match self.prepare(sql).and_then(|mut it| it.execute([])) {
            Ok(_) => Ok(()),
            Err(error) => match Refusal::from(error) {
                // Somebody else writes, and so begins it.
                Refusal::Busy => Ok(()),
                refusal => Err(refusal),
            },
        }
    }

    /// Makes sure that the disk has the write-ahead log. It may be opened and closed here, unlike the
    /// database: SQLite has no lock on it that the process could lose.
    fn sync_log(&self) -> Answer<()> {
        // The log is beside the file that a link leads to, and this path has no links.
        let Some(path) = self.connection.path() else {
            return Ok(());
        };
        let log = OpenOptions::new().write(true).open(format!("{path}-wal"));
        log.and_then(|log| log.sync_data())
            .map_err(|error| Refusal::Other(format!("its log cannot be synced ({error})")))
    }

    /// Takes on the upkeep for all processes, as `owner`, for `lease` ms from `now` on, in ms since
    /// the epoch. Returns whether another process does it, or has done it in the last `period` ms.
    pub fn take_upkeep(&self, owner: i64, now: i64, lease: i64, period: i64) -> Answer<bool> {
        // A clock that was set back must not stop the upkeep.
        let taken = self
            .prepare(
                "UPDATE upkeep SET owner=?1, until=?2+?3 WHERE id=1
                 AND (owner=?1 OR until<=?2 OR until>?2+?3)
                 AND (done+?4<=?2 OR done>?2 OR (owner=?1 AND until>?2))",
            )?
            .execute(params![owner, now, lease, period])?;
        Ok(taken > 0)
    }

    /// Notes that the upkeep was done at `now`, in ms since the epoch.
    pub fn end_upkeep(&self, owner: i64, now: i64) -> Answer<()> {
        self.prepare("UPDATE upkeep SET owner=0, until=0, done=?2 WHERE id=1 AND owner=?1")?
            .execute(params![owner, now])?;
        Ok(())
    }

    /// Removes those of the `count` sessions behind the key `after` that have expired at `now`, in ms
    /// since the epoch. Returns how many were removed, and the last of the `count` keys, if there may
    /// be more behind it.
    pub fn prune(
        &mut self,
        after: Option<i64>,
        count: usize,
        now: i64,
        removed: Option<&mut Vec<Removed>>,
    ) -> Answer<(usize, Option<i64>)> {
        // The table is read without the lock of writers.
        let mut expired = Vec::new();
        let mut last = None;
        {
            let mut statement =
                self.prepare("SELECT id, expires FROM sessions WHERE id>?1 ORDER BY id LIMIT ?2")?;
            let mut rows = statement.query(params![after.unwrap_or(BEFORE_ALL), limit(count)])?;
            let mut seen = 0;
            while let Some(row) = rows.next()? {
                seen += 1;
                let expires: Option<i64> = row.get(1)?;
                if expires.is_some_and(|expires| expires <= now) {
                    expired.push(row.get(0)?);
                }
                if seen == count {
                    last = Some(row.get(0)?);
                }
            }
        }
        let count = self.remove(expired, Some(now), Reason::Expired, removed)?;
        Ok((count, last))
    }

    /// Removes sessions, those that expire first before the others, if all together need more than
    /// a file of `most` bytes has room for: until they need a tenth less. Returns how many were
    /// removed.
    pub fn evict(&mut self, most: usize, removed: Option<&mut Vec<Removed>>) -> Answer<usize> {
        let mut sizes = self.sizes()?;
        let mut needed: usize = sizes.iter().map(|size| size.bytes).sum();
        if needed <= most {
            return Ok(0);
        }
        // Those that never expire are the last.
        sizes.sort_unstable_by_key(|size| (size.expires.is_none(), size.expires));
        let evicted = sizes.iter().take_while(|size| {
            let is_too_much = needed > most - most / 10;
            needed -= size.bytes;
            is_too_much
        });
        let evicted: Vec<&Size> = evicted.collect();
        let ids: Vec<i64> = evicted.iter().map(|size| size.id).collect();
        let last = evicted.last().and_then(|size| size.expires);
        self.remove(ids, last, Reason::Evicted, removed)
    }

    /// Returns what each session takes.
    fn sizes(&self) -> Answer<Vec<Size>> {
        // A user is in the row and in the index, which has the key, too.
        let user = match self.has_users.get() {
            true => "coalesce(2*octet_length(user)+12, 0)",
            false => "0",
        };
        let mut statement = self.prepare(&format!(
            "SELECT id, expires,
                    octet_length(sid)+coalesce(octet_length(cookie), 0)+octet_length(data)+{user}
             FROM sessions"
        ))?;
        let sizes = statement.query_map([], |row| {
            Ok(Size {
                id: row.get(0)?,
                expires: row.get(1)?,
                bytes: stored_bytes(row.get::<_, i64>(2)? as usize),
            })
        })?;
        Ok(sizes.collect::<Result<_, _>>()?)
    }

    /// Removes those of the sessions with these keys that expire at `until` or before, in ms since
    /// the epoch; with `None` all of them. Others write in between, and the log is kept short.
    fn remove(
        &mut self,
        mut ids: Vec<i64>,
        until: Option<i64>,
        reason: Reason,
        mut removed: Option<&mut Vec<Removed>>,
    ) -> Answer<usize> {
        // Neighbours are in the same page.
        ids.sort_unstable();
        let mut total = 0;
        for (at, some) in ids.chunks(REMOVED_AT_ONCE).enumerate() {
            let mut gone = Vec::new();
            total += self.in_transaction(|| {
                some.iter().try_fold(0, |count, id| {
                    let condition = "WHERE id=?1 AND coalesce(expires<=?2, ?2 IS NULL)";
                    let gone = removed.is_some().then_some(&mut gone);
                    Ok(count + self.delete(condition, params![id, until], reason, gone)?)
                })
            })?;
            if let Some(removed) = &mut removed {
                removed.append(&mut gone);
            }
            if at % REMOVALS_BETWEEN_CHECKPOINTS == REMOVALS_BETWEEN_CHECKPOINTS - 1 {
                self.checkpoint()?;
            }
        }
        Ok(total)
    }

    /// Checks the database, and returns what is wrong: nothing if it is whole.
    pub fn check(&self) -> Answer<Vec<String>> {
        let mut statement = self.connection.prepare("PRAGMA quick_check")?;
        let found: Vec<String> = statement
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut found: Vec<_> = found.into_iter().filter(|line| line != "ok").collect();
        if found.is_empty() {
            let sql = "SELECT count(*) FROM sessions WHERE born<0 OR born>=?1";
            let odd: i64 = self
                .connection
                .query_row(sql, [LAST_MOMENT as i64], |row| row.get(0))?;
            found.extend((odd > 0).then(|| NO_MOMENT.to_owned()));
        }
        Ok(found)
    }
}

/// The pages of a log that is begun anew: 8 MB.
const LONG_LOG: i64 = 2048;
/// The pages of a log whose file is cut off, too: 32 MB.
const LONGEST_LOG: i64 = 8192;
/// How often it is tried again to begin the log anew.
const ATTEMPTS: usize = 10;
/// How long others may write in between.
const PAUSE: Duration = Duration::from_millis(5);

/// How many sessions are removed in one transaction, so that others need not wait for long.
const REMOVED_AT_ONCE: usize = 64;
/// After how many of these transactions the log, to which each may add a megabyte, is copied.
const REMOVALS_BETWEEN_CHECKPOINTS: usize = 16;
/// The percentage of a page that is in use as a rule, as sids come in no order.
const FILLED: usize = 78;

/// What a session takes.
struct Size {
    id: i64,
    expires: Option<i64>,
    bytes: usize,
}

/// Returns about how many bytes of the database a row with this many bytes of texts takes (SQLite,
/// "Database File Format", 1.6): what exceeds a page is in pages of its own.
fn stored_bytes(texts: usize) -> usize {
    const OVERFLOW: usize = PAGE - 4;
    const MOST: usize = PAGE - 35;
    const LEAST: usize = (PAGE - 12) * 32 / 255 - 23;
    // The key, the times, and the lengths of the columns.
    let row = texts + 32;
    let rest = LEAST + row.saturating_sub(LEAST) % OVERFLOW;
    let local = match row {
        0..=MOST => row,
        _ if rest <= MOST => rest,
        _ => LEAST,
    };
    // Two rows of more than half a page do not fit into one.
    let leaf = (local * 100 / FILLED).min(PAGE);
    leaf + (row - local).div_ceil(OVERFLOW) * PAGE
}

/// Returns a count of rows as SQL has it.
fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(-1)
}

/// Waits as a thread of JavaScript may. `count` says how often it has waited already.
fn wait_shortly(count: i32) -> bool {
    if count < YIELDS {
        std::thread::yield_now();
    } else if count < YIELDS + NAPS {
        std::thread::sleep(NAP);
    } else {
        return false;
    }
    true
}

/// Waits as a thread may that keeps others from writing: milliseconds.
fn wait_briefly(count: i32) -> bool {
    count < 2 * YIELDS && wait_long(count)
}

/// Waits as a thread of the pool may.
fn wait_long(count: i32) -> bool {
    if count < YIELDS {
        std::thread::yield_now();
    } else if count < 2 * YIELDS {
        std::thread::sleep(NAP);
    } else if count < 2 * YIELDS + LONG_NAPS {
        std::thread::sleep(Duration::from_millis(1));
    } else {
        return false;
    }
    true
}

/// Calls `attempt` again, for seconds at most, while the database is busy.
pub fn insist<T>(mut attempt: impl FnMut() -> Answer<T>) -> Answer<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(Refusal::Busy) if start.elapsed() < LONGEST_WAIT => std::thread::sleep(NAP),
            answer => return answer,
        }
    }
}

/// How long [`insist`] insists.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

fn header<C>(row: &Row<'_>, cookie: Option<C>) -> Answer<Header<C>> {
    let born = u64::try_from(row.get::<_, i64>(1)?).ok();
    Ok(Header {
        expires: row.get(0)?,
        born: born
            .filter(|&born| born < LAST_MOMENT)
            .ok_or_else(|| Refusal::Damaged(NO_MOMENT.to_owned()))?,
        is_classified: row.get::<_, i64>(2)? != KIND_UNCLASSIFIED,
        cookie,
    })
}

/// A moment that no database has: JavaScript has no integers beyond it.
const LAST_MOMENT: u64 = 1 << 53;
const NO_MOMENT: &str = "a session has no moment";

fn bytes<'r>(row: &'r Row<'_>, column: usize) -> Answer<&'r [u8]> {
    optional_bytes(row, column)?.ok_or_else(|| Refusal::Damaged("a text is missing".to_owned()))
}

fn optional_bytes<'r>(row: &'r Row<'_>, column: usize) -> Answer<Option<&'r [u8]>> {
    match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(Some(bytes)),
        ValueRef::Null => Ok(None),
        _ => Err(Refusal::Damaged("a text is a number".to_owned())),
    }
}

/// Returns the whole text of a session, of which the row has these parts.
fn whole(template: &[u8], expires: Option<i64>, data: &[u8]) -> Vec<u8> {
    match CookieTextCache::default().intern_template(template) {
        // Without a date in the cookie, the expiry is that of the store.
        Some(cookie) => cookie.whole(expires.filter(|_| cookie.has_date()), data),
        None => session_text::join(data, template.len(), |text| {
            text.extend_from_slice(template)
        }),
    }
}
