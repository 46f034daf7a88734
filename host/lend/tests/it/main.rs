//! Requests of a gadget against real servers on loopback: what they get, and what they are refused.

mod answers;
mod refusals;
mod server;
mod world;
