//! Functions of the kernel that programs call by their numbers in its BTF, which the loader writes into
//! its copy of the instructions (Documentation/bpf/kfuncs.rst).

use core::ffi::c_void;
use core::mem::transmute;

use aya_ebpf::bindings::task_struct;
use injector_abi::sleep::kfunc;

/// What the kernel calls once the task is about to go back to its program: with the map, the key and the
/// value that it was given.
pub type Work = extern "C" fn(*mut c_void, *mut u32, *mut c_void) -> i32;

type Schedule = unsafe extern "C" fn(*mut task_struct, *mut u64, *mut c_void, Work, usize) -> i32;

/// The task of this number in the first pid namespace, to be given back by [`task_release`]; null if there
/// is none.
///
/// # Safety
///
/// The program is loaded with the function's number.
#[inline(always)]
pub unsafe fn task_from_pid(pid: i32) -> *mut task_struct {
    // SAFETY: a call of what the loader puts there.
    let call: unsafe extern "C" fn(i32) -> *mut task_struct =
        unsafe { transmute(kfunc::TASK_FROM_PID as usize) };
    // SAFETY: as above.
    unsafe { call(pid) }
}

/// # Safety
///
/// As for [`task_from_pid`], which the task is from.
#[inline(always)]
pub unsafe fn task_release(task: *mut task_struct) {
    // SAFETY: as above.
    let call: unsafe extern "C" fn(*mut task_struct) =
        unsafe { transmute(kfunc::TASK_RELEASE as usize) };
    // SAFETY: as above.
    unsafe { call(task) }
}

/// Has `work` done before `task` goes back to its program; 0 if that will be (Linux 6.18).
///
/// # Safety
///
/// As for [`task_from_pid`]; `kept` is the value of an entry of `map`, whose type is the kernel's
/// `bpf_task_work`.
#[inline(always)]
pub unsafe fn schedule_resume(
    task: *mut task_struct,
    kept: *mut u64,
    map: *mut c_void,
    work: Work,
) -> i32 {
    // SAFETY: as above.
    let call: Schedule = unsafe { transmute(kfunc::SCHEDULE_RESUME as usize) };
    // SAFETY: the caller vouches for the arguments. The last one is the verifier's.
    unsafe { call(task, kept, map, work, 0) }
}

/// The same as if the task had got a signal, before it is decided whether a call is made once more.
///
/// # Safety
///
/// As for [`schedule_resume`].
#[inline(always)]
pub unsafe fn schedule_signal(
    task: *mut task_struct,
    kept: *mut u64,
    map: *mut c_void,
    work: Work,
) -> i32 {
    // SAFETY: as above.
    let call: Schedule = unsafe { transmute(kfunc::SCHEDULE_SIGNAL as usize) };
    // SAFETY: as above.
    unsafe { call(task, kept, map, work, 0) }
}
