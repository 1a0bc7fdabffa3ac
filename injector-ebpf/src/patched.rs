//! Constants that the loader writes into its copy of the instructions before it loads them.

macro_rules! patched {
    ($(#[$doc:meta])* $name:ident, $magic:literal, $abi:ident) => {
        $(#[$doc])*
        #[inline(always)]
        #[must_use]
        pub fn $name() -> u32 {
            const _: () = assert!($magic == injector_abi::$abi);
            #[cfg(target_arch = "bpf")]
            {
                let value: u64;
                // SAFETY: a move of a constant into a register, which touches nothing else.
                unsafe { core::arch::asm!(concat!("{} = ", $magic), out(reg) value, options(pure, nomem)) };
                value as u32
            }
            #[cfg(not(target_arch = "bpf"))]
            {
                $magic
            }
        }
    };
}

patched!(
    /// The hook that this instance of the program is attached at.
    hook, 0x5173_E001, HOOK_MAGIC
);
patched!(
    /// Offset of `task_struct.pid`.
    task_pid_offset, 0x5173_E002, TASK_PID_MAGIC
);
patched!(
    /// Offset of `task_struct.tgid`.
    task_tgid_offset, 0x5173_E003, TASK_TGID_MAGIC
);
patched!(
    /// The engine's number in its own pid namespace.
    engine_pid, 0x5173_E004, ENGINE_PID_MAGIC
);
patched!(
    /// Device of the engine's pid namespace.
    pid_namespace_device, 0x5173_E005, PID_NAMESPACE_DEVICE_MAGIC
);
patched!(
    /// Inode of the engine's pid namespace.
    pid_namespace_inode, 0x5173_E006, PID_NAMESPACE_INODE_MAGIC
);
patched!(
    /// The mark of a packet that this line gives back.
    resume, 0x5173_E007, RESUME_MAGIC
);
patched!(
    /// Bytes before the IP header where this instance of the program is attached.
    link_header, 0x5173_E008, LINK_HEADER_MAGIC
);
patched!(
    /// Whether this instance of the program does everything. The verifier passes over what it does not
    /// do, which is most of the time that it takes.
    thorough, 0x5173_E009, THOROUGH_MAGIC
);
patched!(
    /// Where it is said how many bytes a system call is about.
    count, 0x5173_E00A, COUNT_MAGIC
);
patched!(
    /// What a system call is about, and which argument that is.
    subject, 0x5173_E00B, SUBJECT_MAGIC
);
patched!(
    /// The number of the system call that this instance of the program is for, or which register says so.
    number, 0x5173_E00C, NUMBER_MAGIC
);
patched!(
    /// What this kernel lacks: bits of `injector_abi::lack`. The verifier passes over what is for other
    /// kernels.
    lack, 0x5173_E00D, LACK_MAGIC
);
patched!(
    /// How many bytes of instructions a call that is not made takes with it.
    skip, 0x5173_E010, SKIP_MAGIC
);
patched!(
    /// Cells of a row of observers: processors that there may come to be.
    processors, 0x5173_E011, PROCESSORS_MAGIC
);
