//! Which sids were destroyed lately.

/// How many of the sids destroyed last a shard tells apart.
const SLOTS: usize = 64;

/// The sids of a shard that were destroyed last, by hash, and when.
///
/// It takes 1.5 kB, from the first destroy on, however many there are. For that it forgets:
/// where two sids share a slot, the older one is known to have been destroyed, but not to
/// be itself. So [`was_after`](Destroyed::was_after) never misses a destroy, and tells one
/// that was none only if two other sids of the same slot were destroyed since.
///
/// When is told by the serial numbers that the store gives to what happens in it.
#[derive(Default)]
pub struct Destroyed {
    slots: Option<Box<[Slot; SLOTS]>>,
    /// When all were destroyed, 0 for never.
    all: u64,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// The one that was destroyed last.
    hash: u32,
    /// When, 0 for never.
    serial: u64,
    /// When the last one was destroyed that is not the one above.
    other: u64,
}

impl Destroyed {
    /// All that there may have been were destroyed.
    pub fn all(serial: u64) -> Destroyed {
        Destroyed {
            slots: None,
            all: serial,
        }
    }

    /// A sid is destroyed. `serial` is greater than any before.
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

    /// Whether a sid was destroyed at `since` or later, as far as it is remembered.
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
