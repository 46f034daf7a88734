//! The crate against real components: small ones, written as text, each doing one thing wrong.

mod cache;
mod check;
mod component;
mod load;
mod oracle;
mod run;
mod secrets;
