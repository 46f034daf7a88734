//! Objects of all kinds, good and bad: C with CO-RE, iterators, alternatives, what the verifier refuses, garbage.

mod common;

use std::ops::ControlFlow;
use std::process::Command;
use std::time::Duration;

use common::{
    KERNEL, compile, drain, fail_to_open, gone_within, hook, ids, of_this_thread, own_mntns, settings, u32_at,
};
use gadgetry_kernel::{AttachError, Kernel, KernelTypes, Refusal};

#[test]
fn a_c_object_with_relocations_is_loaded() {
    let prepared = KERNEL.prepare(&compile("core", &[]), &[hook("exec", &["exec"])]).unwrap();
    let mut settings = settings();
    settings.filter.comm = Some("true".into());
    let mut attached = KERNEL.attach(&prepared, &settings).unwrap();
    let mut child = Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    let mut reader = attached.take_reader().unwrap();
    reader.wait(Duration::from_secs(5)).unwrap();
    let events = drain(&mut reader);
    let event = events.iter().find(|it| u32_at(it, 20) == child.id()).expect("the child's exec");
    assert_eq!(u32_at(event, 16), own_mntns());
    // The fixture puts `task->tgid`, read directly, where the parent's id is.
    assert_eq!(u32_at(event, 36), child.id());
}

#[test]
fn a_map_that_no_program_uses_takes_no_room() {
    let prepared = KERNEL.prepare(&compile("unused", &[]), &[hook("openat", &["openat"])]).unwrap();
    let _attached = KERNEL.attach(&prepared, &settings()).unwrap();
    let of = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(entry.ok()?.path()).ok();
    let all: Vec<String> = std::fs::read_dir("/proc/self/fdinfo").unwrap().filter_map(of).collect();
    let has = |entries: &str| {
        all.iter().flat_map(|it| it.lines()).any(|it| it == format!("max_entries:\t{entries}"))
    };
    assert!(has("5001") && !has("6001"), "{all:?}");
}

