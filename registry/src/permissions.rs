//! Whether a gadget may use what it uses.
//!
//! Two parties speak: the gadget states in its descriptor what it needs, and the operator grants, by a rule of the
//! policy, what is dangerous. What its code really does is read from the eBPF object and the component. Something
//! used but not stated is refused, because a person who read the descriptor was misled; something dangerous is
//! refused unless it is granted too. The kernel's verifier keeps programs from harming the kernel; this keeps them
//! from harming other programs.

use std::fmt;

use crate::component::Interfaces;
use crate::descriptor::{Descriptor, StorePermission};
use crate::elf::{KernelObject, helper_name};
use crate::hosts::Hosts;
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

/// Interfaces that need no grant as such. `log`, `symbols`, `clock` and `random` give no power over anything: names of
/// functions, but nothing of what a process holds. `config` has what the operator bound to this gadget, which is a
/// grant in itself. `store` is free up to [`StorePermission::FREE`], and `http` is granted host by host.
pub const HARMLESS_IMPORTS: &[&str] = &["log", "symbols", "clock", "random", "config", "store", "http"];

/// Interfaces that hold only types; they need not even be stated.
const TYPES_ONLY: &[&str] = &["types"];

/// Something a gadget uses and may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is: ``the helper `bpf_probe_write_user` ``.
    pub what: String,
    /// Why it may not.
    pub reason: Reason,
    /// What the operator can say about it, after `--grant GADGET=` or, for a setting, `--bind GADGET.`.
    pub remedy: Option<String>,
}

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The descriptor's permissions do not name it: the gadget's author must.
    NotStated,
    /// It is stated, but it is dangerous and the policy does not grant it: the operator must.
    NotGranted,
    /// It is a setting that must have a value, and the operator bound none.
    NotBound,
    /// No permission allows it.
    Never,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, reason, .. } = self;
        match reason {
            Reason::NotStated => write!(f, "uses {what}, which its permissions do not name"),
            Reason::NotGranted => write!(f, "uses {what}, which the policy does not grant it"),
            Reason::NotBound => write!(f, "needs {what}, to which nothing is bound"),
            Reason::Never => write!(f, "uses {what}, which no permission allows"),
        }
    }
}

impl Refused {
    fn new(what: String, reason: Reason) -> Self {
        Self { what, reason, remedy: None }
    }

    /// What the operator can write on the command line to have it granted to `gadget`.
    pub fn flag(&self, gadget: &str) -> Option<String> {
        let remedy = self.remedy.as_ref()?;
        Some(match self.reason {
            Reason::NotBound => format!("--bind {gadget}.{remedy}"),
            _ => format!("--grant {gadget}={remedy}"),
        })
    }
}

/// All that `descriptor`, with this code, uses and may not. Empty: it may be loaded. `bound`: what the operator bound to
/// a setting.
pub fn check(
    descriptor: &Descriptor,
    object: Option<&KernelObject>,
    component: &Interfaces,
    grants: &Grants,
    bound: &dyn Fn(&str) -> Option<String>,
) -> Vec<Refused> {
    let mut refused = Vec::new();
    if let Some(object) = object {
        programs(descriptor, object, &mut refused);
        helpers(descriptor, object, grants, &mut refused);
    }
    imports(descriptor, component, grants, &mut refused);
    lent(descriptor, grants, bound, &mut refused);
    refused
}

/// Hosts, settings and room.
fn lent(
    descriptor: &Descriptor,
    grants: &Grants,
    bound: &dyn Fn(&str) -> Option<String>,
    refused: &mut Vec<Refused>,
) {
    let permissions = &descriptor.permissions;
    for text in permissions.http.iter().filter(|http| !http.optional).flat_map(|http| &http.hosts) {
        // A descriptor whose hosts can't be read is not valid.
        let Ok(wanted) = Hosts::parse(text) else { continue };
        // Nor is a host asked that nobody has named.
        if matches!(&wanted, Hosts::Named(name) if bound(name).is_none()) {
            continue;
        }
        if !grants.hosts().any(|granted| granted.cover(&wanted, bound)) {
            refused.push(Refused {
                what: format!("the host `{text}`"),
                reason: Reason::NotGranted,
                remedy: Some(format!("http:{text}")),
            });
        }
    }
    for setting in permissions.config.iter().filter(|setting| setting.required) {
        if bound(&setting.name).is_none() {
            let name = &setting.name;
            refused.push(Refused {
                what: format!("the setting `{name}`"),
                reason: Reason::NotBound,
                remedy: Some(format!("{name}=env:{name}")),
            });
        }
    }
    if let Some(StorePermission { bytes, entries }) = permissions.store {
        let free = grants.store.unwrap_or(StorePermission::FREE);
        if bytes > free.bytes || entries > free.entries {
            refused.push(Refused {
                what: format!("a store of {bytes} bytes and {entries} entries"),
                reason: Reason::NotGranted,
                remedy: Some(format!("store:{bytes}/{entries}")),
            });
        }
    }
}

fn programs(descriptor: &Descriptor, object: &KernelObject, refused: &mut Vec<Refused>) {
    let stated = &descriptor.permissions.programs;
    for program in &object.programs {
        if !stated.iter().any(|kind| kind == program.kind.name()) {
            let what = format!("the program type `{}` (program `{}`)", program.kind, program.name);
            refused.push(Refused::new(what, Reason::NotStated));
        }
    }
    for function in &object.kernel_functions {
        let what = format!("the kernel function `{function}`");
        refused.push(Refused::new(what, Reason::Never));
    }
}

