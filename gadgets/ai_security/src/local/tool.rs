//! The call of a tool: what it was given and what it returned.

use ai_security_engine::Category;

use super::text::{Of, Scanned};
use super::{masked, report};
use crate::params::{ToolEvent, ToolEventMetadata};
use crate::shapes::{
    self, DetectionResult, Flags, IoDetected, OfTool, ResultMetadata, ScanSummary, ToolDetected,
    ToolDetectionEntry,
};

/// A call, scanned.
pub(super) struct Tool<'t> {
    of: &'t ToolEventMetadata,
    input: Option<Scanned<'t>>,
    output: Option<Scanned<'t>>,
}

/// Scans a call.
pub(super) fn scan(event: &ToolEvent) -> Tool<'_> {
    let ToolEvent { metadata, input, output } = event;
    Tool {
        of: metadata,
        input: input.as_ref().map(|text| Scanned::new(text, Of::ToolInput)),
        output: output.as_ref().map(|text| Scanned::new(text, Of::ToolOutput)),
    }
}

impl<'t> Tool<'t> {
    /// What was scanned.
    pub(super) fn sides(&self) -> impl Iterator<Item = &Scanned<'t>> {
        self.input.iter().chain(&self.output)
    }

    /// Its part of the report.
    pub(super) fn results(&self) -> Vec<DetectionResult> {
        let ToolEventMetadata { ecosystem, method, server_name, tool_invoked } = self.of;
        let mut all = Vec::new();
        for side in self.sides() {
            let direction = if side.of == Of::ToolInput { "input" } else { "output" };
            let metadata = ResultMetadata {
                ecosystem: Some(ecosystem.clone()),
                method: Some(method.clone()),
                server_name: Some(server_name.clone()),
                tool_invoked: tool_invoked.clone(),
                direction: Some(direction.to_owned()),
            };
            let results = report::of_side(side.of, &[side]);
            all.extend(
                results.into_iter().map(|it| DetectionResult { metadata: Some(metadata.clone()), ..it }),
            );
        }
        all
    }

    /// Its part of the verdict.
    pub(super) fn detected(self) -> ToolDetected {
        let ToolEventMetadata { ecosystem, method, server_name, tool_invoked } = self.of;
        let mut summary: Flags<OfTool> = Flags::default();
        let mut threats: Vec<String> = Vec::new();
        for side in self.sides() {
            add(side, &mut summary);
            threats.extend(threats_of(side));
        }
        threats.sort();
        threats.dedup();
        let entries = |side: &Option<Scanned<'_>>| {
            side.as_ref().map(|side| {
                let mut detections = Flags::default();
                add(side, &mut detections);
                let entry = ToolDetectionEntry {
                    tool_invoked: tool_invoked.clone(),
                    detections: Some(detections),
                    threats: Some(threats_of(side)),
                    details: None,
                    masked_data: masked::of(side),
                };
                IoDetected { detection_entries: Some(vec![entry]) }
            })
        };
        ToolDetected {
            verdict: report::verdict(summary.any()),
            metadata: Some(shapes::ToolEventMetadata {
                ecosystem: Some(ecosystem.clone()),
                method: Some(method.clone()),
                server_name: Some(server_name.clone()),
                tool_invoked: tool_invoked.clone(),
            }),
            summary: Some(ScanSummary { detections: Some(summary), threats: Some(threats) }),
            input_detected: entries(&self.input),
            output_detected: entries(&self.output),
        }
    }
}

fn add(side: &Scanned<'_>, flags: &mut Flags<OfTool>) {
    for category in side.of.categories() {
        flags.set(category.name(), side.findings.detected(*category));
    }
}

fn threats_of(side: &Scanned<'_>) -> Vec<String> {
    let mut threats: Vec<String> = Vec::new();
    for category in side.of.categories() {
        for finding in side.findings.of(*category) {
            let threat = match category {
                Category::Injection if side.of == Of::ToolOutput => "context poisoning",
                Category::Injection => "prompt injection",
                Category::Dlp if ["personal", "contact"].contains(&finding.family) => {
                    "sensitive data leakage"
                }
                Category::Dlp => "credential leakage",
                Category::MaliciousCode => "malicious code",
                Category::UrlCats => "malicious url",
                Category::ToxicContent => "toxic content",
                Category::DbSecurity => "database manipulation",
            };
            if !threats.iter().any(|known| known == threat) {
                threats.push(threat.to_owned());
            }
        }
    }
    threats
}
