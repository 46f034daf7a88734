//! Which detections said yes: booleans by name, of which the service may know more than its description does.

use std::marker::PhantomData;

use gadget::serde_json::Value as Json;
use gadget::{Schema, Value};

use super::{Odd, Read};

/// The names that belong to one side.
pub trait Names {
    /// Each, with what it says.
    const ALL: &'static [(&'static str, &'static str)];
}

/// Detections by name. Names that are not in `N` are kept as well, so that a new detection of the service is not lost.
#[derive(Debug, PartialEq, Eq)]
pub struct Flags<N> {
    said: Vec<(String, bool)>,
    names: PhantomData<N>,
}

impl<N> Default for Flags<N> {
    fn default() -> Self {
        Self { said: Vec::new(), names: PhantomData }
    }
}

impl<N> Clone for Flags<N> {
    fn clone(&self) -> Self {
        Self { said: self.said.clone(), names: PhantomData }
    }
}

impl<N> Flags<N> {
    /// Says whether `name` was detected.
    pub fn set(&mut self, name: &str, detected: bool) {
        match self.said.iter_mut().find(|(known, _)| known == name) {
            Some((_, said)) => *said |= detected,
            None => self.said.push((name.to_owned(), detected)),
        }
    }

    /// Whether anything was detected.
    pub fn any(&self) -> bool {
        self.said.iter().any(|(_, said)| *said)
    }
}

impl<N: Names> Value for Flags<N> {
    fn write(&self, out: &mut Vec<u8>) {
        gadget::row::object(out, |out| {
            for (name, said) in &self.said {
                out.push(b',');
                name.write(out);
                out.push(b':');
                said.write(out);
            }
        });
    }

    fn schema() -> Schema {
        let flag = |(name, about): &(&'static str, &'static str)| {
            (*name, Schema::of("boolean").with_text("description", about))
        };
        Schema::object(&N::ALL.iter().map(flag).collect::<Vec<_>>(), &[], true)
    }
}

impl<N> Read for Flags<N> {
    fn read(value: Json, odd: &mut Odd) -> Option<Self> {
        let Json::Object(members) = value else {
            odd.note();
            return None;
        };
        let mut flags = Self::default();
        for (name, said) in members {
            match said {
                Json::Bool(said) => flags.set(&name, said),
                Json::Null => {}
                _ => odd.within(&name, Odd::note),
            }
        }
        Some(flags)
    }
}

const URL_CATS: (&str, &str) = ("url_cats", "Malicious URLs.");
const DLP: (&str, &str) = ("dlp", "Secrets or personal data.");
const INJECTION: (&str, &str) = ("injection", "Prompt injection.");
const TOXIC: (&str, &str) = ("toxic_content", "Toxic content.");
const CODE: (&str, &str) = ("malicious_code", "Malicious code.");
const AGENT: (&str, &str) = ("agent", "Threats to agents.");
const TOPIC: (&str, &str) = ("topic_violation", "Topics that are not allowed.");
const DATABASE: (&str, &str) = ("db_security", "Dangerous database statements.");
const UNGROUNDED: (&str, &str) = ("ungrounded", "Not backed by the context.");

/// Those of a prompt.
#[derive(Debug, PartialEq, Eq)]
pub enum OfPrompt {}

impl Names for OfPrompt {
    const ALL: &'static [(&'static str, &'static str)] =
        &[URL_CATS, DLP, INJECTION, TOXIC, CODE, AGENT, TOPIC];
}

/// Those of a response.
#[derive(Debug, PartialEq, Eq)]
pub enum OfResponse {}

impl Names for OfResponse {
    const ALL: &'static [(&'static str, &'static str)] =
        &[URL_CATS, DLP, DATABASE, TOXIC, CODE, AGENT, UNGROUNDED, TOPIC];
}

/// Those of a tool call.
#[derive(Debug, PartialEq, Eq)]
pub enum OfTool {}

impl Names for OfTool {
    const ALL: &'static [(&'static str, &'static str)] =
        &[INJECTION, URL_CATS, DLP, DATABASE, TOXIC, CODE, AGENT, TOPIC];
}
