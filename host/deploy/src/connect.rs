//! The cluster that flags name.

use std::path::Path;

use gadgetry_cluster::connection::{Connection, ConnectionError, Options, Source};

use crate::api::Cluster;

/// Connects. Without flags, as kubectl does: KUBECONFIG, the file in the home folder, the pod's service account.
pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Cluster, ConnectionError> {
    let options = Options {
        kubeconfig: kubeconfig.map(Path::to_owned),
        context: context.map(str::to_owned),
        ..Options::default()
    };
    let Connection { client, server, source, .. } = Connection::open(&options).await?;
    let name = match source {
        Source::Kubeconfig { context, .. } => context,
        Source::Pod => server,
    };
    Ok(Cluster::new(client, name))
}
