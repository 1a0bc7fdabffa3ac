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
    /// Bit n: files whose type is n, as in the upper four bits of a mode.
    pub types: u32,
    /// Always 0.
    pub reserved: u32,
}

exact_layout!(Calls {
    outcomes: [Outcome; OUTCOMES],
    least: u64,
    most: u64,
    types: u32,
    reserved: u32,
});

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
    /// Of the kinds above.
    pub const KIND: u32 = 0xFF00;
}

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
    /// Always 0.
    pub reserved: u32,
}

exact_layout!(TaskFields {
    status: u32,
    flags: u32,
    files: u32,
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
    reserved: u32,
});

/// Of `thread_info.status`: the call was made by 32-bit code or its way in, and has another number.
pub const COMPAT: u32 = 2;

/// Of `task_struct.flags`: a thread of the kernel, or one that it made for a process's `io_uring`.
pub const KERNEL_THREAD: u32 = 0x20_0000 | 0x10;

/// Positions of registers in `pt_regs` on `x86_64`, in words.
pub mod register {
    pub const R10: usize = 7;
    pub const R9: usize = 8;
    pub const R8: usize = 9;
    pub const DX: usize = 12;
    pub const SI: usize = 13;
    pub const DI: usize = 14;
    /// The number of the system call.
    pub const ORIG_AX: usize = 15;
}
