//! How the cluster is reached: by a kubeconfig, or from within a pod by the pod's own service account. Nothing is sent
//! yet; [`Connection::reach`] asks whether anybody is there.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tokio::time::timeout;

use crate::names::{FIELD_MANAGER, NAMESPACE};
use crate::reason::{chain, reason};

/// How long the API server may take to say which version it is.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);

/// What flags say of the cluster; nothing is needed.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A kubeconfig in place of `KUBECONFIG` and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The context, in place of the current one.
    pub context: Option<String>,
    /// The user, in place of the context's.
    pub user: Option<String>,
    /// A bearer token, in place of the user's credentials.
    pub token: Option<String>,
    /// Where gadgetry is installed, if not in `gadgetry`.
    pub namespace: Option<String>,
}

/// A way to the cluster.
#[derive(Clone)]
pub struct Connection {
    /// The client. It sends requests again that the server was too busy for.
    pub client: Client,
    /// The same, but a request is sent once: for watches, which have their own way to come again.
    pub once: Client,
    /// Where gadgetry is installed.
    pub namespace: String,
    /// Where the API server is.
    pub server: String,
    /// Where all this is from.
    pub source: Source,
}

/// Where the way to the cluster is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In files, the first of which counts where they differ.
    Kubeconfig {
        /// The files.
        paths: Vec<PathBuf>,
        /// The context that is used.
        context: String,
    },
    /// In the pod that this process runs in.
    Pod,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kubeconfig { paths, context } => write!(f, "context {context:?} of {}", listed(paths)),
            Self::Pod => f.write_str("the service account of this pod"),
        }
    }
}

