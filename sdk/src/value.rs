//! What a row's field may be: how it is written, and what its schema says.
//!
//! The two stand in one trait so that they can't disagree. Anything else that serde can write goes in [`Serde`].

use std::borrow::Cow;

use crate::{Column, Schema, Text, clock::Timestamp, json};
use schemars::JsonSchema;
use serde::Serialize;

/// A field of a row.
pub trait Value {
    /// Whether the field may be missing from a row.
    const OPTIONAL: bool = false;
    /// Preferred width of its column, in characters.
    const WIDTH: u16 = 20;
    /// Whether its column stands to the right, as numbers do.
    const RIGHT: bool = false;

    /// Whether the field is missing from this row.
    #[inline]
    fn is_absent(&self) -> bool {
        false
    }

    /// Writes it as JSON.
    fn write(&self, out: &mut Vec<u8>);

    /// What JSON it writes.
    fn schema() -> Schema;

    /// The columns of its own fields, when it is itself a row.
    fn columns() -> Vec<Column> {
        Vec::new()
    }
}

macro_rules! integers {
    ($($t:ty: $width:literal, $min:expr, $max:expr);* $(;)?) => { $(
        impl Value for $t {
            const WIDTH: u16 = $width;
            const RIGHT: bool = true;

            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                json::integer(out, *self);
            }

            fn schema() -> Schema {
                Schema::integer($min, $max)
            }
        }
    )* };
}
integers! {
    u8: 4, Some(0), Some(255);
    u16: 6, Some(0), Some(65_535);
    u32: 8, Some(0), Some(4_294_967_295);
    u64: 12, Some(0), None;
    usize: 12, Some(0), None;
    i8: 5, Some(-128), Some(127);
    i16: 7, Some(-32_768), Some(32_767);
    i32: 8, Some(-2_147_483_648), Some(2_147_483_647);
    i64: 12, None, None;
    isize: 12, None, None;
}

impl Value for bool {
    const WIDTH: u16 = 6;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }

    fn schema() -> Schema {
        Schema::of("boolean")
    }
}

/// JSON has no word for infinities and NaN: such a field is left out.
impl Value for f64 {
    const OPTIONAL: bool = true;
    const WIDTH: u16 = 12;
    const RIGHT: bool = true;

    fn is_absent(&self) -> bool {
        !self.is_finite()
    }

    fn write(&self, out: &mut Vec<u8>) {
        serde(out, self);
    }

    fn schema() -> Schema {
        Schema::of("number")
    }
}

macro_rules! texts {
    ($(impl($($life:lifetime)?) $t:ty, |$out:ident, $it:ident| $write:expr);* $(;)?) => { $(
        impl$(<$life>)? Value for $t {
            #[inline]
            fn write(&self, $out: &mut Vec<u8>) {
                let $it = self;
                $write
            }

            fn schema() -> Schema {
                Schema::of("string")
            }
        }
    )* };
}
texts! {
    impl() str, |out, it| json::string(out, it);
    impl() String, |out, it| json::string(out, it);
    impl('a) Cow<'a, str>, |out, it| json::string(out, it);
    impl('a) Text<'a>, |out, it| json::lossy(out, it.0);
}

impl Value for Timestamp {
    const WIDTH: u16 = 30;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(self.as_bytes());
        out.push(b'"');
    }

    fn schema() -> Schema {
        Schema::of("string").with_text("format", "date-time")
    }
}

impl<T: Value + ?Sized> Value for &T {
    const OPTIONAL: bool = T::OPTIONAL;
    const WIDTH: u16 = T::WIDTH;
    const RIGHT: bool = T::RIGHT;

    #[inline]
    fn is_absent(&self) -> bool {
        T::is_absent(self)
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        T::write(self, out);
    }

    fn schema() -> Schema {
        T::schema()
    }

    fn columns() -> Vec<Column> {
        T::columns()
    }
}

/// `None` is left out of the row.
impl<T: Value> Value for Option<T> {
    const OPTIONAL: bool = true;
    const WIDTH: u16 = T::WIDTH;
    const RIGHT: bool = T::RIGHT;

    #[inline]
    fn is_absent(&self) -> bool {
        self.as_ref().is_none_or(T::is_absent)
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn schema() -> Schema {
        T::schema()
    }

    fn columns() -> Vec<Column> {
        T::columns()
    }
}

/// Items that are absent (`None`) are left out of the array, too.
impl<T: Value> Value for [T] {
    const WIDTH: u16 = 32;

    fn write(&self, out: &mut Vec<u8>) {
        array(out, self);
    }

    fn schema() -> Schema {
        array_schema::<T>()
    }
}

impl<T: Value> Value for Vec<T> {
    const WIDTH: u16 = 32;

    fn write(&self, out: &mut Vec<u8>) {
        array(out, self);
    }

    fn schema() -> Schema {
        array_schema::<T>()
    }
}

/// An array made while it is written: any iterator that can be started anew, so that a row allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct List<I>(pub I);

impl<I: Iterator<Item: Value> + Clone> Value for List<I> {
    const WIDTH: u16 = 32;

    fn write(&self, out: &mut Vec<u8>) {
        array(out, self.0.clone());
    }

    fn schema() -> Schema {
        array_schema::<I::Item>()
    }
}

fn array<T: Value>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>) {
    out.push(b'[');
    let start = out.len();
    for item in items {
        if item.is_absent() {
            continue;
        }
        if out.len() != start {
            out.push(b',');
        }
        item.write(out);
    }
    out.push(b']');
}

fn array_schema<T: Value>() -> Schema {
    Schema::array(&T::schema())
}

/// A field that serde writes: slower, for types that know nothing of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serde<T>(pub T);

impl<T: Serialize + JsonSchema> Value for Serde<T> {
    fn write(&self, out: &mut Vec<u8>) {
        serde(out, &self.0);
    }

    fn schema() -> Schema {
        crate::describe::schema_of::<T>()
    }
}

/// Writes with serde. What serde can't write as JSON (a map whose keys are no strings) becomes `null`.
fn serde<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}
