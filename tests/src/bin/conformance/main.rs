//! The server that the protocol's conformance suite is run against: gadgetry's own handler and HTTP transport, with
//! the tools, prompts and resources that the suite asks for by name behind them. It prints where it listens, and
//! serves until it is ended.
//!
//! None of the fixtures is in the product. They do what no gadget can (ask the client something, answer with
//! pictures), which is why they stand beside the catalogue and not in it; the catalogue is empty.

mod asking;
mod content;
mod fixtures;

use std::sync::Arc;

use anyhow::Result;
use gadgetry_mcp::{Caller, Options, Server, http};
use gadgetry_run::catalog::Catalog;
use gadgetry_run::fleet::{Called, OnProgress, Report, RunError, Sink};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::request::{Allowed, Request};
use gadgetry_run::runs::Runner;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

/// There is no gadget, so nobody calls one.
struct NoGadgets;

fn none(gadget: &Gadget) -> RunError {
    RunError::Failed {
        gadget: gadget.identity.name.clone(),
        message: "is in no catalogue of this server".into(),
    }
}

impl Runner for NoGadgets {
    fn request(&self, gadget: &Gadget, _: Map<String, Value>) -> Result<Request, RunError> {
        Err(none(gadget))
    }

    async fn run(
        &self,
        gadget: Arc<Gadget>,
        _: Request,
        _: Box<dyn Sink>,
        _: CancellationToken,
    ) -> Result<Report, RunError> {
        Err(none(&gadget))
    }
}

impl Caller for NoGadgets {
    async fn call(
        &self,
        gadget: Arc<Gadget>,
        _: usize,
        _: Map<String, Value>,
        _: Allowed,
        _: CancellationToken,
        _: Option<OnProgress>,
    ) -> Result<Called, RunError> {
        Err(none(&gadget))
    }

    fn containers(&self) -> Vec<String> {
        Vec::new()
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let catalog = Arc::new(Catalog::new(Vec::new())?);
    let fixtures = Arc::new(fixtures::Fixtures::new(catalog.clone()));
    let server = Server::new(catalog, Arc::new(NoGadgets), vec![fixtures], Options::default())?;
    let config = http::Config { host: "localhost".into(), ..http::Config::default() };
    let listening = http::listen(config).await?;
    println!("http://{}/mcp", listening.address());
    listening.serve(server, CancellationToken::new()).await;
    Ok(())
}
