//! Flags of `gadgetry agent`, each also as an environment variable.

use std::path::PathBuf;

use clap::Args;

use super::agents::Certificates;
use super::deploy::Cluster;
use super::lend::Lend;
use super::trust::Trust;

/// Run gadgets on this node for a server elsewhere.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --listen the agent is reached by its socket alone. An agent verifies every image itself, by its own policy."
)]
pub(crate) struct Agent {
    /// The node's name. Default: the host's.
    #[arg(long, env = "GADGETRY_NODE_NAME", value_name = "NAME")]
    pub(crate) node_name: Option<String>,
    /// Address to listen on for servers: `0.0.0.0:7443`. Needs the three files of certificates.
    #[arg(long, env = "GADGETRY_LISTEN", value_name = "ADDRESS", requires_all = ["agent_tls_cert_file"])]
    pub(crate) listen: Option<String>,
    /// Socket for callers on this node, which its owner alone may open.
    #[arg(long, env = "GADGETRY_SOCKET", value_name = "PATH", default_value = "/run/gadgetry/agent.sock")]
    pub(crate) socket: PathBuf,
    /// Address of /healthz, /readyz and /metrics: `0.0.0.0:7450`. Default: not served.
    #[arg(long, env = "GADGETRY_HEALTH_LISTEN", value_name = "ADDRESS")]
    pub(crate) health_listen: Option<String>,
    /// How this end proves that it is an agent.
    #[command(flatten)]
    pub(crate) certificates: Certificates,
    /// Gadgets to have ready before they are asked for, separated by commas. Default: all built-in ones.
    #[arg(long, env = "GADGETRY_GADGET_IMAGES", value_name = "IMAGES", value_delimiter = ',')]
    pub(crate) gadget_images: Vec<String>,
    /// Ask the cluster for the labels and owners of this node's pods: rows then name a pod's owner, and calls may select
    /// pods by labels.
    #[arg(long, env = "GADGETRY_PODS")]
    pub(crate) pods: bool,
    /// Labels of pods that rows show, separated by commas.
    #[arg(long, env = "GADGETRY_POD_LABELS", value_name = "LABELS", value_delimiter = ',')]
    pub(crate) pod_labels: Vec<String>,
    /// The cluster of --pods.
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    /// Runs that may go on at once.
    #[arg(long, env = "GADGETRY_MAX_RUNS", value_name = "COUNT", default_value_t = 64)]
    pub(crate) max_runs: usize,
    /// Memory for the kernel rings of all runs, in MiB.
    #[arg(long, env = "GADGETRY_RING_MEMORY", value_name = "MIB", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(4..=65_536))]
    pub(crate) ring_memory: u32,
    /// Processor time for the post-processing of all runs together, in cores: `0.5`. A run that finds none left waits, and what
    /// finds no room in its ring meanwhile is counted as lost. Default: no limit.
    #[arg(long, env = "GADGETRY_CPU_LIMIT", value_name = "CORES", value_parser = cores)]
    pub(crate) cpu_limit: Option<f64>,
    /// Where images are kept, and whom to trust.
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// What gadgets are lent.
    #[command(flatten)]
    pub(crate) lend: Lend,
}

/// A number of cores: a hundredth of one is about what a quiet run needs.
fn cores(text: &str) -> Result<f64, String> {
    let cores = text.parse().ok().filter(|it| (0.01..=1024.0).contains(it));
    cores.ok_or_else(|| "a number of cores from 0.01 to 1024 is wanted".to_owned())
}
