//! Faults that it calls supported, done by a real engine to real processes.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::plan::{CapabilityState, Mechanism};
use injector_user::freezer::{Flavour, State};
use injector_user::target::Mounts;
use nix::errno::Errno;
use temblor_tests::order::{Doer, SocketCall};
use temblor_tests::pressed::{is_pressed, workers_in};
use temblor_tests::{Actor, Arrival, Caller, Cgroup, Engine, Node, Pen, params, wait_until};

use super::examine::{doctor, examine, states};
use crate::double::is_stopped;
use crate::sleep::Way;
use crate::stage::{DEADLINE, Stage};

const CONNREFUSED: i32 = Errno::ECONNREFUSED as i32;
const HOSTUNREACH: i32 = Errno::EHOSTUNREACH as i32;
const ABORTED: i32 = Errno::ECONNABORTED as i32;

#[test]
fn what_it_calls_supported_works_on_real_processes() -> Result<()> {
    let mut stage = Stage::set()?;
    let (mut said, _code) = examine(doctor(stage.engine.run_dir(), &[])?)?;
    // A mechanism that helps another does nothing where that one is missing.
    let faults = said["faults"].as_array_mut().context("faults are a list")?;
    faults.retain(|fault| fault["state"] == "supported");
    for (mechanism, (state, _reason)) in states(&said)? {
        if state == CapabilityState::Supported {
            works(mechanism, &mut stage).with_context(|| mechanism.to_string())?;
        }
    }
    stage.close()
}

#[test]
fn a_fault_goes_on_while_an_engine_finds_out_more() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let given = params([("target", target.as_str()), ("duration", "60s")]);
    let armed = client.arm(Kind::NetLoss, &given)?;
    // Of these the engine knows nothing yet.
    delays(
        &mut stage.other,
        &stage.engine,
        stage.echoes[0],
        &stage.world.other,
    )?;
    let report = client.snapshot(&armed.fault)?;
    assert_eq!(report.state, injector_user::protocol::State::Active);
    assert_eq!(
        stage.client.datagrams(stage.echoes[0], 3)?,
        (vec![], vec![])
    );
    client.stop_one(&armed)?;
    stage.close()
}

fn works(mechanism: Mechanism, stage: &mut Stage) -> Result<()> {
    match mechanism {
        Mechanism::TcxLoss => loses(mechanism, stage, &stage.client_netns(), "out"),
        Mechanism::SocketLookup => {
            let cgroup = Cgroup::make(Flavour::V2, "doctor")?;
            let _sibling = Actor::start_in(&stage.world.client.netns)?;
            cgroup.enter(stage.client.pid())?;
            loses(mechanism, stage, &cgroup.target(), "in")?;
            leave(&stage.client)
        }
        Mechanism::SocketStorage => {
            let _sibling = Actor::start_in(&stage.world.client.netns)?;
            let target = format!("pid:{}", stage.client.pid());
            loses(mechanism, stage, &target, "out")
        }
        Mechanism::TapDelay => {
            let to = stage.echoes[0];
            delays(&mut stage.client, &stage.engine, to, &stage.world.client)
        }
        Mechanism::TcxClone => changes(mechanism, Kind::NetDuplicate, &[], stage, |arrived| {
            arrived.len() == 6
        }),
        Mechanism::TcxRewrite => {
            let silent = [("how", "silent")];
            changes(mechanism, Kind::NetCorrupt, &silent, stage, |arrived| {
                arrived.len() == 3 && arrived.iter().all(|one| one.flipped == 1)
            })
        }
        Mechanism::TcxAnswer => rejects(stage),
        Mechanism::SockDestroy => resets(stage),
        Mechanism::CgroupSock => refuses(mechanism, stage, Doer::Thread),
        Mechanism::ForkTracking => refuses(mechanism, stage, Doer::NewChild),
        Mechanism::SyscallReturn
        | Mechanism::SyscallOverride
        | Mechanism::SecurityReturn
        | Mechanism::SecurityLsm => fails(
            mechanism,
            mechanism.name(),
            ["setpriority", "getsid"],
            &stage.engine,
        ),
        Mechanism::SyscallExit => kills(&stage.engine),
        Mechanism::SleepAtCall
        | Mechanism::SleepInLsm
        | Mechanism::SleepAtHook
        | Mechanism::SleepInTurn
        | Mechanism::SleepOnReturn
        | Mechanism::SleepAfter => waits(mechanism, &stage.engine),
        Mechanism::SpinAtHook => spins(&stage.engine),
        Mechanism::FreezerV2 => freezes(Flavour::V2, stage),
        Mechanism::FreezerV1 => freezes(Flavour::V1, stage),
        Mechanism::Pidfd => stops(stage),
        Mechanism::CpuWorker => presses(mechanism, Kind::CpuStress, stage),
        Mechanism::MemoryWorker => presses(mechanism, Kind::MemoryStress, stage),
        Mechanism::DiskWorker => presses(mechanism, Kind::DiskStress, stage),
        Mechanism::FillWorker => presses(mechanism, Kind::DiskFill, stage),
        Mechanism::CpuV2 | Mechanism::CpuV1 => limits(mechanism, Kind::CpuLimit, stage),
        Mechanism::MemoryV2 | Mechanism::MemoryV1 => limits(mechanism, Kind::MemoryLimit, stage),
        Mechanism::IoV2 => limits(mechanism, Kind::DiskSlow, stage),
        Mechanism::Seccomp => answers(stage),
        // Of these two the C library makes the first one.
        Mechanism::Uprobe => fails(
            mechanism,
            "uprobe",
            ["getsid", "setpriority"],
            &stage.engine,
        ),
        Mechanism::CgroupOption => {
            fails(mechanism, "cgroup", ["getsockopt", "getsid"], &stage.engine)
        }
    }
}

