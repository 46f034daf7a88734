//! What is not in the manifests but made at install: certificates and keys, the token, and what the install was given.
//! Read from the cluster first, so that what is good stays.

use std::collections::BTreeMap;
use std::time::SystemTime;

use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::api::{Cluster, ClusterError};
use crate::certificates::{self, CertificateError, Facts, Pair, Side};
use crate::object::{Id, Object};
use crate::values::Values;

/// Annotation of pods' templates: a sum over what pods read when they start. A change of it restarts them.
pub(crate) const SUM: &str = "gadgetry.dev/contents";

const AUTHORITY: &str = "gadgetry-ca";
const TOKEN: &str = "gadgetry-token";
const INSTALL: &str = "gadgetry-install";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const BUNDLE: &str = "ca.crt";
const PREVIOUS: &str = "previous.crt";

/// Contents that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// What is there cannot be read.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The token.
    #[error("cannot draw a token: {0}")]
    Random(#[from] getrandom::Error),
}

/// What an earlier install noted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) version: String,
    pub(crate) overlays: Vec<String>,
    pub(crate) values: Values,
}

impl Record {
    /// The record in `namespace`.
    pub(crate) async fn read(cluster: &Cluster, namespace: &str) -> Result<Option<Self>, ClusterError> {
        let Some(object) = cluster.get(&id("ConfigMap", namespace, INSTALL)).await? else { return Ok(None) };
        let text = |key: &str| object.0["data"][key].as_str();
        let Some(version) = text("version") else { return Ok(None) };
        let overlays = text("overlays").unwrap_or("default").split(',').map(str::to_owned).collect();
        let values = text("values.json").and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
        Ok(Some(Self { version: version.to_owned(), overlays, values }))
    }

    fn data(&self) -> Value {
        let Self { version, overlays, values } = self;
        let values = serde_json::to_string(values).unwrap_or_default();
        json!({"version": version, "overlays": overlays.join(","), "values.json": values})
    }
}

/// What the Secrets hold.
#[derive(Default)]
pub(crate) struct Held {
    authority: Option<Pair>,
    previous: String,
    leaves: BTreeMap<&'static str, Pair>,
    bundles: String,
    token: Option<String>,
}

impl Held {
    /// Reads them.
    pub(crate) async fn read(cluster: &Cluster, namespace: &str) -> Result<Self, ClusterError> {
        let mut held = Self::default();
        if let Some(data) = secret(cluster, namespace, AUTHORITY).await? {
            held.authority = pair(&data);
            held.previous = data.get(PREVIOUS).cloned().unwrap_or_default();
        }
        for side in [Side::Agent, Side::Server] {
            let name = tls(side);
            if let Some(data) = secret(cluster, namespace, name).await? {
                held.bundles.push_str(data.get(BUNDLE).map_or("", String::as_str));
                if let Some(pair) = pair(&data) {
                    held.leaves.insert(name, pair);
                }
            }
        }
        if let Some(mut data) = secret(cluster, namespace, TOKEN).await? {
            held.token = data.remove("token").filter(|it| !it.is_empty());
        }
        Ok(held)
    }

    /// The leaf of `side`, for what is told of it.
    pub(crate) fn leaf(&self, side: Side) -> Option<&Pair> {
        self.leaves.get(tls(side))
    }
}

fn tls(side: Side) -> &'static str {
    match side {
        Side::Agent => "gadgetry-agent-tls",
        Side::Server => "gadgetry-server-tls",
    }
}

fn id(kind: &str, namespace: &str, name: &str) -> Id {
    Id { kind: kind.to_owned(), namespace: Some(namespace.to_owned()), name: name.to_owned() }
}

