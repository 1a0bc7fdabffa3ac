//! `temblor doctor`: what this host can do, found out by doing it.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use injector_core::fault::Kind;
use injector_core::plan::{Capability, CapabilityState, Mechanism};
use nix::unistd::geteuid;
use serde::Serialize;

use super::context::Context;
use super::exit::Exit;
use super::failure::CliError;
use super::matrix::Matrix;
use super::style::Style;
use super::table::table;
use crate::capability::{Cgroups, Fact, Host, Known, Use, of_fault, uses};
use crate::safety::undo::UndoLog;

/// Say what this host can do, found out by doing it
///
/// Every mechanism is tried on a throw-away process, cgroup or network namespace: one effect is
/// seen, and seen to be gone. Without root nothing can be tried, and what no root has found out
/// before stays unknown.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(after_help = "Examples:
  sudo temblor doctor
  # Exit with 3 unless this host can delay packets
  sudo temblor doctor --fault net.delay
  # Everything, for programs
  sudo temblor doctor --json")]
pub(super) struct Doctor {
    /// Only this fault; exit with 3 if it is not supported
    #[arg(long, value_name = "KIND")]
    fault: Option<Kind>,
    /// Which system calls can be made to fail or to take longer, and how
    #[arg(long, conflicts_with = "fault")]
    matrix: bool,
    /// Try again what has been found out before
    #[arg(long)]
    again: bool,
}

/// What was found out, for programs.
#[derive(Debug, Serialize)]
struct Findings {
    faults: Vec<FaultRow>,
    host: Host,
}

#[derive(Debug, Serialize)]
struct FaultRow {
    fault: Kind,
    #[serde(flatten)]
    capability: Capability,
    mechanisms: Vec<MechanismRow>,
}

#[derive(Debug, Serialize)]
struct MechanismRow {
    mechanism: Mechanism,
    #[serde(flatten)]
    capability: Capability,
    /// What is lost without it; none if the fault is.
    #[serde(skip_serializing_if = "Option::is_none")]
    only_for: Option<&'static str>,
}

/// Exits well, whatever it finds out, unless a fault is named that this host is not known to do.
pub(super) fn run(context: &Context, args: Doctor) -> Result<Exit, CliError> {
    let mut known = known(context.run_dir());
    if args.again {
        known.forget();
    }
    if args.matrix {
        let mut found = known.of(Kind::SyscallError);
        found.extend(known.of(Kind::SyscallDelay));
        let matrix = Matrix::of(found);
        context.out.result(&matrix, |style| matrix.text(style))?;
        return Ok(Exit::Passed);
    }
    let kinds: Vec<Kind> = args
        .fault
        .map_or_else(|| Kind::ALL.to_vec(), |kind| vec![kind]);
    let found = match args.fault {
        Some(kind) => known.of(kind),
        None => known.all(),
    };
    let rows = kinds.into_iter().map(|kind| FaultRow::of(kind, &found));
    let findings = Findings {
        faults: rows.collect(),
        host: Host::read(),
    };
    context
        .out
        .result(&findings, |style| findings.text(style))?;
    Ok(findings.exit(args.fault.is_some()))
}

/// Root may write things down; what it has written everybody may read.
fn known(run_dir: &Path) -> Known {
    let log = geteuid().is_root().then(|| log(run_dir)).flatten();
    Known::open(run_dir, log)
}

/// Without a log the trials' cgroups still have their guards.
fn log(run_dir: &Path) -> Option<UndoLog> {
    let mut folder = DirBuilder::new();
    folder.recursive(true).mode(0o755).create(run_dir).ok()?;
    UndoLog::open(&run_dir.join("undo")).ok()
}

