//! Answers that hold for a while. When there is no room, those that would be forgotten next make it.

use std::collections::HashMap;
use std::hash::Hash;

use tokio::time::Instant;

/// Answers by question, at most so many.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    room: usize,
    answers: HashMap<K, (V, Instant)>,
}

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    pub(crate) fn new(room: usize) -> Self {
        Self { room, answers: HashMap::new() }
    }

    /// The answer, if there is one that still holds.
    pub(crate) fn get(&self, question: &K, now: Instant) -> Option<&V> {
        self.answers.get(question).filter(|(_, until)| now < *until).map(|(answer, _)| answer)
    }

    /// Keeps an answer.
    pub(crate) fn put(&mut self, question: K, answer: V, until: Instant, now: Instant) {
        if self.answers.len() >= self.room && !self.answers.contains_key(&question) {
            self.make_room(now);
        }
        self.answers.insert(question, (answer, until));
    }

    /// Forgets what holds no longer or, when that is not enough, the half that holds shortest: so that a flood of
    /// questions does not cost a search each.
    fn make_room(&mut self, now: Instant) {
        self.answers.retain(|_, (_, until)| now < *until);
        if self.answers.len() < self.room {
            return;
        }
        let mut ends: Vec<(Instant, K)> =
            self.answers.iter().map(|(key, (_, until))| (*until, key.clone())).collect();
        ends.sort_by_key(|(until, _)| *until);
        for (_, key) in &ends[..ends.len().div_ceil(2)] {
            self.answers.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn answers_hold_for_their_time() {
        let (mut cache, now) = (Cache::new(2), Instant::now());
        cache.put("a", 1, now + Duration::from_secs(5), now);
        assert_eq!(cache.get(&"a", now + Duration::from_secs(4)), Some(&1));
        assert_eq!(cache.get(&"a", now + Duration::from_secs(5)), None);
        assert_eq!(cache.get(&"b", now), None);
    }

    #[tokio::test]
    async fn there_is_no_more_room_than_that() {
        let (mut cache, now) = (Cache::new(4), Instant::now());
        for number in 0..100_u64 {
            cache.put(number, number, now + Duration::from_secs(100 + number), now);
            assert!(cache.answers.len() <= 4);
            assert_eq!(cache.get(&number, now), Some(&number));
        }
        assert_eq!(cache.get(&0, now), None, "what would end first made room");
    }
}
