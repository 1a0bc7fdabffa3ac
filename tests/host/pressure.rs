//! Faults of pressure through the engine: what the kernel sees of the workers, where they are, and whom
//! they must not touch.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::plan::Hierarchy;
use injector_user::freezer::Flavour;
use injector_user::protocol::{Ended, FaultReport, Measure, State};
use injector_user::target::Mounts;
use nix::sys::signal::Signal;
use nix::sys::statvfs::statvfs;
use procfs::process::Process;
use temblor_tests::pressed::{
    allocated, is_pressed, processor_time, resident, workers, workers_in,
};
use temblor_tests::{Armed, Cgroup, Client, Victim, is_running, params, signal, wait_until};

use super::stage::{DEADLINE, Stage, await_end};

const MIB: u64 = 1 << 20;
const MEBIBYTE: f64 = 1_048_576.0;

/// A victim in a cgroup of its own, and an engine.
struct Scene {
    victim: Victim,
    stage: Stage,
    cgroup: Cgroup,
}

impl Scene {
    fn set(name: &str) -> Result<Self> {
        let cgroup = Cgroup::make(Flavour::V2, name)?;
        let stage = Stage::set()?;
        let victim = Victim::start()?;
        cgroup.enter(victim.pid())?;
        Ok(Self {
            victim,
            stage,
            cgroup,
        })
    }

    fn arm(&self, client: &mut Client, kind: Kind, more: &[(&str, &str)]) -> Result<Armed> {
        arm(client, kind, &self.cgroup.target(), more)
    }

    /// The one worker, once it is there.
    fn worker(&self) -> Result<i32> {
        let folder = self.cgroup.folder();
        await_worker(|| workers_in(folder))
    }

    fn await_pressed(&self, kind: Kind, bytes: u64) -> Result<()> {
        let folder = self.cgroup.folder();
        wait_until("the target is under pressure", DEADLINE, || {
            is_pressed(kind, folder, bytes).is_ok_and(|pressed| pressed)
        })?;
        Ok(())
    }

    fn close(self) -> Result<()> {
        let Self {
            victim,
            stage,
            cgroup,
        } = self;
        let closed = stage.close();
        drop(victim);
        drop(cgroup);
        closed
    }
}

fn arm(client: &mut Client, kind: Kind, target: &str, more: &[(&str, &str)]) -> Result<Armed> {
    let basic = [("target", target), ("duration", "5m")];
    client.arm(kind, &params(basic.into_iter().chain(more.to_vec())))
}

/// Armed is earlier than executed: it has its name a moment later.
fn await_worker(look: impl Fn() -> Result<Vec<i32>>) -> Result<i32> {
    let mut found = None;
    wait_until("there is a worker", DEADLINE, || {
        found = look().ok().and_then(|workers| workers.first().copied());
        found.is_some()
    })?;
    found.context("there is one")
}

fn measure<'a>(report: &'a FaultReport, what: &str) -> Result<&'a Measure> {
    let mut all = report.pressure.iter();
    all.find(|measure| measure.what == what)
        .with_context(|| format!("{report:?}"))
}

/// Waits until a measure is within 5 % of what was asked.
fn await_near(client: &mut Client, armed: &Armed, what: &str) -> Result<()> {
    let mut last = None;
    let near = wait_until("it is as was asked", DEADLINE, || {
        last = client.snapshot(&armed.fault).ok();
        let found = last.as_ref().and_then(|report| measure(report, what).ok());
        found.is_some_and(|found| found.asked.is_some() && found.is_near())
    });
    near.map(drop).with_context(|| format!("{last:?}"))
}

#[test]
fn the_load_that_was_asked_for_is_what_the_kernel_counts() -> Result<()> {
    let scene = Scene::set("load")?;
    let mut client = scene.stage.engine.client()?;
    let load = [("workers", "2"), ("load", "15%")];
    let armed = scene.arm(&mut client, Kind::CpuStress, &load)?;
    scene.await_pressed(Kind::CpuStress, 0)?;
    let worker = scene.worker()?;
    assert_eq!(Process::new(worker)?.stat()?.num_threads, 3);
    // Enough ticks that one more or less does not matter.
    wait_until("it has calculated", DEADLINE, || {
        processor_time(worker) >= 60
    })?;
    await_near(&mut client, &armed, "load of each worker")?;
    let ticks = processor_time(worker);
    let report = client.stop_one(&armed)?;
    let lasted = report.window.ended_ns - report.window.armed_ns;
    // Of one processor, by each of two; a tick is 10 ms.
    let percent = ticks * 1_000_000_000 / lasted / 2;
    // The kernel's own count is by ticks here, and stopping takes a moment.
    assert!((10..20).contains(&percent), "{percent}: {report:?}");
    assert!(!is_running(worker));
    scene.close()
}

