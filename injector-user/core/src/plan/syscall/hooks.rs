//! Which security hook decides about a system call.
//!
//! Only hooks that a call passes once, whatever its arguments, so that `when` counts calls: a look-up of
//! a path passes `security_inode_permission` for each of its parts, which is why `access` or `chdir` are
//! not here, and `getpgid` or `prlimit64` pass theirs only if they name another process. A call that fails before (there is no such file, no such descriptor) passes none, and is
//! not counted. Source: the call graphs of Linux 5.10 to 7.2, each tried on every kernel by the tests.

use crate::fault::syscall::{Failing, Opens, Resource, Syscall};
use crate::plan::decision::Subject;

/// The hooks that decide what `failing` asks about a system call: one of them for each of its ways,
/// where it has several.
pub(super) fn asked(failing: &Failing, syscall: Syscall) -> &'static [&'static str] {
    match (failing.asks_for, failing.opens) {
        (Some(Resource::Memory), _) => &[OF_MEMORY],
        (Some(Resource::Descriptor), _) if !DUPLICATING.contains(&syscall.name()) => &[OF_FILES],
        (Some(Resource::Descriptor), _) => &[],
        (None, Some(Opens::Writing)) if opens(syscall) => &[OPENED, MADE],
        (None, Some(Opens::Creating)) if opens(syscall) => &[MADE],
        (None, _) => of(syscall.name()),
    }
}

/// Whether it opens files by their names.
pub(super) fn opens(syscall: Syscall) -> bool {
    of(syscall.name()) == [OPENED]
}

/// How many pages its argument 1 says. A fork asks for each part of the memory that it copies.
pub(super) const OF_MEMORY: &str = "security_vm_enough_memory_mm";

/// Before anything is made or taken from a queue. What has two descriptors passes it twice.
const OF_FILES: &str = "security_file_alloc";

/// They have a descriptor of a file that is open already.
const DUPLICATING: [&str; 3] = ["dup", "dup2", "dup3"];

const OPENED: &str = "security_file_open";

/// A file that is being made passes it first, and then [`OPENED`], where it counts no more.
const MADE: &str = "security_inode_create";

/// The hooks of a system call: one of them for each of its ways, where it has several.
fn of(syscall: &str) -> &'static [&'static str] {
    let found = HOOKS.iter().find(|(calls, _)| calls.contains(&syscall));
    found.map_or(&[], |(_, hooks)| hooks)
}

/// Whether a positive result of the hook is what the call returns, so that it can succeed without
/// having done anything: `rw_verify_area` passes it on.
pub(super) fn passes_results(syscall: &str) -> bool {
    TRANSFERS.contains(&syscall)
}

/// Whether the kernel comes to this hook without a lock that others would wait for: of a directory, a file,
/// or a whole file system. Only there may a caller sleep.
pub(super) fn is_unlocked(hook: &str) -> bool {
    !UNDER_LOCK.contains(&hook)
}

/// Source: their callers in `fs/namei.c`, `fs/open.c`, `fs/attr.c` and `fs/xattr.c` of Linux 6.12.
const UNDER_LOCK: [&str; 15] = [
    "security_inode_create",
    "security_inode_link",
    "security_inode_unlink",
    "security_inode_symlink",
    "security_inode_mkdir",
    "security_inode_rmdir",
    "security_inode_rename",
    "security_inode_setattr",
    "security_inode_setxattr",
    "security_inode_removexattr",
    "security_path_mknod",
    "security_path_chmod",
    "security_path_chown",
    "security_path_truncate",
    "security_file_truncate",
];

/// What a hook's calls are about; none where its arguments differ between kernels, or are no file.
pub(super) fn subject(failing: &Failing, hook: &str) -> Option<Subject> {
    if failing.opens == Some(Opens::Writing) && hook == OPENED {
        return Some(Subject::Writer(0));
    }
    let found = SUBJECTS.iter().find(|(_, hooks)| hooks.contains(&hook));
    found.map(|(subject, _)| *subject)
}

const SUBJECTS: [(Subject, &[&str]); 4] = [
    (
        Subject::File(0),
        &[
            "security_file_open",
            "security_file_permission",
            "security_file_truncate",
            "security_file_ioctl",
            "security_file_fcntl",
            "security_file_lock",
            "security_mmap_file",
        ],
    ),
    (
        Subject::Path(0),
        &[
            "security_path_truncate",
            "security_inode_getattr",
            "security_path_chmod",
            "security_path_chown",
            "security_path_chroot",
            "security_path_notify",
        ],
    ),
    (
        Subject::Dentry(0),
        &[
            "security_inode_link",
            "security_inode_readlink",
            "security_inode_getxattr",
            "security_inode_listxattr",
            "security_sb_statfs",
        ],
    ),
    (
        Subject::Dentry(1),
        &[
            "security_inode_unlink",
            "security_inode_rmdir",
            "security_inode_rename",
            "security_inode_mkdir",
            "security_inode_create",
            "security_inode_symlink",
            "security_path_mknod",
        ],
    ),
];

const TRANSFERS: [&str; 10] = [
    "read", "pread64", "readv", "preadv", "preadv2", "write", "pwrite64", "writev", "pwritev",
    "pwritev2",
];

