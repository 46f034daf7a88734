//! A record on its way: built in this CPU's scratch memory, handed on with only the bytes it uses.
//!
//! Layout: `Header`, the gadget's event, the tail. In front of them is room for what an iterator's record starts with,
//! and a mark that the memory is in use: a program that interrupts another on the same CPU finds it taken, and its
//! event counts as lost instead of corrupting the other's.

use core::{marker::PhantomData, mem::offset_of};

use aya_ebpf::EbpfContext;
use gadget_abi::{Header, Plain, batch, names};

use crate::{
    Path, Task,
    context::Sequence,
    header::{self, Of},
    kernel::Addr,
    path, raw, ring, strings,
};

/// Most bytes of a path, the closing NUL not counted.
pub(crate) const PATH_MAX: usize = 4096;
/// Most bytes of arguments.
pub(crate) const BYTES_MAX: usize = 8192;
/// Most bytes of a stack: what the kernel gives at most by default.
const STACK_MAX: usize = 127 * 8;
/// Most bytes of tail: a full set of arguments and four full paths.
const TAIL_MAX: usize = BYTES_MAX + 4 * PATH_MAX;
/// Most bytes of a gadget's event.
const EVENT_MAX: usize = 1024;

const IN_USE: usize = 0;
/// A word for [`strings`].
pub(crate) const SCRATCH_WORD: usize = 8;
const ITER_HEAD: usize = 16;
const RECORD: usize = ITER_HEAD + names::ITER_HEAD;
/// The last piece may end with a NUL that is not part of it, and an iterator's record with padding.
pub(crate) const SCRATCH_SIZE: usize = RECORD + size_of::<Header>() + EVENT_MAX + TAIL_MAX + 16;

// The kernel's limit for a value of a per-CPU map.
const _: () = assert!(SCRATCH_SIZE <= 32 * 1024);

/// A part of a record's tail.
#[derive(Clone, Copy)]
pub struct Piece {
    /// Bytes of it.
    pub len: u32,
    /// There was more than fits.
    pub cut: bool,
    /// It could not be read.
    pub unreadable: bool,
}

impl Piece {
    /// Nothing.
    pub const EMPTY: Self = Self { len: 0, cut: false, unreadable: false };
    const UNREADABLE: Self = Self { len: 0, cut: false, unreadable: true };
    const CUT: Self = Self { len: 0, cut: true, unreadable: false };
}

/// A list of strings in a record's tail.
#[derive(Clone, Copy)]
pub struct Strings {
    /// The bytes, a NUL after each string.
    pub bytes: Piece,
    /// How many strings there are.
    pub count: u32,
}

/// A record of the gadget's event `E`, with its header filled in.
pub struct Record<E> {
    scratch: *mut u8,
    tail: usize,
    event: PhantomData<E>,
}

/// Begins the record of an event that the current task caused. `None` when it is filtered out, or lost (and counted).
#[inline(always)]
pub fn begin<E: Plain>() -> Option<Record<E>> {
    Record::begin(Of::Current)
}

/// Begins a record about `task`, for iterators. `None` when it is filtered out, or lost (and counted).
#[inline(always)]
pub fn begin_for<E: Plain>(task: Task) -> Option<Record<E>> {
    Record::begin(Of::Other(task))
}

/// Begins a record whose header was kept in a map, by [`header_of_current`](crate::header_of_current): for an event
/// that is complete where the current task has nothing to do with it. Its time is now. `None` when it is lost (and
/// counted).
#[inline(always)]
pub fn begin_with<E: Plain>(header: &Header) -> Option<Record<E>> {
    let mut record = Record::take()?;
    record.set_header(header);
    Some(record)
}

impl<E: Plain> Record<E> {
    const EVENT: usize = RECORD + size_of::<Header>();
    const TAIL: usize = {
        assert!(size_of::<E>() <= EVENT_MAX, "the event is larger than 1024 bytes");
        assert!(
            size_of::<E>().is_multiple_of(8),
            "the event's size is not a multiple of 8: add reserved bytes"
        );
        Self::EVENT + size_of::<E>()
    };

    #[inline(always)]
    fn begin(of: Of) -> Option<Self> {
        let scratch = free_scratch()?;
        header::write(scratch.wrapping_add(RECORD), of)?;
        Some(Self::new(scratch))
    }

