//! The client's load: several connections, each with its own thread and its own rhythm.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use injector_user::clock::monotonic_ns;
use nix::poll::{PollTimeout, poll};

use super::connection::{Line, Question};
use super::operation::{Lane, Operation};

/// What a client does, as arguments of its process.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::demo) struct Load {
    /// The Redis that everybody uses
    #[arg(long)]
    pub(in crate::demo) primary: SocketAddr,
    /// A replica that only this client reads from
    #[arg(long)]
    pub(in crate::demo) replica: Option<SocketAddr>,
    /// Under which it writes
    #[arg(long)]
    pub(in crate::demo) key: String,
}

/// One connection's part.
#[derive(Clone, Debug)]
struct Part {
    lane: Lane,
    server: SocketAddr,
    key: String,
    /// From one operation to the next, unless the first takes longer.
    every: Duration,
    /// How long to wait before the first, so that the parts take turns.
    phase: Duration,
}

/// Connections to the primary; several, so that one that waits does not silence the client.
const PRIMARY: u32 = 8;
const REPLICA: u32 = 2;
/// An operation every 5 ms, all connections to the primary together.
const EVERY_PRIMARY: Duration = Duration::from_millis(40);
const EVERY_REPLICA: Duration = Duration::from_millis(20);
const EVERY_CONNECT: Duration = Duration::from_millis(10);

/// Loads the servers until the standard input ends.
pub(in crate::demo) fn run(load: &Load) -> Result<()> {
    let (tell, told) = channel();
    for part in parts(load) {
        let tell = tell.clone();
        thread::spawn(move || part.play(&tell));
    }
    thread::spawn(move || write_all(&told));
    // Whoever started us holds the other end; the threads end with the process.
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn parts(load: &Load) -> Vec<Part> {
    let Load {
        primary,
        replica,
        key,
    } = load;
    let part = |lane, server, every: Duration, number: u32, of: u32| Part {
        lane,
        server,
        key: format!("{key}:{number}"),
        every,
        phase: every * number / of,
    };
    let mut parts = vec![part(Lane::Connect, *primary, EVERY_CONNECT, 0, 1)];
    parts.extend((0..PRIMARY).map(|n| part(Lane::Primary, *primary, EVERY_PRIMARY, n, PRIMARY)));
    if let Some(replica) = *replica {
        parts.extend((0..REPLICA).map(|n| part(Lane::Replica, replica, EVERY_REPLICA, n, REPLICA)));
    }
    parts
}

impl Part {
    /// Goes on for as long as somebody listens.
    fn play(&self, tell: &Sender<Operation>) {
        let mut line = Line::to(self.server);
        pause(self.phase);
        for turn in 0_u64.. {
            let start_ns = monotonic_ns();
            let outcome = line.ask(self.question(turn));
            let took_ns = monotonic_ns().saturating_sub(start_ns);
            if self.lane == Lane::Connect {
                line.close();
            }
            let operation = Operation {
                lane: self.lane,
                start_ns,
                took_us: took_ns / 1_000,
                outcome,
            };
            if tell.send(operation).is_err() {
                return;
            }
            pause(self.every.saturating_sub(Duration::from_nanos(took_ns)));
        }
    }

    fn question(&self, turn: u64) -> Question<'_> {
        match self.lane {
            Lane::Connect => Question::Ping,
            Lane::Replica => Question::Get(&self.key),
            Lane::Primary if turn.is_multiple_of(2) => Question::Set(&self.key),
            Lane::Primary => Question::Get(&self.key),
        }
    }
}

fn pause(time: Duration) {
    let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
    // Cut short by a signal, the next operation is early by that.
    let _interrupted = poll(&mut [], timeout);
}

fn write_all(told: &Receiver<Operation>) {
    let mut out = io::stdout().lock();
    for operation in told {
        if writeln!(out, "{operation}").is_err() {
            return;
        }
    }
}
