//! An object as it is sent to the API server: JSON, with the few fields that this crate asks for by name.

use std::fmt;

use serde_json::Value;

/// The label by which everything that is ours is found.
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The label that says which version something is of.
pub(crate) const VERSION: &str = "app.kubernetes.io/version";
/// The label that says which part of gadgetry something is.
pub(crate) const COMPONENT: &str = "app.kubernetes.io/component";
/// What a list is asked for by.
pub(crate) const OURS: &str = "app.kubernetes.io/managed-by=gadgetry,app.kubernetes.io/name=gadgetry";
/// Annotation of objects whose contents are made at install.
pub(crate) const FILLED_BY: &str = "gadgetry.dev/filled-by";

/// An object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object(pub Value);

/// Which object: unique in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// `DaemonSet`.
    pub kind: String,
    /// Absent for what belongs to the cluster.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name } = self;
        match namespace {
            Some(namespace) => write!(f, "{kind} {namespace}/{name}"),
            None => write!(f, "{kind} {name}"),
        }
    }
}

impl Object {
    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `apps/v1`.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// `DaemonSet`.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// Its namespace, if it says one.
    pub fn namespace(&self) -> Option<&str> {
        self.0.pointer("/metadata/namespace").and_then(Value::as_str)
    }

    /// Which object it is.
    pub fn id(&self) -> Id {
        Id {
            kind: self.kind().to_owned(),
            namespace: self.namespace().map(str::to_owned),
            name: self.name().to_owned(),
        }
    }

    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(name)?.as_str()
    }

    /// An annotation's value.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(name)?.as_str()
    }

    /// Whether what it holds is not in the manifests, but made at install by this program.
    pub fn is_filled(&self) -> bool {
        self.annotation(FILLED_BY).is_some_and(|it| it.starts_with("gadgetry deploy"))
    }

    /// Whether it is ours, by its labels.
    pub(crate) fn is_ours(&self) -> bool {
        self.label(MANAGED_BY) == Some("gadgetry") && self.label("app.kubernetes.io/name") == Some("gadgetry")
    }

    /// An integer at `pointer`; 0 if there is none, as the API leaves zeros out.
    pub(crate) fn number(&self, pointer: &str) -> i64 {
        self.0.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
    }
}
