//! The kinds of objects that are installed, as Kubernetes' own types know them. A manifest is held to them strictly, and
//! an overlay's patch is merged by their rules (which lists are merged by which key).

use std::sync::LazyLock;

use k8s_openapi::api::{apps, autoscaling, core, networking, policy, rbac};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use k8s_openapi::{ClusterResourceScope, DeepMerge, NamespaceResourceScope, Resource, ResourceScope};
use kube::discovery::ApiResource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::strict;

/// A kind.
pub struct Kind {
    /// How the API names it.
    pub resource: ApiResource,
    /// Whether its objects belong to a namespace.
    pub namespaced: bool,
    check: fn(&Value) -> Vec<String>,
    merge: fn(&Value, &Value) -> Result<Value, String>,
}

/// All kinds, in the order in which objects are applied: what others need comes first. They are removed the other way.
pub static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    vec![
        kind::<core::v1::Namespace>(),
        kind::<apiextensions::v1::CustomResourceDefinition>(),
        kind::<core::v1::ServiceAccount>(),
        kind::<rbac::v1::ClusterRole>(),
        kind::<rbac::v1::ClusterRoleBinding>(),
        kind::<rbac::v1::Role>(),
        kind::<rbac::v1::RoleBinding>(),
        kind::<core::v1::ConfigMap>(),
        kind::<core::v1::Secret>(),
        kind::<networking::v1::NetworkPolicy>(),
        kind::<policy::v1::PodDisruptionBudget>(),
        kind::<core::v1::Service>(),
        kind::<apps::v1::DaemonSet>(),
        kind::<apps::v1::Deployment>(),
        kind::<autoscaling::v2::HorizontalPodAutoscaler>(),
        kind::<networking::v1::Ingress>(),
    ]
});

trait Scope: ResourceScope {
    const NAMESPACED: bool;
}

impl Scope for NamespaceResourceScope {
    const NAMESPACED: bool = true;
}

impl Scope for ClusterResourceScope {
    const NAMESPACED: bool = false;
}

fn kind<T>() -> Kind
where
    T: Resource + Serialize + DeserializeOwned + DeepMerge,
    T::Scope: Scope,
{
    let resource = ApiResource {
        group: T::GROUP.to_owned(),
        version: T::VERSION.to_owned(),
        api_version: T::API_VERSION.to_owned(),
        kind: T::KIND.to_owned(),
        plural: T::URL_PATH_SEGMENT.to_owned(),
    };
    Kind { resource, namespaced: T::Scope::NAMESPACED, check: strict::unknown::<T>, merge: merge::<T> }
}

fn merge<T: Serialize + DeserializeOwned + DeepMerge>(base: &Value, patch: &Value) -> Result<Value, String> {
    let read = |value: &Value| serde_json::from_value::<T>(value.clone()).map_err(|error| error.to_string());
    let (mut base, patch) = (read(base)?, read(patch)?);
    base.merge_from(patch);
    serde_json::to_value(base).map_err(|error| error.to_string())
}

impl Kind {
    /// The kind of objects with this version and name.
    pub fn of(api_version: &str, name: &str) -> Option<&'static Self> {
        let is = |kind: &&Self| kind.resource.api_version == api_version && kind.resource.kind == name;
        KINDS.iter().find(is)
    }

    /// The kind of this name; no two here have the same.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.resource.kind == name)
    }

    /// Its place in [`KINDS`].
    pub(crate) fn order(name: &str) -> usize {
        KINDS.iter().position(|kind| kind.resource.kind == name).unwrap_or(KINDS.len())
    }

    /// What in `object` this kind does not know, or knows otherwise; nothing if all is well.
    pub fn check(&self, object: &Value) -> Vec<String> {
        (self.check)(object)
    }

    /// `base` with what `patch` says, as a strategic merge has it.
    pub(crate) fn merge(&self, base: &Value, patch: &Value) -> Result<Value, String> {
        (self.merge)(base, patch)
    }
}
