//! When which record is due to expire.

use std::collections::BTreeMap;

/// No record.
const NONE: u32 = u32::MAX;

/// The seconds in which records expire, and a list of records for each.
///
/// A record that is used gets a later expiry, which costs nothing here: it stays where it
/// was filed, and is filed anew when that second comes. So filing costs O(log n) for each
/// record and lifetime, and not for each use.
///
/// The links of the lists lie in the records themselves: what is a look-up already when a
/// record is found shall not be another one here.
#[derive(Default)]
pub struct ExpiryIndex {
    heads: BTreeMap<u32, u32>,
}

/// A record's place in the lists.
#[derive(Clone, Copy)]
pub struct ExpiryNode {
    second: u32,
    previous: u32,
    next: u32,
    is_filed: bool,
}

/// Where the nodes of records are.
pub trait ExpiryNodes {
    /// That of a record, if there is such a record.
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

/// The second since the epoch in which `time`, in ms, lies. Earlier and later than a
/// `u32` reaches, until 2106, is as early and as late as it does.
fn second_of(time: i64) -> u32 {
    let second = time.div_euclid(1000).clamp(0, i64::from(u32::MAX));
    second as u32
}

impl ExpiryIndex {
    /// Takes down that a record expires at `time`, in ms since the epoch.
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

    /// Forgets a record.
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

    /// A record that was filed for a second which is over at `now`.
    pub fn over(&self, now: i64) -> Option<u32> {
        let (&second, &record) = self.heads.first_key_value()?;
        (second < second_of(now)).then_some(record)
    }

    /// Of the records filed for the second that `now` is in, `most` at most.
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

    fn all(due: &mut Filing) -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        while let Some(record) = due.over(i64::MAX) {
            found.push((due.1[record as usize].second, record));
            due.unfile(record);
        }
        found.sort_unstable();
        found
    }

    #[test]
    fn hands_out_what_is_over() {
        let mut due = Filing::new();
        due.file(0, 5999);
        due.file(1, 5000);
        due.file(2, 7000);
        assert_eq!(due.over(5999), None, "the second is not over");
        assert_eq!(due.in_second(5999, 5), [1, 0]);
        assert_eq!(due.in_second(5999, 1), [1]);
        assert!(due.in_second(6000, 5).is_empty());
        assert_eq!(due.over(6000), Some(1));
        due.unfile(1);
        assert_eq!(due.over(6000), Some(0));
        due.file(0, 9000);
        assert_eq!(
            due.over(6000),
            Some(0),
            "filed anew only when its second comes"
        );
        due.unfile(0);
        due.file(0, 9000);
        assert_eq!(due.over(6000), None);
        assert_eq!(due.over(8000), Some(2));
    }

    #[test]
    fn takes_any_time() {
        let mut due = Filing::new();
        due.file(0, i64::MIN);
        due.file(1, i64::MAX);
        assert_eq!(due.over(1000), Some(0));
        due.unfile(0);
        assert_eq!(due.over(1000), None);
        due.unfile(7);
        due.file(9, 5);
        assert_eq!(due.over(6000), None, "there is no such record");
    }

    proptest! {
        /// Against a plain list of the earliest second each record was filed for.
        #[test]
        fn behaves_like_a_plain_list(steps in prop::collection::vec(step(), 0..60)) {
            let mut due = Filing::new();
            let mut model = BTreeMap::new();
            for step in steps {
                match step {
                    Step::File(record, time) => {
                        due.file(record, time);
                        let second = second_of(time);
                        let filed = model.entry(record).or_insert(second);
                        *filed = second.min(*filed);
                    }
                    Step::Unfile(record) => {
                        due.unfile(record);
                        model.remove(&record);
                    }
                }
            }
            let mut expected: Vec<_> = model.into_iter().map(|(record, second)| (second, record)).collect();
            expected.sort_unstable();
            prop_assert_eq!(all(&mut due), expected);
        }
    }
}
