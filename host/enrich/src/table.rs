//! What is known of containers, by every key an event may bring: mount namespace, cgroup, first process. Pure: no
//! file is read here, and time is given by the caller.
//!
//! The kernel reuses a mount namespace's number at once, so numbers are claimed for a time: an entry that ended
//! keeps answering for events from before its end, and for no others, until it is swept.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use crate::{
    Container, Origin, Pod, Selector,
    container::Details,
    entry::{Claim, Entry, Found, Live, Process, Sighting, Slot},
    follow::{Change, Followers},
};

/// How long an entry is kept after its end: longer than any event waits in a ring or a queue.
const LINGER: u64 = 60 * SECOND;
/// How long a mount namespace that some process of a container made for itself is believed to be its.
const LEARNED: u64 = 30 * SECOND;
/// Containers kept, ended ones included. A node runs some hundred; what exceeds this is found again when needed.
const ENTRIES: usize = 4096;
/// Mount namespaces of one container.
const NAMESPACES: usize = 64;
/// Mount namespaces known to be no container's.
const NOTHINGS: usize = 8192;

pub(crate) const SECOND: u64 = 1_000_000_000;

/// All of it.
#[derive(Default)]
pub(crate) struct Table {
    entries: HashMap<Slot, Entry>,
    latest: HashMap<String, Slot>,
    mntns: HashMap<u32, Vec<Claim>>,
    cgroups: HashMap<u64, Slot>,
    pids: HashMap<u32, Slot>,
    nothings: HashMap<(u32, u64), u64>,
    followers: Followers,
    /// What the cluster says of pods, by uid.
    pods: HashMap<String, Arc<Pod>>,
    last_slot: Slot,
    last_serial: u32,
    pub(crate) evicted: u64,
    pub(crate) unresolved: u64,
    changed: bool,
}

impl Table {
    /// Whether answers given before may no longer hold; asked once per change.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// What is known of an event's container.
    pub(crate) fn find(&mut self, origin: &Origin) -> Found {
        let Origin { mntns, cgroup, pid, ppid, timestamp } = *origin;
        self.take_for_process(origin);
        let mut from = 0;
        for claim in self.mntns.get(&mntns).into_iter().flatten() {
            let Some(entry) = self.entries.get(&claim.slot) else { continue };
            if entry.covers(timestamp) {
                let container = entry.container.clone();
                let recheck = if claim.first { u64::MAX } else { claim.checked + LEARNED };
                if entry.until.is_none() && timestamp > recheck {
                    return Found::Stale { slot: claim.slot, container };
                }
                return Found::Container { container, from, expires: entry.until.unwrap_or(recheck) };
            }
            from = entry.until.unwrap_or(0);
        }
        // The namespace is new to us, but not the cgroup, or the process that a state file named, or its child.
        let others =
            [self.cgroups.get(&cgroup), self.pids.get(&pid), self.pids.get(&ppid)].map(Option::<&_>::copied);
        for slot in others.into_iter().flatten() {
            let Some(entry) = self.entries.get(&slot).filter(|entry| entry.covers(timestamp)) else {
                continue;
            };
            let container = entry.container.clone();
            let expires = entry.until.unwrap_or(timestamp.saturating_add(LEARNED));
            self.learn(slot, mntns, timestamp);
            return Found::Container { container, from, expires };
        }
        match self.nothings.get(&(mntns, cgroup)) {
            Some(expires) if timestamp <= *expires => Found::Nothing { expires: *expires },
            _ => Found::Unknown,
        }
    }

    /// A container that was gone before its mount namespace could be read is recognised by its first process, or
    /// that one's child. Whoever had the number before had ended by then, even if that was noticed later.
    fn take_for_process(&mut self, origin: &Origin) {
        let Origin { mntns, pid, ppid, timestamp, .. } = *origin;
        let nameless = |slot: &&Slot| {
            self.entries.get(slot).is_some_and(|entry| entry.mntns.is_empty() && entry.covers(timestamp))
        };
        let found = [self.pids.get(&pid), self.pids.get(&ppid)].into_iter().flatten().find(nameless);
        let Some(slot) = found.copied().filter(|_| mntns != 0) else { return };
        for claim in self.mntns.get(&mntns).cloned().unwrap_or_default() {
            if let Some(entry) = self.entries.get_mut(&claim.slot).filter(|entry| entry.covers(timestamp)) {
                entry.until = Some(timestamp.saturating_sub(1));
            }
        }
        self.tell(mntns);
        self.claim(slot, mntns, true, timestamp);
    }

