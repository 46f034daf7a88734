//! One that runs gadgets: the node of this process, or one elsewhere. The [`crate::fleet::Fleet`] knows no other
//! difference between a machine and a cluster than how many of these there are.

use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::fleet::{Report, RunError, Sink, on_a_thread};
use crate::gadget::Gadget;
use crate::node::Node;
use crate::request::Request;
use crate::{execute, fleet};

/// A run that goes on.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Report, RunError>> + Send + 'a>>;

/// Runs streams and snapshots on one node, or stands before others that do.
pub trait Agent: Send + Sync + 'static {
    /// The node's name.
    fn name(&self) -> &str;

    /// Runs `request`, the rows going to `sink` as they come; cancelling ends it at once, with what it has until then.
    /// An agent that must not block asks [`Sink::has_room`] first.
    fn run(
        &self,
        gadget: Arc<Gadget>,
        request: Request,
        sink: Box<dyn Sink>,
        cancel: CancellationToken,
    ) -> Running<'_>;
}

/// A node that is known, and can't be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// Its name.
    pub node: String,
    /// Why, for the caller.
    pub reason: String,
}

/// Which nodes there are now.
pub struct Reach {
    /// Those that can be asked.
    pub agents: Vec<Arc<dyn Agent>>,
    /// The others.
    pub absent: Vec<Absent>,
    /// Whether rows say of which node they are. Not so on a single machine, nor where a server stands before the nodes, whose
    /// rows say it already.
    pub named: bool,
}

/// Who can be asked, as it changes.
pub trait Agents: Send + Sync + 'static {
    /// Those there are now.
    fn reach(&self) -> Reach;

    /// Names of the containers that run, as far as they are known without asking anybody.
    fn containers(&self) -> Vec<String>;
}

/// This machine: a fleet of one.
pub struct Local(Arc<Node>);

impl Local {
    /// The node of this process.
    pub const fn new(node: Arc<Node>) -> Self {
        Self(node)
    }
}

impl Agent for Local {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn run(
        &self,
        gadget: Arc<Gadget>,
        request: Request,
        sink: Box<dyn Sink>,
        cancel: CancellationToken,
    ) -> Running<'_> {
        Box::pin(async move {
            let ready = self.0.ready(&gadget)?;
            let node = self.0.clone();
            on_a_thread(&gadget, cancel, move |stop| execute::rows(&node, &ready, &request, sink, stop)).await
        })
    }
}

impl Agents for Local {
    fn reach(&self) -> Reach {
        Reach { agents: vec![Arc::new(Self(self.0.clone()))], absent: Vec::new(), named: false }
    }

    fn containers(&self) -> Vec<String> {
        fleet::container_names(&self.0)
    }
}
