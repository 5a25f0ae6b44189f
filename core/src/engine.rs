//! What keeps sessions: the contract of an engine, and what its calls take and answer.
//!
//! An engine maps sids to session texts. Sids and texts are bytes in
//! [generalised UTF-8](crate::wtf8); every time is in ms since the epoch, and `now` is
//! what the caller takes for it. A session is alive at `now` if it has no expiry, or a
//! later one; one that is not alive is called expired, whether it was removed or not.
//!
//! A session's text is kept as its cookie's JSON and its data, the JSON object without the
//! member `cookie`. [`CookieText`] tells which cookies an engine can read; a text with
//! another one, or none, is *unclear*: it is kept whole, and only JavaScript can judge what
//! it is and when it expires.

use std::sync::Arc;

use crate::cookie_text::CookieText;
use crate::error::Error;
use crate::session_text;

/// A place where sessions are kept, for all threads of a process.
///
/// # Errors
/// Every method that returns a `Result` fails with [`Error::Engine`] if the engine cannot
/// do what it is asked, a disk being full, say. A call that fails has changed nothing that
/// another call shows, and the next one may succeed.
pub trait Engine: Send + Sync {
    /// Looks `sid` up: what is known of it, and in `text`, in place of what was there, the
    /// session's data or the whole of an unclear text; nothing if it is missing.
    ///
    /// An expired session is removed. Unless a viewer asks, a missing session counts as a
    /// miss, and one that is there as a hit and as used: see [`Asker`].
    fn get(&self, sid: &[u8], now: i64, asker: Asker, text: &mut Vec<u8>) -> Result<Found, Error>;

    /// Does what [`get`](Engine::get) does, with the whole text: byte for byte the one that
    /// was stored.
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

