//! Publishing an image from the store: the blobs first, then the manifests that name them, the tag last, and the
//! signatures that are kept with it.
//!
//! oci-client uploads the blobs, because how an upload goes differs between registries and it knows them; it is
//! given our token, so that there is one place where credentials are handled.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use reqwest::{Method, StatusCode};

use super::auth::Action;
use super::error::request;
use super::http::Ask;
use super::pull::parse;
use super::{Problem, Progress, Remote, RemoteError, Repository};
use crate::digest::Digest;
use crate::media::{self, Index, Link, Manifest, cap};
use crate::reference::{DEFAULT_TAG, Reference};
use crate::signature::{MAX_LAYER, ROLE};
use crate::store::Store;

/// How much is sent, and told to the progress, at once.
const PIECE: usize = 128 << 10;

/// What a push did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The image's digest.
    pub digest: Digest,
    /// Blobs sent.
    pub sent: usize,
    /// Blobs that were there already.
    pub skipped: usize,
    /// Signatures sent along.
    pub signatures: usize,
}

impl Remote {
    /// Publishes the image `digest` from the store as `reference`, which has a tag (or `latest` is meant).
    pub async fn push(
        &self,
        store: &Store,
        digest: &Digest,
        reference: &Reference,
    ) -> Result<Pushed, RemoteError> {
        self.within(reference, self.push_all(store, digest, reference)).await
    }

    async fn push_all(
        &self,
        store: &Store,
        digest: &Digest,
        reference: &Reference,
    ) -> Result<Pushed, Problem> {
        let repository = Repository::of(reference);
        let tag = match (reference.digest(), reference.tag()) {
            (Some(other), _) if other != digest => {
                let what = format!("{reference}, to which {digest} was to be pushed");
                return Err(Problem::WrongDigest { what, found: *digest });
            }
            (Some(_), None) => digest.to_string(),
            (_, tag) => tag.unwrap_or(DEFAULT_TAG).to_owned(),
        };
        let top = store.read(digest, cap::MANIFEST)?;
        let mut done = Pushed { digest: *digest, sent: 0, skipped: 0, signatures: 0 };
        let mut seen = HashSet::new();
        let media_type = match serde_json::from_slice::<Index>(&top) {
            Ok(index) => {
                for child in &index.manifests {
                    let bytes = store.read(&child.digest, cap::MANIFEST)?;
                    self.push_content(store, &repository, &child.digest, &bytes, &mut seen, &mut done)
                        .await?;
                    self.put_manifest(&repository, &child.digest.to_string(), &child.media_type, bytes)
                        .await?;
                }
                media::INDEX
            }
            Err(_) => {
                self.push_content(store, &repository, digest, &top, &mut seen, &mut done).await?;
                media::MANIFEST
            }
        };
        self.put_manifest(&repository, &tag, media_type, top).await?;

        for attached in store.attached(digest)?.into_iter().filter(|attached| attached.role == ROLE) {
            let bytes = store.read(&attached.link.digest, cap::MANIFEST)?;
            let manifest: Manifest = parse(&format!("signature {}", attached.link.digest), &bytes)?;
            // A signature's config is not fetched with it, and every one of ours is kept; the empty one is known.
            for link in std::iter::once(&manifest.config).chain(&manifest.layers) {
                match store.read(&link.digest, MAX_LAYER) {
                    Ok(blob) => self.push_bytes(&repository, &blob).await?,
                    Err(_) if *link == manifest.config && manifest.subject.is_none() => {}
                    Err(_) if link.digest == Digest::of(b"{}") => self.push_bytes(&repository, b"{}").await?,
                    Err(e) => return Err(e.into()),
                }
            }
            self.publish(&repository, digest, &manifest).await?;
            done.signatures += 1;
        }
        Ok(done)
    }

    async fn push_content(
        &self,
        store: &Store,
        repository: &Repository,
        digest: &Digest,
        bytes: &[u8],
        seen: &mut HashSet<Digest>,
        done: &mut Pushed,
    ) -> Result<(), Problem> {
        let Manifest { config, layers, .. } = parse(&format!("manifest {digest}"), bytes)?;
        for link in std::iter::once(&config).chain(&layers) {
            if !seen.insert(link.digest) {
                continue;
            }
            self.progress.begin(&link.digest, &link.media_type, link.size);
            let pushed = self.push_blob(store, repository, link).await;
            self.progress.end(&link.digest);
            if pushed? {
                done.sent += 1;
            } else {
                done.skipped += 1;
            }
        }
        Ok(())
    }

