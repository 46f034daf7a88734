//! One answer of several nodes: each runs its part, and here the rows become one stream in the order of time, or, of a
//! gadget that merges, one set of rows; grouped, sorted and counted over all nodes together.
//!
//! A node that is slow, gone or full holds up nobody: what it had sent is kept, and the summary says of it what became of
//! it. Memory is bounded ([`queue::MOST`] for the rows of all nodes together): a node whose rows nobody takes is told to
//! wait, and loses and counts what it cannot keep.

pub(crate) mod endpoint;
mod merge;
mod name;
mod order;
mod queue;
mod sum;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::agent::{Absent, Agent, Reach};
use crate::execute;
use crate::fleet::{Report, RunError, Sink, failed};
use crate::node::Ready;
use crate::request::Request;
use crate::rows::Rows;
use endpoint::{Endpoints, Told};
use name::Name;
use queue::{Queues, Tail};
use sum::Part;

/// How much longer than its run a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a cancelled node may take to hand over what it has.
const GRACE: Duration = Duration::from_secs(3);

/// The nodes of `reach` that are `wanted`; all, if none is named.
pub(crate) fn chosen(reach: Reach, wanted: &[String]) -> Result<Reach, RunError> {
    if wanted.is_empty() {
        return Ok(reach);
    }
    // A server before the nodes knows their names; it is asked for them with the other arguments.
    if !reach.named && reach.agents.len() == 1 {
        let only = reach.agents[0].name();
        return match wanted.iter().find(|it| *it != only) {
            Some(other) if !only.is_empty() => Err(unknown(other, &[only.to_owned()])),
            _ => Ok(reach),
        };
    }
    let mut names: Vec<String> = reach.agents.iter().map(|it| it.name().to_owned()).collect();
    names.extend(reach.absent.iter().map(|it| it.node.clone()));
    names.sort();
    if let Some(other) = wanted.iter().find(|it| !names.contains(it)) {
        return Err(unknown(other, &names));
    }
    let Reach { mut agents, mut absent, named } = reach;
    agents.retain(|it| wanted.iter().any(|name| name == it.name()));
    absent.retain(|it| wanted.contains(&it.node));
    Ok(Reach { agents, absent, named })
}

fn unknown(name: &str, there: &[String]) -> RunError {
    const TOLD: usize = 20;
    let more = there.len().saturating_sub(TOLD);
    let mut names = there.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        names.push_str(&format!(" and {more} more"));
    }
    RunError::Argument {
        field: "node".into(),
        message: format!("there is no node `{name}`; there are: {names}"),
    }
}

/// Runs `request` on all nodes of `reach`.
pub(crate) async fn run(
    ready: Arc<Ready>,
    request: Request,
    reach: Reach,
    sink: Box<dyn Sink>,
    endpoints: Option<Arc<dyn Endpoints>>,
    cancel: CancellationToken,
) -> Result<Report, RunError> {
    let gadget = ready.gadget.clone();
    let Reach { agents, absent, named } = reach;
    if !named && agents.len() == 1 && absent.is_empty() {
        // Nothing is to be made one: the node does it all.
        let agent = agents[0].clone();
        return agent.run(gadget, request, sink, cancel).await;
    }
    if agents.is_empty() {
        return Err(failed(&gadget, nobody(&absent)));
    }
    let merges = gadget.descriptor.merge;
    let part = request.to_part(merges);
    let queues = Arc::new(Queues::new(agents.len()));
    let stop = cancel.child_token();
    let _stop_when_dropped = stop.clone().drop_guard();
    let names: Vec<String> = agents.iter().map(|it| it.name().to_owned()).collect();
    let mut running = JoinSet::new();
    for (at, agent) in agents.into_iter().enumerate() {
        let (gadget, part, stop, queues) = (gadget.clone(), part.clone(), stop.clone(), queues.clone());
        running.spawn(async move {
            let ended = one(agent, gadget, part, Tail::new(queues.clone(), at), stop).await;
            queues.close(at);
            (at, ended)
        });
    }
    let told = endpoints.map(|it| Told::new(it, request.allowed.clone()));
    let prefixes = names.iter().map(|name| Name::new(name, named, told.clone())).collect();
    let rows = combine(&ready, &request, prefixes, queues.clone(), sink, stop.clone())?;
    let mut parts: Vec<Part> = names.iter().map(|name| Part::new(name)).collect();
    while let Some(ended) = running.join_next().await {
        let Ok((at, ended)) = ended else { continue };
        parts[at].ended = Some(ended);
    }
    for (at, part) in parts.iter_mut().enumerate() {
        // A panic below, as any other end, must not leave the others waiting.
        queues.close(at);
        part.sent = queues.sent(at);
    }
    let gathered = rows
        .await
        .map_err(|_| failed(&gadget, "the run ended by a bug of gadgetry; its log says more".into()))??;
    sum::report(&gadget, &request, parts, absent, gathered, cancel.is_cancelled())
}

