//! The other servers of the same cluster, asked over the control API for the runs that they keep. Which of them keeps a run
//! is not known, so all are asked at once, and the one that keeps it answers; there are ten at most.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use gadgetry_cluster::connection::Connection;
use gadgetry_cluster::servers::ServerWatch;
use gadgetry_control::address::Address;
use gadgetry_control::dial::Dial;
use gadgetry_control::nodes::Connect as _;
use gadgetry_control::peers::{Peer, PeerError};
use gadgetry_control::tls::{Identity, Role};
use gadgetry_run::runs::{Answering, Ask, Asker, Listed, Others, Page, Run, RunsError};
use tokio::time::timeout;

/// How long a server may take to answer, beside what it was asked to wait.
const ANSWER: Duration = Duration::from_secs(3);

/// Other servers.
pub(super) struct Replicas {
    servers: ServerWatch,
    /// The pod of this one.
    own: String,
    /// Where all of them listen.
    port: u16,
    dial: Dial,
    open: Mutex<HashMap<IpAddr, Peer>>,
}

impl Replicas {
    /// Those of the installation that `connection` leads to, but for the pod `own`; `port`: where they listen.
    pub(super) fn watch(connection: &Connection, own: &str, port: u16, identity: Arc<Identity>) -> Self {
        Self {
            servers: ServerWatch::start(connection.client.clone(), &connection.namespace),
            own: own.to_owned(),
            port,
            dial: Dial::new(Some(identity), Role::Server),
            open: Mutex::default(),
        }
    }

    /// All of them, by their pods' names. Connections are kept.
    fn peers(&self) -> Vec<(String, Peer)> {
        let now = self.servers.now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|address, _| now.values().any(|it| it == address));
        let others = now.into_iter().filter(|(pod, _)| *pod != self.own);
        let connect = |address: IpAddr| {
            Peer::new(self.dial.channel(&Address::Tls(SocketAddr::new(address, self.port).to_string())))
        };
        others
            .map(|(pod, address)| (pod, open.entry(address).or_insert_with(|| connect(address)).clone()))
            .collect()
    }

    /// What the one that keeps the run `id` says; `ask` asks one of them.
    async fn any<T, F>(&self, id: &str, wait: Duration, ask: impl Fn(Peer) -> F) -> Result<T, RunsError>
    where
        F: Future<Output = Result<T, PeerError>>,
    {
        let mut asked: FuturesUnordered<_> = self
            .peers()
            .into_iter()
            .map(|(pod, peer)| timeout(ANSWER + wait, ask(peer)).map(|answer| (pod, answer)))
            .collect();
        let mut away = Vec::new();
        while let Some((pod, answer)) = asked.next().await {
            match answer {
                Ok(Err(PeerError::Unknown)) => {}
                Ok(Err(PeerError::Away(why))) => away.push(format!("{pod} ({why})")),
                Err(_) => away.push(format!("{pod} (no answer within {} s)", ANSWER.as_secs())),
                Ok(Err(PeerError::Said(message))) => return Err(RunsError::Said(message)),
                Ok(Ok(found)) => return Ok(found),
            }
        }
        let id: String = id.chars().take(64).collect();
        if away.is_empty() {
            return Err(RunsError::Unknown(id));
        }
        Err(RunsError::Unreached { id, servers: away.join(", ") })
    }
}

impl Others for Replicas {
    fn list<'a>(&'a self, asker: Asker<'a>) -> Answering<'a, Listed> {
        async move {
            let asked = self.peers().into_iter().map(|(pod, peer)| async move {
                let answer = timeout(ANSWER, peer.list(asker)).await;
                let why = match answer {
                    Ok(Ok(runs)) => return Ok(runs),
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => format!("no answer within {} s", ANSWER.as_secs()),
                };
                Err(format!("the runs that the server {pod} keeps are not among these: {why}"))
            });
            let mut listed = Listed::default();
            for answer in futures_util::future::join_all(asked).await {
                match answer {
                    Ok(runs) => listed.runs.extend(runs),
                    Err(note) => listed.notes.push(note),
                }
            }
            listed
        }
        .boxed()
    }

    fn get<'a>(&'a self, asker: Asker<'a>, ask: Ask<'a>) -> Answering<'a, Result<Page, RunsError>> {
        let name = ask.cursor.or(ask.id).unwrap_or_default();
        let one = move |peer: Peer| async move { peer.get(asker, ask).await };
        async move { self.any(name, ask.wait, one).await }.boxed()
    }

    fn stop<'a>(&'a self, asker: Asker<'a>, id: &'a str) -> Answering<'a, Result<Run, RunsError>> {
        let one = move |peer: Peer| async move { peer.stop(asker, id).await };
        async move { self.any(id, Duration::ZERO, one).await }.boxed()
    }
}
