//! Whether a gadget may use what it uses.
//!
//! Two parties speak: the gadget states in its descriptor what it needs, and the operator grants, by a rule of the
//! policy, what is dangerous. What its code really does is read from the eBPF object and the component. Something
//! used but not stated is refused, because a person who read the descriptor was misled; something dangerous is
//! refused unless it is granted too. The kernel's verifier keeps programs from harming the kernel; this keeps them
//! from harming other programs.

use std::fmt;

use crate::component::Interfaces;
use crate::descriptor::Descriptor;
use crate::elf::{KernelObject, helper_name};
use crate::policy::Grants;

/// Helpers that change what other programs, or the network, see.
#[rustfmt::skip]
pub const DANGEROUS_HELPERS: &[&str] = &[
    // Memory, results and signals of other programs.
    "bpf_probe_write_user", "bpf_override_return", "bpf_send_signal", "bpf_send_signal_thread",
    "bpf_sysctl_set_new_value", "bpf_bprm_opts_set", "bpf_sys_bpf", "bpf_sys_close",
    // Packets: content, size, way.
    "bpf_skb_store_bytes", "bpf_l3_csum_replace", "bpf_l4_csum_replace", "bpf_csum_update", "bpf_skb_ecn_set_ce",
    "bpf_skb_vlan_push", "bpf_skb_vlan_pop", "bpf_skb_set_tunnel_key", "bpf_skb_set_tunnel_opt",
    "bpf_skb_change_proto", "bpf_skb_change_type", "bpf_skb_change_tail", "bpf_skb_change_head",
    "bpf_skb_adjust_room", "bpf_skb_set_tstamp", "bpf_clone_redirect", "bpf_redirect", "bpf_redirect_map",
    "bpf_redirect_neigh", "bpf_redirect_peer", "bpf_xdp_adjust_head", "bpf_xdp_adjust_meta", "bpf_xdp_adjust_tail",
    "bpf_xdp_store_bytes", "bpf_lwt_push_encap", "bpf_lwt_seg6_store_bytes", "bpf_lwt_seg6_adjust_srh",
    "bpf_lwt_seg6_action",
    // Sockets: where they go, what they carry, how they are set.
    "bpf_setsockopt", "bpf_bind", "bpf_sk_assign", "bpf_store_hdr_opt", "bpf_reserve_hdr_opt", "bpf_tcp_send_ack",
    "bpf_sk_redirect_map", "bpf_sk_redirect_hash", "bpf_msg_redirect_map", "bpf_msg_redirect_hash",
    "bpf_msg_push_data", "bpf_msg_pop_data", "bpf_sock_map_update", "bpf_sock_hash_update",
    "bpf_sk_select_reuseport", "bpf_rc_keydown", "bpf_rc_repeat", "bpf_rc_pointer_rel",
];

/// Interfaces that give a component nothing it could do harm with; they need no grant. `symbols` tells names of functions,
/// nothing of what a process holds.
pub const HARMLESS_IMPORTS: &[&str] = &["log", "symbols"];

/// Interfaces that hold only types; they need not even be stated.
const TYPES_ONLY: &[&str] = &["types"];

/// Something a gadget uses and may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is: ``the helper `bpf_probe_write_user` ``.
    pub what: String,
    /// Why it may not.
    pub reason: Reason,
}

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The descriptor's permissions do not name it: the gadget's author must.
    NotStated,
    /// It is stated, but it is dangerous and no rule of the policy grants it: the operator must.
    NotGranted,
    /// No permission allows it.
    Never,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, reason } = self;
        match reason {
            Reason::NotStated => write!(f, "uses {what}, which its permissions do not name"),
            Reason::NotGranted => write!(f, "uses {what}, which no rule of the policy grants it"),
            Reason::Never => write!(f, "uses {what}, which no permission allows"),
        }
    }
}

/// All that `descriptor`, with this code, uses and may not. Empty: it may be loaded.
pub fn check(
    descriptor: &Descriptor,
    object: Option<&KernelObject>,
    component: &Interfaces,
    grants: &Grants,
) -> Vec<Refused> {
    let mut refused = Vec::new();
    if let Some(object) = object {
        programs(descriptor, object, &mut refused);
        helpers(descriptor, object, grants, &mut refused);
    }
    imports(descriptor, component, grants, &mut refused);
    refused
}

fn programs(descriptor: &Descriptor, object: &KernelObject, refused: &mut Vec<Refused>) {
    let stated = &descriptor.permissions.programs;
    for program in &object.programs {
        if !stated.iter().any(|kind| kind == program.kind.name()) {
            let what = format!("the program type `{}` (program `{}`)", program.kind, program.name);
            refused.push(Refused { what, reason: Reason::NotStated });
        }
    }
    for function in &object.kernel_functions {
        let what = format!("the kernel function `{function}`");
        refused.push(Refused { what, reason: Reason::Never });
    }
}

