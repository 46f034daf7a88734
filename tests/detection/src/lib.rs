//! How well the engine of ai_security finds what it looks for, and the training of its classifier.
//!
//! The texts come from packages (`tests/tools/corpus`), and a text is for training or held out, never both: what is
//! reported is of those held out. Disguises are put on the attacks that are found undisguised. Secrets are made here, as
//! their issuers make them.

pub mod corpus;
pub mod disguise;
pub mod injection;
pub mod secrets;
pub mod train;
