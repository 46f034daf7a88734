//! The server: the catalogue, who calls its gadgets, and what is offered beside them; the calls that run, and their
//! end. What it answers to a client's requests is in [`crate::handler`].
//!
//! A clone is a handle to the same server: the HTTP transport makes one for each request.

use std::sync::Arc;
use std::time::Duration;

use gadgetry_run::catalog::Catalog;
use gadgetry_run::fleet::Fleet;
use gadgetry_run::gadget::{Gadget, Tool};
use gadgetry_run::runs::{Kept, Runs};
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, Tool as Listed};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Outcome, cut};
use crate::beside::Beside;
use crate::caller::Caller;
use crate::compact::{self, Finder};
use crate::desk::{Beyond, Desk};
use crate::listing::{listed, nearest};
use crate::options::{Mode, Options, UnknownTool, Withheld};
use crate::peers::Peers;
use crate::reply::failure;
use crate::runs::{RunTool, can_run_on};

/// How long a stopping server waits for its runs to detach.
const DETACH: Duration = Duration::from_secs(3);

/// The MCP server.
pub struct Server<C = Fleet> {
    pub(crate) shared: Arc<Shared<C>>,
}

pub(crate) struct Shared<C> {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) caller: Arc<C>,
    pub(crate) beside: Vec<Arc<dyn Beside>>,
    pub(crate) peers: Peers,
    pub(crate) stop: CancellationToken,
    /// Runs that outlive their call, and rows that answers had no room for.
    pub(crate) runs: Arc<Runs<C>>,
    /// All runs that may be asked for, wherever they are kept.
    pub(crate) desk: Desk<C>,
    pub(crate) options: Options,
    calls: TaskTracker,
}

/// How a call ended: with an answer, which may be that of a failure, or without one.
pub(crate) type Ended = Result<(CallToolResponse, Outcome), ErrorData>;

/// What a tool's name means.
pub(crate) enum Found {
    /// A gadget's tool, by its index there.
    Gadget(Arc<Gadget>, usize),
    /// One of the tools that find gadgets.
    Finder(Finder),
    /// One of the tools for runs that outlive their call.
    Run(RunTool),
    /// A tool of one of the parts beside the catalogue.
    Beside(Arc<dyn Beside>),
}

impl<C> Clone for Server<C> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<C: Caller> Server<C> {
    /// A server of `catalog`'s tools, called through `caller`, and of what is `beside` them. Of all these, `options`
    /// say which are offered; a name there that is no tool's is refused.
    pub fn new(
        catalog: Arc<Catalog>,
        caller: Arc<C>,
        beside: Vec<Arc<dyn Beside>>,
        options: Options,
    ) -> Result<Self, UnknownTool> {
        Self::with(catalog, caller, beside, Beyond::default(), options)
    }

    /// The same, with runs that are not its callers' own.
    pub fn with(
        catalog: Arc<Catalog>,
        caller: Arc<C>,
        beside: Vec<Arc<dyn Beside>>,
        beyond: Beyond<C>,
        options: Options,
    ) -> Result<Self, UnknownTool> {
        let runs = Runs::new(caller.clone(), options.runs);
        let shared = Shared {
            catalog,
            desk: Desk::new(runs.clone(), beyond),
            runs,
            caller,
            beside,
            options,
            peers: Peers::default(),
            calls: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let server = Self { shared: Arc::new(shared) };
        let gadgets = server.shared.catalog.gadgets();
        let gadgets = gadgets.iter().flat_map(|gadget| &gadget.tools).map(|tool| tool.name.clone());
        let beside = server.beside_tools().map(|tool| tool.name.into_owned());
        let own =
            RunTool::offered(false, false).map(RunTool::name).chain([compact::DESCRIBE]).map(str::to_owned);
        server.shared.options.check(&gadgets.chain(beside).chain(own).collect::<Vec<_>>())?;
        Ok(server)
    }

    /// The runs that this server keeps, for other servers to ask for.
    pub fn kept(&self) -> Kept<C> {
        self.shared.desk.kept().clone()
    }

    /// Tells sessions of each change of the catalogue, for as long as it is polled. A transport runs it beside its
    /// connections.
    pub(crate) async fn announce(&self) {
        let mut changes = self.shared.catalog.watch();
        while changes.changed().await.is_ok() {
            self.shared.peers.tell().await;
        }
    }

    /// Cancelled when the server stops; cancelling it cancels all runs.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.shared.stop
    }

