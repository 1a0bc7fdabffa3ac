//! Who has too little memory, or has to share a processor.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command};

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_core::telemetry::Signal;
use injector_user::freezer::Flavour;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::signal::Signal as Posix;
use temblor_tests::{Actor, Cgroup, Client, Pen, wait_until};

use super::scene::{Scene, await_unobserved, count, gauge, run_in, wanted};
use crate::bustle::on_a_disk;
use crate::stage::{DEADLINE, Stage};

const HOST: &str = "host";
const SIGNALS: &[Signal] = &[Signal::Resources, Signal::Life];

/// A cgroup whose memory can be limited, as a target.
struct Poorhouse {
    pen: Pen,
    /// Where the controller is of version 1, the target is the cgroup of version 2 with the same path.
    twin: Option<Cgroup>,
    stage: Stage,
}

impl Poorhouse {
    fn open() -> Result<Self> {
        let stage = Stage::set()?;
        let pen = Pen::make(Kind::MemoryLimit, "poor")?;
        let twin = pen.is_v1().then(|| Cgroup::make(Flavour::V2, "poor"));
        let twin = twin.transpose()?;
        twin.iter().try_for_each(|twin| twin.enter(pen.pid()))?;
        Ok(Self { pen, twin, stage })
    }

    fn observe(&self) -> Result<Client> {
        let mut client = self.stage.engine.client()?;
        client.observe(wanted(&[&self.pen.target(), HOST], SIGNALS)?)?;
        Ok(client)
    }

    /// Whoever wants more is killed.
    fn limit(&self) -> Result<()> {
        let (limit, swap) = if self.pen.is_v1() {
            (
                "memory.limit_in_bytes",
                ("memory.memsw.limit_in_bytes", "8M"),
            )
        } else {
            ("memory.max", ("memory.swap.max", "0"))
        };
        fs::write(self.pen.folder().join(limit), "8M")?;
        let (file, most) = swap;
        let file = self.pen.folder().join(file);
        if file.exists() {
            fs::write(file, most)?;
        }
        Ok(())
    }

    /// Somebody in there wants more.
    fn starve(&self) -> Result<()> {
        let folders = [self.pen.folder()].into_iter();
        let folders = folders.chain(self.twin.as_ref().map(Cgroup::folder));
        let lines = folders.map(|folder| format!("echo 0 > {}/cgroup.procs", folder.display()));
        let want = "exec dd if=/dev/zero of=/dev/null bs=32M count=1".to_owned();
        let script: Vec<String> = lines.chain([want]).collect();
        let mut command = Command::new("sh");
        let status = command.args(["-ec", &script.join("\n")]).status()?;
        ensure!(
            status.signal() == Some(Posix::SIGKILL as i32),
            "it ended with {status}"
        );
        Ok(())
    }

    /// In there; it says how it is used.
    fn run(&self, program: &Path) -> Result<()> {
        let program = program.to_str().context("a path of text")?;
        run_in(self.pen.folder(), program, &["--help"]).map(drop)
    }

    /// What the kernel has counted under this name.
    fn counted(&self, file: &str, name: &str) -> Result<u64> {
        let text = self.pen.read(file)?;
        let mut rows = text.lines().filter_map(|line| line.split_once(' '));
        let row = rows.find(|(found, _number)| *found == name);
        Ok(row
            .with_context(|| format!("{name} in {text}"))?
            .1
            .parse()?)
    }

    fn killed(&self) -> Result<u64> {
        let file = if self.pen.is_v1() {
            "memory.oom_control"
        } else {
            "memory.events"
        };
        self.counted(file, "oom_kill")
    }

    fn major_faults(&self) -> Result<u64> {
        let name = if self.pen.is_v1() {
            "total_pgmajfault"
        } else {
            "pgmajfault"
        };
        self.counted("memory.stat", name)
    }

    fn close(self) -> Result<()> {
        let Self { pen, twin, stage } = self;
        await_unobserved(&stage)?;
        drop((pen, twin));
        stage.close()
    }
}

