//! Activities one after the other, and those in the background beside them.

use std::sync::Arc;
use std::time::Duration;

use injector_core::experiment::{Activity, ActivityKind};
use injector_core::report::{self, ActivityRecord, ActivityStatus, Phase};
use tokio::task::JoinSet;

use super::clock::{milliseconds, pause};
use super::event::{Event, Events, Side};
use super::faults::Faults;
use super::probe::Answer;
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
            kind: started.record.kind,
            name: activity.name.clone(),
            background: activity.background,
        });
        let answer = self.call(activity).await;
        started.finish(self.clock.elapsed(), &answer);
        drop(started);
        self.pause(activity, Side::After).await;
        answer
    }

    async fn pause(&self, activity: &Activity, side: Side) {
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

    /// Records a call of a hypothesis's probe that was made elsewhere.
    pub(super) fn record(
        &self,
        activity: &Activity,
        phase: Phase,
        began: Duration,
        answer: &Answer,
    ) {
        let mut started = Started::new(self, activity, phase);
        started.record.start_ms = milliseconds(began);
        started.finish(self.clock.elapsed(), answer);
    }
}

/// An activity that began; it is recorded when this is dropped.
#[derive(Debug)]
struct Started<'a> {
    record: ActivityRecord,
    events: &'a Events,
    clock: super::clock::Clock,
    finished: bool,
}

impl<'a> Started<'a> {
    fn new<F: Faults>(run: &'a Run<F>, activity: &Activity, phase: Phase) -> Self {
        let now = milliseconds(run.clock.elapsed());
        let record = ActivityRecord {
            phase,
            name: activity.name.clone(),
            kind: match activity.kind {
                ActivityKind::Action => report::ActivityKind::Action,
                ActivityKind::Probe => report::ActivityKind::Probe,
            },
            provider: activity.provider.name().to_owned(),
            background: activity.background,
            start_ms: now,
            end_ms: now,
            status: ActivityStatus::Cancelled,
            output: None,
            error: None,
        };
        Self {
            record,
            events: &run.events,
            clock: run.clock,
            finished: false,
        }
    }

    fn finish(&mut self, at: Duration, answer: &Answer) {
        self.finished = true;
        self.record.end_ms = milliseconds(at);
        match answer {
            Ok(told) => {
                self.record.status = ActivityStatus::Succeeded;
                let value = || told.value.as_str().map(str::to_owned);
                let text = told.words.clone().or_else(value);
                let text = text.unwrap_or_else(|| told.value.to_string());
                self.record.output = Some(shortened(text));
            }
            Err(why) => {
                self.record.status = ActivityStatus::Failed;
                self.record.error = Some(shortened(why.to_string()));
            }
        }
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.record.end_ms = milliseconds(self.clock.elapsed());
        }
        self.events
            .tell(Event::Activity(Box::new(self.record.clone())));
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST_OUTPUT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
