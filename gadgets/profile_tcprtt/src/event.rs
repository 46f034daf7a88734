//! What both halves know of round-trip times: a histogram of those of one address, one process, or all. There is no tail.

gadget::event! {
    /// Round-trip times.
    pub struct Times {
        /// How many, by the logarithm of microseconds.
        pub slots: [u64; 32],
        /// Microseconds of all together.
        pub total_us: u64,
        /// The other end, in network order; of IPv4 the first four bytes. Zero where those of all are counted together.
        pub remote: [u8; 16],
        /// `AF_INET` or `AF_INET6`; 0 likewise.
        pub family: u32,
        /// Zero.
        pub reserved: u32,
    }
}
