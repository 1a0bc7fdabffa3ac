//! Socket operations that fail on purpose, at a cgroup: `sock.error`, and `syscall.error` for the system
//! calls that come by here, which are told apart by the caller's registers.
//!
//! Returns 1 to let the operation go on. A refusal returns 0 and sets the error; where that helper
//! fails, the operation goes on.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "kernel memory, maps and helpers")]
#![expect(
    clippy::needless_pass_by_value,
    reason = "the macro that makes a program's entry passes the context by value"
)]
#![expect(
    clippy::inline_always,
    reason = "a call that LLVM leaves is checked by the verifier anew in every context"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "the kernel's context has wider types than what it carries"
)]

use core::mem;

use aya_ebpf::bindings::bpf_func_id::BPF_FUNC_set_retval;
use aya_ebpf::helpers::generated::bpf_get_current_pid_tgid;
use aya_ebpf::macros::{cgroup_sock, cgroup_sock_addr, cgroup_sockopt};
use aya_ebpf::programs::{SockAddrContext, SockContext, SockoptContext};
use injector_abi::{Select, SocketMark};
use injector_ebpf::foreign;
use injector_ebpf::judge::{Act, Way, first_to_act};
use injector_ebpf::maps::{ARMED, FAULTS, SELECT, SOCKETS};
use injector_ebpf::occasion::Occasion;
use injector_ebpf::outcome;
use injector_ebpf::patched;
use injector_ebpf::protected;
use injector_ebpf::select;

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

macro_rules! address_hook {
    ($($name:ident $attach:ident $address:ident),+ $(,)?) => {$(
        #[cgroup_sock_addr($attach)]
        fn $name(ctx: SockAddrContext) -> i32 {
            verdict(Some((&ctx, $address(&ctx))), Occasion::now)
        }
    )+};
}

address_hook!(
    sock_connect4 connect4 address_v4,
    sock_connect6 connect6 address_v6,
    sock_bind4 bind4 address_v4,
    sock_bind6 bind6 address_v6,
    sock_sendmsg4 sendmsg4 address_v4,
    sock_sendmsg6 sendmsg6 address_v6,
);

/// Creating an IPv4 or IPv6 socket, which has no address yet.
#[cgroup_sock(sock_create)]
fn sock_create(_: SockContext) -> i32 {
    verdict(None, Occasion::now)
}

#[cgroup_sockopt(setsockopt)]
fn sock_setsockopt(ctx: SockoptContext) -> i32 {
    of_option(&ctx)
}

/// After the option was read: what the caller would get is not given to it.
#[cgroup_sockopt(getsockopt)]
fn sock_getsockopt(ctx: SockoptContext) -> i32 {
    of_option(&ctx)
}

/// The same, where sockets are only noted: whose it is, for packets that will be told by it.
#[cgroup_sock(sock_create)]
fn sock_mark(ctx: SockContext) -> i32 {
    if let Some(select) = SELECT.get(0) {
        // Before the mask: a bit is never taken for a newer fault's.
        let epoch = select.epoch;
        // SAFETY: the helper has no arguments; this hook runs in the caller's context.
        let tgid = (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32;
        let slots = select::of_thread_group(tgid);
        if slots != 0 {
            // SAFETY: the context is the new socket.
            unsafe { SOCKETS.give(ctx.sock, SocketMark { slots, epoch }) };
        }
    }
    ALLOW
}

const ALLOW: i32 = 1;
const REFUSE: i32 = 0;

#[inline(always)]
fn verdict(
    address: Option<(&SockAddrContext, [u8; 16])>,
    occasion: impl FnOnce(Option<u32>) -> Occasion,
) -> i32 {
    let (Some(armed), Some(select)) = (ARMED.get(patched::hook()), SELECT.get(0)) else {
        return ALLOW;
    };
    // SAFETY: the helper has no arguments; these hooks run in the caller's context.
    let tgid = (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32;
    let mut mask = select::by_thread_group(select, armed.slots, tgid);
    mask = protected::spare(select::by_current_cgroup(select, mask), tgid);
    if mask != 0
        && let Some((ctx, peer)) = address
    {
        mask = by_address(select, mask, ctx, peer);
    }
    mask = foreign::by_syscall(select, mask);
    if mask == 0 {
        return ALLOW;
    }
    let acting = first_to_act(mask, occasion(Some(tgid)), Way::Here);
    match acting.and_then(result) {
        Some(result) if result < 0 => refuse(result),
        _ => ALLOW,
    }
}

/// The negated errno that the fault gives this event.
#[inline(always)]
fn result(act: Act) -> Option<i64> {
    match FAULTS.get(act.slot)?.errno {
        0 => outcome::of(act, || 0),
        errno => Some(i64::from(errno)),
    }
}

/// Beyond a page the kernel shows programs the beginning only, and would take it for all there is.
const PAGE: i32 = 4096;

#[inline(always)]
fn of_option(ctx: &SockoptContext) -> i32 {
    let verdict = verdict(None, Occasion::exact);
    // SAFETY: the context is valid for the run of the program.
    if verdict == ALLOW && unsafe { (*ctx.sockopt).optlen } > PAGE {
        // SAFETY: as above; 0 tells the kernel to go on with the caller's own.
        unsafe { (*ctx.sockopt).optlen = 0 };
    }
    verdict
}

#[inline(always)]
fn by_address(select: &Select, mask: u64, ctx: &SockAddrContext, peer: [u8; 16]) -> u64 {
    // SAFETY: the context is valid for the run of the program.
    let port = u16::from_be(unsafe { (*ctx.sock_addr).user_port } as u16);
    let mask = select::by_ports(select, mask, port, port);
    if mask == 0 {
        return 0;
    }
    select::by_peer(select, mask, || peer)
}

/// A negative errno of -133 at the least. From 7.2 on the verifier wants to see that the whole
/// register is negative and small, where aya's own declaration leaves its upper half empty.
#[inline(always)]
fn refuse(errno: i64) -> i32 {
    let errno = errno | -256;
    // SAFETY: a helper's address is its number, and this one takes and gives one word.
    let set_retval: unsafe extern "C" fn(i64) -> i64 =
        unsafe { mem::transmute(BPF_FUNC_set_retval as usize) };
    // SAFETY: the helper checks the range of its argument.
    if unsafe { set_retval(errno) } == 0 {
        REFUSE
    } else {
        ALLOW
    }
}

#[inline(always)]
fn address_v4(ctx: &SockAddrContext) -> [u8; 16] {
    // SAFETY: the context is valid for the run of the program.
    let [a, b, c, d] = unsafe { (*ctx.sock_addr).user_ip4 }.to_ne_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d]
}

#[inline(always)]
fn address_v6(ctx: &SockAddrContext) -> [u8; 16] {
    let mut address = [0; 16];
    // SAFETY: the context is valid for the run of the program.
    let words = unsafe { (*ctx.sock_addr).user_ip6 };
    for (part, word) in address.chunks_exact_mut(4).zip(words) {
        part.copy_from_slice(&word.to_ne_bytes());
    }
    address
}
