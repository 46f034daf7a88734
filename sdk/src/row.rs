//! Rows: what a gadget returns, one JSON object a line.
//!
//! `#[derive(gadget::Row)]` writes the code that a person would by hand for speed: keys are constants with quotes
//! and comma already in them, values go straight into the vector, nothing is allocated per row. The same derive
//! gives the schema and the columns, so that neither can promise what the rows don't hold.

use std::marker::PhantomData;

use crate::{Schema, Value};

/// A JSON object with known fields. Derived; `()` is the empty one.
pub trait Row {
    /// Appends `,"key":value` for each field that is there.
    fn write_fields(&self, out: &mut Vec<u8>);

    /// Lists the fields.
    fn fields(into: &mut Fields);
}

impl Row for () {
    fn write_fields(&self, _: &mut Vec<u8>) {}

    fn fields(_: &mut Fields) {}
}

/// Flattened fields that some rows don't have.
impl<R: Row> Row for Option<R> {
    #[inline]
    fn write_fields(&self, out: &mut Vec<u8>) {
        if let Some(row) = self {
            row.write_fields(out);
        }
    }

    fn fields(into: &mut Fields) {
        let required = into.required.len();
        R::fields(into);
        into.required.truncate(required);
    }
}

/// Writes a row as an object.
#[inline]
pub fn write<R: Row + ?Sized>(row: &R, out: &mut Vec<u8>) {
    object(out, |out| row.write_fields(out));
}

/// Writes an object whose fields `write` appends, each as `,"key":value`.
#[inline]
pub fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    // The first field's comma becomes the opening brace.
    match out.get_mut(start) {
        Some(comma) => *comma = b'{',
        None => out.push(b'{'),
    }
    out.push(b'}');
}

/// One column at the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The row's field; dotted for a nested one: `container.name`.
    pub field: String,
    /// Heading.
    pub title: String,
    /// Preferred width in characters.
    pub width: u16,
    /// Numbers stand to the right.
    pub right: bool,
    /// Only shown when asked for.
    pub hidden: bool,
}

/// How a field differs from what its type says: the `#[column(...)]` attribute.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Heading; the name in upper case otherwise.
    pub title: Option<&'static str>,
    /// Width in characters.
    pub width: Option<u16>,
    /// Stands to the right.
    pub right: bool,
    /// Only shown when asked for.
    pub hidden: bool,
    /// Is no column.
    pub skip: bool,
}

/// The fields of a row type, gathered: its schema and its columns.
#[derive(Debug, Default)]
pub struct Fields {
    properties: Vec<(&'static str, Schema)>,
    required: Vec<&'static str>,
    columns: Vec<Column>,
}

impl Fields {
    /// Those of `R`.
    pub fn of<R: Row>() -> Self {
        let mut fields = Self::default();
        R::fields(&mut fields);
        fields
    }

    /// Adds a field.
    pub fn field<T: Value>(&mut self, name: &'static str, description: &str, look: Look) {
        if !T::OPTIONAL {
            self.required.push(name);
        }
        let look = Look { width: look.width.or(Some(T::WIDTH)), right: look.right || T::RIGHT, ..look };
        self.add(name, description, T::schema(), T::columns(), look);
    }

    #[inline(never)]
    fn add(
        &mut self,
        name: &'static str,
        description: &str,
        schema: Schema,
        nested: Vec<Column>,
        look: Look,
    ) {
        let Look { title, width, right, hidden, skip } = look;
        let schema =
            if description.is_empty() { schema } else { schema.with_text("description", description) };
        self.properties.push((name, schema));
        if skip {
            return;
        }
        if nested.is_empty() {
            self.columns.push(Column {
                field: name.to_owned(),
                title: title.map_or_else(|| name.to_ascii_uppercase(), str::to_owned),
                width: width.unwrap_or_default(),
                right,
                hidden,
            });
        }
        self.columns.extend(nested.into_iter().map(|column| Column {
            field: [name, ".", &column.field].concat(),
            hidden: column.hidden || hidden,
            ..column
        }));
    }

    /// Adds the fields of `R` in place; `show` names columns of `R` that are shown here though `R` hides them.
    pub fn flatten<R: Row>(&mut self, show: &[&str]) {
        let mut inner = Self::of::<R>();
        for column in &mut inner.columns {
            column.hidden &= !show.contains(&column.field.as_str());
        }
        self.properties.append(&mut inner.properties);
        self.required.append(&mut inner.required);
        self.columns.append(&mut inner.columns);
    }

    /// The schema of the row.
    pub fn schema(&self) -> Schema {
        Schema::object(&self.properties, &self.required, false)
    }

    /// The columns.
    pub fn into_columns(self) -> Vec<Column> {
        self.columns
    }
}

/// Where a post-processor puts its rows. It holds whole rows only.
#[derive(Debug)]
pub struct Rows<G> {
    out: Vec<u8>,
    of: PhantomData<fn(G)>,
}

impl<G> Rows<G> {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), of: PhantomData }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether no row was written yet.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }
}

impl<G> Rows<G> {
    /// Adds a row that is JSON already, as [`Reduce::merge`](crate::Reduce::merge) is given them.
    pub fn copy(&mut self, row: &[u8]) {
        self.out.extend_from_slice(row);
        self.out.push(b'\n');
    }
}

impl<G: crate::Gadget> Rows<G> {
    /// Adds a row.
    #[inline]
    pub fn push(&mut self, row: &G::Row<'_>) {
        write(row, &mut self.out);
        self.out.push(b'\n');
    }
}
