//! What the tools return: the API's own shapes, and beside them who answered and what went wrong.

use gadget::{Choice, Row};

use crate::cloud::Problem;
use crate::settings::Fail;
use crate::shapes::{AsyncScanResponse, ContentError, ScanIdResult, ScanResponse, ThreatScanReport};

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The engine in this gadget.
    Local,
    /// The service.
    PrismaAirs,
}

impl gadget::Value for By {
    fn write(&self, out: &mut Vec<u8>) {
        self.name().write(out);
    }

    fn schema() -> gadget::Schema {
        gadget::Schema::words(&[Self::Local.name(), Self::PrismaAirs.name()])
    }
}

impl By {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::PrismaAirs => "prisma-airs",
        }
    }
}

/// Of `pan_inline_scan`.
#[derive(Debug, Row)]
pub struct Verdict {
    /// The verdict.
    #[row(flatten)]
    pub response: ScanResponse,
    /// Who answered.
    pub backend: By,
    /// Why there is no scan: `action` then is the operator's choice for this case.
    pub failure: Option<Failed>,
}

/// Why the service gave no verdict.
#[derive(Debug, Row)]
pub struct Failed {
    /// What happened, and what to do.
    pub message: String,
    /// The HTTP status.
    pub status: Option<u16>,
    /// How long to wait before asking again.
    pub retry_after_seconds: Option<u64>,
    /// The operator's choice: open lets content through, closed blocks it.
    pub fail: Fail,
}

/// Of `pan_batch_scan`.
#[derive(Debug, Row)]
pub struct Receipts {
    /// The receipts, in the order of the items.
    pub results: Vec<Receipt>,
    /// Items that were not taken.
    pub errors: Vec<Refused>,
}

/// Items that are scanned under one id.
#[derive(Debug, Row)]
pub struct Receipt {
    /// The receipt.
    #[row(flatten)]
    pub receipt: AsyncScanResponse,
    /// Which items, counted from 1.
    pub req_ids: Vec<u32>,
    /// Who scans.
    pub backend: By,
}

/// Items that were not taken.
#[derive(Debug, Row)]
pub struct Refused {
    /// Which items, counted from 1.
    pub req_ids: Vec<u32>,
    /// What happened, and what to do.
    pub message: String,
    /// The HTTP status.
    pub status: Option<u16>,
    /// How long to wait before asking again.
    pub retry_after_seconds: Option<u64>,
    /// allow or block: the operator's choice for content that was not scanned.
    pub action: Action,
}

/// What to do with content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Action {
    /// Let it through.
    Allow,
    /// Don't.
    Block,
}

/// Of `pan_get_scan_results`.
#[derive(Debug, Row)]
pub struct ScanResults {
    /// In the order of the ids, and of the items of each.
    pub results: Vec<ScanIdResult>,
    /// Ids without a result.
    pub errors: Vec<Missing>,
}

/// Of `pan_get_scan_reports`.
#[derive(Debug, Row)]
pub struct ScanReports {
    /// In the order of the ids, and of the items of each.
    pub results: Vec<ThreatScanReport>,
    /// Ids without a report.
    pub errors: Vec<Missing>,
}

/// Ids without an answer.
#[derive(Debug, Row)]
pub struct Missing {
    /// Which.
    pub ids: Vec<String>,
    /// What happened, and what to do.
    pub message: String,
    /// The HTTP status.
    pub status: Option<u16>,
    /// How long to wait before asking again.
    pub retry_after_seconds: Option<u64>,
}

impl From<Fail> for Action {
    fn from(fail: Fail) -> Self {
        match fail {
            Fail::Open => Self::Allow,
            Fail::Closed => Self::Block,
        }
    }
}

impl Verdict {
    /// That of a scan which the service did not make.
    pub fn failed(problem: Problem, fail: Fail) -> Self {
        let response = ScanResponse {
            category: if problem.late { "timeout" } else { "error" }.to_owned(),
            action: fail.action().to_owned(),
            timeout: problem.late,
            error: !problem.late,
            errors: vec![ContentError {
                status: Some(if problem.late { "timeout" } else { "error" }.to_owned()),
                ..ContentError::default()
            }],
            ..ScanResponse::default()
        };
        let Problem { message, status, retry_after_seconds, .. } = problem;
        let failure = Some(Failed { message, status, retry_after_seconds, fail });
        Self { response, backend: By::PrismaAirs, failure }
    }
}

impl Refused {
    /// Items for which there was this problem.
    pub fn because(problem: Problem, req_ids: Vec<u32>, fail: Fail) -> Self {
        let Problem { message, status, retry_after_seconds, .. } = problem;
        Self { req_ids, message, status, retry_after_seconds, action: fail.into() }
    }
}

impl Missing {
    /// Ids for which there was this problem.
    pub fn because(problem: Problem, ids: Vec<String>) -> Self {
        let Problem { message, status, retry_after_seconds, .. } = problem;
        Self { ids, message, status, retry_after_seconds }
    }
}
