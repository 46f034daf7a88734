//! What both halves know of a process' use of a connection. There is no tail.

use gadget::Flow;

gadget::event! {
    /// What one process has sent and received over one connection.
    pub struct Usage {
        /// The two ends.
        pub flow: Flow,
        /// When the process first used it in this run, in nanoseconds since boot: of two connections with the same ends
        /// it tells one from the other.
        pub started: u64,
        /// Bytes sent: payload that the kernel took.
        pub sent: u64,
        /// Bytes received: payload that the process took.
        pub received: u64,
        /// The process that was last to begin to use the same connection; 0 for none.
        pub before: u32,
        /// 1 when the connection is over.
        pub ended: u32,
    }
}
