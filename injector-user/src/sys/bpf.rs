//! bpf(2): loading, attaching, freezing. Descriptors own what they name: closing detaches.
#![expect(unsafe_code, reason = "bpf(2) takes a union of pointers")]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

use aya_obj::generated::{
    BPF_F_SLEEPABLE, bpf_attach_type, bpf_attr, bpf_attr__bindgen_ty_4, bpf_cmd, bpf_insn,
    bpf_map_type, bpf_prog_info, bpf_prog_type,
};

/// What a program is loaded as.
#[derive(Clone, Copy, Debug)]
pub struct ProgramType {
    pub kind: bpf_prog_type,
    /// Ignored by the kernel for types that need none.
    pub attach: bpf_attach_type,
}

/// What the kernel gets to check.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    pub name: &'a str,
    pub kind: ProgramType,
    /// Whether it may wait.
    pub sleeps: bool,
    pub instructions: &'a [bpf_insn],
    pub license: &'a CStr,
    /// BTF that describes the functions.
    pub types: BorrowedFd<'a>,
    /// `bpf_func_info` records, each of `function_size` bytes.
    pub functions: &'a [u8],
    pub function_size: u32,
    /// The kernel's function that it is for, by its number in the kernel's BTF; 0 for none.
    pub target: u32,
}

/// Why the kernel did not take a program.
#[derive(Debug, thiserror::Error)]
#[error("failed to load program `{name}`{}", log_excerpt(.log))]
pub struct LoadError {
    pub name: String,
    /// The verifier's words, empty where it did not get so far.
    pub log: String,
    #[source]
    pub source: io::Error,
}

/// Loads a program. The verifier's log is asked for only when the load fails.
pub fn load(text: &Text<'_>) -> Result<OwnedFd, LoadError> {
    load_with_log(text, &mut []).or_else(|source| {
        let mut log = vec![0; LOG_SIZE];
        match load_with_log(text, &mut log) {
            Ok(fd) => Ok(fd),
            Err(_again) => {
                let log = log.split(|byte| *byte == 0).next().unwrap_or_default();
                let log = String::from_utf8_lossy(log).into_owned();
                Err(LoadError {
                    name: text.name.to_owned(),
                    log,
                    source,
                })
            }
        }
    })
}

/// Loads a few instructions, for the kernel's function `target` if that is not 0, to see whether the
/// kernel takes them.
pub fn try_load(kind: ProgramType, target: u32, instructions: &[bpf_insn]) -> io::Result<()> {
    try_load_with(0, kind, target, instructions)
}

/// The same of a program that may wait.
pub fn try_load_sleeping(
    kind: ProgramType,
    target: u32,
    instructions: &[bpf_insn],
) -> io::Result<()> {
    try_load_with(BPF_F_SLEEPABLE, kind, target, instructions)
}

fn try_load_with(
    flags: u32,
    kind: ProgramType,
    target: u32,
    instructions: &[bpf_insn],
) -> io::Result<()> {
    let mut attr = zeroed();
    let program = program_attr(&mut attr);
    program.prog_type = kind.kind as u32;
    program.expected_attach_type = kind.attach as u32;
    program.insns = instructions.as_ptr() as u64;
    program.insn_cnt = length(instructions.len());
    program.license = c"GPL".as_ptr() as u64;
    program.attach_btf_id = target;
    program.prog_flags = flags;
    owned(bpf(bpf_cmd::BPF_PROG_LOAD, &mut attr)?).map(drop)
}

/// Makes a map of this kind without keys and values, to see whether the kernel knows it.
pub fn try_map(kind: bpf_map_type, entries: u32) -> io::Result<()> {
    let mut attr = zeroed();
    // SAFETY: every variant of the union is plain integers.
    let map = unsafe { &mut attr.__bindgen_anon_1 };
    map.map_type = kind as u32;
    map.max_entries = entries;
    owned(bpf(bpf_cmd::BPF_MAP_CREATE, &mut attr)?).map(drop)
}

/// Puts a value into a queue.
pub fn push(map: BorrowedFd<'_>, value: u32) -> io::Result<()> {
    let mut attr = zeroed();
    attr.__bindgen_anon_2.map_fd = fd_number(map);
    attr.__bindgen_anon_2.__bindgen_anon_1.value = (&raw const value) as u64;
    bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr).map(drop)
}

