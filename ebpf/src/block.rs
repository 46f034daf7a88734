//! Requests to disks: what all gadgets that measure them need to know of one, and which are on their way.
//!
//! A request is completed in an interrupt, where the current task is anyone. So filters are asked when it begins, and what
//! it counts for is kept from there until its end: [`Request::begin`] and [`end`].

#![expect(
    clippy::allow_attributes,
    reason = "the macro's, which serves crates that deny unsafe code and others"
)]

use gadget_abi::event;

use crate::{context::BtfTracepoint, kernel::Addr, kernel_field, map, raw};

kernel_field! {
    static REQUEST_FLAGS: request.cmd_flags => u32;
    static REQUEST_BYTES: request.__data_len => u32;
    static REQUEST_QUEUE: request.q => Addr;
    // The disk moved from the request to its queue in 5.17.
    optional static REQUEST_DISK: request.rq_disk => Addr;
    optional static QUEUE_DISK: request_queue.disk => Addr;
    static DISK_MAJOR: gendisk.major => u32;
    static DISK_MINOR: gendisk.first_minor => u32;
    static DISK_NAME: gendisk.disk_name => [u64; 4];
}

event! {
    /// What requests are counted by.
    pub struct Key {
        /// The process; 0 where those of all are counted together.
        pub pid: u32,
        /// The disk's number, as the kernel has it inside.
        pub device: u32,
        /// `REQ_OP_*`.
        pub op: u32,
        /// Zero.
        pub reserved: u32,
    }
}

event! {
    /// A request on its way.
    struct Start {
        at: u64,
        bytes: u64,
        key: Key,
    }
}

map! {
    /// Requests on their way, by address. One whose end goes unseen is forgotten in time.
    static GADGET_BLOCK_REQUESTS: LruHash<u64, Start> = 16_384;
}

/// `REQ_OP_MASK`.
const OP: u32 = 0xff;

/// A `struct request`.
#[derive(Clone, Copy)]
pub struct Request(Addr);

/// A request that was completed.
#[derive(Clone, Copy)]
pub struct Done {
    /// What it counts for.
    pub key: Key,
    /// Its bytes.
    pub bytes: u64,
    /// Nanoseconds it took.
    pub nanos: u64,
}

impl Request {
    /// The request of a `block_rq_*` tracepoint.
    #[inline(always)]
    pub fn of(ctx: &BtfTracepoint) -> Self {
        Self(ctx.pointer(0).addr())
    }

    /// Whether it has begun.
    #[inline(always)]
    pub fn has_begun(&self) -> bool {
        GADGET_BLOCK_REQUESTS.contains(self.0.get())
    }

    /// The disk it is for; `None` for a request of a driver's own.
    #[inline(always)]
    pub fn disk(&self) -> Option<Disk> {
        let disk = if REQUEST_DISK.exists() {
            REQUEST_DISK.read_or_zero(self.0)
        } else if QUEUE_DISK.exists() {
            QUEUE_DISK.read_or_zero(REQUEST_QUEUE.read_or_zero(self.0))
        } else {
            Addr::new(0)
        };
        if disk.is_null() { None } else { Some(Disk(disk)) }
    }

    /// What is asked of the disk: `REQ_OP_*`.
    #[inline(always)]
    pub fn op(&self) -> u32 {
        REQUEST_FLAGS.read_or_zero(self.0) & OP
    }

    /// It begins now, and counts for `key`.
    #[inline(always)]
    pub fn begin(&self, key: Key) {
        let bytes = u64::from(REQUEST_BYTES.read_or_zero(self.0));
        GADGET_BLOCK_REQUESTS.insert(self.0.get(), Start { at: raw::boot_ns(), bytes, key });
    }
}

/// A `struct gendisk`.
#[derive(Clone, Copy)]
pub struct Disk(Addr);

impl Disk {
    /// Its number, as the kernel has it inside.
    #[inline(always)]
    pub fn device(&self) -> u32 {
        DISK_MAJOR.read_or_zero(self.0) << 20 | DISK_MINOR.read_or_zero(self.0) & 0xf_ffff
    }

    /// Its name, NUL-padded.
    #[inline(always)]
    pub fn name(&self) -> [u8; 32] {
        let words = DISK_NAME.read_or_zero(self.0);
        let mut name = [0; 32];
        let mut n = 0;
        while n < 32 {
            name[n] = (words[n / 8] >> (n % 8 * 8)) as u8;
            n += 1;
        }
        name
    }
}

/// The request that `block_rq_complete` is about; `None` while a part of it is still to come, and when its beginning was
/// not seen or not wanted.
#[inline(always)]
pub fn end(ctx: &BtfTracepoint) -> Option<Done> {
    let request = Request::of(ctx).0;
    let start = GADGET_BLOCK_REQUESTS.get(request.get())?;
    let done: u32 = ctx.number(2);
    if done < REQUEST_BYTES.read_or_zero(request) {
        return None;
    }
    GADGET_BLOCK_REQUESTS.remove(request.get());
    let Start { at, bytes, key } = start;
    Some(Done { key, bytes, nanos: raw::boot_ns().saturating_sub(at) })
}
