//! Objects of one kind, kept up to date: listed page by page, then watched from the list's version on, for ever.
//!
//! It is written here and not taken from kube's runtime, whose watcher tells of errors but not of the watch that stands
//! again afterwards: a list that says since when it is stale must know both. What is read goes straight into types that
//! have only the fields that are used, so nothing else is ever held.
//!
//! The API server may be away for as long as it likes. Attempts are spaced out, with a random part so that the agents of
//! a thousand nodes do not come back at the same moment, and never sooner than the server asked for.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::TryStreamExt;
use kube::Client;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use crate::meta::Meta;
use crate::reason::reason;

/// Objects asked for at once: they are in memory until they are looked at.
const PAGE: u32 = 250;

/// How long a page may take, and how long until a watch stands.
const ANSWER: Duration = Duration::from_secs(30);

/// After how many seconds the server ends a watch, so that it is made anew, maybe with another server.
const WATCH: u32 = 290;

/// A watch that is quiet for so long, bookmarks included, has no server any more.
const QUIET: Duration = Duration::from_secs(WATCH as u64 + 15);

/// A watch that ends sooner is not followed by the next one at once.
const SHORT: Duration = Duration::from_secs(1);

/// When a kind that was not there is looked for again.
const ABSENT: Duration = Duration::from_secs(30);

/// The longest wait that a server may ask for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is known is not up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// When the API server was last heard.
    pub since: SystemTime,
    /// Why it is not heard now.
    pub reason: String,
}

/// Which objects.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The path of the collection.
    pub(crate) path: String,
    pub(crate) labels: Option<String>,
    pub(crate) fields: Option<String>,
    /// Whether the server is to send metadata alone.
    pub(crate) metadata_only: bool,
    /// Whether these are so few that they are asked for at once. The server then answers from memory, where it has the
    /// pods of a node by that node; pages it takes from its store, through all pods there are.
    pub(crate) few: bool,
    /// Whether their kind may not be there at all, as one that somebody must define first: there are none then, and it is
    /// looked for again.
    pub(crate) optional: bool,
}

/// What is told of the objects.
#[derive(Debug)]
pub(crate) enum Event<T> {
    /// All objects are told anew, by `Listed`, until `Complete`.
    Begin,
    Listed(T),
    /// What was not listed since `Begin` is no more.
    Complete,
    Changed(T),
    Removed(T),
    /// The server is heard again.
    Fresh,
    /// The server is not heard.
    Stale(Stale),
}

/// An object as far as it is read.
pub(crate) trait Object: DeserializeOwned + Clone + Send + 'static {
    /// Its metadata.
    fn meta(&self) -> &Meta;
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMeta,
    // Go writes an empty list as null.
    items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PageMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    more: String,
}

/// Why a watch is over.
enum End {
    /// Its time was over; it goes on from the version.
    Time,
    /// The version is too old: all must be listed anew.
    Gone,
    Failed(kube::Error),
}

/// Follows the objects until it is dropped.
pub(crate) async fn follow<T: Object>(client: Client, target: Target, mut tell: impl FnMut(Event<T>)) {
    let mut line = Line::new(&target);
    loop {
        let mut version = match list(&client, &target, &mut line, &mut tell).await {
            Ok(version) => version,
            // The rest of the pages is no longer to be had: from the first one again.
            Err(error) if is_gone(&error) => {
                sleep(SHORT).await;
                continue;
            }
            Err(error) if target.optional && is_absent(&error) => {
                line.heard(&mut tell);
                tell(Event::Begin);
                tell(Event::Complete);
                line.absent().await;
                continue;
            }
            Err(error) => {
                line.failed(&error, &mut tell).await;
                continue;
            }
        };
        line.there();
        loop {
            let began = Instant::now();
            match watch(&client, &target, &mut version, &mut line, &mut tell).await {
                End::Gone => break,
                End::Time if began.elapsed() < SHORT => sleep(SHORT).await,
                End::Time => {}
                End::Failed(error) => line.failed(&error, &mut tell).await,
            }
        }
    }
}

/// Tells all objects; returns the version from which to watch.
async fn list<T: Object>(
    client: &Client,
    target: &Target,
    line: &mut Line,
    tell: &mut impl FnMut(Event<T>),
) -> kube::Result<String> {
    let mut params = match target.few {
        true => ListParams { resource_version: Some("0".to_owned()), ..ListParams::default() },
        false => ListParams { limit: Some(PAGE), ..ListParams::default() },
    };
    params.label_selector.clone_from(&target.labels);
    params.field_selector.clone_from(&target.fields);
    let mut begun = false;
    loop {
        let request = Request::new(&target.path);
        let request =
            if target.metadata_only { request.list_metadata(&params) } else { request.list(&params) };
        let request = request.map_err(kube::Error::BuildRequest)?;
        let page: Page<T> = timeout(ANSWER, client.request(request)).await.map_err(|_| late())??;
        line.heard(tell);
        if !begun {
            tell(Event::Begin);
            begun = true;
        }
        page.items.into_iter().flatten().for_each(|object| tell(Event::Listed(object)));
        if page.metadata.more.is_empty() {
            tell(Event::Complete);
            return Ok(page.metadata.resource_version);
        }
        params.continue_token = Some(page.metadata.more);
    }
}