fn helpers(descriptor: &Descriptor, object: &KernelObject, grants: &Grants, refused: &mut Vec<Refused>) {
    for id in &object.helpers {
        let Some(name) = helper_name(*id) else {
            refused.push(Refused { what: format!("the unknown helper #{id}"), reason: Reason::Never });
            continue;
        };
        if !DANGEROUS_HELPERS.contains(&name) {
            continue;
        }
        let named = |list: &[String]| list.iter().any(|it| it == name);
        let reason = if !named(&descriptor.permissions.helpers) {
            Reason::NotStated
        } else if !named(&grants.helpers) {
            Reason::NotGranted
        } else {
            continue;
        };
        refused.push(Refused { what: format!("the helper `{name}`"), reason });
    }
}

fn imports(descriptor: &Descriptor, component: &Interfaces, grants: &Grants, refused: &mut Vec<Refused>) {
    for import in &component.imports {
        let what = format!("the interface `{import}`");
        let Some(name) = Interfaces::ours(import) else {
            refused.push(Refused { what, reason: Reason::Never });
            continue;
        };
        if TYPES_ONLY.contains(&name) {
            continue;
        }
        let named = |list: &[String]| list.iter().any(|it| it == name);
        if !named(&descriptor.permissions.imports) {
            refused.push(Refused { what, reason: Reason::NotStated });
        } else if !HARMLESS_IMPORTS.contains(&name) && !named(&grants.imports) {
            refused.push(Refused { what, reason: Reason::NotGranted });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::{Permissions, tests::stream};
    use crate::elf::helper_id;

    const OBJECT: &[u8] = include_bytes!("../tests/fixtures/counter.bpf.o");

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn component(imports: &[&str]) -> Interfaces {
        Interfaces { imports: names(imports), exports: Vec::new() }
    }

    #[test]
    fn the_lists_name_real_helpers() {
        for name in DANGEROUS_HELPERS {
            assert!(helper_id(name).is_some(), "{name}");
        }
    }

    #[test]
    fn dangerous_helpers_need_both_words() {
        let object = KernelObject::parse(OBJECT).unwrap();
        let mut descriptor = stream();
        let write = names(&["bpf_probe_write_user"]);
        let none = Grants::default();
        let granted = Grants { helpers: write.clone(), imports: Vec::new() };
        let programs = names(&["tracepoint", "raw_tracepoint", "uprobe"]);
        let cases = [
            (
                names(&["tracepoint", "uprobe"]),
                vec![],
                &granted,
                vec![
                    "uses the program type `raw_tracepoint` (program `on_enter`), which its permissions do not name",
                    "uses the helper `bpf_probe_write_user`, which its permissions do not name",
                ],
            ),
            (
                programs.clone(),
                write.clone(),
                &none,
                vec!["uses the helper `bpf_probe_write_user`, which no rule of the policy grants it"],
            ),
            (programs, write, &granted, vec![]),
        ];
        for (programs, helpers, grants, expected) in cases {
            descriptor.permissions = Permissions { programs, helpers, imports: Vec::new() };
            let found = check(&descriptor, Some(&object), &component(&[]), grants);
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn what_no_permission_names_is_never_allowed() {
        let mut object = KernelObject::parse(OBJECT).unwrap();
        object.helpers = [9999].into();
        object.kernel_functions = ["bpf_task_release".to_owned()].into();
        object.programs.clear();
        let found =
            check(&stream(), Some(&object), &component(&["wasi:io/streams@0.2.0"]), &Grants::default());
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|it| it.reason == Reason::Never), "{found:?}");
    }

    #[test]
    fn imports_are_stated_and_those_with_power_granted() {
        let ours = |name: &str| format!("gadgetry:gadget/{name}@0.1.0");
        let component = component(&[&ours("types"), &ours("log"), &ours("http")]);
        let mut descriptor = stream();
        let check = |descriptor: &Descriptor, granted: &[&str]| {
            let grants = Grants { helpers: Vec::new(), imports: names(granted) };
            check(descriptor, None, &component, &grants).iter().map(|it| it.reason).collect::<Vec<_>>()
        };
        descriptor.permissions.imports = Vec::new();
        assert_eq!(check(&descriptor, &["http"]), [Reason::NotStated, Reason::NotStated]);
        descriptor.permissions.imports = names(&["log", "http"]);
        assert_eq!(check(&descriptor, &[]), [Reason::NotGranted]);
        assert_eq!(check(&descriptor, &["http"]), []);
    }
}
