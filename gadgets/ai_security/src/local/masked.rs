//! Sensitive parts replaced, and where they were.

use ai_security_engine::{Category, mask};

use super::text::Scanned;
use crate::shapes::{MaskedData, PatternDetection};

/// The text with what is sensitive replaced by X, of the same length; none if nothing is.
pub(super) fn of(text: &Scanned<'_>) -> Option<MaskedData> {
    if !text.findings.detected(Category::Dlp) {
        return None;
    }
    let data = Some(mask(text.text, text.findings.of(Category::Dlp)));
    let mut patterns: Vec<(&str, Vec<Vec<i64>>)> = Vec::new();
    for finding in text.findings.of(Category::Dlp) {
        let place = place(finding.start, finding.end);
        match patterns.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            Some((_, places)) => places.push(place),
            None => patterns.push((finding.rule, vec![place])),
        }
    }
    let detection = |(rule, places): (&str, _)| PatternDetection {
        pattern: Some(rule.to_owned()),
        locations: Some(places),
    };
    Some(MaskedData { data, pattern_detections: Some(patterns.into_iter().map(detection).collect()) })
}

/// A pair of start and end, in bytes.
pub(super) fn place(start: usize, end: usize) -> Vec<i64> {
    let number = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
    vec![number(start), number(end)]
}
