//! The simplest engine that fulfils the contract: a map under one lock.

use std::collections::HashMap;
use std::sync::Arc;

use express_session_core::cookie_text::{CookieText, CookieTextCache};
use express_session_core::engine::{
    Asker, Bounds, CLASSIFICATION_COST, Changed, Engine, Found, Listed, Live, Reason, Removed,
    Slice, Stats, Stored,
};
use express_session_core::error::Error;
use express_session_core::meta::{Whose, user_of};
use express_session_core::session_text::{self, Renewal};
use parking_lot::{Mutex, MutexGuard};

/// Bytes that a session takes beside its texts, as `Stats::bytes` counts them.
const SESSION_BYTES: usize = size_of::<Session>();

#[derive(Clone)]
struct Session {
    /// The moment at which the sid was inserted: see `Sessions::serial`.
    serial: u64,
    /// The number of the last use: a later use has a greater number.
    used: u64,
    /// `None` for an unclear text.
    cookie: Option<Arc<CookieText>>,
    /// The data, or the whole of an unclear text.
    text: Vec<u8>,
    expires: Option<i64>,
    /// Whether it is a session, if JavaScript or the cookie has said it.
    is_session: Option<bool>,
}

impl Session {
    fn date(&self) -> Option<i64> {
        let has_date = self.cookie.as_ref().is_some_and(|cookie| cookie.has_date());
        self.expires.filter(|_| has_date)
    }

    fn whole(&self) -> Vec<u8> {
        match &self.cookie {
            Some(cookie) => cookie.whole(self.date(), &self.text),
            None => self.text.clone(),
        }
    }

    fn has_expired(&self, now: i64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn is_of(&self, user: &[u8]) -> bool {
        user_of(&self.text) == Some(user)
    }

    fn bytes(&self, sid: &[u8]) -> usize {
        let cookie = self.cookie.as_ref().map_or(0, |cookie| cookie.bytes());
        sid.len() + self.text.len() + cookie + SESSION_BYTES
    }
}

#[derive(Default)]
struct Sessions {
    by_sid: HashMap<Vec<u8>, Session>,
    /// Bytes of all of these.
    bytes: usize,
    cookies: CookieTextCache,
    bounds: Bounds,
    /// The last moment at which something was inserted or destroyed.
    serial: u64,
    used: u64,
    /// The time that a call has named last.
    clock: i64,
    destroyed: HashMap<Vec<u8>, u64>,
    cleared: u64,
    counts: Stats,
    removed: Option<Vec<Removed>>,
}

/// An engine of sessions in a map.
pub struct Plain(Mutex<Sessions>);

impl Plain {
    /// Makes an empty engine.
    pub fn new(bounds: Bounds) -> Plain {
        Plain(Mutex::new(Sessions {
            bounds,
            ..Sessions::default()
        }))
    }

    /// Locks the sessions for a call that names the time.
    fn at(&self, now: i64) -> MutexGuard<'_, Sessions> {
        let mut sessions = self.0.lock();
        sessions.clock = now;
        sessions
    }
}

impl Sessions {
    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn remove(&mut self, sid: &[u8], reason: Reason) {
        let Some(session) = self.by_sid.remove(sid) else {
            return;
        };
        self.bytes -= session.bytes(sid);
        match reason {
            Reason::Expired => self.counts.expired += 1,
            Reason::Evicted => self.counts.evicted += 1,
            Reason::Destroyed => {}
        }
        if let Some(removed) = &mut self.removed {
            removed.push(Removed {
                sid: sid.into(),
                text: session.whole(),
                reason,
            });
        }
    }

    /// Returns the session of a sid if it is alive at `now`, and removes it if it has expired.
    fn live(&mut self, sid: &[u8], now: i64) -> Option<&mut Session> {
        if self.by_sid.get(sid)?.has_expired(now) {
            self.remove(sid, Reason::Expired);
        }
        self.by_sid.get_mut(sid)
    }

    /// Does what `live` does, and takes it for a use of the session.
    fn live_used(&mut self, sid: &[u8], now: i64) -> Option<&mut Session> {
        self.used += 1;
        let used = self.used;
        let session = self.live(sid, now)?;
        session.used = used;
        Some(session)
    }

    fn was_destroyed(&self, sid: &[u8], since: u64) -> bool {
        let alone = self.destroyed.get(sid).copied().unwrap_or_default();
        alone.max(self.cleared) >= since
    }