/// One node's part, to its end or for as long as it may take.
async fn one(
    agent: Arc<dyn Agent>,
    gadget: Arc<crate::gadget::Gadget>,
    part: Request,
    tail: Tail,
    stop: CancellationToken,
) -> Result<Report, RunError> {
    let most = part.duration.map(|it| it + PATIENCE).or((!is_stream(&gadget)).then_some(PATIENCE * 3));
    let own = stop.child_token();
    let name = agent.name().to_owned();
    let run = agent.run(gadget.clone(), part, Box::new(tail), own.clone());
    tokio::pin!(run);
    let late = async {
        match most {
            Some(most) => tokio::select! {
                () = tokio::time::sleep(most) => format!("{name} did not answer within {} s", most.as_secs()),
                () = stop.cancelled() => {
                    tokio::time::sleep(GRACE).await;
                    format!("{name} did not end within {} s", GRACE.as_secs())
                }
            },
            None => {
                stop.cancelled().await;
                tokio::time::sleep(GRACE).await;
                format!("{name} did not end within {} s", GRACE.as_secs())
            }
        }
    };
    tokio::select! {
        ended = &mut run => ended,
        late = late => {
            own.cancel();
            // What is dropped with the run ends it on the node.
            let _ = timeout(Duration::from_millis(100), &mut run).await;
            Err(failed(&gadget, late))
        }
    }
}

fn is_stream(gadget: &crate::gadget::Gadget) -> bool {
    gadget.descriptor.kind == gadget_registry::descriptor::Kind::Stream
}

/// Starts the thread that makes one of the parts' rows.
fn combine(
    ready: &Arc<Ready>,
    request: &Request,
    names: Vec<Name>,
    queues: Arc<Queues>,
    sink: Box<dyn Sink>,
    stop: CancellationToken,
) -> Result<oneshot::Receiver<Result<sum::Gathered, RunError>>, RunError> {
    let (sender, receiver) = oneshot::channel();
    let merges = ready.gadget.descriptor.merge;
    let query = if merges { request.query.clone() } else { Arc::new(request.query.after()) };
    let shaper = execute::shaper(ready, request, query);
    let rows = Rows::new(sink, shaper, request.max_rows, request.end_at_max_rows);
    let gadget = ready.gadget.clone();
    let (ready, duration) = (ready.clone(), request.duration);
    std::thread::Builder::new()
        .name(format!("gather-{}", ready.gadget.descriptor.name))
        .spawn(move || {
            let gathered = if merges {
                merge::run(&ready, &names, &queues, rows, duration, &stop)
            } else {
                Ok(order::run(names, &queues, rows, duration, &stop))
            };
            // Nobody takes any more: the nodes need not make any.
            queues.abandon();
            if gathered.is_err() {
                stop.cancel();
            }
            let _ = sender.send(gathered);
        })
        .map_err(|error| failed(&gadget, format!("cannot start a thread: {error}")))?;
    Ok(receiver)
}

fn nobody(absent: &[Absent]) -> String {
    let mut text = "no node can be asked".to_owned();
    for Absent { node, reason } in absent.iter().take(5) {
        text.push_str(&format!("; {node}: {reason}"));
    }
    if absent.len() > 5 {
        text.push_str(&format!("; and {} more", absent.len() - 5));
    }
    text
}
