//! The MCP front as clients of both eras see it, on both transports: the protocol SDK's own client over a pair of
//! byte streams and over HTTP on the loopback, and bare HTTP where a well-behaved client would not do.

mod calls;
mod cancel;
mod changes;
mod complete;
mod guard;
mod lifecycle;
mod log;
mod prompts;
mod resources;
mod runs;
mod stub;
mod tls;
mod world;
