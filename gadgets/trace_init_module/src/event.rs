//! What both halves know of a call: the fixed part of the event, and how its tail is laid out.
//!
//! The tail is the name ([`Module::name_len`] bytes: of `finit_module` the file's absolute path, of `delete_module` the
//! module's name), then the parameters ([`Module::params_len`] bytes), neither with a closing NUL.

/// `init_module(image, size, params)`.
pub const CALL_INIT: u8 = 0;
/// `finit_module(fd, params, flags)`.
pub const CALL_FINIT: u8 = 1;
/// `delete_module(name, flags)`.
pub const CALL_DELETE: u8 = 2;

/// Bit of [`Module::notes`]: name or parameters are longer than 4096 bytes, or the path lacks its first components.
pub const CUT: u8 = 1 << 0;
/// Bit of [`Module::notes`]: an argument's pointer was bad, or its page was not in memory.
pub const UNREADABLE: u8 = 1 << 1;

gadget::event! {
    /// One call, at its return.
    pub struct Module {
        /// Size of the image that `init_module` was given, in bytes.
        pub size: u64,
        /// 0, or the negated error.
        pub ret: i32,
        /// Descriptor of the file that `finit_module` was given.
        pub fd: i32,
        /// Flags of `finit_module` and `delete_module`.
        pub flags: u32,
        /// Bytes of the name in the tail.
        pub name_len: u32,
        /// Bytes of the parameters in the tail.
        pub params_len: u32,
        /// Which call: `CALL_*`.
        pub call: u8,
        /// Bits: what is special about this event.
        pub notes: u8,
        /// Zero.
        pub reserved: [u8; 2],
    }
}
