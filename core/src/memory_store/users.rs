//! Finds the records of a user's sessions.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::{Mutex, MutexGuard};

use super::ALLOCATION;

/// The number of parts. There are several so that threads seldom wait for each other's locks.
const PARTS: usize = 16;

/// For each user the places of the records that are the user's.
///
/// It knows users by their hashes alone, so that no text is kept twice: who gets a place from it
/// must look whose the record is. Adding and removing a place takes time O(log n), where n is the
/// number of the user's sessions.
///
/// Its locks are taken while that of a shard is held, and never the other way round.
#[derive(Default)]
pub struct UserIndex {
    parts: [Part; PARTS],
    hasher: DefaultHashBuilder,
}

#[derive(Default)]
struct Part {
    users: Mutex<HashTable<User>>,
    /// Held by the thread that ends what a user of this part has too many.
    turn: Mutex<()>,
}

/// Where a record is: the number of its shard, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The number of the shard.
    pub shard: u8,
    /// The number of the record.
    pub record: u32,
}

struct User {
    hash: u64,
    places: Places,
}

enum Places {
    One(Place),
    #[expect(
        clippy::box_collection,
        reason = "most users have one session, and so take less"
    )]
    Many(Box<BTreeSet<Place>>),
}

/// The bytes that the store counts for the place of a record: those of a user with one session, as a
/// part of the hash table is empty. A further session of a user takes fewer.
pub const PLACE_BYTES: usize = 2 * size_of::<User>() + ALLOCATION;

impl UserIndex {
    fn part(&self, user: &[u8]) -> (&Part, u64) {
        let hash = self.hasher.hash_one(user);
        // The hash table uses the lowest and the highest bits.
        (&self.parts[(hash >> 32) as usize % PARTS], hash)
    }

    /// Waits for the user's turn, which ends when the guard is dropped. No other lock may be held.
    pub fn turn(&self, user: &[u8]) -> MutexGuard<'_, ()> {
        self.part(user).0.turn.lock()
    }

    /// Adds a place to those of a user.
    pub fn add(&self, user: &[u8], place: Place) {
        let (part, hash) = self.part(user);
        let mut users = part.users.lock();
        match users.entry(hash, |it| it.hash == hash, |it| it.hash) {
            Entry::Vacant(vacant) => {
                let places = Places::One(place);
                vacant.insert(User { hash, places });
            }
            Entry::Occupied(mut user) => match &mut user.get_mut().places {
                Places::Many(places) => {
                    places.insert(place);
                }
                one @ Places::One(_) => {
                    if let Places::One(first) = *one {
                        *one = Places::Many(Box::new([first, place].into()));
                    }
                }
            },
        }
    }

    /// Removes a place from those of a user.
    pub fn remove(&self, user: &[u8], place: Place) {
        let (part, hash) = self.part(user);
        let mut users = part.users.lock();
        let Ok(mut user) = users.find_entry(hash, |it| it.hash == hash) else {
            return;
        };
        let places = &mut user.get_mut().places;
        let is_empty = match places {
            Places::One(one) => *one == place,
            Places::Many(many) => {
                many.remove(&place);
                if let (1, Some(&last)) = (many.len(), many.first()) {
                    *places = Places::One(last);
                }
                false
            }
        };
        if is_empty {
            user.remove();
        }
    }

    /// Returns the places of a user.
    pub fn places(&self, user: &[u8]) -> Vec<Place> {
        let (part, hash) = self.part(user);
        let users = part.users.lock();
        match users.find(hash, |it| it.hash == hash).map(|it| &it.places) {
            None => Vec::new(),
            Some(Places::One(place)) => vec![*place],
            Some(Places::Many(places)) => places.iter().copied().collect(),
        }
    }

    /// Returns how many places a user has.
    pub fn count(&self, user: &[u8]) -> usize {
        let (part, hash) = self.part(user);
        let users = part.users.lock();
        match users.find(hash, |it| it.hash == hash).map(|it| &it.places) {
            None => 0,
            Some(Places::One(_)) => 1,
            Some(Places::Many(places)) => places.len(),
        }
    }

    /// Returns how many users have a place, and how many places there are.
    #[cfg(test)]
    pub fn totals(&self) -> (usize, usize) {
        let mut totals = (0, 0);
        for part in &self.parts {
            for user in part.users.lock().iter() {
                totals.0 += 1;
                totals.1 += match &user.places {
                    Places::One(_) => 1,
                    Places::Many(places) => places.len(),
                };
            }
        }
        totals
    }
}
