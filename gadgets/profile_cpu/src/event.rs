//! What both halves know of a sample and of a wait. The tail is the kernel's stack ([`Sample::kernel_len`] bytes), then the
//! user's ([`Sample::user_len`] bytes): return addresses, `u64`s, the innermost first.

gadget::event! {
    /// What a CPU did at one moment, or where a thread waited.
    pub struct Sample {
        /// Bytes of the kernel's stack in the tail; 0 when the kernel was not running.
        pub kernel_len: u32,
        /// Bytes of the user's stack in the tail; 0 for a thread of the kernel.
        pub user_len: u32,
        /// When the thread began to wait, in nanoseconds since boot; 0 for a sample of a CPU.
        pub began: u64,
        /// How long it waited, in nanoseconds; 0 while it still does.
        pub waited: u64,
    }
}
