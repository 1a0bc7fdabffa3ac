//! A real Prometheus that scrapes one command, and what it answers.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde::Deserialize;
use tempfile::TempDir;

use crate::cli::finish;
use crate::engine::signal;
use crate::netns::Netns;
use crate::{tell, wait_until};

/// Longer than it takes to start, or to end, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What it evaluates beside its scrapes.
const RULES: &str = include_str!("../../deploy/prometheus/temblor.rules.yml");

/// Ended with this value. Its data are in a folder that goes with it.
#[derive(Debug)]
pub struct Prometheus<'a> {
    netns: &'a Netns,
    child: Child,
    folder: TempDir,
    address: SocketAddr,
}

/// One series of an answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Sample {
    #[serde(rename = "metric")]
    pub labels: BTreeMap<String, String>,
    /// When, and how much.
    value: (f64, String),
}

impl Sample {
    pub fn value(&self) -> Result<f64> {
        self.value.1.parse().with_context(|| format!("{self:?}"))
    }
}

impl<'a> Prometheus<'a> {
    /// Scrapes `target` each second, from the same namespace, with our rules. It listens on loopback only.
    pub fn start(netns: &'a Netns, target: SocketAddr) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        fs::write(path("temblor.rules.yml"), RULES)?;
        fs::write(path("prometheus.yml"), configuration(target))?;
        // Free until it is taken: nobody else is in this namespace.
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr();
        let address = netns.inside(free)??;
        let log = File::create(path("log"))?;
        let mut command = Command::new("prometheus");
        command
            .arg(format!(
                "--config.file={}",
                path("prometheus.yml").display()
            ))
            .arg(format!("--storage.tsdb.path={}", path("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = netns.spawn(command).context("prometheus is installed")?;
        let mut prometheus = Self {
            netns,
            child,
            folder,
            address,
        };
        prometheus.await_ready()?;
        Ok(prometheus)
    }

    fn await_ready(&mut self) -> Result<()> {
        let mut ended = None;
        wait_until("Prometheus has scraped", PATIENCE, || {
            ended = self.child.try_wait().ok().flatten();
            let up = self.ask("up == 1");
            ended.is_some() || up.is_ok_and(|up| !up.is_empty())
        })
        .with_context(|| self.log())?;
        ensure!(ended.is_none(), "it ended with {ended:?}: {}", self.log());
        Ok(())
    }

    /// What it says now; an error if it does not understand the question.
    pub fn ask(&self, question: &str) -> Result<Vec<Sample>> {
        let mut command = Command::new("promtool");
        let server = format!("http://{}", self.address);
        command
            .args(["query", "instant", "--format=json", &server, question])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let said = finish(self.netns.spawn(command)?)?;
        ensure!(said.code == Some(0), "{question}: {said:?}");
        serde_json::from_str(&said.out).with_context(|| format!("{question}: {said:?}"))
    }

    /// Waits until the answer is not empty, and does `meanwhile` before each look.
    pub fn await_some(
        &self,
        question: &str,
        mut meanwhile: impl FnMut() -> Result<()>,
    ) -> Result<Vec<Sample>> {
        let mut answer = Ok(Vec::new());
        let waited = wait_until(question, PATIENCE, || {
            answer = meanwhile().and_then(|()| self.ask(question));
            answer.as_ref().map_or(true, |samples| !samples.is_empty())
        });
        let answer = answer?;
        waited.with_context(|| self.log())?;
        Ok(answer)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn end(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            signal(self.child.id().cast_signed(), Signal::SIGTERM)?;
        }
        let ended = wait_until("Prometheus ends", PATIENCE, || {
            matches!(self.child.try_wait(), Ok(Some(_)))
        });
        if ended.is_err() {
            self.child.kill()?;
            self.child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Prometheus<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tell(&format!("Prometheus did not end: {error:#}"));
        }
    }
}

fn configuration(target: SocketAddr) -> String {
    format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\n\
         rule_files: [temblor.rules.yml]\n\
         scrape_configs:\n  - job_name: temblor\n    static_configs: [{{targets: ['{target}']}}]\n"
    )
}