    fn store(
        &mut self,
        sid: &[u8],
        cookie: Option<Arc<CookieText>>,
        text: Vec<u8>,
        expires: Option<i64>,
    ) {
        self.used += 1;
        let gaining = self.gaining(sid, &text);
        let is_over = |now: i64| expires.is_some_and(|expires| expires <= now);
        let gaining = gaining.filter(|(_, now)| !is_over(*now));
        let old = self.by_sid.get(sid).map(|old| old.serial);
        let session = Session {
            serial: old.unwrap_or_else(|| self.next()),
            used: self.used,
            is_session: cookie.is_some().then_some(!session_text::is_pointer(&text)),
            cookie,
            text,
            expires,
        };
        self.insert(sid, session);
        if let Some((user, now)) = gaining.filter(|_| self.fits(sid)) {
            self.limit(sid, &user, now);
        }
        self.evict(sid);
    }

    /// Returns the user that has a session more once `text` is stored under `sid`, and the time of that.
    fn gaining(&self, sid: &[u8], text: &[u8]) -> Option<(Vec<u8>, i64)> {
        self.bounds.max_of_user?;
        let whose = Whose::of(text)?;
        let now = whose
            .latest()
            .map_or(self.clock, |latest| latest.max(self.clock));
        let old = self.by_sid.get(sid).filter(|old| !old.has_expired(now));
        let gains = match old {
            Some(old) => !old.is_of(whose.user),
            None => !whose.is_renewed(),
        };
        gains.then(|| (whose.user.to_vec(), now))
    }

    /// Ends what a user has too many, but not `sid`.
    fn limit(&mut self, sid: &[u8], user: &[u8], now: i64) {
        let all = self.listed().into_iter();
        let its = all.filter(|(_, it)| it.is_of(user) && !it.has_expired(now));
        let mut its: Vec<_> = its
            .filter(|(other, _)| *other != sid)
            .map(|(other, it)| {
                (
                    Whose::of(&it.text).map(|whose| whose.began()),
                    other.clone(),
                )
            })
            .collect();
        its.sort_by_key(|(began, _)| *began);
        let excess = (its.len() + 1).saturating_sub(self.bounds.max_of_user.unwrap_or(usize::MAX));
        for (_, other) in its.into_iter().take(excess) {
            self.destroy(&other);
        }
    }

    fn destroy(&mut self, sid: &[u8]) -> bool {
        let serial = self.next();
        self.destroyed.insert(sid.to_vec(), serial);
        let was_there = self.by_sid.contains_key(sid);
        self.remove(sid, Reason::Destroyed);
        was_there
    }

    fn indexes_users(&self) -> bool {
        self.bounds.max_of_user.is_some()
    }

    fn insert(&mut self, sid: &[u8], session: Session) {
        self.bytes += session.bytes(sid);
        if let Some(old) = self.by_sid.insert(sid.to_vec(), session) {
            self.bytes -= old.bytes(sid);
        }
    }

    /// Whether the session of `sid` is within the bounds alone.
    fn fits(&self, sid: &[u8]) -> bool {
        let bytes = self.by_sid.get(sid).map_or(0, |session| session.bytes(sid));
        self.bounds.max_bytes.is_none_or(|most| bytes <= most)
    }

    /// Replaces the session of a sid by another one, and evicts what exceeds the bounds then.
    fn replace(&mut self, sid: &[u8], session: Session) {
        self.insert(sid, session);
        self.evict(sid);
    }

    /// Removes the session of `sid` if it exceeds the bounds alone, and then the least recently
    /// used sessions until all that are left are within the bounds.
    fn evict(&mut self, sid: &[u8]) {
        let Bounds { max, max_bytes, .. } = self.bounds;
        if !self.fits(sid) {
            self.remove(sid, Reason::Evicted);
        }
        while max.is_some_and(|most| self.by_sid.len() > most)
            || max_bytes.is_some_and(|most| self.bytes > most)
        {
            let all = self.by_sid.iter();
            let Some((oldest, _)) = all.min_by_key(|(_, session)| session.used) else {
                return;
            };
            let oldest = oldest.clone();
            self.remove(&oldest, Reason::Evicted);
        }
    }

    /// Returns all sessions in the order in which their sids were inserted.
    fn listed(&self) -> Vec<(&Vec<u8>, &Session)> {
        let mut all: Vec<_> = self.by_sid.iter().collect();
        all.sort_unstable_by_key(|(_, session)| session.serial);
        all
    }

