//! How far a call is, told to a client that asked to be told.
//!
//! The run's own thread says it and must not wait for a client that reads slowly, so only the newest word is kept for
//! a task that passes it on. The last one is passed on before the answer, as none may follow it.

use std::time::Duration;

use gadgetry_run::fleet::{OnProgress, Progress};
use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long an answer waits for the client to take the last word before it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Passes on what a run says.
pub(crate) struct Teller(JoinHandle<()>);

/// What to give the run, and what passes it on; none for a client that did not ask.
pub(crate) fn teller(context: &RequestContext<RoleServer>) -> Option<(OnProgress, Teller)> {
    let token = context.meta.get_progress_token()?;
    let (said, heard) = watch::channel(Progress::default());
    let task = tokio::spawn(tell(context.peer.clone(), token, heard));
    let say = move |progress| {
        // Nobody hears it when the client has gone.
        let _ = said.send(progress);
    };
    Some((Box::new(say), Teller(task)))
}

impl Teller {
    /// Waits until the last word is passed on. The run must have ended.
    pub(crate) async fn finish(mut self) {
        if timeout(PATIENCE, &mut self.0).await.is_err() {
            self.0.abort();
        }
    }
}

/// Ends with the run, or when the client is gone.
async fn tell(peer: Peer<RoleServer>, token: ProgressToken, mut heard: watch::Receiver<Progress>) {
    while heard.changed().await.is_ok() {
        let progress = *heard.borrow_and_update();
        if peer.notify_progress(told(token.clone(), progress)).await.is_err() {
            return;
        }
    }
}

/// Time is what is sure to grow.
fn told(token: ProgressToken, progress: Progress) -> ProgressNotificationParam {
    let Progress { seen, rows, lost, elapsed, of } = progress;
    let mut told = ProgressNotificationParam::new(token, elapsed.as_secs_f64())
        .with_message(format!("{seen} events, {rows} rows, {lost} lost"));
    told.total = of.map(|of| of.as_secs_f64().max(elapsed.as_secs_f64()));
    told
}
