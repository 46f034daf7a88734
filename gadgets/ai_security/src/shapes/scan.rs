//! A scan's verdict, and what stands around it while it is pending.

use super::{Flags, Odd, OfPrompt, OfResponse, Read, ToolDetected, shapes};
use gadget::serde_json::Value as Json;

shapes! {
    /// The verdict of one scan.
    pub struct ScanResponse {
        /// Who scanned.
        pub source: Option<String>,
        /// Of the report: `R` and the scan's id.
        pub report_id: String,
        /// Of the scan.
        pub scan_id: String,
        /// As given.
        pub tr_id: Option<String>,
        /// As given.
        pub session_id: Option<String>,
        /// Of the profile used.
        pub profile_id: Option<String>,
        /// Of the profile used.
        pub profile_name: Option<String>,
        /// benign, malicious, error or timeout.
        pub category: String,
        /// allow or block: what to do with the content.
        pub action: String,
        /// A detection took too long.
        pub timeout: bool,
        /// A detection failed.
        pub error: bool,
        /// Which ones.
        pub errors: Vec<ContentError>,
        /// What was detected in the prompt.
        pub prompt_detected: Option<Flags<OfPrompt>>,
        /// What was detected in the response.
        pub response_detected: Option<Flags<OfResponse>>,
        /// The prompt without its sensitive parts.
        pub prompt_masked_data: Option<MaskedData>,
        /// The response without its sensitive parts.
        pub response_masked_data: Option<MaskedData>,
        /// More on the prompt.
        pub prompt_detection_details: Option<DetectionDetails>,
        /// More on the response.
        pub response_detection_details: Option<DetectionDetails>,
        /// What was detected in the tool call.
        pub tool_detected: Option<ToolDetected>,
        /// When the scan was asked for.
        pub created_at: Option<String>,
        /// When it was done.
        pub completed_at: Option<String>,
    }

    /// A detection that failed.
    pub struct ContentError {
        /// prompt or response.
        pub content_type: Option<String>,
        /// Which detection: dlp, injection, ...
        pub feature: Option<String>,
        /// error or timeout.
        pub status: Option<String>,
    }

    /// Content whose sensitive parts are replaced by X, of the same length.
    pub struct MaskedData {
        /// The content.
        pub data: Option<String>,
        /// What was replaced.
        pub pattern_detections: Option<Vec<PatternDetection>>,
    }

    /// Where one pattern was found.
    pub struct PatternDetection {
        /// Its name.
        pub pattern: Option<String>,
        /// Pairs of start and end.
        pub locations: Option<Vec<Vec<i64>>>,
    }

    /// More on what was detected.
    pub struct DetectionDetails {
        /// By topics.
        pub topic_guardrails_details: Option<TopicGuardRails>,
        /// By toxicity.
        pub toxic_content_details: Option<ToxicContentDetails>,
    }

    /// Topics found.
    pub struct TopicGuardRails {
        /// On the list of those allowed.
        pub allowed_topics: Option<Vec<String>>,
        /// On the list of those blocked.
        pub blocked_topics: Option<Vec<String>>,
    }

    /// Kinds of toxic content found.
    pub struct ToxicContentDetails {
        /// Their names.
        pub toxic_categories: Option<Vec<String>>,
    }

    /// The receipt of a batch.
    pub struct AsyncScanResponse {
        /// When it was received.
        pub received: String,
        /// For pan_get_scan_results.
        pub scan_id: String,
        /// For pan_get_scan_reports.
        pub report_id: Option<String>,
        /// Who scans.
        pub source: Option<String>,
    }

    /// How far the scan of one item is.
    pub struct ScanIdResult {
        /// Who scans.
        pub source: Option<String>,
        /// Which item of the batch.
        pub req_id: Option<u32>,
        /// complete or pending.
        pub status: String,
        /// Of the scan.
        pub scan_id: String,
        /// The verdict, once complete.
        pub result: Option<ScanResponse>,
    }
}

/// What an answer lacks to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacks(pub &'static str);

impl ScanResponse {
    /// Reads a verdict; one without its scan id is none.
    pub fn verdict(value: Json, odd: &mut Odd) -> Result<Self, Lacks> {
        let Some(mut response) = Self::read(value, odd) else { return Err(Lacks("an object")) };
        if response.scan_id.is_empty() {
            return Err(Lacks("scan_id"));
        }
        response.lacks().map_or(Ok(()), Err)?;
        if response.report_id.is_empty() {
            response.report_id = format!("R{}", response.scan_id);
        }
        Ok(response)
    }

    /// What keeps it from being a verdict. An action that is neither is none, as callers would let it pass.
    pub fn lacks(&self) -> Option<Lacks> {
        if self.category.is_empty() {
            return Some(Lacks("category"));
        }
        let known = ["allow", "block"].contains(&self.action.as_str());
        (!known).then_some(Lacks("action (allow or block)"))
    }
}
