//! What one connection observes: asked of the observer without the engine's lock, as attaching its programs
//! may take a second.

use injector_core::plan::RefusalClass;

use super::serve::{Shared, lock};
use super::state::{Peer, failed, failure, only_root};
use crate::observer::{ObserveError, UnknownTarget, Visit, Wanted};
use crate::protocol::{Answer, Call, Class, Failure};

/// Ends with the connection.
#[derive(Debug, Default)]
pub(super) struct Watching {
    visit: Option<Visit>,
}

impl Watching {
    /// Whether this call is answered here.
    pub(super) fn concerns(call: &Call) -> bool {
        matches!(
            call,
            Call::Observe(_) | Call::Frame | Call::Measure { .. } | Call::Frames { .. }
        )
    }

    pub(super) async fn answer(
        &mut self,
        engine: &Shared,
        peer: Peer,
        call: Call,
    ) -> Result<Answer, Failure> {
        if !peer.may(&call) {
            return Err(only_root("observe"));
        }
        let answer = match call {
            Call::Observe(wanted) => self.want(engine, wanted).await.map(|()| Answer::Done),
            call => self.ask(call).await,
        };
        answer.map_err(|error| explained(&error))
    }

    async fn want(&mut self, engine: &Shared, wanted: Wanted) -> Result<(), ObserveError> {
        if let Some(visit) = &self.visit {
            return visit.want(wanted).await;
        }
        // Not in the call: the lock would be held for all of it.
        let observer = lock(engine).observer.clone();
        self.visit = Some(observer.observe(wanted).await?);
        Ok(())
    }

    async fn ask(&self, call: Call) -> Result<Answer, ObserveError> {
        let visit = self.visit.as_ref().ok_or(ObserveError::Nobody)?;
        Ok(match call {
            Call::Measure { question } => Answer::Measured {
                answer: visit.measure(question).await?,
            },
            Call::Frames { from_ns, to_ns } => Answer::Frames {
                frames: visit.frames(from_ns, to_ns).await?,
            },
            _ => Answer::Frame {
                frame: Box::new(visit.frame().await?),
            },
        })
    }
}

fn explained(error: &ObserveError) -> Failure {
    let (class, hint) = match error {
        ObserveError::Target(UnknownTarget::Refused(refusal)) => {
            let class = match refusal.class {
                RefusalClass::Input => Class::Input,
                RefusalClass::Refused => Class::Refused,
            };
            (class, Some(refusal.hint.as_str()))
        }
        ObserveError::Nobody => (Class::Input, Some("ask to observe something first")),
        _ => return failed(error),
    };
    failure(class, error.to_string(), hint)
}
