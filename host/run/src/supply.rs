//! Where gadgets come from: carried by the binary, kept in the local store, or pulled from a registry; and in each
//! case resolved to a digest, verified under the policy, and held to its permissions before anything of it is used.

mod terms;

use std::collections::BTreeMap;

use gadget_registry::bundle::Bundle;
use gadget_registry::digest::Digest;
use gadget_registry::image::{Blobs, Image, ImageError, host_architecture};
use gadget_registry::inspect::{Inspection, inspect};
use gadget_registry::media::Link;
use gadget_registry::policy::Policy;
use gadget_registry::reference::Reference;
use gadget_registry::remote::{Platforms, Remote};
use gadget_registry::store::Store;
use gadget_registry::verify::{self, Kind, Verdict};

use crate::answer::Identity;
use crate::arguments::nearest;
use crate::node::Verified;

/// When a registry is asked for an image that may be in the store already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pull {
    /// Always: a tag may have moved.
    Always,
    /// Only when the store has no image of that name.
    #[default]
    Missing,
    /// Never.
    Never,
}

/// Everything an image can come from.
pub struct Supply {
    built_ins: Bundle<'static>,
    store: Store,
    remote: Remote,
    policy: Policy,
    pull: Pull,
}

/// An image that can't be had, or may not be used.
#[derive(Debug, thiserror::Error)]
#[error("{reference}: {reason}")]
pub struct SupplyError {
    /// The reference as given.
    pub reference: String,
    /// Why, and what to do.
    pub reason: String,
}

impl Supply {
    /// `policy` is what the operator wrote; the built-in gadgets are added to it here, by their digests.
    pub fn new(built_ins: Bundle<'static>, store: Store, remote: Remote, policy: Policy, pull: Pull) -> Self {
        let policy = built_ins
            .images()
            .values()
            .fold(policy, |policy, link| policy.with_built_in(link.digest, Default::default()));
        Self { built_ins, store, remote, policy, pull }
    }

    /// The built-in gadgets, by name.
    pub const fn built_ins(&self) -> &BTreeMap<String, Link> {
        self.built_ins.images()
    }

    /// The local store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Access to registries.
    pub const fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The policy in force.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Resolves, fetches, verifies and reads an image; what it returns may be run.
    pub async fn fetch(&self, text: &str) -> Result<Verified, SupplyError> {
        self.fetched(text, self.pull).await
    }

    /// As [`Self::fetch`], but a tag is looked up in its registry again, unless that is forbidden.
    pub async fn fetch_again(&self, text: &str) -> Result<Verified, SupplyError> {
        let pull = if self.pull == Pull::Never { Pull::Never } else { Pull::Always };
        self.fetched(text, pull).await
    }

    async fn fetched(&self, text: &str, pull: Pull) -> Result<Verified, SupplyError> {
        let refuse = |reason: String| SupplyError { reference: text.to_owned(), reason };
        let (image, verdict, readme) =
            self.verified(text, pull).await.map_err(|reason| refuse(remedy(reason)))?;
        let owner = self.owner(text);
        let terms =
            terms::terms(owner, &image, &verdict, &self.policy, &|name| self.owner(name)).map_err(refuse)?;
        let Image { digest, descriptor, component, ebpf, .. } = image;
        let identity = Identity {
            name: descriptor.name.clone(),
            version: descriptor.version.clone(),
            reference: text.to_owned(),
            digest: digest.to_string(),
            signed_by: signed_by(&verdict),
        };
        Ok(Verified { identity, descriptor, component, object: ebpf.map(|layer| layer.bytes), readme, terms })
    }

    /// All that can be said of an image, whether it may run or not, for those who look before they trust.
    pub async fn inspect(&self, text: &str) -> Result<Inspection, SupplyError> {
        let refuse = |reason: String| SupplyError { reference: text.to_owned(), reason };
        let reference: Reference = text.parse().map_err(|error| refuse(format!("{error}")))?;
        if let Some(digest) = self.built_in(&reference).map_err(refuse)? {
            return inspect(&self.built_ins, &digest, &[]).map_err(|error| refuse(error.to_string()));
        }
        if let Some(digest) = self.kept(&reference).map_err(refuse)?
            && let Ok(inspection) = self.inspect_kept(&digest)
        {
            return Ok(inspection);
        }
        // Not there, or only the part for this machine: an inspection is of the whole image.
        let digest = self.pulled(&reference, Platforms::All, None).await.map_err(refuse)?;
        self.inspect_kept(&digest).map_err(refuse)
    }

    fn inspect_kept(&self, digest: &Digest) -> Result<Inspection, String> {
        let signatures = self.store.attached(digest).map_err(|error| error.to_string())?;
        inspect(&self.store, digest, &signatures).map_err(|error| error.to_string())
    }

    /// Resolves and verifies, without holding an image to its permissions.
    pub async fn verdict(&self, text: &str) -> Result<Verdict, SupplyError> {
        let refuse = |reason: String| SupplyError { reference: text.to_owned(), reason };
        self.verified(text, self.pull)
            .await
            .map(|(_, verdict, _)| verdict)
            .map_err(|reason| refuse(remedy(reason)))
    }

