//! Credentials, from where docker and podman keep them: the first of `$REGISTRY_AUTH_FILE`,
//! `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, and podman's `auth.json` that knows the registry,
//! including through its credential helpers. Read anew each time, since a login may happen while we run.

use std::env;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use zeroize::Zeroizing;

/// The longest configuration that is read.
const MAX_FILE: u64 = 1 << 20;
/// How long a credential helper may take; some ask a cloud's metadata service.
const HELPER_TIMEOUT: Duration = Duration::from_secs(20);

/// Who we are.
pub(super) enum Credential {
    Password { user: String, secret: Zeroizing<String> },
    Identity(Zeroizing<String>),
}

/// What was found for a registry.
pub(super) struct Found {
    pub(super) credential: Option<Credential>,
    /// For the message, should the registry refuse.
    pub(super) note: String,
}

/// Looks for the credentials for `registry`, in `file` or else in the usual places.
pub(super) async fn find(registry: &str, file: Option<&Path>) -> Found {
    let asked = registry.to_owned();
    let files = file.map_or_else(usual, |file| vec![file.to_owned()]);
    // Helpers are processes that are waited for.
    let looking = tokio::task::spawn_blocking(move || look(&asked, &files));
    match tokio::time::timeout(HELPER_TIMEOUT, looking).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) | Err(_) => Found {
            credential: None,
            note: format!(" because the credential helper gave no answer for {} s", HELPER_TIMEOUT.as_secs()),
        },
    }
}

fn usual() -> Vec<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("HOME");
    let docker = folder("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
    [
        folder("REGISTRY_AUTH_FILE"),
        docker.map(|folder| folder.join("config.json")),
        folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        home.map(|home| home.join(".config/containers/auth.json")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn look(registry: &str, files: &[PathBuf]) -> Found {
    let mut note = " without credentials, because none are configured for it".to_owned();
    for file in files {
        match read(registry, file) {
            Ok(Some(credential)) => {
                let note = format!(" with the credentials from {}", file.display());
                return Found { credential: Some(credential), note };
            }
            Ok(None) => {}
            Err(reason) => {
                note = format!(" without credentials, because {} is no help: {reason}", file.display())
            }
        }
    }
    Found { credential: None, note }
}

fn read(registry: &str, file: &Path) -> Result<Option<Credential>, String> {
    let opened = match File::open(file) {
        Ok(opened) => BufReader::new(opened.take(MAX_FILE)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.to_string()),
    };
    // Docker keeps its own hub under an address of old.
    let name = if is_docker_hub(registry) { "https://index.docker.io/v1/" } else { registry };
    match docker_credential::get_credential_from_reader(opened, name) {
        Ok(DockerCredential::UsernamePassword(user, secret)) => {
            Ok(Some(Credential::Password { user, secret: Zeroizing::new(secret) }))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credential::Identity(Zeroizing::new(token)))),
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
        // How helpers say that they know nothing of a registry; the text is part of their protocol.
        Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
            if stdout.contains("credentials not found") || stderr.contains("credentials not found") =>
        {
            Ok(None)
        }
        // What a helper printed may hold a secret; its name and that it failed must do.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => Err(format!("{helper} failed")),
        Err(e) => Err(e.to_string()),
    }
}

fn is_docker_hub(registry: &str) -> bool {
    matches!(registry, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_that_knows_the_registry_wins() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        // dTE6cDE= is u1:p1
        let first = write(
            "first",
            r#"{"auths":{"a.example":{"auth":"dTE6cDE="},"t.example":{"identitytoken":"idt-7"}}}"#,
        );
        let second = write(
            "second",
            r#"{"auths":{"a.example":{"auth":"dTI6cDI="},"b.example:5000":{"username":"u","password":"p"},"https://index.docker.io/v1/":{"auth":"ZDpo"}}}"#,
        );
        let broken = write("broken", "{");
        let helper = write("helper", r#"{"credHelpers":{"h.example":"gadgetry-test-missing"}}"#);
        let files = [folder.path().join("absent"), first, second, helper, broken];
        let cases = [
            ("a.example", Some("u1:p1"), "first"),
            ("b.example:5000", Some("u:p"), "second"),
            ("registry-1.docker.io", Some("d:h"), "second"),
            ("t.example", Some("idt-7"), "first"),
            ("h.example", None, "broken"),
            ("c.example", None, "broken"),
        ];
        for (registry, wanted, file) in cases {
            let Found { credential, note } = look(registry, &files);
            let shown = credential.map(|credential| match credential {
                Credential::Password { user, secret } => format!("{user}:{}", *secret),
                Credential::Identity(token) => token.to_string(),
            });
            assert_eq!(shown.as_deref(), wanted, "{registry}");
            assert!(note.contains(file), "{registry}: {note}");
            assert!(!wanted.is_some_and(|secret| note.contains(secret)), "{note}");
        }
        let Found { note, .. } = look("h.example", &files[..4]);
        assert!(note.contains("communicate with credential helper"), "{note}");
        let Found { note, .. } = look("c.example", &files[..2]);
        assert!(note.contains("none are configured"), "{note}");
    }
}
