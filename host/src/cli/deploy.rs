//! Flags of `gadgetry deploy`, `upgrade`, `undeploy` and `status`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Which cluster, and where in it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Cluster {
    /// Kubeconfig file. Default: KUBECONFIG, then the one in the home folder, then the pod's own service account.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context in the kubeconfig.
    #[arg(long, env = "GADGETRY_CONTEXT", value_name = "NAME")]
    pub(crate) context: Option<String>,
}

/// What `gadgetry mcp` offers of this as tools.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Lifecycle {
    /// Offer the tools that install, upgrade and remove gadgetry in a cluster. The user is asked before anything changes.
    #[arg(long, env = "GADGETRY_ALLOW_DESTRUCTIVE")]
    pub(crate) allow_destructive: bool,
    /// YAML file of values for those tools, as of `gadgetry deploy --values`: which image is installed, and under which policy,
    /// is said here and not by a model. May be given again; later ones win.
    #[arg(long, env = "GADGETRY_DEPLOY_VALUES", value_name = "FILE", value_delimiter = ',')]
    pub(crate) deploy_values: Vec<PathBuf>,
    /// Which cluster.
    #[command(flatten)]
    pub(crate) cluster: Cluster,
}

/// What is installed.
#[derive(Clone, Debug, Args)]
pub(crate) struct What {
    /// Overlays of deploy/ to install: default, ingress, old-kernel, scan-only. May be given again.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) overlay: Vec<String>,
    /// The image of agents and server; as --set image=IMAGE.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// YAML file of values. May be given again; later ones win.
    #[arg(long, value_name = "FILE")]
    pub(crate) values: Vec<PathBuf>,
    /// One value; wins over files: `--set server.replicas=3`. docs/deploy.md has all of them. May be given again.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Policy file for all nodes: which images may run.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// File that holds the token MCP clients must send. Default: a random one, made once.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Change nothing: say what would become of each object, or with -o yaml print the objects, for which no cluster is asked.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not wait until all is ready.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// How long to wait until all is ready.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// How the result is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Columns)]
    pub(crate) output: Output,
}

/// Install gadgetry into a cluster, or make what is installed as the flags say.
#[derive(Clone, Debug, Args)]
pub(crate) struct Deploy {
    /// Which cluster.
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    /// Namespace. Default: gadgetry.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// What is installed.
    #[command(flatten)]
    pub(crate) what: What,
}

/// Bring what is installed to this version. Values given before hold unless they are given anew; certificates with less than
/// a third of their time left are renewed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Upgrade {
    /// Which cluster.
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    /// What is installed.
    #[command(flatten)]
    pub(crate) what: What,
    /// Make a new authority and new certificates, whatever time the old ones have left.
    #[arg(long)]
    pub(crate) rotate_certificates: bool,
}

/// Remove gadgetry from a cluster: what carries its labels, and nothing else.
#[derive(Clone, Debug, Args)]
pub(crate) struct Undeploy {
    /// Which cluster.
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Change nothing: say what would be removed.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not wait until all is gone.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// How long to wait until all is gone.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// How the result is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Columns)]
    pub(crate) output: Output,
}

/// Say what is installed in a cluster, and how it is. Exits with 1 if nothing is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Status {
    /// Which cluster.
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    /// How the result is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Columns)]
    pub(crate) output: Output,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Columns,
    /// One JSON document.
    Json,
    /// YAML; of a dry run the objects themselves.
    Yaml,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{CommandFactory, Parser};
    use gadgetry_deploy::{NAMESPACE, Values, rendered};
    use serde_json::Value;

    use crate::cli::Cli;

    /// Workloads whose flags are those of this program.
    const WORKLOADS: [(&str, &str); 3] =
        [("default", "DaemonSet"), ("default", "Deployment"), ("scan-only", "Deployment")];

    fn container((overlay, kind): (&str, &str)) -> Value {
        let objects = rendered(&[overlay.to_owned()], NAMESPACE, &Values::default()).unwrap();
        let workload = objects.into_iter().find(|it| it.kind() == kind).unwrap();
        workload.0["spec"]["template"]["spec"]["containers"][0].clone()
    }

    #[test]
    fn manifests_have_flags_that_there_are() {
        for workload in WORKLOADS {
            let arguments = container(workload)["args"].as_array().cloned().unwrap();
            let arguments = arguments.iter().map(|it| it.as_str().unwrap());
            let parsed = Cli::try_parse_from(std::iter::once("gadgetry").chain(arguments));
            assert!(parsed.is_ok(), "{workload:?}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn manifests_have_variables_that_there_are() {
        for workload in WORKLOADS {
            let container = container(workload);
            let command = Cli::command();
            let command = command.find_subcommand(container["args"][0].as_str().unwrap()).unwrap();
            let known = command.get_arguments().filter_map(|it| it.get_env()?.to_str());
            let known: BTreeSet<&str> = known.chain(["GADGETRY_CACHE", "GADGETRY_LOG_LEVEL"]).collect();
            for variable in container["env"].as_array().unwrap() {
                let name = variable["name"].as_str().unwrap();
                let ours = name.starts_with("GADGETRY_");
                assert!(!ours || known.contains(name), "{workload:?}: {name} is of no flag");
            }
        }
    }
}
