//! By which means system calls are met, and what is said of those that are not.

use super::decision::{Mechanism, Plan};
use super::inventory::{CapabilityState, Inventory};
use super::make::plan;
use super::sites::{Number, Site};
use super::tests::{check_refused, hooks, inventory, spec};
use crate::fault::syscall::Outcome;
use crate::fault::{Action, CallFault, FaultSpec};

/// A host where no program gets at functions, and 200 makes `fsync` and `read` from its library.
fn host() -> Inventory {
    let site = |number, offsets: &[u64]| Site {
        path: "/lib/libc.so.6".to_owned(),
        device: 1,
        inode: 2,
        number,
        length: 7,
        offsets: offsets.to_vec(),
    };
    Inventory {
        sites: vec![
            site(Number::Call(0), &[10, 20]),
            site(Number::Call(74), &[30]),
            site(Number::Register(14), &[40]),
        ],
        ..inventory()
    }
}

fn planned(inventory: &Inventory, text: &str) -> Plan {
    plan(inventory, &spec(text)).unwrap()
}

fn warns(plan: &Plan, words: &str) -> bool {
    plan.warnings.iter().any(|warning| warning.contains(words))
}

fn short(text: &str) -> FaultSpec {
    let mut spec = spec(text);
    if let Action::Calls(CallFault::Error(failing)) = &mut spec.action {
        failing.outcome = Outcome::Short("50%".parse().unwrap());
    }
    spec
}

#[test]
fn nobody_sleeps_who_keeps_others_waiting() {
    let mut host = host();
    let able = crate::plan::Capability {
        state: CapabilityState::Supported,
        reason: String::new(),
    };
    host.capabilities.insert(Mechanism::SleepInLsm, able);
    host.functions = ["bpf_lsm_file_open", "bpf_lsm_inode_unlink"]
        .map(str::to_owned)
        .into();
    let made = planned(
        &host,
        "syscall.delay cgroup:/redis syscalls=openat latency=1s",
    );
    assert_eq!(made.mechanism, Mechanism::SleepInLsm);
    let refused = "syscall.delay cgroup:/redis syscalls=unlink latency=1s";
    let error = plan(&host, &spec(refused)).unwrap_err();
    assert!(error.reason.contains("holds a lock"), "{error:?}");
}

#[test]
fn who_is_to_sleep_after_a_call_is_met_where_others_are_not() {
    let mut host = host();
    for mechanism in [Mechanism::SleepOnReturn, Mechanism::SleepAfter] {
        let able = crate::plan::Capability {
            state: CapabilityState::Supported,
            reason: String::new(),
        };
        host.capabilities.insert(mechanism, able);
    }
    host.functions = ["__x64_sys_fsync".to_owned()].into();
    let asked = |more: &str| format!("syscall.delay cgroup:/redis latency=1s {more}");
    let by = |more: &str| planned(&host, &asked(more)).mechanism;
    assert_eq!(by("syscalls=fsync moment=after"), Mechanism::SleepOnReturn);
    // The kernel does not describe its function.
    assert_eq!(by("syscalls=sync moment=after"), Mechanism::SleepAfter);
    let everywhere = "syscalls=fsync moment=after backend=sys-exit";
    assert_eq!(by(everywhere), Mechanism::SleepAfter);
    for (more, reason) in [
        ("syscalls=fsync backend=fexit", "meets a call only after"),
        (
            "syscalls=fsync moment=after backend=lsm",
            "nothing of that kind is done after a call",
        ),
        (
            "syscalls=sync moment=after backend=fexit",
            "describes no function __x64_sys_sync",
        ),
    ] {
        let error = plan(&host, &spec(&asked(more))).unwrap_err();
        assert!(error.reason.contains(reason), "{error:?}");
    }
}

