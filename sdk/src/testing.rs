//! For a gadget's own tests: batches built from Rust values, rows read back; and what stands in for what the host lends
//! ([`http`], [`config`], [`now`]). Natively only.

mod lent;

use gadget_abi::{
    Header, Plain,
    batch::{Head, Kind, padded},
};
use serde_json::Value as Json;

pub(crate) use lent::{answered, bound, store, time};
pub use lent::{config, http, now, requests};

use crate::{Failure, Gadget, Params, Reduce, Row, Schema, plain, row::Fields, run::Run};

/// A batch as the host would send it.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
}

impl Batch {
    /// An empty one.
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// Defines a container.
    pub fn container(mut self, index: u32, json: &str) -> Self {
        self.frame(Kind::Container as u16, index, json.as_bytes());
        self
    }

    /// Adds an event that happened on the host itself.
    pub fn event<E: Plain>(self, header: &Header, data: &E, tail: &[u8]) -> Self {
        self.event_in(0, header, data, tail)
    }

    /// Adds an event that happened in a container defined before.
    pub fn event_in<E: Plain>(mut self, container: u32, header: &Header, data: &E, tail: &[u8]) -> Self {
        let payload = [plain::bytes(header), plain::bytes(data), tail].concat();
        self.frame(Kind::Event as u16, container, &payload);
        self
    }

