//! What of an install is the operator's to say: a file, flags that set single values, or both. The names are few, and each
//! must find something to act on, so that none is quietly without effect.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A value's name, what it is, and what it does; for help, the documents, and to find where a name ends.
pub struct Known {
    /// Its name, as in the file.
    pub key: &'static str,
    /// What it looks like.
    pub shape: &'static str,
    /// What it does, and what holds without it.
    pub about: &'static str,
}

const fn known(key: &'static str, shape: &'static str, about: &'static str) -> Known {
    Known { key, shape, about }
}

/// All values.
pub const KNOWN: [Known; 20] = [
    known("image", "text", "The image of agents and server. Default: `gadgetry:` and this version."),
    known("imagePullPolicy", "text", "`Always`, `IfNotPresent` or `Never`. Default: `IfNotPresent`."),
    known("imagePullSecrets", "list", "Names of Secrets with credentials for the image's registry."),
    known("gadgetImages", "list", "Gadgets offered. Default: all built-in ones."),
    known(
        "policy",
        "text",
        "The policy file's text: which images may run ([policy.md](policy.md)). Default: built-in ones only.",
    ),
    known(
        "token",
        "text",
        "The token MCP clients send. Default: random, made once. It is kept in a Secret and nowhere else.",
    ),
    known("logLevel", "text", "As `--log-level`."),
    known("allowedHosts", "list", "Host names by which clients may call the server, beside its Service's."),
    known(
        "agent.nodeSelector",
        "map",
        "Labels of the nodes that get an agent. Default: all nodes that run Linux.",
    ),
    known("agent.tolerations", "list", "Taints the agents tolerate. Default: all."),
    known(
        "agent.resources",
        "map",
        "`requests` and `limits` of an agent. Default: 100m and 128Mi, 1 CPU and 1Gi.",
    ),
    known("agent.priorityClass", "text", "The agents' priority class."),
    known("server.replicas", "number", "Replicas of the server at least. Default: 2."),
    known("server.maxReplicas", "number", "Replicas of the server at most. Default: 10."),
    known(
        "server.nodeSelector",
        "map",
        "Labels of the nodes that the server runs on. Default: all that run Linux.",
    ),
    known("server.tolerations", "list", "Taints the server tolerates."),
    known(
        "server.resources",
        "map",
        "`requests` and `limits` of the server. Default: 100m and 128Mi, 2 CPUs and 512Mi.",
    ),
    known(
        "ingress.host",
        "text",
        "The name the ingress answers to. Default: `gadgetry.example.com`, which is nobody's.",
    ),
    known("ingress.class", "text", "The ingress controller's class. Default: the cluster's default."),
    known(
        "ingress.tlsSecret",
        "text",
        "The Secret with the ingress's certificate. Default: `gadgetry-ingress-tls`.",
    ),
];

/// What was said. What is absent is left as the manifests have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Values {
    /// See [`KNOWN`], as for all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_pull_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_pull_secrets: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gadget_images: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    /// Never written anywhere but into its Secret.
    #[serde(skip_serializing)]
    pub(crate) token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allowed_hosts: Option<Vec<String>>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) agent: Workload,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) server: Workload,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) ingress: Ingress,
}

/// What is said of the pods of one part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Workload {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replicas: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_replicas: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node_selector: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tolerations: Option<Vec<Toleration>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resources: Option<Resources>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) priority_class: Option<String>,
}

/// A taint that pods tolerate, as the API has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Toleration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) effect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) toleration_seconds: Option<i64>,
}

/// What a container asks for and may have at most, as the API has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Resources {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) requests: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) limits: BTreeMap<String, String>,
}

/// What is said of the ingress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Ingress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_secret: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A value that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// The file of values.
    #[error("the values in {}: {reason}", path.display())]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// One that was set.
    #[error("--set {given}: {reason}")]
    Set {
        /// As given; a secret's text is left out.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// All of them together.
    #[error("the values: {0}")]
    Wrong(String),
    /// One that has nothing to act on.
    #[error("the value {key} says nothing about what is installed here (overlay {overlays})")]
    Nothing {
        /// Which.
        key: &'static str,
        /// What is installed.
        overlays: String,
    },
}

/// Values as a document, before they are read: what comes later replaces what came before.
#[derive(Clone, Debug, Default)]
pub struct Given(Map<String, Value>);