#[test]
fn calls_about_sockets_are_met_at_the_cgroup_and_the_plan_says_which_are_not() {
    let made = planned(
        &host(),
        "syscall.error cgroup:/redis syscalls=connect,setsockopt",
    );
    assert_eq!(
        made.mechanisms(),
        [Mechanism::CgroupSock, Mechanism::CgroupOption]
    );
    assert_eq!(
        hooks(&made),
        ["connect in cgroup /redis", "setsockopt in cgroup /redis"]
    );
    assert!(warns(&made, "connect only of IPv4 and IPv6 sockets"));
    assert!(warns(
        &made,
        "setsockopt only of sockets that were made in the target's cgroup"
    ));
    assert_eq!(made.select.cgroup.map(|cgroup| cgroup.id), Some(42));
}

#[test]
fn calls_are_met_in_the_program_where_nothing_better_is() {
    let made = planned(&host(), "syscall.error pid:200 syscalls=fsync,connect");
    assert_eq!(
        made.mechanisms(),
        [
            Mechanism::CgroupSock,
            Mechanism::ForkTracking,
            Mechanism::Uprobe
        ]
    );
    let places = hooks(&made);
    assert_eq!(
        places,
        [
            "connect in cgroup /redis",
            "an instruction of /lib/libc.so.6",
            "an instruction of /lib/libc.so.6"
        ]
    );
    assert!(warns(&made, "made through syscall(2)"));
    assert!(warns(&made, "are not even counted"));
    // What is asked of its arguments is known only where the call is.
    let made = planned(&host(), "syscall.error pid:200 syscalls=read size=8..");
    assert_eq!(hooks(&made), ["2 instructions of /lib/libc.so.6"]);
}

#[test]
fn only_there_is_a_call_made_in_part() {
    let made = plan(&host(), &short("syscall.error pid:200 syscalls=read")).unwrap();
    assert_eq!(hooks(&made), ["2 instructions of /lib/libc.so.6"]);
    let mut without = host();
    without.functions = ["__x64_sys_read".to_owned()].into();
    without.sites.clear();
    let refused = plan(&without, &short("syscall.error pid:200 syscalls=read")).unwrap_err();
    assert!(
        refused
            .reason
            .contains("fmod-ret: the call cannot be made in part there"),
        "{refused:?}"
    );
}

#[test]
fn a_backend_that_is_asked_for_and_absent_is_said_with_its_reason() {
    let doctor = "`temblor doctor --matrix` says which system calls can";
    let case = |inventory: &Inventory, backend: &str, reason: &str| {
        let text = format!("syscall.error pid:200 backend={backend}");
        let expected = format!(
            "--syscalls: `fsync` cannot be made to fail on this host ({reason})\nhint: {doctor}"
        );
        check_refused(inventory, &text, 3, &expected);
    };
    let mut none = host();
    for capability in none.capabilities.values_mut() {
        capability.state = CapabilityState::Unsupported;
        capability.reason = "this kernel has none".to_owned();
    }
    for (backend, mechanism) in [
        ("fmod-ret", "fmod-ret"),
        ("kprobe", "kprobe"),
        ("security", "security"),
        ("lsm", "lsm"),
        ("cgroup", "cgroup-sock"),
        ("uprobe", "uprobe"),
    ] {
        let reason = format!("{mechanism}: this kernel has none");
        case(&none, backend, &reason);
    }
    case(
        &host(),
        "cgroup",
        "cgroup-sock: the call passes no hook of a cgroup",
    );
    case(
        &inventory(),
        "uprobe",
        "uprobe: no process of the target has it in its program or a library",
    );
}

#[test]
fn a_class_is_covered_whole_for_a_command() {
    let mut spec = spec("syscall.error pid:1 syscalls=%network");
    spec.target = crate::target::Selector::Command(vec!["x".to_owned()]);
    let made = plan(&inventory(), &spec).unwrap();
    assert_eq!(made.mechanism, Mechanism::Seccomp);
    // Of anybody else, what can be.
    let made = planned(&inventory(), "syscall.error pid:200 syscalls=%network");
    assert!(warns(&made, "cannot be made to fail here, and pass"));
}
