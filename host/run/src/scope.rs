//! A run's scope: the containers it was asked to look at become the kernel's filter map, which follows containers
//! that come and go while the run lasts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gadgetry_enrich::{Change, Container, Containers, Follow, Selector};
use gadgetry_kernel::Scope as Map;

use crate::fleet::RunError;
use crate::request::{Request, Scope};

/// The containers a run looks at.
pub(crate) struct Wanted {
    /// One of these must hold.
    pub(crate) selectors: Vec<Selector>,
    /// The mount namespaces there are now.
    pub(crate) mntns: Vec<u32>,
    /// The containers there are now, for the summary.
    pub(crate) names: Vec<String>,
}

impl Wanted {
    /// The containers that `request` means; `None` when it means everything.
    ///
    /// # Errors
    /// When a container is named that is not here, and nobody asks other nodes too. Pods may still come.
    pub(crate) fn of(containers: &Containers, request: &Request) -> Result<Option<Self>, RunError> {
        let Some(selectors) = selectors(&request.scope, request.allowed.as_deref()) else { return Ok(None) };
        let all = containers.list();
        let mut wanted = Self { selectors, mntns: Vec::new(), names: Vec::new() };
        for selector in &wanted.selectors {
            wanted.names.extend(all.iter().filter(|it| selector.matches(it)).map(|it| shown(it)));
            wanted.mntns.extend(containers.matching(selector));
        }
        wanted.names.dedup();
        if !request.part
            && let Some(name) = request.scope.containers.iter().find(|name| {
                let named = Selector { container: Some((*name).clone()), ..Selector::default() };
                !all.iter().any(|it| named.matches(it))
            })
        {
            let seen = |it: &&Arc<Container>| {
                let allowed =
                    |names: &Arc<[String]>| it.namespace.as_ref().is_some_and(|it| names.contains(it));
                request.allowed.as_ref().is_none_or(allowed)
            };
            let there = all.iter().filter(seen).map(|it| shown(it)).collect::<Vec<_>>().join(", ");
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
        Ok(Some(wanted))
    }

    /// Keeps `scope` up to date until the answer is dropped. `missed` counts what could not be done.
    pub(crate) fn follow(&self, containers: &Containers, scope: Map, missed: &Arc<AtomicU64>) -> Vec<Follow> {
        let scope = Arc::new(Mutex::new(scope));
        let follow = |selector: &Selector| {
            let (scope, missed) = (scope.clone(), missed.clone());
            containers.follow(selector.clone(), move |change| {
                let mut scope = scope.lock().unwrap_or_else(PoisonError::into_inner);
                let done = match change {
                    Change::Added { mntns, .. } => scope.add(mntns),
                    Change::Removed { mntns } => scope.remove(mntns),
                };
                if let Err(error) = done {
                    missed.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%error, "a container could not be added to or removed from a run's scope");
                }
            })
        };
        self.selectors.iter().map(follow).collect()
    }
}

fn shown(container: &Container) -> String {
    container.name.clone().unwrap_or_else(|| container.short_id().to_owned())
}

/// A selector for each combination of what is given; `None` when nothing is.
fn selectors(scope: &Scope, allowed: Option<&[String]>) -> Option<Vec<Selector>> {
    if scope.is_empty() && allowed.is_none() {
        return None;
    }
    let namespaces: Vec<String> = match (allowed, scope.namespaces.as_slice()) {
        (None, wanted) => wanted.to_vec(),
        (Some(allowed), []) => allowed.to_vec(),
        (Some(allowed), wanted) => wanted.iter().filter(|it| allowed.contains(it)).cloned().collect(),
    };
    if allowed.is_some() && namespaces.is_empty() {
        return Some(Vec::new());
    }
    let mut all = vec![Selector { labels: scope.labels.clone(), ..Selector::default() }];
    let mut with = |values: &[String], put: fn(&mut Selector, String)| {
        if values.is_empty() {
            return;
        }
        let combined = all.iter().flat_map(|selector| {
            values.iter().map(move |value| {
                let mut selector = selector.clone();
                put(&mut selector, value.clone());
                selector
            })
        });
        all = combined.collect();
    };
    with(&namespaces, |selector, it| selector.namespace = Some(it));
    with(&scope.pods, |selector, it| selector.pod = Some(it));
    with(&scope.containers, |selector, it| selector.container = Some(it));
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(all: &[&str]) -> Vec<String> {
        all.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn what_is_given_holds_together() {
        assert_eq!(selectors(&Scope::default(), None), None);
        let scope =
            Scope { pods: strings(&["a", "b"]), namespaces: strings(&["shop", "bank"]), ..Scope::default() };
        let all = selectors(&scope, None).unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!((all[1].namespace.as_deref(), all[1].pod.as_deref()), (Some("shop"), Some("b")));
    }

    #[test]
    fn nothing_is_seen_outside_of_what_is_allowed() {
        let allowed = strings(&["shop"]);
        let all = selectors(&Scope::default(), Some(&allowed)).unwrap();
        assert_eq!((all.len(), all[0].namespace.as_deref()), (1, Some("shop")));
        let elsewhere = Scope { namespaces: strings(&["bank"]), ..Scope::default() };
        assert_eq!(selectors(&elsewhere, Some(&allowed)), Some(Vec::new()));
        assert_eq!(selectors(&Scope::default(), Some(&[])), Some(Vec::new()));
    }
}
