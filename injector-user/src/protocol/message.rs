//! Requests and answers.

use std::collections::BTreeMap;

use injector_core::fault::Kind;
use injector_core::plan::Plan;
use injector_core::problem::{Place, Problem};
use injector_core::telemetry::{self, Expression, Frame};
use serde::{Deserialize, Serialize};

use super::fault::FaultReport;
use crate::loader::Injection;
use crate::observer::Wanted;

/// Longest line that the engine accepts: whoever writes it need not be trusted.
pub const MAX_LINE: usize = 1 << 20;

/// Longest line that a client accepts: room for as many faults as there can be, each on thousands of
/// processes. The engine says so itself where an answer would be longer.
pub const MAX_ANSWER: usize = 1 << 24;

/// Raised when the meaning of a message changes; both sides are normally the same file.
pub const PROTOCOL: u32 = 2;

/// One line from a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The client's own number for it.
    pub id: u64,
    pub call: Call,
}

/// What a client can ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Call {
    /// Who is there?
    Hello,
    /// What would be done?
    Plan {
        fault: Kind,
        params: BTreeMap<String, String>,
    },
    /// Do it.
    Arm(Arm),
    /// Let a fault that was rehearsing act, from its beginning.
    Act { fault: String },
    /// What has a fault that is followed injected, from event number `after` on?
    Events { fault: String, after: u64 },
    /// End faults, orderly, and say what they did.
    Stop { which: Which },
    /// Switch off every fault of this connection with the kill switch, at once; they still have to
    /// be stopped.
    Kill,
    /// What has a fault done so far?
    Snapshot { fault: String },
    /// What is armed, and how is the engine?
    Status,
    /// What has ended, whoever armed it, from ended fault number `after` on? The numbers count from 0
    /// for each engine.
    Ended { after: u64 },
    /// A cgroup for a command that the client holds back until its fault is armed.
    MakeCgroup,
    /// Puts the held process into the connection's command cgroup.
    Enter { pid: i32 },
    /// Leave, if nothing is armed.
    Quit,
    /// Observe this from now on, for as long as this connection lasts or until it asks for something else.
    Observe(Wanted),
    /// What is known at this moment of what this connection observes?
    Frame,
    /// What does the last hour say of this, of what anybody observes?
    Measure { question: Expression },
    /// Frames of the last hour, of what anybody observes, oldest first and not too many at once.
    Frames { from_ns: u64, to_ns: u64 },
    /// Lets the held process go on, which has installed its filter and has the listener under this
    /// number; its calls are answered as the fault says.
    Intercept {
        fault: String,
        pid: i32,
        listener: i32,
    },
}

/// A fault to arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    pub fault: Kind,
    /// In the words of the schema.
    pub params: BTreeMap<String, String>,
    /// What an experiment calls it.
    pub name: Option<String>,
    /// Goes on when the connection closes, until its duration is over.
    pub detached: bool,
    /// `SSH_CONNECTION` of the caller, whose session must survive.
    pub ssh_connection: Option<String>,
    /// Milliseconds for which it only decides and counts, its own delay and duration apart; then it
    /// waits a little for [`Call::Act`].
    #[serde(default)]
    pub rehearse_ms: Option<u64>,
    /// Every injection will be asked for by [`Call::Events`].
    #[serde(default)]
    pub follow: bool,
}

/// Which faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// Whoever armed them.
    All,
    /// Those of this connection.
    Mine,
    Fault(String),
    Owner(String),
}

/// One line from the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    pub id: u64,
    pub answer: Result<Answer, Failure>,
}

impl Response {
    /// The line to send. What is too long for a client to accept becomes a failure that says so.
    pub fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        if line.len() >= MAX_ANSWER {
            line = serde_json::to_vec(&too_long(self.id, line.len()))?;
        }
        line.push(b'\n');
        Ok(line)
    }
}

