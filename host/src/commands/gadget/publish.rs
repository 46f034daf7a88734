//! Push, pull, keys, signatures.

use std::path::Path;

use anyhow::{Context, Result, bail};
use gadget_registry::key::{self, PrivateKey};
use gadget_registry::media::Link;
use gadget_registry::reference::Reference;
use gadget_registry::remote::Platforms;
use gadget_registry::sign;

use crate::approved::{self, Approved, Verdict};
use crate::cli::gadget::SignatureFormat;
use crate::cli::trust::Trust;
use crate::setup;

pub(super) async fn push(image: &str, trust: &Trust) -> Result<()> {
    let (reference, store) = (parse(image)?, setup::store(trust)?);
    let Some(kept) = store.resolve(&reference.to_string())? else {
        bail!("{reference} is not in the store; build it with `gadgetry gadget build --tag {image}`");
    };
    let pushed = setup::remote(trust).push(&store, &kept.digest, &reference).await?;
    println!("{reference}@{}", pushed.digest);
    let signatures =
        if pushed.signatures > 0 { format!(", {} signatures", pushed.signatures) } else { String::new() };
    eprintln!("pushed {} blobs, {} were there already{signatures}", pushed.sent, pushed.skipped);
    Ok(())
}

pub(super) async fn pull(image: &str, trust: &Trust) -> Result<()> {
    let (reference, store) = (parse(image)?, setup::store(trust)?);
    let pulled = setup::remote(trust).pull(&reference, &store, &Platforms::All, None).await?;
    println!("{reference}@{}", pulled.link.digest);
    eprintln!(
        "pulled, with {} signatures; whether it may run is for `gadgetry gadget verify`",
        pulled.signatures
    );
    for trouble in &pulled.signature_troubles {
        eprintln!("note: {}", crate::output::text::plain(trouble));
    }
    Ok(())
}

pub(super) fn keygen(prefix: &Path) -> Result<()> {
    let with = |extension: &str| {
        let mut name = prefix.as_os_str().to_owned();
        name.push(extension);
        std::path::PathBuf::from(name)
    };
    let (private, public) = (with(".key"), with(".pub"));
    let Some(password) = key::password_from_env() else {
        bail!(
            "set {} to the password of the new key; it may be empty, for a key that is kept safe otherwise",
            key::PASSWORD_VAR
        );
    };
    PrivateKey::generate()?.write_pair(&private, &public, &password)?;
    println!("{}\n{}", private.display(), public.display());
    Ok(())
}

/// Signs what the registry has: the tag is resolved once, and the signature speaks of the digest.
pub(super) async fn sign(image: &str, key: &Path, format: SignatureFormat, trust: &Trust) -> Result<()> {
    let (reference, store, remote) = (parse(image)?, setup::store(trust)?, setup::remote(trust));
    let key = PrivateKey::load(key, key::password_from_env)?;
    let pulled = remote.pull(&reference, &store, &Platforms::All, None).await?;
    let Link { digest, .. } = pulled.link;
    let format = match format {
        SignatureFormat::Both => sign::Format::Both,
        SignatureFormat::Legacy => sign::Format::Simple,
        SignatureFormat::Bundle => sign::Format::Bundle,
    };
    let signatures = sign::sign(&pulled.link, &reference.name(), &key, format)?;
    remote.publish_signatures(&reference, &digest, &signatures).await?;
    let lease = store.lease()?;
    for signature in &signatures {
        signature.keep(&lease, &digest)?;
    }
    println!("{}", reference.pinned(&digest));
    eprintln!("signed with {}", key.public().fingerprint());
    Ok(())
}

pub(super) async fn verify(image: &str, trust: &Trust, built_ins: &'static [u8]) -> Result<()> {
    let verdict = setup::supply(trust, built_ins)?.verdict(image).await?;
    let json = serde_json::to_string(&verdict).context("cannot write the verdict")?;
    println!("{json}");
    Ok(())
}

fn parse(image: &str) -> Result<Reference> {
    Ok(image.parse::<Reference>()?)
}

/// Notes the definition that `image` has now as the one that servers with a guard offer.
pub(super) async fn approve(image: &str, trust: &Trust, built_ins: &'static [u8]) -> Result<()> {
    let verified = setup::supply(trust, built_ins)?.fetch_again(image).await?;
    let definition = approved::digest(&verified.descriptor)?;
    let reference = &verified.identity.reference;
    let approved = Approved::at(setup::store(trust)?.root());
    let before = match approved.look(reference, &definition)? {
        Verdict::Same => "as before".to_owned(),
        Verdict::New => "the first of this reference".to_owned(),
        Verdict::Changed(before) => format!("in place of {before}"),
    };
    approved.note(reference, &definition)?;
    println!("{reference} {definition}");
    eprintln!("approved, {before}; image {}, {}", verified.identity.digest, verified.identity.signed_by);
    Ok(())
}
