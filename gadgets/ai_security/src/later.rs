//! Results and reports of scans made before.

use gadget::clock;

use crate::answers::{Missing, ScanReports, ScanResults};
use crate::cloud::{Cloud, Problem};
use crate::local::{self, KEPT_FOR};
use crate::settings::{Backend, Settings};
use crate::shapes::{ScanIdResult, ScanResponse};

/// The first pause before the service is asked again for what is pending, and the longest, for each request: it takes
/// ten requests a minute.
const PAUSE: u32 = 1000;
const LONGEST: u32 = 6000;

/// An item of an answer, with the id that it belongs to.
trait Item: Sized {
    fn of(&self) -> &str;
}

impl Item for ScanIdResult {
    fn of(&self) -> &str {
        &self.scan_id
    }
}

impl Item for crate::shapes::ThreatScanReport {
    fn of(&self) -> &str {
        &self.report_id
    }
}

/// What is known of each id, in the order of the ids.
struct Known<T> {
    ids: Vec<String>,
    found: Vec<Vec<T>>,
    problems: Vec<(Problem, Vec<String>)>,
}

impl<T: Item> Known<T> {
    fn new(ids: Vec<String>) -> Self {
        Self { found: ids.iter().map(|_| Vec::new()).collect(), ids, problems: Vec::new() }
    }

    /// Looks in the store; returns the ids that it does not know.
    fn here(&mut self, look: fn(&str) -> Vec<T>) -> Vec<String> {
        for (id, found) in self.ids.iter().zip(&mut self.found) {
            *found = look(id);
        }
        let unknown = self.ids.iter().zip(&self.found).filter(|(_, found)| found.is_empty());
        unknown.map(|(id, _)| id.clone()).collect()
    }

    /// Takes what the service said of `ids`.
    fn take(&mut self, ids: Vec<String>, said: Result<Vec<T>, Problem>) {
        let mut said = match said {
            Ok(said) => said,
            Err(problem) => return self.problems.push((problem, ids)),
        };
        for id in ids {
            let of: Vec<T> = said.extract_if(.., |item| item.of() == id).collect();
            if of.is_empty() {
                let problem = Problem {
                    message: "Prisma AIRS knows no scan of this id".to_owned(),
                    ..Problem::default()
                };
                self.problems.push((problem, vec![id]));
            } else if let Some(at) = self.ids.iter().position(|known| *known == id) {
                self.found[at] = of;
            }
        }
    }

    fn unknown_here(&mut self, ids: Vec<String>) {
        if !ids.is_empty() {
            let hours = KEPT_FOR / 3600;
            let message = format!(
                "no scan of this id is kept here: scans are kept for {hours} hours, and not beyond the host's end unless it has a folder for state"
            );
            self.problems.push((Problem { message, ..Problem::default() }, ids));
        }
    }

    fn finish(self) -> (Vec<T>, Vec<Missing>) {
        let missing = self.problems.into_iter().map(|(problem, ids)| Missing::because(problem, ids));
        (self.found.into_iter().flatten().collect(), missing.collect())
    }
}

/// The results of scans; those that are pending are waited for, `wait` seconds at most.
pub fn results(settings: &Settings, ids: Vec<String>, wait: u32) -> ScanResults {
    let mut known = Known::new(ids);
    match &settings.backend {
        Backend::Local => {
            let unknown = known.here(local::results);
            known.unknown_here(unknown);
        }
        Backend::Cloud(cloud) => {
            let all = known.ids.clone();
            pending(cloud, &mut known, all, wait);
        }
        Backend::LocalThenCloud(cloud) => {
            let rest = known.here(local::results);
            pending(cloud, &mut known, rest, wait);
        }
    }
    let (mut results, errors) = known.finish();
    // The service gives the items of a batch in any order.
    let order: Vec<_> = results.iter().map(|it| it.scan_id.clone()).collect();
    let place = |id: &str| order.iter().position(|known| known == id);
    results.sort_by_key(|it| (place(&it.scan_id), it.req_id));
    ScanResults { results, errors }
}

/// Asks the service for `ids`, again while some are pending and there is time.
fn pending(cloud: &Cloud, known: &mut Known<ScanIdResult>, mut ids: Vec<String>, wait: u32) {
    let until = clock::now().saturating_add(u64::from(wait) * 1_000_000_000);
    let mut pause = PAUSE;
    while !ids.is_empty() {
        let answers = cloud.results(&ids);
        let requests = u32::try_from(answers.len()).unwrap_or(1);
        let mut open = Vec::new();
        for (some, said) in answers {
            let said = said.and_then(|said| said.into_iter().map(whole).collect::<Result<Vec<_>, _>>());
            let waits = |id: &&String| {
                said.iter().flatten().any(|it: &ScanIdResult| it.scan_id == **id && it.result.is_none())
            };
            open.extend(some.iter().filter(waits).cloned());
            known.take(some, said);
        }
        ids = open;
        let next = clock::now().saturating_add(u64::from(pause) * 1_000_000);
        if ids.is_empty() || next > until || !clock::sleep(pause) {
            return;
        }
        pause = (pause * 2).min(LONGEST.saturating_mul(requests));
    }
}

/// A result with a verdict that is one, or without any.
fn whole(mut it: ScanIdResult) -> Result<ScanIdResult, Problem> {
    if let Some(lacks) = it.result.as_ref().and_then(ScanResponse::lacks) {
        // `result: {}` is how some answers say that there is none yet.
        if it.status != "pending" {
            return Err(Problem::lacks(lacks));
        }
        it.result = None;
    }
    if let Some(response) = &mut it.result {
        if response.scan_id.is_empty() {
            response.scan_id.clone_from(&it.scan_id);
        }
        if response.report_id.is_empty() {
            response.report_id = format!("R{}", it.scan_id);
        }
    }
    if it.status.is_empty() {
        it.status = if it.result.is_some() { "complete" } else { "pending" }.to_owned();
    }
    Ok(it)
}

/// The reports of scans.
pub fn reports(settings: &Settings, ids: Vec<String>) -> ScanReports {
    let mut known = Known::new(ids);
    let rest = match &settings.backend {
        Backend::Cloud(_) => known.ids.clone(),
        Backend::Local | Backend::LocalThenCloud(_) => known.here(local::reports),
    };
    match &settings.backend {
        Backend::Local => known.unknown_here(rest),
        Backend::Cloud(cloud) | Backend::LocalThenCloud(cloud) => {
            for (ids, said) in cloud.reports(&rest) {
                known.take(ids, said);
            }
        }
    }
    let (results, errors) = known.finish();
    ScanReports { results, errors }
}