#[test]
fn who_is_killed_for_want_of_memory_is_counted() -> Result<()> {
    let house = Poorhouse::open()?;
    let target = house.pen.target();
    let mut client = house.observe()?;
    let before = client.frame()?;
    let killed = |frame, target| count(frame, "memory_events", &[target, "oom_kill"]);
    assert_eq!(killed(&before, &target)?, 0);
    house.limit()?;
    house.starve()?;
    let after = client.frame()?;
    let counted = house.killed()?;
    assert_eq!(killed(&after, &target)?, counted);
    assert!(killed(&after, HOST)? > killed(&before, HOST)?);
    // The kernel's own files end with the cgroup.
    let Poorhouse { pen, twin, stage } = house;
    drop((pen, twin));
    let last = client.frame()?;
    assert_eq!(count(&last, "oom_kills", &[&target])?, counted);
    assert!(counted >= 1 && count(&last, "exits", &[&target, "0", "SIGKILL"])? >= counted);
    drop(client);
    await_unobserved(&stage)?;
    stage.close()
}

#[test]
fn pages_that_come_from_a_disk_are_counted() -> Result<()> {
    let house = Poorhouse::open()?;
    let target = house.pen.target();
    let folder = on_a_disk()?;
    let program = folder.path().join("cold");
    fs::copy(Actor::program()?, &program)?;
    let mut client = house.observe()?;
    // Some kernels tell of a cgroup's faults once there are dozens.
    wait_until("the kernel counts faults", DEADLINE, || {
        let suffers = forget(&program).and_then(|()| house.run(&program));
        suffers.is_ok() && house.major_faults().is_ok_and(|faults| faults > 0)
    })?;
    let least = faults_of_all()?;
    let frame = client.frame()?;
    let most = faults_of_all()?;
    let counted = |target| count(&frame, "major_faults", &[target]);
    assert_eq!(counted(&target)?, house.major_faults()?);
    let of_all = counted(HOST)?;
    assert!((least..=most).contains(&of_all), "{least} {of_all} {most}");
    drop(client);
    house.close()
}

/// Of the host.
fn faults_of_all() -> Result<u64> {
    let text = fs::read_to_string("/proc/vmstat")?;
    let mut rows = text
        .lines()
        .filter_map(|row| row.strip_prefix("pgmajfault "));
    Ok(rows.next().context("a number of faults")?.parse()?)
}

/// Nothing of it is in memory any more.
fn forget(path: &Path) -> Result<()> {
    let file = File::open(path)?;
    file.sync_all()?;
    Ok(posix_fadvise(
        &file,
        0,
        0,
        PosixFadviseAdvice::POSIX_FADV_DONTNEED,
    )?)
}

/// More than one who wants one processor; killed with this value.
struct Crowd(Vec<Child>);

impl Crowd {
    fn gather(cgroup: &Cgroup) -> Result<Self> {
        let mut crowd = Self(Vec::new());
        for _one in 0..3 {
            let mut command = Command::new("taskset");
            let child = command
                .args(["1", "sh", "-c", "while :; do :; done"])
                .spawn()?;
            let pid = i32::try_from(child.id())?;
            crowd.0.push(child);
            cgroup.enter(pid)?;
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let ended = child.kill().and_then(|()| child.wait());
            assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
        }
    }
}

#[test]
fn pressure_is_what_the_kernel_tells_of_it() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe_all(&[&label, HOST], SIGNALS)?;
    let crowd = Crowd::gather(&scene.cgroup)?;
    let of_host = Path::new("/proc/pressure/cpu");
    let of_cgroup = scene.cgroup.folder().join("cpu.pressure");
    check_pressure(&mut client, HOST, of_host)?;
    check_pressure(&mut client, &label, &of_cgroup)?;
    drop((client, crowd));
    scene.close()
}

/// Both say the same, which is more than nothing; or the kernel keeps no such number.
fn check_pressure(client: &mut Client, target: &str, file: &Path) -> Result<()> {
    let mut said = (None, None);
    let told = wait_until("the same is told", DEADLINE, || {
        let frame = client.frame();
        let seen = frame.and_then(|frame| gauge(&frame, "pressure", &[target, "cpu", "some"]));
        said = (share(file), seen.ok().flatten());
        match said {
            (Some(share), Some(seen)) => share > 0.0 && (seen - share).abs() < 1e-9,
            (None, None) => !file.exists(),
            _one_alone => false,
        }
    });
    told.map(drop)
        .with_context(|| format!("{target}: {said:?}"))
}

/// Of the last ten seconds.
fn share(file: &Path) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let some = text.lines().find(|line| line.starts_with("some "))?;
    let mut words = some.split(' ');
    let percent = words.find_map(|word| word.strip_prefix("avg10="))?;
    Some(percent.parse::<f64>().ok()? / 100.0)
}