#[test]
fn memory_is_resident_after_its_ramp() -> Result<()> {
    let scene = Scene::set("memory")?;
    let mut client = scene.stage.engine.client()?;
    let given = [("size", "96MiB"), ("ramp", "2s"), ("oom_score", "500")];
    let armed = scene.arm(&mut client, Kind::MemoryStress, &given)?;
    wait_until("it has begun", DEADLINE, || {
        scene
            .worker()
            .is_ok_and(|worker| resident(worker) > 4 * MIB)
    })?;
    let worker = scene.worker()?;
    let first = resident(worker);
    assert!(first < 90 * MIB, "evenly: {first}");
    let score = fs::read_to_string(format!("/proc/{worker}/oom_score_adj"))?;
    assert_eq!(score.trim(), "500");
    scene.await_pressed(Kind::MemoryStress, 96 * MIB)?;
    await_near(&mut client, &armed, "memory held")?;
    let held = resident(worker);
    assert!(held < 106 * MIB, "{held}");
    client.stop_one(&armed)?;
    assert!(!is_running(worker));
    scene.close()
}

#[test]
fn a_disk_moves_as_much_as_was_asked() -> Result<()> {
    let scene = Scene::set("disk")?;
    let mut client = scene.stage.engine.client()?;
    let given = [
        ("path", "/var/tmp"),
        ("size", "4MiB"),
        ("rate", "1MiB"),
        ("workers", "2"),
    ];
    let armed = scene.arm(&mut client, Kind::DiskStress, &given)?;
    scene.await_pressed(Kind::DiskStress, 0)?;
    await_near(&mut client, &armed, "moved")?;
    let worker = scene.worker()?;
    assert!(allocated(worker) >= 4 * MIB);
    let report = client.stop_one(&armed)?;
    let [read, written] =
        ["read", "written"].map(|what| measure(&report, what).map(|m| m.observed));
    let (read, written) = (read?, written?);
    assert!(read > 0.0 && written > 0.0 && (0.5..2.0).contains(&(read / written)));
    assert!(measure(&report, "latency p99")?.observed >= measure(&report, "latency p50")?.observed);
    scene.close()
}

/// A process with a file system of 64 MiB of its own at /mnt.
struct Mounted(Child);

impl Mounted {
    fn start() -> Result<Self> {
        let script = "mount -t tmpfs -o size=64m none /mnt && echo && exec sleep 600";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut said = [0];
        let out = child.stdout.as_mut().context("it is piped")?;
        std::io::Read::read_exact(out, &mut said).context("the file system is mounted")?;
        Ok(Self(child))
    }

    fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    /// Bytes that are left on it.
    fn left(&self) -> Result<u64> {
        let found = statvfs(&PathBuf::from(format!("/proc/{}/root/mnt", self.pid())))?;
        Ok(found.blocks_available() * found.fragment_size())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}

#[test]
fn the_targets_own_file_system_is_filled_and_free_again_when_the_engine_dies() -> Result<()> {
    let mut scene = Scene::set("fill")?;
    let mounted = Mounted::start()?;
    scene.victim.end()?;
    scene.cgroup.enter(mounted.pid())?;
    let before = mounted.left()?;
    let mut client = scene.stage.engine.client()?;
    for (asked, left) in [
        (("size", "16MiB"), before - 16 * MIB),
        (("percent", "50%"), before / 2),
        (("left", "1MiB"), MIB),
    ] {
        let given = [("path", "/mnt"), asked];
        let armed = scene.arm(&mut client, Kind::DiskFill, &given)?;
        wait_until("it is filled", DEADLINE, || {
            mounted
                .left()
                .is_ok_and(|now| now.abs_diff(left) <= MIB / 16)
        })
        .with_context(|| format!("{asked:?}: {:?} instead of {left}", mounted.left()))?;
        await_near(&mut client, &armed, "room taken")?;
        client.stop_one(&armed)?;
        assert_eq!(mounted.left()?, before, "{asked:?}");
    }
    scene.arm(
        &mut client,
        Kind::DiskFill,
        &[("path", "/mnt"), ("left", "0b")],
    )?;
    wait_until("it is full", DEADLINE, || {
        mounted.left().is_ok_and(|now| now == 0)
    })?;
    signal(scene.stage.engine.pid(), Signal::SIGKILL)?;
    wait_until("it is free again", DEADLINE, || {
        mounted.left().is_ok_and(|now| now == before)
    })?;
    scene.stage.engine.await_end()?;
    drop(mounted);
    let Scene {
        stage,
        cgroup,
        victim,
    } = scene;
    drop(victim);
    let closed = stage.close();
    drop(cgroup);
    closed
}

#[test]
fn the_hosts_workers_have_a_cgroup_of_their_own() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let load = [("workers", "1"), ("load", "5%")];
    let armed = arm(&mut client, Kind::CpuStress, "host", &load)?;
    let worker = await_worker(workers)?;
    assert_eq!(workers()?.len(), 1);
    let cgroup = |pid: i32| -> Result<String> {
        let all = Process::new(pid)?.cgroups()?;
        let v2 = all.into_iter().find(|cgroup| cgroup.hierarchy == 0);
        Ok(v2.context("it is in one of version 2")?.pathname)
    };
    let theirs = cgroup(worker)?;
    assert_eq!(theirs, format!("/temblor-pressure-{worker}"));
    for own in [stage.engine.pid(), stage.engine.keeper()] {
        assert_ne!(cgroup(own)?, theirs);
    }
    await_near(&mut client, &armed, "load of each worker")?;
    client.stop_one(&armed)?;
    assert_eq!(workers()?, Vec::<i32>::new());
    stage.close()
}

#[test]
fn the_hosts_workers_and_their_cgroup_go_with_a_killed_engine() -> Result<()> {
    for strike in [Signal::SIGKILL, Signal::SIGSTOP] {
        let mut stage = Stage::set()?;
        let mut client = stage.engine.client()?;
        arm(&mut client, Kind::MemoryStress, "host", &[("size", "8MiB")])?;
        let worker = await_worker(workers)?;
        wait_until("it holds memory", DEADLINE, || resident(worker) >= 7 * MIB)?;
        signal(stage.engine.pid(), strike)?;
        wait_until("it has ended", DEADLINE, || !is_running(worker))?;
        stage.engine.await_end()?;
        assert_eq!(stage.engine.undo_entries()?, Vec::<PathBuf>::new());
        // Which looks for cgroups that nobody had before.
        stage.close()?;
    }
    Ok(())
}

#[test]
fn a_worker_that_stands_still_is_ended_by_the_keeper() -> Result<()> {
    let mut scene = Scene::set("stopped")?;
    let mut client = scene.stage.engine.client()?;
    scene.arm(&mut client, Kind::MemoryStress, &[("size", "8MiB")])?;
    scene.await_pressed(Kind::MemoryStress, 8 * MIB)?;
    let worker = scene.worker()?;
    signal(worker, Signal::SIGSTOP)?;
    signal(scene.stage.engine.pid(), Signal::SIGSTOP)?;
    wait_until("the worker has ended", DEADLINE, || !is_running(worker))?;
    scene.stage.engine.await_end()?;
    assert_eq!(scene.stage.engine.undo_entries()?, Vec::<PathBuf>::new());
    assert!(scene.victim.answers(DEADLINE)?);
    scene.close()
}

#[test]
fn a_worker_that_stands_still_is_ended_at_the_deadline() -> Result<()> {
    let scene = Scene::set("late")?;
    let mut client = scene.stage.engine.client()?;
    let armed = scene.arm(
        &mut client,
        Kind::CpuStress,
        &[("load", "5%"), ("duration", "2s")],
    )?;
    signal(scene.worker()?, Signal::SIGSTOP)?;
    let report = await_end(&mut client, &armed.fault)?;
    let how = Ended::Deadline;
    assert_eq!(report.state, State::Ended { how });
    assert_eq!(workers()?, Vec::<i32>::new());
    scene.close()
}

