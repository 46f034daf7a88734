//! What the real server would refuse of an object, as far as it has bitten somebody: names and label values of wrong
//! form, and changes of fields that never change.

use serde_json::Value;

use crate::kinds::Kind;
use crate::status::Refused;

/// Fields that an object of a kind keeps for its life.
const NEVER_CHANGE: &[(&str, &str)] = &[
    ("DaemonSet", "/spec/selector"),
    ("Deployment", "/spec/selector"),
    ("StatefulSet", "/spec/selector"),
    ("Job", "/spec/template"),
    ("Service", "/spec/clusterIP"),
    ("RoleBinding", "/roleRef"),
    ("ClusterRoleBinding", "/roleRef"),
];

/// Refuses what is no object of its kind, or not what may come of `before`.
pub(crate) fn object(kind: &Kind, before: Option<&Value>, object: &Value) -> Result<(), Refused> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let invalid = |why: String| Err(Refused::new(422, format!("{} {name:?} is invalid: {why}", kind.kind)));
    if name.is_empty() || name.len() > 253 || name.contains(['/', '%']) {
        return invalid(format!("metadata.name: Invalid value: {name:?}"));
    }
    for (key, value) in object["metadata"]["labels"].as_object().into_iter().flatten() {
        if !value.as_str().is_some_and(is_label_value) {
            return invalid(format!("metadata.labels: Invalid value: {value} of {key}"));
        }
    }
    let Some(before) = before else { return Ok(()) };
    for (_, field) in NEVER_CHANGE.iter().filter(|(of, _)| *of == kind.kind) {
        let (was, is) = (before.pointer(field), object.pointer(field));
        if was.is_some_and(|was| !was.is_null()) && was != is {
            return invalid(format!("{}: field is immutable", field[1..].replace('/', ".")));
        }
    }
    Ok(())
}

fn is_label_value(value: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    value.len() <= 63
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && ends(value.bytes().next())
        && ends(value.bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values() {
        for (value, good) in
            [("", true), ("0.1.0", true), ("0.1.0+x", false), ("-a", false), ("a_b.c-d", true)]
        {
            assert_eq!(is_label_value(value), good, "{value}");
        }
        assert!(!is_label_value(&"a".repeat(64)));
    }
}
