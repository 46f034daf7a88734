//! What a run sets: written into a copy of the object as constants, so that the verifier prunes what this run does
//! not use.

use gadget_abi::event::COMM_LEN;
use gadget_abi::names;
use gadget_registry::elf::{ElfError, KernelObject};
use serde_json::{Map, Value};

/// Smallest and largest ring buffer, in bytes.
pub const RING_BYTES: std::ops::RangeInclusive<u32> = 64 << 10..=256 << 20;

/// How often a second a program samples, when the gadget has no parameter for it: not in step with what runs a hundred
/// times a second.
const DEFAULT_FREQUENCY: u64 = 49;
/// How often it may.
const FREQUENCY: std::ops::RangeInclusive<u64> = 1..=1000;

/// What one run of a gadget wants of its kernel half.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Size of the ring buffer; rounded up to a power of two. See [`RING_BYTES`].
    pub ring_bytes: u32,
    /// The gadget's parameters. Those that have a global `param__<name>` are written there; the others are the
    /// post-processor's.
    pub params: Map<String, Value>,
    /// Whose events are wanted.
    pub filter: Filter,
    /// Only events from these mount namespaces; containers that start later are added to [`crate::Scope`].
    pub scope: Option<Vec<u32>>,
    /// Leave out this process.
    pub exclude_self: bool,
}

/// Whose events are wanted; `None` stands for everyone's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Process id, in the initial pid namespace.
    pub pid: Option<u32>,
    /// Thread id, in the initial pid namespace.
    pub tid: Option<u32>,
    /// User id.
    pub uid: Option<u32>,
    /// Group id.
    pub gid: Option<u32>,
    /// Name of the thread.
    pub comm: Option<String>,
}

