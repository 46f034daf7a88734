//! What both halves know of a process' use of a disk. There is no tail.

gadget::event! {
    /// One kind of request of one process on one disk.
    pub struct Usage {
        /// Requests that were completed.
        pub requests: u64,
        /// Bytes of them.
        pub bytes: u64,
        /// Nanoseconds that they took together.
        pub total_ns: u64,
        /// The disk's name, NUL-padded.
        pub disk: [u8; 32],
        /// The disk's number, as the kernel has it inside.
        pub device: u32,
        /// `REQ_OP_*`.
        pub op: u32,
    }
}
