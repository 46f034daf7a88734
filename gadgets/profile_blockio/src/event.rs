//! What both halves know of a disk's latency: a histogram of one kind of request on one disk. There is no tail.

gadget::event! {
    /// One kind of request on one disk.
    pub struct Latency {
        /// Requests, by the logarithm of the microseconds they took.
        pub slots: [u64; 32],
        /// Nanoseconds that all took together.
        pub total_ns: u64,
        /// Bytes of all together.
        pub bytes: u64,
        /// The disk's name, NUL-padded.
        pub disk: [u8; 32],
        /// The disk's number, as the kernel has it inside.
        pub device: u32,
        /// `REQ_OP_*`.
        pub op: u32,
    }
}
