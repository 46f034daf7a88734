//! Flags of every command that may run gadgets on other nodes: where their agents are, and how each end proves who it is.

use std::path::PathBuf;

use clap::Args;

/// Nodes to run gadgets on, instead of this machine.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Agents {
    /// Run gadgets on this node, by its agent: NAME=HOST:PORT, or NAME=unix:PATH. Several are separated by commas.
    #[arg(long = "agent", env = "GADGETRY_AGENTS", value_name = "NAME=ADDRESS", value_delimiter = ',')]
    pub(crate) agents: Vec<String>,
    /// How this end proves that it is a server.
    #[command(flatten)]
    pub(crate) certificates: Certificates,
}

/// A certificate, its key, and the authorities of the other end's. Read again when they change.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Certificates {
    /// Certificate for connections between agents and servers, PEM.
    #[arg(long, env = "GADGETRY_AGENT_TLS_CERT_FILE", value_name = "FILE",
          requires_all = ["agent_tls_key_file", "agent_tls_ca_file"])]
    pub(crate) agent_tls_cert_file: Option<PathBuf>,
    /// Private key of that certificate, PEM.
    #[arg(long, env = "GADGETRY_AGENT_TLS_KEY_FILE", value_name = "FILE", requires = "agent_tls_cert_file")]
    pub(crate) agent_tls_key_file: Option<PathBuf>,
    /// Authorities that the other end's certificate must be of, PEM.
    #[arg(long, env = "GADGETRY_AGENT_TLS_CA_FILE", value_name = "FILE", requires = "agent_tls_cert_file")]
    pub(crate) agent_tls_ca_file: Option<PathBuf>,
}
