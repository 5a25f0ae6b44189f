//! When the sessions that were read lately expire, so that a touch that changes next to nothing
//! needs no look into the database.

/// How many sids the table knows.
const SLOTS: usize = 8192;

/// A table of sids that were read or stored lately, by their hashes. A sid takes the place of
/// another one with the same slot, so the table does not grow: it takes 192 kB.
///
/// What it knows may be old, as other processes change sessions too. So it may only serve to
/// leave a touch out that would have moved the expiry by little.
pub struct Recent(Box<[Slot]>);

#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u64,
    cookie: u64,
    expires: i64,
}

impl Default for Recent {
    fn default() -> Recent {
        Recent(vec![Slot::default(); SLOTS].into())
    }
}

impl Recent {
    /// Notes that the session of the sid with this hash has the cookie with the id `cookie`, and
    /// expires at `expires`, in ms since the epoch.
    pub fn note(&mut self, hash: u64, cookie: u64, expires: i64) {
        self.0[hash as usize % SLOTS] = Slot {
            hash,
            cookie,
            expires,
        };
    }

    /// Forgets the sid with this hash.
    pub fn forget(&mut self, hash: u64) {
        let slot = &mut self.0[hash as usize % SLOTS];
        if slot.hash == hash {
            *slot = Slot::default();
        }
    }

    /// Forgets all sids.
    pub fn clear(&mut self) {
        self.0.fill(Slot::default());
    }

    /// Returns when the session of the sid with this hash expires, in ms since the epoch. `None`
    /// if that is not known, or if the session had another cookie than that with the id `cookie`.
    pub fn expiry(&self, hash: u64, cookie: u64) -> Option<i64> {
        let slot = &self.0[hash as usize % SLOTS];
        let is_it = slot.hash == hash && slot.cookie == cookie && slot.expires != 0;
        is_it.then_some(slot.expires)
    }
}
