//! The engine in this gadget, in the service's shapes.
//!
//! The same content gets the same verdict at any time: nothing is asked of anybody. What a detection of the service is
//! for that has no counterpart here (agents, topics, grounding) is left out of the answer, and so is not said to be
//! clean.

mod keep;
mod masked;
mod report;
mod text;
mod tool;

use ai_security_engine::Side;
use gadget::{Clock, clock, random};

pub use keep::{KEPT_FOR, Kept, keep, reports, results};

use self::text::{Of, Scanned};
use crate::params::{About, Content};
use crate::settings::{Fail, Profile};
use crate::shapes::{
    ContentError, DetectionDetails, DetectionResult, Flags, MaskedData, ScanResponse, ThreatScanReport,
    ToxicContentDetails,
};

/// Who scanned, as the answers say.
pub const SOURCE: &str = "gadgetry-local";

/// A scan under an id of its own, or of a batch.
pub struct Scan {
    /// The verdict.
    pub response: ScanResponse,
    /// What each detection saw.
    pub report: ThreatScanReport,
    /// Nothing was found that the verdict would have to be about, and nothing was left out.
    pub clear: bool,
}

impl Scan {
    /// Puts it under this id, as this item.
    pub fn identify(&mut self, scan_id: &str, req_id: u32) {
        let Self { response, report, .. } = self;
        scan_id.clone_into(&mut response.scan_id);
        response.report_id = format!("R{scan_id}");
        report.report_id.clone_from(&response.report_id);
        report.scan_id = Some(scan_id.to_owned());
        report.req_id = Some(req_id);
    }
}

/// An id for a scan.
pub fn id() -> String {
    random::uuid()
}

/// The time, as the answers say it.
pub fn now() -> String {
    let now = Clock::new(0).at(clock::now());
    String::from_utf8_lossy(now.as_bytes()).into_owned()
}

/// Scans `content`. `req_id`: which item of a batch it is. `fail`: whether what was not looked at counts.
pub fn scan(
    content: &Content,
    about: &About,
    profile: &Profile,
    fail: Fail,
    (scan_id, req_id): (&str, Option<u32>),
) -> Scan {
    let created_at = Some(now());
    let texts = [
        (&content.prompt, Of::Prompt),
        (&content.code_prompt, Of::Prompt),
        (&content.response, Of::Response),
        (&content.code_response, Of::Response),
    ];
    let scanned: Vec<_> =
        texts.into_iter().filter_map(|(text, of)| Some(Scanned::new(text.as_deref()?, of))).collect();
    let side = |of: Of| scanned.iter().filter(move |it| it.of == of);
    let tool = content.tool_event.as_ref().map(tool::scan);

    let mut results: Vec<DetectionResult> = Vec::new();
    for of in [Of::Prompt, Of::Response] {
        results.extend(report::of_side(of, &side(of).collect::<Vec<_>>()));
    }
    results.extend(tool.iter().flat_map(tool::Tool::results));

    let all = || scanned.iter().chain(tool.iter().flat_map(tool::Tool::sides));
    let malicious = all().any(|it| it.findings.any());
    let cut: Vec<_> = all().filter(|it| it.findings.incomplete || it.findings.dropped > 0).collect();
    let late = all().any(|it| it.findings.incomplete);
    let (category, action) = match (malicious, late) {
        (true, _) => ("malicious", "block"),
        (false, true) => ("timeout", fail.action()),
        (false, false) => ("benign", "allow"),
    };
    let errors = all().filter(|it| it.findings.incomplete).map(|it| ContentError {
        content_type: Some(it.of.content().to_owned()),
        feature: None,
        status: Some("timeout".to_owned()),
    });
    let clear = content.context.is_none() && cut.is_empty() && all().all(|it| it.findings.all.is_empty());
    let report_id = format!("R{scan_id}");
    let response = ScanResponse {
        source: Some(SOURCE.to_owned()),
        report_id: report_id.clone(),
        scan_id: scan_id.to_owned(),
        tr_id: about.tr_id.clone(),
        session_id: about.session_id.clone(),
        profile_id: profile.profile_id.clone(),
        profile_name: profile.profile_name.clone(),
        category: category.to_owned(),
        action: action.to_owned(),
        timeout: late,
        error: false,
        errors: errors.collect(),
        prompt_detected: flags(side(Of::Prompt)),
        response_detected: flags(side(Of::Response)),
        prompt_masked_data: masked(content.prompt.as_deref(), side(Of::Prompt)),
        response_masked_data: masked(content.response.as_deref(), side(Of::Response)),
        prompt_detection_details: details(side(Of::Prompt)),
        response_detection_details: details(side(Of::Response)),
        tool_detected: tool.map(tool::Tool::detected),
        created_at,
        completed_at: Some(now()),
    };
    let report = ThreatScanReport {
        source: Some(SOURCE.to_owned()),
        report_id,
        scan_id: Some(scan_id.to_owned()),
        req_id,
        transaction_id: about.tr_id.clone(),
        session_id: about.session_id.clone(),
        detection_results: Some(results),
    };
    Scan { response, report, clear }
}

/// What each detection said of the texts of one side; none when there are none.
fn flags<'s, N>(texts: impl Iterator<Item = &'s Scanned<'s>>) -> Option<Flags<N>> {
    let mut flags: Option<Flags<N>> = None;
    for text in texts {
        let flags = flags.get_or_insert_default();
        for category in text.of.categories() {
            flags.set(category.name(), text.findings.detected(*category));
        }
    }
    flags
}

/// The text without its sensitive parts, if it has any. Only of the text itself, not of the code taken from it.
fn masked<'s>(text: Option<&str>, mut texts: impl Iterator<Item = &'s Scanned<'s>>) -> Option<MaskedData> {
    text.and(texts.next()).and_then(masked::of)
}

fn details<'s>(texts: impl Iterator<Item = &'s Scanned<'s>>) -> Option<DetectionDetails> {
    let mut kinds: Vec<String> = texts.flat_map(Scanned::toxic).map(str::to_owned).collect();
    kinds.sort();
    kinds.dedup();
    let toxic = (!kinds.is_empty()).then_some(ToxicContentDetails { toxic_categories: Some(kinds) })?;
    Some(DetectionDetails { toxic_content_details: Some(toxic), ..DetectionDetails::default() })
}

impl Of {
    /// Where the engine is told that the text comes from.
    const fn side(self) -> Side {
        match self {
            Self::Prompt => Side::Prompt,
            Self::Response => Side::Response,
            Self::ToolInput => Side::ToolInput,
            Self::ToolOutput => Side::ToolOutput,
        }
    }

    /// The kind of content, as the answers say.
    const fn content(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Response => "response",
            Self::ToolInput | Self::ToolOutput => "tool_event",
        }
    }
}
