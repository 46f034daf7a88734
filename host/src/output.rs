//! What a person sees: rows as columns or JSON on standard output, progress on standard error.

pub(crate) mod columns;
mod live;
pub(crate) mod printer;
pub(crate) mod progress;
pub(crate) mod text;
pub(crate) mod transfer;
