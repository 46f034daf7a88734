//! What the cluster knows of a pod beyond what its containers' files tell.

use std::collections::BTreeMap;

/// A pod's labels and owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Which of them rows show.
    pub shown: Vec<String>,
    /// Who made it: `Deployment/web`.
    pub owner: Option<String>,
}

impl Pod {
    /// The labels that rows show.
    pub(crate) fn to_show(&self) -> BTreeMap<&str, &str> {
        let shown = |key: &String| {
            let (key, value) = self.labels.get_key_value(key)?;
            Some((key.as_str(), value.as_str()))
        };
        self.shown.iter().filter_map(shown).collect()
    }
}