    /// Notes that no container has this mount namespace, for a while.
    pub(crate) fn nothing(&mut self, origin: &Origin, expires: u64) {
        if self.nothings.len() >= NOTHINGS {
            self.nothings.clear();
        }
        self.nothings.insert((origin.mntns, origin.cgroup), expires);
        // A claim that was due to be checked did not pass.
        self.drop_claim(origin.mntns, |claim| !claim.first);
    }

    /// The entry of a container that has not ended.
    pub(crate) fn live(&self, key: &str) -> Option<Slot> {
        let slot = *self.latest.get(key)?;
        self.entries.get(&slot)?.until.is_none().then_some(slot)
    }

    /// As [`Table::live`], by an id of any form.
    pub(crate) fn live_by_id(&self, id: &str) -> Option<Slot> {
        let live = |entry: &&Entry| entry.until.is_none() && entry.details.id == id;
        self.live(id).or_else(|| {
            let entry = self.entries.values().find(live)?;
            self.latest.get(&entry.key).copied()
        })
    }

    /// Whether nothing is left to learn of this container from its state.
    pub(crate) fn is_complete(&self, key: &str) -> bool {
        let entry = self.live(key).and_then(|slot| self.entries.get(&slot));
        entry.is_some_and(|entry| entry.process.is_some() && !entry.mntns.is_empty())
    }

    /// The entry's container.
    pub(crate) fn container(&self, slot: Slot) -> Option<Arc<Container>> {
        Some(self.entries.get(&slot)?.container.clone())
    }

    /// Takes in what was seen; a first process other than the known one is a new life of the container.
    pub(crate) fn sight(&mut self, sighting: Sighting, now: u64) -> Slot {
        let Sighting { key, details, process, gone, mntns, cgroup, cgroup_dir } = sighting;
        let known = self.latest.get(&key).copied().filter(|slot| {
            let Some(entry) = self.entries.get(slot) else { return false };
            match (&entry.process, &process) {
                (Some(mine), Some(theirs)) => {
                    mine.pid == theirs.pid && (mine.start_time == theirs.start_time || theirs.start_time == 0)
                }
                _ => entry.until.is_none(),
            }
        });
        let slot = match known {
            Some(slot) => slot,
            None => {
                if let Some(old) = self.live(&key) {
                    self.retire(old, now);
                }
                self.insert(key, details.clone(), now)
            }
        };
        self.update(slot, details, process, cgroup_dir, now);
        if let Some(cgroup) = cgroup {
            self.claim_cgroup(slot, cgroup);
        }
        if let Some(mntns) = mntns {
            self.claim(slot, mntns, true, now);
        }
        if gone {
            self.retire(slot, now);
        }
        slot
    }

    fn insert(&mut self, key: String, details: Details, now: u64) -> Slot {
        if self.entries.len() >= ENTRIES {
            self.evict();
        }
        self.last_slot += 1;
        self.last_serial = self.last_serial.checked_add(1).unwrap_or(1);
        let container = Arc::new(Container::new(self.last_serial, &details, None));
        self.latest.insert(key.clone(), self.last_slot);
        let entry = Entry {
            key,
            details,
            container,
            process: None,
            mntns: Vec::new(),
            cgroups: Vec::new(),
            cgroup_dir: None,
            seen: now,
            until: None,
        };
        self.entries.insert(self.last_slot, entry);
        self.changed = true;
        self.last_slot
    }

    /// What the cluster says of a pod, from now on; `None` once it is gone.
    pub(crate) fn pod(&mut self, uid: &str, pod: Option<Pod>) {
        let Some(pod) = pod.map(Arc::new) else {
            self.pods.remove(uid);
            return;
        };
        self.pods.insert(uid.to_owned(), pod);
        let of_pod = |entry: &Entry| entry.until.is_none() && entry.details.pod_uid.as_deref() == Some(uid);
        let slots: Vec<Slot> =
            self.entries.iter().filter(|(_, entry)| of_pod(entry)).map(|(slot, _)| *slot).collect();
        for slot in slots {
            let Some(entry) = self.entries.get(&slot) else { continue };
            let (details, seen) = (entry.details.clone(), entry.seen);
            self.update(slot, details, None, None, seen);
        }
    }

