//! What would be done: for each object whether it is made, changed, left or removed. A plan is made by reading alone, shown
//! to whoever decides, and then carried out as it was shown.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;

use crate::api::{Cluster, ClusterError};
use crate::contents::{self, Certificates, ContentsError, Held, Record};
use crate::kind::{KINDS, Kind};
use crate::object::{Id, OURS, Object, VERSION};
use crate::render::{self, RenderError};
use crate::settle;
use crate::values::{Given, Values, ValuesError};

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is not there yet.
    Create,
    /// It is there, and otherwise.
    Change,
    /// It is as it shall be.
    Keep,
    /// It is there, and not wanted.
    Remove,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Keep => "keep",
            Self::Remove => "remove",
        })
    }
}

/// What shall be installed.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whether there must be an install already, whose values then hold unless others are given.
    pub upgrade: bool,
    /// Where; an upgrade finds it by itself.
    pub namespace: Option<String>,
    /// Which overlays; without any, those of the install that is upgraded, or `default`.
    pub overlays: Vec<String>,
    /// Values.
    pub values: Given,
    /// A new authority and new certificates.
    pub rotate: bool,
    /// How long to wait until everything is ready; `None` does not.
    pub wait: Option<Duration>,
}

/// Why nothing is planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The manifests.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The values.
    #[error(transparent)]
    Values(#[from] ValuesError),
    /// What is made at install.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// There is one already, elsewhere.
    #[error(
        "gadgetry is installed in the namespace {there} of {cluster}: name that one, or undeploy it first"
    )]
    Elsewhere {
        /// Where.
        there: String,
        /// The cluster.
        cluster: String,
    },
    /// There is none to upgrade.
    #[error("gadgetry is not installed in {cluster}: deploy it first")]
    Missing {
        /// The cluster.
        cluster: String,
    },
    /// It takes two steps.
    #[error(
        "a new authority for certificates takes two steps, and the second one only when all pods trust it: this must wait, \
         so do not ask it not to"
    )]
    MustWait,
}

/// An object, and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) object: Object,
}

/// A plan.
pub struct Plan {
    /// The cluster's name.
    pub cluster: String,
    /// Where.
    pub namespace: String,
    /// What overlays.
    pub overlays: Vec<String>,
    /// The version that is there, if one is.
    pub from: Option<String>,
    /// What a person should know before they agree.
    pub notes: Vec<String>,
    pub(crate) steps: Vec<Step>,
    pub(crate) later: Vec<Object>,
    pub(crate) wait: Option<Duration>,
}

/// One line of a plan, for those who show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What becomes of it.
    pub action: Action,
    /// `DaemonSet`.
    pub kind: String,
    /// Absent for what belongs to the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Plan {
    /// Its lines, in the order in which they are done.
    pub fn lines(&self) -> Vec<Line> {
        self.steps.iter().map(|Step { action, object }| line(*action, object.id())).collect()
    }

    /// The images that would run.
    pub fn images(&self) -> Vec<String> {
        let wanted = self.steps.iter().filter(|step| step.action != Action::Remove);
        let containers = wanted.filter_map(|step| step.object.0.pointer("/spec/template/spec/containers"));
        let images = containers.filter_map(Value::as_array).flatten().filter_map(|it| it["image"].as_str());
        images.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether the cluster is as it shall be already.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Keep) && self.later.is_empty()
    }

    /// How many objects are created, changed, kept and removed.
    pub fn counts(&self) -> [usize; 4] {
        counts(&self.lines())
    }
}

pub(crate) fn line(action: Action, id: Id) -> Line {
    let Id { kind, namespace, name } = id;
    Line { action, kind, namespace, name }
}

pub(crate) fn counts(lines: &[Line]) -> [usize; 4] {
    [Action::Create, Action::Change, Action::Keep, Action::Remove]
        .map(|action| lines.iter().filter(|line| line.action == action).count())
}

/// The objects as `kubectl kustomize` has them, with the values settled; asks no cluster.
pub fn rendered(overlays: &[String], namespace: &str, values: &Values) -> Result<Vec<Object>, PlanError> {
    let mut objects = render::overlays(overlays)?;
    settle::settle(&mut objects, namespace, values, &overlays.join(", "))?;
    Ok(objects)
}

