//! The descriptor's part that follows from Rust types: made once, at build, by calling the component's `describe`.

use schemars::{
    JsonSchema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::Value as Json;

use crate::{
    Column, Gadget, Params, Schema, Tool,
    row::Fields,
    schema::{object, quoted},
};

/// The version of the WIT package this crate is built against.
pub const CONTRACT: &str = "gadgetry:gadget@0.1.0";

/// The shapes of a gadget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Events to rows, for a time.
    Stream,
    /// One look at the kernel's state.
    Snapshot,
    /// A call in, an answer out.
    Tool,
}

/// What a component says of itself.
#[derive(Clone, Debug)]
pub struct Described {
    /// [`CONTRACT`].
    pub contract: &'static str,
    /// Its shape.
    pub kind: Kind,
    /// Whether it exports `merge`.
    pub merge: bool,
    /// Its tools.
    pub tools: Vec<DescribedTool>,
}

/// What a component says of one of its tools.
#[derive(Clone, Debug)]
pub struct DescribedTool {
    /// Name; empty for a stream or snapshot, whose tool has the gadget's.
    pub name: &'static str,
    /// What it does; empty for a stream or snapshot.
    pub description: &'static str,
    /// JSON Schema of the parameters.
    pub params: Schema,
    /// JSON Schema of a row, or of the answer.
    pub row: Schema,
    /// Columns, in order; none for a tool.
    pub columns: Vec<Column>,
}

impl Described {
    /// Describes a stream or snapshot.
    pub fn gadget<G: Gadget>(kind: Kind, merge: bool) -> Self {
        let fields = Fields::of::<G::Row<'static>>();
        let tool = DescribedTool {
            name: "",
            description: "",
            params: G::Params::schema(),
            row: fields.schema(),
            columns: fields.into_columns(),
        };
        Self { contract: CONTRACT, kind, merge, tools: vec![tool] }
    }

    /// Describes a gadget of tools.
    pub fn tools(tools: Vec<DescribedTool>) -> Self {
        Self { contract: CONTRACT, kind: Kind::Tool, merge: false, tools }
    }

    /// As JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::Stream => "stream",
            Kind::Snapshot => "snapshot",
            Kind::Tool => "tool",
        };
        let tools: Vec<_> = self.tools.iter().map(DescribedTool::to_json).collect();
        let described = object(&[
            ("contract", quoted(self.contract)),
            ("kind", quoted(kind)),
            ("merge", self.merge.to_string()),
            ("tools", ["[", &tools.join(","), "]"].concat()),
        ]);
        described.into_bytes()
    }
}

impl DescribedTool {
    /// Describes a tool.
    pub fn of<T: Tool>() -> Self {
        Self {
            name: T::NAME,
            description: T::DESCRIPTION,
            params: T::Params::schema(),
            row: Fields::of::<T::Answer>().schema(),
            columns: Vec::new(),
        }
    }

    fn to_json(&self) -> String {
        let column = |column: &Column| {
            let Column { field, title, width, right, hidden } = column;
            object(&[
                ("field", quoted(field)),
                ("title", quoted(title)),
                ("width", width.to_string()),
                ("right", right.to_string()),
                ("hidden", hidden.to_string()),
            ])
        };
        let columns: Vec<_> = self.columns.iter().map(column).collect();
        object(&[
            ("name", quoted(self.name)),
            ("description", quoted(self.description)),
            ("params", self.params.to_json()),
            ("row", self.row.to_json()),
            ("columns", ["[", &columns.join(","), "]"].concat()),
        ])
    }
}

/// The schema of a type that schemars knows, without references, and without words that only say how Rust stores it.
pub fn schema_of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(plain).transform(&mut schema);
    Schema::foreign(schema.to_value())
}

/// Formats of numbers (`uint32`) are no part of the standard, and the title is the name of a Rust type.
fn plain(schema: &mut schemars::Schema) {
    schema.remove("title");
    if schema.get("format").and_then(Json::as_str).is_some_and(|format| NUMBERS.contains(&format)) {
        schema.remove("format");
    }
}

const NUMBERS: [&str; 14] = [
    "int8", "int16", "int32", "int64", "int128", "int", "uint8", "uint16", "uint32", "uint64", "uint128",
    "uint", "float", "double",
];
