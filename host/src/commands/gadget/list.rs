//! What there is: the built-in gadgets and the images in the store.

use anyhow::{Result, bail};
use gadget_registry::bundle::Bundle;
use gadget_registry::descriptor::Column;
use gadget_registry::reference::Reference;
use serde_json::{Value, json};

use crate::cli::gadget::ListOutput;
use crate::cli::trust::Trust;
use crate::output::columns::Columns;
use crate::setup;

pub(super) fn list(output: ListOutput, trust: &Trust, built_ins: &'static [u8]) -> Result<()> {
    let mut images: Vec<Value> = Vec::new();
    for (name, link) in Bundle::parse(built_ins)?.images() {
        images.push(json!({"reference": name, "digest": link.digest.to_string(), "from": "built-in"}));
    }
    for kept in setup::store(trust)?.list()? {
        let digest = kept.digest.to_string();
        images.push(
            json!({"reference": kept.reference, "digest": digest, "from": "store", "stored": kept.stored}),
        );
    }
    match output {
        ListOutput::Json => println!("{}", Value::Array(images)),
        ListOutput::Columns => {
            let widest = images.iter().filter_map(|it| it["reference"].as_str()).map(str::len).max();
            let column = |field: &str, width: usize| Column {
                field: field.into(),
                title: field.to_uppercase(),
                width: u16::try_from(width).unwrap_or(u16::MAX),
                right: false,
                hidden: false,
            };
            let all =
                [column("reference", widest.unwrap_or(16).max(9)), column("from", 8), column("digest", 71)];
            let columns = Columns::new(&all, &[], false);
            println!("{}", columns.header());
            for image in &images {
                println!("{}", columns.row(image));
            }
        }
    }
    Ok(())
}

pub(super) fn remove(images: &[String], trust: &Trust) -> Result<()> {
    let store = setup::store(trust)?;
    for image in images {
        let names: Vec<String> = if image.starts_with("sha256:") {
            let kept = store.list()?;
            kept.into_iter().filter(|it| it.digest.to_string() == *image).map(|it| it.reference).collect()
        } else {
            vec![image.parse::<Reference>()?.to_string()]
        };
        if names.is_empty() {
            bail!("no image in the store has the digest {image}; `gadgetry gadget list` shows what there is");
        }
        for name in names {
            if !store.remove(&name)? {
                bail!("{name} is not in the store; `gadgetry gadget list` shows what there is");
            }
            println!("{name}");
        }
    }
    let collected = store.collect()?;
    tracing::info!(?collected, "unreferenced blobs removed");
    Ok(())
}