type Row = (&'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const HOOKS: &[Row] = &[
    // Files, by path.
    (&["open", "openat", "openat2", "creat"], &[OPENED]),
    (&["unlink"], &["security_inode_unlink"]),
    (&["unlinkat"], &["security_inode_unlink", "security_inode_rmdir"]),
    (&["rmdir"], &["security_inode_rmdir"]),
    (&["rename", "renameat", "renameat2"], &["security_inode_rename"]),
    (&["mkdir", "mkdirat"], &["security_inode_mkdir"]),
    (&["mknod", "mknodat"], &["security_path_mknod"]),
    (&["symlink", "symlinkat"], &["security_inode_symlink"]),
    (&["link", "linkat"], &["security_inode_link"]),
    (&["readlink", "readlinkat"], &["security_inode_readlink"]),
    (&["truncate"], &["security_path_truncate"]),
    (&["stat", "lstat", "newfstatat", "statx", "fstat"], &["security_inode_getattr"]),
    (&["chmod", "fchmod", "fchmodat", "fchmodat2"], &["security_path_chmod"]),
    (&["chown", "lchown", "fchown", "fchownat"], &["security_path_chown"]),
    (&["utime", "utimes", "futimesat", "utimensat"], &["security_inode_setattr"]),
    (&["statfs", "fstatfs"], &["security_sb_statfs"]),
    (&["setxattr", "lsetxattr", "fsetxattr"], &["security_inode_setxattr"]),
    (&["getxattr", "lgetxattr", "fgetxattr"], &["security_inode_getxattr"]),
    (&["listxattr", "llistxattr", "flistxattr"], &["security_inode_listxattr"]),
    (&["removexattr", "lremovexattr", "fremovexattr"], &["security_inode_removexattr"]),
    (&["chroot"], &["security_path_chroot"]),
    (&["mount"], &["security_sb_mount"]),
    (&["umount2"], &["security_sb_umount"]),
    (&["inotify_add_watch"], &["security_path_notify"]),
    // Files, by descriptor.
    (&["read", "pread64", "readv", "preadv", "preadv2", "getdents", "getdents64"],
     &["security_file_permission"]),
    (&["write", "pwrite64", "writev", "pwritev", "pwritev2", "fallocate"],
     &["security_file_permission"]),
    (&["ftruncate"], &["security_file_truncate", "security_path_truncate"]),
    (&["ioctl"], &["security_file_ioctl"]),
    (&["fcntl"], &["security_file_fcntl"]),
    (&["flock"], &["security_file_lock"]),
    // Memory.
    (&["mmap"], &["security_mmap_file"]),
    // Sockets.
    (&["socket"], &["security_socket_create"]),
    (&["bind"], &["security_socket_bind"]),
    (&["connect"], &["security_socket_connect"]),
    (&["listen"], &["security_socket_listen"]),
    (&["accept", "accept4"], &["security_socket_accept"]),
    (&["sendto", "sendmsg"], &["security_socket_sendmsg"]),
    (&["recvfrom", "recvmsg"], &["security_socket_recvmsg"]),
    (&["getsockname"], &["security_socket_getsockname"]),
    (&["getpeername"], &["security_socket_getpeername"]),
    (&["getsockopt"], &["security_socket_getsockopt"]),
    (&["setsockopt"], &["security_socket_setsockopt"]),
    (&["shutdown"], &["security_socket_shutdown"]),
    // Processes.
    (&["execve", "execveat"], &["security_bprm_creds_for_exec"]),
    (&["fork", "vfork", "clone", "clone3"], &["security_task_alloc"]),
    (&["kill", "tkill", "tgkill"], &["security_task_kill"]),
    (&["setpgid"], &["security_task_setpgid"]),
    (&["setpriority"], &["security_task_setnice"]),
    (&["sched_setscheduler", "sched_setparam", "sched_setaffinity"],
     &["security_task_setscheduler"]),
    (&["sched_getscheduler", "sched_getparam", "sched_getaffinity"],
     &["security_task_getscheduler"]),
    (&["ioprio_set"], &["security_task_setioprio"]),
    (&["ioprio_get"], &["security_task_getioprio"]),
    (&["prctl"], &["security_task_prctl"]),
    (&["setuid", "setreuid", "setresuid"], &["security_task_fix_setuid"]),
    // The system.
    (&["syslog"], &["security_syslog"]),
    (&["settimeofday", "clock_settime"], &["security_settime64"]),
    (&["bpf"], &["security_bpf"]),
    (&["perf_event_open"], &["security_perf_event_open"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{HOOKS, TRANSFERS, UNDER_LOCK, of};

    #[test]
    fn what_is_said_of_locks_is_said_of_hooks_that_there_are() {
        let all = HOOKS.iter().flat_map(|(_, hooks)| *hooks);
        let all: BTreeSet<&str> = all.chain(&[super::MADE]).copied().collect();
        assert!(UNDER_LOCK.iter().all(|hook| all.contains(hook)));
    }

    #[test]
    fn every_system_call_is_there_once() {
        let all: Vec<&str> = HOOKS
            .iter()
            .flat_map(|(calls, _)| *calls)
            .copied()
            .collect();
        let once: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), once.len());
        assert!(all.len() >= 60, "{}", all.len());
        assert!(all.iter().all(|call| !of(call).is_empty()));
        assert!(
            TRANSFERS
                .iter()
                .all(|call| of(call) == ["security_file_permission"])
        );
    }
}
