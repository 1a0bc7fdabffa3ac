//! One fault from its request to its end.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::{Answer, Arm, Call, Failure, State, Which};
use nix::sys::signal::Signal;
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::super::every;
use super::actors::pause;
use super::place::{PORTS, Place};
use super::tally::Tally;
use crate::client::Client;
use crate::engine::{signal, temblor_program};

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stop,
    Disconnect,
    Detached,
    Deadline,
    TargetDies,
    CommandKilled,
    CommandStopped,
    CommandInterrupted,
    CommandEnds,
}

const ENDS: [End; 9] = [
    End::Stop,
    End::Disconnect,
    End::Detached,
    End::Deadline,
    End::TargetDies,
    End::CommandKilled,
    End::CommandStopped,
    End::CommandInterrupted,
    End::CommandEnds,
];

/// How often somebody who waits for the end of a fault looks.
const LOOK: Duration = Duration::from_millis(100);

/// Arms one fault, lets it act, and ends it. That the engine dies meanwhile is counted, not an error.
pub(super) fn live(place: &Place, worker: u16, luck: &mut StdRng, tally: &Tally) -> Result<()> {
    let kind = pick(luck, Kind::ALL)?;
    let end = pick(luck, &ENDS)?;
    let lasts = Duration::from_millis(luck.random_range(200..3_000));
    let acts = lasts.mul_f64(luck.random_range(0.0..1.0));
    let prey = (end == End::TargetDies).then(Prey::start).transpose()?;
    let target = match &prey {
        Some(prey) if !kind.is_of_packets() && kind != Kind::ProcessFreeze => prey.target(),
        _ => target(place, kind, luck)?,
    };
    let way = pick(luck, every::ways(kind))?;
    let mut given = every::given(way, &target, &format!("{}ms", lasts.as_millis()));
    if kind.is_of_packets() || kind == Kind::SockError {
        given.insert("ports".to_owned(), (PORTS + worker).to_string());
    }
    pause(Duration::from_millis(luck.random_range(0..500)))?;
    let outcome = match end {
        End::CommandKilled | End::CommandStopped | End::CommandInterrupted | End::CommandEnds => {
            by_command(place, kind, &given, end, acts).map(|()| "command")
        }
        _ => by_socket(place, kind, &given, end, acts, prey),
    };
    match outcome {
        Ok(what) => tally.count(format!("{kind} {what} {end:?}")),
        Err(error) => tally.count(format!("cut short: {}", said(&error))),
    }
    Ok(())
}

fn pick<T: Copy>(luck: &mut StdRng, from: &[T]) -> Result<T> {
    from.get(luck.random_range(0..from.len()))
        .copied()
        .context("something to pick from")
}

fn target(place: &Place, kind: Kind, luck: &mut StdRng) -> Result<String> {
    if kind.is_of_packets() {
        let netns = luck.random_range(0..place.namespaces.len());
        let name = place.namespaces.get(netns).context("a namespace")?.name();
        return Ok(format!("netns:{name}"));
    }
    let cgroup = luck.random_range(0..place.cgroups.len());
    Ok(place.cgroups.get(cgroup).context("a cgroup")?.target())
}

/// A process that is there to be a target and to die. Killed with this value.
struct Prey {
    child: Child,
}

impl Prey {
    fn start() -> Result<Self> {
        let mut command = Command::new("sleep");
        let child = command.arg("1m").stdin(Stdio::null()).spawn()?;
        Ok(Self { child })
    }

    fn target(&self) -> String {
        format!("pid:{}", self.child.id())
    }
}

impl Drop for Prey {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// What came of it, in a word.
fn by_socket(
    place: &Place,
    kind: Kind,
    given: &BTreeMap<String, String>,
    end: End,
    acts: Duration,
    prey: Option<Prey>,
) -> Result<&'static str> {
    let mut client = Client::connect(&place.run_dir.join("engine.sock"))?;
    let arm = Call::Arm(Arm {
        fault: kind,
        params: given.clone(),
        name: None,
        detached: end == End::Detached,
        ssh_connection: None,
        rehearse_ms: None,
        follow: false,
    });
    let fault = match client.call(arm)? {
        Ok(Answer::Armed { fault, .. }) => fault,
        Ok(other) => anyhow::bail!("{other:?} instead of a fault"),
        Err(failure) => anyhow::bail!("{}", reason(&failure)),
    };
    pause(acts)?;
    drop(prey);
    match end {
        End::Stop => {
            client.stop(Which::Fault(fault))?;
        }
        End::Deadline | End::TargetDies => await_end(&mut client, &fault)?,
        _ => {}
    }
    Ok("socket")
}

fn await_end(client: &mut Client, fault: &str) -> Result<()> {
    while !matches!(
        client.snapshot(fault)?.state,
        State::Ended { .. } | State::UndoIncomplete { .. }
    ) {
        pause(LOOK)?;
    }
    Ok(())
}

fn by_command(
    place: &Place,
    kind: Kind,
    given: &BTreeMap<String, String>,
    end: End,
    acts: Duration,
) -> Result<()> {
    let mut command = Command::new(temblor_program()?);
    command
        .arg("--run-dir")
        .arg(&place.run_dir)
        .args(["--json", "inject", kind.name()]);
    for (name, value) in given {
        command
            .arg(format!("--{}", name.replace('_', "-")))
            .arg(value);
    }
    let silent = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut command = silent.spawn()?;
    let pid = command.id().cast_signed();
    pause(acts)?;
    match end {
        End::CommandKilled => signal(pid, Signal::SIGKILL)?,
        End::CommandStopped => {
            signal(pid, Signal::SIGSTOP)?;
            pause(acts)?;
            signal(pid, Signal::SIGKILL)?;
        }
        End::CommandInterrupted => signal(pid, Signal::SIGINT)?,
        _ => {}
    }
    command.wait()?;
    Ok(())
}

/// Why the engine said no, without what differs from one time to the next.
fn reason(failure: &Failure) -> String {
    let message = failure
        .problems
        .first()
        .map_or("", |problem| &*problem.message);
    format!("{:?}: {message}", failure.class)
}

/// An error without numbers and names.
fn said(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let words = text.split(' ').map(|word| {
        let is_name = word.contains(|letter: char| letter.is_ascii_digit()) || word.contains('/');
        if is_name { "…" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}
