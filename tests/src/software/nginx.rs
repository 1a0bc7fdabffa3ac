//! An nginx that serves files by reading them.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::folder;
use super::running::Running;
use crate::wait_until;

/// Longer than it takes to start, in a guest too.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where it would put what clients send or other servers answer: nothing here does, and the folders that
/// it has been built with need not be there.
const UNUSED: [&str; 5] = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/// Its files, whether it runs or not.
#[derive(Debug)]
pub struct Nginx {
    folder: TempDir,
}

impl Nginx {
    /// One with two worker processes and nothing to serve yet, which does not run.
    pub fn make() -> Result<Self> {
        let nginx = Self { folder: folder()? };
        fs::create_dir(nginx.site())?;
        fs::write(nginx.configuration(), nginx.settings()?)?;
        Ok(nginx)
    }

    /// Puts a file there, below its site.
    pub fn put(&self, name: &str, content: &str) -> Result<()> {
        let file = self.site().join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&file, content).with_context(|| file.display().to_string())
    }

    /// The folder of what it serves.
    pub fn site(&self) -> PathBuf {
        self.path("site")
    }

    /// Starts it and waits until it answers.
    pub fn start(&self) -> Result<Running> {
        let child = Command::new("nginx")
            .arg("-c")
            .arg(self.configuration())
            .arg("-e")
            .arg(self.log_file())
            .arg("-p")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start nginx")?;
        // It ends its workers.
        let running = Running::of(child, Signal::SIGTERM);
        let answers = wait_until("nginx answers", PATIENCE, || self.ask("").is_ok());
        answers.with_context(|| self.log())?;
        Ok(running)
    }

    /// What it has below this name, on a connection of its own.
    pub fn get(&self, name: &str) -> Result<String> {
        let answer = self.ask(name)?;
        let (head, content) = answer.split_once("\r\n\r\n").context("a whole answer")?;
        ensure!(head.starts_with("HTTP/1.1 200 "), "{name}: {head}");
        Ok(content.to_owned())
    }

    /// What it has written about itself.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn ask(&self, name: &str) -> Result<String> {
        let mut connection = UnixStream::connect(self.socket())?;
        write!(connection, "GET /{name} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Its workers read what they send, and keep none of it; all of it is root's, who starts it.
    fn settings(&self) -> Result<String> {
        let mut unused = String::new();
        for what in UNUSED {
            let folder = self.path(what);
            writeln!(unused, "  {what}_temp_path {};", folder.display())?;
        }
        Ok(format!(
            "user root root;\n\
             daemon off;\n\
             worker_processes 2;\n\
             pid {pid};\n\
             events {{ worker_connections 64; }}\n\
             http {{\n\
             \x20 access_log off;\n\
             \x20 sendfile off;\n\
             \x20 open_file_cache off;\n\
             {unused}\
             \x20 server {{ listen unix:{socket}; root {site}; }}\n\
             }}\n",
            pid = self.path("pid").display(),
            socket = self.socket().display(),
            site = self.site().display(),
        ))
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.folder.path(), name)
    }

    fn configuration(&self) -> PathBuf {
        self.path("nginx.conf")
    }

    fn log_file(&self) -> PathBuf {
        self.path("error.log")
    }

    fn socket(&self) -> PathBuf {
        self.path("socket")
    }
}
