//! Finding the signatures of an image, and publishing them.
//!
//! There are two places: the tag `sha256-<hex>.sig`, and the referrers of the image. Registries that lack the
//! referrers API have the same list under the tag `sha256-<hex>`. Both places are looked at, always, since each
//! generation of cosign writes to one of them.
//!
//! Neither tag can be changed atomically: two who sign the same image at the same moment may lose one signature.
//! That is so for every tool, and signing again mends it.

use reqwest::{Method, StatusCode};

use super::auth::Action;
use super::http::Ask;
use super::pull::{keep, parse};
use super::{Problem, Remote, RemoteError, Repository};
use crate::digest::Digest;
use crate::media::{self, Annotations, Index, Link, Manifest, cap};
use crate::reference::Reference;
use crate::sign::{SignatureImage, simple_manifest};
use crate::signature::{self, MAX_LAYER, MAX_MANIFESTS, ROLE};
use crate::store::Lease;
use crate::verify::claim::PREDICATE;

/// Annotation by which a referrer tells what its bundle is about.
const PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";

impl Remote {
    /// Publishes signatures made by [`crate::sign::sign`] beside the image they sign.
    pub async fn publish_signatures(
        &self,
        reference: &Reference,
        subject: &Digest,
        signatures: &[SignatureImage],
    ) -> Result<(), RemoteError> {
        let repository = &Repository::of(reference);
        let work = async {
            for signature in signatures {
                for blob in &signature.blobs {
                    self.push_bytes(repository, blob).await?;
                }
                self.publish(repository, subject, &signature.manifest).await?;
            }
            Ok(())
        };
        self.within(&format!("{repository}@{subject}"), work).await
    }

    /// Fetches the signatures of `subject` into the store and keeps them with it. What goes wrong is returned as
    /// text: an image may be trusted without any of them.
    pub(super) async fn pull_signatures(
        &self,
        repository: &Repository,
        subject: &Digest,
        lease: &Lease,
    ) -> Result<Vec<String>, Problem> {
        let mut troubles = Vec::new();
        let mut kept = Vec::new();
        match found(self.manifest(repository, &sig_tag(subject), cap::MANIFEST).await) {
            Ok(None) => {}
            Ok(Some(bytes)) => {
                let link = Link::to(media::MANIFEST, &bytes);
                match self.pull_signature(repository, &link, &bytes, lease).await {
                    Ok(any) => kept.extend(any.then_some(link)),
                    Err(problem) => troubles.push(trouble(problem)?),
                }
            }
            Err(problem) => troubles.push(trouble(problem)?),
        }
        match self.referrers(repository, subject).await {
            Ok((links, _)) => {
                for link in candidates(links) {
                    let pulled = async {
                        let bytes = self.linked_manifest(repository, &link).await?;
                        self.pull_signature(repository, &link, &bytes, lease).await
                    };
                    match pulled.await {
                        Ok(any) => kept.extend(any.then_some(link)),
                        Err(problem) => troubles.push(trouble(problem)?),
                    }
                }
            }
            Err(problem) => troubles.push(trouble(problem)?),
        }
        // What the registry has now replaces what was kept; but a registry that has nothing, or is failing, must not
        // take away the proof for an image that is here already.
        if !kept.is_empty() {
            lease.detach_all(subject)?;
            for link in kept {
                lease.attach(subject, ROLE, &link)?;
            }
        }
        Ok(troubles)
    }

    /// Fetches one signature; whether the manifest holds any.
    async fn pull_signature(
        &self,
        repository: &Repository,
        link: &Link,
        bytes: &[u8],
        lease: &Lease,
    ) -> Result<bool, Problem> {
        let what = format!("signature {}", link.digest);
        let manifest: Manifest = parse(&what, bytes)?;
        let layers: Vec<_> = signature::layers(&manifest).collect();
        for layer in &layers {
            let content = self.small_blob(repository, layer, MAX_LAYER).await?;
            keep(&what, layer, &content, lease)?;
        }
        if !layers.is_empty() {
            keep(&what, link, bytes, lease)?;
        }
        Ok(!layers.is_empty())
    }

    /// The referrers of `subject`, and whether the registry keeps the list itself.
    async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<(Vec<Link>, bool), Problem> {
        let ask = Ask {
            method: Method::GET,
            path: format!("referrers/{subject}"),
            accept: media::INDEX,
            body: None,
            action: Action::Pull,
            what: format!("referrers of {subject}"),
        };
        let asked = self
            .retried(|| async {
                let response = self.ask(repository, &ask, &[StatusCode::OK]).await?;
                self.http.bounded(response, cap::MANIFEST, &ask.what).await
            })
            .await;
        match asked.and_then(|bytes| parse::<Index>(&ask.what, &bytes)) {
            Ok(index) => return Ok((index.manifests, true)),
            // An answer that shows the API is not there; registries differ in how they say so.
            Err(Problem::NotFound { .. } | Problem::Unexpected { .. } | Problem::Malformed { .. }) => {}
            Err(Problem::Denied { .. }) => {}
            Err(problem) => return Err(problem),
        }
        let tag = referrers_tag(subject);
        match found(self.manifest(repository, &tag, cap::MANIFEST).await)? {
            Some(bytes) => Ok((parse::<Index>(&ask.what, &bytes)?.manifests, false)),
            None => Ok((Vec::new(), false)),
        }
    }

