//! The kernel's functions that faults of system calls are about, by their numbers in its BTF.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use injector_abi::syscall::{FileFields, TaskFields};
use injector_core::fault::Kind;
use injector_core::plan::{Inventory, Mechanism};

use super::btf::{Btf, BtfError, FUNCTION, TYPEDEF, running};
use super::older;

/// How the names begin of functions that are system calls, security hooks, and what the BPF LSM calls at
/// those.
const PREFIXES: [&str; 3] = ["__x64_sys_", "security_", "bpf_lsm_"];

/// How the names begin of functions about tasks that programs may call.
const CALLED: &str = "bpf_task_";

/// The tracepoint that system calls pass when they have been made, as programs know it whose arguments have
/// types.
pub(super) const EXIT: &str = "btf_trace_sys_exit";

/// Security hooks that get structures instead of addresses of them.
const BY_VALUE: [&str; 1] = ["_path_chown"];

/// The ways that are at a call's own function.
const OF_WHOLE_CALLS: [Mechanism; 5] = [
    Mechanism::SyscallReturn,
    Mechanism::SyscallOverride,
    Mechanism::SleepAtCall,
    Mechanism::SleepInTurn,
    Mechanism::SleepOnReturn,
];

/// A system call that every kernel has.
const CERTAIN: &str = "__x64_sys_getpgid";

/// Functions by name, and where the kernel keeps what programs need to know of their caller.
#[derive(Debug)]
pub struct Functions {
    numbers: BTreeMap<String, u32>,
    /// Those that programs may call.
    called: BTreeMap<String, u32>,
    /// Of the tracepoint [`EXIT`].
    exit: Option<u32>,
    task: TaskFields,
    file: FileFields,
    /// Found out when it is asked for.
    unfit: OnceLock<BTreeSet<String>>,
    /// As above.
    awake: OnceLock<BTreeSet<String>>,
}

impl Functions {
    /// Those of the running kernel, which stay as they are. Reading them takes some milliseconds, the first
    /// time.
    pub(super) fn known() -> Result<&'static Self, BtfError> {
        static KNOWN: OnceLock<Functions> = OnceLock::new();
        if let Some(known) = KNOWN.get() {
            return Ok(known);
        }
        let read = Self::read()?;
        Ok(KNOWN.get_or_init(|| read))
    }

    fn read() -> Result<Self, BtfError> {
        let bytes = running()?;
        let btf = Btf::open(&bytes, &STRUCTURES)?;
        let [thread, flags, files] =
            btf.offsets("task_struct", ["thread_info", "flags", "files"])?;
        let [status] = btf.offsets("thread_info", ["status"])?;
        let functions = PREFIXES.iter().chain([&CALLED]);
        let wanted = functions.map(|prefix| (FUNCTION, *prefix));
        let wanted: Vec<_> = wanted.chain([(TYPEDEF, EXIT)]).collect();
        let mut numbers = btf.named(&wanted)?;
        let exit = numbers.remove(EXIT);
        let called = numbers
            .extract_if(.., |name, _| name.starts_with(CALLED))
            .collect();
        numbers.retain(|name, number| {
            let by_value = BY_VALUE.iter().any(|hook| name.ends_with(hook));
            !by_value || older::can_change(*number)
        });
        Ok(Self {
            numbers,
            called,
            exit,
            task: TaskFields {
                status: thread + status,
                flags,
                files,
                reserved: 0,
                ..older_fields(&btf)
            },
            file: file_fields(&btf)?,
            unfit: OnceLock::new(),
            awake: OnceLock::new(),
        })
    }

    /// The names of all that a plan for `kind` may depend on. A kernel that does not describe itself has
    /// none.
    pub fn needed_by(kind: Kind, inventory: &Inventory) -> BTreeSet<String> {
        let known = kind.is_of_calls().then(Self::known);
        let Some(Ok(all)) = known else {
            return BTreeSet::new();
        };
        let whole = OF_WHOLE_CALLS
            .iter()
            .any(|way| inventory.usable(*way).is_ok());
        let unfit = if whole { all.unfit() } else { &BTreeSet::new() };
        // Of the BPF LSM only what lets programs sleep, if they are to.
        let sleeps = kind.is_of_sleep() && inventory.usable(Mechanism::SleepInLsm).is_ok();
        let awake = if sleeps {
            all.awake()
        } else {
            &BTreeSet::new()
        };
        let names = all.numbers.keys();
        let names = names.filter(|name| !unfit.contains(*name) && !awake.contains(*name));
        names.cloned().collect()
    }

    /// What stands for system calls that the running kernel was built without: it gives ENOSYS and takes
    /// no programs. None where no call takes any.
    fn unfit(&self) -> &BTreeSet<String> {
        self.unfit.get_or_init(|| {
            if !self.number(CERTAIN).is_some_and(older::can_change) {
                return BTreeSet::new();
            }
            let [calls, ..] = PREFIXES;
            let calls = self
                .numbers
                .iter()
                .filter(|(name, _)| name.starts_with(calls));
            let unfit = calls.filter(|(_, number)| !older::can_change(**number));
            unfit.map(|(name, _)| name.clone()).collect()
        })
    }

    /// What the BPF LSM calls at hooks where programs may not sleep.
    fn awake(&self) -> &BTreeSet<String> {
        self.awake.get_or_init(|| {
            let [.., lsm] = PREFIXES;
            let of_lsm = self
                .numbers
                .iter()
                .filter(|(name, _)| name.starts_with(lsm));
            let awake = of_lsm.filter(|(_, number)| !older::can_sleep(**number));
            awake.map(|(name, _)| name.clone()).collect()
        })
    }

    /// The number of a function, if the kernel has it.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The number of the first of these that the kernel has, of functions that programs may call.
    pub(super) fn called(&self, names: &[&str]) -> Option<u32> {
        let mut names = names.iter();
        names.find_map(|name| self.called.get(*name).copied())
    }

    /// The number of the tracepoint [`EXIT`].
    pub(super) fn exit(&self) -> Option<u32> {
        self.exit
    }

    pub(super) fn task(&self) -> TaskFields {
        self.task
    }

    pub(super) fn file(&self) -> FileFields {
        self.file
    }
}

