//! Finds the records that have expired.

use std::collections::BTreeMap;

/// The number that stands for no record.
const NONE: u32 = u32::MAX;

/// For each second in which records expire the doubly linked list of these records, which are
/// named by their numbers.
///
/// A record whose expiry moves to a later second, as it does at each use, stays in the list
/// that it is in, and its shard files it anew when that second is over. So a record costs
/// O(log n) once in a lifetime, and not at each use.
///
/// The links of the lists are in the records themselves ([`ExpiryNode`]), where they are in
/// the cache when a record was just looked up.
#[derive(Default)]
pub struct ExpiryIndex {
    /// The first record of each list, by the second since the epoch.
    heads: BTreeMap<u32, u32>,
}

/// The part of a record that links it with the others of its list.
#[derive(Clone, Copy)]
pub struct ExpiryNode {
    second: u32,
    previous: u32,
    next: u32,
    is_filed: bool,
}

/// Gives the nodes of records by the numbers of these.
pub trait ExpiryNodes {
    /// Returns the node of a record. `None` if there is no such record.
    fn node(&mut self, record: u32) -> Option<&mut ExpiryNode>;
}

impl Default for ExpiryNode {
    fn default() -> ExpiryNode {
        ExpiryNode {
            second: 0,
            previous: NONE,
            next: NONE,
            is_filed: false,
        }
    }
}

/// Returns the second since the epoch of `time`, in ms since the epoch. Times before the epoch
/// and after the year 2106 become the first and the last second that a `u32` can hold.
fn second_of(time: i64) -> u32 {
    let second = time.div_euclid(1000).clamp(0, i64::from(u32::MAX));
    second as u32
}

impl ExpiryIndex {
    /// Puts a record into the list for `time`, in ms since the epoch, unless it is in one for
    /// the same or an earlier second.
    pub fn file(&mut self, nodes: &mut impl ExpiryNodes, record: u32, time: i64) {
        let second = second_of(time);
        let Some(node) = nodes.node(record) else {
            return;
        };
        if node.is_filed && node.second <= second {
            return;
        }
        self.unfile(nodes, record);
        let head = self.heads.insert(second, record).unwrap_or(NONE);
        if let Some(node) = nodes.node(record) {
            *node = ExpiryNode {
                second,
                previous: NONE,
                next: head,
                is_filed: true,
            };
        }
        if let Some(next) = nodes.node(head) {
            next.previous = record;
        }
    }

    /// Takes a record out of its list, if it is in one.
    pub fn unfile(&mut self, nodes: &mut impl ExpiryNodes, record: u32) {
        let Some(node) = nodes.node(record).filter(|node| node.is_filed) else {
            return;
        };
        let ExpiryNode {
            second,
            previous,
            next,
            ..
        } = std::mem::take(node);
        if let Some(after) = nodes.node(next) {
            after.previous = previous;
        }
        match nodes.node(previous) {
            Some(before) => before.next = next,
            None if next == NONE => {
                self.heads.remove(&second);
            }
            None => {
                self.heads.insert(second, next);
            }
        }
    }

    /// Returns a record that is in the list of the earliest second, if that second is over at
    /// `now`, in ms since the epoch.
    pub fn over(&self, now: i64) -> Option<u32> {
        let (&second, &record) = self.heads.first_key_value()?;
        (second < second_of(now)).then_some(record)
    }

    /// Returns the records in the list of the second of `now`, in ms since the epoch: the first
    /// `most` of them.
    pub fn in_second(&self, nodes: &mut impl ExpiryNodes, now: i64, most: usize) -> Vec<u32> {
        let mut records = Vec::new();
        let mut record = self.heads.get(&second_of(now)).copied().unwrap_or(NONE);
        while records.len() < most {
            let Some(node) = nodes.node(record) else {
                break;
            };
            records.push(record);
            record = node.next;
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        File(u32, i64),
        Unfile(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u32..6, -3000i64..9000).prop_map(|(record, time)| Step::File(record, time)),
            (0u32..6).prop_map(Step::Unfile),
        ]
    }

    impl ExpiryNodes for Vec<ExpiryNode> {
        fn node(&mut self, record: u32) -> Option<&mut ExpiryNode> {
            self.get_mut(record as usize)
        }
    }

    /// A list and what it links, as a shard has them.
    struct Filing(ExpiryIndex, Vec<ExpiryNode>);

    impl Filing {
        fn new() -> Filing {
            Filing(ExpiryIndex::default(), vec![ExpiryNode::default(); 8])
        }

        fn file(&mut self, record: u32, time: i64) {
            self.0.file(&mut self.1, record, time);
        }

        fn unfile(&mut self, record: u32) {
            self.0.unfile(&mut self.1, record);
        }

        fn over(&self, now: i64) -> Option<u32> {
            self.0.over(now)
        }

        fn in_second(&mut self, now: i64, most: usize) -> Vec<u32> {
            self.0.in_second(&mut self.1, now, most)
        }
    }

    fn all(index: &mut Filing) -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        while let Some(record) = index.over(i64::MAX) {
            found.push((index.1[record as usize].second, record));
            index.unfile(record);
        }
        found.sort_unstable();
        found
    }

    #[test]
    fn hands_out_what_is_over() {
        let mut index = Filing::new();
        index.file(0, 5999);
        index.file(1, 5000);
        index.file(2, 7000);
        assert_eq!(index.over(5999), None, "the second is not over");
        assert_eq!(index.in_second(5999, 5), [1, 0]);
        assert_eq!(index.in_second(5999, 1), [1]);
        assert!(index.in_second(6000, 5).is_empty());
        assert_eq!(index.over(6000), Some(1));
        index.unfile(1);
        assert_eq!(index.over(6000), Some(0));
        index.file(0, 9000);
        assert_eq!(
            index.over(6000),
            Some(0),
            "filed anew only when its second comes"
        );
        index.unfile(0);
        index.file(0, 9000);
        assert_eq!(index.over(6000), None);
        assert_eq!(index.over(8000), Some(2));
    }

    #[test]
    fn takes_any_time() {
        let mut index = Filing::new();
        index.file(0, i64::MIN);
        index.file(1, i64::MAX);
        assert_eq!(index.over(1000), Some(0));
        index.unfile(0);
        assert_eq!(index.over(1000), None);
        index.unfile(7);
        index.file(9, 5);
        assert_eq!(index.over(6000), None, "there is no such record");
    }

    proptest! {
        /// Against a plain list of the earliest second each record was filed for.
        #[test]
        fn behaves_like_a_plain_list(steps in prop::collection::vec(step(), 0..60)) {
            let mut index = Filing::new();
            let mut model = BTreeMap::new();
            for step in steps {
                match step {
                    Step::File(record, time) => {
                        index.file(record, time);
                        let second = second_of(time);
                        let filed = model.entry(record).or_insert(second);
                        *filed = second.min(*filed);
                    }
                    Step::Unfile(record) => {
                        index.unfile(record);
                        model.remove(&record);
                    }
                }
            }
            let mut expected: Vec<_> = model.into_iter().map(|(record, second)| (second, record)).collect();
            expected.sort_unstable();
            prop_assert_eq!(all(&mut index), expected);
        }
    }
}
