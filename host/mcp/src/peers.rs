//! Clients of the session era, who hear of changed lists on their session.
//!
//! A session says nothing when it ends, so the dead are dropped when a new one comes and when one cannot be told.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::service::{Peer, ServiceError};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a client may take to read the notifications before it is given up; the others don't wait for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The sessions.
#[derive(Default)]
pub(crate) struct Peers(Mutex<Vec<Peer<RoleServer>>>);

impl Peers {
    /// A session has begun.
    pub(crate) fn add(&self, peer: Peer<RoleServer>) {
        let mut peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        peers.retain(|peer| !peer.is_transport_closed());
        peers.push(peer);
    }

    /// Tells every session that the lists of tools, prompts and resources have changed: gadgets have all three.
    pub(crate) async fn tell(&self) {
        let peers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut telling = JoinSet::new();
        for peer in peers {
            telling.spawn(async move {
                let told = timeout(PATIENCE, lists_changed(&peer)).await;
                matches!(told, Ok(Ok(()))).then_some(peer)
            });
        }
        while let Some(told) = telling.join_next().await {
            if let Ok(Some(peer)) = told {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push(peer);
            }
        }
    }
}

async fn lists_changed(peer: &Peer<RoleServer>) -> Result<(), ServiceError> {
    peer.notify_tool_list_changed().await?;
    peer.notify_prompt_list_changed().await?;
    peer.notify_resource_list_changed().await
}
