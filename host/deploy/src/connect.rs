//! A client of the cluster that flags name: kubeconfig and context, or the pod's own service account. The one place of this
//! crate that makes one.

use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::api::Cluster;

/// No cluster to talk to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A kubeconfig that was named.
    #[error("cannot read the kubeconfig {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: kube::config::KubeconfigError,
    },
    /// A context, or what it names.
    #[error("the kubeconfig has no usable context{}: {source}", context.as_deref().map(|it| format!(" `{it}`")).unwrap_or_default())]
    Context {
        /// Which, if one was named.
        context: Option<String>,
        /// What is wrong.
        source: kube::config::KubeconfigError,
    },
    /// Neither a kubeconfig nor a pod.
    #[error("no cluster is configured ({0}): name a kubeconfig with --kubeconfig or KUBECONFIG")]
    None(kube::config::InferConfigError),
    /// A client could not be made.
    #[error("cannot make a client for the cluster: {0}")]
    Client(#[from] kube::Error),
}

/// Connects. Without flags, as kubectl does: KUBECONFIG, the file in the home folder, the pod's service account.
pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Cluster, ConnectError> {
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let named = |source| ConnectError::Context { context: context.map(str::to_owned), source };
    let (config, name) = match kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path)
                .map_err(|source| ConnectError::File { path: path.to_owned(), source })?;
            let name = context.map(str::to_owned).or_else(|| file.current_context.clone());
            (Config::from_custom_kubeconfig(file, &options).await.map_err(named)?, name)
        }
        None if context.is_some() => {
            (Config::from_kubeconfig(&options).await.map_err(named)?, context.map(str::to_owned))
        }
        None => {
            let name = Kubeconfig::read().ok().and_then(|it| it.current_context);
            (Config::infer().await.map_err(ConnectError::None)?, name)
        }
    };
    let name = name.unwrap_or_else(|| config.cluster_url.to_string());
    Ok(Cluster::new(Client::try_from(config)?, name))
}
