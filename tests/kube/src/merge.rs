//! How a patch changes an object. Of server-side apply, this is what tests need: what is applied is merged in, and what
//! the same manager applied before and no longer does is taken out. Lists are replaced as wholes, and conflicts of
//! ownership are not told.

use serde_json::{Map, Value};

/// Merges what is applied into `object`.
pub(crate) fn apply(object: &mut Value, applied: &Value) {
    match (object, applied) {
        (Value::Object(object), Value::Object(applied)) => {
            for (key, value) in applied {
                apply(object.entry(key).or_insert(Value::Null), value);
            }
        }
        (object, applied) => *object = applied.clone(),
    }
}

/// Takes out of `object` what was applied `before` and is not applied `now`.
pub(crate) fn withdraw(object: &mut Value, before: &Value, now: &Value) {
    let (Value::Object(object), Value::Object(before)) = (object, before) else { return };
    for (key, was) in before {
        match now.get(key) {
            None => {
                object.shift_remove(key);
            }
            Some(is) => {
                if let Some(inner) = object.get_mut(key) {
                    withdraw(inner, was, is);
                }
            }
        }
    }
}

/// A JSON merge patch (RFC 7386): null takes out.
pub(crate) fn patch(object: &mut Value, change: &Value) {
    let Value::Object(change) = change else {
        *object = change.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(object) = object else { return };
    for (key, value) in change {
        if value.is_null() {
            object.shift_remove(key);
        } else {
            patch(object.entry(key).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_longer_applied_goes() {
        let before = json!({"spec": {"a": 1, "b": {"c": 1, "d": 2}}});
        let now = json!({"spec": {"b": {"c": 3}}});
        let mut object = json!({"spec": {"a": 1, "b": {"c": 1, "d": 2}, "others": true}});
        withdraw(&mut object, &before, &now);
        apply(&mut object, &now);
        assert_eq!(object, json!({"spec": {"b": {"c": 3}, "others": true}}));
    }

    #[test]
    fn null_in_a_merge_patch_takes_out() {
        let mut object = json!({"a": {"b": 1, "c": [1, 2]}});
        patch(&mut object, &json!({"a": {"b": null, "c": [3], "d": {"e": null}}}));
        assert_eq!(object, json!({"a": {"c": [3], "d": {}}}));
    }
}
