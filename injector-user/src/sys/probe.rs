//! Kprobes that run a program, each owned by the descriptor of its event.
#![expect(
    unsafe_code,
    reason = "perf_event_open(2) takes a structure with pointers"
)]

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use aya_obj::generated::{PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_SET_BPF, perf_event_attr};

use super::bpf::{length, owned};

/// Which of the kernel's sources of events makes kprobes.
const SOURCE: &str = "/sys/bus/event_source/devices/kprobe/type";

/// Of `linux/perf_event.h`.
const PERF_FLAG_FD_CLOEXEC: u64 = 8;

/// Runs `program` whenever the kernel enters `function`.
pub fn attach(program: BorrowedFd<'_>, function: &str) -> io::Result<OwnedFd> {
    let name = CString::new(function)?;
    let source = fs::read_to_string(SOURCE)?;
    let source = source.trim_end().parse().map_err(io::Error::other)?;
    let event = open(source, &name)?;
    tell(&event, PERF_EVENT_IOC_SET_BPF, program.as_raw_fd())?;
    tell(&event, PERF_EVENT_IOC_ENABLE, 0)?;
    Ok(event)
}

fn open(source: u32, function: &CString) -> io::Result<OwnedFd> {
    // SAFETY: the structure is plain integers, for which zero is a value.
    let mut attr: perf_event_attr = unsafe { std::mem::zeroed() };
    attr.type_ = source;
    attr.size = length(size_of::<perf_event_attr>());
    attr.__bindgen_anon_3.kprobe_func = function.as_ptr() as u64;
    let (everybody, processor, no_group) = (-1, 0, -1);
    // SAFETY: `attr` is initialised, and the name that it points to outlives the call.
    let event = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attr,
            everybody,
            processor,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    if event < 0 {
        return Err(io::Error::last_os_error());
    }
    owned(event)
}

fn tell(event: &OwnedFd, what: u32, argument: i32) -> io::Result<()> {
    // SAFETY: both requests take a number.
    let done = unsafe { libc::ioctl(event.as_raw_fd(), u64::from(what), argument) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
