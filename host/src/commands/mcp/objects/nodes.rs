//! Which nodes an object means, and which of them can be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gadgetry_cluster::agents::NodeLabels;
use gadgetry_run::agent::Reach;

/// The nodes of an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Matching {
    /// Those that can be asked.
    pub(super) ready: BTreeSet<String>,
    /// Those that can't, and why.
    pub(super) absent: BTreeMap<String, String>,
}

impl Matching {
    /// The nodes of `reach` that have all labels of `selector` and, if any are named, are among `only`. One whose labels are
    /// not known has none.
    pub(super) fn of(
        reach: &Reach,
        labels: &BTreeMap<String, Arc<NodeLabels>>,
        selector: &NodeLabels,
        only: &[String],
    ) -> Self {
        let matches = |node: &str| {
            let has = |(name, value): (&String, &String)| {
                labels.get(node).and_then(|it| it.get(name)).is_some_and(|it| it == value)
            };
            (only.is_empty() || only.iter().any(|it| it == node)) && selector.iter().all(has)
        };
        let ready = reach.agents.iter().map(|it| it.name().to_owned()).filter(|it| matches(it)).collect();
        let absent = reach.absent.iter().filter(|it| matches(&it.node));
        Self { ready, absent: absent.map(|it| (it.node.clone(), it.reason.clone())).collect() }
    }

    /// Whether `node` is one of them.
    pub(super) fn has(&self, node: &str) -> bool {
        self.ready.contains(node) || self.absent.contains_key(node)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ready.len() + self.absent.len()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use gadgetry_run::agent::{Absent, Agent, Running};
    use gadgetry_run::fleet::Sink;
    use gadgetry_run::gadget::Gadget;
    use gadgetry_run::request::Request;
    use tokio_util::sync::CancellationToken;

    use super::*;

    struct Named(&'static str);

    impl Agent for Named {
        fn name(&self) -> &str {
            self.0
        }

        fn run(&self, _: Arc<Gadget>, _: Request, _: Box<dyn Sink>, _: CancellationToken) -> Running<'_> {
            unreachable!("nothing is run here")
        }
    }

    /// A node of each name, and those that are away.
    pub(in super::super) fn reach(ready: &[&'static str], absent: &[&str]) -> Reach {
        Reach {
            agents: ready.iter().map(|it| Arc::new(Named(it)) as Arc<dyn Agent>).collect(),
            absent: absent
                .iter()
                .map(|it| Absent { node: (*it).into(), reason: "it is away".into() })
                .collect(),
            named: true,
        }
    }

    #[test]
    fn nodes_are_those_of_the_labels_and_names() {
        let labels = |all: &[(&str, &str)]| -> NodeLabels {
            all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let known: BTreeMap<String, Arc<NodeLabels>> = [
            ("n1", labels(&[("zone", "a"), ("disk", "ssd")])),
            ("n2", labels(&[("zone", "a")])),
            ("n3", labels(&[("zone", "b"), ("disk", "ssd")])),
        ]
        .into_iter()
        .map(|(name, labels)| (name.to_owned(), Arc::new(labels)))
        .collect();
        let reach = reach(&["n1", "n2", "n4"], &["n3"]);
        for (selector, only, ready, absent) in [
            (labels(&[]), vec![], vec!["n1", "n2", "n4"], vec!["n3"]),
            (labels(&[("zone", "a")]), vec![], vec!["n1", "n2"], vec![]),
            (labels(&[("disk", "ssd")]), vec![], vec!["n1"], vec!["n3"]),
            (labels(&[("zone", "a"), ("disk", "ssd")]), vec![], vec!["n1"], vec![]),
            (labels(&[("zone", "")]), vec![], vec![], vec![]),
            (labels(&[]), vec!["n3", "n4", "n9"], vec!["n4"], vec!["n3"]),
            (labels(&[("zone", "a")]), vec!["n2"], vec!["n2"], vec![]),
        ] {
            let only: Vec<String> = only.into_iter().map(str::to_owned).collect();
            let found = Matching::of(&reach, &known, &selector, &only);
            assert!(found.ready.iter().eq(&ready), "{selector:?} {only:?}: {found:?}");
            assert!(found.absent.keys().eq(&absent), "{selector:?} {only:?}: {found:?}");
            assert_eq!(found.count(), ready.len() + absent.len());
        }
    }
}
