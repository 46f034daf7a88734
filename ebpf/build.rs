//! Tells which architecture's kernel the object is for: where a call's arguments lie depends on it.
//! `--cfg bpf_target_arch="aarch64"` (or `AYA_BPF_TARGET_ARCH`) builds for another one than this machine's.

fn main() -> aya_build::Result<()> {
    aya_build::emit_bpf_target_arch_cfg()
}
