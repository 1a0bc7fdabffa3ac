//! What was asked for against what arrived, of 100 000 datagrams each: tests with a stated level, and
//! seeds that make them come out the same every time.
#![expect(
    clippy::cast_precision_loss,
    reason = "counts of some hundred thousands"
)]

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::proof::{Counters, Rate};
use injector_core::units::Probability;
use temblor_tests::{Arrival, params};

use super::stage::Stage;

const MANY: u32 = 100_000;

/// What arrives of many datagrams while the fault acts.
fn arrived(stage: &Stage, kind: Kind, more: &[(&str, &str)]) -> Result<Vec<Arrival>> {
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let flow = stage.flow(0)?;
    let port = flow.port().to_string();
    let basic = [
        ("target", &*target),
        ("duration", "5m"),
        ("seed", "1"),
        ("ports", &port),
    ];
    let armed = client.arm(kind, &params(basic.into_iter().chain(more.to_vec())))?;
    let arrived = flow.send(MANY, 64)?;
    let report = client.stop_one(&armed)?;
    assert_eq!(report.counters.eligible, u64::from(MANY), "{more:?}");
    let rate = report.rate.context("something was eligible")?;
    assert!(rate.within(), "{rate:?}");
    Ok(arrived)
}

/// Which of them were lost, by number.
fn lost(arrived: &[Arrival]) -> Vec<bool> {
    let mut lost = vec![true; MANY as usize];
    for one in arrived {
        lost[one.number as usize] = false;
    }
    lost
}

/// The exact binomial interval of 99.9 % around what was found holds what was asked for.
fn check_share(found: usize, trials: usize, asked: f64) -> Result<()> {
    let counters = Counters {
        matched: trials as u64,
        eligible: trials as u64,
        injected: found as u64,
        passed: (trials - found) as u64,
        ..Counters::default()
    };
    let asked = Probability::new(asked).context("a probability")?;
    let rate = Rate::of(asked, &counters).context("there were trials")?;
    assert!(rate.within(), "{found} of {trials}: {rate:?}");
    Ok(())
}

/// Of a chain that is observed, each step out of a state is a throw of dice: so many of those lost are
/// followed by one that is not, and so many of the others by one that is lost.
fn check_chain(lost: &[bool], to_bad: f64, to_good: f64) -> Result<()> {
    let steps = |from: bool, to: bool| {
        let pairs = lost.windows(2).filter(|pair| pair[0] == from);
        let (all, there) = pairs.fold((0, 0), |(all, there), pair| {
            (all + 1, there + usize::from(pair[1] == to))
        });
        (there, all)
    };
    let (into, good) = steps(false, true);
    check_share(into, good, to_bad)?;
    let (out, bad) = steps(true, false);
    check_share(out, bad, to_good)
}

#[test]
fn bursts_begin_and_end_as_often_as_the_model_says() -> Result<()> {
    let stage = Stage::set()?;
    let model = [("p", "2%"), ("r", "25%")];
    let lost = lost(&arrived(&stage, Kind::NetLoss, &model)?);
    check_chain(&lost, 0.02, 0.25)?;
    // 1/r packets long on average: the mean of n geometric lengths lies within 3.29 of its standard
    // deviations in 99.9 % of all cases.
    let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    let mean = lost.iter().filter(|lost| **lost).count() as f64 / bursts as f64;
    let deviation = (0.75_f64).sqrt() / 0.25 / (bursts as f64).sqrt();
    assert!(
        (mean - 4.0).abs() < 3.29 * deviation,
        "{mean} ± {deviation}"
    );
    stage.close()
}

#[test]
fn a_bad_state_may_lose_some_and_a_good_one_a_few() -> Result<()> {
    let stage = Stage::set()?;
    let model = [("p", "10%"), ("r", "40%"), ("1-h", "60%"), ("1-k", "1%")];
    let lost = lost(&arrived(&stage, Kind::NetLoss, &model)?);
    let share = |lag: usize| {
        let pairs = lost.windows(lag + 1).filter(|pair| pair[0] && pair[lag]);
        pairs.count() as f64 / f64::from(MANY)
    };
    // Bad a fifth of the time: 0.2 * 0.6 + 0.8 * 0.01 are lost; and since a state is remembered by
    // 0.5^lag, of pairs so far apart (0.59 * 0.4)^2 * 0.5^lag more than independence would give.
    let mean = 0.128;
    for (lag, expected) in [
        (0, mean),
        (1, mean * mean + 0.055_696 * 0.5),
        (2, mean * mean + 0.055_696 * 0.25),
    ] {
        assert!(
            (share(lag) - expected).abs() < 0.005,
            "{lag}: {} {expected}",
            share(lag)
        );
    }
    stage.close()
}

#[test]
fn correlated_loss_keeps_its_share() -> Result<()> {
    let stage = Stage::set()?;
    let correlated = [("probability", "10%"), ("correlation", "30%")];
    let lost = lost(&arrived(&stage, Kind::NetLoss, &correlated)?);
    check_chain(&lost, 0.7 * 0.1, 0.7 * 0.9)?;
    stage.close()
}

#[test]
fn so_many_come_twice_as_were_asked_for() -> Result<()> {
    let stage = Stage::set()?;
    let arrived = arrived(&stage, Kind::NetDuplicate, &[("probability", "5%")])?;
    let mut times = vec![0_u8; MANY as usize];
    for one in &arrived {
        times[one.number as usize] += 1;
    }
    assert!(times.iter().all(|times| matches!(times, 1 | 2)));
    check_share(arrived.len() - MANY as usize, MANY as usize, 0.05)?;
    stage.close()
}

#[test]
fn so_many_are_corrupted_as_were_asked_for_and_every_bit_alike() -> Result<()> {
    let stage = Stage::set()?;
    let silent = [("probability", "5%"), ("how", "silent")];
    let found = arrived(&stage, Kind::NetCorrupt, &silent)?;
    assert_eq!(found.len(), MANY as usize);
    let hit = found.iter().filter(|one| one.flipped > 0).count();
    check_share(hit, MANY as usize, 0.05)?;
    let wire = lost(&arrived(
        &stage,
        Kind::NetCorrupt,
        &[("probability", "5%")],
    )?);
    check_share(
        wire.iter().filter(|lost| **lost).count(),
        MANY as usize,
        0.05,
    )?;
    stage.close()
}

#[test]
fn so_many_overtake_as_were_asked_for() -> Result<()> {
    let stage = Stage::set()?;
    let reorder = [("latency", "20ms"), ("reorder", "10%")];
    let found = arrived(&stage, Kind::NetDelay, &reorder)?;
    assert_eq!(found.len(), MANY as usize, "nothing is lost");
    // Who is not held back is ahead of somebody with a smaller number who comes later.
    let mut smallest_later = u32::MAX;
    let overtaking = found.iter().rev().filter(|one| {
        let ahead = one.number > smallest_later;
        smallest_later = smallest_later.min(one.number);
        ahead
    });
    check_share(overtaking.count(), MANY as usize, 0.1)?;
    stage.close()
}
