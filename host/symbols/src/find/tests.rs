use super::*;

fn c(name: &str) -> Function {
    Function { name: name.to_owned(), language: Language::C }
}

fn go(name: &str) -> Function {
    Function { name: name.to_owned(), language: Language::Go }
}

/// The C library that this test runs with.
fn libc() -> Vec<u8> {
    let own = crate::maps::of_process(std::process::id());
    let libc = own.iter().find(|it| it.name.contains("libc.so")).expect("tests are linked dynamically");
    std::fs::read(&libc.name).unwrap()
}

#[test]
fn functions_are_found_by_their_symbols() {
    // `read` is also the end of other names, and `no_such` is in no program.
    let found = functions(&*libc(), &[c("no_such_function"), c("read"), c("malloc"), go("malloc")]).unwrap();
    let places: Vec<_> = found.places.iter().map(|it| it.function).collect();
    assert_eq!((places, found.refused.len()), (vec![1, 2], 0));
    assert!(found.places.iter().all(|it| it.entry > 64 && it.returns.is_empty()));

    // Of a program that exports nothing, in its full table.
    let own = std::fs::read("/proc/self/exe").unwrap();
    let found = functions(&*own, &[c("main")]).unwrap();
    assert_eq!(found.places.len(), 1, "{found:?}");
}

#[test]
fn what_is_no_program_is_told_apart() {
    let wanted = [c("main"), go("main.main")];
    let of = |bytes: &[u8]| functions(bytes, &wanted).unwrap_err();
    assert_eq!(of(b""), Unread::NoProgram);
    assert_eq!(of(b"#!/bin/sh\n"), Unread::NoProgram);
    assert_eq!(of(b"\x7fELF\x01\x01\x01\0\0\0\0\0"), Unread::Foreign);
    assert_eq!(of(b"\x7fELF\x02\x01\x01\0\0\0\0\0"), Unread::Damaged);
    let mut other = libc();
    other[18] = 247;
    assert_eq!(of(&other), Unread::Foreign);
}

#[test]
fn damaged_programs_are_no_danger() {
    let program = libc();
    let wanted = [c("malloc"), c("read"), go("main.main")];
    for step in [1, 3, 7, 11] {
        let mut damaged = program.clone();
        damaged.iter_mut().skip(24).step_by(step * 5).for_each(|byte| *byte ^= 0x5a);
        let _ = functions(&*damaged, &wanted);
        let _ = functions(&program[..program.len() / (step + 1)], &wanted);
    }
}

/// A table of Go's with the functions `a.b` and `b`, the second from 16 to 64.
fn table() -> Vec<u8> {
    let (names, functions) = (72_u64, 72 + 8);
    let mut bytes = vec![0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];
    for word in [2, 0, 0x40_1000, names, functions, functions, functions, functions] {
        bytes.extend(u64::to_le_bytes(word));
    }
    bytes.extend(b"a.b\0b\0\0\0");
    for word in [0_u32, 20, 16, 28, 64, 0, 0, 16, 4] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

#[test]
fn gos_table_is_read() {
    let bytes = table();
    let read = pclntab::Table::parse(&bytes).unwrap();
    assert_eq!((read.find("a.b"), read.find("b"), read.find("c")), (Some(0..16), Some(16..64), None));
    assert_eq!(read.text_starts(Some(7)), [0x40_1000, 7]);
    let mut old = bytes.clone();
    old[0] = 0xfa;
    assert_eq!(pclntab::Table::parse(&old).unwrap_err(), pclntab::Unusable::Old);
    for len in 0..bytes.len() {
        if let Ok(cut) = pclntab::Table::parse(&bytes[..len]) {
            let _ = cut.find("b");
        }
    }
    for at in 8..72 {
        let mut damaged = bytes.clone();
        damaged[at] = 0xff;
        if let Ok(damaged) = pclntab::Table::parse(&damaged) {
            let _ = damaged.find("b");
        }
    }
}