impl FaultRow {
    fn of(kind: Kind, found: &BTreeMap<Mechanism, Capability>) -> Self {
        let rows = uses(kind).iter().filter_map(|(mechanism, used)| {
            Some(MechanismRow {
                mechanism: *mechanism,
                capability: found.get(mechanism)?.clone(),
                only_for: match used {
                    Use::Main => None,
                    Use::Either(what) | Use::For(what) => Some(what),
                },
            })
        });
        Self {
            fault: kind,
            capability: of_fault(kind, found),
            mechanisms: rows.collect(),
        }
    }

    /// A line for each mechanism; the fault's name stands in the first.
    fn cells(&self, style: Style) -> Vec<Vec<String>> {
        let lines = self.mechanisms.iter().enumerate().map(|(index, row)| {
            let fault = if index == 0 { self.fault.name() } else { "" };
            vec![
                fault.to_owned(),
                row.mechanism.to_string(),
                state(row.capability.state, style),
                row.note(),
            ]
        });
        lines.collect()
    }
}

impl MechanismRow {
    fn note(&self) -> String {
        let only_for = self.only_for.map(|what| format!("for {what}"));
        let reason = Some(&self.capability.reason).filter(|reason| !reason.is_empty());
        match (only_for, reason) {
            (Some(only_for), Some(reason)) => format!("{reason} ({only_for})"),
            (Some(only_for), None) => only_for,
            (None, Some(reason)) => reason.clone(),
            (None, None) => String::new(),
        }
    }
}

impl Findings {
    fn exit(&self, asked: bool) -> Exit {
        let able = |row: &FaultRow| row.capability.state == CapabilityState::Supported;
        if asked && !self.faults.iter().all(able) {
            Exit::Refused
        } else {
            Exit::Passed
        }
    }

    fn text(&self, style: Style) -> String {
        let rows: Vec<Vec<String>> = self
            .faults
            .iter()
            .flat_map(|row| row.cells(style))
            .collect();
        let header = ["FAULT", "MECHANISM", "STATE", "NOTE"];
        let facts: Vec<Vec<String>> = facts(&self.host)
            .into_iter()
            .map(|(name, fact)| vec![name.to_owned(), fact])
            .collect();
        format!(
            "{}\n\n{}",
            table(&header, &rows, style),
            table(&["HOST", ""], &facts, style)
        )
    }
}

/// Painted to a fixed width: a table counts the characters that paint.
fn state(state: CapabilityState, style: Style) -> String {
    match state {
        CapabilityState::Supported => style.good("supported        "),
        CapabilityState::Unsupported => style.bad("unsupported      "),
        CapabilityState::RefusedByPolicy => style.bad("refused by policy"),
        CapabilityState::Unknown => style.unsure("unknown          "),
    }
}

fn facts(host: &Host) -> Vec<(&'static str, String)> {
    let Host {
        kernel,
        build,
        cgroups,
        btf,
        lockdown,
        lsm,
        privileges,
    } = host;
    let btf = if *btf { "present" } else { "absent" };
    let held = match (privileges.root, privileges.missing.as_slice()) {
        (true, []) => "root, nothing missing".to_owned(),
        (true, missing) => format!("root, without {}", missing.join(", ")),
        (false, _) => "not root: what root has not found out before is unknown".to_owned(),
    };
    vec![
        ("kernel", said(kernel, Clone::clone)),
        ("build", said(build, Clone::clone)),
        ("cgroups", said(cgroups, layout)),
        ("type information", btf.to_owned()),
        ("lockdown", said(lockdown, Clone::clone)),
        ("security modules", said(lsm, |names| names.join(", "))),
        ("privileges", held),
    ]
}

fn layout(cgroups: &Cgroups) -> String {
    let Cgroups {
        layout,
        v2,
        freezer_v1,
    } = cgroups;
    let at = |name: &str, point: &Option<std::path::PathBuf>| {
        let point = point.as_ref();
        point.map(|point| format!("{name} at {}", point.display()))
    };
    let points = [at("v2", v2), at("v1 freezer", freezer_v1)];
    let points: Vec<String> = points.into_iter().flatten().collect();
    if points.is_empty() {
        (*layout).to_owned()
    } else {
        format!("{layout} ({})", points.join(", "))
    }
}

