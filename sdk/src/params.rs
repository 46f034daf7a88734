//! Parameters: `#[derive(gadget::Params)]` makes of one struct the inputSchema that callers see and the code that
//! reads what they send.
//!
//! Not serde's derive: arguments are read field by field, so that a failure names the field at fault; schema and
//! reading stand in one trait, so that they can't disagree; and the component stays small.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json};

use crate::{Failure, Schema, Serde, Value};

/// What a caller may set. Derived; `()` takes nothing.
pub trait Params: Sized {
    /// Reads arguments; unknown names and values out of range are failures that name the field.
    fn parse(arguments: Map<String, Json>) -> Result<Self, Failure>;

    /// JSON Schema of the arguments.
    fn schema() -> Schema;
}

impl Params for () {
    fn parse(arguments: Map<String, Json>) -> Result<Self, Failure> {
        Arguments::new(arguments).finish(&[])
    }

    fn schema() -> Schema {
        ParamSchema::default().finish()
    }
}

/// What one parameter may be: a [`Value`] that can be read back. Anything else that serde can read goes in [`Serde`].
pub trait Param: Value + Sized {
    /// Reads it.
    fn read(value: Json) -> Result<Self, Failure>;
}

/// Bytes of a value at fault that a failure quotes.
const SHOWN: usize = 300;

#[cold]
fn found(wanted: &str, found: &Json) -> Failure {
    let mut found = found.to_string();
    if found.len() > SHOWN {
        found.truncate(found.floor_char_boundary(SHOWN));
        found.push_str("...");
    }
    Failure::new(format!("wanted {wanted}, found {found}"))
}

impl Param for bool {
    fn read(value: Json) -> Result<Self, Failure> {
        value.as_bool().ok_or_else(|| found("true or false", &value))
    }
}

impl Param for String {
    fn read(value: Json) -> Result<Self, Failure> {
        match value {
            Json::String(text) => Ok(text),
            other => Err(found("a string", &other)),
        }
    }
}

impl Param for f64 {
    fn read(value: Json) -> Result<Self, Failure> {
        value.as_f64().ok_or_else(|| found("a number", &value))
    }
}

/// A whole number, also when it is written as `5.0`: JSON Schema calls that an integer, too.
fn whole(value: &Json) -> Option<i128> {
    let number = value.as_u64().map(i128::from).or_else(|| value.as_i64().map(i128::from));
    number.or_else(|| {
        let float = value.as_f64()?;
        (float % 1.0 == 0.0 && float.abs() <= (1_u64 << 53) as f64).then_some(float as i128)
    })
}

macro_rules! integers {
    ($($t:ty),*) => { $(
        impl Param for $t {
            fn read(value: Json) -> Result<Self, Failure> {
                let number = whole(&value).and_then(|number| Self::try_from(number).ok());
                number.ok_or_else(|| no_integer(i128::from(Self::MIN), i128::from(Self::MAX), &value))
            }
        }
    )* };
}
integers!(u8, u16, u32, u64, i8, i16, i32, i64);

#[cold]
fn no_integer(min: i128, max: i128, value: &Json) -> Failure {
    found(&format!("an integer from {min} to {max}"), value)
}

impl<T: Param> Param for Vec<T> {
    fn read(value: Json) -> Result<Self, Failure> {
        match value {
            Json::Array(items) => {
                let read = |(at, item): (usize, Json)| {
                    T::read(item).map_err(|failure| failure.within(&at.to_string()))
                };
                items.into_iter().enumerate().map(read).collect()
            }
            other => Err(found("an array", &other)),
        }
    }
}

impl<T: Serialize + DeserializeOwned + JsonSchema> Param for Serde<T> {
    fn read(value: Json) -> Result<Self, Failure> {
        serde_json::from_value(value).map(Self).map_err(|error| Failure::new(error.to_string()))
    }
}

/// Reads the object that other parameters stand in: what `#[derive(Params)]` uses for those within others.
pub fn object(value: Json) -> Result<Map<String, Json>, Failure> {
    match value {
        Json::Object(members) => Ok(members),
        other => Err(found("an object", &other)),
    }
}

/// Reads one of some words: what `#[derive(Choice)]` uses.
pub fn word(value: &Json, words: &[&str]) -> Result<usize, Failure> {
    let word = value.as_str().unwrap_or_default();
    words
        .iter()
        .position(|known| *known == word)
        .ok_or_else(|| found(&format!("one of {}", words.join(", ")), value))
}