/// Why there is no way to the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Nothing says where a cluster is.
    #[error(
        "no cluster is known: KUBECONFIG is not set, {} is not there, and this is no pod. Name a kubeconfig by \
         --kubeconfig or KUBECONFIG",
        .default.as_deref().map_or("~/.kube/config".to_owned(), |path| path.display().to_string())
    )]
    Unknown {
        /// The file that was looked for.
        default: Option<PathBuf>,
    },
    /// A file that was named is not there or can't be read.
    #[error("the kubeconfig {}: {problem}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// None of the files that are named is there.
    #[error("none of the kubeconfigs in KUBECONFIG is there: {}", listed(.paths))]
    Missing {
        /// The files.
        paths: Vec<PathBuf>,
    },
    /// The context that is asked for is not there.
    #[error("{} has no context {context:?}; it has {}", listed(.paths), some(.known))]
    Context {
        /// The files.
        paths: Vec<PathBuf>,
        /// What was asked for.
        context: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// No context is asked for and none is the current one.
    #[error("{} has no current context; name one by --context: it has {}", listed(.paths), some(.known))]
    NoContext {
        /// The files.
        paths: Vec<PathBuf>,
        /// Those there are.
        known: Vec<String>,
    },
    /// The user that is asked for is not there.
    #[error("{} has no user {user:?}; it has {}", listed(.paths), some(.known))]
    User {
        /// The files.
        paths: Vec<PathBuf>,
        /// What was asked for.
        user: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The files or the pod do not say all that is needed, or say it wrong.
    #[error("{of}: {problem}")]
    Unusable {
        /// Where it is from.
        of: Source,
        /// What is wrong.
        problem: String,
    },
    /// The API server is not there.
    #[error("the API server {server} ({of}): {problem}")]
    Unreachable {
        /// Where it should be.
        server: String,
        /// Where that is from.
        of: Source,
        /// What happened.
        problem: String,
    },
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn some(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What the process was given besides flags.
struct Surroundings {
    kubeconfig: Option<OsString>,
    default: Option<PathBuf>,
    pod: bool,
}

impl Connection {
    /// Reads where the cluster is: flags, then `KUBECONFIG`, then `~/.kube/config`, then the pod this runs in.
    pub async fn open(options: &Options) -> Result<Self, ConnectionError> {
        let home = env::var_os("HOME").filter(|home| !home.is_empty());
        let surroundings = Surroundings {
            kubeconfig: env::var_os("KUBECONFIG").filter(|value| !value.is_empty()),
            default: home.map(|home| Path::new(&home).join(".kube/config")),
            pod: env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
        };
        Self::from(options, &surroundings).await
    }

    async fn from(options: &Options, surroundings: &Surroundings) -> Result<Self, ConnectionError> {
        let (mut config, source) = match files(options, surroundings)? {
            Some((kubeconfig, paths)) => from_files(options, kubeconfig, paths).await?,
            None => {
                let unusable = |error| ConnectionError::Unusable { of: Source::Pod, problem: chain(&error) };
                (Config::incluster().map_err(unusable)?, Source::Pod)
            }
        };
        if let Some(token) = &options.token {
            config.auth_info =
                kube::config::AuthInfo { token: Some(token.clone().into()), ..Default::default() };
        }
        config.connect_timeout = Some(CONNECT);
        let unusable = |problem| ConnectionError::Unusable { of: source.clone(), problem };
        let name = "user-agent".parse().map_err(|error| unusable(format!("{error}")))?;
        let agent = format!("{FIELD_MANAGER}/{}", env!("CARGO_PKG_VERSION"));
        config.headers.push((name, agent.parse().map_err(|error| unusable(format!("{error}")))?));
        let server = config.cluster_url.to_string();
        let client = |retry| {
            let mut config = config.clone();
            config.default_retry = retry;
            Client::try_from(config).map_err(|error| unusable(reason(&error)))
        };
        let (client, once) = (client(true)?, client(false)?);
        let namespace = options.namespace.clone().unwrap_or_else(|| NAMESPACE.to_owned());
        Ok(Self { client, once, namespace, server, source })
    }

    /// Asks the API server for its version.
    pub async fn reach(&self) -> Result<String, ConnectionError> {
        let problem = match timeout(ANSWER, self.once.apiserver_version()).await {
            Ok(Ok(version)) => return Ok(version.git_version),
            Ok(Err(error)) => reason(&error),
            Err(_) => format!("no answer within {} s", ANSWER.as_secs()),
        };
        Err(ConnectionError::Unreachable { server: self.server.clone(), of: self.source.clone(), problem })
    }
}

/// The kubeconfig and the files it is of; `None` if this is a pod and nobody names one.
fn files(
    options: &Options,
    surroundings: &Surroundings,
) -> Result<Option<(Kubeconfig, Vec<PathBuf>)>, ConnectionError> {
    if let Some(path) = &options.kubeconfig {
        return Ok(Some((read(path)?, vec![path.clone()])));
    }
    if let Some(paths) = &surroundings.kubeconfig {
        let paths: Vec<PathBuf> =
            env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect();
        // As kubectl does: of several, those that are not there are passed over.
        let there: Vec<PathBuf> = paths.iter().filter(|path| path.exists()).cloned().collect();
        let mut all = Kubeconfig::default();
        for path in &there {
            let wrong = |error| ConnectionError::Unreadable { path: path.clone(), problem: chain(&error) };
            all = all.merge(read(path)?).map_err(wrong)?;
        }
        return if there.is_empty() {
            Err(ConnectionError::Missing { paths })
        } else {
            Ok(Some((all, there)))
        };
    }
    match &surroundings.default {
        Some(path) if path.exists() => Ok(Some((read(path)?, vec![path.clone()]))),
        _ if surroundings.pod => Ok(None),
        default => Err(ConnectionError::Unknown { default: default.clone() }),
    }
}

fn read(path: &Path) -> Result<Kubeconfig, ConnectionError> {
    Kubeconfig::read_from(path).map_err(|error| ConnectionError::Unreadable {
        path: path.to_owned(),
        problem: match &error {
            KubeconfigError::ReadConfig(error, _) => error.to_string(),
            error => chain(error),
        },
    })
}

async fn from_files(
    options: &Options,
    kubeconfig: Kubeconfig,
    paths: Vec<PathBuf>,
) -> Result<(Config, Source), ConnectionError> {
    let contexts: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let users: Vec<String> = kubeconfig.auth_infos.iter().map(|user| user.name.clone()).collect();
    let current = kubeconfig.current_context.clone().filter(|name| !name.is_empty());
    let Some(context) = options.context.clone().or(current) else {
        return Err(ConnectionError::NoContext { paths, known: contexts });
    };
    if !contexts.contains(&context) {
        return Err(ConnectionError::Context { paths, context, known: contexts });
    }
    if let Some(user) = options.user.as_ref().filter(|user| !users.contains(user)) {
        return Err(ConnectionError::User { paths, user: user.clone(), known: users });
    }
    let source = Source::Kubeconfig { paths, context: context.clone() };
    let chosen = KubeConfigOptions { context: Some(context), cluster: None, user: options.user.clone() };
    match Config::from_custom_kubeconfig(kubeconfig, &chosen).await {
        Ok(config) => Ok((config, source)),
        Err(error) => Err(ConnectionError::Unusable { of: source, problem: chain(&error) }),
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
