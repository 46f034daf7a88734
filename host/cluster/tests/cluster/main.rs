//! What the host learns of a cluster, from a real API server where `KUBECONFIG` names one, else from the double. What
//! needs faults on request, or nodes that nobody has, is asked of the double alone.

mod access;
mod addresses;
mod agents;
mod connection;
mod faults;
mod forward;
mod lease;
mod objects;
mod pods;
mod world;
