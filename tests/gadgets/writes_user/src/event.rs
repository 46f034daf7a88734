//! Nothing but the common header is of interest.

gadget::event! {
    /// A task.
    pub struct Seen {
        /// Zero.
        pub reserved: u64,
    }
}