/// Puts a program into an array of them.
pub fn set_program(array: BorrowedFd<'_>, index: u32, program: BorrowedFd<'_>) -> io::Result<()> {
    let value = fd_number(program);
    let mut attr = zeroed();
    attr.__bindgen_anon_2.map_fd = fd_number(array);
    attr.__bindgen_anon_2.key = (&raw const index) as u64;
    attr.__bindgen_anon_2.__bindgen_anon_1.value = (&raw const value) as u64;
    bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr).map(drop)
}

/// Takes a program out of an array of them.
pub fn clear_program(array: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let mut attr = zeroed();
    attr.__bindgen_anon_2.map_fd = fd_number(array);
    attr.__bindgen_anon_2.key = (&raw const index) as u64;
    bpf(bpf_cmd::BPF_MAP_DELETE_ELEM, &mut attr).map(drop)
}

/// Loads BTF.
pub fn load_types(types: &[u8]) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    attr.__bindgen_anon_7.btf = types.as_ptr() as u64;
    attr.__bindgen_anon_7.btf_size = length(types.len());
    owned(bpf(bpf_cmd::BPF_BTF_LOAD, &mut attr)?)
}

/// Runs a loaded packet program on `packet`, `repeat` times; its verdict and mean duration.
pub fn test_run(
    program: BorrowedFd<'_>,
    packet: &[u8],
    repeat: u32,
) -> io::Result<(u32, std::time::Duration)> {
    let mut attr = zeroed();
    attr.test.prog_fd = fd_number(program);
    attr.test.data_in = packet.as_ptr() as u64;
    attr.test.data_size_in = length(packet.len());
    attr.test.repeat = repeat;
    bpf(bpf_cmd::BPF_PROG_TEST_RUN, &mut attr)?;
    // SAFETY: every variant of the union is plain integers.
    let test = unsafe { attr.test };
    Ok((
        test.retval,
        std::time::Duration::from_nanos(u64::from(test.duration)),
    ))
}

/// Attaches to a cgroup or an interface; the link is first in the hook's order.
pub fn link(
    program: BorrowedFd<'_>,
    target: u32,
    attach: bpf_attach_type,
    flags: u32,
) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    attr.link_create.__bindgen_anon_1.prog_fd = fd_number(program);
    attr.link_create.__bindgen_anon_2.target_fd = target;
    attr.link_create.attach_type = attach as u32;
    attr.link_create.flags = flags;
    owned(bpf(bpf_cmd::BPF_LINK_CREATE, &mut attr)?)
}

/// Puts another program into the place of a link's.
pub fn update_link(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = zeroed();
    attr.link_update.link_fd = fd_number(link);
    attr.link_update.__bindgen_anon_1.new_prog_fd = fd_number(program);
    bpf(bpf_cmd::BPF_LINK_UPDATE, &mut attr).map(drop)
}

/// Attaches to the function that the program was loaded for.
pub fn function(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    attr.raw_tracepoint.prog_fd = fd_number(program);
    owned(bpf(bpf_cmd::BPF_RAW_TRACEPOINT_OPEN, &mut attr)?)
}

/// Attaches to instructions of a file, by their offsets in it, for one process.
pub fn instructions(
    program: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    offsets: &[u64],
    process: i32,
) -> io::Result<OwnedFd> {
    let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let mut attr = zeroed();
    attr.link_create.__bindgen_anon_1.prog_fd = fd_number(program);
    attr.link_create.attach_type = bpf_attach_type::BPF_TRACE_UPROBE_MULTI as u32;
    // SAFETY: every variant of the union is plain integers.
    let create = unsafe { &mut attr.link_create };
    // SAFETY: as above.
    let probes = unsafe { &mut create.__bindgen_anon_3.uprobe_multi };
    probes.path = path.as_ptr() as u64;
    probes.offsets = offsets.as_ptr() as u64;
    // The program asks by its cookie where it is.
    probes.cookies = offsets.as_ptr() as u64;
    probes.cnt = length(offsets.len());
    probes.pid = process.cast_unsigned();
    owned(bpf(bpf_cmd::BPF_LINK_CREATE, &mut attr)?)
}

