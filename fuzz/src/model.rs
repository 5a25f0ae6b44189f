//! A store as a list: what the memory store does, without what makes it fast.

use express_session_core::engine::{Bounds, Changed, Reason, Removed, Stats, Stored};

use super::{iso, json};

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

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Session,
    /// Only JavaScript can tell, and has not yet.
    Unclassified,
    NoSession,
}

pub struct Session {
    pub sid: Vec<u8>,
    /// The cookie and its id, or none if only JavaScript can judge the text.
    pub cookie: Option<(u64, Cookie)>,
    /// The data without the cookie, or the whole text.
    pub text: Vec<u8>,
    /// In ms since the epoch.
    pub expires: Option<i64>,
    pub kind: Kind,
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

/// The text of a session with such a cookie and such data: the cookie comes behind the
/// members whose keys are numbers.
pub fn whole(cookie: &str, data: &[u8]) -> Vec<u8> {
    let mut members = json::members(data).unwrap_or_default();
    let is_number = |member: &json::Member| member.key.bytes().all(|it| it.is_ascii_digit());
    let behind = members.split_off(members.iter().take_while(|it| is_number(it)).count());
    let texts = |members: &[json::Member]| -> Vec<String> {
        let value =
            |it: &json::Member| String::from_utf8_lossy(&data[it.place.clone()]).into_owned();
        let text = |it: &json::Member| format!("{:?}:{}", it.key, value(it));
        members.iter().map(text).collect()
    };
    let cookie = vec![format!("\"cookie\":{cookie}")];
    let all = [texts(&members), cookie, texts(&behind)].concat();
    format!("{{{}}}", all.join(",")).into_bytes()
}

/// Bytes that each session takes beside its text, its sid and its cookie, and each cookie
/// beside its text: only the store knows.
#[derive(Clone, Copy)]
pub struct Overhead {
    pub session: usize,
    pub cookie: usize,
}

pub struct Model {
    /// In order of insertion.
    pub sessions: Vec<Session>,
    bounds: Bounds,
    overhead: Overhead,
    /// Bytes of a sid that take no more room.
    free: usize,
    cookies: Vec<(u64, (String, String))>,
    known: Vec<(u64, Cookie)>,
    uses: u64,
    counted: Stats,
    /// The sids that were destroyed, all for `None`.
    pub destroyed: Vec<Option<Vec<u8>>>,
    pub is_watched: bool,
    pub removed: Vec<Removed>,
}

impl Model {
    pub fn new(bounds: Bounds, overhead: Overhead, free: usize) -> Model {
        Model {
            sessions: Vec::new(),
            bounds,
            overhead,
            free,
            cookies: Vec::new(),
            known: Vec::new(),
            uses: 0,
            counted: Stats::default(),
            destroyed: Vec::new(),
            is_watched: false,
            removed: Vec::new(),
        }
    }

    pub fn stats(&self) -> Stats {
        Stats {
            sessions: self.sessions.len(),
            bytes: self.sessions.iter().map(|it| self.bytes(it)).sum::<usize>()
                + self.cookie_bytes(&self.sessions),
            ..self.counted
        }
    }

    fn bytes(&self, session: &Session) -> usize {
        self.overhead.session + session.sid.len().saturating_sub(self.free) + session.text.len()
    }

    /// A cookie that several have counts once.
    fn cookie_bytes(&self, sessions: &[Session]) -> usize {
        let cookies = sessions.iter().filter_map(|it| it.cookie.as_ref());
        let mut cookies: Vec<_> = cookies
            .map(|(id, cookie)| (*id, cookie.around.0.len() + cookie.around.1.len()))
            .collect();
        cookies.sort_unstable();
        cookies.dedup();
        let bytes = cookies
            .iter()
            .map(|(_, length)| self.overhead.cookie + length);
        bytes.sum()
    }

    fn fits(&self, session: &Session) -> bool {
        let bytes = self.bytes(session) + self.cookie_bytes(std::slice::from_ref(session));
        self.bounds.max_bytes.is_none_or(|most| bytes <= most)
    }