#[test]
fn an_iterator_sees_every_process() {
    let prepared = KERNEL.prepare(&compile("core", &[]), &[hook("tasks", &["tasks"])]).unwrap();
    let mut attached = KERNEL.attach(&prepared, &settings()).unwrap();
    let programs = ids(&attached);
    let mut child = Command::new("sleep").arg("30").spawn().unwrap();
    let (mut pids, mut own) = (Vec::new(), None);
    let count = attached.read_iterators(|record| {
        pids.push(u32_at(record, 20));
        if u32_at(record, 20) == std::process::id() {
            own = Some(record[40..56].to_vec());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(count.unwrap(), pids.len());
    assert!(pids.contains(&child.id()), "{} in {pids:?}", child.id());
    assert!(own.is_some(), "{} in {pids:?}", std::process::id());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(attached.read_iterators(|_| panic!("records are seen once")).unwrap() == 0);
    drop(attached);
    assert!(gone_within(&programs, Duration::from_millis(100)));
}

#[test]
fn the_kernels_types_are_read_when_asked_for_and_serve_several() {
    let types = KernelTypes::default();
    let read = || format!("{types:?}").contains("read: true");
    assert!(!read(), "nothing asks for them yet");
    for (object, program) in [("core", "tasks"), ("open", "openat")] {
        let prepared =
            KERNEL.prepare_with(&types, &compile(object, &[]), &[hook("hook", &[program])]).unwrap();
        assert!(read(), "{object} asks for them");
        KERNEL.attach(&prepared, &settings()).unwrap();
    }
}

#[test]
fn reading_an_iterator_can_be_broken_off() {
    let prepared = KERNEL.prepare(&compile("core", &[]), &[hook("tasks", &["tasks"])]).unwrap();
    let mut attached = KERNEL.attach(&prepared, &settings()).unwrap();
    assert_eq!(attached.read_iterators(|_| ControlFlow::Break(())).unwrap(), 1);
}

#[test]
fn the_first_alternative_that_the_kernel_takes_is_used() {
    let prefer = [
        "by_fentry",
        "by_fexit",
        "by_lsm",
        "by_kprobe",
        "by_kretprobe",
        "by_misspelt",
        "by_misspelt_btf",
        "by_misspelt_raw",
        "by_tracepoint",
    ];
    let prepared = KERNEL.prepare(&compile("alternatives", &[]), &[hook("open", &prefer)]).unwrap();
    let mut attached = KERNEL.attach(&prepared, &of_this_thread()).unwrap();
    let [program] = attached.programs() else { panic!("{:?}", attached.programs()) };
    for refused in &program.refused {
        println!("{refused}");
    }
    // Which of the first five are taken depends on the kernel; the order does not, nor do the misspelt ones.
    assert_eq!(program.program, prefer[program.refused.len()]);
    let program = program.program.clone();
    if program == "by_tracepoint" {
        fail_to_open(2);
        assert_eq!(drain(&mut attached.take_reader().unwrap()).len(), 2);
    }
    let prepared = KERNEL.prepare(&compile("alternatives", &[]), &[hook("open", &prefer[5..8])]).unwrap();
    let error = KERNEL.attach(&prepared, &settings()).err().unwrap().to_string();
    for expected in [
        "hook `open` can't be attached: `by_misspelt` (tracepoint syscalls/sys_enter_opennat)",
        "has no tracepoint `syscalls/sys_enter_opennat`; the nearest is `syscalls/sys_enter_openat`",
        "has no tracepoint `sched_process_exek`; the nearest is `sched_process_exec`",
        "has no raw tracepoint `sys_entry`",
    ] {
        assert!(error.contains(expected), "{expected:?} in {error}");
    }
}

#[test]
fn a_kernel_that_forbids_a_kind_of_program_is_told_from_a_missing_capability() {
    let prepared = KERNEL.prepare(&compile("alternatives", &[]), &[hook("open", &["by_fentry"])]).unwrap();
    match KERNEL.attach(&prepared, &settings()) {
        // A kernel that can patch its code.
        Ok(attached) => assert_eq!(attached.programs()[0].target, "vfs_open"),
        Err(AttachError::Hook { refused, .. }) => {
            assert!(matches!(refused[0].reason, Refusal::Forbidden { .. }), "{}", refused[0]);
            let said = refused[0].to_string();
            assert!(
                said.contains("this kernel forbids fentry programs (EPERM with an empty verifier log"),
                "{said}"
            );
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn optional_hooks_may_be_missing_but_not_all_of_them() {
    let object = compile("alternatives", &[]);
    let mut missing = hook("misspelt", &["by_misspelt"]);
    missing.optional = true;
    let prepared = KERNEL.prepare(&object, &[missing.clone(), hook("open", &["by_tracepoint"])]).unwrap();
    let attached = KERNEL.attach(&prepared, &settings()).unwrap();
    assert_eq!((attached.programs().len(), attached.missing().len()), (1, 1));
    assert_eq!(attached.missing()[0].hook, "misspelt");
    let prepared = KERNEL.prepare(&object, &[missing]).unwrap();
    let error = KERNEL.attach(&prepared, &settings()).err().unwrap();
    assert!(matches!(&error, AttachError::Nothing { missing } if missing.len() == 1), "{error}");
}

#[test]
fn the_verifier_is_quoted() {
    let prepared = KERNEL.prepare(&compile("rejected", &[]), &[hook("open", &["wild"])]).unwrap();
    let error = KERNEL.attach(&prepared, &settings()).err().unwrap();
    let AttachError::Hook { hook, refused } = &error else { panic!("{error}") };
    let Refusal::Verifier { errno, reason, log } = &refused[0].reason else { panic!("{error}") };
    assert_eq!((hook.as_str(), refused[0].program.as_str()), ("open", "wild"));
    assert!(errno.starts_with("EACCES"), "{errno}");
    assert!(reason.contains("invalid mem access 'scalar'"), "{reason}");
    assert!((2..=20).contains(&log.lines().count()), "{log}");
    // The host goes on.
    let prepared = KERNEL.prepare(&compile("open", &[]), &[self::hook("open", &["openat"])]).unwrap();
    KERNEL.attach(&prepared, &settings()).unwrap();
}

#[test]
fn kernel_fields_are_resolved_or_named() {
    let hooks = [hook("once", &["once"])];
    let prepared = KERNEL.prepare(&compile("fields", &[]), &hooks).unwrap();
    let mut attached = KERNEL.attach(&prepared, &settings()).unwrap();
    let mut fields = Vec::new();
    let read = attached.read_iterators(|record| {
        fields = (0..5).map(|i| u32_at(record, 4 * i)).collect();
        ControlFlow::Continue(())
    });
    assert_eq!(read.unwrap(), 1);
    assert!(fields[0] > 0);
    assert_eq!(fields[1..], [8, 0, u32::MAX, 16]);
    let error = KERNEL.prepare(&compile("fields", &["-DMISSING"]), &hooks).err().unwrap().to_string();
    let expected =
        format!("struct `task_struct` of kernel {} has no field `no_such_field`", KERNEL.release());
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn objects_that_break_the_contract_are_refused_when_they_are_prepared() {
    let alternatives = compile("alternatives", &[]);
    let fields = compile("fields", &[]);
    let no_ring = compile("open", &["-Dgadget_events=other_events"]);
    let cases: [(&[u8], &[&str], &str); 7] = [
        (
            &alternatives,
            &["by_uprobe"],
            "`uprobe`, which does not say what to attach to: `uprobe/<function>,...`",
        ),
        (
            &alternatives,
            &["nobody"],
            "hook `hook` names program `nobody`, which the eBPF object lacks; it has: by_",
        ),
        (&alternatives, &[], "hook `hook` names no program"),
        (&alternatives, &["by_path"], "`tracepoint/../events`, which does not say what to attach to"),
        (&no_ring, &["openat"], "map `gadget_events` is missing; expected a ring buffer"),
        (b"no ELF at all", &["x"], "the eBPF object can't be read"),
        (&fields[..fields.len() / 2], &["once"], "the eBPF object can't be read"),
    ];
    for (object, prefer, expected) in cases {
        let error = KERNEL.prepare(object, &[hook("hook", prefer)]).err().unwrap().to_string();
        assert!(error.contains(expected), "{expected:?} in {error}");
    }
}

#[test]
fn damaged_objects_end_in_errors() {
    let object = compile("core", &[]);
    let hooks = [hook("tasks", &["tasks"])];
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..60 {
        let mut damaged = object.clone();
        for _ in 0..1 + random(8) {
            let at = random(damaged.len());
            damaged[at] = random(256) as u8;
        }
        // Either is fine; a panic or a hang is not.
        if let Ok(prepared) = KERNEL.prepare(&damaged, &hooks) {
            let _ = KERNEL.attach(&prepared, &settings());
        }
    }
}

#[test]
fn a_process_without_capabilities_is_told_which() {
    const CHILD: &str = "GADGETRY_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        println!("said: {}", Kernel::new().err().map_or_else(String::new, |error| error.to_string()));
        return;
    }
    let own = std::env::current_exe().unwrap();
    for (drop, expected) in [
        ("-bpf,-perfmon,-sys_admin", "this process lacks CAP_BPF and CAP_PERFMON"),
        ("-perfmon,-sys_admin", "this process lacks CAP_PERFMON:"),
        ("-sys_admin", "said: \n"),
    ] {
        let output = Command::new("setpriv")
            .args(["--bounding-set", drop])
            .arg(&own)
            .args(["--exact", "a_process_without_capabilities_is_told_which", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .expect("setpriv is in util-linux");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(expected), "{drop}: {said}");
    }
}