/// Attaches to a raw tracepoint.
pub fn raw_tracepoint(program: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    attr.raw_tracepoint.name = name.as_ptr() as u64;
    attr.raw_tracepoint.prog_fd = fd_number(program);
    owned(bpf(bpf_cmd::BPF_RAW_TRACEPOINT_OPEN, &mut attr)?)
}

/// Writes the only element of an array and makes it constant, so that the verifier may rely on it.
pub fn make_constant(map: BorrowedFd<'_>, contents: &[u8]) -> io::Result<()> {
    let key = 0_u32;
    let mut attr = zeroed();
    attr.__bindgen_anon_2.map_fd = fd_number(map);
    attr.__bindgen_anon_2.key = (&raw const key) as u64;
    attr.__bindgen_anon_2.__bindgen_anon_1.value = contents.as_ptr() as u64;
    bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr)?;
    let mut attr = zeroed();
    attr.__bindgen_anon_2.map_fd = fd_number(map);
    bpf(bpf_cmd::BPF_MAP_FREEZE, &mut attr).map(drop)
}

/// How often the kernel has not run a program, as it was at work on the same processor already. Kernels
/// before 5.12 do not count it: 0.
pub fn misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    // SAFETY: plain integers, for which zero is a value: no room for what there are lists of.
    let mut info: bpf_prog_info = unsafe { std::mem::zeroed() };
    let mut attr = zeroed();
    attr.info.bpf_fd = fd_number(program);
    attr.info.info_len = length(size_of::<bpf_prog_info>());
    attr.info.info = (&raw mut info) as u64;
    bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr)?;
    Ok(info.recursion_misses)
}

const LOG_SIZE: usize = 1 << 20;

fn load_with_log(text: &Text<'_>, log: &mut [u8]) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    let program = program_attr(&mut attr);
    program.prog_type = text.kind.kind as u32;
    program.expected_attach_type = text.kind.attach as u32;
    program.insns = text.instructions.as_ptr() as u64;
    program.insn_cnt = length(text.instructions.len());
    program.license = text.license.as_ptr() as u64;
    program.attach_btf_id = text.target;
    if text.sleeps {
        program.prog_flags = BPF_F_SLEEPABLE;
    }
    if !text.functions.is_empty() {
        program.prog_btf_fd = fd_number(text.types);
        program.func_info = text.functions.as_ptr() as u64;
        program.func_info_rec_size = text.function_size;
        program.func_info_cnt = length(text.functions.len()) / text.function_size;
    }
    // The kernel keeps 15 characters.
    for (to, from) in program.prog_name.iter_mut().zip(text.name.bytes().take(15)) {
        *to = from.cast_signed();
    }
    if !log.is_empty() {
        program.log_level = 1;
        program.log_buf = log.as_mut_ptr() as u64;
        program.log_size = length(log.len());
    }
    owned(bpf(bpf_cmd::BPF_PROG_LOAD, &mut attr)?)
}

fn program_attr(attr: &mut bpf_attr) -> &mut bpf_attr__bindgen_ty_4 {
    // SAFETY: every variant of the union is plain integers.
    unsafe { &mut attr.__bindgen_anon_3 }
}

/// The last lines of a verifier log, which hold the reason.
fn log_excerpt(log: &str) -> String {
    let lines: Vec<&str> = log.trim_end().lines().collect();
    let tail = lines
        .get(lines.len().saturating_sub(3)..)
        .unwrap_or_default();
    if tail.is_empty() {
        String::new()
    } else {
        format!(" (verifier: {})", tail.join(" | "))
    }
}

pub(super) fn zeroed() -> bpf_attr {
    // SAFETY: every variant of the union is plain integers, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

/// One call. `attr` is exclusive because the kernel writes results into it.
pub(super) fn bpf(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<i64> {
    // SAFETY: `attr` is initialised, and each pointer put into it outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as i32,
            &raw mut *attr,
            size_of::<bpf_attr>(),
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

pub(super) fn owned(fd: i64) -> io::Result<OwnedFd> {
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us, with close-on-exec.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn fd_number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// Lengths here are of our own objects: far below 4 GiB.
pub(super) fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
