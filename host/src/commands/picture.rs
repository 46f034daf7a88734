//! `-o folded` and `-o svg`: all rows of a run as one picture, of gadgets whose descriptor says how.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result, bail};
use gadget_registry::descriptor::{Descriptor, View, ViewKind};
use gadgetry_run::answer::Summary;
use gadgetry_run::flame::Stacks;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::cli::run::Output;
use crate::output;

/// A picture that was asked for.
pub(super) struct Picture {
    view: View,
    svg: bool,
    gadget: String,
}

impl Picture {
    /// What `output` asks for, if it is a picture; an error when these rows make none.
    pub(super) fn wanted(
        output: Output,
        descriptor: &Descriptor,
        arguments: &Map<String, Value>,
    ) -> Result<Option<Self>> {
        let (svg, form) = match output {
            Output::Svg => (true, "svg"),
            Output::Folded => (false, "folded"),
            Output::Columns | Output::Json | Output::Jsonl => return Ok(None),
        };
        let gadget = &descriptor.name;
        let Some(view) = descriptor.view(ViewKind::FlameGraph) else {
            bail!(
                "-o {form}: `{gadget}` has no stacks to draw (its descriptor has no view `flame_graph`); use -o columns, \
                 json or jsonl, or a gadget that has, such as profile_cpu"
            );
        };
        for shaped in ["group_by", "fields"] {
            if arguments.contains_key(shaped) {
                bail!(
                    "-o {form} takes whole rows, which --{} changes: leave one of the two out",
                    shaped.replace('_', "-")
                );
            }
        }
        Ok(Some(Self { view: view.clone(), svg, gadget: gadget.clone() }))
    }

    /// Writes it to standard output.
    pub(super) fn print(&self, rows: &[Box<RawValue>], summary: &Summary) -> Result<()> {
        let stacks = Stacks::of(&self.view, rows);
        let text = if self.svg {
            stacks.svg(&format!("{}, {:.1} s", self.gadget, summary.duration_ms as f64 / 1000.0))
        } else {
            stacks.folded()
        };
        let mut out = std::io::stdout().lock();
        let plain = if out.is_terminal() { output::text::lines(&text) } else { text };
        out.write_all(plain.as_bytes()).context("cannot write the picture")?;
        out.flush().context("cannot write the picture")?;
        if stacks.left_out > 0 {
            eprintln!("note: {} rows have no stack or weight and are not in the picture", stacks.left_out);
        }
        Ok(())
    }
}
