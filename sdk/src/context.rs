//! What a post-processor is told when a run starts.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::{Clock, Failure, Params, linux::Arch};

/// The run: parameters, where it runs, and what time it is there.
#[derive(Debug)]
pub struct Context<P> {
    /// The gadget's own parameters.
    pub params: P,
    /// Name of the node.
    pub node: String,
    /// What the node's kernel was built for.
    pub arch: Arch,
    /// From 1970 to boot, in nanoseconds: added to an event's timestamp it gives the time.
    pub boot_to_unix_ns: i64,
    /// When the run started, in nanoseconds since boot, as an event's timestamp.
    pub started: u64,
    /// See [`Self::names`].
    enums: Map<String, Json>,
    /// Bytes of a page of memory on the node.
    pub page_bytes: u64,
}

impl<P> Context<P> {
    /// The names, by number, of a kernel enum that the kernel half asked for (`kernel_enum!`); none when the node's
    /// kernel does not have it.
    pub fn names(&self, name: &str) -> BTreeMap<u32, String> {
        let found = self.enums.get(name).and_then(Json::as_object).into_iter().flatten();
        let named =
            found.filter_map(|(number, name)| Some((number.parse().ok()?, name.as_str()?.to_owned())));
        named.collect()
    }
}

/// Reads a JSON object; `what` says in a failure what it was to be.
pub(crate) fn object(bytes: &[u8], what: &str) -> Result<Map<String, Json>, Failure> {
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::new(format!("{what} is JSON, but no object"))),
        Err(error) => Err(Failure::new(format!("{what} is no JSON object: {error}"))),
    }
}

impl<P: Params> Context<P> {
    /// Reads what the host sends: `{"params": {...}, "node": "...", "arch": "...", "boot_to_unix_ns": n,
    /// "boot_ns": n, "page_bytes": n}`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let mut context = object(bytes, "the run's context")?;
        let params = match context.remove("params") {
            Some(Json::Object(params)) => params,
            None => Map::new(),
            Some(_) => return Err(Failure::new("the run's context has params that are no JSON object")),
        };
        let text = |name| context.get(name).and_then(Json::as_str).unwrap_or_default();
        Ok(Self {
            params: P::parse(params)?,
            node: text("node").to_owned(),
            arch: Arch::from_name(text("arch")),
            boot_to_unix_ns: context.get("boot_to_unix_ns").and_then(Json::as_i64).unwrap_or_default(),
            started: context.get("boot_ns").and_then(Json::as_u64).unwrap_or_default(),
            enums: context.get("enums").and_then(Json::as_object).cloned().unwrap_or_default(),
            page_bytes: context.get("page_bytes").and_then(Json::as_u64).unwrap_or(4096),
        })
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock::new(self.boot_to_unix_ns)
    }
}
