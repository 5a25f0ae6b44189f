//! The changes that are not committed yet, and what a reader sees of them.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::cookie_text::CookieText;

/// A session as it is to be stored.
#[derive(Debug)]
pub struct Record {
    /// The session's cookie. `None` for an unclear text.
    pub cookie: Option<Arc<CookieText>>,
    /// The session's data or, without a cookie, its whole text.
    pub text: Arc<[u8]>,
    /// When it expires, in ms since the epoch. `None` for never.
    pub expires: Option<i64>,
}

/// What must be true of a sid for its record to be stored.
#[derive(Clone, Debug)]
pub enum Condition {
    /// Nothing.
    None,
    /// It has a record that was born before this moment.
    BornBefore(u64),
    /// It has a record that is alive at the time `now`, in ms since the epoch, with these data: see
    /// [`is_same_data`](crate::session_text::is_same_data).
    Unchanged {
        /// The JSON object of the data.
        base: Box<[u8]>,
        /// The time.
        now: i64,
    },
}

impl Condition {
    /// Makes the condition that the session was not destroyed at the moment `since` or later.
    pub fn of(since: Option<u64>) -> Condition {
        since.map_or(Condition::None, Condition::BornBefore)
    }
}

/// How many sessions a user may have.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The number.
    pub most: usize,
    /// The time, in ms since the epoch: what has expired then does not count.
    pub now: i64,
}

/// A change, as it is written to the database.
#[derive(Clone, Debug)]
pub enum Change {
    /// Stores a record.
    Put {
        /// The session id.
        sid: Arc<[u8]>,
        /// What is stored.
        record: Arc<Record>,
        /// The moment of the change: that of the sid, if the sid has no record yet.
        born: u64,
        /// What must be true for that.
        condition: Condition,
        /// How many sessions its user may have. `None` for no limit, or if it is nobody's.
        limit: Option<Limit>,
    },
    /// Gives the session an expiry and a cookie.
    Touch {
        /// The session id.
        sid: Arc<[u8]>,
        /// The new cookie and expiry.
        touched: Touched,
    },
    /// Notes what JavaScript has found out of an unclear text.
    Classify {
        /// The session id.
        sid: Arc<[u8]>,
        /// The text.
        text: Box<[u8]>,
        /// Whether it is a session.
        is_session: bool,
        /// The expiry that it has in itself, in ms since the epoch.
        expires: Option<i64>,
    },
    /// Removes a session.
    Destroy {
        /// The session id.
        sid: Arc<[u8]>,
    },
    /// Removes a session if it is alive at a time, and one of a user.
    End {
        /// The session id.
        sid: Arc<[u8]>,
        /// The JSON of the user.
        user: Box<[u8]>,
        /// The time, in ms since the epoch.
        now: i64,
        /// The moment of the change.
        moment: u64,
    },
    /// Removes all sessions.
    Clear,
}

impl Change {
    /// Whether the change depends on what the database has, so that it takes several statements.
    pub fn reads(&self) -> bool {
        match self {
            Change::Put {
                condition, limit, ..
            } => matches!(condition, Condition::Unchanged { .. }) || limit.is_some(),
            Change::End { .. } => true,
            _ => false,
        }
    }

    /// Returns the moment of a change that stores or ends a session, 0 for another one.
    pub fn moment(&self) -> u64 {
        match self {
            Change::Put { born, .. } => *born,
            Change::End { moment, .. } => *moment,
            _ => 0,
        }
    }

    /// Returns the sid that the change is about. `None` if it is about all.
    pub fn sid(&self) -> Option<&[u8]> {
        match self {
            Change::Put { sid, .. }
            | Change::Touch { sid, .. }
            | Change::Classify { sid, .. }
            | Change::End { sid, .. }
            | Change::Destroy { sid } => Some(sid),
            Change::Clear => None,
        }
    }
}

/// What a touch gives to a session.
#[derive(Clone, Debug)]
pub struct Touched {
    /// The session's cookie.
    pub cookie: Arc<CookieText>,
    /// When the session expires, in ms since the epoch. `None` for never.
    pub expires: Option<i64>,
    /// Whether the session must have that cookie already.
    pub must_match: bool,
    /// The time of the touch, in ms since the epoch. A session that has expired then stays as it is.
    pub now: i64,
}

impl Touched {
    /// Whether a session with this cookie and expiry is touched. `None` stands for an unclear text,
    /// which is not, and for no expiry.
    pub fn suits(&self, cookie: Option<&Arc<CookieText>>, expires: Option<i64>) -> bool {
        cookie.is_some_and(|old| !self.must_match || old.template() == self.cookie.template())
            && expires.is_none_or(|expires| expires > self.now)
    }
}

