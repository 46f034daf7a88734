//! All addresses that are known, and whose they are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::addresses::{AddressesStatus, Kind, Place};
use crate::follow::{Event, Object, Stale};
use crate::intern::Names;

/// For how long the address of what is gone is still known, unless it is given to something else.
const AFTER: Duration = Duration::from_secs(60);

/// An object that may have addresses.
pub(crate) trait Addressed: Object {
    const KIND: Kind;

    /// Whether its addresses are its node's.
    fn is_on_node(&self) -> bool;

    fn addresses(&self) -> Vec<IpAddr>;
}

struct Known {
    place: Arc<Place>,
    gone: Option<Instant>,
    /// The last list of its kind that told it.
    listing: u32,
}

#[derive(Default)]
struct OfKind {
    listing: u32,
    complete: bool,
    stale: Option<Stale>,
}

pub(crate) struct Table {
    room: usize,
    by_address: HashMap<IpAddr, Known>,
    /// What has addresses, and which.
    by_place: HashMap<Arc<Place>, Box<[IpAddr]>>,
    names: Names,
    pods: OfKind,
    services: OfKind,
    left_out: u64,
    host_network: u64,
}

impl Table {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            room,
            by_address: HashMap::new(),
            by_place: HashMap::new(),
            names: Names::default(),
            pods: OfKind::default(),
            services: OfKind::default(),
            left_out: 0,
            host_network: 0,
        }
    }

    pub(crate) fn find(&self, address: IpAddr) -> Option<&Arc<Place>> {
        self.by_address.get(&address).map(|known| &known.place)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.pods.complete && self.services.complete
    }

    pub(crate) fn status(&self) -> AddressesStatus {
        AddressesStatus {
            addresses: self.by_address.len(),
            left_out: self.left_out,
            host_network: self.host_network,
            complete: self.is_complete(),
            pods_stale: self.pods.stale.clone(),
            services_stale: self.services.stale.clone(),
        }
    }

    fn of(&mut self, kind: Kind) -> &mut OfKind {
        match kind {
            Kind::Pod => &mut self.pods,
            Kind::Service => &mut self.services,
        }
    }

    /// Takes in what happened; says whether anything is another than before.
    pub(crate) fn take<T: Addressed>(&mut self, event: Event<T>, now: Instant) -> bool {
        match event {
            Event::Begin => {
                self.of(T::KIND).listing += 1;
                false
            }
            Event::Listed(object) | Event::Changed(object) => self.add(&object, now),
            Event::Removed(object) => {
                let place = self.place(&object);
                self.gone(&place, now)
            }
            Event::Complete => {
                let listing = self.of(T::KIND).listing;
                let missing = |known: &Known| known.place.kind == T::KIND && known.listing != listing;
                let missing: Vec<_> = self.by_address.values().filter(|known| missing(known)).collect();
                let missing: Vec<Arc<Place>> = missing.into_iter().map(|known| known.place.clone()).collect();
                for place in missing {
                    self.gone(&place, now);
                }
                self.of(T::KIND).complete = true;
                true
            }
            Event::Fresh => {
                self.of(T::KIND).stale = None;
                true
            }
            Event::Stale(stale) => {
                self.of(T::KIND).stale = Some(stale);
                true
            }
        }
    }

    fn place<T: Addressed>(&mut self, object: &T) -> Arc<Place> {
        let meta = object.meta();
        let namespace = self.names.shared(&meta.namespace);
        let place = Place { kind: T::KIND, namespace, name: meta.name.as_str().into() };
        match self.by_place.get_key_value(&place) {
            Some((known, _)) => known.clone(),
            None => Arc::new(place),
        }
    }

    fn add<T: Addressed>(&mut self, object: &T, now: Instant) -> bool {
        if object.is_on_node() {
            self.host_network += 1;
            return false;
        }
        let addresses = object.addresses();
        let place = self.place(object);
        let before = self.by_place.get(&place).cloned().unwrap_or_default();
        let mut changed = false;
        for address in before.iter().filter(|address| !addresses.contains(address)) {
            changed |= self.part(&place, *address, now);
        }
        let listing = self.of(T::KIND).listing;
        let mut kept = Vec::with_capacity(addresses.len());
        for address in addresses {
            if let Some(known) = self.by_address.get_mut(&address) {
                // An address that another had is now this one's: it was given back.
                changed |= known.place != place || known.gone.is_some();
                *known = Known { place: place.clone(), gone: None, listing };
            } else if self.by_address.len() < self.room || self.make_room(now) {
                self.by_address.insert(address, Known { place: place.clone(), gone: None, listing });
                changed = true;
            } else {
                self.left_out += 1;
                continue;
            }
            kept.push(address);
        }
        if kept.is_empty() {
            self.by_place.remove(&place);
        } else {
            self.by_place.insert(place, kept.into());
        }
        changed
    }

    /// Marks all addresses of what is gone.
    fn gone(&mut self, place: &Arc<Place>, now: Instant) -> bool {
        let addresses = self.by_place.remove(place).unwrap_or_default();
        addresses.iter().fold(false, |changed, address| self.part(place, *address, now) | changed)
    }

    /// Marks an address as no longer of `place`, if it still is.
    fn part(&mut self, place: &Arc<Place>, address: IpAddr, now: Instant) -> bool {
        match self.by_address.get_mut(&address) {
            Some(known) if known.place == *place && known.gone.is_none() => {
                known.gone = Some(now);
                true
            }
            _ => false,
        }
    }

    fn make_room(&mut self, now: Instant) -> bool {
        self.sweep(now);
        self.by_address.len() < self.room
    }

    /// Forgets what is gone for long enough.
    pub(crate) fn sweep(&mut self, now: Instant) {
        let before = self.by_address.len();
        self.by_address.retain(|_, known| known.gone.is_none_or(|gone| now.duration_since(gone) < AFTER));
        if self.by_address.len() != before {
            self.names.sweep();
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
