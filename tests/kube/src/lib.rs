//! A Kubernetes API server in memory, for tests where no cluster is at hand.
//!
//! It speaks HTTP on loopback, plainly or by TLS, and knows the kinds that are used here, and those that stored definitions add. It
//! lists and watches, with selectors, pages, bookmarks and metadata alone; creates, replaces, deletes; applies on the
//! server's side; answers who a token is and who may do what, by rules that a test sets and by the roles and bindings
//! that are stored; forwards ports. It refuses what the real one refuses where that has mattered: unknown kinds, missing
//! namespaces, wrong label values, fields that never change, verbs that the token's roles do not allow.
//!
//! It is not the real one: no controllers, no admission, no schemas, no conflicts of ownership in server-side apply
//! (lists are replaced as wholes), and everything is in one lock.
//!
//! ```no_run
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! use gadgetry_kube_double::{Double, Fault};
//! use serde_json::json;
//!
//! let double = Double::start().await;
//! double.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}));
//! let client = double.client();
//! double.fault("nodes", Fault::Busy(1));
//! double.heal();
//! double.close().await;
//! double.open().await;
//! # Ok(())
//! # }
//! ```

mod access;
mod check;
mod defaults;
mod discovery;
mod faults;
mod forward;
mod kinds;
mod listen;
mod merge;
mod request;
mod reviews;
mod select;
mod server;
mod status;
mod store;
mod verbs;
mod watch;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use kube::config::{AuthInfo, Kubeconfig};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::access::{Rule, Token, User};
use crate::kinds::Kind;
use crate::listen::Listening;
use crate::server::{Shared, lock};
use crate::store::{Key, key};

pub use faults::Fault;

/// A request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its query as it was sent.
    pub query: String,
    /// Who sent it, by its own words.
    pub agent: String,
}

/// A server that runs until it is dropped. A function that is asked for a kind or object that it cannot have panics: the
/// test is wrong.
pub struct Double {
    shared: Arc<Shared>,
    address: SocketAddr,
    listening: Mutex<Option<Listening>>,
    secure: Mutex<Vec<Listening>>,
    files: tempfile::TempDir,
}

impl Double {
    /// Starts a server with the namespaces `default` and `kube-system` and nothing in them.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::new());
        let listening = Listening::open(shared.clone(), (Ipv4Addr::LOCALHOST, 0).into(), None).await;
        let listening = listening.expect("a port on loopback");
        let files = tempfile::tempdir().expect("a folder for the kubeconfig");
        Self {
            shared,
            address: listening.address,
            listening: Mutex::new(Some(listening)),
            secure: Mutex::default(),
            files,
        }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Listens by TLS as well, which what runs in a pod insists on; until the double is dropped, open or closed. `certificate` and
    /// `key` are PEM; the certificate must be for 127.0.0.1. Returns where.
    pub async fn listen_tls(&self, certificate: &str, key: &str) -> SocketAddr {
        let certificates = CertificateDer::pem_slice_iter(certificate.as_bytes());
        let certificates = certificates.collect::<Result<Vec<_>, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the protocol's versions")
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .expect("a certificate and its key");
        let tls = Some(TlsAcceptor::from(Arc::new(config)));
        let listening = Listening::open(self.shared.clone(), (Ipv4Addr::LOCALHOST, 0).into(), tls).await;
        let listening = listening.expect("a port on loopback");
        let address = listening.address;
        lock(&self.secure).push(listening);
        address
    }

    /// A client that may do everything. Requests are sent once: none is repeated behind the test's back.
    pub fn client(&self) -> kube::Client {
        self.connect(None)
    }

    /// A client with a token, which may do what the token's user may.
    pub fn client_as(&self, token: &str) -> kube::Client {
        self.connect(Some(token))
    }

    fn connect(&self, token: Option<&str>) -> kube::Client {
        let mut config = kube::Config::new(self.url().parse().expect("an address is a URL"));
        config.default_retry = false;
        config.auth_info =
            AuthInfo { token: token.map(|token| token.to_owned().into()), ..AuthInfo::default() };
        kube::Client::try_from(config).expect("a client of a plain address")
    }