/// What the changes say of a sid.
#[derive(Clone, Debug)]
pub enum View {
    /// It has this record.
    Stored {
        /// The record.
        record: Arc<Record>,
        /// The moment at which the sid was inserted, if it had no record.
        born: u64,
        /// Whether one of the changes has removed the record that was there before.
        is_new: bool,
    },
    /// The record that it had before, if any, has this cookie and expiry.
    Touched(Touched),
    /// It has no record.
    Gone,
}

/// Changes in the order in which they were made.
///
/// The database makes them later, in one transaction. Until then a reader of this process sees
/// them by [`view`](Changes::view), as if they had been made. A record that is stored only if
/// nobody has removed or changed the old one does not count before it is stored, unless the old one
/// is one of these changes, too.
#[derive(Debug, Default)]
pub struct Changes {
    list: Vec<Change>,
    views: HashMap<Arc<[u8]>, View>,
    is_cleared: bool,
    /// The bytes of what is stored, and some for each change.
    bytes: usize,
}

/// The bytes of changes whose commit takes about a millisecond.
const LONG: usize = 256 << 10;
/// The bytes that a change counts beside its text.
const CHANGE: usize = 1 << 10;

impl Changes {
    /// Returns the changes.
    pub fn list(&self) -> &[Change] {
        &self.list
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether they take so long that no thread of JavaScript may wait for them.
    pub fn is_long(&self) -> bool {
        self.is_cleared || self.bytes > LONG
    }

    /// Returns what the changes say of a sid. `None` for nothing.
    pub fn view(&self, sid: &[u8]) -> Option<&View> {
        if self.list.is_empty() {
            return None;
        }
        let cleared = self.is_cleared.then_some(&View::Gone);
        self.views.get(sid).or(cleared)
    }

    /// Adds a change.
    pub fn push(&mut self, change: Change) {
        self.bytes += CHANGE;
        match &change {
            // A reader must not take it for stored: a request that merges its data into these, and
            // is refused as well, would take its own data for those of another one.
            Change::Put {
                record,
                condition: Condition::Unchanged { base, .. },
                ..
            } => self.bytes += record.text.len() + base.len(),
            // Nor one that another process may have destroyed: who reads it could store it under another
            // sid.
            Change::Put {
                sid,
                record,
                condition: Condition::BornBefore(_),
                ..
            } if !matches!(self.view(sid), Some(View::Stored { .. })) => {
                self.bytes += record.text.len();
            }
            Change::Put {
                sid, record, born, ..
            } => {
                let (born, is_new) = match self.view(sid) {
                    Some(View::Gone) => (*born, true),
                    Some(View::Stored { born, is_new, .. }) => (*born, *is_new),
                    _ => (*born, false),
                };
                self.bytes += record.text.len();
                let record = Arc::clone(record);
                let view = View::Stored {
                    record,
                    born,
                    is_new,
                };
                self.views.insert(Arc::clone(sid), view);
            }
            Change::Touch { sid, touched, .. } => match self.view(sid) {
                Some(View::Gone) => {}
                Some(View::Stored { record, .. })
                    if !touched.suits(record.cookie.as_ref(), record.expires) => {}
                Some(View::Stored {
                    record,
                    born,
                    is_new,
                }) => {
                    let view = View::Stored {
                        record: Arc::new(Record {
                            cookie: Some(Arc::clone(&touched.cookie)),
                            text: Arc::clone(&record.text),
                            expires: touched.expires,
                        }),
                        born: *born,
                        is_new: *is_new,
                    };
                    self.views.insert(Arc::clone(sid), view);
                }
                Some(View::Touched(before))
                    if !touched.suits(Some(&before.cookie), before.expires) => {}
                Some(View::Touched(before)) => {
                    let touched = Touched {
                        must_match: before.must_match && touched.must_match,
                        now: before.now,
                        ..touched.clone()
                    };
                    self.views.insert(Arc::clone(sid), View::Touched(touched));
                }
                None => {
                    let view = View::Touched(touched.clone());
                    self.views.insert(Arc::clone(sid), view);
                }
            },
            // A reader classifies such a text itself. Whether a session is ended is known when that is
            // committed.
            Change::Classify { .. } | Change::End { .. } => {}
            Change::Destroy { sid } => {
                self.views.insert(Arc::clone(sid), View::Gone);
            }
            Change::Clear => {
                self.views.clear();
                self.is_cleared = true;
            }
        }
        self.list.push(change);
    }
}