/// A setting that can't be met.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A ring buffer of a size that is not allowed.
    #[error("the ring buffer can't have {found} bytes; allowed are {} to {}", RING_BYTES.start(), RING_BYTES.end())]
    RingBytes {
        /// The size wanted.
        found: u32,
    },
    /// The gadget's kernel half does not know this filter.
    #[error("this gadget can't be limited by {filter}: its eBPF object has no global `{global}`")]
    NoFilter {
        /// What was to be filtered by.
        filter: &'static str,
        /// The global that is missing.
        global: &'static str,
    },
    /// A value by which nothing can be filtered.
    #[error("no filter {filter}: {value} {reason}")]
    BadFilter {
        /// What was to be filtered by.
        filter: &'static str,
        /// The value.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A parameter whose value does not fit where the kernel half keeps it.
    #[error("parameter `{name}`: {value} {reason}")]
    BadParam {
        /// The parameter.
        name: String,
        /// Its value.
        value: Value,
        /// What is wrong with it.
        reason: String,
    },
    /// A global of an unexpected size.
    #[error(transparent)]
    Global(#[from] ElfError),
}

impl Settings {
    /// A copy of the object's bytes with everything written into it.
    pub(crate) fn write(&self, object: &KernelObject, bytes: &[u8]) -> Result<Vec<u8>, SettingsError> {
        let mut copy = bytes.to_vec();
        for (name, value) in &self.params {
            let global = format!("{}{name}", names::PARAM);
            let Some(place) = object.rodata.get(&global).filter(|_| !value.is_null()) else { continue };
            let bytes = encode(value, place.size).map_err(|reason| SettingsError::BadParam {
                name: name.clone(),
                value: value.clone(),
                reason,
            })?;
            object.patch_rodata(&mut copy, &global, &bytes)?;
        }
        for (filter, global, value) in self.filter.globals()? {
            match value {
                // An object that does not know the filter has nothing to switch off.
                None if !object.rodata.contains_key(global) => continue,
                Some(_) if !object.rodata.contains_key(global) => {
                    return Err(SettingsError::NoFilter { filter, global });
                }
                _ => {}
            }
            let everyone = everyone(global);
            object.patch_rodata(&mut copy, global, value.as_deref().unwrap_or(&everyone))?;
        }
        match (object.rodata.contains_key(names::FILTER_SCOPE), object.map(names::SCOPE)) {
            (true, Some(_)) => {
                object.patch_rodata(&mut copy, names::FILTER_SCOPE, &[u8::from(self.scope.is_some())])?;
            }
            _ if self.scope.is_some() => {
                return Err(SettingsError::NoFilter { filter: "container", global: names::FILTER_SCOPE });
            }
            _ => {}
        }
        if object.rodata.contains_key(names::FILTER_SELF) {
            let own = if self.exclude_self { std::process::id() } else { 0 };
            object.patch_rodata(&mut copy, names::FILTER_SELF, &own.to_le_bytes())?;
        }
        Ok(copy)
    }

    /// The ring's size as the kernel takes it: a power of two, and so a multiple of the page size.
    pub(crate) fn ring_size(&self) -> Result<u32, SettingsError> {
        let found = self.ring_bytes;
        found
            .checked_next_power_of_two()
            .filter(|_| RING_BYTES.contains(&found))
            .ok_or(SettingsError::RingBytes { found })
    }

    /// How often a second programs sample: the parameter of that name.
    pub(crate) fn frequency(&self) -> Result<u64, SettingsError> {
        let Some(value) = self.params.get(names::FREQUENCY).filter(|value| !value.is_null()) else {
            return Ok(DEFAULT_FREQUENCY);
        };
        let hertz = value.as_u64().filter(|hertz| FREQUENCY.contains(hertz));
        hertz.ok_or_else(|| SettingsError::BadParam {
            name: names::FREQUENCY.to_owned(),
            value: value.clone(),
            reason: format!("is no frequency from {} to {} Hz", FREQUENCY.start(), FREQUENCY.end()),
        })
    }

    /// Whether what a hook waits for is so: a boolean parameter is on; or, of `name=value`, a parameter has that value, or
    /// is not given and so stands for all of them.
    pub(crate) fn is_on(&self, when: &str) -> bool {
        match when.split_once('=') {
            None => self.params.get(when).and_then(Value::as_bool).unwrap_or(false),
            Some((name, value)) => match self.params.get(name) {
                None | Some(Value::Null) => true,
                Some(given) => given.as_str() == Some(value),
            },
        }
    }
}

/// What a filter goes by, its global, and the global's bytes if it is set.
type FilterGlobal = (&'static str, &'static str, Option<Vec<u8>>);

impl Filter {
    fn globals(&self) -> Result<[FilterGlobal; 5], SettingsError> {
        let id = |filter, value: Option<u32>, everyone: u32| match value {
            Some(value) if value == everyone => Err(SettingsError::BadFilter {
                filter,
                value: value.to_string(),
                reason: "stands for everyone's in the kernel half",
            }),
            value => Ok(value.map(|value| value.to_le_bytes().to_vec())),
        };
        Ok([
            ("process", names::FILTER_PID, id("process", self.pid, 0)?),
            ("thread", names::FILTER_TID, id("thread", self.tid, 0)?),
            ("user", names::FILTER_UID, id("user", self.uid, u32::MAX)?),
            ("group", names::FILTER_GID, id("group", self.gid, u32::MAX)?),
            ("comm", names::FILTER_COMM, self.comm.as_deref().map(comm).transpose()?),
        ])
    }
}

/// The value of a filter's global that lets everyone through.
fn everyone(global: &str) -> Vec<u8> {
    match global {
        names::FILTER_UID | names::FILTER_GID => u32::MAX.to_le_bytes().to_vec(),
        names::FILTER_COMM => vec![0; COMM_LEN],
        _ => vec![0; 4],
    }
}

fn comm(name: &str) -> Result<Vec<u8>, SettingsError> {
    let bad = |reason| SettingsError::BadFilter { filter: "comm", value: format!("`{name}`"), reason };
    if name.is_empty() || name.contains('\0') {
        return Err(bad("is no name of a thread"));
    }
    if name.len() >= COMM_LEN {
        return Err(bad("is longer than 15 bytes, the most that the kernel keeps of a thread's name"));
    }
    Ok(padded(name, COMM_LEN))
}

/// A parameter's value in `size` bytes.
fn encode(value: &Value, size: usize) -> Result<Vec<u8>, String> {
    match value {
        Value::Bool(on) if matches!(size, 1 | 2 | 4 | 8) => {
            let mut bytes = vec![0; size];
            bytes[0] = u8::from(*on);
            Ok(bytes)
        }
        Value::Number(number) if matches!(size, 1 | 2 | 4 | 8) => {
            let wide = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            let wide = wide.ok_or("is no whole number of at most 64 bits")?;
            // Whether the global is signed is not known; whatever fits one of the two is taken.
            let bits = size * 8;
            let range = -(1_i128 << (bits - 1))..1_i128 << bits;
            if !range.contains(&wide) {
                return Err(format!("does not fit the {bits} bits that the gadget has for it"));
            }
            Ok(wide.to_le_bytes()[..size].to_vec())
        }
        Value::String(text) if text.contains('\0') => Err("contains a NUL".into()),
        Value::String(text) if text.len() < size => Ok(padded(text, size)),
        Value::String(text) => {
            Err(format!("has {} bytes; the gadget has room for {}", text.len(), size.saturating_sub(1)))
        }
        _ => Err(format!("can't be kept in the {size} bytes that the gadget has for it")),
    }
}

fn padded(text: &str, size: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(size, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_are_written_in_the_width_of_their_global() {
        type Expected = Result<&'static [u8], &'static str>;
        let cases: [(Value, usize, Expected); 15] = [
            (json!(true), 1, Ok(&[1])),
            (json!(false), 1, Ok(&[0])),
            (json!(true), 4, Ok(&[1, 0, 0, 0])),
            (json!(255), 1, Ok(&[255])),
            (json!(256), 1, Err("does not fit the 8 bits")),
            (json!(-128), 1, Ok(&[0x80])),
            (json!(-129), 1, Err("does not fit the 8 bits")),
            (json!(65536), 4, Ok(&[0, 0, 1, 0])),
            (json!(u64::MAX), 8, Ok(&[255; 8])),
            (json!(1.5), 4, Err("is no whole number")),
            (json!("ab"), 4, Ok(b"ab\0\0")),
            (json!("abcd"), 4, Err("has 4 bytes; the gadget has room for 3")),
            (json!("a\0b"), 8, Err("contains a NUL")),
            (json!([1]), 4, Err("can't be kept")),
            (json!(1), 16, Err("can't be kept")),
        ];
        for (value, size, expected) in cases {
            match (encode(&value, size), expected) {
                (Ok(bytes), Ok(expected)) => assert_eq!(bytes, expected, "{value} in {size}"),
                (Err(found), Err(expected)) => {
                    assert!(found.contains(expected), "{value} in {size}: {found}")
                }
                (found, expected) => panic!("{value} in {size}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn hooks_wait_for_a_parameter_or_one_of_its_values() {
        let settings = |params: Value| Settings {
            ring_bytes: 1 << 20,
            params: params.as_object().cloned().unwrap_or_default(),
            filter: Filter::default(),
            scope: None,
            exclude_self: false,
        };
        let cases = [
            (json!({}), "exits", false),
            (json!({"exits": true}), "exits", true),
            (json!({"exits": false}), "exits", false),
            (json!({}), "library=go", true),
            (json!({"library": null}), "library=go", true),
            (json!({"library": "go"}), "library=go", true),
            (json!({"library": "gnutls"}), "library=go", false),
        ];
        for (params, when, wanted) in cases {
            assert_eq!(settings(params.clone()).is_on(when), wanted, "{params} {when}");
        }
    }

    #[test]
    fn filters_that_would_mean_everyone_are_refused() {
        let cases = [
            (Filter { pid: Some(0), ..Filter::default() }, "process: 0"),
            (Filter { uid: Some(u32::MAX), ..Filter::default() }, "user: 4294967295"),
            (Filter { comm: Some(String::new()), ..Filter::default() }, "comm: `` is no name"),
            (Filter { comm: Some("x".repeat(16)), ..Filter::default() }, "is longer than 15 bytes"),
        ];
        for (filter, expected) in cases {
            let error = filter.globals().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let root = Filter { uid: Some(0), comm: Some("x".repeat(15)), ..Filter::default() };
        assert_eq!(root.globals().unwrap()[2].2.as_deref(), Some(&[0; 4][..]));
    }

    #[test]
    fn ring_sizes_are_rounded_up_within_limits() {
        let size = |ring_bytes| {
            let (params, filter) = (Map::new(), Filter::default());
            Settings { ring_bytes, params, filter, scope: None, exclude_self: false }.ring_size()
        };
        assert_eq!(size(64 << 10).unwrap(), 64 << 10);
        assert_eq!(size((64 << 10) + 1).unwrap(), 128 << 10);
        assert_eq!(size(256 << 20).unwrap(), 256 << 20);
        for refused in [0, 4096, (64 << 10) - 1, (256 << 20) + 1, u32::MAX] {
            assert!(size(refused).unwrap_err().to_string().contains("65536 to 268435456"));
        }
    }
}
