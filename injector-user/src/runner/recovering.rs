//! What came of the faults: looked at in the end, until what is natural has come back or nobody waits for
//! it any longer.

use std::collections::BTreeSet;
use std::time::Duration;

use injector_core::experiment::{Observation, Provider, Temblor};
use injector_core::report::{Natural, TargetRecovery, Telemetry};
use injector_core::telemetry::{
    Asked, Baseline, Claim, FaultTimes, History, Moment, Recovery, Series, Timeline,
};
use tokio::sync::watch;

use super::clock::milliseconds;
use super::faults::Faults;
use super::halt::Cancel;
use super::run::{Observing, Run};

/// What is known in the end of what targets felt.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) telemetry: Telemetry,
    pub(super) faults: Vec<SeenFault>,
}

/// What one fault did to each target.
#[derive(Debug)]
pub(super) struct SeenFault {
    pub(super) name: String,
    pub(super) times: FaultTimes,
    pub(super) recoveries: Vec<TargetRecovery>,
}

/// What was seen so far; as much as a history keeps.
#[derive(Debug)]
struct Looking {
    observing: Observing,
    history: History,
    /// What comes next.
    next_ns: u64,
    frames: u64,
}

/// What is natural for a target, or why nobody knows.
type Known = (String, bool, Result<Baseline, String>);

/// A frame is made each second.
const FRAME: Duration = Duration::from_secs(1);
/// A breach is known by two frames, the first of which may be late.
const TELLING: Duration = Duration::from_secs(3);

impl<F: Faults> Run<F> {
    /// Waits until everything that a fault changed is as it was, or for as long as the experiment says;
    /// not at all for a person who wants the end. Nothing if nobody was looked at.
    pub(super) async fn see_out(&self, mut cancel: watch::Receiver<Cancel>) -> Option<Seen> {
        let observation = self.experiment.observation()?;
        let mut looking = Looking::since(self.observing()?);
        self.look_on(&mut looking).await;
        let ended = self.ledger.ended();
        let known = self.known(&observation, &looking, &ended);
        let over = self.clock.elapsed() + observation.after;
        loop {
            let faults = looking.recoveries(&ended, &known);
            let waits = looking.is_open(&faults) && self.clock.elapsed() < over;
            let cancelled = cancel.wait_for(|wish| *wish != Cancel::No);
            let goes_on = waits
                && tokio::select! {
                    biased;
                    Ok(_wish) = cancelled => false,
                    () = tokio::time::sleep(FRAME) => true,
                };
            if !goes_on {
                return looking.seen(&self.claims(), &observation, &known, faults);
            }
            self.look_on(&mut looking).await;
        }
    }

    /// Takes in what is new.
    async fn look_on(&self, looking: &mut Looking) {
        loop {
            match self.ledger.faults().frames(looking.next_ns).await {
                Ok(frames) if frames.is_empty() => return,
                Ok(frames) => {
                    for frame in frames {
                        looking.next_ns = looking.next_ns.max(frame.at_ns.saturating_add(1));
                        looking.frames += 1;
                        // What does not fit is counted there.
                        let _counted = looking.history.push(&frame);
                    }
                }
                Err(error) => {
                    let why = error.told();
                    self.events
                        .warn(format!("what targets felt is not known to the end: {why}"));
                    return;
                }
            }
        }
    }

    /// Kept from before, or of this run until its first fault.
    fn known(
        &self,
        observation: &Observation,
        looking: &Looking,
        ended: &[(String, FaultTimes)],
    ) -> Vec<Known> {
        let onset = |(_name, times): &(String, FaultTimes)| times.injected.unwrap_or(times.armed);
        let until_ns = ended.iter().map(|one| onset(one).at_ns).min();
        let span = (looking.observing.from_ns, until_ns.unwrap_or(u64::MAX));
        let of = |target: String| {
            let mut kept = self.baselines.iter();
            if let Some(kept) = kept.find(|one| one.target == target) {
                return (target, true, Ok(kept.clone()));
            }
            let here = (target.as_str(), "");
            let taken = Baseline::take(&looking.history, here, span, Baseline::SHORTEST);
            (target, false, taken.map_err(|invalid| invalid.message))
        };
        let targets = observation.targets.iter();
        targets.map(|target| of(target.to_string())).collect()
    }

    fn claims(&self) -> Vec<&Claim> {
        let activities = self.experiment.activities();
        activities
            .filter_map(|activity| match &activity.provider {
                Provider::Temblor(Temblor::Claim(claim)) => Some(&**claim),
                Provider::Temblor(_) | Provider::Http(_) | Provider::Process(_) => None,
            })
            .collect()
    }
}

