//! The control API `gadgetry.v1`: gadgets run on other nodes, over gRPC.

/// Messages and service, as the definition has them.
#[expect(missing_docs, clippy::all, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("gadgetry.v1");
}
