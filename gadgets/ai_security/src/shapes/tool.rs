//! What was detected in the call of a tool.

use super::{Flags, MaskedData, OfTool, TopicGuardRails, shapes};

shapes! {
    /// What was detected in the call of a tool.
    pub struct ToolDetected {
        /// benign or malicious.
        pub verdict: Option<String>,
        /// Which tool was called.
        pub metadata: Option<ToolEventMetadata>,
        /// All of it together.
        pub summary: Option<ScanSummary>,
        /// In what the tool was given.
        pub input_detected: Option<IoDetected>,
        /// In what the tool returned.
        pub output_detected: Option<IoDetected>,
    }

    /// Which tool was called.
    pub struct ToolEventMetadata {
        /// mcp.
        pub ecosystem: Option<String>,
        /// tools/call.
        pub method: Option<String>,
        /// Name of the server.
        pub server_name: Option<String>,
        /// Name of the tool.
        pub tool_invoked: Option<String>,
    }

    /// Detections and the threats they make.
    pub struct ScanSummary {
        /// By name.
        pub detections: Option<Flags<OfTool>>,
        /// Such as credential leakage, context poisoning.
        pub threats: Option<Vec<String>>,
    }

    /// What was detected on one side.
    pub struct IoDetected {
        /// Each detection.
        pub detection_entries: Option<Vec<ToolDetectionEntry>>,
    }

    /// One detection.
    pub struct ToolDetectionEntry {
        /// Name of the tool.
        pub tool_invoked: Option<String>,
        /// By name.
        pub detections: Option<Flags<OfTool>>,
        /// Such as credential leakage, context poisoning.
        pub threats: Option<Vec<String>>,
        /// More on it.
        pub details: Option<ToolDetectionDetails>,
        /// The content without its sensitive parts.
        pub masked_data: Option<MaskedData>,
    }

    /// More on one detection.
    pub struct ToolDetectionDetails {
        /// By topics.
        pub topic_guardrails_details: Option<TopicGuardRails>,
    }
}
