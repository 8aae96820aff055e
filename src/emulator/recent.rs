//! A bounded set, which forgets its oldest member first.

use std::collections::{BTreeSet, VecDeque};

/// The members that were added last.
pub(super) struct Recent<T> {
    members: BTreeSet<T>,
    order: VecDeque<T>,
    capacity: usize,
}

impl<T: Clone + Ord> Recent<T> {
    /// An empty set for so many members.
    pub(super) fn new(capacity: usize) -> Self {
        Self { members: BTreeSet::new(), order: VecDeque::new(), capacity }
    }

    /// Adds a member, and returns whether it is a new one.
    pub(super) fn insert(&mut self, member: T) -> bool {
        let is_new = self.members.insert(member.clone());
        if is_new {
            self.order.push_back(member);
            if self.order.len() > self.capacity
                && let Some(oldest) = self.order.pop_front()
            {
                self.members.remove(&oldest);
            }
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_member_is_forgotten_first() {
        let mut recent = Recent::new(2);
        assert!(recent.insert(1) && recent.insert(2) && !recent.insert(1));
        assert!(recent.insert(3));
        assert!(!recent.insert(2) && recent.insert(1), "1 was the oldest");
        assert_eq!((recent.members.len(), recent.order.len()), (2, 2));
    }
}
