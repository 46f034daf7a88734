//! Many contents, scanned under few ids: results are asked for later.

use gadget::Failure;

use crate::answers::{By, Receipt, Receipts, Refused};
use crate::cloud::{Cloud, Problem};
use crate::content::BATCH;
use crate::local::{self, Kept, SOURCE, Scan};
use crate::params::{About, Content};
use crate::settings::{Backend, Fail, Profile, Settings};
use crate::shapes::AsyncScanResponse;

/// Has all contents scanned. Those that can't be are told apart; only if none can, the call fails.
pub fn scan(settings: &Settings, contents: Vec<Content>, about: &About) -> Result<Receipts, Failure> {
    let mut errors = Vec::new();
    let mut items: Vec<(u32, Content)> = Vec::with_capacity(contents.len());
    let mut first = None;
    for (req_id, content) in (1..).zip(contents) {
        match content.checked(&format!("scan_contents.{}", req_id - 1), BATCH) {
            Ok(content) => items.push((req_id, content)),
            Err(failure) => {
                let problem = Problem { message: failure.to_string(), ..Problem::default() };
                errors.push(Refused::because(problem, vec![req_id], settings.fail));
                first.get_or_insert(failure);
            }
        }
    }
    if let (true, Some(failure)) = (items.is_empty(), first) {
        return Err(failure);
    }
    let batch = Batch { settings, about, profile: settings.profile_of(about), errors, results: Vec::new() };
    batch.scan(&items)
}

struct Batch<'b> {
    settings: &'b Settings,
    about: &'b About,
    profile: Profile,
    results: Vec<Receipt>,
    errors: Vec<Refused>,
}

impl Batch<'_> {
    fn scan(mut self, items: &[(u32, Content)]) -> Result<Receipts, Failure> {
        let all: Vec<_> = items.iter().map(|(req_id, content)| (*req_id, content)).collect();
        match &self.settings.backend {
            Backend::Local => {
                for some in all.chunks(self.settings.batch) {
                    // One after the other, so that no more is in memory than one scan.
                    let scan_id = local::id();
                    let kept = some.iter().map(|(req_id, content)| {
                        (*req_id, self.keep(self.local(content), &scan_id, *req_id))
                    });
                    let kept: Vec<_> = kept.collect();
                    self.receipt(scan_id, kept);
                }
            }
            Backend::Cloud(cloud) => {
                for (problem, req_ids) in self.cloud(cloud, &all)? {
                    self.errors.push(Refused::because(problem, req_ids, self.settings.fail));
                }
            }
            Backend::LocalThenCloud(cloud) => {
                let (clear, rest): (Vec<_>, Vec<_>) = all
                    .iter()
                    .map(|(req_id, content)| (*req_id, *content, self.local(content)))
                    .partition(|(_, _, scan)| scan.clear);
                self.keep_all(clear.into_iter().map(|(req_id, _, scan)| (req_id, scan)).collect());
                let asked: Vec<_> = rest.iter().map(|(req_id, content, _)| (*req_id, *content)).collect();
                let failed = if asked.is_empty() { Vec::new() } else { self.cloud(cloud, &asked)? };
                let mut rest: Vec<_> = rest.into_iter().map(|(req_id, _, scan)| (req_id, scan)).collect();
                for (problem, req_ids) in failed {
                    if self.settings.fail == Fail::Open {
                        // The verdicts made here are what is left.
                        let left = rest.extract_if(.., |(req_id, _)| req_ids.contains(req_id)).collect();
                        self.keep_all(left);
                    }
                    self.errors.push(Refused::because(problem, req_ids, self.settings.fail));
                }
            }
        }
        self.results.sort_by_key(|receipt| receipt.req_ids.first().copied());
        self.errors.sort_by_key(|refused| refused.req_ids.first().copied());
        Ok(Receipts { results: self.results, errors: self.errors })
    }

    fn local(&self, content: &Content) -> Scan {
        local::scan(content, self.about, &self.profile, self.settings.fail, ("", None))
    }

    fn keep_all(&mut self, scans: Vec<(u32, Scan)>) {
        let mut scans = scans.into_iter().peekable();
        while scans.peek().is_some() {
            let scan_id = local::id();
            let some = scans.by_ref().take(self.settings.batch);
            let kept: Vec<_> =
                some.map(|(req_id, scan)| (req_id, self.keep(scan, &scan_id, req_id))).collect();
            self.receipt(scan_id, kept);
        }
    }

    fn keep(&self, mut scan: Scan, scan_id: &str, req_id: u32) -> Result<(), Problem> {
        scan.identify(scan_id, req_id);
        local::keep(Kept::from(scan)).map_err(|error| Problem {
            message: format!("the result can't be kept: {error}"),
            ..Problem::default()
        })
    }

    /// The receipt for what was scanned here.
    fn receipt(&mut self, scan_id: String, kept: Vec<(u32, Result<(), Problem>)>) {
        let mut req_ids = Vec::with_capacity(kept.len());
        for (req_id, kept) in kept {
            match kept {
                Ok(()) => req_ids.push(req_id),
                Err(problem) => self.errors.push(Refused::because(problem, vec![req_id], self.settings.fail)),
            }
        }
        if req_ids.is_empty() {
            return;
        }
        let receipt = AsyncScanResponse {
            received: local::now(),
            report_id: Some(format!("R{scan_id}")),
            scan_id,
            source: Some(SOURCE.to_owned()),
        };
        self.results.push(Receipt { receipt, req_ids, backend: By::Local });
    }

    /// Has the service scan `items`; those that it did not take, and why.
    fn cloud(
        &mut self,
        cloud: &Cloud,
        items: &[(u32, &Content)],
    ) -> Result<Vec<(Problem, Vec<u32>)>, Failure> {
        self.profile.known()?;
        let mut failed = Vec::new();
        for (req_ids, outcome) in cloud.batch(items, self.about, &self.profile, self.settings.batch) {
            match outcome {
                Ok(receipt) => self.results.push(Receipt { receipt, req_ids, backend: By::PrismaAirs }),
                Err(problem) => failed.push((problem, req_ids)),
            }
        }
        Ok(failed)
    }
}