fn helpers(descriptor: &Descriptor, object: &KernelObject, grants: &Grants, refused: &mut Vec<Refused>) {
    for id in &object.helpers {
        let Some(name) = helper_name(*id) else {
            refused.push(Refused::new(format!("the unknown helper #{id}"), Reason::Never));
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
        let remedy = (reason == Reason::NotGranted).then(|| format!("helper:{name}"));
        refused.push(Refused { what: format!("the helper `{name}`"), reason, remedy });
    }
}

fn imports(descriptor: &Descriptor, component: &Interfaces, grants: &Grants, refused: &mut Vec<Refused>) {
    for import in &component.imports {
        let what = format!("the interface `{import}`");
        let Some(name) = Interfaces::ours(import) else {
            refused.push(Refused::new(what, Reason::Never));
            continue;
        };
        if TYPES_ONLY.contains(&name) {
            continue;
        }
        let named = |list: &[String]| list.iter().any(|it| it == name);
        if !named(&descriptor.permissions.imports) {
            refused.push(Refused::new(what, Reason::NotStated));
        } else if !HARMLESS_IMPORTS.contains(&name) && !named(&grants.imports) {
            let remedy = Some(format!("import:{name}"));
            refused.push(Refused { what, reason: Reason::NotGranted, remedy });
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
        let granted = Grants { helpers: write.clone(), ..Grants::default() };
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
                vec!["uses the helper `bpf_probe_write_user`, which the policy does not grant it"],
            ),
            (programs, write, &granted, vec![]),
        ];
        for (programs, helpers, grants, expected) in cases {
            descriptor.permissions = Permissions { programs, helpers, ..Permissions::default() };
            let found = check(&descriptor, Some(&object), &component(&[]), grants, &|_| None);
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn what_no_permission_names_is_never_allowed() {
        let mut object = KernelObject::parse(OBJECT).unwrap();
        object.helpers = [9999].into();
        object.kernel_functions = ["bpf_task_release".to_owned()].into();
        object.programs.clear();
        let component = component(&["wasi:io/streams@0.2.0"]);
        let found = check(&stream(), Some(&object), &component, &Grants::default(), &|_| None);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|it| it.reason == Reason::Never), "{found:?}");
    }

    #[test]
    fn imports_are_stated_and_those_with_power_granted() {
        let ours = |name: &str| format!("gadgetry:gadget/{name}@0.1.0");
        let component = component(&[&ours("types"), &ours("log"), &ours("history")]);
        let mut descriptor = stream();
        let check = |descriptor: &Descriptor, granted: &[&str]| {
            let grants = Grants { imports: names(granted), ..Grants::default() };
            check(descriptor, None, &component, &grants, &|_| None)
                .iter()
                .map(|it| it.reason)
                .collect::<Vec<_>>()
        };
        descriptor.permissions.imports = Vec::new();
        assert_eq!(check(&descriptor, &["history"]), [Reason::NotStated, Reason::NotStated]);
        descriptor.permissions.imports = names(&["log", "history"]);
        assert_eq!(check(&descriptor, &[]), [Reason::NotGranted]);
        assert_eq!(check(&descriptor, &["history"]), []);
    }

    #[test]
    fn all_that_is_to_be_lent_is_listed_with_its_remedy() {
        let mut descriptor = stream();
        descriptor.permissions = serde_json::from_value(serde_json::json!({
            "programs": ["tracepoint"],
            "imports": ["http", "config", "store"],
            "http": {"hosts": ["api.example", "*.api.example", "config:URL"]},
            "config": [{"name": "URL", "description": "x"}, {"name": "KEY", "description": "x", "required": true}],
            "store": {"bytes": 8_388_608},
        }))
        .unwrap();
        let flags = |grants: &Grants, url: Option<&str>, key: Option<&str>| -> Vec<String> {
            let bound = |name: &str| if name == "URL" { url } else { key }.map(str::to_owned);
            let found = check(&descriptor, None, &component(&[]), grants, &bound);
            found.iter().filter_map(|it| it.flag("mine")).collect()
        };
        let none = Grants::default();
        assert_eq!(
            flags(&none, Some("http://10.0.0.1:5/"), None),
            [
                "--grant mine=http:api.example",
                "--grant mine=http:*.api.example",
                "--grant mine=http:config:URL",
                "--bind mine.KEY=env:KEY",
                "--grant mine=store:8388608/4096",
            ]
        );
        let granted = Grants {
            http: names(&["api.example", "*.api.example"]),
            http_private: names(&["http://10.0.0.1:5"]),
            store: Some(StorePermission { bytes: 8 << 20, entries: 4096 }),
            ..Grants::default()
        };
        assert_eq!(flags(&granted, Some("http://10.0.0.1:5/"), Some("k")), [""; 0]);
        assert_eq!(flags(&granted, None, Some("k")), [""; 0]);
        assert_eq!(flags(&granted, Some("http://10.0.0.1:6/"), Some("k")), ["--grant mine=http:config:URL"]);
        descriptor.permissions.http.as_mut().unwrap().optional = true;
        let found = check(&descriptor, None, &component(&[]), &none, &|_| Some("k".into()));
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
