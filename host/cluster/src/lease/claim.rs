//! Whether a lease may be written, by what was seen of it and when.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease as Stored;
use tokio::time::Instant;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It is ours, or nobody's.
    Write,
    /// This one holds it.
    Wait(Arc<str>),
}

/// What was seen last.
pub(super) struct Claim {
    me: Arc<str>,
    lasts: Duration,
    version: Option<String>,
    since: Option<Instant>,
}

impl Claim {
    /// Nothing was seen yet. `lasts`: how long a holder is waited for that does not say it.
    pub(super) const fn new(me: Arc<str>, lasts: Duration) -> Self {
        Self { me, lasts, version: None, since: None }
    }

    /// Sees the object as it is `now`.
    pub(super) fn look(&mut self, now: Instant, stored: &Stored) -> Act {
        let version = &stored.metadata.resource_version;
        if self.version != *version || self.since.is_none() {
            self.version.clone_from(version);
            self.since = Some(now);
        }
        let spec = stored.spec.as_ref();
        let holder = spec.and_then(|it| it.holder_identity.as_deref()).unwrap_or_default();
        if holder.is_empty() || *holder == *self.me {
            return Act::Write;
        }
        let said = spec.and_then(|it| it.lease_duration_seconds).and_then(|it| u64::try_from(it).ok());
        let lasts = said.map_or(self.lasts, Duration::from_secs);
        match self.since {
            Some(since) if now.duration_since(since) >= lasts => Act::Write,
            _ => Act::Wait(holder.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;

    fn stored(version: &str, holder: Option<&str>, seconds: Option<i32>) -> Stored {
        Stored {
            metadata: ObjectMeta { resource_version: Some(version.into()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: holder.map(str::to_owned),
                lease_duration_seconds: seconds,
                ..LeaseSpec::default()
            }),
        }
    }

    #[test]
    fn a_holder_is_gone_when_the_object_stayed_as_it_was() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let other = || Act::Wait("other".into());
        let mut claim = Claim::new("me".into(), Duration::from_secs(15));
        for (second, object, wanted) in [
            (0, stored("1", Some("other"), Some(15)), other()),
            (14, stored("1", Some("other"), Some(15)), other()),
            // It was written meanwhile, so the time begins anew.
            (15, stored("2", Some("other"), Some(15)), other()),
            (29, stored("2", Some("other"), Some(15)), other()),
            (30, stored("2", Some("other"), Some(15)), Act::Write),
            // It says itself how long, and without that it is as ours.
            (31, stored("3", Some("other"), Some(3)), other()),
            (34, stored("3", Some("other"), Some(3)), Act::Write),
            (35, stored("4", Some("other"), None), other()),
            (50, stored("4", Some("other"), None), Act::Write),
            (51, stored("5", Some("other"), Some(-1)), other()),
        ] {
            assert_eq!(claim.look(at(second), &object), wanted, "after {second} s");
        }
    }

    #[test]
    fn what_is_ours_or_nobodys_is_written() {
        let mut claim = Claim::new("me".into(), Duration::from_secs(15));
        for object in
            [stored("1", Some("me"), Some(15)), stored("1", None, None), stored("1", Some(""), None)]
        {
            assert_eq!(claim.look(Instant::now(), &object), Act::Write);
        }
        assert_eq!(claim.look(Instant::now(), &Stored { spec: None, ..stored("1", None, None) }), Act::Write);
    }
}
