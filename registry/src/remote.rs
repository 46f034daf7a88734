//! Registries: fetching images and their signatures, and publishing them.
//!
//! A tag is resolved once, by fetching what it names and hashing that; from then on everything is asked for by
//! digest, so what a tag means later changes nothing. Every size is capped, by what a document states before a byte
//! is fetched and by counting while it is; every blob is hashed on its way into the store and never lies there under
//! a name that is not its own.
//!
//! Passing failures (connections, overload, 5xx) are tried again a few times, and a deadline bounds all of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::{Method, Response, StatusCode};

use crate::digest::Digest;
use crate::media;
use crate::reference::Reference;

mod address;
mod auth;
mod credentials;
mod error;
mod http;
mod pull;
mod push;
mod signatures;

pub use address::is_public;
pub use error::{Problem, RemoteError};
pub use pull::{Platforms, Pulled};
pub use push::Pushed;

use auth::Action;
use http::{Ask, Http};

/// What a manifest may be when it is asked for.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

/// How to talk to registries.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hosts (`name` or `name:port`) that may be spoken to in plain HTTP, and redirected to wherever they are.
    pub insecure: Vec<String>,
    /// Where credentials are, instead of in docker's and podman's usual places.
    pub auth_file: Option<PathBuf>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a registry may be silent.
    pub read_timeout: Duration,
    /// How long one pull, push or other operation may take in all.
    pub deadline: Duration,
    /// How often a request is made before a passing failure is taken for lasting.
    pub attempts: usize,
    /// The wait before the second attempt; it doubles, with some jitter, for each further one.
    pub backoff: Duration,
}

impl Options {
    /// What suits people and nodes alike.
    pub const fn new() -> Self {
        Self {
            insecure: Vec::new(),
            auth_file: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(300),
            attempts: 4,
            backoff: Duration::from_millis(500),
        }
    }

    /// Whether `host`, with its port if it has one, was named. A name without a port stands for all its ports.
    fn is_insecure(&self, host: &str) -> bool {
        let bare = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
            _ => host,
        };
        self.insecure.iter().any(|named| named.eq_ignore_ascii_case(host) || named.eq_ignore_ascii_case(bare))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// Told how far a transfer is; for a progress bar.
pub trait Progress: Send + Sync {
    /// A blob of `size` bytes begins. `what` is its media type.
    fn begin(&self, blob: &Digest, what: &str, size: u64);
    /// `bytes` more of it are there.
    fn advance(&self, blob: &Digest, bytes: u64);
    /// It is there, or was all along; or it failed and the operation is about to say so.
    fn end(&self, blob: &Digest);
}

/// No progress is shown.
impl Progress for () {
    fn begin(&self, _: &Digest, _: &str, _: u64) {}
    fn advance(&self, _: &Digest, _: u64) {}
    fn end(&self, _: &Digest) {}
}

/// A repository at a registry: what of a reference stays when tag and digest change.
#[derive(Clone, Debug)]
struct Repository {
    host: String,
    path: String,
}

impl Repository {
    fn of(reference: &Reference) -> Self {
        Self { host: reference.registry().to_owned(), path: reference.repository().to_owned() }
    }