    /// Removes at most `most` expired sessions. Returns whether those were all.
    fn prune(&mut self, now: i64, most: usize) -> bool {
        let all = self.by_sid.iter();
        let expired = all.filter(|(_, session)| session.has_expired(now));
        let expired: Vec<_> = expired.map(|(sid, _)| sid.clone()).collect();
        for sid in expired.iter().take(most) {
            self.remove(sid, Reason::Expired);
        }
        expired.len() <= most
    }
}

impl Engine for Plain {
    fn get(&self, sid: &[u8], now: i64, asker: Asker, text: &mut Vec<u8>) -> Result<Found, Error> {
        text.clear();
        let mut sessions = self.at(now);
        let Some(session) = sessions.live(sid, now).cloned() else {
            sessions.counts.misses += u64::from(asker != Asker::Viewer);
            return Ok(Found::Missing);
        };
        text.extend_from_slice(&session.text);
        let found = match &session.cookie {
            Some(cookie) if cookie.is_shareable || asker != Asker::Middleware => {
                Found::Live(Live {
                    cookie: Arc::clone(cookie),
                    expires: session.date(),
                    moment: sessions.serial + 1,
                })
            }
            _ => Found::Unclear {
                is_classified: session.is_session.is_some(),
            },
        };
        let asks_again = asker == Asker::Middleware && matches!(found, Found::Unclear { .. });
        if asker != Asker::Viewer && !asks_again {
            sessions.counts.hits += 1;
            sessions.live_used(sid, now);
        }
        Ok(found)
    }

