//! What both halves know of a call's first use. There is no tail.

gadget::event! {
    /// The first use of a system call in a mount namespace, by threads of one name.
    pub struct Use {
        /// Number of the call.
        pub number: u32,
        /// Zero.
        pub reserved: [u8; 4],
    }
}
