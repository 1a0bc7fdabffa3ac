//! Which calls fail, with what, and whose.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;
use injector_core::fault::Kind;
use nix::errno::Errno;
use temblor_tests::elf::{self, Width};
use temblor_tests::{Caller, Commanded, params, wait_until};

use super::scene::{close, file, run};
use crate::stage::{DEADLINE, Stage};

const EIO: i32 = Errno::EIO as i32;

#[test]
fn every_call_of_any_thread_fails_with_the_errno_that_was_asked_for() -> Result<()> {
    let stage = Stage::set()?;
    let known = Caller::known()?;
    let calls: Vec<&str> = known.iter().map(String::as_str).collect();
    let all = known.join(",");
    for errno in [Errno::EIO, Errno::ENOSPC, Errno::EHWPOISON, Errno::EPERM] {
        let number = (errno as i32).to_string();
        let given = [
            ("duration", "60s"),
            ("syscalls", &*all),
            ("errno", &*number),
            ("backend", "seccomp"),
        ];
        let mut commanded = Commanded::suffering(&stage.engine, 1, &calls, &given)?;
        let mut other = Caller::start(1, &calls)?;
        commanded.caller.begin()?;
        let spared = other.round()?;
        let armed = commanded.armed.clone();
        let all_made = calls.len() as u64;
        wait_until("all calls are made", DEADLINE, || {
            let report = commanded.client.snapshot(&armed.fault);
            report.is_ok_and(|report| report.counters.injected >= all_made)
        })?;
        let report = commanded.client.stop_one(&armed)?;
        let told = commanded.caller.tell()?;
        let expect = |value: i32| -> BTreeMap<String, Vec<i32>> {
            let each = known.iter().map(|name| (name.clone(), vec![value]));
            each.collect()
        };
        assert_eq!(told, expect(errno as i32));
        assert_eq!(spared, expect(0));
        assert!(report.counters.identity_holds(), "{report:?}");
        let after = commanded.caller.round()?;
        assert!(
            after.values().flatten().all(|errno| *errno == 0),
            "{after:?}"
        );
    }
    close(stage)
}

#[test]
fn what_is_forked_and_executed_suffers_too() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let path = file(&folder, "file")?;
    let path = path.display();
    let script = format!(
        "sync {path} 2>/dev/null; echo :$?; (sync {path} 2>/dev/null; echo :$?); \
         exec sh -c 'sync {path} 2>/dev/null; echo :$?; cat {path} >/dev/null; echo :$?'"
    );
    let ran = run(&stage, "--syscalls fsync --errno EIO", &script)?;
    assert_eq!(ran.lines, ["1", "1", "1", "0"]);
    assert_eq!(
        (ran.count("matched"), ran.count("injected")),
        (Some(3), Some(3))
    );
    close(stage)
}

#[test]
fn the_calls_that_are_meant_fail_by_number() -> Result<()> {
    let stage = Stage::set()?;
    let cases: [(&str, &[i32]); 3] = [
        ("3", &[0, 0, EIO, 0, 0, 0]),
        ("2+2", &[0, EIO, 0, EIO, 0, EIO]),
        ("2..4", &[0, EIO, EIO, EIO, 0, 0]),
    ];
    for (when, expected) in cases {
        let given = [
            ("duration", "60s"),
            ("syscalls", "fsync"),
            ("errno", "EIO"),
            ("when", when),
            ("backend", "seccomp"),
        ];
        let mut commanded = Commanded::suffering(&stage.engine, 6, &["fsync"], &given)?;
        assert_eq!(commanded.caller.round()?["fsync"], expected);
        let armed = commanded.armed.clone();
        let counters = commanded.client.stop_one(&armed)?.counters;
        let hit = expected.iter().filter(|errno| **errno != 0).count() as u64;
        assert_eq!((counters.matched, counters.injected), (6, hit));
        assert_eq!((counters.eligible, counters.outside), (hit, 6 - hit));
    }
    close(stage)
}

#[test]
fn a_rehearsal_counts_and_does_nothing() -> Result<()> {
    let stage = Stage::set()?;
    let given = [
        ("duration", "60s"),
        ("syscalls", "fsync"),
        ("errno", "EIO"),
        ("max_hits", "3"),
        ("backend", "seccomp"),
    ];
    let mut commanded = Commanded::start(&stage.engine, 2, &["fsync"], &given)?;
    assert_eq!(commanded.caller.round()?["fsync"], [0, 0]);
    let armed = commanded.armed.clone();
    let counted = commanded.client.act(&armed)?;
    assert_eq!(
        (counted.counters.matched, counted.counters.injected),
        (2, 2)
    );
    let felt: Vec<i32> = (0..4)
        .map(|_| commanded.one("fsync"))
        .collect::<Result<_>>()?;
    assert_eq!(felt, [EIO, EIO, EIO, 0]);
    drop(commanded);
    close(stage)
}

