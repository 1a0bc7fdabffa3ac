//! `process.crash`: a signal exactly before a system call, or exactly after it.

use std::collections::BTreeMap;

use super::signal::Signal;
use crate::fault::given::Reader;
use crate::fault::syscall::{self, Failing, Moment, Outcome};
use crate::problem::Invalid;

/// `SIGKILL`.
const KILL: &str = "SIGKILL";

/// The process that makes one of these calls is sent a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    calls: Failing,
    crash: syscall::Crash,
}

impl Crash {
    /// `None` only if a problem was reported.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let kill = KILL.parse().ok();
        let signal = reader.optional("signal", str::parse::<Signal>);
        let signal = signal.or(kill.filter(|_| !reader.has("signal")));
        let moment = reader.or("moment", Moment::Before, str::parse);
        let crash = signal.map(|signal| syscall::Crash { signal, moment });
        if let Some(signal) = signal.filter(|signal| signal.stops()) {
            let invalid =
                Invalid::saying(format!("nobody would let the process go on after {signal}"));
            reader.conflict(
                "signal",
                invalid.hint("process.freeze or process.signal stop processes"),
            );
        }
        if moment == Moment::After && reader.has("backend") {
            let invalid = Invalid::saying("calls that have been made are met in one way only");
            reader.conflict("backend", invalid.hint("leave `backend` away"));
        }
        let calls = Failing::read_with(reader, |_reader| crash.map(Outcome::Crashes))?;
        Some(Self {
            calls,
            crash: crash?,
        })
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        self.calls.write_calls(params);
        let syscall::Crash { signal, moment } = self.crash;
        let signal = Some(signal.to_string()).filter(|signal| signal != KILL);
        let moment = Some(moment).filter(|moment| *moment != Moment::Before);
        let rows = [
            ("signal", signal),
            ("moment", moment.map(|moment| moment.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }

    /// The calls at which it is sent.
    pub(in crate::fault) fn failing(&self) -> Failing {
        self.calls.clone()
    }
}
