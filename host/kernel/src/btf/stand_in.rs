//! Type information that holds nothing but the names that aya looks up before it loads a program on a kernel type:
//! the function or typedef that a `tp_btf`, `iter`, `fentry`, `fexit` or `lsm` program attaches to, under the id it
//! has in the kernel.
//!
//! The ids are found once, when a gadget is prepared. aya takes no id, only type information to find it in; the
//! kernel's own would take 50 ms per load, or twelve megabytes kept for good. This takes one or two milliseconds.

use aya::{Btf, Endianness};
use aya_obj::btf::{BtfError, BtfType, Func, FuncLinkage};

use super::{MAGIC, TYPE, kind};

/// A type by which aya finds an attach target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// Its id in the kernel.
    pub(crate) id: u32,
    /// Its name, prefix included: `btf_trace_sched_process_exec`.
    pub(crate) name: String,
    /// [`kind::FUNC`] or [`kind::TYPEDEF`].
    pub(crate) kind: u32,
}

/// Type information with these anchors, each under its id.
pub(crate) fn stand_in<'a>(anchors: impl Iterator<Item = &'a Anchor>) -> Result<Btf, BtfError> {
    let (mut functions, typedefs): (Vec<&Anchor>, Vec<&Anchor>) =
        anchors.partition(|it| it.kind == kind::FUNC);
    // Typedefs can only be read from bytes; functions are put behind them one by one, which is three times as fast
    // where their ids are high. A function in between goes with the bytes.
    let last = typedefs.iter().map(|it| it.id).max().unwrap_or(0);
    let early = functions.iter().copied().filter(|it| it.id < last);
    let mut btf = Btf::parse(&bytes(last, typedefs.iter().copied().chain(early)), Endianness::Little)?;
    functions.retain(|it| it.id > last);
    functions.sort_by_key(|it| it.id);
    let mut next = last + 1;
    for anchor in functions {
        while next < anchor.id {
            next = 1 + btf.add_type(BtfType::Unknown);
        }
        if next == anchor.id {
            let name = btf.add_string(&anchor.name);
            next = 1 + btf.add_type(BtfType::Func(Func::new(name, 0, FuncLinkage::Static)));
        }
    }
    Ok(btf)
}

/// BTF of `count` types, all of them placeholders but the anchors.
fn bytes<'a>(count: u32, anchors: impl Iterator<Item = &'a Anchor>) -> Vec<u8> {
    let mut types = Vec::with_capacity(count as usize * TYPE);
    let placeholder = [0, kind::FWD << 24, 0];
    for _ in 0..count {
        types.extend(placeholder.map(u32::to_le_bytes).as_flattened());
    }
    let mut names = vec![0];
    for anchor in anchors {
        let at = (anchor.id as usize - 1) * TYPE;
        if let Some(place) = types.get_mut(at..at + 8) {
            place[..4].copy_from_slice(&len(&names).to_le_bytes());
            place[4..].copy_from_slice(&(anchor.kind << 24).to_le_bytes());
            names.extend(anchor.name.as_bytes());
            names.push(0);
        }
    }
    let mut btf = Vec::with_capacity(24 + types.len() + names.len());
    btf.extend(MAGIC.to_le_bytes());
    btf.extend([1, 0]);
    btf.extend([24, 0, len(&types), len(&types), len(&names)].map(u32::to_le_bytes).as_flattened());
    btf.append(&mut types);
    btf.append(&mut names);
    btf
}

fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use aya_obj::btf::BtfKind;

    use super::*;

    #[test]
    fn every_anchor_has_its_id() {
        let anchor = |id, name: &str, kind| Anchor { id, name: name.into(), kind };
        let anchors = [
            anchor(3, "early", kind::FUNC),
            anchor(7, "btf_trace_a", kind::TYPEDEF),
            anchor(2, "btf_trace_b", kind::TYPEDEF),
            anchor(40, "late", kind::FUNC),
            anchor(12, "bpf_iter_task", kind::FUNC),
        ];
        for some in [&anchors[..], &anchors[1..3], &anchors[3..]] {
            let btf = stand_in(some.iter()).unwrap();
            for it in some {
                let kind = if it.kind == kind::FUNC { BtfKind::Func } else { BtfKind::Typedef };
                assert_eq!(btf.id_by_type_name_kind(&it.name, kind).unwrap(), it.id, "{}", it.name);
            }
        }
    }
}
