//! Executing a program in a child that may not allocate: all it needs is made before the fork.
#![expect(
    unsafe_code,
    reason = "execvpe takes lists of pointers, and signal handlers have no safe interface"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::process::Command;
use std::ptr;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// A program with its arguments and its environment.
#[derive(Debug)]
pub(crate) struct Image {
    arguments: List,
    environment: List,
}

/// Strings, and pointers to them that end with a null pointer.
#[derive(Debug)]
struct List {
    pointers: Vec<*const libc::c_char>,
    _owned: Vec<CString>,
}

impl Image {
    /// Program, arguments and changes of the environment of `command`; nothing else of it.
    pub(crate) fn of(command: &Command) -> io::Result<Self> {
        let words = [command.get_program()].into_iter();
        let words = words.chain(command.get_args()).map(OsStr::to_owned);
        let mut environment: BTreeMap<OsString, OsString> = env::vars_os().collect();
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => environment.insert(name.to_owned(), value.to_owned()),
                None => environment.remove(name),
            };
        }
        let assigned = environment.into_iter().map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            name
        });
        Ok(Self {
            arguments: List::of(words)?,
            environment: List::of(assigned)?,
        })
    }

    /// Becomes the program, looked for along `PATH`; only an error returns. Makes system calls only.
    pub(crate) fn execute(&self) -> nix::Result<Infallible> {
        let (arguments, environment) = (&self.arguments.pointers, &self.environment.pointers);
        let program = arguments.first().copied().unwrap_or(ptr::null());
        // SAFETY: both lists end with a null pointer, and `self` owns what the others point to; there is
        // a first word always, as a command has a program.
        unsafe { libc::execvpe(program, arguments.as_ptr(), environment.as_ptr()) };
        Err(Errno::last())
    }
}

impl List {
    fn of(strings: impl Iterator<Item = OsString>) -> io::Result<Self> {
        let strings = strings.map(|string| CString::new(string.into_vec()));
        let strings = strings.collect::<Result<Vec<_>, _>>()?;
        let pointers = strings.iter().map(|string| string.as_ptr());
        Ok(Self {
            pointers: pointers.chain([ptr::null()]).collect(),
            _owned: strings,
        })
    }
}

/// Gives the calling thread the signals of a fresh process: none blocked, and a closed pipe ends it,
/// which Rust's start has switched off. Makes system calls only.
pub(crate) fn fresh_signals() -> nix::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed.
    unsafe { sigaction(Signal::SIGPIPE, &default) }?;
    SigSet::empty().thread_set_mask()
}
