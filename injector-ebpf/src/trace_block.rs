//! Requests to disks: how long they take, how much they carry, how they fail.
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

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use injector_abi::trace::{AS_ERRNO, UNOBSERVED, item};
use injector_ebpf::trace::rows::{self, End};
use injector_ebpf::trace::{class, fields};

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Operations of a request (`include/linux/blk_types.h`), its lowest byte.
mod operation {
    pub(crate) const READ: u32 = 0;
    pub(crate) const WRITE: u32 = 1;
    pub(crate) const FLUSH: u32 = 2;
}

/// `block_rq_complete(struct request *rq, blk_status_t error, unsigned int nr_bytes)`; before 5.16 with
/// `int error`, which is negative.
#[raw_tracepoint(tracepoint = "block_rq_complete")]
fn trace_done(ctx: RawTracePointContext) -> i32 {
    let request: *const u8 = ctx.arg(0);
    let (error, bytes): (*const u8, *const u8) = (ctx.arg(1), ctx.arg(2));
    done(request as u64, error as u64 as u32, bytes as u64 as u32).unwrap_or(0)
}

#[inline(always)]
fn done(request: u64, error: u32, bytes: u32) -> Option<i32> {
    let flags: u32 = fields::read(request, |fields| fields.operation)?;
    let item = match flags & 0xFF {
        operation::READ => item::BLOCK_READ,
        operation::WRITE => item::BLOCK_WRITE,
        operation::FLUSH => item::BLOCK_FLUSH,
        _ => return None,
    };
    let length: u32 = fields::read(request, |fields| fields.length)?;
    let started: u64 = fields::read(request, |fields| fields.started)?;
    // A part of it; or a device that keeps no time.
    if started == 0 || (length > bytes && error == 0) {
        return None;
    }
    let class = class_of(request);
    if class == UNOBSERVED {
        return None;
    }
    // SAFETY: the helper has no arguments.
    let ns = (unsafe { bpf_ktime_get_ns() }).wrapping_sub(started);
    let end = match error.cast_signed() {
        0 => End::returned(u64::from(bytes)),
        errno @ ..0 => End::failed(errno.unsigned_abs() + u32::from(AS_ERRNO)),
        _status => End::failed(error & 0xFF),
    };
    rows::timed(class, item, ns, end);
    Some(0)
}

/// Of the cgroup on whose behalf it is made, as far as the kernel knows it.
#[inline(always)]
fn class_of(request: u64) -> u32 {
    cgroup_of(request).map_or_else(class::rest, |cgroup| class::of_address(cgroup))
}

#[inline(always)]
fn cgroup_of(request: u64) -> Option<u64> {
    let bio: u64 = fields::read(request, |fields| fields.bio).filter(|bio| *bio != 0)?;
    let group: u64 = fields::read(bio, |fields| fields.bio_group).filter(|group| *group != 0)?;
    let css: u64 = fields::read(group, |fields| fields.group_cgroup)?;
    fields::read(css, |fields| fields.css_cgroup).filter(|cgroup| *cgroup != 0)
}
