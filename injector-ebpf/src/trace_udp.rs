//! Who sends datagrams to whom. At the root of the cgroups every packet with a socket passes, whatever its
//! network namespace; all of them go on.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "kernel memory, maps and helpers")]
#![expect(
    clippy::inline_always,
    reason = "a call that LLVM leaves is checked by the verifier anew in every context"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "the macro that makes the program's entry passes the context by value"
)]

use aya_ebpf::macros::cgroup_skb;
use aya_ebpf::programs::SkBuffContext;
use injector_abi::trace::{EdgeKey, protocol, role};
use injector_ebpf::trace::datagram::{self, Datagram, Way};
use injector_ebpf::trace::edge;

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

const PASS: i32 = 1;

#[cgroup_skb(egress)]
fn trace_sent(ctx: SkBuffContext) -> i32 {
    if let Some(datagram) = datagram::of(ctx.skb.skb, Way::Out) {
        edge::change(&key_of(&datagram), |edge| {
            edge::add(&mut edge.opened, 1);
            edge::add(&mut edge.sent, u64::from(datagram.length));
        });
    }
    PASS
}

#[cgroup_skb(ingress)]
fn trace_received(ctx: SkBuffContext) -> i32 {
    if let Some(datagram) = datagram::of(ctx.skb.skb, Way::In) {
        edge::change(&key_of(&datagram), |edge| {
            edge::add(&mut edge.opened, 1);
            edge::add(&mut edge.received, u64::from(datagram.length));
        });
    }
    PASS
}

/// Nobody listens or asks in UDP: whoever has the lower port is taken for the server.
#[inline(always)]
fn key_of(datagram: &Datagram) -> EdgeKey {
    let is_server = datagram.own_port < datagram.peer_port;
    EdgeKey {
        peer: datagram.peer,
        class: datagram.class,
        port: if is_server {
            datagram.own_port
        } else {
            datagram.peer_port
        },
        role: if is_server {
            role::SERVER
        } else {
            role::CLIENT
        },
        protocol: protocol::UDP,
    }
}