impl Given {
    /// Those that were recorded by an earlier install.
    pub fn recorded(values: &Values) -> Self {
        match serde_json::to_value(values) {
            Ok(Value::Object(map)) => Self(map),
            _ => Self::default(),
        }
    }

    /// Those of a JSON object, as a tool call has them.
    pub fn of(map: Map<String, Value>) -> Self {
        Self(map)
    }

    /// Adds those of a YAML file.
    pub fn file(&mut self, path: &Path) -> Result<(), ValuesError> {
        let wrong = |reason: String| ValuesError::File { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(());
        }
        let map: Map<String, Value> =
            serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        // Here, so that a mistake is told with the file's name.
        read(&map).map_err(wrong)?;
        self.merge(map);
        Ok(())
    }

    /// Adds one, as `key=value`. The value is YAML: `2`, `[a, b]`, `{cpu: 100m}`. Below a map's name stand its keys, which may
    /// have dots themselves: `agent.nodeSelector.kubernetes.io/arch=arm64`.
    pub fn set(&mut self, given: &str) -> Result<(), ValuesError> {
        let key = given.split('=').next().unwrap_or_default();
        let wrong = |reason: String| ValuesError::Set {
            given: if key == "token" { "token=...".to_owned() } else { given.to_owned() },
            reason,
        };
        let Some((key, text)) = given.split_once('=') else {
            return Err(wrong("write it as KEY=VALUE".to_owned()));
        };
        let known = KNOWN.iter().find(|it| {
            key == it.key
                || it.shape == "map" && key.strip_prefix(it.key).is_some_and(|rest| rest.starts_with('.'))
        });
        let Some(known) = known else {
            let all: Vec<_> = KNOWN.iter().map(|it| it.key).collect();
            return Err(wrong(format!("there is no such value; there are: {}", all.join(", "))));
        };
        let rest = key[known.key.len()..].strip_prefix('.');
        let value = match known.shape {
            // As it is: a version such as 1.10 is no number here.
            "text" => Value::String(text.to_owned()),
            // A label's value is a text, whatever it looks like.
            "map" if rest.is_some() => Value::String(text.to_owned()),
            // One item needs no brackets.
            "list" if !text.trim_start().starts_with('[') => {
                text.split(',').map(|it| it.trim()).filter(|it| !it.is_empty()).collect()
            }
            _ => serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))?,
        };
        let mut path: Vec<&str> = known.key.split('.').collect();
        match rest {
            // A node label has dots, a resource (`limits.memory`) has one level.
            Some(rest) if known.key.ends_with("nodeSelector") => path.push(rest),
            Some(rest) => path.extend(rest.splitn(2, '.')),
            None => {}
        }
        let mut tree = value;
        for part in path.into_iter().rev() {
            tree = Value::Object(Map::from_iter([(part.to_owned(), tree)]));
        }
        if let Value::Object(map) = tree {
            read(&map).map_err(wrong)?;
            self.merge(map);
        }
        Ok(())
    }

    /// Adds a value whose text comes from elsewhere: a file, the environment.
    pub fn text(&mut self, key: &'static str, text: String) {
        self.0.insert(key.to_owned(), Value::String(text));
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: Map<String, Value>) {
        merge(&mut self.0, other);
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// The values.
    pub fn read(&self) -> Result<Values, ValuesError> {
        read(&self.0).map_err(ValuesError::Wrong)
    }
}

fn read(map: &Map<String, Value>) -> Result<Values, String> {
    let values: Values =
        serde_json::from_value(Value::Object(map.clone())).map_err(|error| error.to_string())?;
    let Values { image, image_pull_policy, server, agent, .. } = &values;
    if image.as_ref().is_some_and(|it| it.is_empty() || it.contains(char::is_whitespace)) {
        return Err("image: is no reference".to_owned());
    }
    if let Some(policy) = image_pull_policy
        && !["Always", "IfNotPresent", "Never"].contains(&policy.as_str())
    {
        return Err(format!("imagePullPolicy: `{policy}` is none of Always, IfNotPresent, Never"));
    }
    if agent.replicas.is_some() || agent.max_replicas.is_some() {
        return Err("agent.replicas: there is one on every node; agent.nodeSelector says which".to_owned());
    }
    if server.replicas == Some(0) {
        return Err("server.replicas: at least one".to_owned());
    }
    if server.max_replicas.unwrap_or(10) < server.replicas.unwrap_or(2) {
        return Err("server.maxReplicas: less than server.replicas".to_owned());
    }
    Ok(values)
}