    /// A record whose header is not written yet.
    #[inline(always)]
    fn take() -> Option<Self> {
        Some(Self::new(free_scratch()?))
    }

    #[inline(always)]
    fn new(scratch: *mut u8) -> Self {
        raw::store(scratch, IN_USE, 1u64);
        Self { scratch, tail: 0, event: PhantomData }
    }

    #[inline(always)]
    fn set_header(&mut self, header: &Header) {
        let to = self.scratch.wrapping_add(RECORD);
        raw::store(to, 0, *header);
        raw::store(to, offset_of!(Header, timestamp), raw::boot_ns());
    }

    /// Header, event and tail as they lie one after the other. Of the tail, `TAIL` bytes are of this record: those that
    /// no piece took are zero.
    #[inline(always)]
    pub(crate) fn padded<const TAIL: usize>(&mut self) -> *const u8 {
        const {
            assert!(TAIL.is_multiple_of(8) && TAIL <= PATH_MAX, "a tail of whole words, and one path at most")
        };
        let used = raw::clamp::<TAIL>(self.used());
        if TAIL > 0 && used < TAIL {
            let to = self.scratch.wrapping_add(Self::TAIL + used);
            raw::zero(to, raw::clamp::<TAIL>(TAIL - used));
        }
        self.scratch.wrapping_add(RECORD)
    }

    /// Sets the gadget's part.
    #[inline(always)]
    pub fn set(&mut self, event: E) {
        raw::store(self.scratch, Self::EVENT, event);
    }

    /// Where the next piece goes, if a piece of `MAX` bytes still fits.
    #[inline(always)]
    fn room<const MAX: usize>(&self) -> Option<*mut u8> {
        if self.tail > TAIL_MAX - MAX {
            return None;
        }
        let at = match MAX {
            PATH_MAX => raw::clamp::<{ TAIL_MAX - PATH_MAX }>(self.tail),
            _ => raw::clamp::<{ TAIL_MAX - BYTES_MAX }>(self.tail),
        };
        Some(self.scratch.wrapping_add(Self::TAIL).wrapping_add(at))
    }

    /// Accounts for a string of `written` bytes with its NUL, or a negative error.
    #[inline(always)]
    fn string(&mut self, written: i64) -> Piece {
        if written <= 0 {
            return Piece::UNREADABLE;
        }
        let len = written as usize - 1;
        self.tail += len;
        Piece { len: len as u32, cut: len == PATH_MAX, unreadable: false }
    }

    /// Appends a string of the current process, up to 4096 bytes, without its NUL.
    #[inline(always)]
    pub fn user_str(&mut self, from: u64) -> Piece {
        let Some(to) = self.room::<PATH_MAX>() else { return Piece::CUT };
        self.string(raw::copy_user_str(to, PATH_MAX + 1, from))
    }

    /// Appends a string of the kernel, up to 4096 bytes, without its NUL.
    #[inline(always)]
    pub fn kernel_str(&mut self, from: Addr) -> Piece {
        let Some(to) = self.room::<PATH_MAX>() else { return Piece::CUT };
        self.string(raw::copy_kernel_str(to, PATH_MAX + 1, from))
    }

    /// Appends memory of the current process, up to 8192 bytes.
    #[inline(always)]
    pub fn user_bytes(&mut self, from: u64, len: u64) -> Piece {
        let Some(to) = self.room::<BYTES_MAX>() else { return Piece::CUT };
        let kept = raw::clamp::<BYTES_MAX>(len as usize);
        if !raw::copy_user(to, kept, from) {
            return Piece::UNREADABLE;
        }
        self.tail += kept;
        Piece { len: kept as u32, cut: len > kept as u64, unreadable: false }
    }

    /// Appends memory of the kernel, up to 8192 bytes.
    #[inline(always)]
    pub fn kernel_bytes(&mut self, from: Addr, len: u64) -> Piece {
        let Some(to) = self.room::<BYTES_MAX>() else { return Piece::CUT };
        let kept = raw::clamp::<BYTES_MAX>(len as usize);
        if !raw::copy_kernel(to, kept, from) {
            return Piece::UNREADABLE;
        }
        self.tail += kept;
        Piece { len: kept as u32, cut: len > kept as u64, unreadable: false }
    }

