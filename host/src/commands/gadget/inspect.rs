//! What an image is, without running any of it.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::cli::gadget::InspectOutput;
use crate::cli::trust::Trust;
use crate::output::text;
use crate::setup;

pub(super) async fn run(
    reference: &str,
    output: InspectOutput,
    trust: &Trust,
    built_ins: &'static [u8],
) -> Result<()> {
    let supply = setup::supply(trust, built_ins)?;
    let inspection = supply.inspect(reference).await?;
    let mut all = json!({"reference": reference});
    let Value::Object(rest) = serde_json::to_value(&inspection).context("the inspection")? else {
        anyhow::bail!("the inspection is no object");
    };
    for (name, value) in rest {
        all[name] = value;
    }
    all["policy"] = match supply.verdict(reference).await {
        Ok(verdict) => serde_json::to_value(verdict).context("the verdict")?,
        Err(refused) => json!({"refused": refused.reason}),
    };
    match output {
        InspectOutput::Json => println!("{}", serde_json::to_string_pretty(&all)?),
        InspectOutput::Text => {
            let readme = all["readme"].take();
            let mut out = String::new();
            write(&mut out, &all, 0);
            if let Some(readme) = readme.as_str() {
                out.push_str(&format!("\n{readme}"));
            }
            print!("{}", text::lines(&out));
        }
    }
    Ok(())
}

/// Indented lines; schemas stay JSON, which is how one reads them.
fn write(out: &mut String, value: &Value, depth: usize) {
    let Some(object) = value.as_object() else { return };
    for (name, value) in object {
        let indent = "  ".repeat(depth);
        match value {
            Value::Null => {}
            Value::Object(_) if name == "params" || name == "row" => {
                out.push_str(&format!("{indent}{name}: {value}\n"));
            }
            Value::Object(inner) if !inner.is_empty() => {
                out.push_str(&format!("{indent}{name}:\n"));
                write(out, value, depth + 1);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                out.push_str(&format!("{indent}{name}:\n"));
                for item in items {
                    let label = item.get("name").or_else(|| item.get("field")).and_then(Value::as_str);
                    out.push_str(&format!("{indent}  - {}\n", label.unwrap_or_default()));
                    write(out, item, depth + 2);
                }
            }
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(plain).collect();
                out.push_str(&format!("{indent}{name}: {}\n", items.join(", ")));
            }
            other => {
                out.push_str(&format!("{indent}{name}: {}\n", plain(other).trim_end().replace('\n', " ")))
            }
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
