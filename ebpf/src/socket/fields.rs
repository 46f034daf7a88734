//! The kernel fields of sockets.
#![expect(missing_docs, reason = "each is the kernel's field of that name")]
#![expect(
    clippy::allow_attributes,
    reason = "the macro's, which serves crates that deny unsafe code and others"
)]

use crate::{kernel::Addr, kernel_field};

kernel_field! {
    pub static FAMILY: sock_common.skc_family => u16;
    pub static STATE: sock_common.skc_state => u8;
    pub static BOUND_IF: sock_common.skc_bound_dev_if => i32;
    pub static LOCAL_PORT: sock_common.skc_num => u16;
    // Unlike `skc_num` not forgotten when the socket closes.
    pub static LOCAL_PORT_KEPT: inet_sock.inet_sport => [u8; 2];
    pub static REMOTE_PORT: sock_common.skc_dport => [u8; 2];
    pub static LOCAL4: sock_common.skc_rcv_saddr => [u8; 4];
    pub static REMOTE4: sock_common.skc_daddr => [u8; 4];
    pub static LOCAL6: sock_common.skc_v6_rcv_saddr => [u8; 16];
    pub static REMOTE6: sock_common.skc_v6_daddr => [u8; 16];
    pub static NET: sock_common.skc_net.net => Addr;
    pub static NET_INUM: net.ns.inum => u32;

    pub static FLAGS: sock_common.skc_flags => u64;

    pub static PROTOCOL: sock.sk_protocol => u16;
    pub static TYPE: sock.sk_type => u16;
    pub static SOCKET: sock.sk_socket => Addr;
    pub static ERROR: sock.sk_err => i32;
    pub static UID: sock.sk_uid.val => u32;
    pub static CGROUP: sock.sk_cgrp_data.cgroup => Addr;

    // A word of bits since 6.7; bit fields, which have no offset, before.
    pub optional static INET_FLAGS: inet_sock.inet_flags => u64;

    pub static SOCKET_SOCK: socket.sk => Addr;
    pub static SOCKET_FILE: socket.file => Addr;
}
