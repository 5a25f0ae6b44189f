//! A store as a list: what the memory store does, without what makes it fast.

use express_session_core::memory_store::{Bounds, Changed, Reason, Removed, Stats};

use super::iso;

/// How many cookies a store remembers by their ids.
const REMEMBERED: usize = 8;

/// A cookie's JSON, as the steps of the target make it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cookie {
    /// What stands before and behind the date; all stands before it without one.
    pub around: (String, String),
    /// Its date, in ms since the epoch.
    pub date: Option<i64>,
    pub lifetime: Lifetime,
    /// Whether only JavaScript can judge when it expires.
    pub is_unclear: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lifetime {
    /// It has none, so that using the session changes nothing.
    None,
    /// In ms.
    Of(i64),
    /// JavaScript must say.
    Unclear,
}

impl Cookie {
    pub fn text(&self) -> String {
        let (before, behind) = &self.around;
        let date = self.date.and_then(iso::text).unwrap_or_default();
        format!("{before}{date}{behind}")
    }

    fn can_expire(&self, date: Option<i64>) -> bool {
        match (self.lifetime, date) {
            (Lifetime::None, None) => true,
            (Lifetime::Of(_), Some(date)) => iso::text(date).is_some(),
            _ => false,
        }
    }
}

pub struct Session {
    pub sid: Vec<u8>,
    /// The cookie and its id, or none if only JavaScript can judge the text.
    pub cookie: Option<(u64, Cookie)>,
    /// The data without the cookie, or the whole text.
    pub text: Vec<u8>,
    /// In ms since the epoch.
    pub expires: Option<i64>,
    used: u64,
}

impl Session {
    pub fn whole(&self) -> Vec<u8> {
        let Some((_, cookie)) = &self.cookie else {
            return self.text.clone();
        };
        whole(&cookie.text(), &self.text)
    }

    fn is_over(&self, now: i64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn set_date(&mut self, date: Option<i64>, deadline: Option<i64>) {
        if let Some((_, cookie)) = &mut self.cookie {
            cookie.date = date;
        }
        self.expires = date.or(deadline);
    }
}

/// The text of a session with such a cookie and such data.
pub fn whole(cookie: &str, data: &[u8]) -> Vec<u8> {
    let inner = &data[1..data.len() - 1];
    let comma: &[u8] = if inner.is_empty() { b"" } else { b"," };
    [b"{\"cookie\":", cookie.as_bytes(), comma, inner, b"}"].concat()
}

pub struct Model {
    /// In order of insertion.
    pub sessions: Vec<Session>,
    bounds: Bounds,
    /// Bytes that each session takes beside its text and its sid.
    overhead: usize,
    /// Bytes of a sid that take no more room.
    free: usize,
    cookies: Vec<(u64, (String, String))>,
    known: Vec<(u64, Cookie)>,
    uses: u64,
    counted: Stats,
    pub is_watched: bool,
    pub removed: Vec<Removed>,
}

impl Model {
    pub fn new(bounds: Bounds, overhead: usize, free: usize) -> Model {
        Model {
            sessions: Vec::new(),
            bounds,
            overhead,
            free,
            cookies: Vec::new(),
            known: Vec::new(),
            uses: 0,
            counted: Stats::default(),
            is_watched: false,
            removed: Vec::new(),
        }
    }

    pub fn stats(&self) -> Stats {
        Stats {
            sessions: self.sessions.len(),
            bytes: self.sessions.iter().map(|it| self.bytes(it)).sum(),
            ..self.counted
        }
    }

    fn bytes(&self, session: &Session) -> usize {
        self.overhead + session.sid.len().saturating_sub(self.free) + session.text.len()
    }

    pub fn find(&self, sid: &[u8]) -> Option<&Session> {
        self.sessions.iter().find(|it| it.sid == sid)
    }

    fn place(&self, sid: &[u8]) -> Option<usize> {
        self.sessions.iter().position(|it| it.sid == sid)
    }

    /// The place of a session that is not over; one that is goes.
    fn live(&mut self, sid: &[u8], now: i64) -> Option<usize> {
        let at = self.place(sid)?;
        if self.sessions[at].is_over(now) {
            self.remove(at, Reason::Expired);
            return None;
        }
        Some(at)
    }

    fn remove(&mut self, at: usize, reason: Reason) {
        let session = self.sessions.remove(at);
        match reason {
            Reason::Expired => self.counted.expired += 1,
            Reason::Evicted => self.counted.evicted += 1,
            Reason::Destroyed => {}
        }
        if self.is_watched {
            self.removed.push(Removed {
                text: session.whole(),
                sid: session.sid.into(),
                reason,
            });
        }
    }

    fn use_session(&mut self, at: usize) {
        self.uses += 1;
        self.sessions[at].used = self.uses;
    }

    /// The id that a cookie's text has, whatever its date.
    fn remember(&mut self, cookie: &Cookie) -> Option<u64> {
        if cookie.is_unclear {
            return None;
        }
        let old = self.cookies.iter().position(|(_, it)| *it == cookie.around);
        let entry = match old {
            Some(at) => self.cookies.remove(at),
            None => {
                self.known.push((self.known.len() as u64, cookie.clone()));
                (self.known.len() as u64 - 1, cookie.around.clone())
            }
        };
        self.cookies.insert(0, entry);
        self.cookies.truncate(REMEMBERED);
        Some(self.cookies[0].0)
    }

    pub fn get(&mut self, sid: &[u8], now: i64) -> Option<&Session> {
        let Some(at) = self.live(sid, now) else {
            self.counted.misses += 1;
            return None;
        };
        self.counted.hits += 1;
        self.use_session(at);
        self.sessions.get(at)
    }

