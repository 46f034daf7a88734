//! What is scanned, checked: something must be there, and not more than a scan takes.
//!
//! The limits are the service's, whichever backend answers, so that changing the backend changes no caller.

use gadget::Failure;

use crate::params::{Content, ToolEvent};

/// Bytes of one scan that is answered at once.
pub const INLINE: usize = 2 << 20;
/// Bytes of a batch that is sent in one request, and of one item of it.
pub const BATCH: usize = 5 << 20;

impl Content {
    /// The texts that it has, with the names of their fields.
    fn texts(&mut self) -> [(&'static str, &mut Option<String>); 5] {
        [
            ("prompt", &mut self.prompt),
            ("response", &mut self.response),
            ("code_prompt", &mut self.code_prompt),
            ("code_response", &mut self.code_response),
            ("context", &mut self.context),
        ]
    }

    /// Bytes of all texts.
    pub fn bytes(&self) -> usize {
        let Self { prompt, response, code_prompt, code_response, context, tool_event } = self;
        let (input, output) = tool_event.as_ref().map(|it| (&it.input, &it.output)).unzip();
        let texts = [
            Some(prompt),
            Some(response),
            Some(code_prompt),
            Some(code_response),
            Some(context),
            input,
            output,
        ];
        texts.into_iter().flatten().flatten().map(String::len).sum()
    }

    /// What is left without empty texts, if that can be scanned. `within`: where it stands among the arguments.
    pub fn checked(mut self, within: &str, most: usize) -> Result<Self, Failure> {
        let field = |name: &str| if within.is_empty() { name.to_owned() } else { format!("{within}.{name}") };
        for (_, text) in self.texts() {
            // Callers fill in what they don't have as an empty text.
            text.take_if(|text| text.is_empty());
        }
        if let Some(ToolEvent { input, output, .. }) = &mut self.tool_event {
            for text in [&mut *input, &mut *output] {
                text.take_if(|text| text.is_empty());
            }
            if input.is_none() && output.is_none() {
                return Err(Failure::of(
                    field("tool_event"),
                    "has neither input nor output; give one of them as text",
                ));
            }
        }
        let Self { prompt, response, code_prompt, code_response, tool_event, .. } = &self;
        let none = [prompt, response, code_prompt, code_response].iter().all(|it| it.is_none());
        if none && tool_event.is_none() {
            let at = if within.is_empty() { "prompt" } else { within };
            return Err(Failure::of(
                at,
                "there is nothing to scan: give a prompt or a response that is not empty (or code_prompt, code_response, tool_event)",
            ));
        }
        let bytes = self.bytes();
        if bytes > most {
            let largest =
                self.texts().into_iter().max_by_key(|(_, text)| text.as_ref().map_or(0, String::len));
            let largest = largest.map_or("prompt", |(name, _)| name);
            let told = format!("wanted at most {most} bytes in all, found {bytes}; scan it in parts");
            return Err(Failure::of(field(largest), told));
        }
        Ok(self)
    }
}
