//! Iterators: the kernel calls the program once for each of its objects, and what the program writes to the sequence
//! is read as a file.

use core::{ffi::c_void, marker::PhantomData};

use crate::{
    Task,
    kernel::{Addr, Btf},
    program::Context,
    raw,
};

/// The context of an iterator over `T`.
pub struct Iter<T> {
    context: *const u8,
    object: PhantomData<T>,
}

/// What iterators go over.
pub trait Object: Sized {
    /// The section of iterators over it.
    const SECTION: &'static str;

    /// Wraps the kernel's pointer, which `context` begins with, behind the sequence. It is not null; `None` when a
    /// further one is.
    fn from_btf(pointer: Btf, context: &Fields) -> Option<Self>;
}

/// The fields of an iterator's context, all part of the kernel's stable interface.
pub struct Fields(*const u8);

/// A file that a task has open.
#[derive(Clone, Copy)]
pub struct OpenFile {
    /// The task.
    pub task: Task,
    /// The descriptor.
    pub fd: u32,
    /// The `struct file`.
    pub file: Addr,
}

impl Object for Task {
    const SECTION: &'static str = "iter/task";

    #[inline(always)]
    fn from_btf(pointer: Btf, _: &Fields) -> Option<Self> {
        Some(Self::new(pointer.addr()))
    }
}

impl Object for OpenFile {
    const SECTION: &'static str = "iter/task_file";

    #[inline(always)]
    fn from_btf(pointer: Btf, context: &Fields) -> Option<Self> {
        let file: u64 = raw::load(context.0, 24);
        if file == 0 {
            return None;
        }
        let task = Task::new(pointer.addr());
        Some(Self { task, fd: raw::load(context.0, 16), file: Addr::new(file) })
    }
}

/// The file that an iterator's records go to.
#[derive(Clone, Copy)]
pub struct Sequence(pub(crate) Btf);

impl<T: Object> Iter<T> {
    /// The object; `None` after the last one.
    #[inline(always)]
    pub fn object(&self) -> Option<T> {
        let pointer: u64 = raw::load(self.context, 8);
        if pointer == 0 { None } else { T::from_btf(Btf::new(pointer), &Fields(self.context)) }
    }

    /// Where records go.
    #[inline(always)]
    pub fn sequence(&self) -> Sequence {
        // `bpf_iter__*.meta`, then `bpf_iter_meta.seq`: both first, and both part of the kernel's stable interface.
        let meta = Btf::new(raw::load(self.context, 0));
        Sequence(Btf::new(raw::load(meta.as_ptr(), 0)))
    }
}

impl<T: Object> Context for Iter<T> {
    const SECTIONS: &'static [&'static str] = &[T::SECTION];

    #[inline(always)]
    #[expect(unsafe_code, reason = "as the trait")]
    unsafe fn from_raw(raw: *mut c_void) -> Self {
        Self { context: raw.cast(), object: PhantomData }
    }
}
