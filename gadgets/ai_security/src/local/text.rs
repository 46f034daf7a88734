//! One text, scanned.

use ai_security_engine::{Category, Engine, Finding, Findings, Options, mask};

/// Characters of a snippet, and of what is shown around what was found.
const SNIPPET: usize = 1000;
const AROUND: usize = 40;
/// Snippets of one detection.
const SNIPPETS: usize = 10;

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Prompt,
    Response,
    ToolInput,
    ToolOutput,
}

impl Of {
    /// What is looked for in it: what the service's answer has a name for on this side.
    pub(super) fn categories(self) -> &'static [Category] {
        use Category::{DbSecurity, Dlp, Injection, MaliciousCode, ToxicContent, UrlCats};
        match self {
            Self::Prompt => &[UrlCats, Dlp, Injection, ToxicContent, MaliciousCode],
            Self::Response => &[UrlCats, Dlp, DbSecurity, ToxicContent, MaliciousCode],
            Self::ToolInput | Self::ToolOutput => &Category::ALL,
        }
    }
}

/// A text and what was found in it.
pub(super) struct Scanned<'t> {
    pub(super) text: &'t str,
    pub(super) of: Of,
    pub(super) findings: Findings,
}

impl<'t> Scanned<'t> {
    pub(super) fn new(text: &'t str, of: Of) -> Self {
        let options = Options::only(of.categories());
        // Longer texts than the engine takes were refused before; to be sure, what it did not look at is said.
        let unread = |_| {
            let mut none = Findings::default();
            none.incomplete = true;
            none
        };
        let findings = Engine::new().scan(text, of.side(), &options).unwrap_or_else(unread);
        Self { text, of, findings }
    }

    /// The kinds of toxic content in it.
    pub(super) fn toxic(&self) -> impl Iterator<Item = &'static str> {
        self.findings.of(Category::ToxicContent).map(|finding| finding.family)
    }

    /// What was found, with a few words around it and without sensitive data.
    pub(super) fn snippets(&self, category: Category) -> Vec<String> {
        let found = self.findings.of(category).take(SNIPPETS);
        found.map(|finding| self.snippet(finding, AROUND)).collect()
    }

    /// The very text of a finding.
    pub(super) fn exact(&self, finding: &Finding) -> String {
        self.snippet(finding, 0)
    }

    fn snippet(&self, finding: &Finding, around: usize) -> String {
        let Self { text, findings, .. } = self;
        let start = text.floor_char_boundary(finding.start.saturating_sub(around));
        let end = text.ceil_char_boundary((finding.end + around).min(text.len()));
        let end = end.min(text.ceil_char_boundary((start + SNIPPET * 4).min(text.len())));
        let part = text.get(start..end).unwrap_or_default();
        let sensitive = findings.of(Category::Dlp).filter(|it| it.start < end && it.end > start);
        let here: Vec<_> = sensitive
            .map(|it| Finding {
                start: it.start.max(start) - start,
                end: it.end.min(end) - start,
                ..it.clone()
            })
            .collect();
        mask(part, &here).chars().take(SNIPPET).collect()
    }
}
