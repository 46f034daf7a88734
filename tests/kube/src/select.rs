//! Selectors of labels and fields, as queries write them. Written apart from the host's own, so that neither tests
//! itself.

use serde_json::Value;

use crate::status::Refused;

/// What a list or watch asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selectors {
    labels: Vec<Label>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug)]
enum Label {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Has(String),
    Lacks(String),
}

/// The fields by which the real one selects.
const FIELDS: [&str; 7] = [
    "metadata.name",
    "metadata.namespace",
    "spec.nodeName",
    "spec.hostNetwork",
    "spec.serviceAccountName",
    "status.phase",
    "status.podIP",
];

impl Selectors {
    pub(crate) fn parse(labels: &str, fields: &str) -> Result<Self, Refused> {
        let labels = requirements(labels).into_iter().map(|part| label(&part)).collect::<Result<_, _>>()?;
        let fields = requirements(fields).into_iter().map(|part| field(&part)).collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let value = |key: &str| labels.get(key).and_then(Value::as_str);
        self.labels.iter().all(|label| match label {
            Label::In(key, values) => value(key).is_some_and(|found| values.iter().any(|one| one == found)),
            Label::NotIn(key, values) => {
                !value(key).is_some_and(|found| values.iter().any(|one| one == found))
            }
            Label::Has(key) => value(key).is_some(),
            Label::Lacks(key) => value(key).is_none(),
        }) && self.fields.iter().all(|(path, equal, wanted)| {
            let found = path.split('.').try_fold(object, |object, part| object.get(part));
            let found = match found {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Bool(flag)) => flag.to_string(),
                _ if path == "spec.hostNetwork" => "false".to_owned(),
                _ => String::new(),
            };
            (found == *wanted) == *equal
        })
    }
}

/// Splits at commas outside of parentheses.
fn requirements(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for character in text.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn label(part: &str) -> Result<Label, Refused> {
    let part = part.trim();
    let set = |text: &str| -> Result<Vec<String>, Refused> {
        let inner = text.trim().strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let inner =
            inner.ok_or_else(|| Refused::new(400, format!("unable to parse requirement: {part:?}")))?;
        Ok(inner.split(',').map(|value| value.trim().to_owned()).collect())
    };
    if let Some((key, values)) = part.split_once(" notin ") {
        return Ok(Label::NotIn(key.trim().into(), set(values)?));
    }
    if let Some((key, values)) = part.split_once(" in ") {
        return Ok(Label::In(key.trim().into(), set(values)?));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Ok(Label::NotIn(key.trim().into(), vec![value.trim().into()]));
    }
    if let Some((key, value)) = part.split_once('=') {
        return Ok(Label::In(key.trim().into(), vec![value.trim_start_matches('=').trim().into()]));
    }
    Ok(match part.strip_prefix('!') {
        Some(key) => Label::Lacks(key.trim().into()),
        None => Label::Has(part.into()),
    })
}

fn field(part: &str) -> Result<(String, bool, String), Refused> {
    let (path, equal, value) = match part.split_once("!=") {
        Some((path, value)) => (path, false, value),
        None => {
            let (path, value) = part
                .split_once('=')
                .ok_or_else(|| Refused::new(400, format!("invalid field selector {part:?}")))?;
            (path, true, value.trim_start_matches('='))
        }
    };
    if !FIELDS.contains(&path) {
        return Err(Refused::new(400, format!("field label not supported: {path}")));
    }
    Ok((path.to_owned(), equal, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors() {
        let pod = json!({
            "metadata": {"name": "p", "labels": {"app": "web", "tier": "front"}},
            "spec": {"nodeName": "n1"}, "status": {"phase": "Running"},
        });
        let table = [
            ("app=web", "", true),
            ("app==web,tier!=back", "", true),
            ("app in (db, web),!gone", "", true),
            ("app notin (web)", "", false),
            ("none!=x", "", true),
            ("tier", "spec.nodeName=n1", true),
            ("", "spec.nodeName=n2", false),
            ("", "status.phase!=Failed,spec.hostNetwork=false", true),
        ];
        for (labels, fields, wanted) in table {
            let selectors = Selectors::parse(labels, fields).unwrap();
            assert_eq!(selectors.matches(&pod), wanted, "{labels} {fields}");
        }
        assert!(Selectors::parse("", "spec.colour=red").is_err());
    }
}