#[test]
fn workers_whom_somebody_ends_end_the_fault_which_says_so() -> Result<()> {
    let scene = Scene::set("killed")?;
    let mut client = scene.stage.engine.client()?;
    let armed = scene.arm(&mut client, Kind::CpuStress, &[("load", "5%")])?;
    signal(scene.worker()?, Signal::SIGKILL)?;
    let report = await_end(&mut client, &armed.fault)?;
    let how = Ended::Finished;
    assert_eq!(report.state, State::Ended { how });
    let said = |warning: &String| warning.contains("ended before their time, with signal: 9");
    assert!(report.warnings.iter().any(said), "{report:?}");
    scene.close()
}

#[test]
fn workers_leave_a_cgroup_in_which_nobody_else_is_left() -> Result<()> {
    let mut scene = Scene::set("deserted")?;
    let mut client = scene.stage.engine.client()?;
    let armed = scene.arm(&mut client, Kind::CpuStress, &[("load", "5%")])?;
    scene.await_pressed(Kind::CpuStress, 0)?;
    // It has been seen in company by then.
    await_near(&mut client, &armed, "load of each worker")?;
    scene.victim.end()?;
    let report = await_end(&mut client, &armed.fault)?;
    let how = Ended::TargetGone;
    assert_eq!(report.state, State::Ended { how }, "{report:?}");
    let left = fs::read_to_string(scene.cgroup.folder().join("cgroup.procs"))?;
    assert_eq!(left, "", "it can be removed");
    scene.close()
}

#[test]
fn a_rehearsal_starts_nobody_until_it_is_to_act() -> Result<()> {
    let scene = Scene::set("rehearsal")?;
    let mut client = scene.stage.engine.client()?;
    let target = scene.cgroup.target();
    let given = params([("target", &*target), ("duration", "60s"), ("size", "8MiB")]);
    let armed = client.rehearse(Kind::MemoryStress, &given, 60_000)?;
    let report = client.snapshot(&armed.fault)?;
    assert_eq!((report.counters.injected, workers()?), (1, vec![]));
    client.act(&armed)?;
    scene.await_pressed(Kind::MemoryStress, 8 * MIB)?;
    client.stop_one(&armed)?;
    scene.close()
}

#[test]
fn what_the_dice_spare_has_no_workers() -> Result<()> {
    let scene = Scene::set("spared")?;
    let mut client = scene.stage.engine.client()?;
    let armed = scene.arm(&mut client, Kind::CpuStress, &[("probability", "0")])?;
    assert_eq!(workers()?, Vec::<i32>::new());
    let report = client.stop_one(&armed)?;
    let counters = report.counters;
    assert_eq!(
        (counters.matched, counters.passed, counters.injected),
        (1, 1, 0)
    );
    scene.close()
}

#[test]
fn a_delay_is_waited_for() -> Result<()> {
    let scene = Scene::set("later")?;
    let mut client = scene.stage.engine.client()?;
    let given = [("size", "8MiB"), ("delay", "1s")];
    let armed = scene.arm(&mut client, Kind::MemoryStress, &given)?;
    if client.snapshot(&armed.fault)?.state == State::Pending {
        assert!(resident(scene.worker()?) < 8 * MIB);
    }
    scene.await_pressed(Kind::MemoryStress, 8 * MIB)?;
    assert_eq!(client.snapshot(&armed.fault)?.state, State::Active);
    client.stop_one(&armed)?;
    scene.close()
}