    fn update(
        &mut self,
        slot: Slot,
        details: Details,
        process: Option<Process>,
        dir: Option<PathBuf>,
        now: u64,
    ) {
        let Some(entry) = self.entries.get_mut(&slot) else { return };
        entry.seen = now;
        entry.cgroup_dir = entry.cgroup_dir.take().or(dir);
        if entry.process.is_none()
            && let Some(process) = process
        {
            self.pids.insert(process.pid, slot);
            entry.process = Some(process);
        }
        let pid = entry.process.as_ref().map(|process| process.pid);
        let mut merged = entry.details.clone();
        merged.fill(details);
        if let Some(pod) = merged.pod_uid.as_ref().and_then(|uid| self.pods.get(uid)) {
            merged.pod_details = Some(pod.clone());
        }
        if merged != entry.details || entry.container.pid != pid {
            self.last_serial = self.last_serial.checked_add(1).unwrap_or(1);
            entry.container = Arc::new(Container::new(self.last_serial, &merged, pid));
            entry.details = merged;
            self.changed = true;
            self.tell_all(slot);
        }
    }

    fn claim_cgroup(&mut self, slot: Slot, cgroup: u64) {
        if self.cgroups.insert(cgroup, slot) != Some(slot) {
            if let Some(entry) = self.entries.get_mut(&slot) {
                entry.cgroups.push(cgroup);
            }
            self.changed = true;
        }
    }

    /// Notes a mount namespace found in a container, if it is nobody's first.
    pub(crate) fn learn(&mut self, slot: Slot, mntns: u32, now: u64) {
        self.claim(slot, mntns, false, now);
    }

    fn claim(&mut self, slot: Slot, mntns: u32, first: bool, now: u64) {
        let Some(entry) = self.entries.get_mut(&slot).filter(|_| mntns != 0) else { return };
        entry.seen = now;
        let mine = self.mntns.get_mut(&mntns).and_then(|claims| claims.iter_mut().find(|it| it.slot == slot));
        if let Some(claim) = mine {
            claim.checked = now;
            claim.first |= first;
            return;
        }
        if entry.mntns.len() >= NAMESPACES {
            return;
        }
        match self.holder(mntns) {
            // The number was reused before the end of its first owner was noticed.
            Some(holder) if holder.first && first => self.retire(holder.slot, now),
            Some(holder) if holder.first => return,
            _ => self.drop_claim(mntns, |_| true),
        }
        self.mntns.entry(mntns).or_default().push(Claim { slot, first, checked: now });
        if let Some(entry) = self.entries.get_mut(&slot) {
            entry.mntns.push(mntns);
        }
        self.nothings.retain(|(known, _), _| *known != mntns);
        self.changed = true;
        self.tell(mntns);
    }

    /// Who has the mount namespace now.
    fn holder(&self, mntns: u32) -> Option<Claim> {
        let claim = *self.mntns.get(&mntns)?.last()?;
        self.entries.get(&claim.slot)?.until.is_none().then_some(claim)
    }

    /// Takes the mount namespace from who has it now, if `when` holds.
    fn drop_claim(&mut self, mntns: u32, when: impl Fn(&Claim) -> bool) {
        let Some(holder) = self.holder(mntns).filter(when) else { return };
        if let Some(claims) = self.mntns.get_mut(&mntns) {
            claims.retain(|claim| claim.slot != holder.slot);
        }
        if let Some(entry) = self.entries.get_mut(&holder.slot) {
            entry.mntns.retain(|known| *known != mntns);
        }
        self.changed = true;
        self.tell(mntns);
    }

    /// Ends an entry: its process has, or its cgroup or state is gone.
    pub(crate) fn retire(&mut self, slot: Slot, now: u64) {
        let Some(entry) = self.entries.get_mut(&slot).filter(|entry| entry.until.is_none()) else { return };
        entry.until = Some(now);
        if let Some(process) = &mut entry.process {
            process.exit = None;
        }
        self.changed = true;
        self.tell_all(slot);
    }

    /// As [`Table::retire`], for a container known by its key.
    pub(crate) fn retire_key(&mut self, key: &str, now: u64) {
        if let Some(slot) = self.live(key) {
            self.retire(slot, now);
        }
    }

    /// Forgets entries that ended long enough ago, and what was found to be nothing.
    pub(crate) fn sweep(&mut self, now: u64) {
        let old = |entry: &Entry| entry.until.is_some_and(|until| until.saturating_add(LINGER) < now);
        let slots: Vec<Slot> =
            self.entries.iter().filter(|(_, entry)| old(entry)).map(|(slot, _)| *slot).collect();
        for slot in slots {
            self.remove(slot);
        }
        self.nothings.retain(|_, expires| *expires >= now);
    }

