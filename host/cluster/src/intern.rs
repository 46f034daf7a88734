//! Text that many objects have, kept once: namespaces, names and values of labels, names of owners.

use std::collections::HashSet;
use std::sync::Arc;

/// The texts that are in use.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<Arc<str>>);

impl Names {
    pub(crate) fn shared(&mut self, text: &str) -> Arc<str> {
        match self.0.get(text) {
            Some(known) => known.clone(),
            None => {
                let new: Arc<str> = text.into();
                self.0.insert(new.clone());
                new
            }
        }
    }

    /// Forgets what nobody uses any more.
    pub(crate) fn sweep(&mut self) {
        self.0.retain(|name| Arc::strong_count(name) > 1);
        self.0.shrink_to(self.0.len() * 2);
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_and_no_longer_than_used() {
        let mut names = Names::default();
        let (a, b, other) = (names.shared("web"), names.shared("web"), names.shared("db"));
        assert!(Arc::ptr_eq(&a, &b));
        drop((a, other));
        names.sweep();
        assert_eq!(names.len(), 1);
        drop(b);
        names.sweep();
        assert_eq!(names.len(), 0);
    }
}
