//! Who callers are and what they may do: tokens and rules that a test sets, and the roles and bindings that are stored,
//! read as the real server reads them.

use std::collections::HashMap;

use serde_json::Value;

use crate::store::Store;

/// Who calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
    pub(crate) uid: String,
}

impl User {
    /// Who a request without a token is from: the tests' own client may do everything.
    pub(crate) fn admin() -> Self {
        Self { name: "admin".into(), groups: vec!["system:masters".into()], uid: String::new() }
    }

    /// The user that pods of a service account are.
    pub(crate) fn service_account(namespace: &str, name: &str, uid: &Value) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".into(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".into(),
            ],
            uid: uid.as_str().unwrap_or_default().to_owned(),
        }
    }

    fn is(&self, subject: &str) -> bool {
        self.name == subject || self.groups.iter().any(|group| group == subject)
    }

    /// Whether a subject of a binding in `namespace` is this user.
    fn is_subject(&self, subject: &Value, namespace: &str) -> bool {
        let name = subject["name"].as_str().unwrap_or_default();
        match subject["kind"].as_str() {
            Some("User") => self.name == name,
            Some("Group") => self.groups.iter().any(|group| group == name),
            Some("ServiceAccount") => {
                let namespace = subject["namespace"].as_str().unwrap_or(namespace);
                self.name == format!("system:serviceaccount:{namespace}:{name}")
            }
            _ => false,
        }
    }
}

/// A token, whose it is and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) user: User,
    /// Empty: whoever issued it knows nothing of audiences.
    pub(crate) audiences: Vec<String>,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Action {
    pub(crate) verb: String,
    pub(crate) group: String,
    /// With the subresource: `pods/portforward`.
    pub(crate) resource: String,
    /// Empty: all namespaces.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Action {
    fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.resource.clone()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }
}

/// A rule of a test's own.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) allow: bool,
    pub(crate) subject: String,
    pub(crate) verb: String,
    pub(crate) resource: String,
    /// `None`: all of them.
    pub(crate) namespace: Option<String>,
}

/// What tests set.
#[derive(Debug, Default)]
pub(crate) struct Access {
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) rules: Vec<Rule>,
}

impl Access {
    /// Whether `user` may do it. What is denied is denied, whatever else allows it.
    pub(crate) fn allows(&self, store: &Store, user: &User, action: &Action) -> bool {
        let rules = |allow: bool| {
            self.rules.iter().any(|rule| {
                rule.allow == allow
                    && user.is(&rule.subject)
                    && (rule.verb == "*" || rule.verb == action.verb)
                    && rule.resource == action.qualified()
                    && rule.namespace.as_ref().is_none_or(|namespace| *namespace == action.namespace)
            })
        };
        !rules(false)
            && (rules(true)
                || user.groups.iter().any(|group| group == "system:masters")
                || bound(store, user, action))
    }
}

/// Whether a stored role that is bound to the user allows it.
fn bound(store: &Store, user: &User, action: &Action) -> bool {
    let mut kinds = vec![("ClusterRoleBinding", "")];
    if !action.namespace.is_empty() {
        kinds.push(("RoleBinding", &action.namespace));
    }
    kinds.into_iter().any(|(kind, namespace)| {
        let Some(kind) = store.kind_named(kind) else { return false };
        store.list(kind, namespace).any(|(_, binding)| {
            let subjects = binding["subjects"].as_array().map(Vec::as_slice).unwrap_or_default();
            subjects.iter().any(|subject| user.is_subject(subject, namespace))
                && role(store, &binding["roleRef"], namespace).is_some_and(|role| permits(&role, action))
        })
    })
}

fn role(store: &Store, reference: &Value, namespace: &str) -> Option<Value> {
    let kind = store.kind_named(reference["kind"].as_str()?)?;
    let key = crate::store::key(kind, namespace, reference["name"].as_str()?);
    store.get(&key).map(|role| (**role).clone())
}

fn permits(role: &Value, action: &Action) -> bool {
    let rules = role["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    rules.iter().any(|rule| {
        let has = |field: &str, wanted: &str| {
            let values = rule[field].as_array().map(Vec::as_slice).unwrap_or_default();
            values.iter().any(|value| value == "*" || value == wanted)
        };
        let names = rule["resourceNames"].as_array().map(Vec::as_slice).unwrap_or_default();
        has("verbs", &action.verb)
            && has("apiGroups", &action.group)
            && has("resources", &action.resource)
            && (names.is_empty() || names.iter().any(|name| *name == *action.name))
    })
}
