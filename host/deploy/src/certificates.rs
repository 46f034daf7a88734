//! The certificates between server and agents, made at install: an authority of this install's own, and a leaf for each
//! side. No other authority is trusted, and the agents' leaf proves servers only: whoever steals it from a node can act as
//! an agent, and command none.
//!
//! A new authority comes in two steps, since pods take new files at their own time: first everybody trusts both, and
//! only when all pods have restarted with that, leaves of the new one are handed out. The old one is trusted until it
//! expires.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

const DAY: u64 = 24 * 3600;
/// How long leaves are valid.
pub const LEAF: Duration = Duration::from_secs(365 * DAY);
/// How long an authority is valid: so that leaves are renewed several times before it is.
pub const AUTHORITY: Duration = Duration::from_secs(3 * 365 * DAY);
/// Clocks of nodes differ.
const EARLIER: Duration = Duration::from_secs(3600);

/// A certificate that could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// What is there is none.
    #[error("{what} is no certificate: {reason}")]
    Read {
        /// Where it stands.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A certificate with its key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// Whose leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Serves the control API on a node.
    Agent,
    /// Asks agents, and serves the same API for the whole fleet.
    Server,
}

impl Side {
    /// The name of its Service, which is the first of its names.
    pub fn service(self) -> &'static str {
        match self {
            Self::Agent => "gadgetry-agent",
            Self::Server => "gadgetry-server",
        }
    }

    /// The DNS names in its leaf.
    pub fn names(self, namespace: &str) -> Vec<String> {
        let service = self.service();
        vec![service.to_owned(), format!("{service}.{namespace}"), format!("{service}.{namespace}.svc")]
    }
}

fn valid(params: &mut CertificateParams, from: SystemTime, until: SystemTime) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
    params.not_before = epoch + since(from);
    params.not_after = epoch + since(until);
}

/// A new authority, valid from `now`.
pub fn authority(now: SystemTime) -> Result<Pair, CertificateError> {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "gadgetry");
    // Two authorities must not have one name: a verifier would take the wrong one's key.
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    name.push(DnType::CommonName, format!("gadgetry authority {since:x}"));
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, now - EARLIER, now + AUTHORITY);
    let key = KeyPair::generate()?;
    Ok(Pair { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// A new leaf for `side`, signed by `authority`, valid from `now` and never longer than that.
pub fn leaf(
    authority: &Pair,
    side: Side,
    namespace: &str,
    now: SystemTime,
) -> Result<Pair, CertificateError> {
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key)?)?;
    let mut params = CertificateParams::new(side.names(namespace))?;
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "gadgetry");
    name.push(DnType::CommonName, side.service());
    params.distinguished_name = name;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = match side {
        Side::Agent => vec![ExtendedKeyUsagePurpose::ServerAuth],
        Side::Server => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
    };
    params.use_authority_key_identifier_extension = true;
    let end = Facts::of("the authority", &authority.certificate)?.not_after.min(now + LEAF);
    valid(&mut params, now - EARLIER, end);
    let key = KeyPair::generate()?;
    Ok(Pair { certificate: params.signed_by(&key, &issuer)?.pem(), key: key.serialize_pem() })
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Valid from then on.
    pub not_before: SystemTime,
    /// And until then.
    pub not_after: SystemTime,
    /// Its DNS names.
    pub names: Vec<String>,
    issuer: String,
    subject: String,
}

impl Facts {
    /// Reads the first certificate in `pem`; `what` says in errors where it stands.
    pub fn of(what: &str, pem: &str) -> Result<Self, CertificateError> {
        let wrong = |reason: String| CertificateError::Read { what: what.to_owned(), reason };
        let (_, block) =
            x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let certificate = block.parse_x509().map_err(|error| wrong(error.to_string()))?;
        let time =
            |seconds: i64| UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let names = match certificate.subject_alternative_name() {
            Ok(Some(names)) => names
                .value
                .general_names
                .iter()
                .filter_map(|name| match name {
                    x509_parser::extensions::GeneralName::DNSName(name) => Some((*name).to_owned()),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        Ok(Self {
            not_before: time(certificate.validity().not_before.timestamp()),
            not_after: time(certificate.validity().not_after.timestamp()),
            names,
            issuer: certificate.issuer().to_string(),
            subject: certificate.subject().to_string(),
        })
    }

    /// Whether less than a third of its time is left.
    pub fn is_old(&self, now: SystemTime) -> bool {
        let whole = self.not_after.duration_since(self.not_before).unwrap_or_default();
        self.not_after.duration_since(now).unwrap_or_default() < whole / 3
    }

    /// Whether it names `authority` as who signed it.
    pub fn is_of(&self, authority: &Self) -> bool {
        self.issuer == authority.subject
    }
}

/// The certificates in a bundle, each PEM.
pub fn bundle(pem: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    pem.split_inclusive(END).filter(|it| it.contains(END)).map(|it| format!("{}\n", it.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_of_their_authority_and_name_their_side() {
        let now = SystemTime::now();
        let (first, second) = (authority(now).unwrap(), authority(now + EARLIER).unwrap());
        let pair = leaf(&first, Side::Agent, "tools", now).unwrap();
        let facts = Facts::of("leaf", &pair.certificate).unwrap();
        let of = |pair: &Pair| Facts::of("authority", &pair.certificate).unwrap();
        assert!(facts.is_of(&of(&first)) && !facts.is_of(&of(&second)));
        assert_eq!(facts.names, ["gadgetry-agent", "gadgetry-agent.tools", "gadgetry-agent.tools.svc"]);
        assert!(!format!("{pair:?}").contains("PRIVATE"), "a key is in no log");
        assert!(
            Facts::of("it", "no certificate").unwrap_err().to_string().starts_with("it is no certificate")
        );
    }

    #[test]
    fn a_certificate_is_old_with_a_third_of_its_time_left() {
        let now = SystemTime::now();
        let authority = authority(now).unwrap();
        let pair = leaf(&authority, Side::Server, "gadgetry", now).unwrap();
        let facts = Facts::of("leaf", &pair.certificate).unwrap();
        for (days, old) in [(0, false), (240, false), (250, true), (400, true)] {
            assert_eq!(facts.is_old(now + Duration::from_secs(days * DAY)), old, "after {days} days");
        }
        // An authority near its end signs nothing beyond it.
        let late = now + AUTHORITY - Duration::from_secs(10 * DAY);
        let pair = leaf(&authority, Side::Server, "gadgetry", late).unwrap();
        let end = Facts::of("leaf", &pair.certificate).unwrap().not_after;
        assert!(end <= Facts::of("authority", &authority.certificate).unwrap().not_after);
    }

    #[test]
    fn a_bundle_comes_apart() {
        let now = SystemTime::now();
        let all = [authority(now).unwrap().certificate, authority(now).unwrap().certificate];
        assert_eq!(bundle(&all.concat()), all);
        assert!(bundle("").is_empty());
    }
}