    /// The host that serves the API; Docker's hub is not where its name says.
    fn serving_host(&self) -> &str {
        if self.host == "docker.io" { "registry-1.docker.io" } else { &self.host }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

/// Access to registries. Keeps connections and tokens, so keep it too.
pub struct Remote {
    http: Http,
    progress: Arc<dyn Progress>,
}

impl Remote {
    /// Access with these options.
    pub fn new(options: Options, progress: Arc<dyn Progress>) -> Self {
        Self { http: Http::new(options), progress }
    }

    /// Bounds `work` by the deadline, and says what it was about when it fails.
    async fn within<T>(
        &self,
        about: &impl fmt::Display,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, RemoteError> {
        let after = self.http.options().deadline;
        match tokio::time::timeout(after, work).await {
            Ok(done) => done.map_err(|problem| problem.of(about)),
            Err(_) => Err(Problem::Deadline { after }.of(about)),
        }
    }

    /// Does `work` again, after a while, as long as it fails in passing.
    async fn retried<T, F: Future<Output = Result<T, Problem>>>(
        &self,
        work: impl FnMut() -> F,
    ) -> Result<T, Problem> {
        let Options { attempts, backoff, .. } = *self.http.options();
        let policy = ExponentialBuilder::new()
            .with_min_delay(backoff)
            .with_max_delay(Duration::from_secs(20))
            .with_max_times(attempts.saturating_sub(1))
            .with_jitter();
        work.retry(policy)
            .when(Problem::is_passing)
            .notify(|problem, wait| tracing::debug!(%problem, ?wait, "trying again"))
            .await
    }

    /// Sends one request; an answer other than the one wanted is a problem.
    async fn ask(
        &self,
        repository: &Repository,
        ask: &Ask<'_>,
        wanted: &[StatusCode],
    ) -> Result<Response, Problem> {
        let response = self.http.send(repository, ask).await?;
        if wanted.contains(&response.status()) {
            return Ok(response);
        }
        Err(self.http.problem(repository, response, ask).await)
    }

    /// Fetches a manifest or an index, of at most `cap` bytes, by tag or digest.
    async fn manifest(&self, repository: &Repository, name: &str, cap: u64) -> Result<Vec<u8>, Problem> {
        let ask = Ask {
            method: Method::GET,
            path: format!("manifests/{name}"),
            accept: MANIFESTS,
            body: None,
            action: Action::Pull,
            what: format!("manifest {name}"),
        };
        self.retried(|| async {
            let response = self.ask(repository, &ask, &[StatusCode::OK]).await?;
            self.http.bounded(response, cap, &ask.what).await
        })
        .await
    }

    /// Fetches the manifest or index that `link` points to; its bytes are what the link promises.
    async fn linked_manifest(&self, repository: &Repository, link: &media::Link) -> Result<Vec<u8>, Problem> {
        let what = format!("manifest {}", link.digest);
        check_size(&what, link.size, media::cap::MANIFEST)?;
        let bytes = self.manifest(repository, &link.digest.to_string(), media::cap::MANIFEST).await?;
        check_content(&what, link, &bytes)?;
        Ok(bytes)
    }

    /// Fetches a small blob into memory.
    async fn small_blob(
        &self,
        repository: &Repository,
        link: &media::Link,
        cap: u64,
    ) -> Result<Vec<u8>, Problem> {
        let what = format!("blob {}", link.digest);
        check_size(&what, link.size, cap)?;
        let ask = Ask {
            method: Method::GET,
            path: format!("blobs/{}", link.digest),
            accept: "",
            body: None,
            action: Action::Pull,
            what,
        };
        let bytes = self
            .retried(|| async {
                let response = self.ask(repository, &ask, &[StatusCode::OK]).await?;
                self.http.bounded(response, link.size, &ask.what).await
            })
            .await?;
        check_content(&ask.what, link, &bytes)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("options", self.http.options()).finish_non_exhaustive()
    }
}

fn check_size(what: &str, size: u64, cap: u64) -> Result<(), Problem> {
    if size > cap { Err(Problem::TooLarge { what: what.to_owned(), size, cap }) } else { Ok(()) }
}

fn check_content(what: &str, link: &media::Link, bytes: &[u8]) -> Result<(), Problem> {
    let found = bytes.len() as u64;
    if found != link.size {
        return Err(Problem::WrongSize { what: what.to_owned(), expected: link.size, found });
    }
    let found = Digest::of(bytes);
    if found != link.digest {
        return Err(Problem::WrongDigest { what: what.to_owned(), found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_host_stands_for_its_ports() {
        let options =
            Options { insecure: vec!["localhost".into(), "r.example:5000".into()], ..Options::new() };
        for (host, wanted) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("LOCALHOST:1", true),
            ("r.example:5000", true),
            ("r.example:5001", false),
            ("r.example", false),
            ("localhost.example", false),
            ("[::1]:5000", false),
        ] {
            assert_eq!(options.is_insecure(host), wanted, "{host}");
        }
    }
}
