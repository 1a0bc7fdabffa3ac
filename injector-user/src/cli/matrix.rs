//! `temblor doctor --matrix`: which system calls can be made to fail or to take longer on this host, and
//! how.

use std::collections::{BTreeMap, BTreeSet};

use injector_abi::sleep::BEDS;
use injector_core::fault::Kind;
use injector_core::fault::syscall::MOST_SPIN;
use injector_core::plan::{
    Capability, Coverage, Delays, Inventory, Mechanism, TURNS, coverage, delays,
};
use injector_core::units::format_duration;
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
    /// The same of each call and processor, where programs take turns.
    sleepers_in_turn: usize,
    /// The same of one command that is met by its filter.
    sleepers_of_command: usize,
    /// By what a caller can be kept busy for a moment where it cannot sleep.
    of_moments: Option<Mechanism>,
    /// What no call can be made to fail by here, and why: each of them has it among its reasons.
    #[serde(skip)]
    not_here: Vec<String>,
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
        let of_moments = usable(Mechanism::SpinAtHook);
        let coverage = coverage(&inventory);
        let not_here = not_here(&inventory, &coverage);
        inventory.functions = Functions::needed_by(Kind::SyscallDelay, &inventory);
        let rows = coverage.into_iter().zip(delays(&inventory));
        Self {
            syscalls: rows.map(Row::of).collect(),
            of_commands,
            of_programs,
            sleepers: BEDS,
            sleepers_in_turn: TURNS,
            sleepers_of_command: HELD,
            of_moments,
            not_here,
            host: Host::read(),
        }
    }

    pub(super) fn text(&self, style: Style) -> String {
        let rows = self.syscalls.iter().map(|row| row.cells(&self.not_here));
        let rows: Vec<Vec<String>> = rows.collect();
        let table = table(&["SYSCALL", "MECHANISM", "DELAY", "NOTE"], &rows, style);
        let parts = [table + "\n", self.failing(), self.waiting(), self.missing()];
        parts.join("\n").trim_end().to_owned()
    }

    fn count(&self, is_so: impl Fn(&Row) -> bool) -> usize {
        self.syscalls.iter().filter(|row| is_so(row)).count()
    }

    fn failing(&self) -> String {
        let able = self.count(|row| row.mechanism.is_some());
        let all = self.syscalls.len();
        let programs = self
            .of_programs
            .map(|by| format!("others by {by}, where the target's program or library makes them"));
        let commands = self
            .of_commands
            .map(|by| format!("all of them by {by}, {OF_COMMANDS}"));
        let said = [
            Some(format!("{able} of {all} system calls can be made to fail")),
            programs,
            commands,
        ];
        joined(said)
    }

    fn waiting(&self) -> String {
        let before = self.count(|row| row.delay_before.is_some());
        let after = self.count(|row| row.delay_after.is_some());
        let in_turn = self.count(|row| row.delay_before == Some(Mechanism::SleepInTurn));
        let callers = self.sleepers;
        let all = format!(
            "{before} can be made to take longer before they are made, {after} after, {callers} callers at once"
        );
        let few = (in_turn > 0).then(|| {
            let each = self.sleepers_in_turn;
            format!("{in_turn} of those before for {each} callers on each processor")
        });
        let commands = self.of_commands.map(|by| {
            let callers = self.sleepers_of_command;
            format!("all of them before, by {by}, {OF_COMMANDS}, {callers} callers at once")
        });
        let moments = self.of_moments.map(|by| {
            let most = format_duration(MOST_SPIN);
            format!("at security hooks by {by} for up to {most}, in which the caller is kept busy")
        });
        joined([Some(all), few, commands, moments])
    }

    fn missing(&self) -> String {
        if self.not_here.is_empty() {
            return String::new();
        }
        let ways = self.not_here.join("\n- ");
        format!("none of them fails here by:\n- {ways}")
    }
}

fn joined<const N: usize>(parts: [Option<String>; N]) -> String {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join("; ")
}

const OF_COMMANDS: &str = "of a command that Temblor starts: `-- COMMAND`";

/// What holds for every call that cannot be made to fail, for want of the mechanism itself.
fn not_here(inventory: &Inventory, coverage: &[Coverage]) -> Vec<String> {
    let reasons = coverage.iter().filter_map(|one| one.by.as_ref().err());
    let reasons: BTreeSet<&String> = reasons.flatten().collect();
    let mechanisms = Mechanism::ALL.iter();
    let all = mechanisms.filter_map(|mechanism| {
        let reason = inventory.usable(*mechanism).err()?;
        Some(format!("{mechanism}: {reason}"))
    });
    all.filter(|one| reasons.contains(one)).collect()
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

    /// Without the reasons that are said for all of them.
    fn cells(&self, said: &[String]) -> Vec<String> {
        let mechanism = self
            .mechanism
            .map_or_else(|| "-".to_owned(), |mechanism| mechanism.to_string());
        let own = self.reasons.iter().filter(|one| !said.contains(one));
        let own = || own.map(String::as_str).collect::<Vec<_>>().join("; ");
        let note = self.only.map_or_else(own, str::to_owned);
        let delay = match (self.delay_before, self.delay_after) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "before",
            (None, Some(_)) => "after",
            (None, None) => "-",
        };
        vec![self.syscall.to_owned(), mechanism, delay.to_owned(), note]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use injector_core::plan::{Capability, CapabilityState, Mechanism};

    use super::Matrix;
    use crate::cli::style::Style;

    #[test]
    fn what_holds_for_every_call_is_said_once() {
        let no = Capability {
            state: CapabilityState::Unsupported,
            reason: "this kernel is made of wood".to_owned(),
        };
        let matrix = Matrix::of(BTreeMap::from([(Mechanism::SyscallReturn, no)]));
        let text = matrix.text(Style::PLAIN);
        let said: Vec<_> = text
            .matches("fmod-ret: this kernel is made of wood")
            .collect();
        assert_eq!(said.len(), 1, "{text}");
        let own = "lsm: the call passes no security hook";
        assert!(
            matrix.syscalls.iter().any(|row| row.reasons.len() > 1),
            "{own}"
        );
    }
}