/// Arguments being read.
#[derive(Debug)]
pub struct Arguments(Map<String, Json>);

impl Arguments {
    /// Starts reading.
    pub const fn new(arguments: Map<String, Json>) -> Self {
        Self(arguments)
    }

    /// Takes one argument; `None` when it was not given.
    pub fn take<T: Param>(&mut self, name: &'static str) -> Result<Option<T>, Failure> {
        self.0.remove(name).map(T::read).transpose().map_err(|failure| failure.within(name))
    }

    /// Takes one argument; `None` when it was not given, or is null.
    pub fn nullable<T: Param>(&mut self, name: &'static str) -> Result<Option<T>, Failure> {
        if self.0.get(name).is_some_and(Json::is_null) {
            self.0.remove(name);
        }
        self.take(name)
    }

    /// Takes one argument that must be given.
    pub fn required<T: Param>(&mut self, name: &'static str) -> Result<T, Failure> {
        self.take(name)?.ok_or_else(|| Failure::of(name, "must be given"))
    }

    /// Refuses a number that is out of range. Call before [`Self::take`].
    pub fn range(&self, name: &'static str, min: Option<Json>, max: Option<Json>) -> Result<(), Failure> {
        let Some(value) = self.0.get(name).and_then(Json::as_f64) else { return Ok(()) };
        let beyond = |bound: &Option<Json>, is: fn(&f64, &f64) -> bool| {
            bound.as_ref().filter(|bound| bound.as_f64().is_some_and(|bound| is(&value, &bound))).cloned()
        };
        let given = &self.0[name];
        match (beyond(&min, f64::lt), beyond(&max, f64::gt)) {
            (Some(min), _) => Err(Failure::of(name, format!("wanted at least {min}, found {given}"))),
            (_, Some(max)) => Err(Failure::of(name, format!("wanted at most {max}, found {given}"))),
            _ => Ok(()),
        }
    }

    /// Refuses what is left over.
    pub fn finish(self, known: &[&str]) -> Result<(), Failure> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) if known.is_empty() => Err(Failure::of(name, "is unknown; there are no parameters")),
            Some(name) => Err(Failure::of(name, format!("is unknown; parameters are {}", known.join(", ")))),
        }
    }
}

/// The schema of parameters, being gathered.
#[derive(Debug, Default)]
pub struct ParamSchema {
    properties: Vec<(&'static str, Schema)>,
    required: Vec<&'static str>,
}

/// What one parameter's schema says beside its type.
#[derive(Debug, Default)]
pub struct Says<T> {
    /// What it is for.
    pub description: &'static str,
    /// It must be given.
    pub required: bool,
    /// It may be null, which is as if it were not given: what many callers send for what they leave out.
    pub nullable: bool,
    /// What it is when it is not given.
    pub default: Option<T>,
    /// The least it may be.
    pub min: Option<Json>,
    /// The most it may be.
    pub max: Option<Json>,
}

impl ParamSchema {
    /// Adds a parameter.
    pub fn param<T: Param>(&mut self, name: &'static str, says: Says<T>) {
        let Says { description, required, nullable, default, min, max } = says;
        let default = default.map(|value| {
            let mut out = Vec::new();
            value.write(&mut out);
            String::from_utf8_lossy(&out).into_owned()
        });
        if required {
            self.required.push(name);
        }
        let schema = if nullable { T::schema().or_null() } else { T::schema() };
        self.add(
            name,
            schema,
            description,
            [
                ("minimum", min.map(|min| min.to_string())),
                ("maximum", max.map(|max| max.to_string())),
                ("default", default),
            ],
        );
    }

    #[inline(never)]
    fn add(
        &mut self,
        name: &'static str,
        schema: Schema,
        description: &str,
        more: [(&str, Option<String>); 3],
    ) {
        let mut schema =
            if description.is_empty() { schema } else { schema.with_text("description", description) };
        for (keyword, value) in more {
            if let Some(value) = value {
                schema = schema.with(keyword, value);
            }
        }
        self.properties.push((name, schema));
    }

    /// The whole.
    pub fn finish(self) -> Schema {
        Schema::object(&self.properties, &self.required, false)
    }
}
