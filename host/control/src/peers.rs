//! What the servers of one cluster ask each other: each answers for the runs that it keeps itself, and asks nobody further,
//! so that no question goes round.
//!
//! A server says who called it and what that one may see, and is believed. So only who proves to be a server is answered;
//! who comes through a port-forward, which takes no proof, is not.

use std::time::Duration;

use gadgetry_run::runs::{Ask, Asker, Kept, MAX_WAIT, Page, Run};
use tonic::transport::Channel;
use tonic::{Code, Extensions, Request, Response, Status};

use crate::listen::Via;
use crate::service::{given, json, status};
use crate::v1::peers_client::PeersClient;
use crate::v1::peers_server::{Peers, PeersServer};
use crate::{MESSAGE, v1};

/// Bytes of text that a page makes at most, whatever is asked for: its JSON must fit into a message.
const BUDGET: usize = 2 << 20;

/// Answers for the runs that this server keeps.
pub(crate) struct Answering(Kept);

/// As tonic serves it.
pub(crate) fn answering(kept: Kept) -> PeersServer<Answering> {
    PeersServer::new(Answering(kept)).max_decoding_message_size(MESSAGE).max_encoding_message_size(MESSAGE)
}

/// Refuses who did not prove to be a server.
fn proven(came: &Extensions) -> Result<(), Status> {
    match came.get::<Via>() {
        Some(Via::Proven) => Ok(()),
        _ => Err(Status::permission_denied("only servers are answered, who prove it by a certificate")),
    }
}

fn asker(asker: &Option<v1::Asker>) -> Result<Asker<'_>, Status> {
    let asker = asker.as_ref().ok_or_else(|| Status::invalid_argument("it is not said who asks"))?;
    Ok(Asker { owner: &asker.owner, all: asker.all })
}

fn sent(run: &Run) -> Result<v1::KeptRun, Status> {
    Ok(v1::KeptRun { run: json(run)?, updated: run.updated.clone() })
}

#[tonic::async_trait]
impl Peers for Answering {
    async fn list_kept(
        &self,
        request: Request<v1::ListKeptRequest>,
    ) -> Result<Response<v1::ListKeptResponse>, Status> {
        proven(request.extensions())?;
        let runs = self.0.list(asker(&request.get_ref().asker)?);
        let runs = runs.iter().map(sent).collect::<Result<_, _>>()?;
        Ok(Response::new(v1::ListKeptResponse { runs }))
    }

    async fn get_kept(
        &self,
        request: Request<v1::GetKeptRequest>,
    ) -> Result<Response<v1::GetKeptResponse>, Status> {
        proven(request.extensions())?;
        let v1::GetKeptRequest { asker: who, id, cursor, wait_ms, max_rows, budget } = request.get_ref();
        let ask = Ask {
            id: given(id),
            cursor: given(cursor),
            wait: Duration::from_millis((*wait_ms).into()).min(MAX_WAIT),
            max_rows: usize::try_from(*max_rows).unwrap_or(usize::MAX),
            budget: usize::try_from(*budget).unwrap_or(usize::MAX).min(BUDGET),
        };
        let page = self.0.get(asker(who)?, ask).await.map_err(|error| status(&error))?;
        Ok(Response::new(v1::GetKeptResponse { page: json(&page)?, updated: page.run.updated }))
    }

    async fn stop_kept(
        &self,
        request: Request<v1::StopKeptRequest>,
    ) -> Result<Response<v1::KeptRun>, Status> {
        proven(request.extensions())?;
        let v1::StopKeptRequest { asker: who, id } = request.get_ref();
        let run = self.0.stop(asker(who)?, id).await.map_err(|error| status(&error))?;
        Ok(Response::new(sent(&run)?))
    }
}

/// Another server.
#[derive(Clone)]
pub struct Peer(PeersClient<Channel>);

/// Why a server did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It does not keep that run.
    #[error("it does not keep it")]
    Unknown,
    /// It says why not.
    #[error("{0}")]
    Said(String),
    /// It did not answer, or with something that can't be read.
    #[error("{0}")]
    Away(String),
}

impl Peer {
    /// The one that `channel` leads to.
    pub fn new(channel: Channel) -> Self {
        let client =
            PeersClient::new(channel).max_decoding_message_size(MESSAGE).max_encoding_message_size(MESSAGE);
        Self(client)
    }

    /// Background runs that it keeps.
    pub async fn list(&self, asker: Asker<'_>) -> Result<Vec<Run>, PeerError> {
        let request = v1::ListKeptRequest { asker: Some(told(asker)) };
        let answer = self.0.clone().list_kept(request).await.map_err(|status| failed(&status))?;
        answer.into_inner().runs.into_iter().map(run).collect()
    }

    /// Rows of a run that it keeps.
    pub async fn get(&self, asker: Asker<'_>, ask: Ask<'_>) -> Result<Page, PeerError> {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let request = v1::GetKeptRequest {
            asker: Some(told(asker)),
            id: ask.id.unwrap_or_default().to_owned(),
            cursor: ask.cursor.unwrap_or_default().to_owned(),
            wait_ms: u32::try_from(ask.wait.as_millis()).unwrap_or(u32::MAX),
            max_rows: number(ask.max_rows),
            budget: number(ask.budget),
        };
        let answer = self.0.clone().get_kept(request).await.map_err(|status| failed(&status))?;
        let v1::GetKeptResponse { page, updated } = answer.into_inner();
        let page: Page = serde_json::from_slice(&page).map_err(unreadable)?;
        Ok(page.received(updated, ask.budget.min(BUDGET)))
    }

    /// Stops a run that it keeps.
    pub async fn stop(&self, asker: Asker<'_>, id: &str) -> Result<Run, PeerError> {
        let request = v1::StopKeptRequest { asker: Some(told(asker)), id: id.to_owned() };
        let answer = self.0.clone().stop_kept(request).await.map_err(|status| failed(&status))?;
        run(answer.into_inner())
    }
}

fn told(asker: Asker<'_>) -> v1::Asker {
    v1::Asker { owner: asker.owner.to_owned(), all: asker.all }
}

fn run(kept: v1::KeptRun) -> Result<Run, PeerError> {
    let run: Run = serde_json::from_slice(&kept.run).map_err(unreadable)?;
    Ok(Run { updated: kept.updated, ..run })
}

fn unreadable(error: serde_json::Error) -> PeerError {
    PeerError::Away(format!("its answer can't be read; is it of another version? ({error})"))
}

fn failed(status: &Status) -> PeerError {
    match status.code() {
        Code::NotFound => PeerError::Unknown,
        Code::InvalidArgument | Code::FailedPrecondition | Code::ResourceExhausted => {
            PeerError::Said(status.message().to_owned())
        }
        Code::Unimplemented => PeerError::Away("it is of a version that can't be asked".to_owned()),
        _ => PeerError::Away(status.message().to_owned()),
    }
}
