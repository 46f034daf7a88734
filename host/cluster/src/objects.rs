//! Gadget objects: what somebody wants run on nodes without calling it, and what became of that.
//!
//! An object whose spec says something else than the definition allows is told of by itself and hides none of the others:
//! the API server has checked what the definition says, but another version of it may be installed.

mod schedule;
mod status;

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::follow::{Event, Object as Followed, Target, follow};
use crate::meta::Meta;
use crate::names::{FIELD_MANAGER, GROUP, KIND, RESOURCE, VERSION};
use crate::reason::reason;

pub use schedule::{BadSchedule, Schedule};
pub use status::{Condition, Nodes, Status};

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Built-in name, or reference with a registry.
    pub image: String,
    /// Which tool of a gadget that has several.
    pub tool: Option<String>,
    /// The arguments.
    pub parameters: Map<String, Value>,
    /// When it runs; always, without it.
    pub schedule: Option<String>,
    /// Whether nothing is to run.
    pub suspend: bool,
    /// Labels of the nodes it runs on; all, without any.
    pub node_selector: BTreeMap<String, String>,
}

/// A Gadget object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Another one of the same name has another.
    pub uid: String,
    /// How often its spec has changed.
    pub generation: i64,
    /// What is wanted; an error says what in it can't be read.
    pub spec: Result<Spec, String>,
    /// What was told of it last.
    pub status: Status,
}

/// Objects by their names.
pub type ByName = BTreeMap<String, Arc<Object>>;

/// What is known of the objects.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// All of them.
    pub all: ByName,
    /// Whether all were told at least once; before that, none means nothing.
    pub complete: bool,
}

/// As the API server sends it.
#[derive(Clone, Deserialize)]
struct Sent {
    metadata: Meta,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

impl Followed for Sent {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Sent {
    /// What is kept of it; nothing of one that is being deleted, which waits for somebody else's finalizer.
    fn kept(self) -> Option<Object> {
        let Self { metadata, spec, status } = self;
        metadata.deletion_timestamp.is_none().then(|| Object {
            name: metadata.name,
            uid: metadata.uid,
            generation: metadata.generation,
            spec: serde_json::from_value(spec).map_err(|error| error.to_string()),
            // What was told by somebody else is no reason not to tell it anew.
            status: serde_json::from_value(status).unwrap_or_default(),
        })
    }
}

/// Gadget objects, kept up to date as long as there is a clone of this. A cluster without a definition of them has none.
#[derive(Clone)]
pub struct ObjectWatch {
    now: watch::Receiver<Arc<Objects>>,
    _following: Arc<DropGuard>,
}

impl ObjectWatch {
    /// Follows all of them.
    pub fn start(client: Client) -> Self {
        let (sender, now) = watch::channel(Arc::<Objects>::default());
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let target = Target {
            path: format!("/apis/{GROUP}/{VERSION}/{RESOURCE}"),
            labels: None,
            fields: None,
            metadata_only: false,
            few: false,
            optional: true,
        };
        tokio::spawn(async move {
            let mut listing = ByName::new();
            let following = follow(client, target, |event| take(&mut listing, &sender, event));
            tokio::select! {
                () = stop.cancelled() => {}
                () = following => {}
            }
        });
        Self { now, _following: Arc::new(guard) }
    }

    /// What is known, and word of every change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Objects>> {
        self.now.clone()
    }
}

fn take(listing: &mut ByName, sender: &watch::Sender<Arc<Objects>>, event: Event<Sent>) {
    let change = |change: &dyn Fn(&mut ByName)| {
        sender.send_modify(|now| change(&mut Arc::make_mut(now).all));
    };
    match event {
        Event::Begin => listing.clear(),
        Event::Listed(object) => {
            listing.extend(object.kept().map(|it| (it.name.clone(), Arc::new(it))));
        }
        Event::Complete => {
            let all = mem::take(listing);
            sender.send_replace(Arc::new(Objects { all, complete: true }));
        }
        Event::Changed(object) => {
            let name = object.metadata.name.clone();
            match object.kept().map(Arc::new) {
                Some(object) => change(&|all| drop(all.insert(name.clone(), object.clone()))),
                None => change(&|all| drop(all.remove(&name))),
            }
        }
        Event::Removed(object) => change(&|all| drop(all.remove(&object.metadata.name))),
        // What was wanted before is wanted until something else is heard.
        Event::Fresh | Event::Stale(_) => {}
    }
}

/// Writes what became of the object `name`. Whoever else writes a status of it loses.
///
/// # Errors
/// What the API server said, in a line; `None` when the object is no more.
pub async fn tell(client: Client, name: &str, status: &Status) -> Result<(), Option<String>> {
    let kind = ApiResource {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        api_version: format!("{GROUP}/{VERSION}"),
        kind: KIND.to_owned(),
        plural: RESOURCE.to_owned(),
    };
    let body = json!({
        "apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, "status": status,
    });
    let api: Api<DynamicObject> = Api::all_with(client, &kind);
    let params = PatchParams::apply(FIELD_MANAGER).force();
    match api.patch_status(name, &params, &Patch::Apply(&body)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Err(None),
        Err(error) => Err(Some(reason(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(object: Value) -> Sent {
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn one_that_cannot_be_read_hides_no_other() {
        let wrong = sent(json!({"metadata": {"name": "a", "generation": 2}, "spec": {"image": 7}}));
        let wrong = wrong.kept().unwrap();
        assert_eq!(wrong.generation, 2);
        assert!(wrong.spec.unwrap_err().contains("expected a string"));
        let right = sent(json!({
            "metadata": {"name": "b", "uid": "u"},
            "spec": {"image": "trace_exec", "parameters": {"max_rows": 5}, "nodeSelector": {"a": "b"}, "new": true},
            "status": {"loss": 7, "observedGeneration": 1, "conditions": "none"},
        }));
        let right = right.kept().unwrap();
        let spec = right.spec.unwrap();
        assert_eq!((spec.image.as_str(), spec.suspend, spec.schedule), ("trace_exec", false, None));
        assert_eq!((json!(spec.parameters), spec.node_selector.len()), (json!({"max_rows": 5}), 1));
        assert_eq!(right.status, Status::default(), "a status of others is as none");
    }

    #[test]
    fn one_that_is_being_deleted_is_none() {
        let gone =
            json!({"metadata": {"name": "a", "deletionTimestamp": "2026-03-01T12:00:00Z"}, "spec": {}});
        assert_eq!(sent(gone).kept(), None);
    }
}
