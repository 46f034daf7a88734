//! Objects as YAML, for `kubectl apply -f -` and for people. What is made at install is not in it, which it says.

use std::fmt::Write;

use serde::Serialize;

use crate::object::Object;

/// A document as YAML.
pub fn to_yaml(document: &impl Serialize) -> Result<String, String> {
    // Through JSON: a reader of YAML 1.1 must not take a text for something else.
    let value = serde_json::to_value(document).map_err(|error| error.to_string())?;
    serde_saphyr::to_string(&value).map_err(|error| error.to_string())
}

/// `objects` as one YAML stream.
pub fn yaml(objects: &[Object]) -> Result<String, String> {
    let mut text = String::new();
    for object in objects {
        let body = to_yaml(&object.0)?;
        let note = if object.is_filled() {
            "# Not shown: what `gadgetry deploy` puts in. Applied as it is, this leaves alone what is there.\n"
        } else {
            ""
        };
        let done = write!(text, "---\n{note}{}\n", body.trim_end());
        debug_assert!(done.is_ok(), "writing to a string");
    }
    Ok(text)
}