fn too_long(id: u64, length: usize) -> Response {
    let message = format!("an answer of {length} bytes is longer than {MAX_ANSWER}");
    let hint = "what was asked for was done; ask for less at once, such as one fault: \
                `temblor stop FAULT`";
    Response {
        id,
        answer: Err(Failure {
            class: Class::Failed,
            problems: vec![Problem::new(Place::default(), message).hint(hint)],
        }),
    }
}

/// What was found or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Answer {
    Hello {
        version: String,
        protocol: u32,
        pid: i32,
        keeper: i32,
    },
    Planned {
        plan: Box<Plan>,
    },
    /// Attached and, unless a delay was asked for, acting.
    Armed {
        fault: String,
        seed: u64,
        plan: Box<Plan>,
    },
    /// What it would have done until now, before it begins to act.
    Acting {
        counted: Box<FaultReport>,
    },
    /// The oldest that were not given yet.
    Events {
        events: Vec<Injection>,
        /// What to ask for next.
        next: u64,
        /// Events with a lower number were only counted.
        real_from: u64,
        /// Once the fault has ended and these are the last: how many came too fast to be kept.
        lost: Option<u64>,
    },
    /// What ended, newest last.
    Stopped {
        faults: Vec<FaultReport>,
    },
    Snapshot {
        fault: Box<FaultReport>,
    },
    Status {
        engine: EngineStatus,
        faults: Vec<FaultReport>,
    },
    /// Of what this connection observes.
    Frame {
        frame: Box<Frame>,
    },
    /// The oldest that were asked for and are still known, and not too many for one answer.
    Ended {
        faults: Vec<FaultReport>,
        /// What to ask for next; these are all if it is what was asked for.
        next: u64,
        /// How many the engine knows no longer.
        forgotten: u64,
    },
    Measured {
        answer: telemetry::Answer,
    },
    Frames {
        frames: Vec<Frame>,
    },
    /// The cgroup as in `/proc/PID/cgroup`.
    Cgroup {
        path: String,
    },
    Done,
}

/// How the engine is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineStatus {
    pub version: String,
    pub pid: i32,
    pub keeper: i32,
    /// Places where kernel programs are attached; 0 when nothing is armed.
    pub attached: usize,
    /// The same of those that only look; 0 when nobody observes.
    #[serde(default)]
    pub observing: usize,
    /// Milliseconds that the lease still runs; 0 when nothing is armed.
    pub lease_ms: u64,
    pub clients: usize,
    /// Entries in the undo log.
    pub undo_entries: usize,
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub class: Class,
    /// Never empty.
    pub problems: Vec<Problem>,
}

/// Whose fault it is that something was not done; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The request is wrong: 2.
    Input,
    /// The request is clear and is not done, here or now: 3.
    Refused,
    /// It was tried and failed; what had been done was undone: 1.
    Failed,
    /// Something could not be undone: 5.
    UndoIncomplete,
}

impl Class {
    /// Of the client that asked.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Input => 2,
            Self::Refused => 3,
            Self::Failed => 1,
            Self::UndoIncomplete => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, MAX_ANSWER, Response};

    fn line_of(path: String) -> Vec<u8> {
        let answer = Ok(Answer::Cgroup { path });
        Response { id: 7, answer }.line().unwrap()
    }

    #[test]
    fn an_answer_that_no_client_would_accept_becomes_a_failure() {
        let line = line_of("/".repeat(MAX_ANSWER));
        let Response { id, answer } = serde_json::from_slice(&line).unwrap();
        let failure = answer.unwrap_err();
        assert_eq!((id, failure.class.exit_code()), (7, 1));
        let expected = "is longer than 16777216";
        assert!(
            failure.problems[0].message.ends_with(expected),
            "{failure:?}"
        );
    }

    #[test]
    fn an_answer_of_more_than_a_requests_length_is_sent_as_it_is() {
        let line = line_of("/".repeat(MAX_ANSWER / 2));
        assert!(line.len() > super::MAX_LINE && line.ends_with(b"\n"));
        let response: Response = serde_json::from_slice(&line).unwrap();
        response.answer.unwrap();
    }
}