/// One call of a process that makes others too.
fn fails(
    mechanism: Mechanism,
    backend: &str,
    [call, other]: [&str; 2],
    engine: &Engine,
) -> Result<()> {
    let mut caller = Caller::start(1, &[call, other])?;
    let mut client = engine.client()?;
    let given = params([
        ("target", format!("pid:{}", caller.pid()).as_str()),
        ("duration", "60s"),
        ("syscalls", call),
        ("errno", "EHOSTDOWN"),
        ("backend", backend),
    ]);
    let armed = client.arm(Kind::SyscallError, &given)?;
    assert!(armed.plan.mechanisms().contains(&mechanism));
    let told = caller.round()?;
    assert_eq!(told[call], [Errno::EHOSTDOWN as i32]);
    assert_eq!(told[other], [0]);
    client.stop_one(&armed)?;
    assert_eq!(caller.round()?[call], [0]);
    Ok(())
}

/// A process that has made a call is killed, and one that makes others is not.
fn kills(engine: &Engine) -> Result<()> {
    let mut caller = Caller::start(1, &["getsid"])?;
    let mut beside = Caller::start(1, &["setpriority", "getsid"])?;
    let mut client = engine.client()?;
    let target = format!("pid:{}", caller.pid());
    let given = params([
        ("target", target.as_str()),
        ("duration", "60s"),
        ("syscalls", "getsid"),
        ("moment", "after"),
    ]);
    let armed = client.arm(Kind::ProcessCrash, &given)?;
    assert_eq!(armed.plan.mechanism, Mechanism::SyscallExit);
    assert!(caller.round().is_err(), "it lives");
    assert_eq!(beside.round()?["getsid"], [0]);
    let report = client.stop_one(&armed)?;
    assert_eq!(report.counters.injected, 1);
    Ok(())
}

/// One call of a process that takes as long as was asked.
fn waits(mechanism: Mechanism, engine: &Engine) -> Result<()> {
    let way = Way::of(mechanism);
    let mut caller = Caller::start(1, &[way.call])?;
    let mut client = engine.client()?;
    let target = format!("pid:{}", caller.pid());
    let armed = way.arm(&mut client, &target, &[("latency", "300ms")])?;
    assert_eq!(armed.plan.mechanism, mechanism);
    let begun = Instant::now();
    assert_eq!(caller.round()?[way.call], [0]);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let report = client.stop_one(&armed)?;
    assert!(report.counters.injected >= 1, "{report:?}");
    Ok(())
}

/// The same for one that is kept busy meanwhile.
fn spins(engine: &Engine) -> Result<()> {
    let call = "pwrite64";
    let mut caller = Caller::start(1, &[call])?;
    let mut client = engine.client()?;
    let target = format!("pid:{}", caller.pid());
    let given = params([
        ("target", target.as_str()),
        ("duration", "60s"),
        ("syscalls", call),
        ("latency", "100us"),
        ("backend", "spin"),
    ]);
    let armed = client.arm(Kind::SyscallDelay, &given)?;
    let begun = Instant::now();
    assert_eq!(caller.round()?[call], [0]);
    assert!(begun.elapsed() >= Duration::from_micros(100));
    assert_eq!(client.stop_one(&armed)?.counters.injected, 1);
    Ok(())
}

/// One call of a command that makes others too.
fn answers(stage: &Stage) -> Result<()> {
    let words = "inject syscall.error --json --duration 60s --syscalls getpgid,fsync --errno EHOSTDOWN \
                 --backend seccomp -- sync /tmp";
    let words: Vec<&str> = words.split_whitespace().collect();
    let report = stage.cli().run(&words)?.json()?;
    assert_eq!(report["plan"]["mechanism"], "seccomp");
    assert_eq!(report["counters"]["injected"], 1);
    assert_eq!(report["command"]["exit_code"], 1);
    Ok(())
}

