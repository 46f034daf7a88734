//! When a Gadget object runs: five fields of cron, in UTC. Reading them, and finding the next time, is a crate's; seconds,
//! years and names such as `@daily` are refused, as the definition of the objects has five fields.

use std::time::SystemTime;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;

/// Times to run at.
#[derive(Clone, Debug)]
pub struct Schedule(Box<Cron>);

/// A schedule that can't be kept to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("schedule `{text}`: {problem}")]
pub struct BadSchedule {
    /// What was given.
    text: String,
    /// What is wrong with it, and what is wanted.
    problem: String,
}

impl Schedule {
    /// Reads one.
    ///
    /// # Errors
    /// When it is none, or names a time that never comes.
    pub fn parse(text: &str) -> Result<Self, BadSchedule> {
        let bad = |problem: String| BadSchedule { text: text.to_owned(), problem };
        let fields = text.split_whitespace().count();
        if fields != 5 {
            return Err(bad(format!(
                "it has {fields} fields, and five are wanted: minute, hour, day of month, month, day of week, as in \
                 `*/15 * * * *`"
            )));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| bad(error.to_string()))?;
        let schedule = Self(Box::new(cron));
        match schedule.next(SystemTime::now()) {
            Some(_) => Ok(schedule),
            None => Err(bad("this time never comes".to_owned())),
        }
    }

    /// The first time after `after`, if there is one.
    pub fn next(&self, after: SystemTime) -> Option<SystemTime> {
        let after = TimeZone::UTC.to_datetime(Timestamp::try_from(after).ok()?);
        let next = self.0.find_next_occurrence(&after, false).ok()?;
        Some(TimeZone::UTC.to_timestamp(next).ok()?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        text.parse::<Timestamp>().unwrap().into()
    }

    #[test]
    fn the_next_time() {
        for (schedule, after, wanted) in [
            ("* * * * *", "2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z"),
            ("* * * * *", "2026-03-01T12:00:00.5Z", "2026-03-01T12:01:00Z"),
            ("* * * * *", "2026-03-01T12:00:59.999Z", "2026-03-01T12:01:00Z"),
            ("*/15 * * * *", "2026-03-01T12:50:00Z", "2026-03-01T13:00:00Z"),
            ("30 4 * * *", "2026-03-01T04:30:00Z", "2026-03-02T04:30:00Z"),
            ("0 0 1 1 *", "2026-03-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("0 9 * * MON-FRI", "2026-02-27T09:00:00Z", "2026-03-02T09:00:00Z"),
            ("0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            // As cron has it: of two fields for days, one is enough.
            ("0 0 13 * FRI", "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z"),
        ] {
            let next = Schedule::parse(schedule).unwrap().next(at(after));
            assert_eq!(next, Some(at(wanted)), "{schedule} after {after}");
        }
    }

    #[test]
    fn what_is_no_schedule() {
        for (text, wanted) in [
            ("", "0 fields"),
            ("@daily", "1 fields"),
            ("* * * *", "4 fields"),
            ("0 * * * * *", "6 fields"),
            ("60 * * * *", "schedule `60 * * * *`: "),
            ("a * * * *", "schedule `a * * * *`: "),
            ("0 0 30 2 *", "never comes"),
        ] {
            let error = Schedule::parse(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
