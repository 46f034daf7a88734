//! The names by which the host finds its way in an eBPF object: maps and read-only globals that `gadget-ebpf`
//! declares, whatever the gadget. An object written in C follows the same names.
//!
//! Globals live in `.rodata`; the host writes them into the object before load, so that the verifier sees constants
//! and prunes what a run does not use.

/// Ring buffer of events. Its size is set per run.
pub const EVENTS: &str = "gadget_events";
/// Per-CPU array of one `u64`: events that found no room in the ring.
pub const LOST: &str = "gadget_lost";
/// Hash of mount namespace id (`u32`) to `u8`: the containers in scope, when [`FILTER_SCOPE`] is set.
pub const SCOPE: &str = "gadget_scope";
/// Prefix of a hash whose values are whole records (header, event, and a tail of a fixed size), which the kernel half
/// adds to: `gadget_table_files`. The host reads it whole about once a second and when the run ends, and hands each
/// value to the post-processor as an event, whose timestamp is the time of the reading. Counters in it only grow.
pub const TABLE: &str = "gadget_table_";

/// `u8`: 1 when only mount namespaces in [`SCOPE`] are wanted.
pub const FILTER_SCOPE: &str = "filter__scope";
/// `u32`: the process wanted; 0 for all.
pub const FILTER_PID: &str = "filter__pid";
/// `u32`: the thread wanted; 0 for all.
pub const FILTER_TID: &str = "filter__tid";
/// `u32`: the user wanted; `u32::MAX` for all.
pub const FILTER_UID: &str = "filter__uid";
/// `u32`: the group wanted; `u32::MAX` for all.
pub const FILTER_GID: &str = "filter__gid";
/// `[u8; 16]`: the thread name wanted, NUL-padded; all zero for all.
pub const FILTER_COMM: &str = "filter__comm";
/// `u32`: the host's own process, left out of every stream; 0 for none.
pub const FILTER_SELF: &str = "filter__self";

/// Prefix of a global that holds a parameter of the gadget: `param__failed`. Booleans are one byte, integers as wide
/// as the symbol, strings NUL-padded bytes.
pub const PARAM: &str = "param__";
/// The parameter of a gadget by which its `perf_event` programs sample: times a second, on each CPU.
pub const FREQUENCY: &str = "frequency";
/// Prefix of a `u32` that holds the byte offset of a kernel struct's field: `kfield__task_struct__real_parent`.
/// Deeper paths go on: `kfield__mnt_namespace__ns__inum`. The host refuses to load when the kernel lacks it.
pub const KERNEL_FIELD: &str = "kfield__";
/// As [`KERNEL_FIELD`], but [`ABSENT`] when the kernel lacks the field.
pub const KERNEL_FIELD_OPTIONAL: &str = "kfield_opt__";
/// Prefix of a `u32` that holds the size in bytes of a kernel struct: `ksize__inode`.
pub const KERNEL_SIZE: &str = "ksize__";
/// Prefix of a `u32` that asks for the names of a kernel enum, which differ from kernel to kernel: the post-processor gets
/// them with its context. 1 when the kernel has the enum, 0 otherwise: `kenum__skb_drop_reason`.
pub const KERNEL_ENUM: &str = "kenum__";
/// The offset of a field that the kernel does not have.
pub const ABSENT: u32 = u32::MAX;

/// Head of a record that an iterator program writes to its sequence file: `len: u32, 0: u32`, then `len` bytes,
/// padded to eight.
pub const ITER_HEAD: usize = 8;
