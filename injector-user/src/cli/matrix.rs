//! `temblor doctor --matrix`: which system calls can be made to fail or to take longer on this host, and
//! how.

use std::collections::BTreeMap;

use injector_abi::sleep::BEDS;
use injector_core::fault::Kind;
use injector_core::plan::{Capability, Coverage, Delays, Inventory, Mechanism, coverage, delays};
use serde::Serialize;

use super::style::Style;
use super::table::table;
use crate::capability::Host;
use crate::keeper::HELD;
use crate::loader::Functions;

/// Every system call of this kernel's architecture.
#[derive(Debug, Serialize)]
pub(super) struct Matrix {
    syscalls: Vec<Row>,
    /// By what all of them can, where a command is started for it.
    of_commands: Option<Mechanism>,
    /// By what those can that a target's own program or library makes.
    of_programs: Option<Mechanism>,
    /// Callers of the whole host that can sleep at once.
    sleepers: u32,
    /// The same of one command that is met by its filter.
    sleepers_of_command: usize,
    host: Host,
}

#[derive(Debug, Serialize)]
struct Row {
    syscall: &'static str,
    number: u16,
    /// None if it cannot be made to fail.
    mechanism: Option<Mechanism>,
    /// Which of these calls can fail, where not all can.
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<&'static str>,
    /// Why not, for each way there is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    /// By what its caller can be made to sleep before it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_before: Option<Mechanism>,
    /// And after.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_after: Option<Mechanism>,
}

impl Matrix {
    /// By what is known of the mechanisms.
    pub(super) fn of(capabilities: BTreeMap<Mechanism, Capability>) -> Self {
        let mut inventory = Inventory {
            capabilities,
            ..Inventory::default()
        };
        inventory.functions = Functions::needed_by(Kind::SyscallError, &inventory);
        let usable = |mechanism| inventory.usable(mechanism).ok().map(|()| mechanism);
        let of_commands = usable(Mechanism::Seccomp);
        let of_programs = usable(Mechanism::Uprobe);
        let coverage = coverage(&inventory);
        inventory.functions = Functions::needed_by(Kind::SyscallDelay, &inventory);
        let rows = coverage.into_iter().zip(delays(&inventory));
        Self {
            syscalls: rows.map(Row::of).collect(),
            of_commands,
            of_programs,
            sleepers: BEDS,
            sleepers_of_command: HELD,
            host: Host::read(),
        }
    }

    pub(super) fn text(&self, style: Style) -> String {
        let rows: Vec<Vec<String>> = self.syscalls.iter().map(Row::cells).collect();
        let can = self.syscalls.iter().filter(|row| row.mechanism.is_some());
        let commands = self.of_commands.map_or_else(String::new, |mechanism| {
            format!("; all of them by {mechanism}, of a command that Temblor starts: `-- COMMAND`")
        });
        let programs = self.of_programs.map_or_else(String::new, |mechanism| {
            format!("; others by {mechanism}, where the target's program or library makes them")
        });
        let before = self
            .syscalls
            .iter()
            .filter(|row| row.delay_before.is_some());
        let after = self.syscalls.iter().filter(|row| row.delay_after.is_some());
        let waiting = match self.of_commands {
            Some(mechanism) => format!(
                "; all of them before, by {mechanism}, of a command that Temblor starts, {} callers \
                 at once",
                self.sleepers_of_command
            ),
            None => String::new(),
        };
        format!(
            "{}\n\n{} of {} system calls can be made to fail{programs}{commands}\n\
             {} can be made to take longer before they are made, {} after, {} callers at \
             once{waiting}",
            table(&["SYSCALL", "MECHANISM", "DELAY", "NOTE"], &rows, style),
            can.count(),
            rows.len(),
            before.count(),
            after.count(),
            self.sleepers,
        )
    }
}

impl Row {
    fn of((coverage, delays): (Coverage, Delays)) -> Self {
        let Coverage { syscall, by, only } = coverage;
        let (mechanism, reasons) = match by {
            Ok(mechanism) => (Some(mechanism), Vec::new()),
            Err(reasons) => (None, reasons),
        };
        Self {
            syscall: syscall.name(),
            number: syscall.number(),
            mechanism,
            only,
            reasons,
            delay_before: delays.before,
            delay_after: delays.after,
        }
    }

    fn cells(&self) -> Vec<String> {
        let mechanism = self
            .mechanism
            .map_or_else(|| "-".to_owned(), |mechanism| mechanism.to_string());
        let note = match self.only {
            Some(only) => only.to_owned(),
            None => self.reasons.join("; "),
        };
        let delay = match (self.delay_before, self.delay_after) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "before",
            (None, Some(_)) => "after",
            (None, None) => "-",
        };
        vec![self.syscall.to_owned(), mechanism, delay.to_owned(), note]
    }
}
