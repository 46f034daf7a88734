//! Both ends of a connection prove who they are: an agent to the server, and the server to an agent. What a certificate
//! is for stands in it as a DNS name ([`Role`]), so that an agent's, which is on every node, commands no other agent.
//!
//! Certificates are files that whoever renews them replaces; they are looked at for each connection. Files that can't be
//! used leave those before in place, and are told of.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs gadgets on a node.
    Agent,
    /// Asks agents.
    Server,
}

impl Role {
    /// The DNS name in such a certificate.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "gadgetry-agent",
            Self::Server => "gadgetry-server",
        }
    }

    fn server_name(self) -> ServerName<'static> {
        ServerName::try_from(self.name()).unwrap_or_else(|_| unreachable!("a literal DNS name"))
    }

    /// Whether `certificate`, which has been verified, is of this role.
    pub fn has(self, certificate: &CertificateDer<'_>) -> bool {
        ParsedCertificate::try_from(certificate)
            .is_ok_and(|parsed| verify_server_name(&parsed, &self.server_name()).is_ok())
    }
}

/// A certificate with its chain, its key, and the authorities that the other end's must be of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// PEM: the certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    /// PEM: the private key.
    pub key: PathBuf,
    /// PEM: one or more authorities; while they change, the old one and the new.
    pub authorities: PathBuf,
}

/// Why files can't be used. Never says what is in them.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}", path = path.display())]
pub struct TlsError {
    path: PathBuf,
    reason: String,
}

/// Certificates in use.
#[derive(Debug)]
pub struct Identity {
    files: Files,
    current: Mutex<Loaded>,
}

#[derive(Clone, Debug)]
struct Loaded {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    changed: [Option<SystemTime>; 3],
}

impl Identity {
    /// Reads the files.
    pub fn new(files: Files) -> Result<Self, TlsError> {
        let loaded = files.load()?;
        Ok(Self { files, current: Mutex::new(loaded) })
    }

    fn loaded(&self) -> Loaded {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = self.files.changed();
        if changed != current.changed {
            match self.files.load() {
                Ok(loaded) => *current = loaded,
                Err(error) => {
                    tracing::warn!(%error, "the new certificates can't be used; those before are kept");
                    // Told once, not with each connection.
                    current.changed = changed;
                }
            }
        }
        current.clone()
    }

    /// For one who is connected to.
    pub fn server(&self) -> Arc<ServerConfig> {
        self.loaded().server
    }

    /// For one who connects.
    pub fn client(&self) -> Arc<ClientConfig> {
        self.loaded().client
    }
}

impl Files {
    fn changed(&self) -> [Option<SystemTime>; 3] {
        [&self.certificate, &self.key, &self.authorities]
            .map(|path| fs::metadata(path).and_then(|it| it.modified()).ok())
    }

    fn load(&self) -> Result<Loaded, TlsError> {
        let changed = self.changed();
        let fault = |path: &Path, reason: String| TlsError { path: path.to_owned(), reason };
        let chain = certificates(&self.certificate)?;
        let mut roots = RootCertStore::empty();
        for authority in certificates(&self.authorities)? {
            roots
                .add(authority)
                .map_err(|error| fault(&self.authorities, format!("not an authority ({error})")))?;
        }
        let key = || {
            PrivateKeyDer::from_pem_file(&self.key)
                .map_err(|error| fault(&self.key, format!("no private key in PEM ({error})")))
        };
        let unfit = |error: tokio_rustls::rustls::Error| {
            fault(&self.key, format!("does not fit the certificate ({error})"))
        };
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(roots);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|error| fault(&self.authorities, error.to_string()))?;
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&tokio_rustls::rustls::version::TLS13])
            .map_err(unfit)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key()?)
            .map_err(unfit)?;
        server.alpn_protocols = vec![b"h2".to_vec()];
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&tokio_rustls::rustls::version::TLS13])
            .map_err(unfit)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key()?)
            .map_err(unfit)?;
        client.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Loaded { server: Arc::new(server), client: Arc::new(client), changed })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fault = |reason: String| TlsError { path: path.to_owned(), reason };
    let all: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| fault(format!("no certificates in PEM ({error})")))?;
    if all.is_empty() {
        return Err(fault("there is no certificate in it".into()));
    }
    Ok(all)
}
