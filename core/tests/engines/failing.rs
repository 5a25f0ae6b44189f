//! An engine that fails.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use express_session_core::engine::{
    Asker, Bounds, Changed, Commit, Engine, Found, Listed, NewCookie, Removed, Slice, Stats,
    Stored, Unmade,
};
use express_session_core::error::Error;

use super::plain::Plain;

/// The message of its errors.
pub const MESSAGE: &str = "the engine failed on purpose";

/// A [`Plain`] engine of which every call fails while a switch is on.
pub struct Failing {
    engine: Plain,
    is_on: &'static AtomicBool,
}

impl Failing {
    /// Makes an empty engine that fails while `is_on` is set.
    pub fn new(bounds: Bounds, is_on: &'static AtomicBool) -> Failing {
        Failing {
            engine: Plain::new(bounds),
            is_on,
        }
    }

    fn engine(&self) -> Result<&Plain, Error> {
        if self.is_on.load(Relaxed) {
            Err(Error::Engine(MESSAGE.into()))
        } else {
            Ok(&self.engine)
        }
    }
}

impl Engine for Failing {
    fn get(&self, sid: &[u8], now: i64, asker: Asker, text: &mut Vec<u8>) -> Result<Found, Error> {
        self.engine()?.get(sid, now, asker, text)
    }

    fn peek(&self, sid: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.engine()?.peek(sid)
    }

    fn put(
        &self,
        sid: &[u8],
        cookie: &[u8],
        data: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error> {
        self.engine()?.put(sid, cookie, data, deadline, since)
    }

    fn put_if_unchanged(
        &self,
        sid: &[u8],
        base: &[u8],
        cookie: NewCookie,
        data: &[u8],
        now: i64,
        deadline: Option<i64>,
    ) -> Result<Changed, Error> {
        self.engine()?
            .put_if_unchanged(sid, base, cookie, data, now, deadline)
    }

    fn last_change(&self) -> Result<u64, Error> {
        self.engine()?.last_change()
    }

    fn set_raw(
        &self,
        sid: &[u8],
        text: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error> {
        self.engine()?.set_raw(sid, text, deadline, since)
    }

    fn write(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        since: Option<u64>,
        data: &[u8],
    ) -> Result<Changed, Error> {
        let engine = self.engine()?;
        engine.write(sid, cookie, date, deadline, since, data)
    }

    fn touch(
        &self,
        sid: &[u8],
        cookie: &[u8],
        now: i64,
        deadline: Option<i64>,
    ) -> Result<Changed, Error> {
        self.engine()?.touch(sid, cookie, now, deadline)
    }

    fn renew(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        now: i64,
    ) -> Result<Changed, Error> {
        self.engine()?.renew(sid, cookie, date, deadline, now)
    }

    fn classify(
        &self,
        sid: &[u8],
        text: &[u8],
        is_session: bool,
        expires: Option<i64>,
        now: i64,
    ) -> Result<(), Error> {
        self.engine()?.classify(sid, text, is_session, expires, now)
    }

    fn unclassified(&self, from: u64, budget: usize) -> Result<Slice, Error> {
        self.engine()?.unclassified(from, budget)
    }

    fn sessions_of(&self, user: &[u8], now: i64) -> Result<Vec<Listed>, Error> {
        self.engine()?.sessions_of(user, now)
    }

    fn end(&self, user: &[u8], sid: &[u8], now: i64) -> Result<bool, Error> {
        self.engine()?.end(user, sid, now)
    }

    fn destroy(&self, sid: &[u8]) -> Result<bool, Error> {
        self.engine()?.destroy(sid)
    }

    fn clear(&self) -> Result<(), Error> {
        self.engine()?.clear()
    }

    fn moment(&self) -> Result<u64, Error> {
        self.engine()?.moment()
    }

    fn was_destroyed(&self, sid: &[u8], since: u64) -> Result<bool, Error> {
        self.engine()?.was_destroyed(sid, since)
    }

    fn sids(&self) -> Result<Vec<Box<[u8]>>, Error> {
        self.engine()?.sids()
    }

    fn len(&self, now: i64) -> Result<usize, Error> {
        self.engine()?.len(now)
    }

    fn prune(&self, now: i64, budget: usize) -> Result<bool, Error> {
        self.engine()?.prune(now, budget)
    }

    fn commit(&self) -> Result<Commit, Error> {
        self.engine()?.commit()
    }

    fn wait(&self) -> Result<(), Error> {
        self.engine()?.wait()
    }

    fn finish(&self) -> Result<Vec<Unmade>, Error> {
        self.engine()?.finish()
    }

    fn close(&self) -> Result<(), Error> {
        self.engine()?.close()
    }

    fn maintain(&self, now: i64) -> Result<(), Error> {
        self.engine()?.maintain(now)
    }

    fn take_removed(&self) -> Result<Vec<Removed>, Error> {
        self.engine()?.take_removed()
    }

    fn stats(&self) -> Result<Stats, Error> {
        self.engine()?.stats()
    }

    fn bytes(&self) -> usize {
        self.engine.bytes()
    }
}