/// Tells what changes, until the watch is over.
async fn watch<T: Object>(
    client: &Client,
    target: &Target,
    version: &mut String,
    line: &mut Line,
    tell: &mut impl FnMut(Event<T>),
) -> End {
    let mut params = WatchParams { timeout: Some(WATCH), bookmarks: true, ..WatchParams::default() };
    params.label_selector.clone_from(&target.labels);
    params.field_selector.clone_from(&target.fields);
    let request = Request::new(&target.path);
    let request = match target.metadata_only {
        true => request.watch_metadata(&params, version),
        false => request.watch(&params, version),
    };
    let request = match request {
        Ok(request) => request,
        Err(error) => return End::Failed(kube::Error::BuildRequest(error)),
    };
    let events = match timeout(ANSWER, client.request_events::<T>(request)).await {
        Ok(Ok(events)) => events,
        Ok(Err(error)) if is_gone(&error) => return End::Gone,
        Ok(Err(error)) => return End::Failed(error),
        Err(_) => return End::Failed(late()),
    };
    line.heard(tell);
    let mut events = std::pin::pin!(events);
    loop {
        let (object, event): (T, fn(T) -> Event<T>) = match timeout(QUIET, events.try_next()).await {
            Err(_) | Ok(Ok(None)) => return End::Time,
            Ok(Err(error)) if is_gone(&error) => return End::Gone,
            Ok(Err(error)) => return End::Failed(error),
            Ok(Ok(Some(WatchEvent::Error(status)))) if status.code == 410 => return End::Gone,
            Ok(Ok(Some(WatchEvent::Error(status)))) => return End::Failed(kube::Error::Api(status)),
            Ok(Ok(Some(WatchEvent::Bookmark(bookmark)))) => {
                line.heard(tell);
                *version = bookmark.metadata.resource_version;
                continue;
            }
            Ok(Ok(Some(WatchEvent::Added(object) | WatchEvent::Modified(object)))) => {
                (object, Event::Changed)
            }
            Ok(Ok(Some(WatchEvent::Deleted(object)))) => (object, Event::Removed),
        };
        line.heard(tell);
        object.meta().resource_version.clone_into(version);
        tell(event(object));
    }
}

fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}

fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

fn late() -> kube::Error {
    kube::Error::Service(format!("the API server did not answer within {} s", ANSWER.as_secs()).into())
}

/// The line to the server: when it was last heard, and how long to wait before it is tried again.
struct Line {
    path: String,
    heard: SystemTime,
    broken: bool,
    /// Whether the kind was not there when it was looked for.
    absent: bool,
    pauses: ExponentialBackoff,
}

impl Line {
    fn new(target: &Target) -> Self {
        Self {
            path: target.path.clone(),
            heard: SystemTime::now(),
            broken: false,
            absent: false,
            pauses: pauses(),
        }
    }

    /// Says that the kind is not there, once, and waits.
    async fn absent(&mut self) {
        if !self.absent {
            self.absent = true;
            let again = ABSENT.as_secs();
            tracing::info!(
                path = self.path,
                again,
                "the cluster has no objects of this kind, nor a definition of it"
            );
        }
        sleep(ABSENT).await;
    }

    /// The kind is there.
    fn there(&mut self) {
        if self.absent {
            self.absent = false;
            tracing::info!(path = self.path, "the cluster has a definition of this kind now");
        }
    }

    fn heard<T>(&mut self, tell: &mut impl FnMut(Event<T>)) {
        self.heard = SystemTime::now();
        if self.broken {
            self.broken = false;
            self.pauses = pauses();
            tracing::info!(path = self.path, "the API server is heard again");
            tell(Event::Fresh);
        }
    }

    /// Says that the server is not heard, and waits.
    async fn failed<T>(&mut self, error: &kube::Error, tell: &mut impl FnMut(Event<T>)) {
        let reason = reason(error);
        if !self.broken {
            tracing::warn!(path = self.path, reason, "the API server is not heard: what is known gets old");
        }
        self.broken = true;
        tell(Event::Stale(Stale { since: self.heard, reason }));
        let asked = match error {
            kube::Error::Api(status) => {
                status.details.as_ref().map_or(0, |details| details.retry_after_seconds)
            }
            _ => 0,
        };
        let asked = Duration::from_secs(asked.into()).min(PATIENCE);
        sleep(self.pauses.next().unwrap_or(SHORT).max(asked)).await;
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(15))
        .with_jitter()
        .without_max_times()
        .build()
}
