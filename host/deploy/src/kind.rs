//! The kinds of objects that are installed. That they are as Kubernetes has them, and that its own types know all that the
//! manifests say, is for the tests: the types are many, and no use to a program that sends what it has tested.

use std::sync::LazyLock;

use kube::discovery::ApiResource;

/// A kind.
pub struct Kind {
    /// How the API names it.
    pub resource: ApiResource,
    /// Whether its objects belong to a namespace.
    pub namespaced: bool,
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// All kinds, in the order in which objects are applied: what others need comes first. They are removed the other way.
pub static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    vec![
        kind("v1", "Namespace", "namespaces", false),
        kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
        kind("v1", "ServiceAccount", "serviceaccounts", true),
        kind(RBAC, "ClusterRole", "clusterroles", false),
        kind(RBAC, "ClusterRoleBinding", "clusterrolebindings", false),
        kind(RBAC, "Role", "roles", true),
        kind(RBAC, "RoleBinding", "rolebindings", true),
        kind("v1", "ConfigMap", "configmaps", true),
        kind("v1", "Secret", "secrets", true),
        kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true),
        kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
        kind("v1", "Service", "services", true),
        kind("apps/v1", "DaemonSet", "daemonsets", true),
        kind("apps/v1", "Deployment", "deployments", true),
        kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
        kind("networking.k8s.io/v1", "Ingress", "ingresses", true),
    ]
});

fn kind(api_version: &str, name: &str, plural: &str, namespaced: bool) -> Kind {
    Kind { resource: resource(api_version, name, plural), namespaced }
}

/// How the API names a kind.
pub(crate) fn resource(api_version: &str, name: &str, plural: &str) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: name.to_owned(),
        plural: plural.to_owned(),
    }
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
}
