//! Many cgroups with somebody in each: this program, started again.

use std::env;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use injector_user::freezer::Flavour;
use injector_user::sys::poll;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{getpgid, getsid, pause};

use crate::cgroup::Cgroup;

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Life {
    /// One call, which never ends.
    Sleeps,
    /// One call a second.
    Dozes,
    /// The same, and [`BUSY`] of two other kinds.
    Works,
}

const SECOND: Duration = Duration::from_secs(1);
const BUSY: usize = 50;

/// One of them; who is in it is killed with it.
#[derive(Debug)]
pub(super) struct House {
    resident: Child,
    pub(super) cgroup: Cgroup,
}

/// So many of them, each with what [`Life`] it has by its number.
pub(super) fn build(name: &str, count: usize, life: impl Fn(usize) -> Life) -> Result<Vec<House>> {
    let houses = (0..count).map(|number| House::build(&format!("{name}-{number}"), life(number)));
    houses.collect()
}

impl House {
    fn build(name: &str, life: Life) -> Result<Self> {
        let cgroup = Cgroup::make(Flavour::V2, name)?;
        let life = life.to_possible_value().context("it has a name")?;
        let mut command = Command::new(env::current_exe()?);
        command.args(["--life", life.get_name()]);
        let house = Self {
            resident: command.stdin(Stdio::null()).spawn()?,
            cgroup,
        };
        house.cgroup.enter(house.resident.id().cast_signed())?;
        Ok(house)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // One that has ended already is as good; the cgroup is removed after it.
        let _ended = self.resident.kill().and_then(|()| self.resident.wait());
    }
}

/// Lives until whoever started it ends.
pub(super) fn live(life: Life) -> Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    loop {
        match life {
            Life::Sleeps => pause(),
            Life::Dozes => drop(poll::wait_readable([], SECOND)?),
            Life::Works => {
                poll::wait_readable([], SECOND)?;
                for _time in 0..BUSY {
                    let _same = (getpgid(None), getsid(None));
                }
            }
        }
    }
}
