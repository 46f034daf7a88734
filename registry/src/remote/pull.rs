//! Fetching an image into the store.
//!
//! First its top document, then its signatures, then, if there is a policy, the verdict; only an image that may run
//! has its layers fetched. The tag in the store is set last, so that it never names half an image.

use std::collections::HashSet;
use std::io::Write as _;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Method, StatusCode};

use super::auth::Action;
use super::http::Ask;
use super::{Problem, Remote, RemoteError, Repository, check_content, check_size};
use crate::digest::Digest;
use crate::media::{self, Index, Link, Manifest, cap};
use crate::policy::Policy;
use crate::reference::{DEFAULT_TAG, Reference};
use crate::signature;
use crate::store::{Lease, Store, StoreError};
use crate::verify::{self, Verdict, Why};

/// Blobs fetched at the same time.
const AT_ONCE: usize = 4;

/// Which machines an image is fetched for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Platforms {
    /// All it has, so that it can be pushed elsewhere.
    #[default]
    All,
    /// Only this architecture, in Go's words: `amd64`.
    Only(String),
}

/// What a pull brought.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// The top document: what a tag named, and what was verified.
    pub link: Link,
    /// The verdict, if there was a policy.
    pub verdict: Option<Verdict>,
    /// Signatures found.
    pub signatures: usize,
    /// What went wrong while signatures were looked for.
    pub signature_troubles: Vec<String>,
}

impl Remote {
    /// The digest that `reference` names now. A reference with a digest names that; the registry is not asked.
    pub async fn resolve(&self, reference: &Reference) -> Result<Digest, RemoteError> {
        match reference.digest() {
            Some(digest) => Ok(*digest),
            None => self.within(reference, async { Ok(self.top(reference).await?.0.digest) }).await,
        }
    }

    /// Fetches an image into the store, tags it there as `reference`, and keeps its signatures with it. With a
    /// policy, an image that the policy refuses is not fetched; the verdict is remembered.
    pub async fn pull(
        &self,
        reference: &Reference,
        store: &Store,
        platforms: &Platforms,
        policy: Option<&Policy>,
    ) -> Result<Pulled, RemoteError> {
        self.within(reference, self.pull_all(reference, store, platforms, policy)).await
    }

    async fn pull_all(
        &self,
        reference: &Reference,
        store: &Store,
        platforms: &Platforms,
        policy: Option<&Policy>,
    ) -> Result<Pulled, Problem> {
        let repository = Repository::of(reference);
        let (link, bytes) = self.top(reference).await?;
        let lease = blocking({
            let store = store.clone();
            move || store.lease()
        })
        .await?;
        lease.put(&bytes)?;

        let signature_troubles = self.pull_signatures(&repository, &link.digest, &lease).await?;
        let signatures = signature::stored(store, &link.digest)?;
        let verdict = match policy {
            Some(policy) => {
                let name = reference.name();
                let verdict =
                    verify::verify(&link.digest, &name, &signatures, policy).map_err(|refused| {
                        let signature_troubles = match refused.why {
                            Why::Unsigned(_) | Why::Refused(_) => signature_troubles.clone(),
                            Why::NoRule | Why::OtherDigest(_) => Vec::new(),
                        };
                        Problem::Refused { refused: Box::new(refused), signature_troubles }
                    })?;
                verify::remember(store, &verdict, &policy.id_for(&name))?;
                Some(verdict)
            }
            None => None,
        };

        let mut blobs = Vec::new();
        if link.media_type == media::INDEX {
            let index: Index = parse(&format!("index {}", link.digest), &bytes)?;
            if index.manifests.len() > cap::MANIFESTS {
                let reason =
                    format!("it lists {} manifests, more than {}", index.manifests.len(), cap::MANIFESTS);
                return Err(Problem::Malformed { what: format!("index {}", link.digest), reason });
            }
            let mut any = false;
            for child in index.manifests.iter().filter(|child| platforms.wants(child)) {
                any = true;
                let bytes = self.linked_manifest(&repository, child).await?;
                lease.put(&bytes)?;
                blobs.extend(content(&child.digest, &bytes)?);
            }
            if !any {
                let found = index.manifests.iter().filter_map(|child| child.platform.as_ref());
                let found: Vec<_> = found.map(|platform| platform.architecture.as_str()).collect();
                let what = format!("manifest for {platforms:?} (it is for {})", found.join(", "));
                return Err(Problem::NotFound { host: repository.host.clone(), what });
            }
        } else {
            blobs.extend(content(&link.digest, &bytes)?);
        }
        let mut seen = HashSet::new();
        blobs.retain(|blob: &Link| seen.insert(blob.digest));
        stream::iter(blobs.iter().map(|blob| self.blob(&repository, blob, &lease)))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        lease.tag(&reference.to_string(), &link)?;
        Ok(Pulled { link, verdict, signatures: signatures.len(), signature_troubles })
    }

