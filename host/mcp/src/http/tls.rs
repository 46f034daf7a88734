//! TLS for the HTTP transport. Certificate and key are files, looked at for each connection: who renews them replaces
//! the files, and nobody has to tell the server. A pair that can't be used leaves the one before in place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

/// A certificate with its chain, and its key.
#[derive(Clone, Debug)]
pub struct Files {
    /// PEM: the server's certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    /// PEM: the private key.
    pub key: PathBuf,
}

/// Why a pair of files can't be used. Never says what is in them.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}", path = path.display())]
pub struct TlsError {
    path: PathBuf,
    reason: String,
}

/// The pair in use.
#[derive(Debug)]
pub(super) struct Tls {
    files: Files,
    current: ArcSwap<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    /// When the files that were looked at last had been changed.
    changed: [Option<SystemTime>; 2],
}

impl Tls {
    /// Reads the files.
    pub(super) fn new(files: Files) -> Result<Self, TlsError> {
        let changed = files.changed();
        let config = files.load()?;
        Ok(Self { files, current: ArcSwap::from_pointee(Loaded { config, changed }) })
    }

    /// What to answer the next connection with.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let current = self.current.load();
        let changed = self.files.changed();
        if changed == current.changed {
            return current.config.clone();
        }
        let config = self.files.load().unwrap_or_else(|error| {
            tracing::warn!(%error, "the new certificate can't be used; the one before is kept");
            current.config.clone()
        });
        self.current.store(Arc::new(Loaded { config: config.clone(), changed }));
        config
    }
}

impl Files {
    fn changed(&self) -> [Option<SystemTime>; 2] {
        // Kubernetes replaces a mounted secret by turning a link, which metadata follows.
        [&self.certificate, &self.key].map(|path| fs::metadata(path).and_then(|it| it.modified()).ok())
    }

    fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let fault = |path: &Path, reason: String| TlsError { path: path.to_owned(), reason };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|error| fault(&self.certificate, format!("no certificates in PEM ({error})")))?;
        if chain.is_empty() {
            return Err(fault(&self.certificate, "there is no certificate in it".into()));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| fault(&self.key, format!("no private key in PEM ({error})")))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|it| it.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| fault(&self.key, format!("does not fit the certificate ({error})")))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
