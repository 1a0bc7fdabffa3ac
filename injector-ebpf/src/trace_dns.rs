//! Questions to name servers over UDP, and their answers (RFC 1035, 4.1.1).
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

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::cgroup_skb;
use aya_ebpf::programs::SkBuffContext;
use injector_abi::trace::{QuestionKey, item};
use injector_ebpf::skb::load;
use injector_ebpf::trace::count;
use injector_ebpf::trace::datagram::{self, Datagram, Way};
use injector_ebpf::trace::maps::QUESTIONS;
use injector_ebpf::trace::rows::{self, End};

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

const PASS: i32 = 1;
const PORT: u16 = 53;

#[cgroup_skb(egress)]
fn trace_question(ctx: SkBuffContext) -> i32 {
    asked(ctx.skb.skb);
    PASS
}

#[cgroup_skb(ingress)]
fn trace_answer(ctx: SkBuffContext) -> i32 {
    answered(ctx.skb.skb);
    PASS
}

#[inline(always)]
fn asked(skb: *mut __sk_buff) -> Option<()> {
    let datagram = of_dns(skb, Way::Out)?;
    let header = header_of(skb, &datagram)?;
    if header.is_answer {
        return None;
    }
    rows::counted(datagram.class, item::DNS_QUESTION, End::returned(0));
    // The table makes room.
    QUESTIONS.insert(key_of(&datagram, &header), now(), 0).ok()
}

#[inline(always)]
fn answered(skb: *mut __sk_buff) -> Option<()> {
    let datagram = of_dns(skb, Way::In)?;
    let header = header_of(skb, &datagram)?;
    let key = key_of(&datagram, &header);
    // SAFETY: copied at once.
    let asked = *unsafe { QUESTIONS.get(key) }?;
    if !header.is_answer {
        return None;
    }
    rows::timed(
        datagram.class,
        item::DNS,
        now().wrapping_sub(asked),
        End::returned(0),
    );
    count::by(datagram.class, item::DNS, header.code);
    QUESTIONS.remove(key).ok()
}

#[inline(always)]
fn of_dns(skb: *mut __sk_buff, way: Way) -> Option<Datagram> {
    datagram::of(skb, way).filter(|datagram| datagram.peer_port == PORT)
}

struct Header {
    id: u16,
    is_answer: bool,
    code: u32,
}

#[inline(always)]
fn header_of(skb: *mut __sk_buff, datagram: &Datagram) -> Option<Header> {
    let mut header = [0_u8; 12];
    if !load(skb, datagram.payload, &mut header) {
        return None;
    }
    Some(Header {
        id: u16::from_be_bytes([header[0], header[1]]),
        is_answer: header[2] & 0x80 != 0,
        code: u32::from(header[3] & 0xF),
    })
}

#[inline(always)]
fn key_of(datagram: &Datagram, header: &Header) -> QuestionKey {
    QuestionKey {
        server: datagram.peer,
        class: datagram.class,
        port: datagram.own_port,
        id: header.id,
    }
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper has no arguments.
    unsafe { bpf_ktime_get_ns() }
}