    /// The document that `reference` names. This is the one place where a tag is asked for.
    async fn top(&self, reference: &Reference) -> Result<(Link, Vec<u8>), Problem> {
        let repository = Repository::of(reference);
        let name = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.unwrap_or(DEFAULT_TAG).to_owned(),
        };
        let bytes = self.manifest(&repository, &name, cap::MANIFEST).await?;
        let what = format!("manifest {name}");
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Top {
            media_type: Option<String>,
        }
        let Top { media_type } = parse(&what, &bytes)?;
        // OCI lets a document leave out what it is; then its fields tell.
        let media_type = media_type.unwrap_or_else(|| {
            let guess = if parse::<Index>(&what, &bytes).is_ok() { media::INDEX } else { media::MANIFEST };
            guess.to_owned()
        });
        if media_type != media::INDEX && media_type != media::MANIFEST {
            let reason = format!("it is `{}`, and no OCI image", media_type.escape_debug());
            return Err(Problem::Malformed { what, reason });
        }
        let link = Link::to(&media_type, &bytes);
        if let Some(wanted) = reference.digest().filter(|wanted| **wanted != link.digest) {
            let what = format!("manifest {wanted}");
            return Err(Problem::WrongDigest { what, found: link.digest });
        }
        Ok((link, bytes))
    }

    /// Fetches one blob into the store, unless it is there.
    async fn blob(&self, repository: &Repository, link: &Link, lease: &Lease) -> Result<(), Problem> {
        self.progress.begin(&link.digest, &link.media_type, link.size);
        let done = self.fetch_blob(repository, link, lease).await;
        self.progress.end(&link.digest);
        done
    }

    async fn fetch_blob(&self, repository: &Repository, link: &Link, lease: &Lease) -> Result<(), Problem> {
        let what = format!("blob {} ({})", link.digest, link.media_type.escape_debug());
        check_size(&what, link.size, cap::of(&link.media_type))?;
        // Read rather than looked up: one that a disk has damaged is fetched again.
        if lease.store().read(&link.digest, link.size).is_ok_and(|bytes| bytes.len() as u64 == link.size) {
            self.progress.advance(&link.digest, link.size);
            return Ok(());
        }
        let ask = Ask {
            method: Method::GET,
            path: format!("blobs/{}", link.digest),
            accept: "",
            body: None,
            action: Action::Pull,
            what,
        };
        self.retried(|| self.stream_blob(repository, link, lease, &ask)).await
    }

    async fn stream_blob(
        &self,
        repository: &Repository,
        link: &Link,
        lease: &Lease,
        ask: &Ask<'_>,
    ) -> Result<(), Problem> {
        let mut response = self.ask(repository, ask, &[StatusCode::OK]).await?;
        let wrong_size = |found| Problem::WrongSize { what: ask.what.clone(), expected: link.size, found };
        if let Some(length) = response.content_length().filter(|length| *length != link.size) {
            return Err(wrong_size(length));
        }
        let url = response.url().clone();
        let mut writer = lease.begin_blob(&link.digest, link.size)?;
        while let Some(chunk) =
            response.chunk().await.map_err(|e| self.http.failed(&e, &url, &url, &ask.what))?
        {
            let total = writer.written() + chunk.len() as u64;
            if total > link.size {
                return Err(wrong_size(total));
            }
            let path = lease.store().root().join("ingest");
            writer.write_all(&chunk).map_err(|source| StoreError::Io { path, source })?;
            self.progress.advance(&link.digest, chunk.len() as u64);
        }
        match blocking(move || writer.commit()).await {
            Err(Problem::Store(StoreError::WrongSize { found, .. })) => Err(wrong_size(found)),
            Err(Problem::Store(StoreError::WrongDigest { found, .. })) => {
                Err(Problem::WrongDigest { what: ask.what.clone(), found })
            }
            done => done,
        }
    }
}

impl Platforms {
    fn wants(&self, child: &Link) -> bool {
        match self {
            Self::All => true,
            Self::Only(wanted) => {
                child.platform.as_ref().is_none_or(|platform| platform.architecture == *wanted)
            }
        }
    }
}

/// The blobs that a manifest names.
fn content(digest: &Digest, bytes: &[u8]) -> Result<Vec<Link>, Problem> {
    let what = format!("manifest {digest}");
    let Manifest { config, layers, .. } = parse(&what, bytes)?;
    if layers.len() > cap::LAYERS {
        let reason = format!("it lists {} layers, more than {}", layers.len(), cap::LAYERS);
        return Err(Problem::Malformed { what, reason });
    }
    let blobs: Vec<_> = std::iter::once(config).chain(layers).collect();
    // All sizes before any byte.
    for blob in &blobs {
        let what = format!("blob {} ({})", blob.digest, blob.media_type.escape_debug());
        check_size(&what, blob.size, cap::of(&blob.media_type))?;
    }
    Ok(blobs)
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|e| Problem::Malformed { what: what.to_owned(), reason: e.to_string() })
}

/// Keeps a linked document in the store.
pub(super) fn keep(what: &str, link: &Link, bytes: &[u8], lease: &Lease) -> Result<(), Problem> {
    check_content(what, link, bytes)?;
    lease.put(bytes)?;
    Ok(())
}

/// Runs what waits for the disk or for a lock, off the threads that serve the network.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(e) => Err(Problem::Internal(e.to_string())),
    }
}
