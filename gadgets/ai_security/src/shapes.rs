//! The service's shapes: what a scan answers, whoever made it.
//!
//! The names are those of the public OpenAPI file of Prisma AIRS (AI Runtime API Intercept). Real answers leave out what
//! the file calls required, and have fields that it does not know; so reading is lenient: what is missing stays missing,
//! and a field of another type than the file says is left out and told to the operator. Only a verdict that is not there
//! is an error, as nothing may stand in for it.

mod flags;
mod report;
mod scan;
mod tool;

use gadget::serde_json::{Map, Value as Json};

pub use flags::{Flags, OfPrompt, OfResponse, OfTool};
pub use report::*;
pub use scan::*;
pub use tool::*;

/// The most fields that are told of.
const MOST: usize = 8;

/// Fields that are not as the service's own description says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Odd {
    place: Vec<String>,
    /// Where they stand; the first few.
    pub places: Vec<String>,
}

impl Odd {
    fn note(&mut self) {
        if self.places.len() < MOST {
            self.places.push(self.place.join("."));
        }
    }

    fn within<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.place.push(name.to_owned());
        let read = read(self);
        self.place.pop();
        read
    }
}

/// What can be read from an answer; `None` when it is something else.
pub trait Read: Sized {
    /// Reads it.
    fn read(value: Json, odd: &mut Odd) -> Option<Self>;
}

/// A field of a shape: what is missing has its default.
pub trait Field: Default {
    /// Reads it.
    fn field(value: Option<Json>, odd: &mut Odd) -> Self;
}

macro_rules! read {
    ($($t:ty: |$value:ident| $read:expr);* $(;)?) => { $(
        impl Read for $t {
            fn read($value: Json, odd: &mut Odd) -> Option<Self> {
                let read: Option<Self> = $read;
                if read.is_none() {
                    odd.note();
                }
                read
            }
        }

        impl Field for $t {
            fn field(value: Option<Json>, odd: &mut Odd) -> Self {
                given(value).and_then(|value| <$t>::read(value, odd)).unwrap_or_default()
            }
        }
    )* };
}
read! {
    bool: |value| value.as_bool();
    u32: |value| value.as_u64().and_then(|number| number.try_into().ok());
    i64: |value| value.as_i64();
    String: |value| match value {
        Json::String(text) => Some(text),
        _ => None,
    };
}

fn given(value: Option<Json>) -> Option<Json> {
    value.filter(|value| !value.is_null())
}

impl<T: Read> Read for Vec<T> {
    fn read(value: Json, odd: &mut Odd) -> Option<Self> {
        let Json::Array(items) = value else {
            odd.note();
            return None;
        };
        let read = |(at, item): (usize, Json)| odd.within(&at.to_string(), |odd| T::read(item, odd));
        Some(items.into_iter().enumerate().filter_map(read).collect())
    }
}

impl<T: Read> Field for Vec<T> {
    fn field(value: Option<Json>, odd: &mut Odd) -> Self {
        given(value).and_then(|value| Self::read(value, odd)).unwrap_or_default()
    }
}

impl<T: Read> Field for Option<T> {
    fn field(value: Option<Json>, odd: &mut Odd) -> Self {
        given(value).and_then(|value| T::read(value, odd))
    }
}

/// Reads the field `name` of an object.
pub(crate) fn field<T: Field>(members: &mut Map<String, Json>, name: &str, odd: &mut Odd) -> T {
    let value = members.remove(name);
    odd.within(name, |odd| T::field(value, odd))
}

/// Structs that are written as rows are, and read leniently.
macro_rules! shapes {
    ($( $(#[doc = $doc:literal])+ pub struct $name:ident {
        $( $(#[doc = $about:literal])+ pub $field:ident: $ty:ty, )*
    } )+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, gadget::Row)]
        pub struct $name {
            $( $(#[doc = $about])+ pub $field: $ty, )*
        }

        impl $crate::shapes::Read for $name {
            fn read(value: gadget::serde_json::Value, odd: &mut $crate::shapes::Odd) -> Option<Self> {
                let gadget::serde_json::Value::Object(mut members) = value else {
                    odd.note();
                    return None;
                };
                Some(Self { $( $field: $crate::shapes::field(&mut members, stringify!($field), odd), )* })
            }
        }
    )+ };
}
pub(crate) use shapes;
