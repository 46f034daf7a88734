//! Ids of scans and reports: checked before anything is asked, so that a wrong one costs nothing of the quota.

use gadget::Failure;

use crate::params::{MAX_IDS, count};

/// Whether `text` is a UUID as the service writes it.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The ids of scans in `field`, each once.
pub fn scans(field: &str, ids: Vec<String>) -> Result<Vec<String>, Failure> {
    checked(field, ids, is_uuid, "the scan_id that a scan returned, a UUID of 36 characters")
}

/// The ids of reports in `field`, each once.
pub fn reports(field: &str, ids: Vec<String>) -> Result<Vec<String>, Failure> {
    let is_report = |id: &str| id.strip_prefix('R').is_some_and(is_uuid);
    checked(field, ids, is_report, "the report_id that a scan returned, `R` and a UUID, 37 characters")
}

fn checked(
    field: &str,
    ids: Vec<String>,
    is: fn(&str) -> bool,
    wanted: &str,
) -> Result<Vec<String>, Failure> {
    count(field, ids.len(), MAX_IDS)?;
    let mut all = Vec::with_capacity(ids.len());
    for (at, id) in ids.into_iter().enumerate() {
        if !is(&id) {
            let found = id.chars().take(60).collect::<String>();
            return Err(Failure::of(format!("{field}.{at}"), format!("wanted {wanted}; found {found:?}")));
        }
        if !all.contains(&id) {
            all.push(id);
        }
    }
    Ok(all)
}
