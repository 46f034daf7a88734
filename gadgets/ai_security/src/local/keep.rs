//! Scans kept for those who ask later, in the host's store.
//!
//! Each item is an entry of its own, so that a batch needs no large value. When there is no room, the oldest scans make
//! some, and the operator is told. Masked content that is long is not kept, only where it was masked.

use gadget::serde_json::{self, Value as Json};
use gadget::{log, store};

use super::{SOURCE, Scan};
use crate::shapes::{MaskedData, Odd, Read, ScanIdResult, ThreatScanReport};

/// For how long, in seconds: a day.
pub const KEPT_FOR: u64 = 24 * 60 * 60;
/// Bytes of masked content that are kept of one text.
const MASKED: usize = 64 << 10;

/// What is kept of one scan.
pub struct Kept {
    /// The verdict, as pan_get_scan_results tells it.
    pub result: ScanIdResult,
    /// The report.
    pub report: ThreatScanReport,
}

impl From<Scan> for Kept {
    fn from(Scan { response, report, .. }: Scan) -> Self {
        let result = ScanIdResult {
            source: Some(SOURCE.to_owned()),
            req_id: report.req_id,
            status: "complete".to_owned(),
            scan_id: response.scan_id.clone(),
            result: Some(response),
        };
        Self { result, report }
    }
}

/// Keeps one scan.
pub fn keep(mut kept: Kept) -> Result<(), store::Error> {
    if let Some(response) = &mut kept.result.result {
        let shorten = |masked: &mut Option<MaskedData>| {
            if let Some(masked) = masked {
                masked.data.take_if(|data| data.len() > MASKED);
            }
        };
        shorten(&mut response.prompt_masked_data);
        shorten(&mut response.response_masked_data);
        let sides =
            response.tool_detected.as_mut().map(|it| [&mut it.input_detected, &mut it.output_detected]);
        for side in sides.into_iter().flatten().flatten() {
            side.detection_entries.iter_mut().flatten().for_each(|entry| shorten(&mut entry.masked_data));
        }
    }
    let Kept { result, report } = kept;
    let number = result.req_id.unwrap_or_default();
    let mut out = Vec::new();
    gadget::row::write(&result, &mut out);
    let mut dropped = set(&format!("scan/{}/{number:05}", result.scan_id), &out)?;
    out.clear();
    gadget::row::write(&report, &mut out);
    dropped += set(&format!("report/{}/{number:05}", report.report_id), &out)?;
    if dropped > 0 {
        log::warn(format_args!("the store is full: {dropped} entries of the oldest scans were dropped"));
    }
    Ok(())
}

fn set(key: &str, value: &[u8]) -> Result<u32, store::Error> {
    store::set_evicting(key, value, Some(KEPT_FOR))
}

/// The results of a scan, by item; none when it is not known.
pub fn results(scan_id: &str) -> Vec<ScanIdResult> {
    all(&format!("scan/{scan_id}/"))
}

/// The reports of a scan, by item; none when it is not known.
pub fn reports(report_id: &str) -> Vec<ThreatScanReport> {
    all(&format!("report/{report_id}/"))
}

fn all<T: Read>(prefix: &str) -> Vec<T> {
    let read = |key: String| {
        let value: Json = serde_json::from_slice(&store::get(&key)?).ok()?;
        T::read(value, &mut Odd::default())
    };
    store::keys(prefix).into_iter().filter_map(read).collect()
}
