//! Kubernetes' own types know all that the manifests say. Apart from the other tests, as the types take their time to compile.

mod strict;

use gadgetry_deploy::{FILES, KINDS, NAMESPACE, Object, Values, overlays};
use k8s_openapi::api::{apps, autoscaling, core, networking, policy, rbac};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource, ResourceScope};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A kind as its type has it.
struct Known {
    api_version: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    check: fn(&Value) -> Vec<String>,
}

trait Scope: ResourceScope {
    const NAMESPACED: bool;
}

impl Scope for NamespaceResourceScope {
    const NAMESPACED: bool = true;
}

impl Scope for ClusterResourceScope {
    const NAMESPACED: bool = false;
}

const fn known<T>() -> Known
where
    T: Resource + Serialize + DeserializeOwned,
    T::Scope: Scope,
{
    Known {
        api_version: T::API_VERSION,
        kind: T::KIND,
        plural: T::URL_PATH_SEGMENT,
        namespaced: T::Scope::NAMESPACED,
        check: strict::unknown::<T>,
    }
}

static KNOWN: [Known; 16] = [
    known::<core::v1::Namespace>(),
    known::<apiextensions::v1::CustomResourceDefinition>(),
    known::<core::v1::ServiceAccount>(),
    known::<rbac::v1::ClusterRole>(),
    known::<rbac::v1::ClusterRoleBinding>(),
    known::<rbac::v1::Role>(),
    known::<rbac::v1::RoleBinding>(),
    known::<core::v1::ConfigMap>(),
    known::<core::v1::Secret>(),
    known::<networking::v1::NetworkPolicy>(),
    known::<policy::v1::PodDisruptionBudget>(),
    known::<core::v1::Service>(),
    known::<apps::v1::DaemonSet>(),
    known::<apps::v1::Deployment>(),
    known::<autoscaling::v2::HorizontalPodAutoscaler>(),
    known::<networking::v1::Ingress>(),
];

/// What in `object` its type does not know.
fn check(object: &Object) -> Vec<String> {
    let known = KNOWN.iter().find(|it| it.api_version == object.api_version() && it.kind == object.kind());
    let known = known.unwrap_or_else(|| panic!("{} is of no kind that is installed", object.id()));
    (known.check)(&object.0)
}

fn rendered(overlay: &str) -> Vec<Object> {
    gadgetry_deploy::rendered(&[overlay.to_owned()], NAMESPACE, &Values::default()).unwrap()
}

#[test]
fn kinds_are_as_the_api_has_them() {
    assert_eq!(KINDS.len(), KNOWN.len());
    for (ours, known) in KINDS.iter().zip(&KNOWN) {
        let resource = &ours.resource;
        assert_eq!(
            (&*resource.api_version, &*resource.kind, &*resource.plural, ours.namespaced),
            (known.api_version, known.kind, known.plural, known.namespaced)
        );
    }
}

#[test]
fn kubernetes_knows_all_they_say() {
    for overlay in overlays() {
        for object in rendered(overlay) {
            assert_eq!(check(&object), Vec::<String>::new(), "{overlay}: {}", object.id());
        }
    }
    // Files by themselves too: what a patch says, a merge might lose.
    for (path, text) in FILES.iter().filter(|(path, _)| !path.ends_with("kustomization.yaml")) {
        let object = Object(serde_saphyr::from_str(text).unwrap());
        assert_eq!(check(&object), Vec::<String>::new(), "{path}");
    }
}

/// What would make such a check worthless: that it passes whatever it is given.
#[test]
fn a_planted_mistake_is_found() {
    let objects = rendered("default");
    let find = |kind: &str| objects.iter().find(|it| it.kind() == kind).unwrap().clone();
    for (kind, pointer, field, value, said) in [
        (
            "DaemonSet",
            "/spec/template/spec",
            "hostPId",
            json!(true),
            "spec.template.spec.hostPId: no such field",
        ),
        (
            "DaemonSet",
            "/spec/template/spec/containers/0/securityContext",
            "readonlyRootFilesystem",
            json!(true),
            "spec.template.spec.containers[0].securityContext.readonlyRootFilesystem: no such field",
        ),
        ("ClusterRole", "/rules/0", "verb", json!(["get"]), "rules[0].verb: no such field"),
        ("NetworkPolicy", "/spec", "policytypes", json!([]), "spec.policytypes: no such field"),
        (
            "CustomResourceDefinition",
            "/spec/versions/0",
            "additionalPrinterColumn",
            json!([]),
            "spec.versions[0].additionalPrinterColumn: no such field",
        ),
    ] {
        let mut object = find(kind);
        object.0.pointer_mut(pointer).unwrap()[field] = value;
        assert_eq!(check(&object), [said]);
    }
}