/// Plans what `request` asks for.
pub async fn plan(cluster: &Cluster, request: Request) -> Result<Plan, PlanError> {
    let Request { upgrade, namespace, overlays, values: given, rotate, wait } = request;
    let there = installed(cluster).await?;
    let namespace = match (there, namespace) {
        (Some(there), Some(wanted)) if there != wanted => {
            return Err(PlanError::Elsewhere { there, cluster: cluster.name().to_owned() });
        }
        (Some(there), _) => there,
        (None, _) if upgrade => return Err(PlanError::Missing { cluster: cluster.name().to_owned() }),
        (None, wanted) => wanted.unwrap_or_else(|| settle::NAMESPACE.to_owned()),
    };
    let before = Record::read(cluster, &namespace).await?;
    let mut values = match &before {
        Some(before) if upgrade => Given::recorded(&before.values),
        _ => Given::default(),
    };
    values.merge(given.into_map());
    let values = values.read()?;
    let overlays = match (&before, overlays) {
        (Some(before), overlays) if overlays.is_empty() && upgrade => before.overlays.clone(),
        (_, overlays) if overlays.is_empty() => vec!["default".to_owned()],
        (_, overlays) => overlays,
    };
    let mut objects = rendered(&overlays, &namespace, &values)?;
    let mut notes = Vec::new();
    let held = Held::read(cluster, &namespace).await?;
    let certificates = if contents::has_certificates(&objects) {
        let now = SystemTime::now();
        Some(Certificates::plan(&held, &namespace, rotate, now).map_err(ContentsError::from)?)
    } else {
        None
    };
    notes.extend(certificates.iter().flat_map(|it| it.notes.clone()));
    let record = Record { version: env!("CARGO_PKG_VERSION").to_owned(), overlays: overlays.clone(), values };
    let later = contents::fill(&mut objects, &held, certificates.as_ref(), &record)?;
    if !later.is_empty() && wait.is_none() {
        return Err(PlanError::MustWait);
    }
    let mut steps = Vec::new();
    for object in objects {
        let live = cluster.get(&object.id()).await?;
        if object.kind() == "Namespace" && live.as_ref().is_some_and(|it| !it.is_ours()) {
            notes.push(format!(
                "the namespace {namespace} is somebody else's and stays as it is; its Pod Security must admit what is \
                 installed"
            ));
            continue;
        }
        let action = match live {
            None => Action::Create,
            Some(live) => compare(cluster, &object, &live).await?,
        };
        steps.push(Step { action, object });
    }
    steps.extend(leftover(cluster, &namespace, &steps).await?);
    Ok(Plan {
        cluster: cluster.name().to_owned(),
        namespace,
        overlays,
        from: before.map(|it| it.version),
        notes,
        steps,
        later,
        wait,
    })
}

/// Whether applying `object` would change what is there. The server is asked, since it alone knows how it writes things.
async fn compare(cluster: &Cluster, object: &Object, live: &Object) -> Result<Action, ClusterError> {
    let would = cluster.apply(object, true).await?;
    Ok(if plain(&would) == plain(live) { Action::Keep } else { Action::Change })
}

/// An object without what a server writes anew each time.
fn plain(object: &Object) -> Value {
    let mut value = object.0.clone();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["managedFields", "resourceVersion", "generation"] {
            metadata.remove(field);
        }
    }
    value
}

/// What is ours in `namespace` or in the cluster, and in none of `steps`. The namespace and the definition of Gadget objects
/// stay: with them would go what is not ours.
async fn leftover(cluster: &Cluster, namespace: &str, steps: &[Step]) -> Result<Vec<Step>, ClusterError> {
    let wanted: BTreeSet<Id> = steps.iter().map(|step| step.object.id()).collect();
    let mut removed = Vec::new();
    for kind in KINDS.iter().rev() {
        if ["Namespace", "CustomResourceDefinition"].contains(&kind.resource.kind.as_str()) {
            continue;
        }
        let ours = cluster.list(&kind.resource, kind.namespaced.then_some(namespace), OURS).await?;
        let left = ours.into_iter().filter(|it| !wanted.contains(&it.id()) && is_root(it));
        removed.extend(left.map(|object| Step { action: Action::Remove, object }));
    }
    Ok(removed)
}

/// Whether an object is no other object's part, as what a controller makes from a template with our labels is.
pub(crate) fn is_root(object: &Object) -> bool {
    object.0.pointer("/metadata/ownerReferences").and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// The namespace that gadgetry is installed in.
pub(crate) async fn installed(cluster: &Cluster) -> Result<Option<String>, ClusterError> {
    Ok(workloads(cluster).await?.first().and_then(|it| it.namespace()).map(str::to_owned))
}

/// What of ours runs pods.
pub(crate) async fn workloads(cluster: &Cluster) -> Result<Vec<Object>, ClusterError> {
    let mut all = Vec::new();
    for name in ["DaemonSet", "Deployment"] {
        if let Some(kind) = Kind::named(name) {
            all.extend(cluster.ours(kind).await?.into_iter().filter(|it| it.label(VERSION).is_some()));
        }
    }
    Ok(all)
}
