//! Watches: what changes from a version on, a line for each change, with bookmarks between.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::kinds::Kind;
use crate::request::Request;
use crate::select::Selectors;
use crate::server::Shared;
use crate::status::Refused;
use crate::store::{Change, Store};
use crate::verbs::metadata;

/// How often a watch that wants bookmarks gets one. The real one sends them about once a minute.
const BOOKMARKS: Duration = Duration::from_secs(1);

struct Watch {
    shared: Arc<Shared>,
    kind: Kind,
    namespace: String,
    selectors: Selectors,
    metadata_only: bool,
    bookmarks: bool,
    /// The version up to which all was told.
    version: u64,
    lines: VecDeque<Bytes>,
    changed: tokio::sync::watch::Receiver<u64>,
    next_bookmark: Instant,
    end: Instant,
    over: bool,
}

/// The lines of the watch that `request` asks for.
pub(crate) fn lines(
    shared: Arc<Shared>,
    request: &Request,
    kind: &Kind,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, Refused> {
    let selectors = Selectors::parse(request.get("labelSelector"), request.get("fieldSelector"))?;
    let version = match request.get("resourceVersion") {
        "" => 0,
        text => text.parse().map_err(|_| Refused::new(400, format!("invalid resource version {text:?}")))?,
    };
    let seconds = request.get("timeoutSeconds").parse().unwrap_or(1800);
    let mut watch = Watch {
        kind: kind.clone(),
        namespace: request.namespace.clone(),
        selectors,
        metadata_only: request.metadata_only,
        bookmarks: request.flag("allowWatchBookmarks"),
        version,
        lines: VecDeque::new(),
        changed: shared.changed.subscribe(),
        next_bookmark: Instant::now() + BOOKMARKS,
        end: Instant::now() + Duration::from_secs(seconds),
        over: false,
        shared,
    };
    if version == 0 || request.flag("sendInitialEvents") {
        watch.tell_all(request.flag("sendInitialEvents"));
    }
    Ok(futures_util::stream::unfold(watch, |mut watch| async move { Some((Ok(watch.next().await?), watch)) }))
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            self.changed.borrow_and_update();
            self.tell_changes();
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            tokio::select! {
                changed = self.changed.changed() => changed.ok()?,
                () = sleep_until(self.end) => return None,
                () = sleep_until(self.next_bookmark), if self.bookmarks => {
                    self.next_bookmark = Instant::now() + BOOKMARKS;
                    self.bookmark(json!({}));
                }
            }
        }
    }

    /// All that is there, as if it were new.
    fn tell_all(&mut self, mark_end: bool) {
        let shared = self.shared.clone();
        let store = shared.store();
        for (_, object) in store.list(&self.kind, &self.namespace) {
            if self.selectors.matches(object) {
                self.tell("ADDED", object);
            }
        }
        self.version = store.version();
        if mark_end {
            self.bookmark(json!({"k8s.io/initial-events-end": "true"}));
        }
    }

    fn tell_changes(&mut self) {
        if self.over {
            return;
        }
        let shared = self.shared.clone();
        let store: &Store = &shared.store();
        let Some(changes) = store.since(self.version) else {
            let gone = Refused::new(410, format!("too old resource version: {}", self.version));
            self.line("ERROR", &gone.status());
            self.over = true;
            return;
        };
        for change in changes {
            let Change { key, before, after, removed, .. } = change;
            let of_kind = key.group == self.kind.group && key.plural == self.kind.plural;
            if !of_kind || !(self.namespace.is_empty() || self.namespace == key.namespace) {
                continue;
            }
            let was = before.as_ref().is_some_and(|before| self.selectors.matches(before));
            let is = !removed && self.selectors.matches(after);
            match (was, is) {
                (false, true) => self.tell("ADDED", after),
                (true, true) => self.tell("MODIFIED", after),
                (true, false) => self.tell("DELETED", after),
                (false, false) => {}
            }
        }
        self.version = store.version();
    }

    fn tell(&mut self, what: &str, object: &Value) {
        match self.metadata_only {
            true => self.line(what, &metadata(object)),
            false => self.line(what, object),
        }
    }

    fn bookmark(&mut self, annotations: Value) {
        let metadata = json!({"resourceVersion": self.version.to_string(), "annotations": annotations});
        let (kind, api_version) = (self.kind.kind.clone(), self.kind.api_version());
        self.line("BOOKMARK", &json!({"kind": kind, "apiVersion": api_version, "metadata": metadata}));
    }

    fn line(&mut self, what: &str, object: &Value) {
        let mut line = json!({"type": what, "object": object}).to_string();
        line.push('\n');
        self.lines.push_back(line.into());
    }
}
