//! What both halves know of a victim. The header describes the victim; there is no tail.

gadget::event! {
    /// One process picked by the OOM killer.
    pub struct Victim {
        /// Address space, in pages.
        pub total_pages: u64,
        /// Memory of its own that is resident, in pages.
        pub anonymous_pages: u64,
        /// Memory of files that is resident, in pages.
        pub file_pages: u64,
        /// Shared memory that is resident, in pages.
        pub shared_pages: u64,
        /// Page tables, in bytes.
        pub page_tables: u64,
        /// Process that asked for memory.
        pub cause_pid: u32,
        /// Its mount namespace.
        pub cause_mntns: u32,
        /// Name of the thread that asked for memory.
        pub cause_comm: [u8; 16],
        /// How much it is to be spared: -1000 (never picked) to 1000.
        pub score_adj: i16,
        /// Zero.
        pub reserved: [u8; 6],
    }
}
