//! Questions that wait for their answer, in the stateless era. What a client sends back to us is whatever it likes, so a
//! question is remembered here and the client is given its name: a name is good once, for a while, for whoever was asked,
//! and for the very plan that was shown.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a person may think.
const PATIENCE: Duration = Duration::from_secs(600);
/// Questions at once; more than that are asked by nobody who means it, and the oldest is forgotten.
const QUESTIONS: usize = 64;

/// Who was asked, through which tool, with which arguments, and what was shown.
pub(super) type About = (Arc<str>, String, String, String);

/// The questions.
#[derive(Default)]
pub(super) struct Pending(Mutex<HashMap<String, (About, Instant)>>);

impl Pending {
    /// Remembers a question; its name.
    pub(super) fn give(&self, about: About) -> Result<String, getrandom::Error> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random)?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (_, since)| since.elapsed() < PATIENCE);
        if all.len() >= QUESTIONS
            && let Some(oldest) =
                all.iter().min_by_key(|(_, (_, since))| *since).map(|(name, _)| name.clone())
        {
            all.remove(&oldest);
        }
        all.insert(name.clone(), (about, Instant::now()));
        Ok(name)
    }

    /// Whether `name` is that of a question about this, which is then answered.
    pub(super) fn take(&self, name: &str, about: &About) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(name).is_some_and(|(asked, since)| asked == *about && since.elapsed() < PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(owner: &str, plan: &str) -> About {
        (owner.into(), "gadgetry_deploy".to_owned(), "null".to_owned(), plan.to_owned())
    }

    #[test]
    fn a_question_is_answered_once_and_as_it_was_put() {
        let pending = Pending::default();
        let name = pending.give(about("a", "plan")).unwrap();
        assert!(!pending.take("0123", &about("a", "plan")), "not a name of ours");
        assert!(pending.take(&name, &about("a", "plan")));
        assert!(!pending.take(&name, &about("a", "plan")), "twice");
        for other in [about("b", "plan"), about("a", "another plan")] {
            let name = pending.give(about("a", "plan")).unwrap();
            assert!(!pending.take(&name, &other));
        }
    }

    #[test]
    fn the_oldest_question_is_forgotten_first() {
        let pending = Pending::default();
        let names: Vec<_> = (0..=QUESTIONS).map(|_| pending.give(about("a", "p")).unwrap()).collect();
        let known = |name: &String| pending.take(name, &about("a", "p"));
        assert!(!known(&names[0]) && known(&names[1]));
    }

    #[test]
    fn a_question_does_not_wait_for_ever() {
        let pending = Pending::default();
        let name = pending.give(about("a", "p")).unwrap();
        pending.0.lock().unwrap().get_mut(&name).unwrap().1 -= PATIENCE;
        assert!(!pending.take(&name, &about("a", "p")));
    }
}