#[test]
fn a_call_may_succeed_without_having_been_made() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("written");
    let script = format!(
        "dd if=/dev/zero of={} bs=1000 count=4 2>/dev/null; echo :$?",
        path.display()
    );
    let given = "--syscalls write --fd file --size 1000 --retval requested --when 2";
    let ran = run(&stage, given, &script)?;
    assert_eq!(ran.lines, ["0"]);
    assert_eq!(
        (ran.count("matched"), ran.count("injected")),
        (Some(4), Some(1))
    );
    assert_eq!(fs::metadata(&path)?.len(), 3000, "one write is lost");

    let folder_made = folder.path().join("never");
    let script = format!("mkdir {}; echo :$?", folder_made.display());
    let ran = run(&stage, "--syscalls mkdir --retval 0", &script)?;
    assert_eq!(ran.lines, ["0"]);
    assert_eq!(ran.count("injected"), Some(1));
    assert!(!folder_made.exists());

    // A short read: only so much is believed to have come.
    let source = file(&folder, "source")?;
    let script = format!("echo :$(cat {})", source.display());
    let ran = run(
        &stage,
        "--syscalls read --fd file --size 64KiB.. --retval 0",
        &script,
    )?;
    assert_eq!(ran.lines, [""]);
    close(stage)
}

#[test]
fn a_transfer_may_be_made_in_part() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let (source, copy) = (folder.path().join("source"), folder.path().join("copy"));
    let numbers: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
    let numbers = numbers.join("\n");
    fs::write(&source, &numbers)?;
    let script = format!(
        "dd if={} of={} bs=1000 count=4 2>/dev/null; echo :$?",
        source.display(),
        copy.display()
    );
    let cases = [("read", "2", 3500), ("write", "1..3+2", 4000)];
    for (call, when, length) in cases {
        let given = format!("--syscalls {call} --fd file --size 1000 --short 50% --when {when}");
        let ran = run(&stage, &given, &script)?;
        assert_eq!(ran.lines, ["0"], "{call}");
        assert_eq!(
            ran.count("injected"),
            Some(when.len().min(2) as u64),
            "{call}"
        );
        // Whatever comes after goes on where it ended.
        let made = fs::read_to_string(&copy)?;
        assert_eq!((made.len(), &*made), (length, &numbers[..length]), "{call}");
    }
    close(stage)
}

/// `getpgid(0)`, and ends with what came of it: a program of nothing else.
const TINY: [u8; 26] = [
    0xb8, 121, 0, 0, 0, // mov eax, 121
    0x31, 0xff, // xor edi, edi
    0x0f, 0x05, // syscall
    0xf7, 0xd8, // neg eax
    0x89, 0xc7, // mov edi, eax
    0xb8, 60, 0, 0, 0, // mov eax, 60
    0x0f, 0x05, // syscall
    0, 0, 0, 0, 0, 0,
];

#[test]
fn a_program_without_a_library_suffers_too() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tiny");
    fs::write(&path, elf::program(Width::Wide, &TINY))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    let script = format!("{}; echo :$?", path.display());
    let ran = run(&stage, "--syscalls getpgid --errno EHWPOISON", &script)?;
    assert_eq!(ran.lines, [(Errno::EHWPOISON as i32).to_string()]);
    close(stage)
}

#[test]
fn the_command_begins_whatever_fails() -> Result<()> {
    let stage = Stage::set()?;
    // All that is needed to begin: its own start is spared, and no call of it is.
    let given = "--syscalls execve,prctl,setuid,setgid,setgroups --errno EIO";
    let ran = run(&stage, given, "/bin/true; echo :$?")?;
    assert_eq!(ran.lines, ["126"]);
    close(stage)
}

#[test]
fn only_a_command_has_a_filter() -> Result<()> {
    let stage = Stage::set()?;
    let given = params([
        ("target", format!("pid:{}", stage.other.pid()).as_str()),
        ("duration", "60s"),
        ("syscalls", "fsync"),
        ("errno", "EIO"),
        ("backend", "seccomp"),
    ]);
    let failure = stage.engine.client()?.refusal(Kind::SyscallError, &given)?;
    let said = &failure.problems[0].message;
    assert!(
        said.contains("seccomp: only for a command that Temblor starts: `-- COMMAND`"),
        "{failure:?}"
    );
    close(stage)
}