    /// Appends an absolute path, up to 4096 bytes, as it is seen from the root of its mount namespace. Nothing when
    /// there is no such file.
    #[inline(always)]
    pub fn path(&mut self, path: Path) -> Piece {
        if self.room::<PATH_MAX>().is_none() {
            return Piece::CUT;
        }
        let found = path::gadget_path(path.mnt.get(), path.dentry.get(), (Self::TAIL + self.tail) as u64);
        let len = raw::clamp::<PATH_MAX>((found & path::LEN) as usize);
        self.tail += len;
        Piece { len: len as u32, cut: found & path::CUT != 0, unreadable: false }
    }

    /// Appends the return addresses of the kernel stack that the program interrupted, or runs on top of, `u64`s, the
    /// innermost first, up to 127. Nothing when the kernel was not running.
    #[inline(always)]
    pub fn kernel_stack(&mut self, context: &impl EbpfContext) -> Piece {
        self.stack(context, false)
    }

    /// As [`Self::kernel_stack`], of the user's stack, which is followed by its frame pointers.
    #[inline(always)]
    pub fn user_stack(&mut self, context: &impl EbpfContext) -> Piece {
        self.stack(context, true)
    }

    #[inline(always)]
    fn stack(&mut self, context: &impl EbpfContext, user: bool) -> Piece {
        let Some(to) = self.room::<PATH_MAX>() else { return Piece::CUT };
        let written = raw::stack(context.as_ptr(), to, STACK_MAX, user);
        if written < 0 {
            return Piece::UNREADABLE;
        }
        let len = raw::clamp::<STACK_MAX>(written as usize);
        self.tail += len;
        Piece { len: len as u32, cut: len == STACK_MAX, unreadable: false }
    }

    /// Appends the strings that a null-terminated array of pointers in the current process points to: at most 64 of
    /// them, and 8192 bytes in all.
    #[inline(always)]
    pub fn user_strs(&mut self, from: u64) -> Strings {
        if self.room::<BYTES_MAX>().is_none() {
            return Strings { bytes: Piece::CUT, count: 0 };
        }
        let found = strings::gadget_strings(from, (Self::TAIL + self.tail) as u64);
        let len = raw::clamp::<BYTES_MAX>((found & strings::LEN) as usize);
        self.tail += len;
        Strings {
            bytes: Piece {
                len: len as u32,
                cut: found & strings::CUT != 0,
                unreadable: found & strings::UNREADABLE != 0,
            },
            count: (found >> strings::COUNT) as u32,
        }
    }

    #[inline(always)]
    fn used(&self) -> usize {
        raw::clamp::<TAIL_MAX>(self.tail)
    }

    /// Hands the record to the host. Always `Some`, so that a program can end with it.
    #[inline(always)]
    pub fn emit(self) -> Option<()> {
        let len = size_of::<Header>() + size_of::<E>() + self.used();
        ring::output(self.scratch.wrapping_add(RECORD), len);
        Some(())
    }

    /// Writes the record to an iterator's sequence. When its buffer is full, the kernel empties it and calls the
    /// program for the same object again, so nothing is lost.
    #[inline(always)]
    pub fn emit_to(self, sequence: Sequence) -> Option<()> {
        let len = size_of::<Header>() + size_of::<E>() + self.used();
        raw::store(self.scratch, ITER_HEAD, [len as u32, 0]);
        raw::sequence_write(
            sequence.0,
            self.scratch.wrapping_add(ITER_HEAD),
            names::ITER_HEAD + batch::padded(len),
        );
        Some(())
    }
}

/// This CPU's scratch memory, if no record is being built in it; the event is lost otherwise.
#[inline(always)]
fn free_scratch() -> Option<*mut u8> {
    let scratch = ring::scratch()?;
    if raw::load::<u64>(scratch, IN_USE) != 0 {
        ring::lost();
        return None;
    }
    Some(scratch)
}

impl<E> Drop for Record<E> {
    #[inline(always)]
    fn drop(&mut self) {
        raw::store(self.scratch, IN_USE, 0u64);
    }
}
