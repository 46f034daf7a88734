//! Reports: what each detection saw.

#![expect(non_snake_case, reason = "two of the service's names are in other letters than the rest")]

use super::shapes;

shapes! {
    /// The report of one scan.
    pub struct ThreatScanReport {
        /// Who scanned.
        pub source: Option<String>,
        /// Of the report: `R` and the scan's id.
        pub report_id: String,
        /// Of the scan.
        pub scan_id: Option<String>,
        /// Which item of a batch.
        pub req_id: Option<u32>,
        /// The tr_id given.
        pub transaction_id: Option<String>,
        /// As given.
        pub session_id: Option<String>,
        /// By detection.
        pub detection_results: Option<Vec<DetectionResult>>,
    }

    /// What one detection says of one side.
    pub struct DetectionResult {
        /// prompt, response or tool_event.
        pub data_type: Option<String>,
        /// Such as dlp, pi, uf, tc, dbs, malicious_code.
        pub detection_service: Option<String>,
        /// benign or malicious.
        pub verdict: Option<String>,
        /// allow or block.
        pub action: Option<String>,
        /// Of a tool's call.
        pub metadata: Option<ResultMetadata>,
        /// What it saw.
        pub result_detail: Option<ResultDetail>,
    }

    /// Which tool was called, and which way the content went.
    pub struct ResultMetadata {
        /// mcp.
        pub ecosystem: Option<String>,
        /// tools/call.
        pub method: Option<String>,
        /// Name of the server.
        pub server_name: Option<String>,
        /// Name of the tool.
        pub tool_invoked: Option<String>,
        /// input or output.
        pub direction: Option<String>,
    }

    /// What a detection saw; one field of these.
    pub struct ResultDetail {
        /// URLs.
        pub urlf_report: Option<Vec<UrlEntry>>,
        /// Sensitive data.
        pub dlp_report: Option<DlpReport>,
        /// Parts of it.
        pub dlp_snippets: Option<DlpSnippets>,
        /// Database statements.
        pub dbs_report: Option<Vec<DbsEntry>>,
        /// Parts of them.
        pub dbs_snippets: Option<Vec<String>>,
        /// Toxic content.
        pub tc_report: Option<TcReport>,
        /// Parts of it.
        pub tc_snippets: Option<Vec<String>>,
        /// Malicious code.
        pub mc_report: Option<McReport>,
        /// Threats to agents.
        pub agent_report: Option<AgentReport>,
        /// Topics.
        pub topic_guardrails_report: Option<TopicReport>,
        /// Grounding in the context.
        pub cg_report: Option<CgReport>,
        /// Prompt injection.
        pub pi_report: Option<PiReport>,
        /// Parts of it.
        pub pi_snippets: Option<Vec<String>>,
        /// Of the local engine: by which rules.
        pub findings: Option<Vec<LocalFinding>>,
    }

    /// What a rule of the local engine found.
    pub struct LocalFinding {
        /// Its name.
        pub rule: Option<String>,
        /// What it finds.
        pub description: Option<String>,
        /// How sure it is, in percent.
        pub score: Option<u32>,
        /// How the text had to be read: plain, base64, ...
        pub read_as: Option<String>,
        /// Start and end, in bytes.
        pub location: Option<Vec<i64>>,
    }

    /// A URL.
    pub struct UrlEntry {
        /// As found.
        pub url: Option<String>,
        /// high, medium or low.
        pub risk_level: Option<String>,
        /// allow or block.
        pub action: Option<String>,
        /// Of the URL.
        pub categories: Option<Vec<String>>,
    }

    /// Sensitive data.
    pub struct DlpReport {
        /// Of this report.
        pub dlp_report_id: Option<String>,
        /// Of the data profile.
        pub dlp_profile_name: Option<String>,
        /// Of the data profile.
        pub dlp_profile_id: Option<String>,
        /// Of the data profile.
        pub dlp_profile_version: Option<i64>,
        /// MATCHED or NOT_MATCHED.
        pub data_pattern_rule1_verdict: Option<String>,
        /// MATCHED or NOT_MATCHED.
        pub data_pattern_rule2_verdict: Option<String>,
        /// Where.
        pub data_pattern_detection_offsets: Option<Vec<DlpPattern>>,
    }

    /// Where one pattern was found: pairs of start and end.
    pub struct DlpPattern {
        /// Of the pattern.
        pub data_pattern_id: Option<String>,
        /// Of the pattern.
        pub version: Option<i64>,
        /// Of the pattern.
        pub name: Option<String>,
        /// Surely.
        pub high_confidence_detections: Option<Vec<Vec<i64>>>,
        /// Likely.
        pub medium_confidence_detections: Option<Vec<Vec<i64>>>,
        /// Perhaps.
        pub low_confidence_detections: Option<Vec<Vec<i64>>>,
    }

    /// Parts of sensitive content.
    pub struct DlpSnippets {
        /// Of which pattern.
        pub meta: Option<DlpSnippetMeta>,
        /// The parts.
        pub snippets: Option<Vec<String>>,
    }

    /// Of which pattern parts are.
    pub struct DlpSnippetMeta {
        /// Its id.
        pub data_pattern: Option<String>,
        /// low, medium or high.
        pub confidence_level: Option<String>,
        /// The word near it.
        pub data_pattern_type: Option<String>,
        /// How often.
        pub occurrence: Option<i64>,
    }

    /// A database statement.
    pub struct DbsEntry {
        /// Which kind.
        pub sub_type: Option<String>,
        /// benign or malicious.
        pub verdict: Option<String>,
        /// allow or block.
        pub action: Option<String>,
    }

    /// Toxic content.
    pub struct TcReport {
        /// high or moderate.
        pub confidence: Option<String>,
        /// benign or malicious.
        pub verdict: Option<String>,
        /// Kinds of it.
        pub toxic_categories: Option<Vec<String>>,
    }

    /// Malicious code.
    pub struct McReport {
        /// All code found.
        pub all_code_blocks: Option<Vec<String>>,
        /// By language.
        pub code_analysis_by_type: Option<Vec<McEntry>>,
        /// benign or malicious.
        pub verdict: Option<String>,
        /// As malware.
        pub malware_script_report: Option<MalwareReport>,
        /// As injected commands.
        pub command_injection_report: Option<Vec<CommandEntry>>,
    }

    /// A piece of code.
    pub struct McEntry {
        /// Its language.
        pub file_type: Option<String>,
        /// Its digest.
        pub code_sha256: Option<String>,
    }

    /// Malware.
    pub struct MalwareReport {
        /// benign or malicious.
        pub verdict: Option<String>,
    }

    /// A command.
    pub struct CommandEntry {
        /// The code.
        pub code_block: Option<String>,
        /// benign or malicious.
        pub verdict: Option<String>,
    }

    /// Threats to agents.
    pub struct AgentReport {
        /// benign or malicious.
        pub model_verdict: Option<String>,
        /// What the agent is built with.
        pub agent_framework: Option<String>,
        /// Kinds of threats.
        pub agent_patterns: Option<Vec<AgentEntry>>,
    }

    /// A kind of threat to agents.
    pub struct AgentEntry {
        /// Its name.
        pub category_type: Option<String>,
        /// benign or malicious.
        pub verdict: Option<String>,
    }

    /// Topics.
    pub struct TopicReport {
        /// MATCHED or NOT_MATCHED.
        pub allowed_topic_list: Option<String>,
        /// MATCHED or NOT_MATCHED.
        pub blocked_topic_list: Option<String>,
        /// Found.
        pub allowedTopics: Option<Vec<String>>,
        /// Found.
        pub blockedTopics: Option<Vec<String>>,
    }

    /// Grounding in the context.
    pub struct CgReport {
        /// completed or pending.
        pub status: Option<String>,
        /// In words.
        pub explanation: Option<String>,
        /// Of the finding.
        pub category: Option<String>,
    }

    /// Prompt injection.
    pub struct PiReport {
        /// benign or malicious.
        pub verdict: Option<String>,
    }
}