    /// A kubeconfig with the contexts `double` (current) and `elsewhere`, where nothing listens; there as long as the
    /// double is.
    pub fn kubeconfig(&self) -> PathBuf {
        let path = self.files.path().join("kubeconfig");
        let context = |name: &str| json!({"name": name, "context": {"cluster": name, "user": name}});
        let cluster = |name: &str, url: &str| json!({"name": name, "cluster": {"server": url}});
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "double",
            "contexts": [context("double"), context("elsewhere")],
            "clusters": [cluster("double", &self.url()), cluster("elsewhere", "http://127.0.0.1:1")],
            "users": [{"name": "double", "user": {}}, {"name": "elsewhere", "user": {}}],
        });
        std::fs::write(&path, config.to_string()).expect("a file in a folder of its own");
        Kubeconfig::read_from(&path).expect("a kubeconfig that can be read");
        path
    }

    /// Stores an object as it is, status and all, in place of one of the same name; its namespace is made if it is not
    /// there. Returns it with what the server added.
    pub fn put(&self, object: Value) -> Value {
        let (api_version, kind) = (object["apiVersion"].as_str(), object["kind"].as_str());
        self.shared.write(|store| {
            let kind = store.kind_of(api_version.unwrap_or_default(), kind.unwrap_or_default());
            let kind = kind.unwrap_or_else(|| {
                panic!("the double knows no {} of {}", object["kind"], object["apiVersion"])
            });
            let kind = kind.clone();
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            let key = key(
                &kind,
                if text("namespace").is_empty() { "default" } else { text("namespace") },
                text("name"),
            );
            assert!(!key.name.is_empty(), "an object without a name: {object}");
            if kind.namespaced {
                store.ensure_namespace(&key.namespace);
            }
            let completed = store.complete(&kind, &key, object.clone());
            (*store.store(&kind, &key, completed)).clone()
        })
    }

    /// The object, if it is there. Kinds go by their names alone; the namespace of what has none is empty.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let (_, key) = self.key(kind, namespace, name);
        self.shared.store().get(&key).map(|object| (**object).clone())
    }

    /// All objects of a kind, in one namespace or (empty) in all.
    pub fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let (kind, _) = self.key(kind, namespace, "");
        self.shared.store().list(&kind, namespace).map(|(_, object)| (**object).clone()).collect()
    }

    /// Merges into a stored object, status and all: what controllers and kubelets do. Null takes out.
    pub fn patch(&self, kind: &str, namespace: &str, name: &str, change: Value) -> Value {
        let mut object = self
            .get(kind, namespace, name)
            .unwrap_or_else(|| panic!("there is no {kind} {namespace}/{name}"));
        merge::patch(&mut object, &change);
        self.put(object)
    }

    /// Removes an object at once, whatever holds it, with all that it holds or owns. Says whether it was there.
    pub fn remove(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let (_, key) = self.key(kind, namespace, name);
        self.shared.write(|store| store.remove(&key)).is_some()
    }

    fn key(&self, kind: &str, namespace: &str, name: &str) -> (Kind, Key) {
        let kind = self
            .shared
            .store()
            .kind_named(kind)
            .cloned()
            .unwrap_or_else(|| panic!("the double knows no {kind}"));
        let key = key(&kind, namespace, name);
        (kind, key)
    }

    /// Makes `token` stand for a user. Without audiences, reviews of it tell none, as by an authenticator that knows
    /// nothing of them.
    pub fn token(&self, token: &str, user: &str, groups: &[&str], audiences: &[&str]) {
        let texts = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect();
        let user = User { name: user.to_owned(), groups: texts(groups), uid: format!("uid-{user}") };
        self.shared.access().tokens.insert(token.to_owned(), Token { user, audiences: texts(audiences) });
    }

    /// Revokes a token.
    pub fn revoke(&self, token: &str) {
        self.shared.access().tokens.remove(token);
    }

    /// Lets a user or group do `verb` (`*`: anything) to a resource (`pods`, `gadgets.gadgets.gadgetry.dev`) in one
    /// namespace, or everywhere.
    pub fn allow(&self, subject: &str, verb: &str, resource: &str, namespace: Option<&str>) {
        self.rule(true, subject, verb, resource, namespace);
    }

    /// As [`Self::allow`], but forbids, whatever else allows it.
    pub fn deny(&self, subject: &str, verb: &str, resource: &str, namespace: Option<&str>) {
        self.rule(false, subject, verb, resource, namespace);
    }

    fn rule(&self, allow: bool, subject: &str, verb: &str, resource: &str, namespace: Option<&str>) {
        self.shared.access().rules.push(Rule {
            allow,
            subject: subject.to_owned(),
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.map(str::to_owned),
        });
    }

    /// Makes a pod's port lead to a listener of the test's.
    pub fn forward(&self, namespace: &str, pod: &str, port: u16, to: SocketAddr) {
        lock(&self.shared.ports).insert((namespace.to_owned(), pod.to_owned(), port), to);
    }

    /// Sets a fault for requests for objects of a kind (`pods`) or, when that is empty, for all. Watches that stand are
    /// not touched.
    pub fn fault(&self, plural: &str, fault: Fault) {
        self.shared.faults().add(plural, fault);
    }

    /// Takes all faults away.
    pub fn heal(&self) {
        self.shared.faults().clear();
    }

    /// Forgets what changed until now: watches that go on from before are told 410 Gone, those that stand as well.
    pub fn expire(&self) {
        self.shared.write(store::Store::forget);
    }

    /// Refuses connections from now on, and cuts those that stand.
    pub async fn close(&self) {
        let listening = lock(&self.listening).take();
        if let Some(listening) = listening {
            listening.close().await;
        }
    }

    /// Listens again, at the same address.
    pub async fn open(&self) {
        self.close().await;
        let listening = Listening::open(self.shared.clone(), self.address, None).await;
        *lock(&self.listening) = Some(listening.expect("the port that was closed"));
    }

    /// Cuts all connections and takes new ones.
    pub async fn cut(&self) {
        self.open().await;
    }

    /// The requests that arrived, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen().clone()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        for listening in lock(&self.listening).take().iter().chain(&*lock(&self.secure)) {
            listening.cut();
        }
    }
}
