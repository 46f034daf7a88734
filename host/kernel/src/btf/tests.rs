use super::field::{self, FieldError};
use super::*;

/// Writes type information by hand.
#[derive(Default)]
struct Builder {
    types: Vec<u8>,
    names: Vec<u8>,
    count: u32,
}

impl Builder {
    fn name(&mut self, name: &str) -> u32 {
        if self.names.is_empty() {
            self.names.push(0);
        }
        if name.is_empty() {
            return 0;
        }
        let at = self.names.len() as u32;
        self.names.extend(name.as_bytes());
        self.names.push(0);
        at
    }

    fn ty(&mut self, name: &str, info: u32, size_or_type: u32, rest: &[u32]) -> u32 {
        let name = self.name(name);
        self.types.extend([name, info, size_or_type].map(u32::to_le_bytes).as_flattened());
        rest.iter().for_each(|word| self.types.extend(word.to_le_bytes()));
        self.count += 1;
        self.count
    }

    fn int(&mut self, size: u32) -> u32 {
        self.ty("int", kind::INT << 24, size, &[size * 8])
    }

    /// Members by name, type and offset in bits.
    fn composite(
        &mut self,
        name: &str,
        kind: u32,
        flag: bool,
        size: u32,
        members: &[(&str, u32, u32)],
    ) -> u32 {
        let rest: Vec<u32> =
            members.iter().flat_map(|(name, id, bits)| [self.name(name), *id, *bits]).collect();
        let info = (u32::from(flag) << 31) | (kind << 24) | members.len() as u32;
        self.ty(name, info, size, &rest)
    }

    fn build(self) -> Vec<u8> {
        let (types, names) = (self.types.len() as u32, self.names.len() as u32);
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        bytes.extend([24, 0, types, types, names].map(u32::to_le_bytes).as_flattened());
        bytes.extend(self.types);
        bytes.extend(self.names);
        bytes
    }
}

fn sample() -> Btf {
    let mut it = Builder::default();
    let int = it.int(4);
    let ns = it.composite("ns_common", kind::STRUCT, false, 16, &[("stashed", int, 0), ("inum", int, 64)]);
    let ns_t = it.ty("ns_t", kind::TYPEDEF << 24, ns, &[]);
    let ns_const = it.ty("", kind::CONST << 24, ns_t, &[]);
    let pointer = it.ty("", 2 << 24, ns, &[]);
    let deep = it.composite("", kind::UNION, false, 8, &[("x", int, 0), ("y", int, 32)]);
    let anonymous = it.composite("", kind::STRUCT, false, 16, &[("a", int, 0), ("", deep, 64)]);
    it.composite(
        "outer",
        kind::STRUCT,
        true,
        64,
        &[
            ("__state", int, 0),
            ("ns", ns_const, 64),
            ("", anonymous, 256),
            ("flags", int, (3 << 24) | 384),
            ("p", pointer, 448),
            ("long__name", ns, 0),
        ],
    );
    it.composite("twice", kind::STRUCT, false, 8, &[("same", int, 0), ("moved", int, 0)]);
    it.composite("twice", kind::STRUCT, false, 16, &[("same", int, 0), ("moved", int, 64)]);
    it.composite("__odd", kind::UNION, false, 24, &[("v", int, 32)]);
    let unnamed = it.composite("", kind::STRUCT, false, 32, &[("in_typedef", int, 96)]);
    it.ty("only_typedef", kind::TYPEDEF << 24, unnamed, &[]);
    Btf::index(it.build()).unwrap()
}

#[test]
fn fields_are_found_by_the_names_of_globals() {
    let btf = sample();
    let cases: [(&str, Result<u32, &str>); 17] = [
        ("outer____state", Ok(0)),
        ("outer__ns", Ok(8)),
        ("outer__ns__inum", Ok(16)),
        ("outer__a", Ok(32)),
        ("outer__y", Ok(44)),
        ("outer__p", Ok(56)),
        ("outer__long__name__inum", Ok(8)),
        ("twice__same", Ok(0)),
        ("__odd__v", Ok(4)),
        ("ns_t__inum", Ok(8)),
        ("only_typedef__in_typedef", Ok(12)),
        ("outer__flags", Err("`flags` of struct `outer` is a bit field in kernel 6.1")),
        ("outer__p__inum", Err("`p` of struct `outer` is no struct in kernel 6.1, so it has no `inum`")),
        ("outer__gone__deeper", Err("struct `outer` of kernel 6.1 has no field `gone.deeper`")),
        ("outer__ns____gone", Err("struct `outer` of kernel 6.1 has no field `ns.__gone`")),
        ("nowhere__x", Err("kernel 6.1 has no struct or union `nowhere`")),
        ("twice__moved", Err("several structs `twice`, with `moved` in different places")),
    ];
    for (path, expected) in cases {
        match (field::offset(&btf, path, "6.1"), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{path}"),
            (Err(found), Err(expected)) => assert!(found.to_string().contains(expected), "{path}: {found}"),
            (found, expected) => panic!("{path}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn sizes_are_found() {
    let btf = sample();
    assert_eq!(field::size(&btf, "outer", "6.1"), Ok(64));
    assert_eq!(field::size(&btf, "only_typedef", "6.1"), Ok(32));
    assert!(matches!(field::size(&btf, "twice", "6.1"), Err(FieldError::Ambiguous { .. })));
    assert!(field::size(&btf, "nowhere", "6.1").unwrap_err().is_absent());
}

#[test]
fn damaged_type_information_is_an_error_or_harmless() {
    let mut it = Builder::default();
    let int = it.int(4);
    it.composite("outer", kind::STRUCT, true, 64, &[("a", int, 0), ("", 2, 0)]);
    let whole = it.build();
    for len in 0..whole.len() {
        // Cut short, and with each byte turned over: whatever still indexes must not panic.
        let cut = Btf::index(whole[..len].to_vec());
        assert!(cut.is_err(), "{len} of {} bytes", whole.len());
        let mut turned = whole.clone();
        turned[len] ^= 0xff;
        if let Ok(btf) = Btf::index(turned) {
            let _ = field::offset(&btf, "outer__a", "6.1");
            let _ = field::offset(&btf, "outer__missing", "6.1");
        }
    }
}

#[test]
fn the_running_kernel_is_understood() {
    let btf = Btf::of_kernel().unwrap();
    let offset = |path| field::offset(&btf, path, "this").unwrap();
    assert_eq!(field::size(&btf, "list_head", "this"), Ok(16));
    assert_eq!(offset("list_head__prev"), 8);
    assert!(offset("task_struct__real_parent") > 0);
    assert!(offset("task_struct____state") > 0);
    assert_eq!(offset("mnt_namespace__ns__inum"), offset("mnt_namespace__ns") + offset("ns_common__inum"));
    // Inside of an anonymous member.
    assert!(offset("task_struct__tgid") == offset("task_struct__pid") + 4);
    assert!(btf.named(kind::FUNC, "bpf_iter_task").next().is_some());
    assert!(btf.named(kind::TYPEDEF, "btf_trace_sched_process_exec").next().is_some());
}
