//! Those who want to hear of containers coming and going: a run whose kernel half only sends events of the mount
//! namespaces in its scope map.

use std::{collections::HashSet, sync::Arc};

use crate::{Container, Selector};

/// A mount namespace that came into a selection, or left it.
#[derive(Clone, Debug)]
pub enum Change {
    /// Its events are of interest from now on.
    Added {
        /// The mount namespace.
        mntns: u32,
        /// Whose it is.
        container: Arc<Container>,
    },
    /// No longer: the container ended, and the number may be another's next.
    Removed {
        /// The mount namespace.
        mntns: u32,
    },
}

struct Follower {
    number: u64,
    selector: Selector,
    apply: Box<dyn FnMut(Change) + Send>,
    members: HashSet<u32>,
}

impl Follower {
    fn set(&mut self, mntns: u32, container: Option<&Arc<Container>>) {
        match container.filter(|container| self.selector.matches(container)) {
            Some(container) if self.members.insert(mntns) => {
                (self.apply)(Change::Added { mntns, container: container.clone() });
            }
            // Nobody's any more, or of a pod whose labels have changed.
            None if self.members.remove(&mntns) => (self.apply)(Change::Removed { mntns }),
            _ => {}
        }
    }
}

/// All who follow.
#[derive(Default)]
pub(crate) struct Followers {
    all: Vec<Follower>,
    last: u64,
}

impl Followers {
    /// One more, who is first told of everything in `known`.
    pub(crate) fn add(
        &mut self,
        selector: Selector,
        apply: Box<dyn FnMut(Change) + Send>,
        known: impl Iterator<Item = (u32, Arc<Container>)>,
    ) -> u64 {
        self.last += 1;
        let mut follower = Follower { number: self.last, selector, apply, members: HashSet::new() };
        known.for_each(|(mntns, container)| follower.set(mntns, Some(&container)));
        self.all.push(follower);
        self.last
    }

    /// Ends what [`Followers::add`] began.
    pub(crate) fn remove(&mut self, number: u64) {
        self.all.retain(|follower| follower.number != number);
    }

    /// The mount namespace is now this container's, or no live one's.
    pub(crate) fn tell(&mut self, mntns: u32, container: Option<&Arc<Container>>) {
        self.all.iter_mut().for_each(|follower| follower.set(mntns, container));
    }
}