    /// Cancels all runs and waits until they have detached, within reason.
    pub(crate) async fn stop(&self) {
        let Shared { calls, stop, runs, .. } = &*self.shared;
        stop.cancel();
        calls.close();
        let (ended, ()) = tokio::join!(timeout(DETACH, calls.wait()), runs.shutdown());
        if ended.is_err() {
            tracing::warn!(
                calls = calls.len(),
                "some calls did not end in time; their programs go with the process"
            );
        }
    }

    /// The gadgets of which at least one tool is offered: prompts and resources follow the tools.
    pub(crate) fn gadgets(&self) -> Vec<Arc<Gadget>> {
        let gadgets = self.shared.catalog.gadgets();
        gadgets
            .iter()
            .filter(|it| it.tools.iter().any(|tool| self.withheld(tool).is_none()))
            .cloned()
            .collect()
    }

    /// Whether gadgets are run through a tool of their own.
    pub(crate) fn is_compact(&self) -> bool {
        self.shared.options.mode == Mode::Compact
    }

    /// Whether runs may be started that outlive their call.
    pub(crate) fn background(&self) -> bool {
        !self.shared.options.read_only
    }

    /// Whether any gadget on offer gives rows: without one there is nothing that the tools for runs could be of.
    fn has_rows(&self) -> bool {
        let gadgets = self.shared.catalog.gadgets();
        self.gadget_tools(&gadgets).into_iter().any(can_run_on)
    }

    fn offers(&self, tool: RunTool) -> bool {
        let options = &self.shared.options;
        RunTool::offered(options.read_only, self.shared.desk.has_objects()).any(|it| it == tool)
            && options.has_own(tool.name())
            && self.has_rows()
    }

    /// Whether there is a tool that tells of a gadget what the list does not. Gadgets that are tools alone are listed whole.
    pub(crate) fn describes(&self) -> bool {
        self.shared.options.has_own(compact::DESCRIBE) && self.has_rows()
    }

    /// The entries of tools/list, for whoever sets a server up.
    pub fn list(&self) -> Vec<Listed> {
        self.tools()
    }

    /// The entries of tools/list: the catalogue's, in its order, or those that find them; then those for runs, and what
    /// is beside them.
    pub(crate) fn tools(&self) -> Vec<Listed> {
        let gadgets = self.shared.catalog.gadgets();
        let tools = self.gadget_tools(&gadgets);
        let mut list: Vec<Listed> = match self.shared.options.mode {
            Mode::Full => {
                tools.into_iter().map(|tool| listed(tool, self.background(), self.describes())).collect()
            }
            Mode::Compact => compact::listed(&tools),
        };
        if !self.is_compact() && self.describes() {
            list.push(compact::describes());
        }
        let standing = self.shared.desk.has_objects();
        let runs = RunTool::offered(self.shared.options.read_only, standing).filter(|it| self.offers(*it));
        list.extend(runs.map(|it| it.listed(standing)));
        list.extend(self.beside_tools().filter(|tool| self.withheld_listed(tool).is_none()));
        list
    }

