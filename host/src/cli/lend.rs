//! Flags of every command that runs gadgets: what gadgets are lent.

use std::path::PathBuf;

use clap::Args;

/// What gadgets are lent. GADGET is a built-in gadget's name, or the repository of an image, without its tag.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Lend {
    /// Grant a gadget something that its permissions name: GADGET=http:HOST (a host at public addresses),
    /// GADGET=http-private:HOST (a host wherever it is), GADGET=store:BYTES/ENTRIES, GADGET=helper:NAME. HOST is written
    /// api.example, *.api.example:8443, http://api.example or config:NAME. Several are separated by commas.
    #[arg(long, env = "GADGETRY_GRANT", value_name = "GADGET=WHAT", value_delimiter = ',')]
    pub(crate) grant: Vec<String>,
    /// Bind a value to a setting of a gadget: GADGET.NAME=env:VARIABLE, GADGET.NAME=file:PATH, or, if it is no secret,
    /// GADGET.NAME=value:TEXT. Several are separated by commas; a text with a comma goes into the policy file.
    #[arg(long, env = "GADGETRY_BIND", value_name = "GADGET.NAME=SOURCE", value_delimiter = ',')]
    pub(crate) bind: Vec<String>,
    /// Lend a built-in gadget all that it asks for: the hosts that its permissions name (at public addresses), and the
    /// environment variables that are named as its settings. Several are separated by commas.
    #[arg(long, env = "GADGETRY_LEND", value_name = "GADGET", value_delimiter = ',')]
    pub(crate) lend: Vec<String>,
    /// Certificate authorities (PEM) that gadgets' requests trust beside the system's.
    #[arg(long, env = "GADGETRY_HTTP_CA_FILE", value_name = "FILE")]
    pub(crate) http_ca_file: Option<PathBuf>,
    /// Folder in which what gadgets keep outlives this process. Default: it is kept in memory.
    #[arg(long, env = "GADGETRY_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}
