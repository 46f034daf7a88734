//! Reports: what each detection saw on each side.

use ai_security_engine::{Category, Finding};

use super::masked::place;
use super::text::{Of, Scanned};
use crate::shapes::{
    CommandEntry, DbsEntry, DetectionResult, DlpPattern, DlpReport, LocalFinding, McReport, PiReport,
    ResultDetail, TcReport, UrlEntry,
};

/// From these scores on a finding is sure, or likely.
const HIGH: u8 = 80;
const MEDIUM: u8 = 60;
/// Findings that are told by rule.
const TOLD: usize = 100;

/// What each detection saw in the texts of one side; nothing if there are none.
pub(super) fn of_side(of: Of, texts: &[&Scanned<'_>]) -> Vec<DetectionResult> {
    if texts.is_empty() {
        return Vec::new();
    }
    of.categories().iter().map(|category| result(of, texts, *category)).collect()
}

fn result(of: Of, texts: &[&Scanned<'_>], category: Category) -> DetectionResult {
    let detected = texts.iter().any(|text| text.findings.detected(category));
    let mut detail = detail(texts, category, detected);
    if detected {
        let each =
            |text: &&Scanned<'_>| text.findings.of(category).map(LocalFinding::new).collect::<Vec<_>>();
        detail.findings = Some(texts.iter().flat_map(each).take(TOLD).collect());
    }
    DetectionResult {
        data_type: Some(of.content().to_owned()),
        detection_service: Some(service(category).to_owned()),
        verdict: verdict(detected),
        action: action(detected),
        metadata: None,
        result_detail: Some(detail),
    }
}

/// The service's short names of detections.
const fn service(category: Category) -> &'static str {
    match category {
        Category::Injection => "pi",
        Category::Dlp => "dlp",
        Category::MaliciousCode => "malicious_code",
        Category::UrlCats => "uf",
        Category::ToxicContent => "tc",
        Category::DbSecurity => "dbs",
    }
}

pub(super) fn verdict(detected: bool) -> Option<String> {
    Some(if detected { "malicious" } else { "benign" }.to_owned())
}

fn action(detected: bool) -> Option<String> {
    Some(if detected { "block" } else { "allow" }.to_owned())
}

fn detail(texts: &[&Scanned<'_>], category: Category, detected: bool) -> ResultDetail {
    let mut detail = ResultDetail::default();
    let snippets = || texts.iter().flat_map(|text| text.snippets(category)).take(10).collect::<Vec<_>>();
    match category {
        Category::Injection => {
            detail.pi_report = Some(PiReport { verdict: verdict(detected) });
            detail.pi_snippets = detected.then(snippets);
        }
        Category::Dlp => detail.dlp_report = Some(dlp(texts, detected)),
        Category::MaliciousCode => {
            let blocks = detected.then(snippets);
            let command =
                |code: &String| CommandEntry { code_block: Some(code.clone()), verdict: verdict(true) };
            detail.mc_report = Some(McReport {
                verdict: verdict(detected),
                command_injection_report: blocks.as_ref().map(|blocks| blocks.iter().map(command).collect()),
                all_code_blocks: blocks,
                ..McReport::default()
            });
        }
        Category::UrlCats => detail.urlf_report = Some(urls(texts)),
        Category::ToxicContent => {
            let mut kinds: Vec<String> = texts.iter().flat_map(|it| it.toxic()).map(str::to_owned).collect();
            kinds.sort();
            kinds.dedup();
            let sure = texts.iter().any(|text| text.findings.score(category) >= HIGH);
            detail.tc_report = Some(TcReport {
                confidence: detected.then(|| if sure { "high" } else { "moderate" }.to_owned()),
                verdict: verdict(detected),
                toxic_categories: Some(kinds),
            });
            detail.tc_snippets = detected.then(snippets);
        }
        Category::DbSecurity => {
            let entry = |finding: &Finding| DbsEntry {
                sub_type: Some(finding.family.to_owned()),
                verdict: verdict(true),
                action: action(true),
            };
            let found =
                texts.iter().flat_map(|text| text.findings.of(category).map(entry).collect::<Vec<_>>());
            detail.dbs_report = Some(found.take(TOLD).collect());
            detail.dbs_snippets = detected.then(snippets);
        }
    }
    detail
}

fn dlp(texts: &[&Scanned<'_>], detected: bool) -> DlpReport {
    let mut patterns: Vec<DlpPattern> = Vec::new();
    for finding in texts.iter().flat_map(|text| text.findings.of(Category::Dlp).collect::<Vec<_>>()) {
        let at =
            patterns.iter().position(|it| it.name.as_deref() == Some(finding.rule)).unwrap_or_else(|| {
                patterns.push(DlpPattern {
                    data_pattern_id: Some(finding.rule.to_owned()),
                    name: Some(finding.rule.to_owned()),
                    ..DlpPattern::default()
                });
                patterns.len() - 1
            });
        let pattern = &mut patterns[at];
        let list = match finding.score {
            HIGH.. => &mut pattern.high_confidence_detections,
            MEDIUM.. => &mut pattern.medium_confidence_detections,
            _ => &mut pattern.low_confidence_detections,
        };
        list.get_or_insert_default().push(place(finding.start, finding.end));
    }
    DlpReport {
        dlp_profile_name: Some("local".to_owned()),
        data_pattern_rule1_verdict: Some(if detected { "MATCHED" } else { "NOT_MATCHED" }.to_owned()),
        data_pattern_detection_offsets: detected.then_some(patterns),
        ..DlpReport::default()
    }
}

fn urls(texts: &[&Scanned<'_>]) -> Vec<UrlEntry> {
    let mut all = Vec::new();
    for text in texts {
        all.extend(text.findings.of(Category::UrlCats).map(|finding| UrlEntry {
            url: Some(text.exact(finding)),
            risk_level: Some(level(finding.score).to_owned()),
            action: action(true),
            categories: Some(vec![finding.family.to_owned()]),
        }));
    }
    all.truncate(TOLD);
    all
}

const fn level(score: u8) -> &'static str {
    match score {
        HIGH.. => "high",
        MEDIUM.. => "medium",
        _ => "low",
    }
}

impl LocalFinding {
    fn new(finding: &Finding) -> Self {
        let place = place(finding.start, finding.end);
        Self {
            rule: Some(finding.rule.to_owned()),
            description: Some(finding.description.to_owned()),
            score: Some(finding.score.into()),
            read_as: Some(finding.via.to_string()),
            location: Some(place),
        }
    }
}
