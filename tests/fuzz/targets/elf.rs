//! eBPF objects: whatever the bytes are, an answer and no panic.
#![no_main]

use gadget_registry::elf::KernelObject;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(object) = KernelObject::parse(bytes) {
        let mut copy = bytes.to_vec();
        for (name, global) in &object.rodata {
            let _ = object.patch_rodata(&mut copy, name, &vec![1; global.size]);
        }
        assert_eq!(copy.len(), bytes.len());
    }
});
