//! The objects, their versions, and what changed: enough history that a watch can go on from a version it names, and an
//! end to it, so that one may come too late.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::defaults;
use crate::kinds::{self, Kind};
use crate::status::Refused;

/// Changes kept for watches.
const HISTORY: usize = 20_000;

/// Where an object is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) group: String,
    pub(crate) plural: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// What happened to an object.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    pub(crate) before: Option<Arc<Value>>,
    /// As it is now. Of an object that was removed, as it was at last, with the version of its removal.
    pub(crate) after: Arc<Value>,
    pub(crate) removed: bool,
}

/// Everything the server knows.
pub(crate) struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    /// What each manager applied to an object last.
    applied: HashMap<(Key, String), Value>,
    kinds: Vec<Kind>,
    history: VecDeque<Change>,
    /// The newest version of which the change is no longer known.
    forgotten: u64,
    version: u64,
    /// For uids and addresses.
    serial: u64,
}

impl Store {
    pub(crate) fn new() -> Self {
        let mut store = Self {
            objects: BTreeMap::new(),
            applied: HashMap::new(),
            kinds: kinds::built_in(),
            history: VecDeque::new(),
            forgotten: 0,
            version: 100,
            serial: 0,
        };
        for namespace in ["default", "kube-system"] {
            store.ensure_namespace(namespace);
        }
        store
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The kind by its place in a path.
    pub(crate) fn kind_at(&self, group: &str, version: &str, plural: &str) -> Option<&Kind> {
        self.kinds.iter().find(|it| it.group == group && it.version == version && it.plural == plural)
    }

    /// The kind of an object.
    pub(crate) fn kind_of(&self, api_version: &str, kind: &str) -> Option<&Kind> {
        let (group, version) = kinds::split(api_version);
        self.kinds.iter().find(|it| it.group == group && it.version == version && it.kind == kind)
    }

    /// The kind by its name alone; the first, where several groups have it.
    pub(crate) fn kind_named(&self, kind: &str) -> Option<&Kind> {
        self.kinds.iter().find(|it| it.kind == kind)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// All of a kind, in one namespace or (empty) in all, in order.
    pub(crate) fn list(
        &self,
        kind: &Kind,
        namespace: &str,
    ) -> impl Iterator<Item = (&Key, &Arc<Value>)> + use<'_> {
        let from = Key {
            group: kind.group.clone(),
            plural: kind.plural.clone(),
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        let (group, plural, namespace) = (kind.group.clone(), kind.plural.clone(), namespace.to_owned());
        self.objects.range(from..).take_while(move |(key, _)| {
            key.group == group && key.plural == plural && (namespace.is_empty() || key.namespace == namespace)
        })
    }

    /// Changes after `version`, or `None` when they are no longer all known.
    pub(crate) fn since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        if version < self.forgotten {
            return None;
        }
        let from = self.history.partition_point(|change| change.version <= version);
        Some(self.history.range(from..))
    }

    /// Forgets all changes: watches of an older version are told that it is gone.
    pub(crate) fn forget(&mut self) {
        self.version += 1;
        self.forgotten = self.version;
        self.history.clear();
    }

    /// What `manager` applied to an object last.
    pub(crate) fn applied(&self, key: &Key, manager: &str) -> Option<&Value> {
        self.applied.get(&(key.clone(), manager.to_owned()))
    }

    pub(crate) fn remember_applied(&mut self, key: &Key, manager: &str, applied: Value) {
        self.applied.insert((key.clone(), manager.to_owned()), applied);
    }

    /// The namespace, made if it is not there.
    pub(crate) fn ensure_namespace(&mut self, name: &str) {
        let Some(kind) = self.kind_named("Namespace").cloned() else { return };
        let key = key(&kind, "", name);
        if !self.objects.contains_key(&key) {
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let object = self.complete(&kind, &key, object);
            self.store(&kind, &key, object);
        }
    }

    /// The object as it would be stored: with what the server itself adds.
    pub(crate) fn complete(&mut self, kind: &Kind, key: &Key, mut object: Value) -> Value {
        let before = self.objects.get(key).cloned();
        self.serial += 1;
        defaults::fill(kind, key, before.as_deref(), self.serial, &mut object);
        object
    }

    /// Stores a completed object. One that is being deleted and has no finalizer left is removed. Returns it as it is
    /// now. What changes nothing makes no version.
    pub(crate) fn store(&mut self, kind: &Kind, key: &Key, mut object: Value) -> Arc<Value> {
        let before = self.objects.get(key).cloned();
        if let Some(before) = &before {
            object["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
            if **before == object {
                return before.clone();
            }
        }
        let finalizers = object["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        if object["metadata"]["deletionTimestamp"].is_string() && !finalizers {
            self.objects.insert(key.clone(), Arc::new(object));
            return self.remove(key).unwrap_or_default();
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        if kind.kind == "CustomResourceDefinition" {
            self.kinds.retain(|it| {
                it.group != object["spec"]["group"] || it.plural != object["spec"]["names"]["plural"]
            });
            self.kinds.extend(kinds::defined(&object));
        }
        let after = Arc::new(object);
        self.objects.insert(key.clone(), after.clone());
        self.happened(Change {
            version: self.version,
            key: key.clone(),
            before,
            after: after.clone(),
            removed: false,
        });
        after
    }

    /// Removes an object at once, and what it holds or owns. Returns it as it was.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        self.applied.retain(|(of, _), _| of != key);
        self.version += 1;
        let mut after = (*before).clone();
        after["metadata"]["resourceVersion"] = self.version.to_string().into();
        if key.plural == "customresourcedefinitions" {
            let defined = kinds::defined(&after);
            self.kinds.retain(|kind| !defined.contains(kind));
        }
        let after = Arc::new(after);
        self.happened(Change {
            version: self.version,
            key: key.clone(),
            before: Some(before.clone()),
            after: after.clone(),
            removed: true,
        });
        for inner in self.below(key, &before) {
            self.remove(&inner);
        }
        Some(after)
    }

    /// What goes with an object: all in a namespace, all of a definition, all that only it owns.
    fn below(&self, key: &Key, object: &Value) -> Vec<Key> {
        let uid = &object["metadata"]["uid"];
        let owned = |object: &Value| {
            let owners = object["metadata"]["ownerReferences"].as_array();
            owners.is_some_and(|all| !all.is_empty() && all.iter().all(|it| it["uid"] == *uid))
        };
        let within = |other: &Key| match key.plural.as_str() {
            "namespaces" => other.namespace == key.name,
            "customresourcedefinitions" => format!("{}.{}", other.plural, other.group) == key.name,
            _ => false,
        };
        self.objects
            .iter()
            .filter(|(other, it)| within(other) || owned(it))
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn happened(&mut self, change: Change) {
        self.history.push_back(change);
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.forgotten = oldest.version;
        }
    }

    /// Refuses objects of a namespace that is not there.
    pub(crate) fn check_namespace(&self, namespace: &str) -> Result<(), Refused> {
        let there = namespace.is_empty()
            || self
                .kind_named("Namespace")
                .is_some_and(|kind| self.objects.contains_key(&key(kind, "", namespace)));
        if there { Ok(()) } else { Err(Refused::not_found("namespaces", namespace)) }
    }
}

/// The key of an object of a kind.
pub(crate) fn key(kind: &Kind, namespace: &str, name: &str) -> Key {
    Key {
        group: kind.group.clone(),
        plural: kind.plural.clone(),
        namespace: if kind.namespaced { namespace.to_owned() } else { String::new() },
        name: name.to_owned(),
    }
}
