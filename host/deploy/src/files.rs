//! The folder `deploy/`, carried in the binary: what is installed has one source, whether `gadgetry deploy` or
//! `kubectl apply -k` installs it.

macro_rules! files {
    ($($path:literal),* $(,)?) => { &[$(($path, include_str!(concat!("../../../deploy/", $path)))),*] };
}

/// The files by their paths below `deploy/`. A test holds the list to the folder.
pub static FILES: &[(&str, &str)] = files![
    "base/clusterrole-agent.yaml",
    "base/clusterrole-run.yaml",
    "base/clusterrole-server.yaml",
    "base/clusterrolebinding-agent.yaml",
    "base/clusterrolebinding-server.yaml",
    "base/configmap-install.yaml",
    "base/configmap-policy.yaml",
    "base/configmap-settings.yaml",
    "base/customresourcedefinition-gadgets.yaml",
    "base/daemonset-agent.yaml",
    "base/deployment-server.yaml",
    "base/horizontalpodautoscaler-server.yaml",
    "base/kustomization.yaml",
    "base/namespace.yaml",
    "base/networkpolicy-agent.yaml",
    "base/networkpolicy-server.yaml",
    "base/poddisruptionbudget-server.yaml",
    "base/role-server.yaml",
    "base/rolebinding-server.yaml",
    "base/secret-agent-tls.yaml",
    "base/secret-ca.yaml",
    "base/secret-server-tls.yaml",
    "base/secret-token.yaml",
    "base/service-agent.yaml",
    "base/service-server.yaml",
    "base/serviceaccount-agent.yaml",
    "base/serviceaccount-server.yaml",
    "overlays/default/kustomization.yaml",
    "overlays/ingress/deployment-server.yaml",
    "overlays/ingress/ingress-server.yaml",
    "overlays/ingress/kustomization.yaml",
    "overlays/old-kernel/daemonset-agent.yaml",
    "overlays/old-kernel/kustomization.yaml",
    "overlays/scan-only/configmap-install.yaml",
    "overlays/scan-only/deployment-scan.yaml",
    "overlays/scan-only/horizontalpodautoscaler-scan.yaml",
    "overlays/scan-only/ingress-scan.yaml",
    "overlays/scan-only/kustomization.yaml",
    "overlays/scan-only/namespace.yaml",
    "overlays/scan-only/networkpolicy-scan.yaml",
    "overlays/scan-only/poddisruptionbudget-scan.yaml",
    "overlays/scan-only/secret-scan.yaml",
    "overlays/scan-only/secret-token.yaml",
    "overlays/scan-only/service-scan.yaml",
    "overlays/scan-only/serviceaccount-scan.yaml",
];

/// The text of the file at `path`.
pub(crate) fn read(path: &str) -> Option<&'static str> {
    FILES.iter().find(|(it, _)| *it == path).map(|(_, text)| *text)
}

/// The names of the overlays.
pub fn overlays() -> Vec<&'static str> {
    let file = |path: &'static str| path.strip_prefix("overlays/")?.strip_suffix("/kustomization.yaml");
    FILES.iter().filter_map(|(path, _)| file(path)).collect()
}
