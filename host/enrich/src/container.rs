//! A container as the rest of the host sees it: immutable, shared, and ready to be put into rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::{Pod, cgroup::is_hash};

/// Characters kept of a name; the longest image reference that registries take is shorter.
const TEXT_CAP: usize = 512;

/// Characters of a hash id in rows: what `docker ps` shows and every runtime's tools accept.
const SHORT_ID: usize = 12;

/// Who runs the container: the manager where one is known, else the low-level runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// Docker.
    Docker,
    /// containerd: Kubernetes, nerdctl, ctr.
    Containerd,
    /// CRI-O.
    Crio,
    /// Podman.
    Podman,
    /// runc, called by something else.
    Runc,
    /// crun, called by something else.
    Crun,
    /// A container for sure, but nobody's in particular.
    #[default]
    Unknown,
}

impl Runtime {
    /// The name in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Crio => "crio",
            Self::Podman => "podman",
            Self::Runc => "runc",
            Self::Crun => "crun",
            Self::Unknown => "unknown",
        }
    }

    /// Whether this says more than `other`: a manager more than a low-level runtime, that more than nothing.
    pub(crate) fn tells_more_than(self, other: Self) -> bool {
        let rank = |runtime| match runtime {
            Self::Unknown => 0,
            Self::Runc | Self::Crun => 1,
            _ => 2,
        };
        rank(self) > rank(other)
    }
}

/// What is known of a container; what its runtime left nowhere to be read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) id: String,
    pub(crate) runtime: Runtime,
    pub(crate) name: Option<String>,
    pub(crate) image: Option<String>,
    pub(crate) image_digest: Option<String>,
    pub(crate) pod: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) pod_uid: Option<String>,
    pub(crate) sandbox: bool,
    pub(crate) created: Option<String>,
    pub(crate) pod_details: Option<Arc<Pod>>,
}

impl Details {
    /// Only the id is known, and how it was written.
    pub(crate) fn new(id: &str, runtime: Runtime) -> Self {
        Self { id: id.to_owned(), runtime, ..Self::default() }
    }

    /// Takes over what `other` knows and this does not.
    pub(crate) fn fill(&mut self, other: Self) {
        if other.runtime.tells_more_than(self.runtime) {
            self.runtime = other.runtime;
        }
        let fill = |mine: &mut Option<String>, theirs: Option<String>| {
            if mine.is_none() {
                *mine = theirs;
            }
        };
        fill(&mut self.name, other.name);
        fill(&mut self.image, other.image);
        fill(&mut self.image_digest, other.image_digest);
        fill(&mut self.pod, other.pod);
        fill(&mut self.namespace, other.namespace);
        fill(&mut self.pod_uid, other.pod_uid);
        fill(&mut self.created, other.created);
        // What the cluster says last is true.
        self.pod_details = other.pod_details.or(self.pod_details.take());
        self.sandbox |= other.sandbox;
    }
}

/// A container of this node.
#[derive(Debug)]
pub struct Container {
    /// Number of this description, unique in the process and never 0: a container of which more is learned gets a
    /// new one, so it may stand for the container's JSON in a batch.
    pub serial: u32,
    /// The full id.
    pub id: String,
    /// Who runs it.
    pub runtime: Runtime,
    /// Its name: in Kubernetes the container's, not the pod's.
    pub name: Option<String>,
    /// The image as it was asked for.
    pub image: Option<String>,
    /// The image's manifest digest, where the runtime recorded it.
    pub image_digest: Option<String>,
    /// Its pod.
    pub pod: Option<String>,
    /// Its pod's namespace.
    pub namespace: Option<String>,
    /// Its pod's uid.
    pub pod_uid: Option<String>,
    /// Whether it is a pod's sandbox (pause) container.
    pub sandbox: bool,
    /// When it was created, RFC 3339, as the runtime wrote it.
    pub created: Option<String>,
    /// Its first process.
    pub pid: Option<u32>,
    /// What the cluster says of its pod.
    pub pod_details: Option<Arc<Pod>>,
    json: Box<str>,
}

impl Container {
    pub(crate) fn new(serial: u32, details: &Details, pid: Option<u32>) -> Self {
        let text = |text: &Option<String>| text.as_deref().and_then(printable);
        let mut container = Self {
            serial,
            id: details.id.clone(),
            runtime: details.runtime,
            name: text(&details.name),
            image: text(&details.image),
            image_digest: text(&details.image_digest),
            pod: text(&details.pod),
            namespace: text(&details.namespace),
            pod_uid: text(&details.pod_uid),
            sandbox: details.sandbox,
            created: text(&details.created),
            pid,
            pod_details: details.pod_details.clone(),
            json: Box::default(),
        };
        container.json = serde_json::to_string(&container).unwrap_or_else(|_| "{}".to_owned()).into();
        container
    }

    /// The `container` object of rows: `id` (shortened when it is a hash), `name`, `image`, `runtime`, `pod`,
    /// `namespace`, `owner`, `labels`; unknown ones left out. Made once.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The id as rows show it.
    pub fn short_id(&self) -> &str {
        if is_hash(&self.id) { &self.id[..SHORT_ID] } else { &self.id }
    }
}

impl Serialize for Container {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            name: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            image: Option<&'a str>,
            runtime: Runtime,
            #[serde(skip_serializing_if = "Option::is_none")]
            pod: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            namespace: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            owner: Option<&'a str>,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            labels: BTreeMap<&'a str, &'a str>,
        }
        let pod = self.pod_details.as_deref();
        Row {
            id: self.short_id(),
            name: self.name.as_deref(),
            image: self.image.as_deref(),
            runtime: self.runtime,
            pod: self.pod.as_deref(),
            namespace: self.namespace.as_deref(),
            owner: pod.and_then(|pod| pod.owner.as_deref()),
            labels: pod.map(Pod::to_show).unwrap_or_default(),
        }
        .serialize(serializer)
    }
}

/// The text without what would act on a terminal or reorder what is read: control characters, and Unicode's
/// invisible direction marks. `None` when nothing is left.
fn printable(text: &str) -> Option<String> {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let kept: String = text.chars().filter(|c| !hidden(*c)).take(TEXT_CAP).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_rows() {
        let hash = "0123456789abcdef".repeat(4);
        let mut details = Details::new(&hash, Runtime::Containerd);
        assert_eq!(
            Container::new(1, &details, None).json(),
            r#"{"id":"0123456789ab","runtime":"containerd"}"#
        );
        details.name = Some("web\x1b[31m\u{202e}x".to_owned());
        details.image = Some("\x07".to_owned());
        details.pod = Some("web-0".to_owned());
        details.namespace = Some("shop".to_owned());
        assert_eq!(
            Container::new(1, &details, Some(7)).json(),
            r#"{"id":"0123456789ab","name":"web[31mx","runtime":"containerd","pod":"web-0","namespace":"shop"}"#
        );
        let plain = Container::new(1, &Details::new("web", Runtime::Crun), None);
        assert_eq!(plain.json(), r#"{"id":"web","runtime":"crun"}"#);
        let long = Details { name: Some("n".repeat(9999)), ..details };
        assert_eq!(Container::new(1, &long, None).name.unwrap().len(), TEXT_CAP);
    }

    #[test]
    fn the_manager_wins_over_the_runtime() {
        let mut details = Details::new("a", Runtime::Crun);
        details.fill(Details { name: Some("n".into()), ..Details::new("a", Runtime::Podman) });
        details.fill(Details { name: Some("other".into()), ..Details::new("a", Runtime::Crun) });
        assert_eq!((details.runtime, details.name.as_deref()), (Runtime::Podman, Some("n")));
    }
}
