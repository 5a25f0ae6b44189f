//! The contract of an engine: the trait [`Engine`], which everything that keeps sessions
//! implements, and the types that its methods take and return.
//!
//! An engine maps session ids (sids) to session texts. Sids and texts are bytes in
//! [generalised UTF-8](crate::wtf8), every time is in ms since the epoch, and the caller
//! passes the current time as `now`. A session is *alive* at `now` if it has no expiry or
//! its expiry is later than `now`; otherwise it has *expired*, whether the engine has
//! removed it or not.
//!
//! A session's text is the JSON object that `JSON.stringify` makes of it. An engine keeps
//! it in two parts: the JSON of its member `cookie`, and its *data*, the JSON object without
//! that member. [`CookieText`] says which cookies an engine can read. A text whose cookie it
//! cannot read, or which has none, is *unclear*: the engine keeps it whole, and only
//! JavaScript can tell whether it is a session and when it expires, which it tells by
//! [`Engine::classify`].
//!
//! A session may have a *deadline*: the time at which it expires if its cookie has no date.
//!
//! An engine may *index* users, if its [`Bounds`] say so: then it knows whose its sessions are, as
//! [`Whose::of`] finds it in their texts. Such a session *begins* when its `_meta` says, or, if that
//! says nothing, after all others.

use std::sync::Arc;

use crate::cookie_text::CookieText;
use crate::error::Error;
use crate::meta;
#[cfg(doc)]
use crate::meta::Whose;
use crate::session_text::{self, Renewal};

/// Keeps sessions for all threads of a process.
///
/// # Errors
/// Every method that returns a `Result` fails with [`Error::Engine`] if the engine cannot
/// do what it was asked to do, for example because a disk is full. A call that fails changes
/// nothing that another call would show, and the next call may succeed. A method that must not take
/// long may fail with [`Error::Busy`]: it can be called again when [`wait`](Engine::wait) has returned.
pub trait Engine: Send + Sync {
    /// Looks up the session of `sid`, and replaces the content of `text` by its data, by the
    /// whole text if that is unclear, or by nothing if there is no live session.
    ///
    /// A session that has expired at `now` is removed, now or by [`prune`](Engine::prune). The look-up
    /// counts as a hit or a miss
    /// in [`Stats`], and a hit as a use of the session, as far as `asker` says so: see
    /// [`Asker`].
    fn get(&self, sid: &[u8], now: i64, asker: Asker, text: &mut Vec<u8>) -> Result<Found, Error>;

    /// Does what [`get`](Engine::get) does, but puts the session's whole text into `text`,
    /// byte for byte as it was stored.
    fn get_whole(
        &self,
        sid: &[u8],
        now: i64,
        asker: Asker,
        text: &mut Vec<u8>,
    ) -> Result<Found, Error> {
        let found = self.get(sid, now, asker, text)?;
        if let Found::Live(live) = &found {
            *text = live.cookie.whole(live.expires, text);
        }
        Ok(found)
    }

