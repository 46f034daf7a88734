//! One content, one verdict: by whom the operator wants.

use gadget::{Failure, log};

use crate::answers::{By, Failed, Verdict};
use crate::cloud::{Cloud, Problem};
use crate::local::{self, Kept, Scan};
use crate::params::{About, Content};
use crate::settings::{Backend, Fail, Profile, Settings};

/// The verdict on `content`.
pub fn scan(settings: &Settings, content: &Content, about: &About) -> Result<Verdict, Failure> {
    let profile = settings.profile_of(about);
    match &settings.backend {
        Backend::Local => Ok(local(scan_locally(settings, content, about, &profile))),
        Backend::Cloud(cloud) => match by_cloud(cloud, content, about, &profile)? {
            Ok(verdict) => Ok(verdict),
            Err(problem) => Ok(Verdict::failed(problem, settings.fail)),
        },
        Backend::LocalThenCloud(cloud) => {
            let scan = scan_locally(settings, content, about, &profile);
            if scan.clear {
                return Ok(local(scan));
            }
            match by_cloud(cloud, content, about, &profile)? {
                Ok(verdict) => Ok(verdict),
                Err(problem) => Ok(left(scan, problem, settings.fail)),
            }
        }
    }
}

fn scan_locally(settings: &Settings, content: &Content, about: &About, profile: &Profile) -> Scan {
    local::scan(content, about, profile, settings.fail, (&local::id(), None))
}

/// The verdict of a scan made here, which is kept for its report.
fn local(scan: Scan) -> Verdict {
    let response = scan.response.clone();
    if let Err(error) = local::keep(Kept::from(scan)) {
        log::warn(format_args!("the report of scan {} is not kept: {error}", response.scan_id));
    }
    Verdict { response, backend: By::Local, failure: None }
}

/// A call that the service refuses as wrong fails; what else goes wrong is the operator's to judge.
fn by_cloud(
    cloud: &Cloud,
    content: &Content,
    about: &About,
    profile: &Profile,
) -> Result<Result<Verdict, Problem>, Failure> {
    profile.known()?;
    match cloud.scan(content, about, profile) {
        Ok(response) => Ok(Ok(Verdict { response, backend: By::PrismaAirs, failure: None })),
        Err(problem) if problem.callers => Err(Failure::new(problem.message)),
        Err(problem) => Ok(Err(problem)),
    }
}

/// What is left when the service does not answer for what was not cleared here: the verdict made here, and content is
/// blocked whatever it says unless the operator lets such content through.
fn left(scan: Scan, problem: Problem, fail: Fail) -> Verdict {
    let mut verdict = local(scan);
    if fail == Fail::Closed {
        verdict.response.action = fail.action().to_owned();
    }
    let Problem { message, status, retry_after_seconds, .. } = problem;
    verdict.failure = Some(Failed { message, status, retry_after_seconds, fail });
    verdict
}

impl Settings {
    /// The profile for a scan.
    pub fn profile_of(&self, about: &About) -> Profile {
        about.profile.as_deref().map_or_else(|| self.profile.clone(), Profile::named)
    }
}

impl Profile {
    /// Refuses none: the service scans by a profile.
    pub fn known(&self) -> Result<(), Failure> {
        if self.profile_id.is_none() && self.profile_name.is_none() {
            return Err(Failure::of(
                "profile",
                "Prisma AIRS scans by a security profile: give its name or id here, or the operator must bind PANW_AI_PROFILE_NAME or PANW_AI_PROFILE_ID",
            ));
        }
        Ok(())
    }
}
