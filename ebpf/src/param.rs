//! Parameters of a gadget: read-only globals that the host sets before load.

use core::mem::MaybeUninit;

use gadget_abi::Plain;

use crate::raw;

/// What a parameter can be: a boolean (one byte), a number, or NUL-padded bytes.
pub trait Value: Copy + 'static {
    /// How it lies in memory.
    type Raw: Plain;
    /// The memory of a default.
    fn from_raw(raw: Self::Raw) -> Self;
}

impl Value for bool {
    type Raw = u8;

    #[inline(always)]
    fn from_raw(raw: u8) -> Self {
        raw != 0
    }
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

/// A parameter's memory. Made by [`params!`](crate::params).
#[repr(transparent)]
pub struct Param<T: Value>(MaybeUninit<T::Raw>);

impl<T: Value> Param<T> {
    /// A parameter that is zero until the host sets it.
    #[doc(hidden)]
    pub const fn unset() -> Self {
        Self(MaybeUninit::zeroed())
    }

    /// Its value.
    #[inline(always)]
    pub fn get(&self) -> T {
        T::from_raw(raw::global(&self.0))
    }
}

/// Declares the parameters that the kernel half reads, as functions of a module `params`. Names and types are those of
/// the post-processor's `Params`, which also holds the defaults: the host always sets all of them.
///
/// ```ignore
/// gadget::params! {
///     failed: bool,
///     min_bytes: u64,
/// }
/// // ... if params::failed() { ... }
/// ```
#[macro_export]
macro_rules! params {
    ($($(#[$meta:meta])* $name:ident: $ty:ty),* $(,)?) => {
        mod params {
            $(
                $(#[$meta])*
                #[inline(always)]
                pub(super) fn $name() -> $ty {
                    #[allow(unsafe_code, reason = "the host finds the parameter by its symbol")]
                    #[unsafe(export_name = concat!("param__", stringify!($name)))]
                    static PARAM: $crate::param::Param<$ty> = $crate::param::Param::unset();
                    PARAM.get()
                }
            )*
        }
    };
}
