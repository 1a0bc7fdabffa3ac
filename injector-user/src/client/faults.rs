//! The runner's faults, over the engine's socket.

use std::time::Duration;

use injector_core::experiment::Observation;
use injector_core::fault::FaultSpec;
use injector_core::report::{EndReason, Felt, Undo};
use injector_core::telemetry::{self, Expression, FaultTimes, Frame, Moment};
use serde_json::Value;

use super::connection::Client;
use super::events::EventFile;
use super::fault::ClientError;
use super::names::resolve;
use crate::announce::Announcer;
use crate::clock::monotonic_ns;
use crate::observer::Wanted;
use crate::protocol::{self, Answer, Arm, Call, Class, Ended, Failure, FaultReport, State, Which};
use crate::runner::{Armed, End, FaultError, FaultErrorClass, Faults, Snapshot};

/// What a felt delay is measured by.
const QUANTITY: &str = "round trip of the target's TCP sockets";

/// The engine as the runner sees it. What was armed ends when this is dropped.
#[derive(Clone, Debug)]
pub struct EngineFaults {
    client: Client,
    /// For looking at targets: attaching what looks takes its time, and the kill switch must not wait.
    looking: Client,
    ssh_connection: Option<String>,
    events: Option<EventFile>,
    announcer: Option<Announcer>,
}

impl EngineFaults {
    /// What targets feel is asked for over `looking`, another connection to the same engine.
    /// `ssh_connection` is the caller's, which no fault may cut. Every injection is written to
    /// `events`, if there is such a file, and what becomes of faults is told to `announcer`.
    pub fn new(
        (client, looking): (Client, Client),
        ssh_connection: Option<String>,
        events: Option<EventFile>,
        announcer: Option<Announcer>,
    ) -> Self {
        Self {
            client,
            looking,
            ssh_connection,
            events,
            announcer,
        }
    }
}

impl Faults for EngineFaults {
    async fn plan(&self, fault: &FaultSpec) -> Result<Value, FaultError> {
        let fault = &resolved(fault).await?;
        let call = Call::Plan {
            fault: fault.kind(),
            params: fault.to_params(),
        };
        let answer = self.client.call(call).await;
        match answer.map_err(|error| error.about(fault))? {
            Answer::Planned { plan } => as_json(&plan),
            _ => Err(ClientError::Unexpected.into()),
        }
    }

    async fn arm(&self, name: &str, fault: &FaultSpec) -> Result<Armed, FaultError> {
        let fault = &resolved(fault).await?;
        let call = Call::Arm(Arm {
            fault: fault.kind(),
            params: fault.to_params(),
            name: Some(name.to_owned()),
            detached: false,
            ssh_connection: self.ssh_connection.clone(),
            rehearse_ms: None,
            follow: self.events.is_some(),
        });
        let answer = self.client.call(call).await;
        match answer.map_err(|error| error.about(fault))? {
            Answer::Armed { fault, seed, plan } => {
                if let Some(events) = &self.events {
                    events.follow(&self.client, &fault, Some(name));
                }
                if let Some(announcer) = &self.announcer {
                    announcer.follow(&self.client, &fault);
                }
                Ok(Armed {
                    id: fault,
                    plan: as_json(&plan)?,
                    seed: Some(seed),
                })
            }
            _ => Err(ClientError::Unexpected.into()),
        }
    }

    async fn snapshot(&self, id: &str) -> Result<Snapshot, FaultError> {
        let fault = id.to_owned();
        match self.client.call(Call::Snapshot { fault }).await? {
            Answer::Snapshot { fault } => Ok(snapshot(*fault)),
            _ => Err(ClientError::Unexpected.into()),
        }
    }

    async fn stop(&self, id: &str) -> Result<Snapshot, FaultError> {
        let which = Which::Fault(id.to_owned());
        match self.client.call(Call::Stop { which }).await? {
            Answer::Stopped { mut faults } => match faults.pop() {
                Some(fault) => Ok(snapshot(fault)),
                None => Err(ClientError::Unexpected.into()),
            },
            _ => Err(ClientError::Unexpected.into()),
        }
    }

    async fn kill(&self) -> Result<(), FaultError> {
        match self.client.call(Call::Kill).await? {
            Answer::Done => Ok(()),
            _ => Err(ClientError::Unexpected.into()),
        }
    }

