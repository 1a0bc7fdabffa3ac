//! What is done to engine and keeper.

use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sys::signal::Signal;
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::actors::pause;
use super::engine::{Home, Pair};
use super::tally::Tally;
use crate::engine::{is_running, signal};
use crate::wait_until;

/// One blow.
#[derive(Clone, Copy, Debug)]
enum Harm {
    KillEngine,
    /// For good: the keeper has to end it, unless nothing is armed.
    StopEngine,
    KillKeeper,
    /// For a second.
    StopKeeper,
    KillBoth,
    /// Nobody can undo anything until the next engine.
    StopBothThenKill,
}

const HARMS: [Harm; 6] = [
    Harm::KillEngine,
    Harm::StopEngine,
    Harm::KillKeeper,
    Harm::StopKeeper,
    Harm::KillBoth,
    Harm::StopBothThenKill,
];

/// Longer than a lease.
const STALL: Duration = Duration::from_secs(4);
/// Longer than anybody takes to die on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Kills and stops engine and keeper for so long; afterwards one serves.
pub(super) fn batter(
    home: &mut Home,
    duration: Duration,
    luck: &mut StdRng,
    tally: &Tally,
) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        let pair = home.engine()?;
        pause(Duration::from_millis(luck.random_range(1_000..5_000)))?;
        let harm = HARMS[luck.random_range(0..HARMS.len())];
        if is_running(pair.engine) {
            harm.strike(pair)?;
            tally.count(format!("{harm:?}"));
        }
    }
    home.engine()?;
    Ok(())
}

impl Harm {
    /// Returns when whoever was to die has died.
    fn strike(self, Pair { engine, keeper }: Pair) -> Result<()> {
        let blows: &[(i32, Signal)] = match self {
            Self::KillEngine => &[(engine, Signal::SIGKILL)],
            Self::StopEngine => &[(engine, Signal::SIGSTOP)],
            Self::KillKeeper => &[(keeper, Signal::SIGKILL)],
            Self::StopKeeper => &[(keeper, Signal::SIGSTOP)],
            Self::KillBoth => &[(keeper, Signal::SIGKILL), (engine, Signal::SIGKILL)],
            Self::StopBothThenKill => &[
                (keeper, Signal::SIGSTOP),
                (engine, Signal::SIGSTOP),
                (engine, Signal::SIGKILL),
                (keeper, Signal::SIGKILL),
            ],
        };
        for (pid, blow) in blows {
            // Who has died of the blow before is gone.
            let _gone = signal(*pid, *blow);
        }
        self.wait_out(engine, keeper)
    }

    fn wait_out(self, engine: i32, keeper: i32) -> Result<()> {
        match self {
            Self::StopEngine => {
                let ended = wait_until("the keeper ends it", STALL, || !is_running(engine));
                if ended.is_err() {
                    // Nothing was armed, and nothing missed it.
                    let _gone = signal(engine, Signal::SIGCONT);
                    return Ok(());
                }
            }
            Self::StopKeeper => {
                pause(Duration::from_secs(1))?;
                let _gone = signal(keeper, Signal::SIGCONT);
                return Ok(());
            }
            _ => {}
        }
        wait_until("engine and keeper are gone", PATIENCE, || {
            !is_running(engine) && !is_running(keeper)
        })?;
        Ok(())
    }
}
