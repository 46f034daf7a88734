//! Answers of fixed content: text, pictures, sounds, resources, by the names that the suite asks for.

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, GetPromptResult, ReadResourceResult};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// A PNG of one red pixel.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// A WAV of no samples.
const SOUND: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

/// A value of the protocol from the JSON that stands for it.
pub(crate) fn of<T: DeserializeOwned>(json: Value) -> Result<T, ErrorData> {
    serde_json::from_value(json)
        .map_err(|error| ErrorData::internal_error(format!("the fixture is not valid: {error}"), None))
}

/// A complete result from the JSON that stands for it.
pub(crate) fn complete<T: DeserializeOwned>(mut json: Value) -> Result<T, ErrorData> {
    json["resultType"] = "complete".into();
    of(json)
}

/// A text as a tool's answer.
pub(crate) fn text(text: impl Into<String>) -> Result<CallToolResult, ErrorData> {
    complete(json!({"content": [{"type": "text", "text": text.into()}]}))
}

/// The answer of the tool `name`, if it is one of fixed content.
pub(crate) fn tool(name: &str) -> Option<Result<CallToolResult, ErrorData>> {
    let picture = || json!({"type": "image", "data": PICTURE, "mimeType": "image/png"});
    let resource = |uri: &str, mime: &str, text: &str| json!({"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": text}});
    let answer = match name {
        "test_simple_text" => {
            json!({"content": [{"type": "text", "text": "This is a simple text response for testing."}]})
        }
        "test_image_content" => json!({"content": [picture()]}),
        "test_audio_content" => {
            json!({"content": [{"type": "audio", "data": SOUND, "mimeType": "audio/wav"}]})
        }
        "test_embedded_resource" => {
            let text = "This is an embedded resource content.";
            json!({"content": [resource("test://embedded-resource", "text/plain", text)]})
        }
        "test_multiple_content_types" => {
            let data = r#"{"test":"data","value":123}"#;
            json!({"content": [
                {"type": "text", "text": "Multiple content types test:"},
                picture(),
                resource("test://mixed-content-resource", "application/json", data),
            ]})
        }
        "test_error_handling" => {
            let text = "This tool intentionally returns an error for testing";
            json!({"content": [{"type": "text", "text": text}], "isError": true})
        }
        _ => return None,
    };
    Some(complete(answer))
}

/// The prompt `name` with its arguments.
pub(crate) fn prompt(
    name: &str,
    arguments: &Map<String, Value>,
) -> Option<Result<GetPromptResult, ErrorData>> {
    let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let message = |content: Value| json!({"role": "user", "content": content});
    let text = |text: String| message(json!({"type": "text", "text": text}));
    let messages = match name {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.".into())],
        "test_prompt_with_arguments" => {
            let (first, second) = (argument("arg1"), argument("arg2"));
            vec![text(format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))]
        }
        "test_prompt_with_embedded_resource" => vec![
            message(json!({"type": "resource", "resource": {
                "uri": argument("resourceUri"),
                "mimeType": "text/plain",
                "text": "Embedded resource content for testing.",
            }})),
            text("Please process the embedded resource above.".into()),
        ],
        "test_prompt_with_image" => vec![
            message(json!({"type": "image", "data": PICTURE, "mimeType": "image/png"})),
            text("Please analyze the image above.".into()),
        ],
        _ => return None,
    };
    Some(complete(json!({"messages": messages})))
}

/// The resource at `uri`.
pub(crate) fn resource(uri: &str) -> Option<Result<ReadResourceResult, ErrorData>> {
    let content = match uri {
        "test://static-text" => {
            let text = "This is the content of the static text resource.";
            json!({"uri": uri, "mimeType": "text/plain", "text": text})
        }
        "test://static-binary" => json!({"uri": uri, "mimeType": "image/png", "blob": PICTURE}),
        "test://watched-resource" => {
            json!({"uri": uri, "mimeType": "text/plain", "text": "It never changes."})
        }
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let text = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
            json!({"uri": uri, "mimeType": "application/json", "text": text.to_string()})
        }
    };
    Some(complete(json!({"contents": [content]})))
}