fn loses(mechanism: Mechanism, stage: &mut Stage, target: &str, direction: &str) -> Result<()> {
    let mut client = stage.engine.client()?;
    let given = params([
        ("target", target),
        ("duration", "60s"),
        ("direction", direction),
    ]);
    let armed = client.arm(Kind::NetLoss, &given)?;
    assert!(armed.plan.mechanisms().contains(&mechanism));
    let to = stage.echoes[0];
    assert_eq!(stage.client.datagrams(to, 3)?, (vec![], vec![]));
    client.stop_one(&armed)?;
    assert_eq!(stage.client.datagrams(to, 3)?, (vec![0, 1, 2], vec![]));
    Ok(())
}

/// Three datagrams arrive as `expected`, and as they were sent when it is over.
fn changes(
    mechanism: Mechanism,
    kind: Kind,
    more: &[(&str, &str)],
    stage: &mut Stage,
    expected: fn(&[Arrival]) -> bool,
) -> Result<()> {
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let given = params(
        [("target", &*target), ("duration", "60s")]
            .into_iter()
            .chain(more.to_vec()),
    );
    let flow = stage.flow(0)?;
    let armed = client.arm(kind, &given)?;
    assert_eq!(armed.plan.mechanism, mechanism);
    let arrived = flow.send(3, 64)?;
    assert!(expected(&arrived), "{arrived:?}");
    client.stop_one(&armed)?;
    let arrived = flow.send(3, 64)?;
    assert!(arrived.len() == 3 && arrived.iter().all(|one| one.flipped == 0));
    Ok(())
}

/// An open connection breaks, and no other is made.
fn rejects(stage: &mut Stage) -> Result<()> {
    let to = stage.echoes[0];
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let given = params([("target", &*target), ("duration", "60s"), ("how", "reject")]);
    let armed = client.arm(Kind::NetPartition, &given)?;
    assert!(armed.plan.mechanisms().contains(&Mechanism::TcxAnswer));
    assert_eq!(
        stage.client.calls(SocketCall::Connect, to, 2)?,
        [HOSTUNREACH; 2]
    );
    client.stop_one(&armed)?;
    assert_eq!(stage.client.calls(SocketCall::Connect, to, 2)?, [0; 2]);
    Ok(())
}

fn resets(stage: &mut Stage) -> Result<()> {
    let to = stage.echoes[0];
    let open = stage
        .world
        .client
        .netns
        .inside(|| TcpStream::connect(to))??;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let given = params([("target", &*target), ("duration", "60s"), ("how", "reset")]);
    let armed = client.arm(Kind::NetPartition, &given)?;
    assert!(armed.plan.mechanisms().contains(&Mechanism::SockDestroy));
    assert_eq!(
        open.take_error()?.and_then(|error| error.raw_os_error()),
        Some(ABORTED)
    );
    assert_eq!(
        stage.client.calls(SocketCall::Connect, to, 2)?,
        [CONNREFUSED; 2]
    );
    let report = client.stop_one(&armed)?;
    assert!(report.connections_reset >= Some(1), "{report:?}");
    assert_eq!(stage.client.calls(SocketCall::Connect, to, 2)?, [0; 2]);
    Ok(())
}

fn delays(actor: &mut Actor, engine: &Engine, to: SocketAddr, node: &Node) -> Result<()> {
    let mut client = engine.client()?;
    let target = format!("netns:{}", node.netns.name());
    let given = params([
        ("target", target.as_str()),
        ("duration", "60s"),
        ("latency", "40ms"),
    ]);
    let armed = client.arm(Kind::NetDelay, &given)?;
    assert_eq!(armed.plan.mechanism, Mechanism::TapDelay);
    let times = actor.udp_times(to, 3)?;
    let late = |time: &Option<u64>| time.is_none_or(|time| time >= 40_000);
    assert!(times.iter().all(late), "{times:?}");
    assert!(times.iter().any(Option::is_some), "{times:?}");
    client.stop_one(&armed)?;
    Ok(())
}

