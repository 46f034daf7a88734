//! What a post-processor says when it can't go on.

use std::fmt;

/// A failure, told to whoever called the gadget. The message says what was wanted, what was found, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For the caller to read.
    pub message: String,
    /// The parameter at fault, when it is the caller's to mend.
    pub field: Option<String>,
}

impl Failure {
    /// A failure that is not the fault of one parameter.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), field: None }
    }

    /// A failure that is the fault of the parameter `field`.
    pub fn of(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { message: message.into(), field: Some(field.into()) }
    }

    /// The same of a parameter that stands in `field`.
    pub(crate) fn within(self, field: &str) -> Self {
        let field = match self.field {
            Some(inner) => format!("{field}.{inner}"),
            None => field.to_owned(),
        };
        Self { field: Some(field), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Failure {}
