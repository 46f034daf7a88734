//! `gadget.toml`: what one edits without touching code; and its union with what the component says of itself.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Package;
use crate::descriptor::{
    Annotations, DESCRIPTOR_VERSION, Described, Descriptor, Hook, Kind, Links, Permissions, Prompt, Tool,
    View,
};

const FILE: &str = "gadget.toml";

/// The file, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GadgetToml {
    /// Default: the package's name.
    name: Option<String>,
    title: String,
    description: String,
    kind: Kind,
    #[serde(default)]
    permissions: Permissions,
    #[serde(default, rename = "hook")]
    hooks: Vec<Hook>,
    #[serde(default, rename = "view")]
    views: Vec<View>,
    #[serde(default, rename = "prompt")]
    prompts: Vec<Prompt>,
    #[serde(default)]
    links: Links,
    /// For a gadget of tools: a title and hints for each, by name.
    #[serde(default, rename = "tool")]
    tools: Vec<ToolToml>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolToml {
    name: String,
    title: Option<String>,
    description: Option<String>,
    annotations: Option<Annotations>,
}

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It can't be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML, or has fields that are not known.
    #[error("{path}: {source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: Box<toml::de::Error>,
    },
    /// The component does not say what it must.
    #[error(
        "what the gadget's `describe` returns can't be read: {0}; was it built with another version of the SDK?"
    )]
    Described(#[from] serde_json::Error),
    /// The file says one shape and the code has another.
    #[error(
        "gadget.toml says kind = \"{stated:?}\", but src/lib.rs implements the shape {found:?}; make them agree"
    )]
    Kind {
        /// In the file.
        stated: Kind,
        /// In the code.
        found: Kind,
    },
    /// The file speaks of a tool that the code does not have.
    #[error("gadget.toml has a [[tool]] `{name}`, but src/lib.rs has no such tool; it has: {known}")]
    NoTool {
        /// The name.
        name: String,
        /// Those there are.
        known: String,
    },
}

impl GadgetToml {
    pub(super) fn read(gadget: &Path) -> Result<Self, ManifestError> {
        let path = gadget.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(ManifestError::Io { path, source }),
        };
        toml::from_str(&text).map_err(|e| ManifestError::Syntax { path, source: Box::new(e) })
    }

    /// The whole descriptor. It is not validated yet.
    pub(super) fn descriptor(self, package: &Package, described: &[u8]) -> Result<Descriptor, ManifestError> {
        let described: Described = serde_json::from_slice(described)?;
        if described.kind != self.kind {
            return Err(ManifestError::Kind { stated: self.kind, found: described.kind });
        }
        let name = self.name.unwrap_or_else(|| package.name.clone());
        let description = one_line(&self.description);
        if let Some(unknown) =
            self.tools.iter().find(|it| described.tools.iter().all(|tool| tool.name != it.name))
        {
            let known: Vec<_> = described.tools.iter().map(|tool| tool.name.as_str()).collect();
            return Err(ManifestError::NoTool { name: unknown.name.clone(), known: known.join(", ") });
        }
        let tools = described
            .tools
            .into_iter()
            .map(|tool| {
                if described.kind != Kind::Tool {
                    return Tool {
                        name: name.clone(),
                        title: self.title.clone(),
                        description: description.clone(),
                        params: tool.params,
                        row: tool.row,
                        columns: tool.columns,
                        annotations: Annotations::default(),
                    };
                }
                let edited = self.tools.iter().find(|it| it.name == tool.name);
                Tool {
                    title: edited.and_then(|it| it.title.clone()).unwrap_or_else(|| title_of(&tool.name)),
                    description: edited
                        .and_then(|it| it.description.as_deref())
                        .map_or_else(|| tool.description.trim().to_owned(), one_line),
                    annotations: edited.and_then(|it| it.annotations).unwrap_or_default(),
                    name: tool.name,
                    params: tool.params,
                    row: tool.row,
                    columns: tool.columns,
                }
            })
            .collect();
        Ok(Descriptor {
            descriptor: DESCRIPTOR_VERSION,
            contract: described.contract,
            name,
            version: package.version.clone(),
            title: self.title,
            description,
            kind: self.kind,
            merge: described.merge,
            tools,
            hooks: self.hooks,
            views: self.views,
            permissions: self.permissions,
            prompts: self
                .prompts
                .into_iter()
                .map(|it| Prompt { text: it.text.trim().to_owned(), ..it })
                .collect(),
            links: Links {
                homepage: self.links.homepage.or_else(|| package.homepage.clone()),
                source: self.links.source.or_else(|| package.repository.clone()),
                license: self.links.license.or_else(|| package.license.clone()),
            },
        })
    }
}

/// Text that was broken into lines only to fit the file.
fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for paragraph in text.trim().split("\n\n") {
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        out.push_str(&paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    out
}

/// `top_files` as a title: `Top files`.
fn title_of(name: &str) -> String {
    let words = name.replace(['_', '-', '.'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Package {
        Package {
            id: "id".into(),
            name: "mine".into(),
            version: "1.2.3".into(),
            license: Some("MIT".into()),
            repository: None,
            homepage: None,
            kernel: false,
            workspace_root: PathBuf::new(),
            folders: [].into(),
            registry: [].into(),
        }
    }

    const DESCRIBED: &[u8] = br#"{"contract":"gadgetry:gadget@0.1.0","kind":"tool","merge":false,"tools":[
        {"name":"say_it","description":" Says it. ","params":{"type":"object"},"row":{"type":"object"},"columns":[]}]}"#;

    fn descriptor(text: &str) -> Result<Descriptor, ManifestError> {
        toml::from_str::<GadgetToml>(text).unwrap().descriptor(&package(), DESCRIBED)
    }

    #[test]
    fn the_file_and_the_code_make_one_descriptor() {
        let text = "title = 'Mine'\nkind = 'tool'\ndescription = '''\nSays\nthings.\n\nTwice.'''\n";
        let made = descriptor(text).unwrap();
        made.validate(None).unwrap();
        assert_eq!((made.name.as_str(), made.version.as_str()), ("mine", "1.2.3"));
        assert_eq!(made.description, "Says things.\n\nTwice.");
        assert_eq!(
            (made.tools[0].title.as_str(), made.tools[0].description.as_str()),
            ("Say it", "Says it.")
        );
        assert_eq!(made.links.license.as_deref(), Some("MIT"));

        let text = format!("{text}[[tool]]\nname = 'say_it'\ntitle = 'Say'\n");
        assert_eq!(descriptor(&text).unwrap().tools[0].title, "Say");
    }

    #[test]
    fn what_does_not_agree_is_said() {
        let head = "title = 'Mine'\ndescription = 'x'\n";
        let error = descriptor(&format!("{head}kind = 'stream'")).unwrap_err().to_string();
        assert!(error.contains("Stream") && error.contains("Tool"), "{error}");
        let error =
            descriptor(&format!("{head}kind = 'tool'\n[[tool]]\nname = 'other'")).unwrap_err().to_string();
        assert!(error.contains("no such tool; it has: say_it"), "{error}");
        let error = toml::from_str::<GadgetToml>(&format!("{head}kind = 'tool'\nnaem = 'x'"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("unknown field `naem`"), "{error}");
    }
}
