//! Which kinds of objects there are: those of Kubernetes that are used here, and those that custom resource definitions
//! add. Like the real one, the double answers 404 for any other, so that a forgotten definition or a wrong group shows.

use serde_json::Value;

/// A kind, as paths and objects name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    /// Whether its status is written through a path of its own alone.
    pub(crate) status: bool,
}

impl Kind {
    /// `group/version`, or the version alone for the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// As errors name it: `daemonsets.apps`.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

const NAMESPACED: bool = true;
const CLUSTER: bool = false;
const STATUS: bool = true;
const PLAIN: bool = false;

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const ADMISSION: &str = "admissionregistration.k8s.io/v1";

/// API version, kind, plural, scope, whether it has a status of its own.
const BUILT_IN: &[(&str, &str, &str, bool, bool)] = &[
    ("v1", "ConfigMap", "configmaps", NAMESPACED, PLAIN),
    ("v1", "Endpoints", "endpoints", NAMESPACED, PLAIN),
    ("v1", "Event", "events", NAMESPACED, PLAIN),
    ("v1", "Namespace", "namespaces", CLUSTER, STATUS),
    ("v1", "Node", "nodes", CLUSTER, STATUS),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", NAMESPACED, STATUS),
    ("v1", "Pod", "pods", NAMESPACED, STATUS),
    ("v1", "Secret", "secrets", NAMESPACED, PLAIN),
    ("v1", "Service", "services", NAMESPACED, STATUS),
    ("v1", "ServiceAccount", "serviceaccounts", NAMESPACED, PLAIN),
    ("apps/v1", "DaemonSet", "daemonsets", NAMESPACED, STATUS),
    ("apps/v1", "Deployment", "deployments", NAMESPACED, STATUS),
    ("apps/v1", "ReplicaSet", "replicasets", NAMESPACED, STATUS),
    ("apps/v1", "StatefulSet", "statefulsets", NAMESPACED, STATUS),
    ("batch/v1", "CronJob", "cronjobs", NAMESPACED, STATUS),
    ("batch/v1", "Job", "jobs", NAMESPACED, STATUS),
    ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", NAMESPACED, STATUS),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", NAMESPACED, STATUS),
    ("networking.k8s.io/v1", "Ingress", "ingresses", NAMESPACED, STATUS),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", NAMESPACED, PLAIN),
    (RBAC, "ClusterRole", "clusterroles", CLUSTER, PLAIN),
    (RBAC, "ClusterRoleBinding", "clusterrolebindings", CLUSTER, PLAIN),
    (RBAC, "Role", "roles", NAMESPACED, PLAIN),
    (RBAC, "RoleBinding", "rolebindings", NAMESPACED, PLAIN),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", CLUSTER, STATUS),
    (ADMISSION, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", CLUSTER, STATUS),
    (ADMISSION, "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", CLUSTER, PLAIN),
    (ADMISSION, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", CLUSTER, PLAIN),
    ("coordination.k8s.io/v1", "Lease", "leases", NAMESPACED, PLAIN),
    ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", NAMESPACED, PLAIN),
    ("events.k8s.io/v1", "Event", "events", NAMESPACED, PLAIN),
    ("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", CLUSTER, PLAIN),
    // Answered, never stored.
    ("authentication.k8s.io/v1", "TokenReview", "tokenreviews", CLUSTER, PLAIN),
    ("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", CLUSTER, PLAIN),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", CLUSTER, PLAIN),
];

/// The kinds of Kubernetes itself.
pub(crate) fn built_in() -> Vec<Kind> {
    let kind = |&(api, kind, plural, namespaced, status): &(&str, &str, &str, bool, bool)| {
        let (group, version) = split(api);
        Kind { group, version, kind: kind.into(), plural: plural.into(), namespaced, status }
    };
    BUILT_IN.iter().map(kind).collect()
}

/// The kinds that a custom resource definition adds: one for each version that it serves.
pub(crate) fn defined(definition: &Value) -> Vec<Kind> {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    versions
        .iter()
        .filter(|version| version["served"] == true)
        .map(|version| Kind {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            kind: text(&spec["names"]["kind"]),
            plural: text(&spec["names"]["plural"]),
            namespaced: spec["scope"] == "Namespaced",
            status: version["subresources"]["status"].is_object(),
        })
        .collect()
}

/// The group and the version of an `apiVersion`.
pub(crate) fn split(api_version: &str) -> (String, String) {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    (group.to_owned(), version.to_owned())
}