fn merge(base: &mut Map<String, Value>, other: Map<String, Value>) {
    for (key, value) in other {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(base)), Value::Object(value)) => merge(base, value),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(all: &[&str]) -> Result<Values, ValuesError> {
        let mut given = Given::default();
        for it in all {
            given.set(it)?;
        }
        given.read()
    }

    #[test]
    fn each_value_can_be_set() {
        let values = set(&[
            "image=registry.example/gadgetry:1.10",
            "gadgetImages=trace_exec, trace_open",
            "server.replicas=3",
            "agent.nodeSelector.kubernetes.io/arch=arm64",
            "agent.resources.limits.memory=1Gi",
            "agent.tolerations=[{key: a, operator: Exists}]",
            "server.resources={limits: {cpu: 500m}}",
            "token=a=b",
        ])
        .unwrap();
        assert_eq!(values.token.as_deref(), Some("a=b"));
        assert_eq!(
            serde_json::to_value(&values).unwrap(),
            json!({"image": "registry.example/gadgetry:1.10", "gadgetImages": ["trace_exec", "trace_open"],
                   "agent": {"nodeSelector": {"kubernetes.io/arch": "arm64"},
                             "tolerations": [{"key": "a", "operator": "Exists"}],
                             "resources": {"limits": {"memory": "1Gi"}}},
                   "server": {"replicas": 3, "resources": {"limits": {"cpu": "500m"}}}}),
            "and the token is not written"
        );
    }

    #[test]
    fn wrong_values_are_told() {
        for (given, said) in [
            ("image", "--set image: write it as KEY=VALUE"),
            ("imgae=a", "--set imgae=a: there is no such value; there are: image, imagePullPolicy"),
            ("server.replicas=many", "--set server.replicas=many: invalid type"),
            ("server.replicas=0", "--set server.replicas=0: server.replicas: at least one"),
            ("server.maxReplicas=1", "server.maxReplicas: less than server.replicas"),
            ("imagePullPolicy=Sometimes", "is none of Always, IfNotPresent, Never"),
            ("agent.tolerations=[{key: a, oprator: Exists}]", "unknown field `oprator`"),
            ("agent.resources.limit.memory=1Gi", "unknown field `limit`"),
            ("image=a b", "image: is no reference"),
        ] {
            let error = set(&[given]).unwrap_err().to_string();
            assert!(error.contains(said), "{given}: {error}");
        }
    }

    #[test]
    fn a_file_is_merged_and_its_mistakes_name_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("values.yaml");
        std::fs::write(&path, "image: a:1\nserver: {replicas: 4}\n").unwrap();
        let mut given = Given::default();
        given.file(&path).unwrap();
        given.set("server.maxReplicas=5").unwrap();
        let values = given.read().unwrap();
        assert_eq!((values.image.as_deref(), values.server.replicas), (Some("a:1"), Some(4)));
        assert_eq!(values.server.max_replicas, Some(5));
        std::fs::write(&path, "imige: a:1\n").unwrap();
        let error = given.file(&path).unwrap_err().to_string();
        assert!(error.contains("values.yaml") && error.contains("imige"), "{error}");
        std::fs::write(&path, "# nothing\n\n").unwrap();
        given.file(&path).unwrap();
    }

    #[test]
    fn what_is_known_is_what_there_is() {
        let every = json!({
            "image": "a", "imagePullPolicy": "Never", "imagePullSecrets": ["a"], "gadgetImages": ["a"],
            "policy": "a", "token": "a", "logLevel": "a", "allowedHosts": ["a"],
            "agent": {"nodeSelector": {"a": "b"}, "tolerations": [], "resources": {}, "priorityClass": "a"},
            "server": {"replicas": 1, "maxReplicas": 2, "nodeSelector": {}, "tolerations": [], "resources": {}},
            "ingress": {"host": "a", "class": "b", "tlsSecret": "c"},
        });
        let mut names = Vec::new();
        for (name, value) in every.as_object().unwrap() {
            match value.as_object() {
                Some(map) => names.extend(map.keys().map(|key| format!("{name}.{key}"))),
                None => names.push(name.clone()),
            }
        }
        assert_eq!(names, KNOWN.iter().map(|it| it.key.to_owned()).collect::<Vec<_>>());
        assert!(read(every.as_object().unwrap()).is_ok());
    }
}
