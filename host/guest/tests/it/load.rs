//! What is refused before it runs.

use gadgetry_guest::{CompileError, Config, Runtime};

use crate::component::{BATCH_PROCESS, FINISH, START, Source, TICK};

fn refused(wasm: &[u8]) -> CompileError {
    let runtime = Runtime::new(Config { slots: 1, ..Config::default() }).unwrap();
    runtime.component(wasm).err().expect("it should have been refused")
}

#[test]
fn bytes_that_are_no_component() {
    for wasm in
        [&b""[..], b"\0asm", b"hello", &wat::parse_str("(module)").unwrap(), &Source::new().wasm()[..500]]
    {
        let error = refused(wasm);
        assert!(matches!(error, CompileError::Invalid { .. }), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let runtime = Runtime::new(Config { max_component: 100, ..Config::default() }).unwrap();
    let error = runtime.component(&[0; 101]).err().unwrap();
    assert!(matches!(error, CompileError::TooLarge { found: 101, most: 100 }), "{error}");
}

#[test]
fn imports_that_are_not_offered() {
    let source = Source {
        import: r#"(import "wasi:cli/environment@0.2.0" (instance (export "get" (func))))
            (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func))))
            (import "gadgetry:gadget/history@0.1.0" (instance (export "get" (func))))"#,
        ..Source::new()
    };
    let error = refused(&source.wasm()).to_string();
    assert!(error.contains("wasi:cli/environment@0.2.0, wasi:clocks/wall-clock@0.2.0, gadgetry:gadget/history@0.1.0, which this host does not offer"), "{error}");
    // A function that `log` does not have.
    let source = Source {
        import: r#"(import "gadgetry:gadget/log@0.1.9" (instance (export "shout" (func))))"#,
        ..Source::new()
    };
    let error = refused(&source.wasm());
    assert!(matches!(error, CompileError::Invalid { .. }), "{error}");
}

#[test]
fn imports_are_listed() {
    let runtime = Runtime::new(Config::default()).unwrap();
    assert_eq!(runtime.component(&Source::new().wasm()).unwrap().imports(), ["log"]);
}

#[test]
fn versions_of_the_contract() {
    for (version, accepted) in [
        ("0.1.0", true),
        ("0.1.7", true),
        ("0.2.0", false),
        ("1.0.0", false),
        ("0.1.0-rc1", false),
        ("0.10.0", false),
    ] {
        let wasm = Source { version, ..Source::new() }.wasm();
        let runtime = Runtime::new(Config { slots: 1, ..Config::default() }).unwrap();
        match runtime.component(&wasm) {
            Ok(_) => assert!(accepted, "{version}"),
            Err(error) => {
                assert!(!accepted, "{version}: {error}");
                let wanted = format!("uses gadgetry:gadget/stream@{version}; this host speaks version 0.1.x");
                assert!(error.to_string().contains(&wanted), "{error}");
            }
        }
    }
}

#[test]
fn exports_that_are_no_gadgets() {
    let source = Source::new();
    let lacks = format!(
        r#"{START} {BATCH_PROCESS} {FINISH}
        (instance $stream (export "start" (func $start)) (export "process" (func $process)) (export "finish" (func $finish)))
        (export "gadgetry:gadget/stream@0.1.0" (instance $stream))"#
    );
    let differs = format!(
        r#"{START} {BATCH_PROCESS} {TICK} {FINISH}
        (instance $stream (export "start" (func $process)) (export "process" (func $process))
            (export "tick" (func $tick)) (export "finish" (func $finish)))
        (export "gadgetry:gadget/stream@0.1.0" (instance $stream))"#
    );
    let both = format!(
        r#"{START} {BATCH_PROCESS} {TICK} {FINISH}
        (instance $all (export "start" (func $start)) (export "process" (func $process)) (export "collect" (func $process))
            (export "tick" (func $tick)) (export "finish" (func $finish)))
        (export "gadgetry:gadget/stream@0.1.0" (instance $all))
        (export "gadgetry:gadget/snapshot@0.1.0" (instance $all))"#
    );
    for (exports, wanted) in [
        ("", "exactly one of the interfaces stream, snapshot and tool is wanted, none of them found"),
        (&both, "stream and snapshot found"),
        (&lacks, "gadgetry:gadget/stream@0.1.0 lacks the function `tick`"),
        (&differs, "gadgetry:gadget/stream@0.1.0 has `start` with another type"),
    ] {
        let error = refused(&source.component(exports)).to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn a_memory_larger_than_the_cap() {
    let error = refused(&Source { pages: 2000, ..Source::new() }.wasm());
    assert!(matches!(error, CompileError::Invalid { .. }), "{error}");
    assert!(error.to_string().contains("memory"), "{error}");
}