async fn secret(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Option<BTreeMap<String, String>>, ClusterError> {
    let Some(object) = cluster.get(&id("Secret", namespace, name)).await? else { return Ok(None) };
    let data = object.0.get("data").cloned().unwrap_or_default();
    let data: BTreeMap<String, ByteString> = serde_json::from_value(data).unwrap_or_default();
    Ok(Some(data.into_iter().map(|(key, it)| (key, String::from_utf8_lossy(&it.0).into_owned())).collect()))
}

fn pair(data: &BTreeMap<String, String>) -> Option<Pair> {
    let text = |key: &str| data.get(key).filter(|it| !it.is_empty()).cloned();
    Some(Pair { certificate: text(CERTIFICATE)?, key: text(KEY)? })
}

/// The certificates as they shall be.
pub(crate) struct Certificates {
    authority: Pair,
    previous: String,
    leaves: BTreeMap<&'static str, Pair>,
    /// Leaves for when every pod trusts the new authority.
    later: BTreeMap<&'static str, Pair>,
    /// What is new.
    pub(crate) notes: Vec<String>,
}

impl Certificates {
    /// Keeps what is good of `held`; with `rotate` nothing is.
    pub(crate) fn plan(
        held: &Held,
        namespace: &str,
        rotate: bool,
        now: SystemTime,
    ) -> Result<Self, CertificateError> {
        let mut notes = Vec::new();
        let mut previous: Vec<String> = certificates::bundle(&held.previous);
        let kept = match &held.authority {
            Some(pair) if !rotate => {
                let facts = Facts::of("the authority's certificate", &pair.certificate)?;
                (!facts.is_old(now)).then_some(pair)
            }
            _ => None,
        };
        let authority = match kept {
            Some(pair) => pair.clone(),
            None => {
                notes.push("a new authority for certificates".to_owned());
                // Whatever pods trust now, they go on trusting.
                previous.extend(held.authority.iter().map(|it| it.certificate.clone()));
                previous.extend(certificates::bundle(&held.bundles));
                certificates::authority(now)?
            }
        };
        let facts = Facts::of("the authority's certificate", &authority.certificate)?;
        let mut seen = vec![authority.certificate.trim().to_owned()];
        previous.retain(|it| {
            let valid =
                Facts::of("a previous authority's certificate", it).is_ok_and(|it| it.not_after > now);
            let new = !seen.contains(&it.trim().to_owned());
            seen.push(it.trim().to_owned());
            valid && new
        });
        let (mut leaves, mut later) = (BTreeMap::new(), BTreeMap::new());
        for side in [Side::Agent, Side::Server] {
            let name = tls(side);
            let make = || certificates::leaf(&authority, side, namespace, now);
            let Some(pair) = held.leaves.get(name) else {
                notes.push(format!("a certificate in {name}"));
                leaves.insert(name, make()?);
                continue;
            };
            let old = Facts::of(name, &pair.certificate)?;
            let of_it = old.is_of(&facts);
            if of_it && !old.is_old(now) && old.names == side.names(namespace) {
                leaves.insert(name, pair.clone());
            } else if of_it {
                notes.push(format!("a renewed certificate in {name}"));
                leaves.insert(name, make()?);
            } else {
                notes.push(format!("a certificate of the new authority in {name}, once all pods trust it"));
                leaves.insert(name, pair.clone());
                later.insert(name, make()?);
            }
        }
        Ok(Self { authority, previous: previous.concat(), leaves, later, notes })
    }

    fn bundle(&self) -> String {
        format!("{}{}", self.authority.certificate, self.previous)
    }

    fn authority_data(&self) -> Value {
        let Pair { certificate, key } = &self.authority;
        data(&[(CERTIFICATE, certificate), (KEY, key), (PREVIOUS, &self.previous)])
    }

    fn leaf_data(&self, pair: &Pair) -> Value {
        data(&[(CERTIFICATE, &pair.certificate), (KEY, &pair.key), (BUNDLE, &self.bundle())])
    }
}

fn data(entries: &[(&str, &str)]) -> Value {
    let entry = |(key, text): &(&str, &str)| ((*key).to_owned(), json!(ByteString(text.as_bytes().to_vec())));
    Value::Object(entries.iter().filter(|(_, text)| !text.is_empty()).map(entry).collect::<Map<_, _>>())
}

/// Whether any of `objects` holds certificates.
pub(crate) fn has_certificates(objects: &[Object]) -> bool {
    objects.iter().any(|it| it.kind() == "Secret" && it.name() == AUTHORITY)
}

/// Fills `objects` in. What comes back is to be applied when all pods have restarted with that.
pub(crate) fn fill(
    objects: &mut [Object],
    held: &Held,
    certificates: Option<&Certificates>,
    record: &Record,
) -> Result<Vec<Object>, ContentsError> {
    let mut later = Vec::new();
    let mut sum = Sha256::new();
    for object in objects.iter_mut() {
        let filled = match (object.kind(), object.name()) {
            ("Secret", AUTHORITY) => certificates.map(Certificates::authority_data),
            ("Secret", TOKEN) => {
                let token = match record.values.token.clone().or_else(|| held.token.clone()) {
                    Some(token) => token,
                    None => random()?,
                };
                sum.update(token.as_bytes());
                Some(data(&[("token", &token)]))
            }
            ("ConfigMap", INSTALL) => Some(record.data()),
            ("ConfigMap", _) => {
                sum.update(object.0["data"].to_string().as_bytes());
                None
            }
            ("Secret", name) => certificates.and_then(|it| Some(it.leaf_data(it.leaves.get(name)?))),
            _ => None,
        };
        let Some(filled) = filled else { continue };
        if let Some(certificates) = certificates
            && let Some(pair) = certificates.later.get(object.name())
        {
            let mut next = object.clone();
            next.0["data"] = certificates.leaf_data(pair);
            later.push(next);
        }
        object.0["data"] = filled;
    }
    // Of certificates the trusted ones alone: leaves are read again when they change, for which no pod restarts.
    sum.update(certificates.map(Certificates::bundle).unwrap_or_default().as_bytes());
    let sum: String = sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    for object in objects.iter_mut() {
        if let Some(template) = object.0.pointer_mut("/spec/template/metadata") {
            template["annotations"][SUM] = json!(sum);
        }
    }
    Ok(later)
}

fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn held(certificates: &Certificates, later: bool) -> Held {
        let mut leaves = certificates.leaves.clone();
        if later {
            leaves.extend(certificates.later.clone());
        }
        Held {
            authority: Some(certificates.authority.clone()),
            previous: certificates.previous.clone(),
            leaves,
            bundles: certificates.bundle(),
            token: None,
        }
    }

    fn plan(held: &Held, rotate: bool, now: SystemTime) -> Certificates {
        Certificates::plan(held, "gadgetry", rotate, now).unwrap()
    }

    #[test]
    fn what_is_good_stays() {
        let now = SystemTime::now();
        let first = plan(&Held::default(), false, now);
        assert_eq!(first.notes.len(), 3);
        let again = plan(&held(&first, false), false, now + Duration::from_secs(3600));
        assert!(again.notes.is_empty() && again.leaves == first.leaves && again.authority == first.authority);
        assert!(again.later.is_empty());
    }

    #[test]
    fn leaves_are_renewed_by_the_same_authority() {
        let now = SystemTime::now();
        let first = plan(&Held::default(), false, now);
        let late = plan(&held(&first, false), false, now + certificates::LEAF * 3 / 4);
        assert_eq!(late.authority, first.authority);
        assert!(late.later.is_empty() && late.leaves != first.leaves);
        assert_eq!(late.bundle(), first.bundle(), "so that no pod restarts");
    }

    #[test]
    fn a_new_authority_signs_once_it_is_trusted() {
        let now = SystemTime::now();
        let first = plan(&Held::default(), false, now);
        let now = now + Duration::from_secs(1);
        let second = plan(&held(&first, false), true, now);
        assert_ne!(second.authority, first.authority);
        assert_eq!(second.leaves, first.leaves, "until all pods trust the new one");
        assert_eq!(certificates::bundle(&second.bundle()).len(), 2);
        assert_eq!(second.later.len(), 2);
        // Interrupted between the steps, the next upgrade goes on where this one ended.
        let resumed = plan(&held(&second, false), false, now);
        assert_eq!(resumed.authority, second.authority);
        assert_eq!(resumed.later.len(), 2);
        let done = plan(&held(&second, true), false, now);
        assert!(done.notes.is_empty() && done.later.is_empty());
        assert_eq!(certificates::bundle(&done.bundle()).len(), 2, "the old one is trusted until it expires");
        let much_later = now + certificates::AUTHORITY + Duration::from_secs(3600);
        let third = plan(&held(&second, true), false, much_later);
        assert!(certificates::bundle(&third.previous).is_empty(), "what has expired is dropped");
    }

    #[test]
    fn an_authority_near_its_end_is_replaced() {
        let now = SystemTime::now();
        let first = plan(&Held::default(), false, now);
        let late = plan(&held(&first, false), false, now + certificates::AUTHORITY * 3 / 4);
        assert_ne!(late.authority, first.authority);
    }
}
