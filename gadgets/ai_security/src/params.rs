//! What the tools take: the names of the reference server, and the options of the API beside them.

use gadget::{Failure, Params};

/// Bytes of what correlates and names: tr_id, session_id, a profile's name.
const MAX_NAME: usize = 100;
/// Items of one batch: what can be sent in one call.
pub const MAX_ITEMS: usize = 250;
/// Ids of one call: as many as the service answers in a minute.
pub const MAX_IDS: usize = 50;
/// The longest wait for pending results, in seconds.
const MAX_WAIT: u32 = 100;

/// Of `pan_inline_scan`.
#[derive(Params, Default)]
pub struct Inline {
    /// What was asked of the model. Give this, `response`, or another content.
    #[param(nullable)]
    pub prompt: Option<String>,
    /// What the model said.
    #[param(nullable)]
    pub response: Option<String>,
    /// What the response must be grounded in.
    #[param(nullable)]
    pub context: Option<String>,
    /// Code taken from the prompt.
    #[param(nullable)]
    pub code_prompt: Option<String>,
    /// Code taken from the response.
    #[param(nullable)]
    pub code_response: Option<String>,
    /// The call of a tool.
    #[param(nullable)]
    pub tool_event: Option<ToolEvent>,
    /// Who asks.
    #[param(nullable)]
    pub metadata: Option<Metadata>,
    /// Your id of the transaction; returned.
    #[param(nullable)]
    pub tr_id: Option<String>,
    /// Your id of the session; returned.
    #[param(nullable)]
    pub session_id: Option<String>,
    /// Security profile, by name or id. Default: the operator's.
    #[param(nullable)]
    pub profile: Option<String>,
}

/// Of `pan_batch_scan`.
#[derive(Params)]
pub struct Batch {
    /// What to scan, 1 to 250 items; each needs a prompt, a response or another content.
    #[param(required)]
    pub scan_contents: Vec<Content>,
    /// Who asks.
    #[param(nullable)]
    pub metadata: Option<Metadata>,
    /// Your id of the transaction; returned.
    #[param(nullable)]
    pub tr_id: Option<String>,
    /// Your id of the session; returned.
    #[param(nullable)]
    pub session_id: Option<String>,
    /// Security profile, by name or id. Default: the operator's.
    #[param(nullable)]
    pub profile: Option<String>,
}

/// Of `pan_get_scan_results`.
#[derive(Params)]
pub struct Results {
    /// The scan_ids that pan_batch_scan returned, 1 to 50.
    #[param(required)]
    pub scan_ids: Vec<String>,
    /// Seconds to wait for results that are pending; at most 100.
    #[param(default = 0, max = MAX_WAIT)]
    pub wait: u32,
}

/// Of `pan_get_scan_reports`.
#[derive(Params)]
pub struct Reports {
    /// The report_ids that scans returned (R and a UUID), 1 to 50.
    #[param(required)]
    pub report_ids: Vec<String>,
}

/// One thing to scan.
#[derive(Params, Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// What was asked of the model.
    #[param(nullable)]
    pub prompt: Option<String>,
    /// What the model said.
    #[param(nullable)]
    pub response: Option<String>,
    /// Code taken from the prompt.
    #[param(nullable)]
    pub code_prompt: Option<String>,
    /// Code taken from the response.
    #[param(nullable)]
    pub code_response: Option<String>,
    /// What the response must be grounded in.
    #[param(nullable)]
    pub context: Option<String>,
    /// The call of a tool.
    #[param(nullable)]
    pub tool_event: Option<ToolEvent>,
}

/// The call of a tool.
#[derive(Params, Clone, Debug, PartialEq)]
pub struct ToolEvent {
    /// Which tool.
    #[param(required)]
    pub metadata: ToolEventMetadata,
    /// What it was given: JSON as text. Give this, `output` or both.
    #[param(nullable)]
    pub input: Option<String>,
    /// What it returned: JSON as text.
    #[param(nullable)]
    pub output: Option<String>,
}

/// Which tool was called.
#[derive(Params, Clone, Debug, PartialEq)]
pub struct ToolEventMetadata {
    /// Protocol: mcp.
    #[param(required)]
    pub ecosystem: String,
    /// Method: tools/call.
    #[param(required)]
    pub method: String,
    /// Name of the server.
    #[param(required)]
    pub server_name: String,
    /// Name of the tool.
    #[param(nullable)]
    pub tool_invoked: Option<String>,
}

/// Who asks.
#[derive(Params, Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The application.
    #[param(nullable)]
    pub app_name: Option<String>,
    /// Its user.
    #[param(nullable)]
    pub app_user: Option<String>,
    /// The model.
    #[param(nullable)]
    pub ai_model: Option<String>,
    /// The user's address.
    #[param(nullable)]
    pub user_ip: Option<String>,
    /// The agent.
    #[param(nullable)]
    pub agent_meta: Option<AgentMeta>,
}

/// Which agent asks.
#[derive(Params, Clone, Debug, Default, PartialEq)]
pub struct AgentMeta {
    /// Its id.
    #[param(nullable)]
    pub agent_id: Option<String>,
    /// Its version.
    #[param(nullable)]
    pub agent_version: Option<String>,
    /// Its Amazon resource name.
    #[param(nullable)]
    pub agent_arn: Option<String>,
}

/// What is said of contents beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Who asks.
    pub metadata: Option<Metadata>,
    /// The caller's id of the transaction.
    pub tr_id: Option<String>,
    /// The caller's id of the session.
    pub session_id: Option<String>,
    /// Name or id of a profile.
    pub profile: Option<String>,
}

impl Inline {
    /// The content, and what is said of it.
    pub fn split(self) -> Result<(Content, About), Failure> {
        let Self { prompt, response, context, code_prompt, code_response, tool_event, metadata, .. } = self;
        let content = Content { prompt, response, code_prompt, code_response, context, tool_event };
        let about = About { metadata, tr_id: self.tr_id, session_id: self.session_id, profile: self.profile };
        Ok((content, about.checked()?))
    }
}

impl Batch {
    /// The contents, and what is said of them.
    pub fn split(self) -> Result<(Vec<Content>, About), Failure> {
        let Self { scan_contents, metadata, tr_id, session_id, profile } = self;
        count("scan_contents", scan_contents.len(), MAX_ITEMS)?;
        let about = About { metadata, tr_id, session_id, profile };
        Ok((scan_contents, about.checked()?))
    }
}

impl About {
    /// Without what is empty, and nothing too long.
    fn checked(self) -> Result<Self, Failure> {
        let name = |field: &str, text: Option<String>| match text.filter(|text| !text.is_empty()) {
            Some(text) if text.len() > MAX_NAME => {
                Err(Failure::of(field, format!("wanted at most {MAX_NAME} bytes, found {}", text.len())))
            }
            text => Ok(text),
        };
        Ok(Self {
            metadata: self.metadata,
            tr_id: name("tr_id", self.tr_id)?,
            session_id: name("session_id", self.session_id)?,
            profile: name("profile", self.profile)?,
        })
    }
}

/// Refuses none and too many.
pub fn count(field: &str, found: usize, most: usize) -> Result<(), Failure> {
    match found {
        0 => Err(Failure::of(field, "is empty; give at least one")),
        _ if found > most => {
            Err(Failure::of(field, format!("wanted at most {most}, found {found}; ask in several calls")))
        }
        _ => Ok(()),
    }
}