    /// Makes room: for one that ended, else the one heard of longest ago.
    fn evict(&mut self) {
        let order = |(_, entry): &(&Slot, &Entry)| (entry.until.is_none(), entry.until.unwrap_or(entry.seen));
        if let Some(slot) = self.entries.iter().min_by_key(order).map(|(slot, _)| *slot) {
            self.retire(slot, 0);
            self.remove(slot);
            self.evicted += 1;
        }
    }

    fn remove(&mut self, slot: Slot) {
        let Some(entry) = self.entries.remove(&slot) else { return };
        let Entry { key, process, mntns, cgroups, .. } = entry;
        for mntns in mntns {
            if let Some(claims) = self.mntns.get_mut(&mntns) {
                claims.retain(|claim| claim.slot != slot);
                if claims.is_empty() {
                    self.mntns.remove(&mntns);
                }
            }
        }
        cgroups.iter().for_each(|cgroup| forget(&mut self.cgroups, cgroup, slot));
        forget(&mut self.latest, &key, slot);
        process.iter().for_each(|process| forget(&mut self.pids, &process.pid, slot));
        self.changed = true;
    }

    /// Every container that has not ended.
    pub(crate) fn list(&self) -> Vec<Arc<Container>> {
        let mut live: Vec<_> = self.entries.iter().filter(|(_, entry)| entry.until.is_none()).collect();
        live.sort_by_key(|(slot, _)| **slot);
        live.into_iter().map(|(_, entry)| entry.container.clone()).collect()
    }

    /// Every entry that has not ended, for the periodic check.
    pub(crate) fn lives(&self) -> Vec<Live> {
        let live = self.entries.iter().filter(|(_, entry)| entry.until.is_none());
        live.map(|(slot, entry)| Live {
            slot: *slot,
            pid: entry.process.as_ref().map(|process| process.pid),
            start_time: entry.process.as_ref().map_or(0, |process| process.start_time),
            watched: entry.process.as_ref().is_some_and(|process| process.exit.is_some()),
            has_mntns: !entry.mntns.is_empty(),
            cgroup_dir: entry.cgroup_dir.clone(),
            seen: entry.seen,
        })
        .collect()
    }

    /// The process that [`Exit::number`] watches has ended.
    pub(crate) fn exited(&mut self, number: u64, now: u64) {
        let watched = |entry: &Entry| {
            entry
                .process
                .as_ref()
                .and_then(|process| process.exit.as_ref())
                .is_some_and(|it| it.number == number)
        };
        if let Some(slot) = self.entries.iter().find(|(_, entry)| watched(entry)).map(|(slot, _)| *slot) {
            self.retire(slot, now);
        }
    }

    /// The mount namespaces of live containers that `selector` means.
    pub(crate) fn matching(&self, selector: &Selector) -> Vec<u32> {
        let meant = |entry: &&Entry| entry.until.is_none() && selector.matches(&entry.container);
        self.entries.values().filter(meant).flat_map(|entry| entry.mntns.iter().copied()).collect()
    }

    /// Calls `apply` for what `selector` means now, and for every change.
    pub(crate) fn follow(&mut self, selector: Selector, apply: Box<dyn FnMut(Change) + Send>) -> u64 {
        let live = self.entries.values().filter(|entry| entry.until.is_none());
        let known = live.flat_map(|entry| entry.mntns.iter().map(|mntns| (*mntns, entry.container.clone())));
        self.followers.add(selector, apply, known)
    }

    /// Ends a [`Table::follow`].
    pub(crate) fn unfollow(&mut self, number: u64) {
        self.followers.remove(number);
    }

    /// Brings followers up to date about one mount namespace.
    fn tell(&mut self, mntns: u32) {
        let holder = self.holder(mntns).and_then(|claim| self.container(claim.slot));
        self.followers.tell(mntns, holder.as_ref());
    }

    /// As [`Table::tell`], for all of an entry.
    fn tell_all(&mut self, slot: Slot) {
        let Some(entry) = self.entries.get(&slot) else { return };
        for mntns in entry.mntns.clone() {
            self.tell(mntns);
        }
    }
}

fn forget<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Slot>, key: &K, slot: Slot) {
    if map.get(key) == Some(&slot) {
        map.remove(key);
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