impl Looking {
    fn since(observing: Observing) -> Self {
        Self {
            observing,
            history: History::default(),
            next_ns: observing.from_ns,
            frames: 0,
        }
    }

    /// What each fault that injected did to each target of which it is known what is natural.
    fn recoveries(&self, ended: &[(String, FaultTimes)], known: &[Known]) -> Vec<SeenFault> {
        let of_fault = |(name, times): &(String, FaultTimes)| {
            let known = known
                .iter()
                .filter_map(|(target, _kept, baseline)| Some((target, baseline.as_ref().ok()?)));
            let recoveries = known.map(|(target, baseline)| TargetRecovery {
                target: target.clone(),
                recovery: self.recovery(*times, baseline),
            });
            SeenFault {
                name: name.clone(),
                times: *times,
                recoveries: recoveries.collect(),
            }
        };
        let injected = ended
            .iter()
            .filter(|(_name, times)| times.injected.is_some());
        injected.map(of_fault).collect()
    }

    fn recovery(&self, times: FaultTimes, baseline: &Baseline) -> Recovery {
        let onset = times.injected.unwrap_or(times.armed).at_ns;
        // A window ends with its frame.
        let from_ns = onset.saturating_sub(baseline.window_ns.saturating_mul(2));
        Recovery::of(times, baseline, self.history.between(from_ns, u64::MAX))
    }

    /// Whether there is more to be known.
    fn is_open(&self, faults: &[SeenFault]) -> bool {
        let newest = self.history.span().map_or(0, |(_first, last)| last);
        let telling = u64::try_from(TELLING.as_nanos()).unwrap_or(u64::MAX);
        faults.iter().any(|fault| {
            let ended = fault.times.ended.map_or(0, |ended| ended.at_ns);
            let mut recoveries = fault.recoveries.iter().map(|one| &one.recovery);
            let too_early = !fault.recoveries.is_empty() && newest < ended.saturating_add(telling);
            too_early || recoveries.any(|one| one.detected.is_some() && one.recovered.is_none())
        })
    }

    fn seen(
        &self,
        claims: &[&Claim],
        observation: &Observation,
        known: &[Known],
        faults: Vec<SeenFault>,
    ) -> Option<Seen> {
        let (first, last) = self.history.span()?;
        let moment = |at_ns| {
            self.history.at(at_ns).map(|frame| Moment {
                at_ns: frame.at_ns,
                unix_ns: frame.unix_ns,
            })
        };
        let targets: BTreeSet<_> = observation
            .targets
            .iter()
            .map(ToString::to_string)
            .collect();
        let breached: BTreeSet<&Series> = faults
            .iter()
            .flat_map(|fault| &fault.recoveries)
            .flat_map(|one| &one.recovery.breaches)
            .map(|breach| &breach.series)
            .collect();
        let wanted = |series: &Series| {
            breached.contains(series) || claims.iter().any(|claim| asks_of(claim, series))
        };
        let timeline = Timeline::of(&self.history, (0, u64::MAX), &targets, wanted);
        let kept = u64::try_from(self.history.len()).unwrap_or(u64::MAX);
        let later = Duration::from_nanos(first.saturating_sub(self.observing.from_ns));
        Some(Seen {
            telemetry: Telemetry {
                targets: targets.into_iter().collect(),
                signals: observation
                    .signals
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                from: moment(first)?,
                to: moment(last)?,
                from_ms: milliseconds(self.observing.since + later),
                frames: kept,
                frames_lost: self.frames.saturating_sub(kept),
                natural: known.iter().map(natural).collect(),
                timeline,
            },
            faults,
        })
    }
}

fn asks_of(claim: &Claim, series: &Series) -> bool {
    match claim.expression.asked() {
        Asked::One { of, .. } => of.matches(series),
        Asked::Ratio { part, whole } => part.matches(series) || whole.matches(series),
    }
}

fn natural((target, kept, baseline): &Known) -> Natural {
    let (target, kept) = (target.clone(), *kept);
    match baseline {
        Ok(baseline) => Natural {
            target,
            kept,
            windows: baseline.windows,
            window_ns: baseline.window_ns,
            bands: u64::try_from(baseline.bands.len()).unwrap_or(u64::MAX),
            missing: None,
        },
        Err(why) => Natural {
            target,
            kept,
            windows: 0,
            window_ns: 0,
            bands: 0,
            missing: Some(why.clone()),
        },
    }
}
