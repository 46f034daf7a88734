//! The contexts for which aya's types serve as they are.
#![expect(unsafe_code, reason = "as the trait")]

use core::ffi::c_void;

use aya_ebpf::programs::{
    FEntryContext, FExitContext, LsmContext, PerfEventContext, ProbeContext, RetProbeContext, SkBuffContext,
    SockOpsContext, TcContext, XdpContext,
};

use crate::program::Context;

macro_rules! foreign {
    ($($context:ident: $($section:literal),+;)*) => { $(
        impl Context for $context {
            const SECTIONS: &'static [&'static str] = &[$($section),+];

            #[inline(always)]
            unsafe fn from_raw(raw: *mut c_void) -> Self {
                Self::new(raw.cast())
            }
        }
    )* };
}

foreign! {
    FEntryContext: "fentry", "fentry.s";
    FExitContext: "fexit", "fexit.s";
    LsmContext: "lsm", "lsm.s";
    PerfEventContext: "perf_event";
    ProbeContext: "kprobe";
    RetProbeContext: "kretprobe";
    SkBuffContext: "cgroup_skb", "socket";
    SockOpsContext: "sockops";
    TcContext: "classifier";
    XdpContext: "xdp", "xdp.frags";
}