#[test]
fn what_the_host_needs_and_what_others_share_is_refused() -> Result<()> {
    let scene = Scene::set("refused")?;
    let mut client = scene.stage.engine.client()?;
    let beside = Victim::start()?;
    let mut refused = |kind: Kind, target: &str, more: &[(&str, &str)], said: &str| -> Result<()> {
        let basic = [("target", target), ("duration", "5s")];
        let given = params(basic.into_iter().chain(more.to_vec()));
        let failure = client.refusal(kind, &given)?;
        let problem = failure.problems.first().context("it says why")?;
        assert!(problem.message.contains(said), "{problem}");
        assert!(problem.hint.is_some(), "{problem}");
        Ok(())
    };
    let all = [("size", "1048576GiB")];
    refused(
        Kind::MemoryStress,
        "host",
        &all,
        "memory available to the host",
    )?;
    let disk = [("path", "/"), ("left", "0b")];
    refused(Kind::DiskFill, "host", &disk, "beside a reserve of")?;
    let nowhere = [("path", "/no/such/folder"), ("size", "1MiB")];
    refused(
        Kind::DiskFill,
        &scene.cgroup.target(),
        &nowhere,
        "No such file",
    )?;
    scene.cgroup.enter(beside.pid())?;
    let shared = format!("pid:{}", scene.victim.pid());
    refused(
        Kind::CpuStress,
        &shared,
        &[],
        "nobody else, who would suffer too",
    )?;
    refused(
        Kind::ProcessFreeze,
        "host",
        &[("active", "1s"), ("count", "1")],
        "whole host",
    )?;
    assert_eq!(workers()?, Vec::<i32>::new());
    drop(beside);
    scene.close()
}

/// A cgroup whose processes may have 64 MiB together.
struct Limited(PathBuf);

impl Limited {
    /// None where no hierarchy limits memory.
    fn make() -> Result<Option<Self>> {
        let mounts = Mounts::read()?;
        let v1 = mounts.get(&Hierarchy::V1Other("memory".to_owned()));
        let v2 = mounts.get(&Hierarchy::V2);
        let (mount, file) = match (v1, v2) {
            (Some(v1), _) => (v1, "memory.limit_in_bytes"),
            (None, Some(v2)) => {
                // Where it is there already this changes nothing.
                let enabled = fs::write(v2.point.join("cgroup.subtree_control"), "+memory");
                if enabled.is_err() {
                    return Ok(None);
                }
                (v2, "memory.max")
            }
            (None, None) => return Ok(None),
        };
        let folder = mount
            .point
            .join(format!("temblor-test-{}-limited", std::process::id()));
        fs::create_dir(&folder)?;
        let limited = Self(folder);
        fs::write(limited.0.join(file), (64 * MIB).to_string())?;
        Ok(Some(limited))
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let removed = wait_until("the test's cgroup is removed", DEADLINE, || {
            fs::remove_dir(&self.0).is_ok() || !self.0.exists()
        });
        assert!(std::thread::panicking() || removed.is_ok(), "{removed:?}");
    }
}

#[test]
fn a_target_with_a_limit_is_driven_out_of_memory_and_the_host_is_not() -> Result<()> {
    let Some(limited) = Limited::make()? else {
        return Ok(());
    };
    let stage = Stage::set()?;
    let mut victim = Victim::start()?;
    fs::write(limited.0.join("cgroup.procs"), victim.pid().to_string())?;
    let name = limited.0.file_name().context("it has a name")?;
    let target = format!("cgroup:/{}", name.display());
    let mut client = stage.engine.client()?;
    let given = [("size", "256MiB"), ("oom_score", "1000")];
    let armed = arm(&mut client, Kind::MemoryStress, &target, &given)?;
    let warned = |warning: &String| warning.contains("killed for want of memory");
    assert!(armed.plan.warnings.iter().any(warned), "{:?}", armed.plan);
    let report = await_end(&mut client, &armed.fault)?;
    let said = |warning: &String| warning.contains("out of memory");
    assert!(report.warnings.iter().any(said), "{report:?}");
    assert!(
        measure(&report, "memory held")?.observed < 65.0 * MEBIBYTE,
        "{report:?}"
    );
    assert!(victim.answers(DEADLINE)?, "the worker was the first");
    let half = [("percent", "50%")];
    let armed = arm(&mut client, Kind::MemoryStress, &target, &half)?;
    await_near(&mut client, &armed, "memory held")?;
    let report = client.stop_one(&armed)?;
    let asked = measure(&report, "memory held")?.asked.unwrap_or_default();
    assert!((16.0..33.0).contains(&(asked / MEBIBYTE)), "{report:?}");
    let closed = stage.close();
    drop(victim);
    drop(limited);
    closed
}
