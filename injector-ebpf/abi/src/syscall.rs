//! System calls: what they return instead of being made.

use crate::layout::exact_layout;

/// Numbers of system calls are below this: the table of `x86_64` ends at 471 in Linux 7.2.
pub const NUMBERS: u32 = 512;

/// Results that one fault may choose from.
pub const OUTCOMES: usize = 16;

/// Stands for as many bytes as the call was asked to move.
pub const REQUESTED: i64 = i64::MIN;

/// The stream that draws of an outcome belong to: neither a thread group's nor that of a chain.
pub const OUTCOME_STREAM: u64 = u64::MAX - 1;

/// One of several results.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Drawn if the draw, in units of 2^-32, is below this and not below that of the one before.
    pub until: u64,
    /// What the call returns: a negated errno, a number, or [`REQUESTED`].
    pub value: i64,
}

exact_layout!(Outcome {
    until: u64,
    value: i64,
});

/// Which calls a fault acts on, and what they return; a row of the `CALLS` array.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// The last one that is used goes up to 2^32; those after it are zero.
    pub outcomes: [Outcome; OUTCOMES],
    /// Bytes that the call is asked to move, at least and at most.
    pub least: u64,
    pub most: u64,
    /// How many bytes may be asked for before the first call that is meant, and how many have been.
    pub room: u64,
    pub used: u64,
    /// Bit n: files whose type is n, as in the upper four bits of a mode; bit 0: none yet.
    pub types: u32,
    /// What the caller is sent besides; 0 if nothing.
    pub signal: u32,
    /// The call is made for this share of its bytes, in units of 2^-32; 0 if it is not made.
    pub share: u64,
    /// How long its caller is kept busy, ns, at most [`MOST_SPIN_NS`]; 0 if it is not.
    pub spin_ns: u64,
}

exact_layout!(Calls {
    outcomes: [Outcome; OUTCOMES],
    least: u64,
    most: u64,
    room: u64,
    used: u64,
    types: u32,
    signal: u32,
    share: u64,
    spin_ns: u64,
});

/// The longest that a caller may be kept busy inside the kernel.
pub const MOST_SPIN_NS: u64 = 100_000;

/// Not the number of a call, but the position in `pt_regs` of the register that holds it.
pub const IN_REGISTER: u32 = 1 << 16;

/// A file, by what stays the same when it is renamed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileKey {
    pub inode: u64,
    /// As the kernel keeps it: the major number above 20 bits of the minor one.
    pub device: u32,
    /// Always 0.
    pub reserved: u32,
}

exact_layout!(FileKey {
    inode: u64,
    device: u32,
    reserved: u32,
});

/// Files and directories that faults can be restricted to, at once.
pub const FILES: u32 = 1 << 14;

/// Directories above a file that are looked at.
pub const DEPTH: u32 = 32;

/// What a call is about, and where that is found: in the low byte which argument, from 0.
pub mod subject {
    /// Nothing that a fault asks about.
    pub const NONE: u32 = 0;
    /// A descriptor, in a register of the caller: its position in `pt_regs`.
    pub const DESCRIPTOR: u32 = 1 << 8;
    /// A `struct file *`.
    pub const FILE: u32 = 2 << 8;
    /// A `struct dentry *`.
    pub const DENTRY: u32 = 3 << 8;
    /// A `struct path *`.
    pub const PATH: u32 = 4 << 8;
    /// A `struct file *` that counts only if it is being opened to be written to, and was there before.
    pub const WRITER: u32 = 5 << 8;
    /// Of the kinds above.
    pub const KIND: u32 = 0xFF00;
}

/// Where it is said how many bytes a call is about: in the low byte which argument.
pub mod count {
    /// Nowhere.
    pub const NONE: u32 = 0;
    /// In a register of the caller: its position in `pt_regs`.
    pub const REGISTER: u32 = 1 << 8;
    /// In the pieces that the second argument points to, as many as the third says.
    pub const PIECES: u32 = 2 << 8;
    /// In an argument of the hook, from 0, in pages.
    pub const PAGES: u32 = 3 << 8;
    /// Where the number of the call tells: one of the first two, in the `SIZES` array.
    pub const CALL: u32 = 4 << 8;
    /// Of the kinds above.
    pub const KIND: u32 = 0xFF00;
}

