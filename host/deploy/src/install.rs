//! Carries a plan out: in order, waiting until what was changed is ready, and telling on the way how far it is.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::api::{Cluster, ClusterError};
use crate::object::Object;
use crate::plan::{Action, Line, Plan, Step};
use crate::wait::{self, NotReady};

/// How far something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub done: usize,
    /// Of how many.
    pub of: usize,
    /// What is being done.
    pub what: String,
}

/// Hears how far it is. Must not wait.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// A plan that was not carried out to its end.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The API server did not do something. What was done stays; doing it again goes on from there.
    #[error("{done} of {of} objects are done, then: {source}; run it again to go on from there")]
    Cluster {
        /// Objects done.
        done: usize,
        /// Of how many.
        of: usize,
        /// What went wrong.
        source: ClusterError,
    },
    /// It is installed, and not ready in time.
    #[error("all is installed, and not ready after {} s: {what}", after.as_secs())]
    NotReady {
        /// How long was waited.
        after: Duration,
        /// What is not ready, and why.
        what: NotReady,
    },
    /// Something is still being removed.
    #[error("after {} s there still is {what}: something holds it back, see its finalizers", after.as_secs())]
    Remains {
        /// How long was waited.
        after: Duration,
        /// What is still there.
        what: String,
    },
    /// The cluster could not be asked while waiting.
    #[error(transparent)]
    Waiting(#[from] ClusterError),
    /// Whoever asked for it did not wait for the end.
    #[error(
        "cancelled after {done} of {of} steps; what was done stays, and doing it again goes on from there"
    )]
    Cancelled {
        /// Steps done.
        done: usize,
        /// Of how many.
        of: usize,
    },
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct Done {
    /// What became of each object.
    pub objects: Vec<Line>,
    /// Whether all was ready in the end; absent if that was not waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
}

/// Carries `plan` out.
pub async fn install(
    cluster: &Cluster,
    plan: &Plan,
    progress: OnProgress<'_>,
    cancel: &CancellationToken,
) -> Result<Done, InstallError> {
    let started = Instant::now();
    let of = plan.steps.len() + plan.later.len();
    let tell = |done: usize, what: String| progress(Progress { done, of, what });
    let mut done = 0;
    for Step { action, object } in &plan.steps {
        if cancel.is_cancelled() {
            return Err(InstallError::Cancelled { done, of });
        }
        tell(done, format!("{action} {}", object.id()));
        let result = match action {
            Action::Remove => cluster.delete(&object.id()).await.map(drop),
            // Also what stays: its fields are ours from now on.
            _ => cluster.apply(object, false).await.map(drop),
        };
        result.map_err(|source| InstallError::Cluster { done, of, source })?;
        done += 1;
    }
    let Some(within) = plan.wait else {
        tell(done, "done; whether it gets ready was not waited for".to_owned());
        return Ok(Done { objects: plan.lines(), ready: None });
    };
    let workloads: Vec<&Object> = plan
        .steps
        .iter()
        .filter(|step| step.action != Action::Remove)
        .map(|step| &step.object)
        .filter(|it| ["DaemonSet", "Deployment"].contains(&it.kind()))
        .collect();
    wait::ready(cluster, &workloads, started + within, |what| tell(done, what), cancel).await?.map_err(
        |ended| match ended {
            wait::Ended::Late(what) => InstallError::NotReady { after: within, what },
            wait::Ended::Cancelled => InstallError::Cancelled { done, of },
        },
    )?;
    for object in &plan.later {
        tell(done, format!("{} with a certificate of the new authority", object.id()));
        let result = cluster.apply(object, false).await;
        result.map_err(|source| InstallError::Cluster { done, of, source })?;
        done += 1;
    }
    tell(done, "ready".to_owned());
    Ok(Done { objects: plan.lines(), ready: Some(true) })
}
