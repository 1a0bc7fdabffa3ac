//! One operation of a client, as a line of text between its process and the demo.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

/// Which of a client's connections did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum Lane {
    /// Open connections to the primary: SET and GET in turn.
    Primary,
    /// Open connections to the replica: GET.
    Replica,
    /// A new connection to the primary for every PING.
    Connect,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum Outcome {
    Ok,
    /// The connection was refused.
    Refused,
    /// No answer in time.
    Timeout,
    /// Anything else.
    Failed,
}

/// From the wish to the answer; a broken connection is opened again within the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) struct Operation {
    pub(in crate::demo) lane: Lane,
    /// By the monotonic clock.
    pub(in crate::demo) start_ns: u64,
    pub(in crate::demo) took_us: u64,
    pub(in crate::demo) outcome: Outcome,
}

const LANES: [(Lane, &str); 3] = [
    (Lane::Primary, "primary"),
    (Lane::Replica, "replica"),
    (Lane::Connect, "connect"),
];

const OUTCOMES: [(Outcome, &str); 4] = [
    (Outcome::Ok, "ok"),
    (Outcome::Refused, "refused"),
    (Outcome::Timeout, "timeout"),
    (Outcome::Failed, "failed"),
];

impl Operation {
    pub(in crate::demo) fn end_ns(&self) -> u64 {
        self.start_ns
            .saturating_add(self.took_us.saturating_mul(1_000))
    }

    pub(in crate::demo) fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lane,
            start_ns,
            took_us,
            outcome,
        } = self;
        let (lane, outcome) = (word(&LANES, *lane), word(&OUTCOMES, *outcome));
        write!(f, "{lane} {start_ns} {took_us} {outcome}")
    }
}

impl FromStr for Operation {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [lane, start_ns, took_us, outcome] = fields[..] else {
            bail!("a client said {line:?}");
        };
        Ok(Self {
            lane: meant(&LANES, lane)?,
            start_ns: start_ns.parse()?,
            took_us: took_us.parse()?,
            outcome: meant(&OUTCOMES, outcome)?,
        })
    }
}

fn word<T: PartialEq>(table: &[(T, &'static str)], value: T) -> &'static str {
    let row = table.iter().find(|(candidate, _)| *candidate == value);
    row.map_or("unknown", |(_, word)| word)
}

fn meant<T: Copy>(table: &[(T, &'static str)], word: &str) -> Result<T> {
    let row = table.iter().find(|(_, candidate)| *candidate == word);
    row.map(|(value, _)| *value)
        .with_context(|| format!("a client said {word:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (lane, _) in LANES {
            for (outcome, _) in OUTCOMES {
                let operation = Operation {
                    lane,
                    start_ns: u64::MAX,
                    took_us: 0,
                    outcome,
                };
                let text = operation.to_string();
                assert_eq!(text.parse::<Operation>().unwrap(), operation);
            }
        }
    }
}
