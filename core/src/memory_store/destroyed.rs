//! Remembers which sids were destroyed lately.

/// How many slots for hashes of destroyed sids a shard has.
const SLOTS: usize = 64;

/// The hashes of the sids of a shard that were destroyed last, each with the moment of it.
///
/// A moment is one of the store's serial numbers: see
/// [`Engine::moment`](crate::engine::Engine::moment).
///
/// It takes 1.5 kB from the first destroy on, however many sids are destroyed. The price is
/// that it forgets: a slot knows by its hash only the sid that was destroyed last, and of those
/// before it only that there was one, and when. So [`was_after`](Destroyed::was_after) never
/// answers `false` for a sid that was destroyed, and answers `true` for another one only if two
/// sids with other hashes in the same slot were destroyed since.
#[derive(Default)]
pub struct Destroyed {
    slots: Option<Box<[Slot; SLOTS]>>,
    /// The moment at which all sids were destroyed, 0 for never.
    all: u64,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// The hash of the sid that was destroyed last.
    hash: u32,
    /// The moment of that, 0 for never.
    serial: u64,
    /// The moment at which a sid with another hash was destroyed last, 0 for never.
    other: u64,
}

impl Destroyed {
    /// Makes what a shard remembers after all of its sids were destroyed at the moment `serial`.
    pub fn all(serial: u64) -> Destroyed {
        Destroyed {
            slots: None,
            all: serial,
        }
    }

    /// Remembers that the sid with this hash was destroyed at the moment `serial`, which is
    /// greater than at any call before.
    pub fn note(&mut self, hash: u32, serial: u64) {
        let slots = self
            .slots
            .get_or_insert_with(|| Box::new([Slot::default(); SLOTS]));
        let slot = &mut slots[hash as usize % SLOTS];
        if slot.hash != hash {
            slot.other = slot.serial;
            slot.hash = hash;
        }
        slot.serial = serial;
    }

    /// Whether the sid with this hash was destroyed at the moment `since` or later, as far as
    /// is remembered.
    pub fn was_after(&self, hash: u32, since: u64) -> bool {
        let slot = self
            .slots
            .as_ref()
            .map(|slots| slots[hash as usize % SLOTS]);
        let is_in_slot = slot
            .is_some_and(|slot| slot.other >= since || (slot.hash == hash && slot.serial >= since));
        is_in_slot || self.all >= since
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hashes that share a slot, and others.
    fn hash() -> impl Strategy<Value = u32> {
        (0u32..4, 0u32..3).prop_map(|(slot, turn)| slot + turn * SLOTS as u32)
    }

    #[test]
    fn tells_which_sid_was_destroyed_and_when() {
        let mut destroyed = Destroyed::default();
        assert!(!destroyed.was_after(5, 1));
        destroyed.note(5, 3);
        assert!(destroyed.was_after(5, 3));
        assert!(!destroyed.was_after(5, 4));
        assert!(!destroyed.was_after(6, 1), "another slot");
        assert!(!destroyed.was_after(5 + SLOTS as u32, 1), "another sid");
        destroyed.note(5 + SLOTS as u32, 4);
        assert!(destroyed.was_after(5, 3), "remembered, but not by name");
        assert!(!destroyed.was_after(5, 4));
        let all = Destroyed::all(9);
        assert!(all.was_after(1, 9) && !all.was_after(1, 10));
    }

    proptest! {
        /// Against a list of all: no destroy is missed, and one that was none is told only
        /// where two others of the slot have been since.
        #[test]
        fn errs_on_the_safe_side_alone(notes in prop::collection::vec(hash(), 0..40), asked in hash(), since in 1u64..45) {
            let mut destroyed = Destroyed::default();
            let mut all = Vec::new();
            for (serial, hash) in (1..).zip(notes) {
                destroyed.note(hash, serial);
                all.push((hash, serial));
            }
            let later = all.iter().filter(|(_, serial)| *serial >= since);
            let is_it = later.clone().any(|(hash, _)| *hash == asked);
            let mut others: Vec<u32> = later
                .map(|(hash, _)| *hash)
                .filter(|hash| hash % SLOTS as u32 == asked % SLOTS as u32)
                .collect();
            others.sort_unstable();
            others.dedup();
            let told = destroyed.was_after(asked, since);
            prop_assert!(told || !is_it, "missed");
            prop_assert!(!told || is_it || others.len() >= 2, "mistaken");
        }
    }
}