    /// Publishes one signature whose blobs are there already.
    pub(super) async fn publish(
        &self,
        repository: &Repository,
        subject: &Digest,
        manifest: &Manifest,
    ) -> Result<(), Problem> {
        if manifest.subject.is_some() {
            self.publish_referrer(repository, subject, manifest).await
        } else {
            self.publish_sig(repository, subject, manifest).await
        }
    }

    /// Adds the layers of `manifest` to those under the `.sig` tag.
    async fn publish_sig(
        &self,
        repository: &Repository,
        subject: &Digest,
        manifest: &Manifest,
    ) -> Result<(), Problem> {
        let tag = sig_tag(subject);
        let mut layers = match found(self.manifest(repository, &tag, cap::MANIFEST).await)? {
            Some(bytes) => parse::<Manifest>(&format!("manifest {tag}"), &bytes)?.layers,
            None => Vec::new(),
        };
        let before = layers.len();
        layers.extend(
            manifest.layers.iter().filter(|layer| !layers.contains(layer)).cloned().collect::<Vec<_>>(),
        );
        if before > 0 && layers.len() == before {
            return Ok(());
        }
        let internal = |e: serde_json::Error| Problem::Internal(e.to_string());
        let (merged, config) = simple_manifest(layers).map_err(internal)?;
        self.push_bytes(repository, &config).await?;
        let bytes = serde_json::to_vec(&merged).map_err(internal)?;
        self.put_manifest(repository, &tag, media::MANIFEST, bytes).await?;
        Ok(())
    }

    /// Pushes a referrer, and lists it under the fallback tag if the registry keeps no list itself.
    async fn publish_referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        manifest: &Manifest,
    ) -> Result<(), Problem> {
        let internal = |e: serde_json::Error| Problem::Internal(e.to_string());
        let bytes = serde_json::to_vec(manifest).map_err(internal)?;
        let mut link = Link::to(media::MANIFEST, &bytes);
        link.artifact_type.clone_from(&manifest.artifact_type);
        link.annotations.clone_from(&manifest.annotations);
        let listed = self.put_manifest(repository, &link.digest.to_string(), media::MANIFEST, bytes).await?;
        if listed {
            return Ok(());
        }
        let (mut manifests, native) = self.referrers(repository, subject).await?;
        if native || manifests.iter().any(|known| known.digest == link.digest) {
            return Ok(());
        }
        manifests.push(link);
        let index = Index {
            schema_version: 2,
            media_type: Some(media::INDEX.into()),
            artifact_type: None,
            manifests,
            annotations: Annotations::new(),
        };
        let bytes = serde_json::to_vec(&index).map_err(internal)?;
        self.put_manifest(repository, &referrers_tag(subject), media::INDEX, bytes).await?;
        Ok(())
    }
}

/// What is not there is no failure.
fn found<T>(asked: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match asked {
        Ok(found) => Ok(Some(found)),
        Err(Problem::NotFound { .. }) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// A failure of the store is one of ours; all else is the registry's and can be told.
fn trouble(problem: Problem) -> Result<String, Problem> {
    match problem {
        Problem::Store(_) | Problem::Internal(_) => Err(problem),
        problem => Ok(problem.to_string()),
    }
}

/// The referrers that may be signatures, image signatures first, as many as are looked at. cosign lists bundles
/// under the type of their empty config, so that type may be one too.
fn candidates(links: Vec<Link>) -> Vec<Link> {
    let may_be = |link: &Link| {
        let kind = link.artifact_type.as_deref().unwrap_or_default();
        link.media_type == media::MANIFEST
            && (kind.is_empty()
                || kind == "application/vnd.oci.empty.v1+json"
                || kind.starts_with("application/vnd.dev.sigstore.")
                || kind.starts_with("application/vnd.dev.cosign."))
    };
    let mut links: Vec<_> = links.into_iter().filter(may_be).collect();
    links.sort_by_key(|link| link.annotations.get(PREDICATE_TYPE).is_none_or(|kind| kind != PREDICATE));
    links.truncate(MAX_MANIFESTS);
    links
}

fn sig_tag(subject: &Digest) -> String {
    format!("sha256-{}.sig", subject.hex())
}

fn referrers_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}