    /// Returns the whole text of `sid`, also if it has expired. This is no use of the session,
    /// counts as no look-up and removes nothing.
    fn peek(&self, sid: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Stores `text`, made by `JSON.stringify` of a session, as the session of `sid`, and
    /// replaces the one that was there.
    ///
    /// The session expires at the date of its cookie; if the cookie has none, at `deadline`;
    /// and never if there is no deadline either. Nothing is stored if `sid` was destroyed at
    /// the moment `since` or later, as far as [`was_destroyed`](Engine::was_destroyed) knows. Storing is a use of the session. If the engine then holds
    /// more than its [`Bounds`] allow, it removes the least recently used sessions; a session
    /// that exceeds the bounds alone is removed itself.
    ///
    /// If it gives a user a session more than before, and the user then has more than the bounds
    /// allow, those of the user's others that began first are destroyed. A session does so that is
    /// stored under a sid without a session of that user, unless the sid has no session at all and the
    /// new one [is renewed](Whose::is_renewed), or the new one has expired. What has expired does not count, as of the last `now` of
    /// a call or, if that is later, of the [latest](Whose::latest) time in `text`.
    fn set(
        &self,
        sid: &[u8],
        text: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error> {
        match session_text::split(text) {
            Some((cookie, data)) => self.put(sid, cookie, &data, deadline, since),
            None => self.set_raw(sid, text, deadline, since),
        }
    }

    /// Does what [`set`](Engine::set) does for a session that comes in its two parts:
    /// `cookie` is the JSON of its cookie, and `data` its data.
    fn put(
        &self,
        sid: &[u8],
        cookie: &[u8],
        data: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error>;

    /// Stores a session with the cookie `cookie`, but only if its data are still `base`, which is
    /// the JSON object of the data, as far as [`is_same_data`](session_text::is_same_data) says.
    ///
    /// Returns [`Changed::Refused`] if the data differ, or if [`write`](Engine::write) would because of
    /// the cookie; and [`Changed::Missing`] if there is no session that is alive at `now`. An engine
    /// whose changes are made later may return [`Changed::Done`] if the data differ or the session is
    /// missing, and tell of it by [`Unmade`].
    ///
    /// This implementation takes two steps. An engine that others use at the same time needs one of
    /// its own, which takes one.
    fn put_if_unchanged(
        &self,
        sid: &[u8],
        base: &[u8],
        cookie: NewCookie,
        data: &[u8],
        now: i64,
        deadline: Option<i64>,
    ) -> Result<Changed, Error> {
        let mut text = Vec::new();
        if self.get(sid, now, Asker::Viewer, &mut text)? == Found::Missing {
            return Ok(Changed::Missing);
        }
        if !session_text::is_same_data(&text, base) {
            return Ok(Changed::Refused);
        }
        match cookie {
            NewCookie::Json(cookie) => self.put(sid, cookie, data, deadline, None)?,
            NewCookie::Known(id, date) => return self.write(sid, id, date, deadline, None, data),
            NewCookie::InText => self.set_raw(sid, data, deadline, None)?,
        };
        Ok(Changed::Done)
    }

    /// Does what [`set`](Engine::set) does for any text, which the engine does not read but
    /// takes for unclear.
    fn set_raw(
        &self,
        sid: &[u8],
        text: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error>;

    /// Does what [`put`](Engine::put) does for the cookie with the id `cookie` and the date
    /// `date`, in ms since the epoch.
    ///
    /// Returns [`Changed::Refused`] if the engine does not remember the cookie, as it may forget
    /// cookies that no session has; and if the cookie [cannot have](CookieText::can_expire) that
    /// date. An engine may also do so if the session of `sid`, which may have expired, has another
    /// cookie.
    fn write(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        since: Option<u64>,
        data: &[u8],
    ) -> Result<Changed, Error>;

    /// Replaces the cookie of the session of `sid` by `cookie`, a JSON text. The session then
    /// expires as after [`set`](Engine::set).
    ///
    /// Returns [`Changed::Refused`] if the engine cannot read one of the two cookies. The call
    /// is a use of the session even then.
    fn touch(
        &self,
        sid: &[u8],
        cookie: &[u8],
        now: i64,
        deadline: Option<i64>,
    ) -> Result<Changed, Error>;

    /// Starts the lifetime of a session's cookie anew, as a request does that uses the
    /// session and does not change it.
    ///
    /// The cookie's date becomes `date`, or `now` plus the cookie's lifetime if that is
    /// `None`. Returns [`Changed::Refused`] if the id of the session's cookie is not `cookie`,
    /// or if that cookie [cannot have](CookieText::can_expire) that date. The call is a use
    /// of the session even then.
    fn renew(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        now: i64,
    ) -> Result<Changed, Error>;

    /// Records what JavaScript has found out about an unclear text: whether it is a session,
    /// and the expiry that it has in itself, if any, in ms since the epoch. If it has expired
    /// at `now`, it is removed.
    ///
    /// Does nothing if the text of `sid` is not `text` any more. An engine may leave the removal to
    /// [`prune`](Engine::prune).
    fn classify(
        &self,
        sid: &[u8],
        text: &[u8],
        is_session: bool,
        expires: Option<i64>,
        now: i64,
    ) -> Result<(), Error>;

    /// Returns some of the sids whose texts are unclear and not
    /// [classified](Engine::classify) yet, and the `from` of the next call if there may be
    /// more. The first call has `from` 0; a number that no call returned does no harm.
    ///
    /// `budget` limits the work of a call: each returned sid costs the bytes of its text plus
    /// [`CLASSIFICATION_COST`], any other session that is looked at costs 1, and the call goes
    /// on for as long as any budget is left. A sid that is unclassified from the first call of a series to
    /// the last is returned once. An engine that needs no classification in advance returns none.
    fn unclassified(&self, from: u64, budget: usize) -> Result<Slice, Error>;

    /// Removes the session of `sid`. Returns whether there was one, which may have expired.
    fn destroy(&self, sid: &[u8]) -> Result<bool, Error>;

    /// Removes every session.
    fn clear(&self) -> Result<(), Error>;

    /// Returns the sessions of a user that are alive at `now`, in no order. `user` is the JSON of a
    /// string, as `JSON.stringify` makes it. Returns none if the engine does not index users. An engine
    /// may leave out what is not [committed](Engine::commit).
    fn sessions_of(&self, user: &[u8], now: i64) -> Result<Vec<Listed>, Error>;

    /// Destroys the session of `sid` if it is one of the user that is alive at `now`. Returns whether it
    /// was, as [`sessions_of`](Engine::sessions_of) would say. An engine whose changes are made later may
    /// return `true` if it was not, and tell of it by [`Unmade`].
    fn end(&self, user: &[u8], sid: &[u8], now: i64) -> Result<bool, Error>;

    /// Returns the current *moment*, the reading of a counter that is greater than 0 and no
    /// time: sids that were destroyed before have an earlier moment, and those that are
    /// destroyed from now on have this one or a later one.
    fn moment(&self) -> Result<u64, Error>;

    /// Returns the moment of the last change of this engine that stores or [ends](Engine::end) a session,
    /// for an engine that makes changes later. Called right after the change. No two changes have the same moment.
    fn last_change(&self) -> Result<u64, Error> {
        Ok(0)
    }

    /// Whether `sid` was destroyed at the moment `since` or later, by
    /// [`destroy`](Engine::destroy), [`clear`](Engine::clear) or [`end`](Engine::end), or because its user
    /// had too many, also if it had no session then or has one again now.
    ///
    /// A session that was evicted or has expired was not destroyed. An engine may forget
    /// which sids were destroyed: it may answer `true` for any sid that has no session, or got it
    /// since, but never `false` for one that was destroyed. If another process has destroyed it,
    /// an engine may know that only when it commits: then [`Unmade`] tells.
    fn was_destroyed(&self, sid: &[u8], since: u64) -> Result<bool, Error>;

    /// Returns all sids, also of sessions that have expired, in the order in which they were
    /// inserted, in which a sid keeps its place until its session is removed; or in the order of
    /// their bytes. An engine may leave out what is not [committed](Engine::commit), here and in
    /// `len`, `prune` and `stats`.
    fn sids(&self) -> Result<Vec<Box<[u8]>>, Error>;

    /// Counts the sessions that are alive at `now`, and may remove those that have expired. An
    /// unclear text counts unless it was [classified](Engine::classify) as no session, and a
    /// [pointer](session_text::is_pointer) does not count.
    fn len(&self, now: i64) -> Result<usize, Error>;

    /// Removes sessions that have expired at `now`, and looks at about `budget` sessions for
    /// that. Returns `false` if the budget was used up before the engine knew that no session
    /// is left whose expiry is in an earlier second than `now`.
    fn prune(&self, now: i64, budget: usize) -> Result<bool, Error>;

    /// Returns the sessions that were removed since the last call. The engine collects them
    /// from the first call on, which returns none.
    fn take_removed(&self) -> Result<Vec<Removed>, Error>;

    /// Commits the changes that came before. An engine may make changes for its own readers at
    /// once, and for all others later, when this is called.
    ///
    /// Returns after a fraction of a millisecond: with [`Commit::Waiting`] if the changes could not
    /// be committed in that time. Then a thread that may wait must call
    /// [`finish`](Engine::finish), and until that has returned this method does nothing.
    fn commit(&self) -> Result<Commit, Error> {
        Ok(Commit::Done(Vec::new()))
    }

    /// Commits the changes for which [`commit`](Engine::commit) has returned [`Commit::Waiting`].
    /// Takes as long as it takes, but no longer than some seconds if the engine is busy. Returns the changes that were not made; with an error, none was.
    fn finish(&self) -> Result<Vec<Unmade>, Error> {
        Ok(Vec::new())
    }

    /// Waits until a call that has failed with [`Error::Busy`] may succeed, but no longer than some
    /// seconds: then it fails as well.
    fn wait(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Commits all changes, and frees what the engine has open. Each later call fails, but for this
    /// one, and for a [`finish`](Engine::finish) that is due: that tells what has come of its changes.
    ///
    /// # Errors
    /// That of the first change that was not made. The engine is closed all the same.
    fn close(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Does what keeps the engine in shape, beside [`prune`](Engine::prune). Takes time: it is
    /// called once in a while by a thread that may wait.
    fn maintain(&self, now: i64) -> Result<(), Error> {
        let _ = now;
        Ok(())
    }

    /// Returns up to `count` sids that come after `after` in an order of the engine's own, or the first
    /// ones if that is `None`.
    fn sids_after(&self, after: Option<&[u8]>, count: usize) -> Result<Vec<Box<[u8]>>, Error> {
        let mut sids = self.sids()?;
        sids.retain(|sid| after.is_none_or(|after| **sid > *after));
        sids.sort_unstable();
        sids.truncate(count);
        Ok(sids)
    }

    /// Returns what the engine holds and what it has done so far.
    fn stats(&self) -> Result<Stats, Error>;

    /// Returns the bytes of this process's memory that the sessions take: 0 if they are kept
    /// elsewhere.
    fn bytes(&self) -> usize;
}

/// What a sid that [`Engine::unclassified`] returns costs of the budget beside the bytes of its
/// text: about as many times the cost of a session that is merely looked at as classifying a
/// short text takes JavaScript longer.
pub const CLASSIFICATION_COST: usize = 1000;

/// The answer of [`Engine::unclassified`]: some sids, and the `from` of the next call if there
/// may be more.
pub type Slice = (Vec<Box<[u8]>>, Option<u64>);

/// What an engine knows of a sid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No session, or one that has expired.
    Missing,
    /// A session that has not expired.
    Live(Live),
    /// A text that only JavaScript can read, and that has not expired as far as is known.
    Unclear {
        /// Whether [`Engine::classify`] was called for this text.
        is_classified: bool,
    },
}

/// What an engine returns of a live session beside its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The cookie without its date.
    pub cookie: Arc<CookieText>,
    /// The cookie's date, in ms since the epoch. `None` if it has none.
    pub expires: Option<i64>,
    /// The moment at which the session was found: see [`Engine::moment`].
    pub moment: u64,
}

/// A session of a user, as [`Engine::sessions_of`] finds it. Times are ms since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The session id.
    pub sid: Box<[u8]>,
    /// The JSON of its `_meta`.
    pub meta: Box<[u8]>,
    /// When it expires. `None` for never, or if only JavaScript can tell.
    pub expires: Option<i64>,
    /// The ms for which a request that uses the session prolongs it. `None` if its cookie does not say.
    pub lifetime: Option<i64>,
    /// Whether `expires` is the session's deadline, as its cookie has no date.
    pub is_deadline: bool,
    /// Whether only JavaScript can tell whether it is a session that has not expired.
    pub is_unclear: bool,
}

impl Listed {
    /// Makes the entry of a session from its data, or its whole text if that is unclear, and its cookie.
    /// `None` if it is not one of `user`.
    pub fn of(
        sid: impl Into<Box<[u8]>>,
        text: &[u8],
        cookie: Option<&CookieText>,
        expires: Option<i64>,
        user: &[u8],
    ) -> Option<Listed> {
        if meta::user_of(text) != Some(user) {
            return None;
        }
        Some(Listed {
            sid: sid.into(),
            meta: meta::json_of(text).unwrap_or_default().into(),
            expires,
            lifetime: match cookie.map(|cookie| cookie.renewal) {
                Some(Renewal::Date { lifetime }) => Some(lifetime),
                _ => None,
            },
            is_deadline: cookie.is_some_and(|cookie| !cookie.has_date()) && expires.is_some(),
            is_unclear: cookie.is_none(),
        })
    }
}

/// Who looks a session up. This decides whether the look-up counts in [`Stats`] and as a use
/// of the session, and so delays its eviction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A program, or the middleware, that calls the store's `get`. Its look-up counts, and is a
    /// use.
    User,
    /// The middleware, for a request. The engine returns only sessions whose cookie is
    /// [shareable](CookieText::is_shareable): such a look-up counts, and is a use. For others
    /// it returns [`Found::Unclear`], and the middleware looks the session up again as
    /// [`Asker::User`]; the first look-up is no use then, and counts as no hit.
    Middleware,
    /// A program that looks through all sessions. Its look-up does not count, and is no use.
    Viewer,
}

/// The cookie of a session that [`Engine::put_if_unchanged`] stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewCookie<'a> {
    /// The JSON of the cookie.
    Json(&'a [u8]),
    /// The id of a cookie that the engine remembers, and its date, in ms since the epoch.
    Known(u64, Option<i64>),
    /// The data are any text, as for [`Engine::set_raw`], with or without a cookie in it.
    InText,
}

/// The outcome of a call that changes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The change was made.
    Done,
    /// The change was left out, as it would have moved the session's expiry by less than the
    /// engine cares for.
    Kept,
    /// There is no session of the sid, or it has expired.
    Missing,
    /// The change was not made, because the session has another cookie than the caller named
    /// or one that only JavaScript can read or write.
    Refused,
    /// The change was not made, because the session was destroyed at the moment that the
    /// caller named or later.
    Destroyed,
}

/// The outcome of [`Engine::commit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// All changes that were made before are committed, but for these.
    Done(Vec<Unmade>),
    /// Nothing is committed yet, and a thread that may wait must call [`Engine::finish`].
    Waiting,
}

