//! The words of the network: addresses, the two ends of a socket, protocols, and TCP's states and flags.
//!
//! All network gadgets name the ends alike: `src_addr` and `src_port` are the end on this machine, `dst_addr` and
//! `dst_port` the other one, whichever of them sent or began. They are flat so that a filter can say
//! `dst_port == 443`.

mod address;
mod endpoints;
mod protocol;
mod tcp;

pub use address::{IpAddr, port};
pub use endpoints::{Endpoints, endpoints};
pub use protocol::Protocol;
pub use tcp::{TcpState, tcp_flags};
