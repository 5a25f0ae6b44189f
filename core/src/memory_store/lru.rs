//! Finds the least recently used record.

/// The number that stands for no record.
const NONE: u32 = u32::MAX;

/// The records of a shard in the order of their last use: a doubly linked list of their
/// numbers.
#[derive(Default)]
pub struct Lru {
    nodes: Vec<Node>,
    /// The least recently used record. `None` if the list is empty.
    oldest: Option<u32>,
    /// The most recently used record. `None` if the list is empty.
    newest: Option<u32>,
}

#[derive(Clone, Copy)]
struct Node {
    /// The number of the last use: a later use has a greater number.
    used: u64,
    older: u32,
    newer: u32,
    is_listed: bool,
}

/// The bytes that a record takes in the list.
pub const NODE_BYTES: usize = size_of::<Node>();

const UNLISTED: Node = Node {
    used: 0,
    older: NONE,
    newer: NONE,
    is_listed: false,
};

impl Lru {
    /// Moves a record to the end of the list, as it is used now, or adds it. `used` is the
    /// number of the use, greater than at any call before.
    pub fn use_record(&mut self, record: u32, used: u64) {
        self.remove(record);
        if self.nodes.len() <= record as usize {
            self.nodes.resize(record as usize + 1, UNLISTED);
        }
        let older = self.newest.replace(record).unwrap_or(NONE);
        self.nodes[record as usize] = Node {
            used,
            older,
            newer: NONE,
            is_listed: true,
        };
        match self.nodes.get_mut(older as usize) {
            Some(older) => older.newer = record,
            None => self.oldest = Some(record),
        }
    }

    /// Takes a record out of the list, if it is in it.
    pub fn remove(&mut self, record: u32) {
        let Some(node) = self
            .nodes
            .get_mut(record as usize)
            .filter(|node| node.is_listed)
        else {
            return;
        };
        let Node { older, newer, .. } = std::mem::replace(node, UNLISTED);
        match self.nodes.get_mut(newer as usize) {
            Some(newer) => newer.older = older,
            None => self.newest = (older != NONE).then_some(older),
        }
        match self.nodes.get_mut(older as usize) {
            Some(older) => older.newer = newer,
            None => self.oldest = (newer != NONE).then_some(newer),
        }
    }

    /// Returns the number of the last use of the least recently used record, and the record.
    pub fn oldest(&self) -> Option<(u64, u32)> {
        let record = self.oldest?;
        self.nodes
            .get(record as usize)
            .map(|node| (node.used, record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain list, of which a use takes a record to the end.
        #[test]
        fn behaves_like_a_plain_list(steps in prop::collection::vec((0u32..6, any::<bool>()), 0..60)) {
            let mut order = Lru::default();
            let mut model: Vec<(u64, u32)> = Vec::new();
            for (now, (record, is_use)) in (1..).zip(steps) {
                model.retain(|&(_, other)| other != record);
                if is_use {
                    order.use_record(record, now);
                    model.push((now, record));
                } else {
                    order.remove(record);
                }
                prop_assert_eq!(order.oldest(), model.first().copied());
            }
            for expected in model {
                prop_assert_eq!(order.oldest(), Some(expected));
                order.remove(expected.1);
            }
            prop_assert_eq!(order.oldest(), None);
            prop_assert_eq!(order.newest, None);
        }
    }
}