    /// Returns the id of the cookie.
    pub fn put(
        &mut self,
        sid: &[u8],
        cookie: &Cookie,
        data: &[u8],
        deadline: Option<i64>,
    ) -> Option<u64> {
        let id = self.remember(cookie);
        match id {
            Some(id) => self.store(sid, data.to_vec(), Some((id, cookie.clone())), deadline),
            None => self.store(sid, whole(&cookie.text(), data), None, deadline),
        }
        id
    }

    pub fn store(
        &mut self,
        sid: &[u8],
        text: Vec<u8>,
        cookie: Option<(u64, Cookie)>,
        deadline: Option<i64>,
    ) {
        let date = cookie.as_ref().and_then(|(_, cookie)| cookie.date);
        let session = Session {
            sid: sid.to_vec(),
            cookie,
            text,
            expires: date.or(deadline),
            used: 0,
        };
        let old = self.place(sid);
        let bytes = self.bytes(&session);
        if self.bounds.max_bytes.is_some_and(|most| bytes > most) {
            if let Some(at) = old {
                self.remove(at, Reason::Evicted);
            }
            return;
        }
        let at = old.unwrap_or(self.sessions.len());
        if old.is_some() {
            self.sessions[at] = session;
        } else {
            self.sessions.push(session);
        }
        self.use_session(at);
        while self.is_full() {
            let least = self
                .sessions
                .iter()
                .enumerate()
                .min_by_key(|(_, it)| it.used);
            let Some((at, _)) = least else {
                return;
            };
            self.remove(at, Reason::Evicted);
        }
    }

    fn is_full(&self) -> bool {
        let Stats {
            sessions, bytes, ..
        } = self.stats();
        self.bounds.max.is_some_and(|most| sessions > most)
            || self.bounds.max_bytes.is_some_and(|most| bytes > most)
    }

    /// A cookie that is still remembered.
    fn known(&self, id: u64) -> Option<Cookie> {
        let is_remembered = self.cookies.iter().any(|(known, _)| *known == id);
        let known = self.known.get(usize::try_from(id).ok()?)?;
        is_remembered.then(|| known.1.clone())
    }

    pub fn insert(
        &mut self,
        sid: &[u8],
        id: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        data: &[u8],
    ) -> Changed {
        match self.known(id) {
            Some(cookie) if cookie.can_expire(date) && self.find(sid).is_none() => {
                let cookie = Cookie { date, ..cookie };
                self.store(sid, data.to_vec(), Some((id, cookie)), deadline);
                Changed::Done
            }
            _ => Changed::Not,
        }
    }

    pub fn rewrite(
        &mut self,
        sid: &[u8],
        id: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        data: &[u8],
    ) -> Changed {
        let Some(session) = self.find(sid) else {
            return Changed::Missing;
        };
        match session.cookie.clone() {
            Some((known, cookie)) if known == id && cookie.can_expire(date) => {
                let cookie = Cookie { date, ..cookie };
                self.store(sid, data.to_vec(), Some((id, cookie)), deadline);
                Changed::Done
            }
            _ => Changed::Not,
        }
    }

    pub fn touch(
        &mut self,
        sid: &[u8],
        cookie: &Cookie,
        now: i64,
        deadline: Option<i64>,
    ) -> Changed {
        let id = self.remember(cookie);
        let Some(at) = self.live(sid, now) else {
            return Changed::Missing;
        };
        self.use_session(at);
        let session = &mut self.sessions[at];
        let (Some(id), Some(old)) = (id, &mut session.cookie) else {
            return Changed::Not;
        };
        *old = (id, cookie.clone());
        session.set_date(cookie.date, deadline);
        Changed::Done
    }

    pub fn renew(
        &mut self,
        sid: &[u8],
        id: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        now: i64,
    ) -> Changed {
        let Some(at) = self.live(sid, now) else {
            return Changed::Missing;
        };
        self.use_session(at);
        let session = &mut self.sessions[at];
        let Some((_, cookie)) = session.cookie.as_ref().filter(|(known, _)| *known == id) else {
            return Changed::Not;
        };
        let date = match (date, cookie.lifetime) {
            (None, Lifetime::Of(lifetime)) => Some(now + lifetime),
            (date, _) => date,
        };
        if !cookie.can_expire(date) {
            return Changed::Not;
        }
        session.set_date(date, deadline);
        Changed::Done
    }

    pub fn take_out(&mut self, sid: &[u8], reason: Reason) -> bool {
        let at = self.place(sid);
        if let Some(at) = at {
            self.remove(at, reason);
        }
        at.is_some()
    }

    pub fn clear(&mut self) {
        while !self.sessions.is_empty() {
            self.remove(0, Reason::Destroyed);
        }
    }

    pub fn len(&mut self, now: i64) -> usize {
        self.expire_where(|session| session.is_over(now));
        self.sessions.len()
    }

    /// Which of the expired ones a slice finds is the store's business, so it is asked;
    /// but those that are alive stay, and if it is done those of past seconds are gone.
    /// Returns how many went.
    pub fn pruned(&mut self, now: i64, is_done: bool, is_there: impl Fn(&[u8]) -> bool) -> usize {
        for session in &self.sessions {
            let second = session.expires.map(|expires| expires.div_euclid(1000));
            let is_past = second.is_some_and(|second| second < now.div_euclid(1000));
            assert!(!is_done || !is_past || !is_there(&session.sid), "left over");
        }
        let before = self.sessions.len();
        self.expire_where(|session| session.is_over(now) && !is_there(&session.sid));
        before - self.sessions.len()
    }

    fn expire_where(&mut self, is_gone: impl Fn(&Session) -> bool) {
        while let Some(at) = self.sessions.iter().position(&is_gone) {
            self.remove(at, Reason::Expired);
        }
    }
}