    async fn verified(&self, text: &str, pull: Pull) -> Result<(Image, Verdict, Option<String>), String> {
        let reference: Reference = text.parse().map_err(|error| format!("{error}"))?;
        if let Some(digest) = self.built_in(&reference)? {
            let verdict = verify::verify(&digest, &reference.name(), &[], &self.policy)
                .map_err(|error| error.to_string())?;
            let (image, readme) = open(&self.built_ins, &digest)?;
            return Ok((image, verdict, readme));
        }
        let digest = match self.kept(&reference)? {
            Some(digest) if pull != Pull::Always => digest,
            _ => {
                let platforms = Platforms::Only(host_architecture().to_owned());
                let pulled = self.pulled(&reference, platforms, Some(&self.policy)).await;
                pulled.map_err(|reason| self.hint(text, reason))?
            }
        };
        // What is in the store is judged by the policy in force now, whatever it was when the image came there.
        let verdict = verify::verify_stored(&self.store, &digest, &reference.name(), &self.policy)
            .map_err(|error| error.to_string())?;
        let (image, readme) = open(&self.store, &digest)?;
        Ok((image, verdict, readme))
    }

    /// Whom something is granted to that is granted to `name`: a built-in gadget by its name, any other by its
    /// repository.
    fn owner(&self, name: &str) -> String {
        let Ok(reference) = name.parse::<Reference>() else { return name.to_owned() };
        match reference.built_in() {
            Some(built_in) if matches!(self.built_in(&reference), Ok(Some(_))) => built_in.to_owned(),
            _ => reference.name(),
        }
    }

    /// Something granted to a gadget that is not built in, though its name is short as theirs: misspelt, most likely.
    ///
    /// # Errors
    /// When there is one.
    pub fn check_granted(&self) -> Result<(), SupplyError> {
        for granted in self.policy.granted() {
            let name = granted.gadget.as_str();
            if !name.contains('/') && !self.built_ins.images().contains_key(name) {
                let reason =
                    "something is granted to it, or bound, but no built-in gadget has this name".to_owned();
                return Err(SupplyError { reference: name.to_owned(), reason: self.hint(name, reason) });
            }
        }
        Ok(())
    }

    fn built_in(&self, reference: &Reference) -> Result<Option<Digest>, String> {
        let Some(link) = reference.built_in().and_then(|name| self.built_ins.images().get(name)) else {
            return Ok(None);
        };
        match reference.digest() {
            Some(pin) if *pin != link.digest => Ok(None),
            _ => Ok(Some(link.digest)),
        }
    }

    fn kept(&self, reference: &Reference) -> Result<Option<Digest>, String> {
        if let Some(digest) = reference.digest() {
            return Ok(self.store.has(digest).then_some(*digest));
        }
        let kept = self.store.resolve(&reference.to_string()).map_err(|error| error.to_string())?;
        Ok(kept.map(|it| it.digest))
    }

    async fn pulled(
        &self,
        reference: &Reference,
        platforms: Platforms,
        policy: Option<&Policy>,
    ) -> Result<Digest, String> {
        if self.pull == Pull::Never {
            return Err("it is not in the store, and --pull=never forbids to fetch it".into());
        }
        let pulled = self.remote.pull(reference, &self.store, &platforms, policy).await;
        Ok(pulled.map_err(|error| error.to_string())?.link.digest)
    }

    /// A short name that is no built-in's is looked for in the default registry; a misspelt one most often.
    fn hint(&self, text: &str, reason: String) -> String {
        if text.contains('/') {
            return reason;
        }
        let name = text.split([':', '@']).next().unwrap_or(text);
        match nearest(name, self.built_ins.images().keys().map(String::as_str)) {
            Some(like) => format!("no built-in gadget has this name; did you mean `{like}`? ({reason})"),
            None => {
                let all: Vec<_> = self.built_ins.images().keys().map(String::as_str).collect();
                format!("no built-in gadget has this name (there are: {}). {reason}", all.join(", "))
            }
        }
    }
}

/// The image, and its README.
fn open(blobs: &impl Blobs, digest: &Digest) -> Result<(Image, Option<String>), String> {
    let open = || {
        let image = Image::open(blobs, digest, host_architecture())?;
        let readme = image.readme(blobs)?;
        Ok((image, readme))
    };
    open().map_err(|error: ImageError| error.to_string())
}

/// What can be done about a refusal without writing a policy file.
fn remedy(reason: String) -> String {
    if !reason.contains("the policy does not accept") {
        return reason;
    }
    format!(
        "{reason}\n--public-key FILE trusts what that key signed; --allow-unsigned, for development, runs what nobody signed"
    )
}

fn signed_by(verdict: &Verdict) -> String {
    match verdict.kind {
        Kind::BuiltIn => format!("built into gadgetry {}", env!("CARGO_PKG_VERSION")),
        Kind::Unsigned => "nobody (--allow-unsigned)".to_owned(),
        Kind::Digest | Kind::Key | Kind::Keyless => format!("{} (rule `{}`)", verdict.signer, verdict.rule),
    }
}
