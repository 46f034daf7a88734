//! What the operator set: which backend answers, with which credential and profile, and what a failure of it means.

use gadget::{Failure, config};

use crate::cloud::{Cloud, Credential};
use crate::ids::is_uuid;

/// Where the service is, by region.
const REGIONS: [(&str, &str); 5] = [
    ("us", "https://service.api.aisecurity.paloaltonetworks.com"),
    ("de", "https://service-de.api.aisecurity.paloaltonetworks.com"),
    ("eu", "https://service-de.api.aisecurity.paloaltonetworks.com"),
    ("in", "https://service-in.api.aisecurity.paloaltonetworks.com"),
    ("sg", "https://service-sg.api.aisecurity.paloaltonetworks.com"),
];
/// Items of a batch that go into one request: 5 is what every version of the service takes.
const BATCH: (usize, usize, usize) = (5, 5, 25);
/// Seconds that one request may take.
const TIMEOUT: (usize, usize, usize) = (30, 1, 60);

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The engine in this gadget.
    Local,
    /// The service.
    Cloud(Cloud),
    /// The engine, and the service for what the engine does not clear.
    LocalThenCloud(Cloud),
}

/// What a failure of the service means for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, gadget::Choice)]
pub enum Fail {
    /// Content is let through.
    Open,
    /// Content is blocked.
    Closed,
}

/// A security profile, by one or both of its names.
#[derive(Clone, Debug, Default, PartialEq, Eq, gadget::Row)]
pub struct Profile {
    /// A UUID.
    pub profile_id: Option<String>,
    /// As the operator named it.
    pub profile_name: Option<String>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who answers.
    pub backend: Backend,
    /// What a failure of the service means.
    pub fail: Fail,
    /// The profile for scans that name none.
    pub profile: Profile,
    /// Items of a batch that go into one request.
    pub batch: usize,
}

impl Profile {
    /// That of a caller who gave its name or its id.
    pub fn named(text: &str) -> Self {
        let text = text.to_owned();
        if is_uuid(&text) {
            Self { profile_id: Some(text), profile_name: None }
        } else {
            Self { profile_id: None, profile_name: Some(text) }
        }
    }
}

impl Fail {
    /// What to do with content that was not scanned.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Open => "allow",
            Self::Closed => "block",
        }
    }
}

impl Settings {
    /// Reads them.
    pub fn read() -> Result<Self, Failure> {
        let key = value("PANW_AI_SEC_API_KEY").map(Credential::Key);
        let credential = key.or_else(|| value("PANW_AI_SEC_API_TOKEN").map(Credential::Token));
        let wanted = value("AI_SECURITY_BACKEND");
        let names = ["local", "prisma-airs", "local-then-cloud"];
        let backend = match wanted.as_deref().map(str::trim) {
            None if credential.is_none() => Backend::Local,
            Some("local") => Backend::Local,
            None | Some("prisma-airs") => Backend::Cloud(cloud(credential)?),
            Some("local-then-cloud") => Backend::LocalThenCloud(cloud(credential)?),
            Some(other) => return Err(unknown("AI_SECURITY_BACKEND", &names.join(", "), other)),
        };
        let fail = match value("AI_SECURITY_FAIL").as_deref().map(str::trim) {
            None | Some("closed") => Fail::Closed,
            Some("open") => Fail::Open,
            Some(other) => return Err(unknown("AI_SECURITY_FAIL", "open, closed", other)),
        };
        let profile_id = value("PANW_AI_PROFILE_ID");
        if let Some(id) = profile_id.as_ref().filter(|id| !is_uuid(id)) {
            return Err(unknown("PANW_AI_PROFILE_ID", "a UUID", id));
        }
        let profile = Profile { profile_id, profile_name: value("PANW_AI_PROFILE_NAME") };
        Ok(Self { backend, fail, profile, batch: number("AI_SECURITY_BATCH", BATCH)? })
    }
}

fn cloud(credential: Option<Credential>) -> Result<Cloud, Failure> {
    let Some(credential) = credential else {
        return Err(Failure::new(
            "the backend is Prisma AIRS and it has no credential: the operator must bind PANW_AI_SEC_API_KEY or PANW_AI_SEC_API_TOKEN, or set AI_SECURITY_BACKEND to local",
        ));
    };
    let endpoint = match value("PANW_AI_SEC_API_ENDPOINT") {
        Some(endpoint) if endpoint.starts_with("https://") || endpoint.starts_with("http://") => {
            endpoint.trim_end_matches('/').to_owned()
        }
        Some(endpoint) => {
            return Err(unknown(
                "PANW_AI_SEC_API_ENDPOINT",
                "a URL such as https://service.api...",
                &endpoint,
            ));
        }
        None => region()?.to_owned(),
    };
    let hash = match value("AI_SECURITY_PAYLOAD_HASH").as_deref().map(str::trim) {
        None | Some("on") => true,
        Some("off") => false,
        Some(other) => return Err(unknown("AI_SECURITY_PAYLOAD_HASH", "on, off", other)),
    };
    let seconds = number("AI_SECURITY_TIMEOUT", TIMEOUT)?;
    Ok(Cloud { endpoint, credential, hash, timeout_ms: u32::try_from(seconds * 1000).unwrap_or(u32::MAX) })
}

fn region() -> Result<&'static str, Failure> {
    let Some(wanted) = value("AI_SECURITY_REGION") else { return Ok(REGIONS[0].1) };
    let found = REGIONS.iter().find(|(name, _)| wanted.trim().eq_ignore_ascii_case(name));
    let names = REGIONS.map(|(name, _)| name).join(", ");
    found.map(|(_, host)| *host).ok_or_else(|| unknown("AI_SECURITY_REGION", &names, &wanted))
}

/// `(default, least, most)`
fn number(name: &str, (default, least, most): (usize, usize, usize)) -> Result<usize, Failure> {
    let Some(text) = value(name) else { return Ok(default) };
    let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| unknown(name, &format!("a number from {least} to {most}"), &text))
}

/// What is bound, unless it is nothing: that is how a manifest leaves a value out.
fn value(name: &str) -> Option<String> {
    config::get(name).filter(|value| !value.trim().is_empty())
}

fn unknown(name: &str, wanted: &str, found: &str) -> Failure {
    let found = found.chars().take(60).collect::<String>();
    Failure::new(format!("the operator's setting {name} is {found:?}; expected {wanted}"))
}
