//! Fields of kernel structs, by offsets that the host resolves.
//!
//! [`kernel_field!`](crate::kernel_field) makes a field an exported read-only `u32`, by whose name (`gadget_abi::names`)
//! the host knows which field of the running kernel's BTF is meant. There are two ways to read one:
//!
//! * [`Field::read`] through an [`Addr`]: `bpf_probe_read_kernel`, for any address. About 10 ns.
//! * [`Field::load`] through a [`Btf`]: a plain load, for pointers whose type the verifier knows, as contexts give them.
//!   It costs nothing at run time; but from 6.3 on, loading a *pointer* this way costs half a millisecond of the
//!   verifier's time, so it is for numbers, and for pointers in programs that do little else.
//!
//! A name can be exported once in an object. The fields that this crate uses are in [`fields`](crate::fields): a gadget
//! that needs one of those takes it from there.

use core::{ffi::c_void, marker::PhantomData, mem::MaybeUninit};

use gadget_abi::{Plain, names};

use crate::raw;

/// The address of a kernel struct whose type the verifier knows. Null reads as zeroes.
#[derive(Clone, Copy)]
pub struct Btf(u64);

impl Btf {
    /// Wraps a pointer that the verifier knows the type of.
    #[inline(always)]
    pub const fn new(pointer: u64) -> Self {
        Self(pointer)
    }

    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *const u8 {
        self.0 as *const u8
    }

    /// The bare address.
    #[inline(always)]
    pub const fn addr(self) -> Addr {
        Addr(self.0)
    }
}

/// Any address in the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Addr(u64);

impl Addr {
    /// Wraps an address.
    #[inline(always)]
    pub const fn new(address: u64) -> Self {
        Self(address)
    }

    /// The address as a number.
    #[inline(always)]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether it is null.
    #[inline(always)]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The address `bytes` further.
    #[inline(always)]
    pub const fn plus(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The address `bytes` before.
    #[inline(always)]
    pub const fn minus(self, bytes: u64) -> Self {
        Self(self.0.wrapping_sub(bytes))
    }

    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *const c_void {
        self.0 as *const c_void
    }
}

/// What a field can be read as.
pub trait Value: Copy {
    /// How it lies in memory.
    type Raw: Plain;

    /// The value of those bytes.
    fn from_raw(raw: Self::Raw) -> Self;
}

macro_rules! number {
    ($($t:ty),*) => { $(
        impl Value for $t {
            type Raw = $t;

            #[inline(always)]
            fn from_raw(raw: $t) -> $t {
                raw
            }
        }
    )* };
}
number!(u8, u16, u32, u64, i8, i16, i32, i64);

impl<const N: usize> Value for [u8; N] {
    type Raw = Self;

    #[inline(always)]
    fn from_raw(raw: Self) -> Self {
        raw
    }
}

impl<const N: usize> Value for [u64; N] {
    type Raw = Self;

    #[inline(always)]
    fn from_raw(raw: Self) -> Self {
        raw
    }
}

impl Value for Btf {
    type Raw = u64;

    #[inline(always)]
    fn from_raw(raw: u64) -> Self {
        Self(raw)
    }
}

impl Value for Addr {
    type Raw = u64;

    #[inline(always)]
    fn from_raw(raw: u64) -> Self {
        Self(raw)
    }
}

/// A field of a kernel struct, read as a `T`. Made by [`kernel_field!`](crate::kernel_field).
#[repr(transparent)]
pub struct Field<T> {
    offset: MaybeUninit<u32>,
    value: PhantomData<fn() -> T>,
}

impl<T: Value> Field<T> {
    /// A field whose offset is not known yet.
    #[doc(hidden)]
    pub const fn unresolved() -> Self {
        Self { offset: MaybeUninit::new(names::ABSENT), value: PhantomData }
    }

    /// The field's offset in bytes.
    #[inline(always)]
    pub fn offset(&self) -> u32 {
        raw::global(&self.offset)
    }

    /// Whether the kernel has the field. Only an optional one can be missing.
    #[inline(always)]
    pub fn exists(&self) -> bool {
        self.offset() != names::ABSENT
    }

    /// The field of the struct at `base`, by a plain load.
    #[inline(always)]
    pub fn load(&self, base: Btf) -> T {
        T::from_raw(raw::load(base.as_ptr(), self.offset() as usize))
    }