fn said<T>(fact: &Fact<T>, say: impl FnOnce(&T) -> String) -> String {
    match fact {
        Fact::Known(value) => say(value),
        Fact::Unknown(reason) => format!("unknown: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use injector_core::fault::Kind;
    use injector_core::plan::{Capability, CapabilityState, Mechanism};

    use super::{Cgroups, Exit, Fact, FaultRow, Findings, Host, Style};
    use crate::capability::Privileges;

    fn host() -> Host {
        Host {
            kernel: Fact::Known("6.6.1".to_owned()),
            build: Fact::Known("ab01".to_owned()),
            cgroups: Fact::Known(Cgroups {
                layout: "v2",
                v2: Some("/sys/fs/cgroup".into()),
                freezer_v1: None,
            }),
            btf: true,
            lockdown: Fact::Unknown("securityfs is not mounted".to_owned()),
            lsm: Fact::Known(vec!["capability".to_owned(), "bpf".to_owned()]),
            privileges: Privileges {
                root: true,
                held: Vec::new(),
                missing: vec!["CAP_SYS_RESOURCE"],
            },
        }
    }

    fn findings(kind: Kind, states: &[(Mechanism, CapabilityState, &str)]) -> Findings {
        let found: BTreeMap<Mechanism, Capability> = states
            .iter()
            .map(|(mechanism, state, reason)| {
                let capability = Capability {
                    state: *state,
                    reason: (*reason).to_owned(),
                };
                (*mechanism, capability)
            })
            .collect();
        Findings {
            faults: vec![FaultRow::of(kind, &found)],
            host: host(),
        }
    }

    fn freeze() -> Findings {
        findings(
            Kind::ProcessFreeze,
            &[
                (Mechanism::FreezerV2, CapabilityState::Supported, ""),
                (
                    Mechanism::FreezerV1,
                    CapabilityState::Unsupported,
                    "no v1 freezer hierarchy is mounted",
                ),
            ],
        )
    }

    #[test]
    fn the_text_says_state_mechanism_and_reason() {
        let expected = "\
FAULT           MECHANISM   STATE              NOTE
process.freeze  freezer-v2  supported
                freezer-v1  unsupported        no v1 freezer hierarchy is mounted

HOST
kernel            6.6.1
build             ab01
cgroups           v2 (v2 at /sys/fs/cgroup)
type information  present
lockdown          unknown: securityfs is not mounted
security modules  capability, bpf
privileges        root, without CAP_SYS_RESOURCE";
        assert_eq!(freeze().text(Style::PLAIN), expected);
    }

    #[test]
    fn the_json_says_the_same() {
        let json = serde_json::to_value(freeze()).unwrap();
        assert_eq!(
            json["faults"],
            serde_json::json!([{
                "fault": "process.freeze",
                "state": "supported",
                "reason": "",
                "mechanisms": [
                    { "mechanism": "freezer-v2", "state": "supported", "reason": "" },
                    {
                        "mechanism": "freezer-v1",
                        "state": "unsupported",
                        "reason": "no v1 freezer hierarchy is mounted",
                    },
                ],
            }])
        );
        assert_eq!(
            json["host"]["kernel"],
            serde_json::json!({ "known": "6.6.1" })
        );
        let unknown = serde_json::json!({ "unknown": "securityfs is not mounted" });
        assert_eq!(json["host"]["lockdown"], unknown);
    }

    #[test]
    fn only_a_fault_that_was_asked_for_is_missed() {
        let unknown = [(Mechanism::TapDelay, CapabilityState::Unknown, "needs root")];
        let delay = findings(Kind::NetDelay, &unknown);
        assert_eq!(
            (delay.exit(false), delay.exit(true)),
            (Exit::Passed, Exit::Refused)
        );
        assert_eq!(
            (freeze().exit(false), freeze().exit(true)),
            (Exit::Passed, Exit::Passed)
        );
    }
}
