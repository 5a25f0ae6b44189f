//! When sessions were touched last, for the option `touchAfter`.

use std::hash::{BuildHasher, RandomState};

/// How many sids a set knows.
const WAYS: usize = 4;

/// How many sets the table has.
const SETS: usize = 16_384;

/// A table of the times at which sids were touched last, in ms since the epoch.
///
/// It knows at most 65,536 sids and takes 1 MiB, of which a system hands out only the pages that
/// are used. A sid belongs to one set of four. If that is full, a new sid takes the place of the
/// one that was touched first, so the table forgets, and never says that a sid was touched that
/// was not: it tells sids apart by a hash of 64 bits under a key of the process that nobody else
/// knows, so nobody can look for two sids with the same one.
pub struct Touched {
    hasher: RandomState,
    sets: Box<[[Slot; WAYS]]>,
}

/// The hash of a sid, and its time plus 1. A slot of zeros is free; an array of integers and not a
/// struct, because the system has memory of zeros ready.
type Slot = [u64; 2];

const FREE: Slot = [0; 2];

impl Default for Touched {
    fn default() -> Touched {
        Touched {
            hasher: RandomState::new(),
            sets: vec![[FREE; WAYS]; SETS].into_boxed_slice(),
        }
    }
}

impl Touched {
    /// Notes that a sid was touched at `time`.
    pub fn note(&mut self, sid: &[u8], time: u64) {
        let (hash, set) = self.find(sid);
        let stamp = time.saturating_add(1);
        // A time in the future is from before the clock was put back, and counts as the oldest.
        let age = |[known, old]: Slot| (known != hash, if old > stamp { 0 } else { old });
        if let Some(slot) = set.iter_mut().min_by_key(|slot| age(**slot)) {
            *slot = [hash, stamp];
        }
    }

    /// Forgets a sid.
    pub fn forget(&mut self, sid: &[u8]) {
        let (hash, set) = self.find(sid);
        for slot in set.iter_mut().filter(|slot| slot[0] == hash) {
            *slot = FREE;
        }
    }

    /// Returns when a sid was touched last; `None` if that is not known.
    pub fn last(&mut self, sid: &[u8]) -> Option<u64> {
        let (hash, set) = self.find(sid);
        let slot = set.iter().find(|slot| slot[0] == hash)?;
        slot[1].checked_sub(1)
    }

    fn find(&mut self, sid: &[u8]) -> (u64, &mut [Slot; WAYS]) {
        let hash = self.hasher.hash_one(sid);
        (hash, &mut self.sets[hash as usize % SETS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const NOW: u64 = 1_900_000_000_000;

    fn sid(number: u64) -> [u8; 8] {
        number.to_le_bytes()
    }

    #[test]
    fn a_sid_is_known_from_its_touch_until_it_is_forgotten() {
        let mut touched = Touched::default();
        assert_eq!(touched.last(b"a"), None);
        touched.note(b"a", NOW);
        touched.note(b"b", 0);
        assert_eq!(
            (touched.last(b"a"), touched.last(b"b")),
            (Some(NOW), Some(0))
        );
        touched.note(b"a", NOW - 5);
        assert_eq!(
            touched.last(b"a"),
            Some(NOW - 5),
            "the last note counts, though it is earlier"
        );
        touched.forget(b"a");
        touched.forget(b"never known");
        assert_eq!((touched.last(b"a"), touched.last(b"b")), (None, Some(0)));
    }

    #[test]
    fn it_does_not_grow_and_keeps_those_that_were_touched_last() {
        let mut touched = Touched::default();
        let many = (4 * WAYS * SETS) as u64;
        for number in 0..many {
            touched.note(&sid(number), NOW + number);
        }
        assert_eq!(touched.sets.len() * size_of::<[Slot; WAYS]>(), 1 << 20);
        let known: Vec<u64> = (0..many)
            .filter(|&number| touched.last(&sid(number)).is_some())
            .collect();
        assert!(known.len() <= WAYS * SETS);
        // With four times as many sids as slots, next to no slot is free.
        assert!(known.len() > WAYS * SETS * 9 / 10, "{}", known.len());
        let late = known.iter().filter(|&&number| number >= many / 2).count();
        assert!(late > known.len() * 9 / 10, "{late} of {}", known.len());
    }

    #[test]
    fn half_as_many_sids_as_slots_are_nearly_all_known() {
        let mut touched = Touched::default();
        let some = (WAYS * SETS / 2) as u64;
        for number in 0..some {
            touched.note(&sid(number), NOW);
        }
        let known = (0..some)
            .filter(|&number| touched.last(&sid(number)) == Some(NOW))
            .count();
        assert!(known > some as usize * 9 / 10, "{known} of {some}");
    }

    #[test]
    fn times_from_before_the_clock_was_put_back_make_room() {
        let mut touched = Touched::default();
        for number in 0..(8 * WAYS * SETS) as u64 {
            touched.note(&sid(number), NOW);
        }
        let later: Vec<_> = (1 << 40..(1 << 40) + WAYS as u64 * 1000).map(sid).collect();
        for sid in &later {
            touched.note(sid, NOW / 2);
        }
        let known = later
            .iter()
            .filter(|sid| touched.last(&sid[..]).is_some())
            .count();
        assert!(known > later.len() * 9 / 10, "{known} of {}", later.len());
    }

    #[test]
    fn two_tables_put_the_same_sids_into_other_sets() {
        let (one, other) = (Touched::default(), Touched::default());
        let hashes = |table: &Touched| [b"a", b"b"].map(|sid| table.hasher.hash_one(sid));
        assert_ne!(hashes(&one), hashes(&other));
    }

    proptest! {
        #[test]
        fn what_it_knows_is_what_was_noted_last(
            changes in prop::collection::vec((0..40_u64, prop::option::of(0..1000_u64)), 0..200)
        ) {
            let (mut touched, mut model) = (Touched::default(), HashMap::new());
            for (number, time) in changes {
                if let Some(time) = time {
                    touched.note(&sid(number), time);
                    model.insert(number, time);
                } else {
                    touched.forget(&sid(number));
                    model.remove(&number);
                }
                let last = touched.last(&sid(number));
                prop_assert!(last == model.get(&number).copied());
            }
            for number in 0..40 {
                let last = touched.last(&sid(number));
                prop_assert!(last.is_none() || last == model.get(&number).copied());
            }
        }
    }
}
