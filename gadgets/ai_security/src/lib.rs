//! Scans prompts, responses and tool calls for threats: prompt injection, secrets, personal data, malicious code and
//! URLs, toxic content. By the engine in this gadget, by Prisma AIRS, or by the latter for what the former does not
//! clear, as the operator says.
//!
//! The tools, their arguments and the shapes of their answers are those of the vendor's own server and API, so that a
//! client of either finds what it knows. What is returned as a list there is in an object here, with what went wrong
//! apart.

mod answers;
mod batch;
mod cloud;
mod content;
mod guard;
mod ids;
mod inline;
mod later;
mod local;
mod params;
mod settings;
mod shapes;
#[cfg(test)]
mod tests;

use gadget::Failure;

use crate::answers::{Receipts, ScanReports, ScanResults, Verdict};
use crate::content::INLINE;
use crate::params::{Batch, Inline, Reports, Results};
use crate::settings::Settings;

/// Reads bytes as an answer of the service to each request there is, and writes what was understood as the tools do: for
/// the fuzzer.
#[doc(hidden)]
#[cfg(not(target_arch = "wasm32"))]
pub fn read_answer(status: u16, body: &[u8]) -> Vec<u8> {
    cloud::read_answer(status, body)
}

/// Scans a prompt, a model's response or both (also code and tool calls) and returns the verdict at once: `category`
/// (benign, malicious) and `action` (allow, block). Use it before a prompt goes to a model and before a response is
/// shown or acted on. `prompt_detected` and `response_detected` say which threats: injection, dlp (secrets, personal
/// data), malicious_code, url_cats, toxic_content, db_security. Sensitive text comes back masked, with byte offsets.
/// At most 2 MiB. If the scan could not be made, `failure` says why and `action` is what the operator chose for that.
#[gadget::tool]
fn pan_inline_scan(args: Inline) -> Result<Verdict, Failure> {
    let (content, about) = args.split()?;
    let content = content.checked("", INLINE)?;
    inline::scan(&Settings::read()?, &content, &about)
}

/// Scans many prompts and responses, each item on its own. Returns at once with receipts in `results`: a `scan_id` for
/// pan_get_scan_results, a `report_id` for pan_get_scan_reports, and which items they are for (`req_ids`, counted from 1
/// in the order of `scan_contents`). Items that were not taken are in `errors`. Use it for more than a few contents; for
/// one, pan_inline_scan gives the verdict at once.
#[gadget::tool]
fn pan_batch_scan(args: Batch) -> Result<Receipts, Failure> {
    let (contents, about) = args.split()?;
    batch::scan(&Settings::read()?, contents, &about)
}

/// The verdicts of scans that pan_batch_scan started, in `results`: one entry for each item, with `req_id`, `status`
/// (complete, pending) and, once complete, `result` with `category` and `action`. `wait` waits for those that are
/// pending. Ids without a result are in `errors`, with how long to wait when the quota is used up.
#[gadget::tool]
fn pan_get_scan_results(args: Results) -> Result<ScanResults, Failure> {
    let ids = ids::scans("scan_ids", args.scan_ids)?;
    Ok(later::results(&Settings::read()?, ids, args.wait))
}

/// The reports of scans, in `results`: for each detection (pi, dlp, malicious_code, uf, tc, dbs) its verdict and what it
/// saw, such as snippets, URLs, offsets of sensitive data and the rules that matched. Use it to find out why something
/// was blocked. Ids without a report are in `errors`.
#[gadget::tool]
fn pan_get_scan_reports(args: Reports) -> Result<ScanReports, Failure> {
    let ids = ids::reports("report_ids", args.report_ids)?;
    Ok(later::reports(&Settings::read()?, ids))
}

gadget::export!(guard guard::Engineered; tool pan_inline_scan, pan_batch_scan, pan_get_scan_results, pan_get_scan_reports);