    /// Sends one blob; whether it had to be.
    async fn push_blob(&self, store: &Store, repository: &Repository, link: &Link) -> Result<bool, Problem> {
        if self.has_blob(repository, &link.digest).await? {
            self.progress.advance(&link.digest, link.size);
            return Ok(false);
        }
        let bytes = Bytes::from(store.read(&link.digest, cap::of(&link.media_type))?);
        self.retried(|| self.upload(repository, &link.digest, &bytes, Arc::clone(&self.progress))).await?;
        Ok(true)
    }

    /// Sends a small blob from memory, unless it is there.
    pub(super) async fn push_bytes(&self, repository: &Repository, bytes: &[u8]) -> Result<(), Problem> {
        let digest = Digest::of(bytes);
        if self.has_blob(repository, &digest).await? {
            return Ok(());
        }
        let bytes = Bytes::copy_from_slice(bytes);
        self.retried(|| self.upload(repository, &digest, &bytes, Arc::new(()))).await
    }

    async fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool, Problem> {
        let ask = Ask {
            method: Method::HEAD,
            path: format!("blobs/{digest}"),
            accept: "",
            body: None,
            // The token for pushing may also pull, and is needed next.
            action: Action::Push,
            what: format!("blob {digest}"),
        };
        self.retried(|| async {
            let response = self.http.send(repository, &ask).await?;
            match response.status() {
                StatusCode::NOT_FOUND => Ok(false),
                status if status.is_success() || status.is_redirection() => Ok(true),
                _ => Err(self.http.problem(repository, response, &ask).await),
            }
        })
        .await
    }

    async fn upload(
        &self,
        repository: &Repository,
        digest: &Digest,
        bytes: &Bytes,
        progress: Arc<dyn Progress>,
    ) -> Result<(), Problem> {
        let options = self.http.options();
        let host = repository.serving_host();
        let insecure = options.is_insecure(host);
        let config = ClientConfig {
            protocol: if insecure { ClientProtocol::Http } else { ClientProtocol::Https },
            connect_timeout: Some(options.connect_timeout),
            read_timeout: Some(options.read_timeout),
            use_monolithic_push: true,
            user_agent: concat!("gadgetry/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = oci_client::Client::try_from(config).map_err(|e| Problem::Internal(e.to_string()))?;
        let target =
            oci_client::Reference::with_tag(host.to_owned(), repository.path.clone(), DEFAULT_TAG.into());
        client
            .store_auth_if_needed(
                target.resolve_registry(),
                &self.http.registry_auth(repository, Action::Push),
            )
            .await;
        let (blob, size) = (*digest, bytes.len() as u64);
        let pieces: Vec<_> =
            (0..bytes.len()).step_by(PIECE).map(|at| bytes.slice(at..bytes.len().min(at + PIECE))).collect();
        let pieces = stream::iter(pieces.into_iter().map(move |piece| {
            progress.advance(&blob, piece.len() as u64);
            Ok(piece)
        }));
        let sent = client.push_blob_stream(&target, pieces, &digest.to_string(), Some(size)).await;
        sent.map(drop).map_err(|e| self.upload_problem(&e, repository, digest))
    }

    fn upload_problem(
        &self,
        error: &OciDistributionError,
        repository: &Repository,
        digest: &Digest,
    ) -> Problem {
        let host = repository.serving_host().to_owned();
        let what = format!("upload of {digest}");
        let denied = |status| Problem::Denied {
            host: host.clone(),
            status,
            note: self.http.note(&host),
            action: Action::Push.verb(),
        };
        match error {
            OciDistributionError::RequestError(e) => {
                request(e, &host, &what, self.http.options().read_timeout)
            }
            OciDistributionError::UnauthorizedError { .. } => denied(401),
            OciDistributionError::AuthenticationFailure(_) => denied(401),
            OciDistributionError::ServerError { code: status @ (401 | 403), .. } => denied(*status),
            OciDistributionError::ServerError { code, message, .. } => {
                let message: String = message.chars().filter(|c| !c.is_control()).take(300).collect();
                let message = if message.is_empty() { message } else { format!(": {message}") };
                if *code == 429 || *code >= 500 {
                    Problem::Server { host, status: *code, message }
                } else {
                    Problem::Unexpected { host, status: *code, what, message }
                }
            }
            e => Problem::Broken { host, what, reason: e.to_string() },
        }
    }

    /// Sends a manifest; whether the registry said that it lists it as a referrer.
    pub(super) async fn put_manifest(
        &self,
        repository: &Repository,
        name: &str,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<bool, Problem> {
        let ask = Ask {
            method: Method::PUT,
            path: format!("manifests/{name}"),
            accept: "",
            body: Some((bytes, media_type)),
            action: Action::Push,
            what: format!("manifest {name}"),
        };
        self.retried(|| async {
            let response = self.ask(repository, &ask, &[StatusCode::CREATED, StatusCode::OK]).await?;
            Ok(response.headers().contains_key("oci-subject"))
        })
        .await
    }
}