/// Of the pieces of memory of one call, so many are added up.
pub const MOST_PIECES: u32 = 64;

/// How large a page is.
pub const PAGE: u64 = 4096;

/// Of `file.f_flags`: not only to be read, and to be emptied.
pub const WRITES: u32 = 0o3 | 0o1000;

/// Of `file.f_mode`: it was made by this call.
pub const CREATED: u32 = 0x10_0000;

/// Byte offsets in this kernel's `task_struct`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskFields {
    /// `thread_info.status`.
    pub status: u32,
    /// `flags`.
    pub flags: u32,
    /// `files`.
    pub files: u32,
    /// `stack`.
    pub stack: u32,
    /// `cgroups`.
    pub cgroups: u32,
    /// `css_set.dfl_cgrp`.
    pub cgroup: u32,
    /// From the beginning of a task's stack to the registers with which it entered the kernel.
    pub registers: u32,
    /// Always 0.
    pub reserved: u32,
}

exact_layout!(TaskFields {
    status: u32,
    flags: u32,
    files: u32,
    stack: u32,
    cgroups: u32,
    cgroup: u32,
    registers: u32,
    reserved: u32,
});

/// Byte offsets on the way from a descriptor to what it stands for.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileFields {
    /// `files_struct.fdt`.
    pub table: u32,
    /// `fdtable.max_fds`.
    pub length: u32,
    /// `fdtable.fd`.
    pub array: u32,
    /// `file.f_path.dentry`.
    pub dentry: u32,
    /// `path.dentry`.
    pub path_dentry: u32,
    /// `dentry.d_parent`.
    pub parent: u32,
    /// `dentry.d_inode`.
    pub inode: u32,
    /// `inode.i_mode`.
    pub mode: u32,
    /// `inode.i_ino`.
    pub number: u32,
    /// `inode.i_sb`.
    pub superblock: u32,
    /// `super_block.s_dev`.
    pub device: u32,
    /// `file.f_flags`.
    pub flags: u32,
    /// `file.f_mode`.
    pub file_mode: u32,
    /// Always 0.
    pub reserved: u32,
}

exact_layout!(FileFields {
    table: u32,
    length: u32,
    array: u32,
    dentry: u32,
    path_dentry: u32,
    parent: u32,
    inode: u32,
    mode: u32,
    number: u32,
    superblock: u32,
    device: u32,
    flags: u32,
    file_mode: u32,
    reserved: u32,
});

/// Of `thread_info.status`: the call was made by 32-bit code or its way in, and has another number.
pub const COMPAT: u32 = 2;

/// Of `task_struct.flags`: a thread of the kernel, or one that it made for a process's `io_uring`.
pub const KERNEL_THREAD: u32 = 0x20_0000 | 0x10;

/// The system call by which a process lets `io_uring` make others.
pub const IO_URING_ENTER: u32 = 426;

/// What a caller's register for the result holds while its call is made (`-ENOSYS`): the kernel puts it there
/// on the way in and the result when the call has been made, before other work is done on the way back.
pub const NOT_MADE_YET: i64 = -38;

/// Processes that can be protected at once.
pub const PROTECTED: u32 = 1 << 14;

/// Positions of registers in `pt_regs` on `x86_64`, in words.
pub mod register {
    pub const R10: usize = 7;
    pub const R9: usize = 8;
    pub const R8: usize = 9;
    /// The result of the system call.
    pub const AX: usize = 10;
    pub const DX: usize = 12;
    pub const SI: usize = 13;
    pub const DI: usize = 14;
    /// The number of the system call.
    pub const ORIG_AX: usize = 15;
    /// Where its stack is.
    pub const SP: usize = 19;
}
