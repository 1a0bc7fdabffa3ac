//! A PostgreSQL with a table of numbers.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::folder;
use super::running::Running;
use crate::{tool, wait_until};

/// Longer than it takes to start or to recover, in a guest too.
const PATIENCE: Duration = Duration::from_mins(2);

/// It refuses to be root.
const NOBODY: u32 = 65_534;

/// Small, and nobody asks over a network.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "shared_buffers=4MB",
    "max_connections=8",
    "max_wal_senders=0",
    "wal_level=minimal",
    "autovacuum=off",
];

/// Its files, whether it runs or not.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
}

impl Postgres {
    /// A new one, which does not run yet.
    pub fn make() -> Result<Self> {
        let folder = folder()?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        for name in ["data", "socket"] {
            fs::create_dir(folder.path().join(name))?;
            chown(folder.path().join(name), Some(NOBODY), Some(NOBODY))?;
        }
        let postgres = Self { folder };
        let mut command = postgres.command("initdb");
        command.args([
            "--no-sync",
            "--no-locale",
            "--auth=trust",
            "--username=nobody",
        ]);
        command.args(["--encoding=SQL_ASCII", "--wal-segsize=1"]);
        let made = command.output().context("run initdb")?;
        let said = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "initdb failed: {said}");
        Ok(postgres)
    }

    /// Starts it, with more settings, and waits until it answers.
    pub fn start(&self, settings: &[&str]) -> Result<Running> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())?;
        let mut command = self.command("postgres");
        let socket = format!("unix_socket_directories={}", self.socket().display());
        for setting in SETTINGS.iter().chain(settings).chain([&&*socket]) {
            command.args(["-c", setting]);
        }
        let child = command.stderr(log).spawn().context("start postgres")?;
        let running = Running::of(child, Signal::SIGQUIT);
        self.await_answer()?;
        Ok(running)
    }

    /// Waits until it answers, as it does again after it has recovered.
    pub fn await_answer(&self) -> Result<()> {
        let answers = wait_until("PostgreSQL answers", PATIENCE, || {
            self.sql("SELECT 1").is_ok()
        });
        answers.map(drop).with_context(|| self.log())
    }

    /// The folder of the write-ahead log, as a path parameter: all below it.
    pub fn wal(&self) -> String {
        format!("{}/pg_wal/", self.data().display())
    }

    /// The same of the tables of a database.
    pub fn tables(&self) -> String {
        format!("{}/base/", self.data().display())
    }

    /// What it says to a statement; an error if it fails.
    pub fn sql(&self, statement: &str) -> Result<String> {
        let socket = self.socket().display().to_string();
        tool(
            "psql",
            &[&PSQL[..], &["-h", &socket, "-c", statement]].concat(),
        )
    }

    /// Commits numbers in one session, each in a transaction of its own, until one fails; those that were
    /// acknowledged, and what was said instead for the one that was not.
    pub fn commit(
        &self,
        numbers: impl IntoIterator<Item = u32>,
    ) -> Result<(BTreeSet<u32>, String)> {
        let file = self.folder.path().join("statements.sql");
        let mut statements = File::create(&file)?;
        for number in numbers {
            writeln!(
                statements,
                "INSERT INTO kept VALUES ({number}) RETURNING number;"
            )?;
        }
        let socket = self.socket();
        let output = Command::new("psql")
            .args(PSQL)
            .arg("-h")
            .arg(socket)
            .arg("-f")
            .arg(file)
            .stdin(Stdio::null())
            .output()
            .context("run psql")?;
        told(&output)
    }

    /// Every number that it has.
    pub fn numbers(&self) -> Result<BTreeSet<u32>> {
        read(&self.sql("SELECT number FROM kept")?)
    }

    /// What it has written about itself.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// One of its programs, about its data and as its user.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .arg("-D")
            .arg(self.data())
            .current_dir(self.folder.path())
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .uid(NOBODY)
            .gid(NOBODY);
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn log_file(&self) -> PathBuf {
        Path::join(self.folder.path(), "postgres.log")
    }
}

/// No settings of a user's, errors end it, and nothing but values.
const PSQL: [&str; 10] = [
    "-X",
    "-q",
    "-A",
    "-t",
    "-v",
    "ON_ERROR_STOP=1",
    "-U",
    "nobody",
    "-d",
    "postgres",
];

fn told(output: &Output) -> Result<(BTreeSet<u32>, String)> {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((read(&String::from_utf8_lossy(&output.stdout))?, said))
}

fn read(lines: &str) -> Result<BTreeSet<u32>> {
    let numbers = lines.lines().map(|line| {
        let number = line.parse();
        number.with_context(|| format!("psql said {line:?}"))
    });
    numbers.collect()
}
