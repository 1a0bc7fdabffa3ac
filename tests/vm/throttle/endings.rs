//! However it ends, it is gone: as `safety` shows it for the faults of other hosts.

use anyhow::{Context as _, Result};
use injector_user::protocol::{Ended, State, Which};
use nix::sys::signal::Signal;
use temblor_tests::{Client, Pen, signal, wait_until};

use super::rates::{KIND, asked, await_value};
use crate::stage::{DEADLINE, Stage, await_end};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Told,
    OwnerGone,
    Deadline,
    MaxHits,
    EngineTerminated,
    EngineKilled,
    EngineStopped,
    KeeperKilled,
}

/// Felt by the target alone, and then by nobody.
fn check(ending: Ending) -> Result<()> {
    let (narrow, wide) = (Pen::make(KIND, "narrow")?, Pen::make(KIND, "wide")?);
    let stage = Stage::set()?;
    assert!(!narrow.is_felt()?, "nothing is felt before");
    let mut owner = stage.engine.client()?;
    let mut observer = stage.engine.client()?;
    let armed = owner.arm(KIND, &given(ending, &narrow))?;
    await_value(&narrow, "wbps", Some("65536"))?;
    let felt = narrow.is_felt()?;
    assert!(
        felt,
        "the target feels it: {:?}",
        owner.snapshot(&armed.fault)
    );
    assert!(!wide.is_felt()?, "the sibling does not");
    let mut owner = Some(owner);
    let how = bring(ending, &stage, &mut owner).with_context(|| format!("{ending:?}"))?;
    wait_until("the setting is as it was", DEADLINE, || {
        narrow.setting().is_ok_and(|now| now.is_empty())
    })?;
    if let Some(how) = how {
        let report = await_end(&mut observer, &armed.fault)?;
        assert_eq!(report.state, State::Ended { how });
    }
    assert!(!narrow.is_felt()? && !wide.is_felt()?);
    stage.close()
}

fn given(ending: Ending, pen: &Pen) -> std::collections::BTreeMap<String, String> {
    let mut given = asked(pen, pen.tight());
    let mut set = |name: &str, value: &str| given.insert(name.to_owned(), value.to_owned());
    match ending {
        Ending::Deadline => drop(set("duration", "15s")),
        Ending::MaxHits => {
            for (name, value) in [("active", "15s"), ("dormant", "1m"), ("max_hits", "1")] {
                set(name, value);
            }
            set("duration", "5m");
        }
        _others => drop(set("duration", "5m")),
    }
    given
}

/// How the engine then says that it ended, if it is still there and the fault over. An owner that is kept ends
/// nothing.
fn bring(ending: Ending, stage: &Stage, owner: &mut Option<Client>) -> Result<Option<Ended>> {
    let (engine, keeper) = (stage.engine.pid(), stage.engine.keeper());
    match ending {
        Ending::Told => {
            let stopped = stage.engine.client()?.stop(Which::All)?;
            assert_eq!(stopped.len(), 1, "{stopped:?}");
            return Ok(Some(Ended::Stopped));
        }
        Ending::OwnerGone => {
            drop(owner.take());
            return Ok(Some(Ended::OwnerGone));
        }
        Ending::Deadline => return Ok(Some(Ended::Deadline)),
        // Pulses go on being counted until the duration is over.
        Ending::MaxHits => {}
        Ending::EngineTerminated => signal(engine, Signal::SIGTERM)?,
        Ending::EngineKilled => signal(engine, Signal::SIGKILL)?,
        Ending::EngineStopped => signal(engine, Signal::SIGSTOP)?,
        Ending::KeeperKilled => signal(keeper, Signal::SIGKILL)?,
    }
    Ok(None)
}

macro_rules! endings {
    ($($name:ident $ending:ident),* $(,)?) => {$(
        #[test]
        fn $name() -> Result<()> {
            check(Ending::$ending)
        }
    )*};
}

endings!(
    when_somebody_says_stop Told,
    with_its_owner OwnerGone,
    at_its_deadline Deadline,
    after_its_last_hit MaxHits,
    with_an_engine_that_is_terminated EngineTerminated,
    with_an_engine_that_is_killed EngineKilled,
    with_an_engine_that_stands_still EngineStopped,
    with_its_keeper KeeperKilled,
);
