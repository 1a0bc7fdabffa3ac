//! By what an activity is done.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fault::FaultSpec;
use crate::telemetry::Claim;
use crate::words::words;

/// By what an activity is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Provider {
    Http(Http),
    Process(Process),
    Temblor(Temblor),
}

impl Provider {
    /// The word in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Process(_) => "process",
            Self::Temblor(_) => "temblor",
        }
    }
}

/// A call; it answers `{status, headers, body}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    pub url: String,
    /// In capitals.
    pub method: String,
    pub headers: BTreeMap<String, String>,
    /// The query of a GET, the body of anything else.
    pub arguments: Option<serde_json::Value>,
    pub timeout: Timeout,
    pub verify_tls: bool,
    /// How often a connection that failed is tried again.
    pub max_retries: u32,
}

/// How long a call may take; nothing given is no limit, as in the toolkit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeout {
    pub connect: Option<Duration>,
    /// From the request sent to the answer.
    pub read: Option<Duration>,
}

/// A command; it answers `{status, stdout, stderr}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// A name to be looked for in `PATH`, or a path; `~` is the home directory.
    pub path: String,
    pub arguments: Arguments,
    pub timeout: Option<Duration>,
}

/// What a command is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// Text for a shell.
    Shell(String),
    /// One by one, no shell involved.
    List(Vec<String>),
    /// As `List`, in the order of the file. Apart because a tolerance probe adds one by name.
    Named(Vec<(String, String)>),
}

/// What only Temblor can do.
#[derive(Debug, Clone, PartialEq)]
pub enum Temblor {
    /// Arms a fault.
    Arm {
        fault: Box<FaultSpec>,
        /// Whether the activity lasts as long as the fault.
        wait: bool,
    },
    /// Ends a fault before its time.
    Stop { name: String },
    /// Asks what a fault of this experiment did.
    Metric(Metric),
    /// Asks what targets feel; it answers a number in seconds, bytes or parts of 1, or true or false if it
    /// is compared with one.
    Claim(Box<Claim>),
}

/// A measurement of a fault of this experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// The name of the action that arms the fault.
    pub fault: String,
    pub measure: Measure,
}

/// What can be asked about a fault; a fault that is not armed answers 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// 1 while it is armed.
    Armed,
    Matched,
    Eligible,
    Expired,
    Outside,
    Injected,
    Passed,
    /// Injected of eligible, in `[0, 1]`.
    Rate,
    /// What the target feels now, the median in milliseconds.
    Felt,
}

words!(Measure, "a measurement of a fault", {
    Armed => "armed",
    Matched => "matched",
    Eligible => "eligible",
    Expired => "expired",
    Outside => "outside",
    Injected => "injected",
    Passed => "passed",
    Rate => "rate",
    Felt => "felt",
});