/// Those that hold what programs need to know.
const STRUCTURES: [&str; 10] = [
    "task_struct",
    "thread_info",
    "css_set",
    "files_struct",
    "fdtable",
    "file",
    "path",
    "dentry",
    "inode",
    "super_block",
];

/// What only programs of older kernels read: elsewhere it need not be there.
fn older_fields(btf: &Btf<'_>) -> TaskFields {
    let [stack, cgroups] = btf
        .offsets("task_struct", ["stack", "cgroups"])
        .unwrap_or_default();
    let [cgroup] = btf.offsets("css_set", ["dfl_cgrp"]).unwrap_or_default();
    TaskFields {
        stack,
        cgroups,
        cgroup,
        registers: STACK - REGISTERS,
        ..TaskFields::default()
    }
}

/// Bytes of a task's stack on `x86_64`, and of the registers at its end.
const STACK: u32 = 16 << 10;
const REGISTERS: u32 = 21 * 8;

fn file_fields(btf: &Btf<'_>) -> Result<FileFields, BtfError> {
    let [table] = btf.offsets("files_struct", ["fdt"])?;
    let [length, array] = btf.offsets("fdtable", ["max_fds", "fd"])?;
    let [path, flags, file_mode] = btf.offsets("file", ["f_path", "f_flags", "f_mode"])?;
    let [path_dentry] = btf.offsets("path", ["dentry"])?;
    let [parent, inode] = btf.offsets("dentry", ["d_parent", "d_inode"])?;
    let [mode, number, superblock] = btf.offsets("inode", ["i_mode", "i_ino", "i_sb"])?;
    let [device] = btf.offsets("super_block", ["s_dev"])?;
    Ok(FileFields {
        table,
        length,
        array,
        dentry: path + path_dentry,
        path_dentry,
        parent,
        inode,
        mode,
        number,
        superblock,
        device,
        flags,
        file_mode,
        reserved: 0,
    })
}
