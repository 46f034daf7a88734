//! The few things that are asked of the API server. Objects are JSON here: what is sent is what was rendered, and what a
//! newer server adds to an answer is not lost on the way.

use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::discovery::ApiResource;
use kube::{Client, Error};
use serde_json::{Value, json};

use crate::kind::Kind;
use crate::object::{Id, OURS, Object};

/// Under which name fields are ours in an object.
const MANAGER: &str = "gadgetry";
/// Objects asked for in one list; the next ones are asked for with the list's own mark.
const PAGE: u32 = 500;

/// A cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    name: String,
}

/// Something that the API server did not do.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}: {}", why(source))]
pub struct ClusterError {
    doing: String,
    source: Box<Error>,
}

impl ClusterError {
    fn of(doing: String) -> impl FnOnce(Error) -> Self {
        |source| Self { doing, source: Box::new(source) }
    }

    fn status(&self) -> Option<&kube::core::Status> {
        match &*self.source {
            Error::Api(status) => Some(status),
            _ => None,
        }
    }

    /// Whether the user has not the right to it.
    pub fn is_forbidden(&self) -> bool {
        self.status().is_some_and(|status| status.code == 403)
    }

    /// Whether there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status().is_some_and(|status| status.code == 404)
    }
}

/// What went wrong, with what to do about it.
fn why(error: &Error) -> String {
    match error {
        Error::Api(status) if status.code == 401 => {
            format!("the cluster does not know this user ({}); log in to it again", status.message)
        }
        Error::Api(status) if status.code == 403 => {
            format!("{}; ask for that right, or take another --context", status.message)
        }
        Error::Api(status) => status.message.clone(),
        error => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(error);
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                if !text.contains(&cause_text) {
                    text = format!("{text}: {cause_text}");
                }
                source = cause.source();
            }
            format!("{text}; is the cluster reached with --kubeconfig and --context?")
        }
    }
}

impl Cluster {
    /// The cluster behind `client`; `name` is how people call it.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// How people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn api(&self, kind: &Kind, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace {
            Some(namespace) if kind.namespaced => {
                Api::namespaced_with(self.client.clone(), namespace, &kind.resource)
            }
            _ => Api::all_with(self.client.clone(), &kind.resource),
        }
    }

    /// The object, if there is one.
    pub async fn get(&self, id: &Id) -> Result<Option<Object>, ClusterError> {
        let Some(kind) = Kind::named(&id.kind) else { return Ok(None) };
        let got = self.api(kind, id.namespace.as_deref()).get_opt(&id.name).await;
        let got = got.map_err(ClusterError::of(format!("read {id}")))?;
        Ok(got.map(|it| object(it, &kind.resource)))
    }

    /// Makes an object so, as one of several who may own fields of it; with `dry_run` the server says what would become
    /// of it.
    pub(crate) async fn apply(&self, object: &Object, dry_run: bool) -> Result<Object, ClusterError> {
        let id = object.id();
        let doing = format!("apply {id}");
        let Some(kind) = Kind::of(object.api_version(), object.kind()) else {
            let unknown = Error::Api(Box::new(kube::core::Status::failure("no kind known here", "Unknown")));
            return Err(ClusterError::of(doing)(unknown));
        };
        let params = PatchParams::apply(MANAGER).force();
        let params = if dry_run { params.dry_run() } else { params };
        let api = self.api(kind, object.namespace());
        let applied = api.patch(object.name(), &params, &Patch::Apply(&object.0)).await;
        Ok(self::object(applied.map_err(ClusterError::of(doing))?, &kind.resource))
    }

    /// Deletes an object, and in the background what belongs to it. Whether there was one.
    pub(crate) async fn delete(&self, id: &Id) -> Result<bool, ClusterError> {
        let Some(kind) = Kind::named(&id.kind) else { return Ok(false) };
        let api = self.api(kind, id.namespace.as_deref());
        match api.delete(&id.name, &DeleteParams::background()).await {
            Ok(_) => Ok(true),
            Err(error) => {
                let error = ClusterError::of(format!("delete {id}"))(error);
                if error.is_not_found() { Ok(false) } else { Err(error) }
            }
        }
    }

    /// All objects of `kind` that are ours, in all namespaces.
    pub(crate) async fn ours(&self, kind: &Kind) -> Result<Vec<Object>, ClusterError> {
        self.list(&kind.resource, None, OURS).await
    }

    /// The objects that `selector` fits.
    pub(crate) async fn list(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
        selector: &str,
    ) -> Result<Vec<Object>, ClusterError> {
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        };
        let mut params = ListParams::default().labels(selector).limit(PAGE);
        let mut all = Vec::new();
        loop {
            let page = api.list(&params).await;
            let page = page.map_err(ClusterError::of(format!("list {}", resource.plural)))?;
            all.extend(page.items.into_iter().map(|it| object(it, resource)));
            match page.metadata.continue_ {
                Some(mark) if !mark.is_empty() => params = params.continue_token(&mark),
                _ => return Ok(all),
            }
        }
    }
}

/// Items of a list do not say what they are; they do here.
fn object(it: DynamicObject, resource: &ApiResource) -> Object {
    let mut value = serde_json::to_value(it).unwrap_or_else(|_| json!({}));
    if let Value::Object(map) = &mut value {
        map.insert("apiVersion".to_owned(), json!(resource.api_version));
        map.insert("kind".to_owned(), json!(resource.kind));
    }
    Object(value)
}
