//! A scan of content by the engine in ai_security: what a caller of the tool waits for, and the memory it takes.
//!
//! Through the component and all that stands around it in a call: an instance of its own, settings, the store that the
//! report goes to, and the check of the answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use gadget_registry::bundle::Bundle;
use gadget_registry::image::{Image, host_architecture};
use gadget_registry::policy::Grants;
use gadgetry_guest::{Component, Config, Limits, RowChecker, Runtime};
use gadgetry_lend::{Lender, Loan, Options, Settings, Terms};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Figure, Table, middle_and_p99};

const TOOL: &str = "pan_inline_scan";
/// Prose, a table, code and an address, as prompts have them.
const TEXT: &str = "Please review the quarterly report before Friday and tell me what is missing. The totals are in \
the second sheet:\n\n| region | sales | returns |\n|---|---|---|\n| north | 1,204 | 31 |\n| south | 998 | 12 |\n\n\
```python\ndef total(rows):\n    return sum(row.sales - row.returns for row in rows)\n```\n\nMore is at \
https://docs.rs/serde/latest/serde/ and in the minutes of the meeting. Thanks! ";

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let bundle =
        std::fs::read(crate::target().join("gadgets/builtins.tar")).context("run `make build` first")?;
    let bundle = Bundle::parse(&bundle)?;
    let link = bundle.images().get("ai_security").context("ai_security is not among the built-in gadgets")?;
    let image = Image::open(&bundle, &link.digest, host_architecture())?;
    let runtime = Runtime::new(Config::default())?;
    let lender = Lender::new(Options::default())?;
    let loan = lender.loan(Terms {
        owner: "ai_security".to_owned(),
        permissions: image.descriptor.permissions.clone(),
        grants: Grants::default(),
        // Nothing is bound: what is measured is the engine.
        settings: Settings::read(&image.descriptor.permissions, &BTreeMap::new(), false)?,
    });
    let tool = image.descriptor.tools.iter().find(|tool| tool.name == TOOL).context("the tool")?;
    let scans = Scans {
        component: runtime.component(&image.component)?,
        checker: Arc::new(RowChecker::new(&tool.row)?),
        loan,
    };

    let text = |bytes: usize| TEXT.chars().cycle().take(bytes).collect::<String>();
    let (small, large) = (json!({"prompt": text(2 << 10)}), json!({"prompt": text(2 << 20)}));
    let mut samples = scans.times(&small, 3000)?;
    let (middle, p99) = middle_and_p99(&mut samples);
    table.add(Figure {
        what: format!("scan of 2 KB by ai_security, through WASM (p50; p99 {p99:.2} ms)"),
        measured: middle,
        unit: "ms",
        mark: "under 0.3, p99 under 1".into(),
        reached: Some(middle < 0.3 && p99 < 1.0),
        ..Figure::default()
    });
    let (middle, _) = middle_and_p99(&mut scans.times(&large, 20)?);
    table.add(Figure {
        what: "scan of 2 MB (p50)".into(),
        measured: middle,
        unit: "ms",
        mark: "under 300".into(),
        reached: Some(middle < 300.0),
        ..Figure::default()
    });
    let (mut least, mut most) = (1, 64);
    while least < most {
        let cap = (least + most) / 2;
        match scans.once(&large, cap << 20) {
            Ok(_) => most = cap,
            Err(_) => least = cap + 1,
        }
    }
    table.add(Figure {
        what: "memory that a scan of 2 MB needs".into(),
        measured: most as f64,
        unit: "MB",
        mark: "at most 32".into(),
        reached: Some(most <= 32),
        ..Figure::default()
    });
    Ok(())
}

struct Scans {
    component: Component,
    checker: Arc<RowChecker>,
    loan: Loan,
}

impl Scans {
    /// Milliseconds of each of `count` calls, the first few left out.
    fn times(&self, arguments: &serde_json::Value, count: usize) -> Result<Vec<f64>> {
        let mut all = Vec::with_capacity(count);
        for _ in 0..count + 3 {
            all.push(self.once(arguments, Limits::default().memory_bytes)?);
        }
        Ok(all.split_off(3))
    }

    /// Milliseconds of one call with so much memory.
    fn once(&self, arguments: &serde_json::Value, memory_bytes: usize) -> Result<f64> {
        let arguments = arguments.to_string();
        let limits = Limits { memory_bytes, ..Limits::default() };
        let start = Instant::now();
        let mut guest = self.component.open("ai_security", self.checker.clone(), limits)?;
        guest.set_lent(self.loan.lend(CancellationToken::new()));
        let answer = guest.call(TOOL, arguments.as_bytes())?;
        let took = start.elapsed().as_secs_f64() * 1e3;
        anyhow::ensure!(answer.starts_with(b"{"), "no answer");
        Ok(took)
    }
}
