//! What both halves know of a process: its counters and what it is now. The header is of its main thread. There is no
//! tail.

/// Bit of [`Process::notes`]: a thread of the kernel.
pub const KERNEL_THREAD: u32 = 1 << 0;

gadget::event! {
    /// One process.
    pub struct Process {
        /// Nanoseconds that its threads ran.
        pub cpu_ns: u64,
        /// How often one of its threads was taken off a CPU.
        pub switches: u64,
        /// Pages of memory that are resident, when it last ran; to within some dozen for each CPU.
        pub resident: u64,
        /// Name of its main thread, when it last ran: it changes when another program is started.
        pub comm: [u64; 2],
        /// Its threads, when it last ran.
        pub threads: u32,
        /// Bits: what is special about this process.
        pub notes: u32,
    }
}
