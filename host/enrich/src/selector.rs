//! Which containers are meant. What is given must hold all together; a selector with nothing given means every
//! container.

use crate::{Container, Labels};

/// Names containers by what a person or a model knows of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The container's name, its id, or the beginning of a hash id.
    pub container: Option<String>,
    /// The image: as given to the runtime, or without registry, tag or digest.
    pub image: Option<String>,
    /// The pod's name.
    pub pod: Option<String>,
    /// The pod's namespace.
    pub namespace: Option<String>,
    /// The pod's labels; a pod of which none are known yet is not meant.
    pub labels: Option<Labels>,
}

impl Selector {
    /// Whether every container is meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `container` is meant.
    pub fn matches(&self, container: &Container) -> bool {
        let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        is(&self.pod, &container.pod)
            && is(&self.namespace, &container.namespace)
            && self.labels.as_ref().is_none_or(|wanted| {
                let pod = container.pod_details.as_ref();
                pod.is_some_and(|pod| wanted.matches(|label| pod.labels.get(label).map(String::as_str)))
            })
            && self.container.as_deref().is_none_or(|wanted| names(wanted, container))
            && self.image.as_deref().is_none_or(|wanted| {
                container.image.as_deref().is_some_and(|image| is_image(wanted, image))
                    || container.image_digest.as_deref() == Some(wanted)
            })
    }
}

fn names(wanted: &str, container: &Container) -> bool {
    // A shorter beginning of an id is more likely somebody's name that is not here.
    let prefix =
        wanted.len() >= 4 && crate::cgroup::is_hash(&container.id) && container.id.starts_with(wanted);
    prefix || container.id == wanted || container.name.as_deref() == Some(wanted)
}

/// Whether `wanted` names `image`: the same repository, or its last parts; the same tag and digest, where wanted.
fn is_image(wanted: &str, image: &str) -> bool {
    let (wanted_repository, wanted_tag, wanted_digest) = split(wanted);
    let (repository, tag, digest) = split(image);
    let same_repository = repository
        .strip_suffix(wanted_repository)
        .is_some_and(|before| !wanted_repository.is_empty() && (before.is_empty() || before.ends_with('/')))
        || wanted_repository.strip_prefix("docker.io/").is_some_and(|wanted| {
            wanted == repository || wanted.strip_prefix("library/") == Some(repository)
        });
    same_repository
        && wanted_tag.is_none_or(|wanted| wanted == tag.unwrap_or("latest"))
        && (wanted_digest.is_none() || wanted_digest == digest)
}

/// A reference's repository, tag and digest.
fn split(image: &str) -> (&str, Option<&str>, Option<&str>) {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag), digest),
        _ => (name, None, digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Runtime, container::Details};

    #[test]
    fn images() {
        let table = [
            ("nginx", "nginx", true),
            ("nginx", "nginx:1.25", true),
            ("nginx", "docker.io/library/nginx:1.25", true),
            ("library/nginx", "docker.io/library/nginx:1.25", true),
            ("docker.io/library/nginx", "nginx:1.25", true),
            ("nginx:1.25", "docker.io/library/nginx:1.25", true),
            ("nginx:latest", "nginx", true),
            ("nginx:1.24", "docker.io/library/nginx:1.25", false),
            ("inx", "nginx", false),
            ("", "nginx", false),
            ("localhost:5000/me/app", "localhost:5000/me/app:v1", true),
            ("app@sha256:aa", "localhost:5000/me/app:v1@sha256:aa", true),
            ("app@sha256:bb", "localhost:5000/me/app:v1@sha256:aa", false),
        ];
        for (wanted, image, matches) in table {
            assert_eq!(is_image(wanted, image), matches, "{wanted} of {image}");
        }
    }

    #[test]
    fn containers() {
        let hash = "0123456789abcdef".repeat(4);
        let details = Details {
            name: Some("web".into()),
            image: Some("docker.io/library/nginx:1.25".into()),
            pod: Some("web-0".into()),
            namespace: Some("shop".into()),
            ..Details::new(&hash, Runtime::Containerd)
        };
        let container = Container::new(1, &details, None);
        let by = |container: &str| Selector { container: Some(container.into()), ..Selector::default() };
        assert!(Selector::default().matches(&container));
        assert!(by("web").matches(&container));
        assert!(by("01234567").matches(&container));
        assert!(by(&hash).matches(&container));
        assert!(!by("012").matches(&container), "too short to be meant as an id");
        assert!(!by("web-0").matches(&container), "the pod's name is not the container's");
        let pod = Selector { pod: Some("web-0".into()), namespace: Some("shop".into()), ..by("web") };
        assert!(pod.matches(&container));
        assert!(!Selector { namespace: Some("other".into()), ..pod }.matches(&container));
        let plain = Container::new(2, &Details::new("longname", Runtime::Runc), None);
        assert!(!by("long").matches(&plain), "names have no prefixes");
    }
}
