//! How far an install is, told to a client that asked to be told. As with runs, only the newest word is kept for a client that
//! reads slowly, and the last one is passed on before the answer.

use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::OnStep;

/// How long an answer waits for the client to take the last word before it.
const PATIENCE: Duration = Duration::from_secs(1);
/// What a word adds that tells of no further step: progress must grow, and waiting is progress too.
const LITTLE: f64 = 0.001;

type Word = (usize, usize, String);

pub(super) struct Teller(JoinHandle<()>);

/// What to give the operator, and what passes it on.
pub(super) fn teller(context: &RequestContext<RoleServer>) -> (OnStep, Option<Teller>) {
    let Some(token) = context.meta.get_progress_token() else { return (Box::new(|_, _, _| {}), None) };
    let (said, heard) = watch::channel((0, 0, String::new()));
    let task = tokio::spawn(tell(context.peer.clone(), token, heard));
    let say = move |done, of, what| {
        // Nobody hears it when the client has gone.
        let _ = said.send((done, of, what));
    };
    (Box::new(say), Some(Teller(task)))
}

impl Teller {
    /// Waits until the last word is passed on. The operator must have dropped what it was given.
    pub(super) async fn finish(mut self) {
        if timeout(PATIENCE, &mut self.0).await.is_err() {
            self.0.abort();
        }
    }
}

async fn tell(peer: Peer<RoleServer>, token: ProgressToken, mut heard: watch::Receiver<Word>) {
    let mut last = -LITTLE;
    while heard.changed().await.is_ok() {
        let (done, of, what) = heard.borrow_and_update().clone();
        last = as_number(done).max(last + LITTLE);
        // The last step of all is that everything is ready.
        let told = ProgressNotificationParam::new(token.clone(), last)
            .with_total(as_number(of) + 1.0)
            .with_message(what);
        if peer.notify_progress(told).await.is_err() {
            return;
        }
    }
}

fn as_number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
