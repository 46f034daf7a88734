//! `gadgetry gadget ...`: the author's commands.

mod author;
mod inspect;
mod list;
mod publish;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::gadget::Gadget;

pub(super) async fn run(command: Gadget, built_ins: &'static [u8]) -> Result<ExitCode> {
    match command {
        Gadget::New { name, path, sdk } => author::new(&name, path, sdk)?,
        Gadget::Build(build) => author::build(build)?,
        Gadget::Test { path, sdk } => return author::test(&path, sdk),
        Gadget::Inspect { image, output, trust } => inspect::run(&image, output, &trust, built_ins).await?,
        Gadget::Push { image, trust } => publish::push(&image, &trust).await?,
        Gadget::Pull { image, trust } => publish::pull(&image, &trust).await?,
        Gadget::Keygen { output_key_prefix } => publish::keygen(&output_key_prefix)?,
        Gadget::Sign { image, key, format, trust } => publish::sign(&image, &key, format, &trust).await?,
        Gadget::Verify { image, key, mut trust } => {
            trust.public_key.extend(key);
            publish::verify(&image, &trust, built_ins).await?;
        }
        Gadget::Approve { image, trust } => publish::approve(&image, &trust, built_ins).await?,
        Gadget::List { output, trust } => list::list(output, &trust, built_ins)?,
        Gadget::Remove { images, trust } => list::remove(&images, &trust)?,
    }
    Ok(ExitCode::SUCCESS)
}