/// A change that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmade {
    /// The session id. `None` for [`Engine::clear`].
    pub sid: Option<Box<[u8]>>,
    /// The moment of the change, if it was to store or end a session: see [`Engine::last_change`]. 0 for
    /// another one.
    pub moment: u64,
    /// Why. `None` if the session was to be stored unless it was destroyed or changed, and it was; or to
    /// be [ended](Engine::end), and it was not one of the user.
    pub error: Option<Error>,
}

/// The outcome of a call that stores a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The session was stored. Has the id of its cookie if that is
    /// [shareable](CookieText::is_shareable).
    Done(Option<u64>),
    /// The session was not stored, because it was destroyed at the moment that the caller
    /// named or later.
    Destroyed,
}

/// The most that an engine holds. Beyond it, the engine evicts the least recently used
/// sessions, and ends those of a user that began first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The number of sessions. `None` for no bound.
    pub max: Option<usize>,
    /// The bytes of all that is kept of them, as [`Stats::bytes`] counts them. `None` for no
    /// bound.
    pub max_bytes: Option<usize>,
    /// The number of sessions of each user, `usize::MAX` for no bound. `None` if the engine does not
    /// index users.
    pub max_of_user: Option<usize>,
}

impl Bounds {
    /// Whether the engine may have to evict sessions.
    pub fn evicts(&self) -> bool {
        self.max.is_some() || self.max_bytes.is_some()
    }
}

/// Why a session was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It had expired.
    Expired,
    /// The engine held more than its [`Bounds`].
    Evicted,
    /// It was removed by [`Engine::destroy`], [`Engine::clear`] or [`Engine::end`], or because its user
    /// had more than the [`Bounds`] allow.
    Destroyed,
}

/// A session that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its id.
    pub sid: Box<[u8]>,
    /// Its whole text.
    pub text: Vec<u8>,
    /// Why it was removed.
    pub reason: Reason,
}

/// What an engine has done so far, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The number of sessions, also of those that have expired and were not removed yet.
    pub sessions: usize,
    /// The bytes of all that is kept of them: sids, data and cookies, and the structures that
    /// keep these. A cookie that many sessions share counts once.
    pub bytes: usize,
    /// The look-ups that found a session.
    pub hits: u64,
    /// The look-ups that found none.
    pub misses: u64,
    /// The sessions that were removed because they had expired.
    pub expired: u64,
    /// The sessions that were removed because the engine held more than its [`Bounds`].
    pub evicted: u64,
}
