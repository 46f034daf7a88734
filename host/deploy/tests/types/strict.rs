//! Whether a type knows all that a document says. Kubernetes' types skip what they do not know, and so does an API server
//! that is not asked to be strict: a misspelt `readOnlyRootFilesystem` would be no more than a wish. What a type has read
//! and writes again must hold all that it was given.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The paths in `given` that `T` does not know, each with what is wrong.
pub(crate) fn unknown<T: Serialize + DeserializeOwned>(given: &Value) -> Vec<String> {
    let again = serde_json::from_value::<T>(given.clone()).and_then(serde_json::to_value);
    match again {
        Ok(again) => {
            let mut wrong = Vec::new();
            compare("", given, &again, &mut wrong);
            wrong
        }
        Err(error) => vec![error.to_string()],
    }
}

fn compare(path: &str, given: &Value, again: &Value, wrong: &mut Vec<String>) {
    match (given, again) {
        (Value::Object(given), Value::Object(again)) => {
            for (name, value) in given {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match again.get(name) {
                    Some(again) => compare(&path, value, again, wrong),
                    None => wrong.push(format!("{path}: no such field")),
                }
            }
        }
        (Value::Array(given), Value::Array(again)) if given.len() == again.len() => {
            for (at, (given, again)) in given.iter().zip(again).enumerate() {
                compare(&format!("{path}[{at}]"), given, again, wrong);
            }
        }
        (given, again) if given == again => {}
        // A type may have one kind of number where a document has another: 0 is 0.0.
        (Value::Number(given), Value::Number(again)) if given.as_f64() == again.as_f64() => {}
        (given, again) => wrong.push(format!("{path}: {given} is read as {again}")),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Container;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_type_does_not_know_is_told_by_its_path() {
        let good = json!({"name": "a", "securityContext": {"readOnlyRootFilesystem": true}, "args": ["x"]});
        assert_eq!(unknown::<Container>(&good), Vec::<String>::new());
        let wrong = json!({"name": "a", "ports": [{"containerPort": 1}, {"containerPort": 2, "nmae": "x"}],
                           "securityContext": {"readonlyRootFilesystem": true}});
        assert_eq!(
            unknown::<Container>(&wrong),
            ["ports[1].nmae: no such field", "securityContext.readonlyRootFilesystem: no such field"]
        );
        let kind = json!({"name": "a", "ports": [{"containerPort": "many"}]});
        assert_eq!(unknown::<Container>(&kind).len(), 1);
    }
}
