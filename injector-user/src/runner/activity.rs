//! Activities one after the other, and those in the background beside them.

use std::sync::Arc;
use std::time::Duration;

use injector_core::experiment::{Activity, ActivityKind};
use injector_core::report::{self, ActivityRecord, ActivityStatus, Phase};
use serde_json::Value;
use tokio::task::JoinSet;

use super::clock::{Clock, milliseconds, pause};
use super::event::{Event, Events, Performed, Side};
use super::faults::Faults;
use super::probe::{Answer, Judged, Told};
use super::run::Run;

/// What is kept of an answer, in characters.
const LONGEST_OUTPUT: usize = 2_000;

impl<F: Faults> Run<F> {
    /// Plays activities in their order, and waits for those in the background. The future may be
    /// dropped at any time: what runs is then ended and recorded as cancelled; what runs in the
    /// background is left to the caller.
    pub(super) async fn play(
        self: &Arc<Self>,
        activities: &[Activity],
        phase: Phase,
        background: &mut JoinSet<()>,
    ) {
        for activity in activities {
            if activity.background {
                let (run, activity) = (Arc::clone(self), activity.clone());
                background.spawn(async move { drop(run.perform(&activity, phase).await) });
                // It begins before what stands behind it.
                tokio::task::yield_now().await;
            } else {
                drop(self.perform(activity, phase).await);
            }
        }
        while background.join_next().await.is_some() {}
    }

    /// Performs one activity between its pauses.
    async fn perform(&self, activity: &Activity, phase: Phase) -> Answer {
        self.pause(activity, Side::Before).await;
        let mut started = Started::new(self, activity, phase);
        self.events.tell(Event::Begun {
            phase,
            kind: started.performed.record.kind,
            name: activity.name.clone(),
            background: activity.background,
            source: Arc::clone(&activity.source),
        });
        let answer = if self.experiment.runtime.leaves_out(activity.kind) {
            Ok(Told::default())
        } else {
            self.call(activity).await
        };
        started.finish(&answer);
        drop(started);
        self.pause(activity, Side::After).await;
        answer
    }

    pub(super) async fn pause(&self, activity: &Activity, side: Side) {
        if self.experiment.runtime.hurries(activity.kind) {
            return;
        }
        let duration = match side {
            Side::Before => activity.pauses.before,
            Side::After => activity.pauses.after,
        };
        if !duration.is_zero() {
            let name = activity.name.clone();
            self.events.tell(Event::Pause {
                name,
                side,
                duration,
            });
        }
        pause(duration).await;
    }

    /// Records a call of a hypothesis's probe that was made elsewhere. What is asked again and again while the
    /// method runs is not told by itself.
    pub(super) fn record(
        &self,
        activity: &Activity,
        phase: Phase,
        began: Duration,
        judged: &Judged,
    ) -> Performed {
        let mut performed = begun(activity, phase, began);
        performed.met = Some(judged.unmet.is_none());
        finish(&mut performed, self.clock.elapsed(), &judged.answer);
        if phase != Phase::During {
            let told = Box::new(performed.clone());
            self.events.tell(Event::Activity(told));
        }
        performed
    }
}

/// An activity that began; it is told when this is dropped.
#[derive(Debug)]
struct Started<'a> {
    performed: Performed,
    events: &'a Events,
    clock: Clock,
    finished: bool,
}

impl<'a> Started<'a> {
    fn new<F: Faults>(run: &'a Run<F>, activity: &Activity, phase: Phase) -> Self {
        Self {
            performed: begun(activity, phase, run.clock.elapsed()),
            events: &run.events,
            clock: run.clock,
            finished: false,
        }
    }

    fn finish(&mut self, answer: &Answer) {
        self.finished = true;
        finish(&mut self.performed, self.clock.elapsed(), answer);
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.performed.record.end_ms = milliseconds(self.clock.elapsed());
        }
        let told = Box::new(self.performed.clone());
        self.events.tell(Event::Activity(told));
    }
}

/// As it is if it is not finished.
fn begun(activity: &Activity, phase: Phase, at: Duration) -> Performed {
    let record = ActivityRecord {
        phase,
        name: activity.name.clone(),
        kind: match activity.kind {
            ActivityKind::Action => report::ActivityKind::Action,
            ActivityKind::Probe => report::ActivityKind::Probe,
        },
        provider: activity.provider.name().to_owned(),
        background: activity.background,
        start_ms: milliseconds(at),
        end_ms: milliseconds(at),
        status: ActivityStatus::Cancelled,
        output: None,
        error: None,
    };
    Performed {
        record,
        source: Arc::clone(&activity.source),
        output: Value::Null,
        met: None,
    }
}

fn finish(performed: &mut Performed, at: Duration, answer: &Answer) {
    let Performed { record, output, .. } = performed;
    record.end_ms = milliseconds(at);
    match answer {
        Ok(told) => {
            *output = told.value.clone();
            record.status = ActivityStatus::Succeeded;
            let value = || told.value.as_str().map(str::to_owned);
            let text = told.words.clone().or_else(value);
            let text = text.unwrap_or_else(|| told.value.to_string());
            record.output = Some(shortened(text));
        }
        Err(why) => {
            record.status = ActivityStatus::Failed;
            record.error = Some(shortened(why.to_string()));
        }
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST_OUTPUT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