fn refuses(mechanism: Mechanism, stage: &mut Stage, doer: Doer) -> Result<()> {
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", stage.client.pid());
    // Without cgroups v2 it is system calls for which children are followed.
    let (kind, call) = if Cgroup::is_possible(Flavour::V2)? {
        (Kind::SockError, ("operation", "connect"))
    } else {
        (Kind::SyscallError, ("syscalls", "connect"))
    };
    let given = params([
        ("target", target.as_str()),
        ("duration", "60s"),
        ("errno", "ECONNREFUSED"),
        call,
    ]);
    let armed = match client.arm(kind, &given) {
        Ok(armed) => armed,
        // Where hooks of cgroups cannot give this error.
        Err(_refused) => {
            let call = ("syscalls".to_owned(), "connect".to_owned());
            let given = given.into_iter().filter(|(name, _)| name != "operation");
            client.arm(Kind::SyscallError, &given.chain([call]).collect())?
        }
    };
    assert!(armed.plan.mechanisms().contains(&mechanism));
    let to = stage.echoes[0];
    assert_eq!(stage.client.calls_by(doer, to, 2)?, [CONNREFUSED; 2]);
    assert_eq!(stage.other.calls(SocketCall::Connect, to, 2)?, [0; 2]);
    client.stop_one(&armed)?;
    assert_eq!(stage.client.calls_by(doer, to, 2)?, [0; 2]);
    Ok(())
}

/// Where both versions have the controller's name, the pen is of the one that has the controller.
fn limits(mechanism: Mechanism, kind: Kind, stage: &Stage) -> Result<()> {
    let pen = Pen::make(kind, "doctor")?;
    let target = pen.target();
    let given = [("target", &*target), ("duration", "60s")];
    let given = params(given.into_iter().chain(pen.tight().to_vec()));
    let mut client = stage.engine.client()?;
    let armed = client.arm(kind, &given)?;
    assert_eq!(armed.plan.mechanism, mechanism);
    wait_until("it is felt", DEADLINE, || {
        pen.is_felt().is_ok_and(|felt| felt)
    })?;
    client.stop_one(&armed)?;
    assert!(!pen.is_felt()?);
    Ok(())
}

fn freezes(flavour: Flavour, stage: &mut Stage) -> Result<()> {
    let cgroup = Cgroup::make(flavour, "doctor")?;
    cgroup.enter(stage.client.pid())?;
    let mut client = stage.engine.client()?;
    let target = cgroup.target();
    let given = params([
        ("target", target.as_str()),
        ("duration", "60s"),
        ("active", "30s"),
        ("count", "1"),
    ]);
    let armed = client.arm(Kind::ProcessFreeze, &given)?;
    wait_until("it is frozen", DEADLINE, || {
        matches!(cgroup.state(), Ok(State::Frozen))
    })?;
    client.stop_one(&armed)?;
    assert_eq!(cgroup.state()?, State::Thawed);
    leave(&stage.client)
}

fn stops(stage: &mut Stage) -> Result<()> {
    let pid = stage.client.pid();
    let mut client = stage.engine.client()?;
    let target = format!("pid:{pid}");
    let given = params([
        ("target", target.as_str()),
        ("duration", "60s"),
        ("signal", "STOP"),
    ]);
    let armed = client.arm(Kind::ProcessSignal, &given)?;
    assert_eq!(armed.plan.mechanism, Mechanism::Pidfd);
    wait_until("it is stopped", DEADLINE, || is_stopped(pid))?;
    client.stop_one(&armed)?;
    assert!(!is_stopped(pid));
    Ok(())
}

/// A worker beside the target uses something up.
fn presses(mechanism: Mechanism, kind: Kind, stage: &Stage) -> Result<()> {
    let flavour = if Cgroup::is_possible(Flavour::V2)? {
        Flavour::V2
    } else {
        Flavour::V1
    };
    let cgroup = Cgroup::make(flavour, "doctor")?;
    cgroup.enter(stage.client.pid())?;
    let target = cgroup.target();
    let common = [("target", target.as_str()), ("duration", "60s")];
    let own = kind.least().iter().map(|(name, text)| match *name {
        "path" => ("path", "/var/tmp"),
        name => (name, *text),
    });
    let mut client = stage.engine.client()?;
    let armed = client.arm(kind, &params(common.into_iter().chain(own)))?;
    assert_eq!(armed.plan.mechanism, mechanism);
    wait_until("the target is under pressure", DEADLINE, || {
        is_pressed(kind, cgroup.folder(), 1 << 20).is_ok_and(|pressed| pressed)
    })?;
    client.stop_one(&armed)?;
    assert_eq!(workers_in(cgroup.folder())?, Vec::<i32>::new());
    leave(&stage.client)
}

/// Moves it to the roots again: a cgroup with processes cannot be removed.
fn leave(actor: &Actor) -> Result<()> {
    for mount in Mounts::read()?.iter() {
        let procs = mount.point.join("cgroup.procs");
        // Hierarchies in which it never left the root take it as well.
        fs::write(&procs, actor.pid().to_string())?;
    }
    Ok(())
}
