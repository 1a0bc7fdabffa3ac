//! A Docker Engine of one's own, from Debian's package: its own data, socket, network namespace and
//! mounts. It and all that it made are gone with this value.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_user::target::Mounts;
use nix::sys::signal::Signal;
use procfs::process::all_processes;

use crate::actor::Actor;
use crate::engine::{is_running, signal};
use crate::netns::Netns;
use crate::tool::tool;
use crate::{tell, wait_until};

/// Longer than a daemon takes to start or to leave on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// The only image.
const IMAGE: &str = "temblor/busybox";

/// Where the victim is in every container.
const VICTIM: &str = "/victim";

/// What an image needs to run programs that are linked dynamically, all of it the host's.
const LIBRARIES: [&str; 3] = ["/lib", "/lib64", "/usr/lib"];

/// A running daemon.
#[derive(Debug)]
pub struct Docker {
    daemon: Child,
    folder: tempfile::TempDir,
    netns: Netns,
    /// Cgroups that were there before.
    cgroups: BTreeSet<PathBuf>,
}

impl Docker {
    /// What a container does that only waits for others to start something in it.
    pub const SLEEP: [&'static str; 2] = ["/bin/sleep", "3600"];
    /// The daemon's address at its own bridge.
    pub const GATEWAY: &'static str = "10.78.0.1";

    /// Whether this machine has what it takes.
    pub fn is_possible() -> bool {
        let has = |program: &str| tool("which", &[program]).is_ok();
        let needed = ["dockerd", "docker", "containerd", "runc", "busybox"];
        needed.into_iter().all(has)
    }

    /// Starts a daemon in a network namespace of its own and gives it an image.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let netns = Netns::make("docker")?;
        netns.inside(still)??;
        let cgroups = top_cgroups()?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut command = Command::new("unshare");
        // Mounts of its own go with its last process.
        command
            .args(["--mount", "dockerd", "--storage-driver", "vfs", "--bip"])
            .arg(format!("{}/24", Self::GATEWAY))
            .args(["--iptables=false", "--ip6tables=false", "--ip-masq=false"])
            .args(["--ip-forward=false", "--userland-proxy=false"])
            .arg("--data-root")
            .arg(folder.path().join("data"))
            .arg("--exec-root")
            .arg(folder.path().join("exec"))
            .arg("--pidfile")
            .arg(folder.path().join("pid"))
            .arg("--host")
            .arg(host(folder.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // Ctrl-C is for whoever started it, who ends it in order.
            .process_group(0);
        let docker = Self {
            daemon: netns.spawn(command)?,
            folder,
            netns,
            cgroups,
        };
        docker.prepare().with_context(|| docker.log())?;
        Ok(docker)
    }

    fn prepare(&self) -> Result<()> {
        let daemon = self.daemon.id().cast_signed();
        let answers = || self.docker(&["version"]);
        wait_until("the Docker Engine answers or gives up", DEADLINE, || {
            answers().is_ok() || !is_running(daemon)
        })?;
        answers()?;
        self.import()
    }

    /// An image of nothing but busybox, from this machine's own.
    fn import(&self) -> Result<()> {
        let root = self.folder.path().join("root");
        fs::create_dir_all(root.join("bin"))?;
        // What stands on the path may be a script that starts it.
        let busybox = text(&root.join("bin/busybox"))?;
        tool("busybox", &["cp", "/proc/self/exe", &busybox])?;
        for name in ["sh", "sleep"] {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(name))?;
        }
        let archive = self.folder.path().join("image.tar");
        let (archive, root) = (text(&archive)?, text(&root)?);
        tool("tar", &["-C", &root, "-cf", &archive, "."])?;
        self.docker(&["import", &archive, IMAGE])?;
        Ok(())
    }

    /// `DOCKER_HOST` for whoever is to ask this daemon.
    pub fn host(&self) -> String {
        host(self.folder.path())
    }

    /// The namespace of the daemon, its bridge, and containers with the host's network.
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// What `docker` says.
    pub fn docker(&self, arguments: &[&str]) -> Result<String> {
        let host = self.host();
        tool("docker", &[&["--host", &host], arguments].concat())
    }

    /// Starts a container that sleeps until it is told what to do; returns its id.
    pub fn run(&self, name: &str, options: &[&str]) -> Result<String> {
        let victim = Actor::program()?;
        let victim = format!("{}:{VICTIM}:ro", text(&victim)?);
        let options = [&["--volume", &victim], options].concat();
        self.run_program(name, &options, &Self::SLEEP)
    }

    /// Starts a container of a program that finds the host's libraries; returns its id.
    pub fn run_program(&self, name: &str, options: &[&str], program: &[&str]) -> Result<String> {
        let shared = LIBRARIES.map(|folder| format!("{folder}:{folder}:ro"));
        let mut arguments = vec!["run", "--detach", "--name", name];
        for folder in &shared {
            arguments.extend(["--volume", folder]);
        }
        arguments.extend(options);
        arguments.push(IMAGE);
        arguments.extend(program);
        Ok(self.docker(&arguments)?.trim_end().to_owned())
    }

    /// Runs a program in a container, beside its first process, with pipes for input and output.
    pub(crate) fn exec(&self, name: &str, program: &str) -> Command {
        let mut command = Command::new("docker");
        command
            .args(["--host", &self.host(), "exec", "--interactive"])
            .args([name, program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    /// A victim in a container, beside its first process.
    pub fn actor(&self, name: &str) -> Result<Actor> {
        Actor::from(self.exec(name, VICTIM).spawn()?)
    }

    /// The address that the bridge has given to a container; it keeps it only as long as it runs.
    pub fn address(&self, name: &str) -> Result<std::net::IpAddr> {
        let said = self.inspect(name, "{{.NetworkSettings.IPAddress}}")?;
        said.parse().with_context(|| {
            let state = self.inspect(name, "{{json .State}}").unwrap_or_default();
            format!(
                "container {name} has no address: {state}\n{}",
                self.output(name)
            )
        })
    }

    /// What the program of a container has written, complaints included.
    pub(crate) fn output(&self, name: &str) -> String {
        let host = self.host();
        let mut command = Command::new("docker");
        let said = command.args(["--host", &host, "logs", name]).output();
        said.map_or_else(
            |error| error.to_string(),
            |said| String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned(),
        )
    }

    /// The first process of a container.
    pub fn pid(&self, name: &str) -> Result<i32> {
        let said = self.inspect(name, "{{.State.Pid}}")?;
        said.parse().context(said)
    }

    fn inspect(&self, name: &str, format: &str) -> Result<String> {
        let said = self.docker(&["inspect", "--format", format, name])?;
        Ok(said.trim_end().to_owned())
    }

    /// Ends a container's processes at once and starts it anew.
    pub fn restart(&self, name: &str) -> Result<()> {
        self.docker(&["restart", "--time", "0", name]).map(drop)
    }

    pub fn remove(&self, name: &str) -> Result<()> {
        self.docker(&["rm", "--force", name]).map(drop)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn end(&mut self) -> Result<()> {
        let all = self.docker(&["ps", "--all", "--quiet"]).unwrap_or_default();
        if !all.is_empty() {
            let ids: Vec<&str> = all.lines().collect();
            self.docker(&[&["rm", "--force"], &*ids].concat())?;
        }
        signal(self.daemon.id().cast_signed(), Signal::SIGTERM)?;
        let mut ended = None;
        let waited = wait_until("the Docker Engine ends", DEADLINE, || {
            ended = self.daemon.try_wait().ok().flatten();
            ended.is_some()
        });
        if waited.is_err() {
            self.daemon.kill()?;
            self.daemon.wait()?;
        }
        // What the daemon started stands below nobody; its command line has our folder.
        let mut left = self.processes();
        for pid in &left {
            signal(*pid, Signal::SIGKILL)?;
        }
        wait_until("its other processes end", DEADLINE, || {
            left = self.processes();
            left.is_empty()
        })?;
        remove_cgroups(&self.cgroups)?;
        waited.map(drop)
    }

    /// The daemon and what it has started to serve its containers: they name its folder on their
    /// command lines.
    pub fn processes(&self) -> Vec<i32> {
        let folder = self.folder.path().display().to_string();
        let all = all_processes().into_iter().flatten().flatten();
        let ours = all.filter(|process| {
            let words = process.cmdline().unwrap_or_default();
            words.iter().any(|word| word.contains(&folder))
        });
        ours.map(|process| process.pid).collect()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            // Not a panic: it would hide why the test failed.
            tell(&format!("the Docker Engine did not end well: {error:#}"));
        }
    }
}

/// Interfaces made from now on in the caller's namespace get no addresses by themselves, which would
/// come a second later.
fn still() -> std::io::Result<()> {
    const NONE: &str = "1";
    match fs::write("/proc/sys/net/ipv6/conf/default/addr_gen_mode", NONE) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        written => written,
    }
}

fn host(folder: &Path) -> String {
    format!("unix://{}", folder.join("docker.sock").display())
}

fn text(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.with_context(|| format!("{} is not text", path.display()))
}

/// The cgroups right below the root of each hierarchy.
fn top_cgroups() -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for mount in Mounts::read()?.iter() {
        for entry in fs::read_dir(&mount.point)? {
            let path = entry?.path();
            found.extend(path.is_dir().then_some(path));
        }
    }
    Ok(found)
}

/// Removes `/docker` in each hierarchy unless it was there before.
fn remove_cgroups(before: &BTreeSet<PathBuf>) -> Result<()> {
    for folder in top_cgroups()?.difference(before) {
        if folder.file_name().is_some_and(|name| name == "docker") {
            let below = injector_user::target::descendants(folder)?;
            for path in below.iter().rev().chain([folder]) {
                fs::remove_dir(path).with_context(|| path.display().to_string())?;
            }
        }
    }
    Ok(())
}
