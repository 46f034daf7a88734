//! Flags of `gadgetry mcp`: those of ig-mcp-server, by the same names, each also as an environment variable.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::agents::Agents;
use super::deploy::Lifecycle;
use super::lend::Lend;
use super::trust::Trust;

/// Serve gadgets as MCP tools.
#[derive(Debug, Args)]
pub(crate) struct Mcp {
    /// Gadgets to offer: built-in names, names under the default prefix, or references with a registry, separated
    /// by commas. Default: all built-in gadgets.
    #[arg(long, env = "GADGETRY_GADGET_IMAGES", value_name = "IMAGES", value_delimiter = ',')]
    pub(crate) gadget_images: Vec<String>,
    /// Whether each gadget is a tool, or a few tools find and run them.
    #[arg(long, env = "GADGETRY_TOOL_MODE", value_enum, default_value_t = ToolMode::Full)]
    pub(crate) tool_mode: ToolMode,
    /// File that names more gadgets to offer, one a line; it is read again whenever it changes. On SIGHUP it is read
    /// and every tag is resolved again.
    #[arg(long, env = "GADGETRY_GADGET_IMAGES_FILE", value_name = "FILE")]
    pub(crate) gadget_images_file: Option<PathBuf>,
    /// How often tags are resolved again in their registries: `10m`. Default: only on SIGHUP.
    #[arg(long, env = "GADGETRY_REFRESH", value_name = "INTERVAL", value_parser = interval)]
    pub(crate) refresh: Option<Duration>,
    /// Offer only tools that change nothing.
    #[arg(long, env = "GADGETRY_READ_ONLY")]
    pub(crate) read_only: bool,
    /// Offer only these tools, separated by commas. Default: all that the gadgets have.
    #[arg(long, env = "GADGETRY_TOOLS", value_name = "TOOLS", value_delimiter = ',')]
    pub(crate) tools: Vec<String>,
    /// Do not offer these tools, separated by commas.
    #[arg(long, env = "GADGETRY_DISABLE_TOOLS", value_name = "TOOLS", value_delimiter = ',')]
    pub(crate) disable_tools: Vec<String>,
    /// Gadget to put before the others: it looks at their definitions, arguments and answers for instructions to the
    /// model and for secrets. The built-in one is ai_security.
    #[arg(long, env = "GADGETRY_GUARD", value_name = "IMAGE")]
    pub(crate) guard: Option<String>,
    /// What becomes of what the guard finds in answers. Arguments are refused unless it is only marked.
    #[arg(long, env = "GADGETRY_GUARD_ACTION", value_enum, default_value_t = GuardAction::Mark)]
    pub(crate) guard_action: GuardAction,
    /// Kinds of findings that count, by the guard's own names, separated by commas.
    #[arg(
        long,
        env = "GADGETRY_GUARD_CATEGORIES",
        value_name = "KINDS",
        value_delimiter = ',',
        default_value = "injection,secrets"
    )]
    pub(crate) guard_categories: Vec<String>,
    /// Text in an answer, in KiB; rows beyond it are read with a cursor.
    #[arg(long, env = "GADGETRY_RESULT_BUDGET", value_name = "KIB", default_value_t = 32,
          value_parser = clap::value_parser!(u32).range(2..=1024))]
    pub(crate) result_budget: u32,
    /// How long a background run may last, and how long rows are kept for whoever asks for them later.
    #[arg(long, env = "GADGETRY_RUN_TTL", value_name = "TIME", default_value = "1h", value_parser = interval)]
    pub(crate) run_ttl: Duration,
    /// Background runs that one caller may have going on at once.
    #[arg(long, env = "GADGETRY_RUNS_PER_CALLER", value_name = "COUNT", default_value_t = 8)]
    pub(crate) runs_per_caller: usize,
    /// Background runs that all callers together may have going on at once.
    #[arg(long, env = "GADGETRY_MAX_RUNS", value_name = "COUNT", default_value_t = 32)]
    pub(crate) max_runs: usize,
    /// Memory for the rows of all runs, in MiB; beyond it the oldest are dropped and counted. One run gets an eighth.
    #[arg(long, env = "GADGETRY_RUN_MEMORY", value_name = "MIB", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) run_memory: u32,
    /// How clients connect.
    #[arg(long, env = "GADGETRY_TRANSPORT", value_enum, default_value_t = Transport::Stdio)]
    pub(crate) transport: Transport,
    /// Address to listen on, for streamable-http.
    #[arg(long, env = "GADGETRY_TRANSPORT_HOST", default_value = "localhost", value_name = "HOST")]
    pub(crate) transport_host: String,
    /// Port to listen on, for streamable-http; 0 takes a free one.
    #[arg(long, env = "GADGETRY_TRANSPORT_PORT", default_value_t = 8080, value_name = "PORT")]
    pub(crate) transport_port: u16,
    /// Host names by which clients may call, beside the loopback ones. May be given again.
    #[arg(long, env = "GADGETRY_ALLOWED_HOSTS", value_name = "HOST", value_delimiter = ',')]
    pub(crate) allowed_hosts: Vec<String>,
    /// Web origins that may call: `https://app.example:443`. May be given again.
    #[arg(long, env = "GADGETRY_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub(crate) allowed_origins: Vec<String>,
    /// File that holds the bearer token clients must send; required as soon as the address is not a loopback one.
    /// The token itself may stand in GADGETRY_TOKEN instead.
    #[arg(long, env = "GADGETRY_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Certificate to serve HTTPS with, PEM, with the chain behind it; read again when it changes. Needs --tls-key-file.
    #[arg(long, env = "GADGETRY_TLS_CERT_FILE", value_name = "FILE", requires = "tls_key_file")]
    pub(crate) tls_cert_file: Option<PathBuf>,
    /// Private key of that certificate, PEM.
    #[arg(long, env = "GADGETRY_TLS_KEY_FILE", value_name = "FILE", requires = "tls_cert_file")]
    pub(crate) tls_key_file: Option<PathBuf>,
    /// Keep no sessions, for clients of the session era too: behind a load balancer any replica may then answer any
    /// request. Such clients are not told of changed lists.
    #[arg(long, env = "GADGETRY_STATELESS")]
    pub(crate) stateless: bool,
    /// Where gadgets run.
    #[arg(long, env = "GADGETRY_ENVIRONMENT", value_enum, default_value_t = Environment::Linux)]
    pub(crate) environment: Environment,
    /// Namespace that gadgetry is installed in, for --environment=kubernetes. Default: gadgetry.
    #[arg(short = 'n', long, env = "GADGETRY_NAMESPACE", value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Address at which a server in a cluster takes calls of other servers: `0.0.0.0:7443`.
    #[arg(long, env = "GADGETRY_CONTROL_LISTEN", value_name = "ADDRESS")]
    pub(crate) control_listen: Option<String>,
    /// Port of the loopback at which a server in a cluster takes calls, without further proof, of those who may forward a
    /// port of its pod. Default: 7444 in a pod; elsewhere none, as all users of a machine reach its loopback.
    #[arg(long, env = "GADGETRY_CONTROL_FORWARDED_PORT", value_name = "PORT")]
    pub(crate) control_forwarded_port: Option<u16>,
    /// Take tokens of the cluster's users and service accounts, made for the audience `gadgetry`. What they may see is what
    /// they may `run` of `gadgets.gadgetry.dev`, in all namespaces or in those that a call names.
    #[arg(long, env = "GADGETRY_KUBERNETES_AUTH")]
    pub(crate) kubernetes_auth: bool,
    /// Authorization server to name to clients that look for one; its tokens must be such as the cluster knows. Needs
    /// --oauth-resource and --kubernetes-auth.
    #[arg(long, env = "GADGETRY_OAUTH_ISSUER", value_name = "URL", requires_all = ["oauth_resource", "kubernetes_auth"])]
    pub(crate) oauth_issuer: Option<String>,
    /// Address by which clients know this server: `https://gadgetry.example/mcp`.
    #[arg(long, env = "GADGETRY_OAUTH_RESOURCE", value_name = "URL", requires = "oauth_issuer")]
    pub(crate) oauth_resource: Option<String>,
    /// Print the tools that would be offered, a line each, and exit.
    #[arg(long)]
    pub(crate) list_tools: bool,
    /// Print what a client's configuration needs to start this server with these flags, and exit.
    #[arg(long)]
    pub(crate) mcp_config: bool,
    /// Installing into a cluster.
    #[command(flatten)]
    pub(crate) lifecycle: Lifecycle,
    /// Nodes to run gadgets on.
    #[command(flatten)]
    pub(crate) agents: Agents,
    /// Where images are kept, and whom to trust.
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// What gadgets are lent.
    #[command(flatten)]
    pub(crate) lend: Lend,
    /// Print the version and exit.
    #[arg(long)]
    pub(crate) version: bool,
}

/// How clients connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// Standard input and output of this process.
    Stdio,
    /// HTTP, at `/mcp`.
    StreamableHttp,
}

/// What becomes of what a guard finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GuardAction {
    /// Told beside the rows, which stay as they are.
    Mark,
    /// Replaced by as many X.
    Mask,
    /// Rows with a finding are withheld, and counted.
    Block,
}

/// How gadgets are shown to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ToolMode {
    /// Each gadget is a tool.
    Full,
    /// search_gadgets, describe_gadget and run_gadget stand for all of them: fewer definitions for a model to read.
    Compact,
}

/// Where gadgets run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Environment {
    /// This machine, or the nodes of --agent.
    Linux,
    /// All nodes of a cluster: in a pod by their agents, elsewhere through the server in the cluster.
    Kubernetes,
}

/// A length of time, not so short that registries would be asked all the time, or runs end before they are read.
fn interval(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_secs(1);
    let interval =
        humantime::parse_duration(text).map_err(|error| format!("{error}: write it as `10m` or `1h`"))?;
    if interval < SHORTEST {
        return Err("the shortest interval is 1s".to_owned());
    }
    Ok(interval)
}