    fn peek(&self, sid: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.lock().by_sid.get(sid).map(Session::whole))
    }

    fn put(
        &self,
        sid: &[u8],
        cookie: &[u8],
        data: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error> {
        let mut sessions = self.0.lock();
        let Some((cookie, date)) = sessions.cookies.intern(cookie) else {
            drop(sessions);
            let write = |text: &mut Vec<u8>| text.extend_from_slice(cookie);
            let text = session_text::join(data, cookie.len(), write);
            return self.set_raw(sid, &text, deadline, since);
        };
        if since.is_some_and(|since| sessions.was_destroyed(sid, since)) {
            return Ok(Stored::Destroyed);
        }
        let id = cookie.is_shareable.then_some(cookie.id);
        sessions.store(sid, Some(cookie), data.to_vec(), date.or(deadline));
        Ok(Stored::Done(id))
    }

    fn set_raw(
        &self,
        sid: &[u8],
        text: &[u8],
        deadline: Option<i64>,
        since: Option<u64>,
    ) -> Result<Stored, Error> {
        let mut sessions = self.0.lock();
        if since.is_some_and(|since| sessions.was_destroyed(sid, since)) {
            return Ok(Stored::Destroyed);
        }
        sessions.store(sid, None, text.to_vec(), deadline);
        Ok(Stored::Done(None))
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
        let mut sessions = self.0.lock();
        if since.is_some_and(|since| sessions.was_destroyed(sid, since)) {
            return Ok(Changed::Destroyed);
        }
        let known = match sessions.by_sid.get(sid) {
            Some(session) => session.cookie.clone().filter(|known| known.id == cookie),
            None => sessions.cookies.get(cookie),
        };
        let Some(known) = known.filter(|known| known.can_expire(date)) else {
            return Ok(Changed::Refused);
        };
        sessions.store(sid, Some(known), data.to_vec(), date.or(deadline));
        Ok(Changed::Done)
    }

    fn touch(
        &self,
        sid: &[u8],
        cookie: &[u8],
        now: i64,
        deadline: Option<i64>,
    ) -> Result<Changed, Error> {
        let mut sessions = self.at(now);
        let made = sessions.cookies.intern(cookie);
        let Some(session) = sessions.live_used(sid, now) else {
            return Ok(Changed::Missing);
        };
        let (Some((cookie, date)), true) = (made, session.cookie.is_some()) else {
            return Ok(Changed::Refused);
        };
        let touched = Session {
            cookie: Some(cookie),
            expires: date.or(deadline),
            ..session.clone()
        };
        sessions.replace(sid, touched);
        Ok(Changed::Done)
    }

    fn renew(
        &self,
        sid: &[u8],
        cookie: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        now: i64,
    ) -> Result<Changed, Error> {
        let mut sessions = self.at(now);
        let Some(session) = sessions.live_used(sid, now) else {
            return Ok(Changed::Missing);
        };
        let known = session.cookie.clone().filter(|known| known.id == cookie);
        let Some(known) = known else {
            return Ok(Changed::Refused);
        };
        let date = match known.renewal {
            Renewal::Date { lifetime } => date.or_else(|| now.checked_add(lifetime)),
            _ => date,
        };
        if !known.can_expire(date) {
            return Ok(Changed::Refused);
        }
        session.expires = date.or(deadline);
        Ok(Changed::Done)
    }

    fn classify(
        &self,
        sid: &[u8],
        text: &[u8],
        is_session: bool,
        expires: Option<i64>,
        now: i64,
    ) -> Result<(), Error> {
        let mut sessions = self.at(now);
        let session = sessions.by_sid.get_mut(sid);
        let is_it = |session: &&mut Session| session.cookie.is_none() && session.text == text;
        if let Some(session) = session.filter(is_it) {
            session.is_session = Some(is_session);
            session.expires = expires.or(session.expires);
            sessions.live(sid, now);
        }
        Ok(())
    }

    fn unclassified(&self, from: u64, mut budget: usize) -> Result<Slice, Error> {
        let sessions = self.0.lock();
        let mut sids = Vec::new();
        let listed = sessions.listed().into_iter();
        for (sid, session) in listed.filter(|(_, session)| session.serial >= from) {
            if budget == 0 {
                return Ok((sids, Some(session.serial)));
            }
            let is_unclassified = session.is_session.is_none();
            let cost = if is_unclassified {
                CLASSIFICATION_COST + session.text.len()
            } else {
                1
            };
            budget = budget.saturating_sub(cost);
            sids.extend(is_unclassified.then(|| Box::from(&sid[..])));
        }
        Ok((sids, None))
    }

    fn destroy(&self, sid: &[u8]) -> Result<bool, Error> {
        Ok(self.0.lock().destroy(sid))
    }

    fn sessions_of(&self, user: &[u8], now: i64) -> Result<Vec<Listed>, Error> {
        let sessions = self.at(now);
        let all = sessions.listed().into_iter();
        let alive = all.filter(|(_, it)| sessions.indexes_users() && !it.has_expired(now));
        let listed = alive.filter_map(|(sid, it)| {
            Listed::of(
                sid.clone(),
                &it.text,
                it.cookie.as_deref(),
                it.expires,
                user,
            )
        });
        Ok(listed.collect())
    }

    fn end(&self, user: &[u8], sid: &[u8], now: i64) -> Result<bool, Error> {
        let mut sessions = self.at(now);
        let it = sessions.by_sid.get(sid);
        let it = it.filter(|it| sessions.indexes_users() && !it.has_expired(now));
        let is_it = it.is_some_and(|it| it.is_of(user));
        Ok(is_it && sessions.destroy(sid))
    }

    fn clear(&self) -> Result<(), Error> {
        let mut sessions = self.0.lock();
        sessions.cleared = sessions.next();
        let sids: Vec<_> = sessions.by_sid.keys().cloned().collect();
        for sid in sids {
            sessions.remove(&sid, Reason::Destroyed);
        }
        Ok(())
    }

    fn moment(&self) -> Result<u64, Error> {
        Ok(self.0.lock().serial + 1)
    }

    fn was_destroyed(&self, sid: &[u8], since: u64) -> Result<bool, Error> {
        Ok(self.0.lock().was_destroyed(sid, since))
    }

    fn sids(&self) -> Result<Vec<Box<[u8]>>, Error> {
        let sessions = self.0.lock();
        let sids = sessions.listed().into_iter();
        Ok(sids.map(|(sid, _)| Box::from(&sid[..])).collect())
    }

    fn len(&self, now: i64) -> Result<usize, Error> {
        let mut sessions = self.at(now);
        sessions.prune(now, usize::MAX);
        let all = sessions.by_sid.values();
        Ok(all.filter(|it| it.is_session != Some(false)).count())
    }

    fn prune(&self, now: i64, budget: usize) -> Result<bool, Error> {
        Ok(self.at(now).prune(now, budget))
    }

    fn take_removed(&self) -> Result<Vec<Removed>, Error> {
        let taken = self.0.lock().removed.replace(Vec::new());
        Ok(taken.unwrap_or_default())
    }

    fn stats(&self) -> Result<Stats, Error> {
        let sessions = self.0.lock();
        Ok(Stats {
            sessions: sessions.by_sid.len(),
            bytes: sessions.bytes,
            ..sessions.counts
        })
    }

    fn bytes(&self) -> usize {
        self.0.lock().bytes
    }
}