    /// Adds any frame.
    pub fn frame(&mut self, kind: u16, container: u32, payload: &[u8]) {
        let len = u32::try_from(payload.len()).expect("a test's payload is small");
        self.bytes.extend_from_slice(&Head { len, kind, container }.to_bytes());
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(self.bytes.len() + padded(payload.len()) - payload.len(), 0);
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A header to start from: `cat` (pid 100, thread 101, user 1000), child of `sh` (99), a second and 2 ns after boot.
pub fn header() -> Header {
    Header {
        timestamp: 1_000_000_002,
        cgroup: 0,
        mntns: 0,
        pid: 100,
        tid: 101,
        uid: 1000,
        gid: 1000,
        ppid: 99,
        comm: name("cat"),
        parent_comm: name("sh"),
    }
}

/// A name as the kernel holds it: NUL-padded, cut to what fits.
pub fn name<const N: usize>(text: &str) -> [u8; N] {
    let mut name = [0; N];
    let len = text.len().min(N - 1);
    name[..len].copy_from_slice(&text.as_bytes()[..len]);
    name
}

/// The context of a run at a clock that starts in 1970.
pub fn context(params: &Json) -> Vec<u8> {
    serde_json::json!({"params": params, "node": "test", "boot_to_unix_ns": 0}).to_string().into_bytes()
}

/// Runs a gadget over one batch, and returns the text of its rows; each is checked against the row's schema.
pub fn run<G: Gadget>(params: &Json, batch: &Batch) -> Result<String, Failure> {
    let mut run = Run::<G>::start(&context(params))?;
    let mut out = run.process(batch.bytes())?;
    out.extend(run.tick()?);
    out.extend(run.finish()?);
    checked::<G>(out)
}

/// Runs a gadget that merges, with a tick after each of `batches`. The texts of its rows: a view for each tick, then the
/// result.
pub fn run_ticking<G: Gadget>(params: &Json, batches: &[Batch]) -> Result<Vec<String>, Failure> {
    let mut run = Run::<G>::start(&context(params))?;
    let mut texts = Vec::with_capacity(batches.len() + 1);
    for batch in batches {
        let rows = run.process(batch.bytes())?;
        if !rows.is_empty() {
            return Err(Failure::new("a gadget that merges gives its rows at ticks and when it finishes"));
        }
        texts.push(checked::<G>(run.tick()?)?);
    }
    texts.push(checked::<G>(run.finish()?)?);
    Ok(texts)
}

/// Merges the texts of several nodes' rows.
pub fn merged<G: Reduce>(parts: &[&str]) -> Result<String, Failure> {
    let parts: Vec<_> = parts.iter().map(|part| part.as_bytes().to_vec()).collect();
    checked::<G>(crate::run::merge::<G>(&parts)?)
}

/// Rows as JSON.
#[track_caller]
pub fn rows(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect()
}

/// The gadget's own fields of each row: the common ones, every one of which must be there, are left out.
#[track_caller]
pub fn own_rows(text: &str) -> Vec<Json> {
    let mut rows = rows(text);
    for row in &mut rows {
        let fields = row.as_object_mut().expect("a row is an object");
        for common in ["timestamp", "comm", "pid", "tid", "uid", "gid", "ppid", "parent_comm"] {
            assert!(fields.remove(common).is_some(), "a row has no {common}");
        }
    }
    rows
}

/// As [`own_rows`], of the only row.
#[track_caller]
pub fn own_row(text: &str) -> Json {
    let mut rows = own_rows(text);
    assert_eq!(rows.len(), 1, "wanted one row, found {text:?}");
    rows.remove(0)
}

/// The text of rows, each checked against the row's schema.
fn checked<G: Gadget>(rows: Vec<u8>) -> Result<String, Failure> {
    let text = String::from_utf8(rows).map_err(|error| Failure::new(error.to_string()))?;
    for line in text.lines() {
        let row: Json =
            serde_json::from_str(line).map_err(|error| Failure::new(format!("{line}: {error}")))?;
        conforms(&row_schema::<G::Row<'static>>(), &row).map_err(Failure::new)?;
    }
    Ok(text)
}

/// A schema as a tree.
pub fn json(schema: &Schema) -> Json {
    serde_json::from_str(&schema.to_json()).expect("a schema is JSON")
}

/// The schema of a row type.
pub fn row_schema<R: Row>() -> Json {
    json(&Fields::of::<R>().schema())
}

/// The schema of parameters.
pub fn params_schema<P: Params>() -> Json {
    json(&P::schema())
}

/// Whether `value` is what `schema` says: the part of JSON Schema that this crate's row schemas use.
pub fn conforms(schema: &Json, value: &Json) -> Result<(), String> {
    let Some(schema) = schema.as_object() else { return Ok(()) };
    let fail = |wanted: &str| Err(format!("wanted {wanted}, found {value}"));
    match schema.get("type").and_then(Json::as_str) {
        Some("object") => {
            let Some(object) = value.as_object() else { return fail("an object") };
            for name in schema.get("required").and_then(Json::as_array).into_iter().flatten() {
                if !object.contains_key(name.as_str().unwrap_or_default()) {
                    return fail(&format!("the field {name}"));
                }
            }
            for (name, value) in object {
                match schema.get("properties").and_then(|properties| properties.get(name)) {
                    Some(schema) => conforms(schema, value).map_err(|error| format!("{name}: {error}"))?,
                    None if schema.get("additionalProperties") == Some(&Json::Bool(false)) => {
                        return fail(&format!("no field {name}"));
                    }
                    None => {}
                }
            }
        }
        Some("array") => {
            let Some(items) = value.as_array() else { return fail("an array") };
            items.iter().try_for_each(|item| conforms(schema.get("items").unwrap_or(&Json::Null), item))?;
        }
        Some("string") if !value.is_string() => return fail("a string"),
        Some("integer") if !(value.is_i64() || value.is_u64()) => return fail("an integer"),
        Some("number") if !value.is_number() => return fail("a number"),
        Some("boolean") if !value.is_boolean() => return fail("a boolean"),
        _ => {}
    }
    if schema.get("enum").and_then(Json::as_array).is_some_and(|all| !all.contains(value)) {
        return fail("one of the enum");
    }
    let bound = |keyword: &str| schema.get(keyword).and_then(Json::as_f64);
    match (value.as_f64(), bound("minimum"), bound("maximum")) {
        (Some(number), Some(min), _) if number < min => fail(&format!("at least {min}")),
        (Some(number), _, Some(max)) if number > max => fail(&format!("at most {max}")),
        _ => Ok(()),
    }
}