    /// Whether a sid was destroyed after so many others, and how many other sids were: the
    /// store may take them for it if they are more than one.
    pub fn was_destroyed(&self, sid: &[u8], since: usize) -> (bool, usize) {
        let later = &self.destroyed[since..];
        let is_it = |it: &&Option<Vec<u8>>| it.as_ref().is_none_or(|it| it == sid);
        let is_destroyed = later.iter().any(|it| is_it(&it));
        let mut others: Vec<_> = later.iter().filter(|it| !is_it(it)).collect();
        others.sort_unstable();
        others.dedup();
        (is_destroyed, others.len())
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

    pub fn get(&mut self, sid: &[u8], now: i64, is_use: bool) -> Option<&Session> {
        let Some(at) = self.live(sid, now) else {
            self.counted.misses += u64::from(is_use);
            return None;
        };
        if is_use {
            self.counted.hits += 1;
            self.use_session(at);
        }
        self.sessions.get(at)
    }

    /// Stores it, and says so.
    pub fn put(
        &mut self,
        sid: &[u8],
        cookie: &Cookie,
        data: &[u8],
        deadline: Option<i64>,
        is_destroyed: bool,
    ) -> Stored {
        let id = self.remember(cookie);
        if is_destroyed {
            return Stored::Destroyed;
        }
        match id {
            Some(id) => self.store(sid, data.to_vec(), Some((id, cookie.clone())), deadline),
            None => self.store(sid, whole(&cookie.text(), data), None, deadline),
        }
        Stored::Done(id)
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
            kind: if cookie.is_some() {
                Kind::Session
            } else {
                Kind::Unclassified
            },
            cookie,
            text,
            expires: date.or(deadline),
            used: 0,
        };
        let old = self.place(sid);
        if !self.fits(&session) {
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
        self.evict();
    }

    fn evict(&mut self) {
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

    pub fn write(
        &mut self,
        sid: &[u8],
        id: u64,
        date: Option<i64>,
        deadline: Option<i64>,
        data: &[u8],
    ) -> Changed {
        let cookie = match self.find(sid) {
            Some(session) => {
                let cookie = session.cookie.as_ref();
                cookie
                    .filter(|(known, _)| *known == id)
                    .map(|(_, it)| it.clone())
            }
            None => self.known(id),
        };
        match cookie {
            Some(cookie) if cookie.can_expire(date) => {
                let cookie = Cookie { date, ..cookie };
                self.store(sid, data.to_vec(), Some((id, cookie)), deadline);
                Changed::Done
            }
            _ => Changed::Refused,
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
            return Changed::Refused;
        };
        *old = (id, cookie.clone());
        session.set_date(cookie.date, deadline);
        if !self.fits(&self.sessions[at]) {
            self.remove(at, Reason::Evicted);
        }
        self.evict();
        Changed::Done
    }

    pub fn classify(
        &mut self,
        sid: &[u8],
        text: &[u8],
        is_session: bool,
        expires: Option<i64>,
        now: i64,
    ) {
        let Some(at) = self.place(sid) else {
            return;
        };
        let session = &mut self.sessions[at];
        if session.cookie.is_some() || session.text != text {
            return;
        }
        session.kind = if is_session {
            Kind::Session
        } else {
            Kind::NoSession
        };
        if expires.is_some() {
            session.expires = expires;
        }
        self.live(sid, now);
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
            return Changed::Refused;
        };
        let date = match (date, cookie.lifetime) {
            (None, Lifetime::Of(lifetime)) => Some(now + lifetime),
            (date, _) => date,
        };
        if !cookie.can_expire(date) {
            return Changed::Refused;
        }
        session.set_date(date, deadline);
        Changed::Done
    }

    pub fn destroy(&mut self, sid: &[u8]) -> bool {
        self.destroyed.push(Some(sid.to_vec()));
        let at = self.place(sid);
        if let Some(at) = at {
            self.remove(at, Reason::Destroyed);
        }
        at.is_some()
    }

    pub fn clear(&mut self) {
        self.destroyed.push(None);
        while !self.sessions.is_empty() {
            self.remove(0, Reason::Destroyed);
        }
    }

    pub fn len(&mut self, now: i64) -> usize {
        self.expire_where(|session| session.is_over(now));
        let sessions = self.sessions.iter();
        sessions.filter(|it| it.kind != Kind::NoSession).count()
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
