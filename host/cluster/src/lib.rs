//! What the host knows of a Kubernetes cluster: which nodes have an agent, which pods and services there are, and who may
//! do what.
//!
//! What is followed is kept as small as it can be and is always there to be read: nothing here waits for the API server
//! but what says so. When that is away, what was known stays and says since when it is stale; only [`access`] then
//! refuses, as nobody is let in on old word for longer than half a minute.
//!
//! [`connection`] finds the way to the cluster, [`agents`] the nodes' agents, [`forward`] the way to a server from
//! outside; [`pods`] and [`addresses`] put names to what is seen; [`access`] knows callers and their rights. [`objects`] are
//! gadgets that somebody wants run, and [`lease`] says which of several servers sees to them.

pub mod access;
pub mod addresses;
pub mod agents;
pub mod connection;
mod follow;
pub mod forward;
mod intern;
pub mod lease;
mod meta;
pub mod names;
pub mod objects;
pub mod pods;
mod reason;
pub mod servers;

pub use follow::Stale;