    /// The whole text of `sid`, expired or not. It is no use, and removes nothing.
    fn peek(&self, sid: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Stores a session's text, made by `JSON.stringify`, in the place of what `sid` had.
    ///
    /// It expires at the date of its cookie; if that has none at `deadline`, and never
    /// without one. It is not stored if `sid` was destroyed since the moment `since`.
    /// Storing is a use. What is more than the engine's [`Bounds`] is removed, the text
    /// itself if it alone is too large.
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

    /// Does what [`set`](Engine::set) does for a session in parts: its cookie's JSON, and
    /// its data.
    fn put(
        &self,
        sid: &[u8],
        cookie: &[u8],
        data: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error>;

    /// Does what [`set`](Engine::set) does for any text, which counts as unclear.
    fn set_raw(
        &self,
        sid: &[u8],
        text: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error>;

    /// Does what [`put`](Engine::put) does for a cookie that is known by its id and has the
    /// date `date`.
    ///
    /// `Not` unless it is the cookie of the session that `sid` has, expired or not, or for
    /// a new `sid` one that the engine remembers; and [can](CookieText::can_expire) have
    /// that date. An engine may forget cookies as it likes.
    fn write(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        since: Option<u64>,
        data: &[u8],
    ) -> Result<Changed, Error>;

    /// Puts `cookie`, a JSON text, in place of the cookie of a session, which then expires
    /// as after [`set`](Engine::set). It is a use, also if only JavaScript can do it and
    /// the answer is `Not`.
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
    /// The cookie's date becomes `date`, or the end of its lifetime after `now` if that is
    /// `None`. `cookie` is the id of the cookie that the session is thought to have: `Not`
    /// if it has another one, or if this one cannot have that date. It is a use in any case.
    fn renew(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        now: i64,
    ) -> Result<Changed, Error>;

    /// Takes down what JavaScript says of an unclear text: whether it is a session, and if
    /// it has an expiry of its own when that is. Expired at `now` it is removed. Does
    /// nothing if the text of `sid` is another one by now.
    fn classify(
        &self,
        sid: &[u8],
        text: &[u8],
        is_session: bool,
        expires: Option<i64>,
        now: i64,
    ) -> Result<(), Error>;

    /// Some of the sids whose texts are unclear and not judged yet, and where to go on if
    /// there may be more; `from` is 0 to begin with, and any other number harmless.
    ///
    /// `budget` is about how much is looked at: a text that is handed out costs its bytes
    /// and 1,000 more, and anything else 1. With any budget left, one more is looked at.
    /// What is there from the first call to the last is handed out once.
    fn unclassified(&self, from: u64, budget: usize) -> Result<Slice, Error>;

    /// Removes a session. Returns whether there was one, expired or not.
    fn destroy(&self, sid: &[u8]) -> Result<bool, Error>;

    /// Removes every session.
    fn clear(&self) -> Result<(), Error>;

    /// This moment: what is destroyed from now on has a later one, and what was destroyed
    /// before has an earlier one. It is no time, and greater than 0.
    fn moment(&self) -> Result<u64, Error>;

    /// Whether `sid` was destroyed, alone or with all, since the moment `since`, also if
    /// there was no such session, or is one again.
    ///
    /// What was evicted or has expired was not destroyed. An engine may forget which sids
    /// were: then it says of one that is not there that it was, and never the contrary.
    fn was_destroyed(&self, sid: &[u8], since: u64) -> Result<bool, Error>;

    /// Every sid in order of insertion, expired ones too. A sid keeps its place until it is
    /// removed.
    fn sids(&self) -> Result<Vec<Box<[u8]>>, Error>;

    /// How many sessions are alive at `now`, with unclear texts that are not judged yet.
    /// Those that have expired are removed.
    fn len(&self, now: i64) -> Result<usize, Error>;

    /// Removes sessions that have expired at `now`, looking at about `budget` of them.
    /// Returns whether that was enough for all whose expiry is in an earlier second.
    fn prune(&self, now: i64, budget: usize) -> Result<bool, Error>;

    /// What was removed since the last call. From the first call on it is kept for this; if
    /// nobody ever calls, it is not.
    fn take_removed(&self) -> Result<Vec<Removed>, Error>;

    /// What it holds, and what it has done.
    fn stats(&self) -> Result<Stats, Error>;

    /// Bytes of this process's memory that the sessions take, 0 if they are elsewhere.
    fn bytes(&self) -> usize;
}

/// Some sids, and where to go on if there may be more.
pub type Slice = (Vec<Box<[u8]>>, Option<u64>);

/// What an engine knows of a sid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No session, or one that has expired.
    Missing,
    /// A session that has not expired.
    Live(Live),
    /// A text that only JavaScript can read.
    Unclear {
        /// Whether JavaScript has said what it is and when it expires: it has not.
        is_classified: bool,
    },
}

/// A stored session, its data aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The cookie, its date aside.
    pub cookie: Arc<CookieText>,
    /// Its date, in ms since the epoch.
    pub expires: Option<i64>,
    /// The moment at which it was found: see [`Engine::moment`].
    pub moment: u64,
}

/// Who looks a session up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A request or a program that uses the session.
    User,
    /// A request that uses the session if its cookie is common, and otherwise asks again
    /// by another way: then this is no use, and the answer is unclear.
    Middleware,
    /// Somebody who looks through the store, which is no use of its sessions.
    Viewer,
}

/// What came of a change to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was made.
    Done,
    /// No session, or one that has expired.
    Missing,
    /// The session has another cookie than the caller thinks, or only JavaScript can
    /// judge and change its text.
    Refused,
    /// The session was destroyed since the moment that the caller named.
    Destroyed,
}

/// What came of storing a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It was stored; with the id of its cookie, if that is common.
    Done(Option<u64>),
    /// The session was destroyed since the moment that the caller named.
    Destroyed,
}

/// How much an engine holds. Beyond it, the session goes whose last use is the longest ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Sessions.
    pub max: Option<usize>,
    /// Bytes of all that is kept of them, as [`Stats::bytes`] counts them.
    pub max_bytes: Option<usize>,
}

/// Why a session is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its time was over.
    Expired,
    /// The engine was full.
    Evicted,
    /// Somebody destroyed it, or all.
    Destroyed,
}

/// A session that is not there any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its id.
    pub sid: Box<[u8]>,
    /// Its whole text.
    pub text: Vec<u8>,
    /// Why it is gone.
    pub reason: Reason,
}

/// What an engine has done so far, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sessions, expired ones that nobody has found yet included.
    pub sessions: usize,
    /// Bytes of all that is kept of them: sids, data, cookies, of which one that many have
    /// in common counts once, and what it takes to keep these.
    pub bytes: usize,
    /// Look-ups that found a session.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
    /// Sessions removed because their time was over.
    pub expired: u64,
    /// Sessions removed because the engine was full.
    pub evicted: u64,
}
