//! The kernel's news of memory that processes map to run code from a file: an event of `perf` that counts nothing, on
//! each CPU, for its records of mappings.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use aya::util::online_cpus;
use aya_obj::generated::{perf_event_attr, perf_event_mmap_page};

use super::CLOEXEC;

/// Pages of records, for each CPU; a power of two.
const PAGES: usize = 16;
/// `PERF_TYPE_SOFTWARE` and `PERF_COUNT_SW_DUMMY`.
const SOFTWARE: u32 = 1;
const DUMMY: u64 = 9;
/// Kinds of records: `PERF_RECORD_LOST` and `PERF_RECORD_MMAP2`.
const LOST: u32 = 2;
const MMAP2: u32 = 10;
/// Bytes of a record's head: its kind, flags and size.
const HEAD: usize = 8;

/// The records of all CPUs.
pub(crate) struct Mapped(Vec<Ring>);

/// Those of one.
struct Ring {
    event: OwnedFd,
    memory: NonNull<u8>,
    page: usize,
}

// SAFETY: the memory is the ring's alone, and is read through `&mut`.
unsafe impl Send for Ring {}

impl Mapped {
    pub(crate) fn open() -> io::Result<Self> {
        let cpus = online_cpus().map_err(|(_, error)| error)?;
        cpus.into_iter().map(Ring::open).collect::<io::Result<_>>().map(Self)
    }

    /// What becomes readable when there is something.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(|ring| ring.event.as_fd())
    }

    /// Hands on, of each mapping, the process and the file: device and inode, as `/proc/PID/maps` has them. Whether some
    /// were lost.
    pub(crate) fn read(&mut self, mut mapping: impl FnMut(u32, &str)) -> bool {
        let mut lost = false;
        for ring in &mut self.0 {
            ring.read(|kind, record| match kind {
                LOST => lost = true,
                MMAP2 => {
                    if let Some((pid, file)) = parse(record) {
                        mapping(pid, &file);
                    }
                }
                _ => {}
            });
        }
        lost
    }
}

/// Process and file of a mapping's record; `None` for memory without a file.
fn parse(record: &[u8]) -> Option<(u32, String)> {
    let u32_at = |at: usize| record.get(at..)?.first_chunk().map(|it| u32::from_ne_bytes(*it));
    // Process and thread, three words of addresses, then device and inode.
    let (pid, major, minor) = (u32_at(0)?, u32_at(32)?, u32_at(36)?);
    let inode = record.get(40..)?.first_chunk().map(|it| u64::from_ne_bytes(*it))?;
    (inode != 0).then(|| (pid, format!("{major:02x}:{minor:02x} {inode}")))
}

impl Ring {
    fn open(cpu: u32) -> io::Result<Self> {
        // SAFETY: all zeroes are an attribute: the type is made of numbers.
        let mut attr = unsafe { std::mem::zeroed::<perf_event_attr>() };
        attr.type_ = SOFTWARE;
        attr.size = size_of::<perf_event_attr>() as u32;
        attr.config = DUMMY;
        attr.set_mmap(1);
        attr.set_mmap2(1);
        // Woken by any record.
        attr.set_watermark(1);
        attr.__bindgen_anon_2.wakeup_watermark = 1;
        let (everyone, no_group) = (-1, -1);
        // SAFETY: the attribute is as the kernel defines it and lives until the call returns.
        let event = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attr,
                everyone,
                cpu.cast_signed(),
                no_group,
                CLOEXEC,
            )
        };
        let event = super::uprobe::owned(event)?;
        // It is 4096 to 65536.
        let page = super::page_bytes() as usize;
        let (access, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping, wherever the kernel finds room.
        let memory = unsafe {
            libc::mmap(std::ptr::null_mut(), (PAGES + 1) * page, access, shared, event.as_raw_fd(), 0)
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let memory = NonNull::new(memory.cast()).ok_or_else(|| io::Error::other("memory at address 0"))?;
        Ok(Self { event, memory, page })
    }

    /// The positions that the kernel and this process have reached.
    fn positions(&self) -> (&AtomicU64, &AtomicU64) {
        let page = self.memory.cast::<perf_event_mmap_page>();
        // SAFETY: the first page is one of these and mapped as long as `self` lives; both sides go at the two positions as
        // one word.
        unsafe {
            let page = page.as_ptr();
            (AtomicU64::from_ptr(&raw mut (*page).data_head), AtomicU64::from_ptr(&raw mut (*page).data_tail))
        }
    }

    /// Hands on each record, without its head.
    fn read(&mut self, mut record: impl FnMut(u32, &[u8])) {
        let (head, tail) = self.positions();
        let (end, mut at) = (head.load(Ordering::Acquire), tail.load(Ordering::Relaxed));
        let mut bytes = Vec::new();
        while at < end {
            self.copy(at, HEAD, &mut bytes);
            let Some(&[k0, k1, k2, k3, _, _, s0, s1]) = bytes.first_chunk::<HEAD>() else { break };
            let size = usize::from(u16::from_ne_bytes([s0, s1]));
            if size < HEAD {
                // Not what the kernel writes; there is no way to go on but to leave the rest.
                at = end;
                break;
            }
            self.copy(at + HEAD as u64, size - HEAD, &mut bytes);
            record(u32::from_ne_bytes([k0, k1, k2, k3]), &bytes);
            at += size as u64;
        }
        tail.store(at, Ordering::Release);
    }

    /// Copies `len` bytes of records, which may go on at the beginning of the ring.
    fn copy(&self, from: u64, len: usize, to: &mut Vec<u8>) {
        let size = PAGES * self.page;
        to.clear();
        for at in (from..from + len as u64).map(|at| at as usize % size) {
            // SAFETY: the records' pages follow the first one, and the kernel does not write where this process has not
            // read yet.
            to.push(unsafe { self.memory.add(self.page + at).read_volatile() });
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping that was made in `open`; nothing of it is used any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), (PAGES + 1) * self.page) };
    }
}
