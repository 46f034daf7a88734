//! Lays a patch over an object, as a strategic merge does: maps are merged, lists of named things too, and all else is
//! replaced. Which lists are merged by which key is Kubernetes' to say; here are those that the overlays patch, and a list
//! of things of another name is refused rather than guessed at.

use serde_json::Value;

/// Lists that are merged, and by which of their items' fields.
const KEYS: [(&str, &str); 5] = [
    ("containers", "name"),
    ("env", "name"),
    ("imagePullSecrets", "name"),
    ("volumeMounts", "mountPath"),
    ("volumes", "name"),
];

/// Lays `patch` over `base`.
pub(crate) fn merge(base: &mut Value, patch: &Value) -> Result<(), String> {
    merge_at("", base, patch)
}

fn merge_at(name: &str, base: &mut Value, patch: &Value) -> Result<(), String> {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (field, value) in patch {
                match base.get_mut(field) {
                    _ if value.is_null() => drop(base.remove(field)),
                    Some(old) => merge_at(field, old, value)?,
                    None => drop(base.insert(field.clone(), value.clone())),
                }
            }
        }
        (Value::Array(base), Value::Array(patch)) if patch.iter().any(Value::is_object) => {
            let key = KEYS.iter().find(|(list, _)| *list == name).map(|(_, key)| *key);
            let key = key.ok_or_else(|| format!("how the list `{name}` is merged is not known here"))?;
            for item in patch {
                match base.iter_mut().find(|it| it.get(key).is_some() && it.get(key) == item.get(key)) {
                    Some(old) => merge_at("", old, item)?,
                    None => base.push(item.clone()),
                }
            }
        }
        (base, patch) => *base = patch.clone(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn named_things_are_merged_and_all_else_is_replaced() {
        let mut base = json!({"a": {"b": 1, "c": [1, 2]}, "gone": 1, "containers": [
            {"name": "x", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}, {"name": "y"}]});
        let patch = json!({"a": {"c": [3]}, "gone": null, "containers": [
            {"name": "x", "env": [{"name": "A", "value": "3"}, {"name": "C", "value": "4"}]}, {"name": "z"}]});
        merge(&mut base, &patch).unwrap();
        assert_eq!(
            base,
            json!({"a": {"b": 1, "c": [3]}, "containers": [
                {"name": "x", "env": [{"name": "A", "value": "3"}, {"name": "B", "value": "2"}, {"name": "C", "value": "4"}]},
                {"name": "y"}, {"name": "z"}]})
        );
        let error = merge(&mut json!({"rules": [{"a": 1}]}), &json!({"rules": [{"a": 2}]})).unwrap_err();
        assert_eq!(error, "how the list `rules` is merged is not known here");
    }
}
