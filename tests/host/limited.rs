//! What holds for every fault that narrows a setting, shown on a pen of its kind.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::{Ended, State};
use temblor_tests::{Armed, Client, Pen, params, wait_until};

use crate::stage::{DEADLINE, Stage};

/// For a minute.
pub(crate) fn asked(target: &str, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let basic = [("target", target), ("duration", "60s")];
    params(basic.into_iter().chain(more.to_vec()))
}

/// Arms what can be felt most.
pub(crate) fn arm(client: &mut Client, pen: &Pen, more: &[(&str, &str)]) -> Result<Armed> {
    let given = [pen.tight(), more].concat();
    client.arm(pen.kind(), &asked(&pen.target(), &given))
}

/// Waits until the setting is another one than `before`.
pub(crate) fn await_changed(pen: &Pen, before: &str) -> Result<()> {
    let what = "the setting has changed";
    wait_until(what, DEADLINE, || {
        pen.setting().is_ok_and(|now| now != before)
    })
    .map(drop)
}

pub(crate) fn check_that_pulses_come_and_go(pen: &Pen) -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let before = pen.setting()?;
    let pulses = [
        ("active", "100ms"),
        ("dormant", "50ms"),
        ("count", "4"),
        ("when", "2..3"),
    ];
    let armed = arm(&mut client, pen, &pulses)?;
    let mut values = vec![pen.setting()?];
    let report = loop {
        let now = pen.setting()?;
        if values.last() != Some(&now) {
            values.push(now);
        }
        let report = client.snapshot(&armed.fault)?;
        if !matches!(report.state, State::Active | State::Pending) {
            break report;
        }
    };
    let how = Ended::Finished;
    assert_eq!(report.state, State::Ended { how });
    assert_eq!((report.pulses, report.counters.matched), (Some(2), 4));
    assert_eq!(
        (values.first(), values.last()),
        (Some(&before), Some(&before))
    );
    // A pulse may pass unseen where this process has to wait for its turn, a third one may not come.
    assert!((1..=5).contains(&values.len()), "{values:?}");
    stage.close()
}

/// Without engine and keeper.
pub(crate) fn check_that_it_stays_until_somebody_undoes_it(pen: &Pen) -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let before = pen.setting()?;
    arm(&mut client, pen, &[])?;
    await_changed(pen, &before)?;
    let limited = pen.setting()?;
    stage.engine.lose()?;
    assert_eq!(pen.setting()?, limited, "nobody is left to undo it");
    assert!(pen.is_felt()?);
    for _time in ["undone", "nothing is left to undo"] {
        let said = stage.cli().run(&["undo"])?;
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(pen.setting()?, before);
    }
    assert_eq!(stage.engine.undo_entries()?.len(), 0);
    stage.close()
}

/// What the engine says instead of limiting this.
pub(crate) fn check_refused(
    client: &mut Client,
    kind: Kind,
    given: &BTreeMap<String, String>,
    reason: &str,
) -> Result<()> {
    let failure = client.refusal(kind, given)?;
    let said = failure.problems.first().context("it says why")?;
    assert!(said.message.contains(reason), "{said}");
    assert!(said.hint.is_some(), "{said}");
    assert_eq!(failure.class.exit_code(), 3, "{said}");
    Ok(())
}