    /// The field of the struct at `base`, by a helper; `None` when the address is bad.
    #[inline(always)]
    pub fn read(&self, base: Addr) -> Option<T> {
        raw::read_kernel(self.at(base)).map(T::from_raw)
    }

    /// As [`Self::read`], but a bad address reads as zero.
    #[inline(always)]
    pub fn read_or_zero(&self, base: Addr) -> T {
        T::from_raw(raw::read_kernel_or_zero(self.at(base)))
    }

    /// Where the field of the struct at `base` lies.
    #[inline(always)]
    pub fn at(&self, base: Addr) -> Addr {
        base.plus(u64::from(self.offset()))
    }
}

/// The size of a kernel struct. Made by [`kernel_size!`](crate::kernel_size).
#[repr(transparent)]
pub struct Size(MaybeUninit<u32>);

impl Size {
    /// A size that is not known yet.
    #[doc(hidden)]
    pub const fn unresolved() -> Self {
        Self(MaybeUninit::new(0))
    }

    /// The size in bytes.
    #[inline(always)]
    pub fn bytes(&self) -> u32 {
        raw::global(&self.0)
    }
}

/// An enum of the kernel whose names the post-processor gets. Made by [`kernel_enum!`](crate::kernel_enum).
#[repr(transparent)]
pub struct Enum(MaybeUninit<u32>);

impl Enum {
    /// An enum that is not known yet.
    #[doc(hidden)]
    pub const fn unresolved() -> Self {
        Self(MaybeUninit::new(0))
    }

    /// Whether the kernel has it.
    #[inline(always)]
    pub fn exists(&self) -> bool {
        raw::global(&self.0) != 0
    }
}

/// Asks for the names of kernel enums, for the post-processor's `Context::enums`: `kernel_enum! { static REASON:
/// skb_drop_reason; }`. One that no program asks after (`REASON.exists()`) is left out by the linker.
#[macro_export]
macro_rules! kernel_enum {
    ($($(#[$meta:meta])* $vis:vis static $name:ident: $enum:ident;)*) => { $(
        $(#[$meta])*
        #[allow(unsafe_code, reason = "the host finds the enum by its symbol")]
        #[unsafe(export_name = concat!("kenum__", stringify!($enum)))]
        $vis static $name: $crate::kernel::Enum = $crate::kernel::Enum::unresolved();
    )* };
}

/// Declares fields of kernel structs.
///
/// ```ignore
/// gadget::kernel_field! {
///     /// Bytes read so far.
///     pub static READ_BYTES: task_struct.ioac.read_bytes => u64;
///     // The kernel may be built without this one: ask `exists()` before use.
///     pub optional static SESSION: task_struct.sessionid => u32;
/// }
/// ```
#[macro_export]
macro_rules! kernel_field {
    () => {};
    ($(#[$meta:meta])* $vis:vis static $name:ident: $strukt:ident $(. $field:ident)+ => $ty:ty; $($rest:tt)*) => {
        $(#[$meta])*
        #[allow(unsafe_code, reason = "the host finds the field by its symbol")]
        #[unsafe(export_name = concat!("kfield__", stringify!($strukt) $(, "__", stringify!($field))+))]
        $vis static $name: $crate::kernel::Field<$ty> = $crate::kernel::Field::unresolved();
        $crate::kernel_field! { $($rest)* }
    };
    ($(#[$meta:meta])* $vis:vis optional static $name:ident: $strukt:ident $(. $field:ident)+ => $ty:ty; $($rest:tt)*) => {
        $(#[$meta])*
        #[allow(unsafe_code, reason = "the host finds the field by its symbol")]
        #[unsafe(export_name = concat!("kfield_opt__", stringify!($strukt) $(, "__", stringify!($field))+))]
        $vis static $name: $crate::kernel::Field<$ty> = $crate::kernel::Field::unresolved();
        $crate::kernel_field! { $($rest)* }
    };
}

/// Declares the sizes of kernel structs: `kernel_size! { pub static INODE: inode; }`.
#[macro_export]
macro_rules! kernel_size {
    ($($(#[$meta:meta])* $vis:vis static $name:ident: $strukt:ident;)*) => { $(
        $(#[$meta])*
        #[allow(unsafe_code, reason = "the host finds the struct by its symbol")]
        #[unsafe(export_name = concat!("ksize__", stringify!($strukt)))]
        $vis static $name: $crate::kernel::Size = $crate::kernel::Size::unresolved();
    )* };
}