    /// The tools of `gadgets` that are on offer.
    pub(crate) fn gadget_tools<'a>(&self, gadgets: &'a [Arc<Gadget>]) -> Vec<&'a Tool> {
        gadgets.iter().flat_map(|gadget| &gadget.tools).filter(|tool| self.withheld(tool).is_none()).collect()
    }

    /// The names of those.
    pub(crate) fn gadget_names(&self) -> Vec<String> {
        let gadgets = self.shared.catalog.gadgets();
        self.gadget_tools(&gadgets).into_iter().map(|tool| tool.name.clone()).collect()
    }

    fn beside_tools(&self) -> impl Iterator<Item = Listed> {
        self.shared.beside.iter().flat_map(|it| it.tools())
    }

    fn withheld(&self, tool: &Tool) -> Option<Withheld> {
        self.shared.options.withheld(&tool.name, tool.annotations.read_only)
    }

    fn withheld_listed(&self, tool: &Listed) -> Option<Withheld> {
        let read_only = tool.annotations.as_ref().and_then(|it| it.read_only_hint).unwrap_or(false);
        self.shared.options.withheld(&tool.name, read_only)
    }

    /// What `name` means among the tools that clients see.
    pub(crate) fn find(&self, name: &str) -> Result<Found, ErrorData> {
        if self.is_compact() {
            if let Some(finder) = Finder::named(name) {
                return Ok(Found::Finder(finder));
            }
            if self.shared.catalog.find(name).is_some() {
                let message = format!("the tool `{}` is called through `{}` here", cut(name), compact::RUN);
                return Err(ErrorData::invalid_params(message, None));
            }
        } else if let Some(found) = self.gadget(name)? {
            return Ok(found);
        } else if name == compact::DESCRIBE && self.describes() {
            return Ok(Found::Finder(Finder::Describe));
        }
        if let Some(tool) = RunTool::named(name).filter(|it| self.offers(*it)) {
            return Ok(Found::Run(tool));
        }
        for part in &self.shared.beside {
            if let Some(tool) = part.tools().into_iter().find(|tool| tool.name == name) {
                return match self.withheld_listed(&tool) {
                    None => Ok(Found::Beside(part.clone())),
                    Some(withheld) => Err(refused(name, withheld)),
                };
            }
        }
        let tools = self.tools();
        Err(unknown(name, tools.iter().map(|tool| &*tool.name)))
    }

    /// The gadget's tool called `name`, if there is one.
    pub(crate) fn gadget(&self, name: &str) -> Result<Option<Found>, ErrorData> {
        let Some((gadget, at)) = self.shared.catalog.find(name) else { return Ok(None) };
        match gadget.tools.get(at).and_then(|tool| self.withheld(tool)) {
            None => Ok(Some(Found::Gadget(gadget, at))),
            Some(withheld) => Err(refused(name, withheld)),
        }
    }

    /// Runs one call to its end. It runs in a task of its own: a panic below becomes an answer instead of a client
    /// that waits for ever, and a caller that goes away cannot drop a run half-way through detaching. `call` is given
    /// the token by which it is cancelled.
    pub(crate) async fn run<F>(
        &self,
        name: &str,
        gone: &CancellationToken,
        call: impl FnOnce(CancellationToken) -> F,
    ) -> Ended
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        let Shared { calls, stop, .. } = &*self.shared;
        let cancel = stop.child_token();
        let _cancelled_when_dropped = cancel.clone().drop_guard();
        let mut call = calls.spawn(call(cancel.clone()));
        let ended = tokio::select! {
            ended = &mut call => ended,
            () = gone.cancelled() => {
                cancel.cancel();
                call.await
            }
        };
        let (response, outcome) = match ended {
            Ok(ended) => ended?,
            Err(error) => {
                tracing::error!(tool = cut(name), %error, "a call panicked");
                let message =
                    format!("{}: an internal error ended this call; the server's log has it", cut(name));
                (failure(message).into(), Outcome::Failed)
            }
        };
        Ok((response, if cancel.is_cancelled() { Outcome::Cancelled } else { outcome }))
    }
}

fn refused(name: &str, withheld: Withheld) -> ErrorData {
    ErrorData::invalid_params(format!("the tool `{}` {}", cut(name), withheld.why()), None)
}

/// An unknown tool, with the one of `names` that it may have been meant to be.
pub(crate) fn unknown<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> ErrorData {
    let hint = match nearest(cut(name), names) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "tools/list names those there are".to_owned(),
    };
    ErrorData::invalid_params(format!("the tool `{}` is unknown: {hint}", cut(name)), None)
}
