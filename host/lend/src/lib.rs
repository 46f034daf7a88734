//! What the host lends to gadgets that import it: requests over HTTP, settings and secrets, a store.
//!
//! Two parties decide: the gadget's permissions say what it asks for, and the operator's grants what it gets. Both were
//! compared when the gadget was registered; here each single use is held against them again, because what is asked for
//! is known only then. One [`Lender`] serves the process; a [`Loan`] is one gadget's, and knows nothing of another's:
//! connections, rates, values and secrets are apart.

mod http;
mod pause;
mod settings;
mod store;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use gadget_registry::descriptor::{Permissions, StorePermission};
use gadget_registry::policy::Grants;
use gadgetry_guest::Lent;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

pub use self::settings::{Settings, SettingsError};

/// How the lender is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Certificate authorities beside the system's, PEM.
    pub authorities: Vec<u8>,
    /// Folder in which stores outlive the process; without, they are in memory.
    pub state: Option<PathBuf>,
    /// Names that have these addresses, whatever DNS says.
    pub names: HashMap<String, Vec<IpAddr>>,
}

/// Why the lender can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum LendError {
    /// The file of authorities is of no use.
    #[error("the certificate authorities can't be read: {0}; expected certificates in PEM")]
    Authorities(String),
    /// The folder for state can't be used.
    #[error("the store in {path}: {reason}", path = path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
}

/// Lends to all gadgets of this process.
pub struct Lender {
    shared: Arc<http::Shared>,
    shelves: store::Shelves,
}

/// On what terms one gadget is lent what it asks for.
pub struct Terms {
    /// Whose it is: a built-in gadget's name, or a repository. Gadgets of one name from two repositories share nothing.
    pub owner: String,
    /// What the gadget says it uses.
    pub permissions: Permissions,
    /// What the operator grants it.
    pub grants: Grants,
    /// What is bound to its settings.
    pub settings: Settings,
}

/// What one gadget is lent, run after run.
pub struct Loan {
    gate: Arc<http::Gate>,
    settings: Arc<Settings>,
    shelf: store::Shelf,
}

impl Lender {
    /// Sets up what gadgets share: threads, certificate authorities, the file of stores.
    ///
    /// # Errors
    /// When the authorities can't be read, or the store can't be opened.
    pub fn new(options: Options) -> Result<Self, LendError> {
        let Options { authorities, state, names } = options;
        let authorities = http::authorities(&authorities)?;
        let shelves = store::Shelves::open(state)?;
        let shared = http::Shared { runtime: Threads::default(), authorities, names: Arc::new(names) };
        Ok(Self { shared: Arc::new(shared), shelves })
    }

    /// Lends on these terms. What the gadget of this owner kept before is there again.
    pub fn loan(&self, terms: Terms) -> Loan {
        let Terms { owner, permissions, grants, settings } = terms;
        let quota = permissions.store.unwrap_or(StorePermission::FREE);
        let settings = Arc::new(settings);
        let gate = http::Gate::new(self.shared.clone(), owner.clone(), permissions, grants, settings.clone());
        Loan { gate: Arc::new(gate), settings, shelf: self.shelves.shelf(&owner, quota) }
    }
}

impl Loan {
    /// For one run, which `stop` cancels.
    pub fn lend(&self, stop: CancellationToken) -> Lent {
        Lent {
            http: Some(Box::new(http::Asking { gate: self.gate.clone(), stop: stop.clone() })),
            config: Some(Box::new(settings::Bound(self.settings.clone()))),
            store: Some(Box::new(self.shelf.clone())),
            pause: Some(Box::new(pause::Pauses(stop))),
        }
    }

    /// The secrets that the gadget can read, and must not tell.
    pub fn secrets(&self) -> impl Iterator<Item = String> + '_ {
        self.settings.secrets().map(str::to_owned)
    }
}

/// The threads on which connections live; none until the first request.
#[derive(Default)]
pub(crate) struct Threads(OnceLock<Result<Runtime, String>>);

impl Threads {
    pub(crate) fn get(&self) -> Result<&Runtime, &str> {
        let start = || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(1).max_blocking_threads(8).thread_name("lend").enable_all();
            builder.build().map_err(|error| error.to_string())
        };
        self.0.get_or_init(start).as_ref().map_err(String::as_str)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Not waited for: it may be dropped where waiting is not allowed, and nothing of it is worth waiting for.
        if let Some(Ok(runtime)) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
