//! The control API `gadgetry.v1`: gadgets run on other nodes, over gRPC.
//!
//! An agent offers it for its node, a server for all nodes that it reaches; [`client::Remote`] makes of either what the
//! host takes for a node. What goes over the wire is the call as it was made, and rows as the post-processor wrote them.
//! Both ends prove who they are by certificates of one authority ([`tls`]); on a node's own socket, the file's mode does.

pub mod address;
pub mod client;
pub mod dial;
pub mod health;
mod link;
pub mod listen;
pub mod nodes;
pub mod peers;
pub mod service;
pub mod source;
pub mod tls;
mod version;
mod wire;

/// Messages and service, as the definition has them.
#[expect(
    missing_docs,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod v1 {
    tonic::include_proto!("gadgetry.v1");
}

/// Largest message, which a batch of rows is: larger ones are sent in pieces.
pub(crate) const MESSAGE: usize = 16 << 20;