    async fn observe(&self, observation: &Observation) -> Result<u64, FaultError> {
        let wanted = Wanted {
            targets: observation.targets.clone(),
            signals: observation.signals.clone(),
            top: 0,
        };
        let from_ns = monotonic_ns();
        match self.looking.call(Call::Observe(wanted)).await? {
            Answer::Done => Ok(from_ns),
            _ => Err(ClientError::Unexpected.into()),
        }
    }

    async fn ask(&self, question: &Expression) -> Result<telemetry::Answer, FaultError> {
        let question = question.clone();
        match self.looking.call(Call::Measure { question }).await? {
            Answer::Measured { answer } => Ok(answer),
            _ => Err(ClientError::Unexpected.into()),
        }
    }

    async fn frames(&self, from_ns: u64) -> Result<Vec<Frame>, FaultError> {
        let to_ns = u64::MAX;
        match self.looking.call(Call::Frames { from_ns, to_ns }).await? {
            Answer::Frames { frames } => Ok(frames),
            _ => Err(ClientError::Unexpected.into()),
        }
    }
}

async fn resolved(fault: &FaultSpec) -> Result<FaultSpec, ClientError> {
    resolve(fault).await.map_err(|problem| {
        ClientError::Answer(Failure {
            class: Class::Input,
            problems: vec![problem],
        })
    })
}

impl From<ClientError> for FaultError {
    fn from(error: ClientError) -> Self {
        let class = match &error {
            ClientError::Answer(failure) => match failure.class {
                Class::Input => FaultErrorClass::Input,
                Class::Refused => FaultErrorClass::Refused,
                Class::Failed => FaultErrorClass::Failed,
                Class::UndoIncomplete => FaultErrorClass::UndoIncomplete,
            },
            // What is armed over a connection ends with it.
            _ => FaultErrorClass::Failed,
        };
        let hint = match &error {
            ClientError::Answer(failure) => {
                failure.problems.iter().find_map(|one| one.hint.clone())
            }
            other => other.hint(),
        };
        Self {
            class,
            message: error.to_string(),
            hint,
        }
    }
}

fn as_json(plan: &injector_core::plan::Plan) -> Result<Value, FaultError> {
    serde_json::to_value(plan).map_err(|error| ClientError::Write(error).into())
}

fn snapshot(report: FaultReport) -> Snapshot {
    let window = report.window;
    let after = Duration::from_nanos(window.ended_ns.saturating_sub(window.armed_ns));
    let end = |reason, undo| End {
        reason,
        after,
        undo,
    };
    Snapshot {
        counters: report.counters,
        felt: report.felt.as_ref().and_then(felt),
        end: match report.state {
            State::Pending | State::Active => None,
            State::Ended { how } => Some(end(reason(how), Undo::Verified)),
            State::UndoIncomplete { what } => {
                Some(end(EndReason::Stopped, Undo::Incomplete { what }))
            }
        },
        times: Some(times(&window)),
        warnings: report.warnings,
    }
}

/// The engine has both clocks of the beginning and the end, and the first injection by one.
fn times(window: &protocol::Window) -> FaultTimes {
    let unix_ns = |ms: u64| ms.saturating_mul(1_000_000);
    let since_armed = window.injected_ns.saturating_sub(window.armed_ns);
    let armed = Moment {
        at_ns: window.armed_ns,
        unix_ns: unix_ns(window.armed_unix_ms),
    };
    let injected = Moment {
        at_ns: window.injected_ns,
        unix_ns: armed.unix_ns.saturating_add(since_armed),
    };
    let ended = Moment {
        at_ns: window.ended_ns,
        unix_ns: unix_ns(window.ended_unix_ms),
    };
    FaultTimes {
        armed,
        injected: (window.injected_ns > 0).then_some(injected),
        ended: (window.ended_ns > 0).then_some(ended),
    }
}

fn reason(how: Ended) -> EndReason {
    match how {
        Ended::Deadline => EndReason::Duration,
        Ended::Stopped => EndReason::Stopped,
        Ended::OwnerGone => EndReason::EngineLost,
        Ended::TargetGone => EndReason::TargetGone,
        Ended::Finished => EndReason::MaxHits,
    }
}

fn felt(felt: &protocol::Felt) -> Option<Felt> {
    Some(Felt {
        quantity: QUANTITY.to_owned(),
        before_us: exactly(felt.before_us?),
        during_us: exactly(felt.during_us?),
        asked_us: exactly(felt.asked_us),
        flagged: felt.flagged,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "round trips of years keep their microseconds"
)]
fn exactly(microseconds: u64) -> f64 {
    microseconds as f64
}
