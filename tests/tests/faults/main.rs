//! What becomes of calls to several nodes when something is wrong with one of them, with the way to it, or with whoever
//! asks: what a caller sees of it.

mod cluster;
mod fifty;
mod limits;
mod nodes;
mod versions;
