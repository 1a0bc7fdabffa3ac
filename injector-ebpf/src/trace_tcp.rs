//! TCP: connections asked for, made, refused and ended, what is sent again, resets, and who talks to whom.
//!
//! A connection is asked for and closed by a task, whose class it is; one that arrives is of the class whose
//! socket listened.
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
#![expect(
    clippy::cast_possible_truncation,
    reason = "arguments have wider types than what they carry"
)]

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use injector_abi::trace::{UNOBSERVED, item};
use injector_ebpf::trace::rows::{self, End};
use injector_ebpf::trace::tcp::{self, state};
use injector_ebpf::trace::{class, count, flow};

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// `inet_sock_set_state(const struct sock *sk, const int oldstate, const int newstate)`.
#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
fn trace_state(ctx: RawTracePointContext) -> i32 {
    let (before, after): (*const u8, *const u8) = (ctx.arg(1), ctx.arg(2));
    let (before, after) = (before as u64 as u32, after as u64 as u32);
    let socket: *const u8 = ctx.arg(0);
    let socket = socket as u64;
    match (before, after) {
        (_, state::SYN_SENT) => tcp::asked(socket),
        (state::SYN_SENT, state::ESTABLISHED) => tcp::connected(socket),
        (state::SYN_SENT, state::CLOSE) => tcp::refused(socket),
        (state::SYN_RECV, state::ESTABLISHED) => tcp::accepted(socket),
        (state::LISTEN, state::CLOSE) => 0,
        (_, state::CLOSE) => tcp::ended(socket),
        _ => 0,
    };
    0
}

/// `tcp_probe(struct sock *sk, …)`, before a segment is taken in that arrives on an open connection: what it
/// acknowledges has been sent.
#[raw_tracepoint(tracepoint = "tcp_probe")]
fn trace_segment(ctx: RawTracePointContext) -> i32 {
    moved(ctx.arg(0))
}

/// `tcp_rcv_space_adjust(struct sock *sk)`: somebody has read what has arrived.
#[raw_tracepoint(tracepoint = "tcp_rcv_space_adjust")]
fn trace_read(ctx: RawTracePointContext) -> i32 {
    moved(ctx.arg(0))
}

#[inline(always)]
fn moved(socket: *const u8) -> i32 {
    tcp::moved(socket as u64);
    0
}

/// `tcp_retransmit_skb(const struct sock *sk, …)`.
#[raw_tracepoint(tracepoint = "tcp_retransmit_skb")]
fn trace_again(ctx: RawTracePointContext) -> i32 {
    let socket: *const u8 = ctx.arg(0);
    let class = flow::class_of(socket as u64);
    if class != UNOBSERVED {
        rows::counted(class, item::RETRANSMIT, End::returned(0));
    }
    0
}

/// `tcp_send_reset(const struct sock *sk, …)`: without a socket it is nobody's.
#[raw_tracepoint(tracepoint = "tcp_send_reset")]
fn trace_reset_sent(ctx: RawTracePointContext) -> i32 {
    reset(ctx.arg(0), SENT)
}

/// `tcp_receive_reset(struct sock *sk)`.
#[raw_tracepoint(tracepoint = "tcp_receive_reset")]
fn trace_reset_got(ctx: RawTracePointContext) -> i32 {
    reset(ctx.arg(0), RECEIVED)
}

const SENT: u32 = 0;
const RECEIVED: u32 = 1;

#[inline(always)]
fn reset(socket: *const u8, direction: u32) -> i32 {
    let class = if socket.is_null() {
        class::rest()
    } else {
        flow::class_of(socket as u64)
    };
    if class != UNOBSERVED {
        rows::counted(class, item::RESET, End::returned(0));
        count::by(class, item::RESET, direction);
    }
    0
}
