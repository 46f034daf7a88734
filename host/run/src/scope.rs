//! A run's scope: the containers it was asked to look at become the kernel's filter map, which follows containers
//! that come and go while the run lasts.

use std::sync::{Arc, Mutex, PoisonError};

use gadgetry_enrich::{Change, Containers, Follow, Selector};
use gadgetry_kernel::Scope;

use crate::fleet::RunError;

/// The containers a run looks at.
pub(crate) struct Wanted {
    selectors: Vec<Selector>,
    /// The mount namespaces there are now.
    pub(crate) mntns: Vec<u32>,
    /// The containers there are now, for the summary.
    pub(crate) names: Vec<String>,
}

impl Wanted {
    /// Looks `names` up; one that means no container is the caller's mistake.
    pub(crate) fn find(containers: &Containers, names: &[String]) -> Result<Self, RunError> {
        let selectors: Vec<Selector> =
            names.iter().map(|it| Selector { container: Some(it.clone()), ..Selector::default() }).collect();
        let all = containers.list();
        let shown =
            |it: &gadgetry_enrich::Container| it.name.clone().unwrap_or_else(|| it.short_id().to_owned());
        let mut wanted = Self { selectors, mntns: Vec::new(), names: Vec::new() };
        for selector in &wanted.selectors {
            let found: Vec<_> = all.iter().filter(|it| selector.matches(it)).collect();
            if found.is_empty() {
                let name = selector.container.clone().unwrap_or_default();
                let there = all.iter().map(|it| shown(it)).collect::<Vec<_>>().join(", ");
                let there = if there.is_empty() {
                    "no containers run here".to_owned()
                } else {
                    format!("there are: {there}")
                };
                return Err(RunError::Argument {
                    field: "container".into(),
                    message: format!("no container is named `{name}`, and no id begins so; {there}"),
                });
            }
            wanted.names.extend(found.iter().map(|it| shown(it)));
            wanted.mntns.extend(containers.matching(selector));
        }
        Ok(wanted)
    }

    /// Keeps `scope` up to date until the answer is dropped.
    pub(crate) fn follow(&self, containers: &Containers, scope: Scope) -> Vec<Follow> {
        let scope = Arc::new(Mutex::new(scope));
        let follow = |selector: &Selector| {
            let scope = scope.clone();
            containers.follow(selector.clone(), move |change| {
                let mut scope = scope.lock().unwrap_or_else(PoisonError::into_inner);
                let done = match change {
                    Change::Added { mntns, .. } => scope.add(mntns),
                    Change::Removed { mntns } => scope.remove(mntns),
                };
                if let Err(error) = done {
                    tracing::warn!(%error, "a container could not be added to or removed from a run's scope");
                }
            })
        };
        self.selectors.iter().map(follow).collect()
    }
}
