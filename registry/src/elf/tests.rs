//! Reading objects: one that clang made, and ones made to trip a reader.

use object::write::{Object as Writer, Relocation, StandardSection, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope,
};

use super::*;

const C_OBJECT: &[u8] = include_bytes!("../../tests/fixtures/counter.bpf.o");
const EXIT: [u8; 8] = [0x95, 0, 0, 0, 0, 0, 0, 0];

/// An object with one program `name` in `section`, whose symbol claims `size` bytes at `address`.
fn object(section: &str, code: &[u8], address: u64, size: u64) -> Vec<u8> {
    let mut object = Writer::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let id = object.add_section(Vec::new(), section.into(), SectionKind::Text);
    object.append_section_data(id, code, 8);
    object.add_symbol(symbol("prog", SymbolSection::Section(id), address, size));
    object.write().unwrap()
}

fn symbol(name: &str, section: SymbolSection, value: u64, size: u64) -> Symbol {
    Symbol {
        name: name.into(),
        value,
        size,
        kind: SymbolKind::Text,
        scope: SymbolScope::Linkage,
        weak: false,
        section,
        flags: SymbolFlags::None,
    }
}

#[test]
fn an_object_of_clang_is_read_whole() {
    let object = KernelObject::parse(C_OBJECT).unwrap();
    let programs: Vec<_> = object
        .programs
        .iter()
        .map(|it| (it.name.as_str(), it.kind.name(), it.target.as_deref(), it.helper_names().join(" ")))
        .collect();
    let expected = [
        ("on_call", "uprobe", None, "bpf_probe_write_user".to_owned()),
        (
            "on_enter",
            "raw_tracepoint",
            Some("sys_enter"),
            "bpf_map_update_elem bpf_get_current_pid_tgid".to_owned(),
        ),
        (
            "on_open",
            "tracepoint",
            Some("syscalls/sys_enter_openat"),
            "bpf_get_current_pid_tgid bpf_ringbuf_output".to_owned(),
        ),
    ];
    assert_eq!(programs, expected);
    let map = |name: &str, map_type, key_size, value_size, max_entries| Map {
        name: name.into(),
        map_type,
        key_size,
        value_size,
        max_entries,
    };
    assert_eq!(object.maps, [map("gadget_events", 27, 0, 0, 4096), map("seen", 1, 8, 32, 64)]);
    assert_eq!(Vec::from_iter(&object.helpers), [&2, &14, &36, &130]);
    assert!(object.btf && object.kernel_functions.is_empty());
    assert_eq!(object.license.as_deref(), Some("GPL"));
}

#[test]
fn globals_are_patched_in_place() {
    let object = KernelObject::parse(C_OBJECT).unwrap();
    let sizes: Vec<_> = object.rodata.iter().map(|(name, global)| (name.as_str(), global.size)).collect();
    assert_eq!(sizes, [("filter__comm", 16), ("filter__pid", 4)]);

    let mut copy = C_OBJECT.to_vec();
    object.patch_rodata(&mut copy, "filter__pid", &0x0403_0201_u32.to_le_bytes()).unwrap();
    let changed: Vec<_> = (0..copy.len()).filter(|at| copy[*at] != C_OBJECT[*at]).collect();
    let start = object.rodata["filter__pid"].offset;
    assert_eq!(changed, Vec::from_iter(start..start + 4));
    assert_eq!(KernelObject::parse(&copy).unwrap(), object);

    let wrong = object.patch_rodata(&mut copy, "filter__pid", &[1]).unwrap_err().to_string();
    assert_eq!(wrong, "global `filter__pid` has 4 bytes; 1 were given");
    let absent = object.patch_rodata(&mut copy, "absent", &[1]).unwrap_err().to_string();
    assert!(absent.contains("`absent`; it has: filter__comm, filter__pid"), "{absent}");
    assert!(object.patch_rodata(&mut copy[..100], "filter__pid", &[0; 4]).is_err());
}

#[test]
fn what_would_trip_a_loader_is_refused() {
    let code = [EXIT, EXIT].concat();
    let cases: [(&str, &[u8], u64, u64, &str); 6] = [
        ("tc", &code, 0, 16, "section `tc` holds code"),
        ("iter/task", &code, 0, 24, "points outside"),
        ("iter/task", &code, 24, 8, "points outside"),
        ("iter/task", &code, u64::MAX, 8, "points outside"),
        ("iter/task", &code, 4, 8, "no whole number"),
        (".text", &code, 0, u64::MAX, "points outside"),
    ];
    for (section, code, address, size, expected) in cases {
        let error = KernelObject::parse(&object(section, code, address, size)).unwrap_err().to_string();
        assert!(error.contains(expected), "{section} {address} {size}: {error}");
    }
    let error = KernelObject::parse(&vec![0; MAX_OBJECT + 1]).unwrap_err();
    assert!(matches!(error, ElfError::TooMany { what: "bytes", .. }));
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let own = &own[..own.len().min(MAX_OBJECT)];
    assert!(KernelObject::parse(own).is_err(), "a program for this machine");
}

#[test]
fn calls_that_no_symbol_covers_and_calls_of_the_kernel_are_counted() {
    // Only the second instruction belongs to the program; the loader may still be led to the first.
    let hidden = [[0x85, 0, 0, 0, 36, 0, 0, 0], EXIT, [0x85, 0x20, 0, 0, 7, 0, 0, 0]].concat();
    let read = KernelObject::parse(&object("iter/task", &hidden, 8, 8)).unwrap();
    assert!(read.programs[0].helpers.is_empty());
    assert_eq!(read.helper_names(), ["bpf_probe_write_user"]);
    assert_eq!(Vec::from_iter(&read.kernel_functions), ["#7"]);

    let mut open = Writer::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let text = open.section_id(StandardSection::Text);
    open.append_section_data(text, &EXIT, 8);
    let kernel = open.add_symbol(symbol("bpf_task_release", SymbolSection::Undefined, 0, 0));
    open.add_relocation(
        text,
        Relocation {
            offset: 0,
            symbol: kernel,
            addend: 0,
            flags: RelocationFlags::Elf { r_type: object::elf::R_BPF_64_32 },
        },
    )
    .unwrap();
    let read = KernelObject::parse(&open.write().unwrap()).unwrap();
    assert_eq!(Vec::from_iter(&read.kernel_functions), ["bpf_task_release"]);
}

#[test]
fn no_bytes_make_it_panic() {
    // A small generator of our own, so that a failure comes again.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap()
    };
    let mut survived = 0;
    for _ in 0..20_000 {
        let mut bytes = C_OBJECT.to_vec();
        for _ in 0..1 + random() % 8 {
            let at = random() % bytes.len();
            bytes[at] = [0, 1, 0x7f, 0x80, 0xff, u8::try_from(random() % 256).unwrap()][random() % 6];
        }
        if random() % 4 == 0 {
            bytes.truncate(random() % bytes.len());
        }
        if let Ok(object) = KernelObject::parse(&bytes) {
            survived += 1;
            for (name, global) in &object.rodata {
                object.patch_rodata(&mut bytes, name, &vec![1; global.size]).unwrap();
            }
        }
    }
    assert!(survived > 1_000, "the mutations should not all fail at the first check: {survived}");
}
