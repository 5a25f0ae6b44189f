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
    pub text: Box<[u8]>,
    /// When it expires, in ms since the epoch. `None` for never.
    pub expires: Option<i64>,
    /// The moment at which it was made: that of the sid, if the sid has no record yet.
    pub born: u64,
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
        /// With a moment, the record replaces only one that was born before it.
        since: Option<u64>,
    },
    /// Gives the session an expiry and a cookie.
    Touch {
        /// The session id.
        sid: Arc<[u8]>,
        /// The new cookie and expiry.
        touched: Touched,
        /// Whether the session must have that cookie already.
        must_match: bool,
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
    /// Removes all sessions.
    Clear,
}

impl Change {
    /// Returns the sid that the change is about. `None` if it is about all.
    pub fn sid(&self) -> Option<&[u8]> {
        match self {
            Change::Put { sid, .. }
            | Change::Touch { sid, .. }
            | Change::Classify { sid, .. }
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
}

/// What the changes say of a sid.
#[derive(Clone, Debug)]
pub enum View {
    /// It has this record.
    Stored {
        /// The record.
        record: Arc<Record>,
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
/// them by [`view`](Changes::view), as if they had been made: a record that is stored only if
/// nobody has removed the old one counts as stored.
#[derive(Debug, Default)]
pub struct Changes {
    list: Vec<Change>,
    views: HashMap<Arc<[u8]>, View>,
    is_cleared: bool,
}

impl Changes {
    /// Returns the changes.
    pub fn list(&self) -> &[Change] {
        &self.list
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether one of them takes so long that no thread of JavaScript may wait for it.
    pub fn is_long(&self) -> bool {
        self.is_cleared
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
        match &change {
            Change::Put { sid, record, .. } => {
                let is_new = match self.view(sid) {
                    Some(View::Gone) => true,
                    Some(View::Stored { is_new, .. }) => *is_new,
                    _ => false,
                };
                let record = Arc::clone(record);
                self.views
                    .insert(Arc::clone(sid), View::Stored { record, is_new });
            }
            Change::Touch { sid, touched, .. } => {
                let view = match self.view(sid) {
                    Some(View::Gone) => None,
                    Some(View::Stored { record, is_new }) => Some(View::Stored {
                        record: Arc::new(Record {
                            cookie: Some(Arc::clone(&touched.cookie)),
                            text: record.text.clone(),
                            expires: touched.expires,
                            born: record.born,
                        }),
                        is_new: *is_new,
                    }),
                    _ => Some(View::Touched(touched.clone())),
                };
                if let Some(view) = view {
                    self.views.insert(Arc::clone(sid), view);
                }
            }
            // A reader classifies such a text itself.
            Change::Classify { .. } => {}
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
