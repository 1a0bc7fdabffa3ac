//! What the command line says, against golden files, and help that keeps its word.
//!
//! `BLESS=1 cargo test -p injector-user` rewrites the golden files.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{ArgMatches, FromArgMatches as _};
use injector_core::fault::Kind;
use injector_core::plan::{Attach, Hook, Mechanism, Plan, Select, Who};
use injector_core::problem::{Place, Problem};
use injector_core::proof::{Counters, Rate};

use super::command::{Cli, Verb, command};
use super::failure::CliError;
use super::fault_args::FaultArgs;
use super::style::Style;
use super::{examples, report};
use crate::client::ClientError;
use crate::delay_line::LineReport;
use crate::protocol::{Asleep, Class, Ended, Failure, FaultReport, Felt, State, Window};

#[track_caller]
pub(super) fn check_golden(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, shown).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == shown,
        "{} differs; it would be:\n{shown}",
        path.display()
    );
}

fn matches(words: &[&str]) -> Result<ArgMatches, clap::Error> {
    command().try_get_matches_from(words)
}

fn fault_args(words: &[&str]) -> FaultArgs {
    let matches = matches(words).unwrap();
    let (_verb, matches) = matches.subcommand().unwrap();
    FaultArgs::from_arg_matches(matches).unwrap()
}

#[test]
fn the_command_line_is_sound() {
    command().debug_assert();
}

#[test]
fn every_example_in_help_reads_without_a_problem() {
    for kind in Kind::ALL {
        for (why, words) in examples::examples(*kind) {
            let words = ["temblor", "inject", kind.name()]
                .into_iter()
                .chain(words.split(' '));
            let words: Vec<&str> = words.collect();
            let spec = fault_args(&words).spec();
            assert!(spec.is_ok(), "{why}: {words:?}: {spec:?}");
        }
    }
}

#[test]
fn every_verb_has_a_line_of_help() {
    for verb in command().get_subcommands() {
        assert!(verb.get_about().is_some(), "{}", verb.get_name());
    }
}

#[test]
fn flags_become_the_words_of_the_schema() {
    let args = fault_args(&[
        "temblor",
        "inject",
        "net.loss",
        "--target",
        "pid:7",
        "--duration",
        "5s",
        "--peers",
        "10.0.0.1",
        "--peers",
        "fd00::/8",
        "--max-hits",
        "3",
        "--allow-lockout",
    ]);
    let expected = [
        ("allow_lockout", "true"),
        ("duration", "5s"),
        ("max_hits", "3"),
        ("peers", "10.0.0.1,fd00::/8"),
        ("target", "pid:7"),
    ];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(args.spec().unwrap().to_params(), BTreeMap::from(expected));
}

#[test]
fn a_command_is_the_target() {
    let args = fault_args(&[
        "temblor",
        "inject",
        "net.loss",
        "--duration",
        "5s",
        "--",
        "curl",
        "-s",
        "--",
        "x",
    ]);
    assert_eq!(args.command, ["curl", "-s", "--", "x"]);
    let target = args.spec().unwrap().target;
    assert_eq!(target.to_string(), r#"command:["curl","-s","--","x"]"#);
}

#[test]
fn a_command_beside_a_target_is_a_contradiction() {
    let args = fault_args(&[
        "temblor",
        "inject",
        "net.loss",
        "--duration",
        "5s",
        "--target",
        "pid:7",
        "--",
        "curl",
    ]);
    assert_eq!(
        args.spec().unwrap_err().render(),
        "--target: a command is the target itself\n\
         hint: leave --target or the command after -- away"
    );
}

#[test]
fn options_of_a_verb_stand_behind_its_fault_too() {
    let words = [
        "temblor", "inject", "net.loss", "--target", "pid:7", "--detach", "--json",
    ];
    let cli = Cli::from_arg_matches(&matches(&words).unwrap()).unwrap();
    assert!(cli.globals.json);
    assert!(matches!(cli.verb, Verb::Inject(_)));
}

fn plan() -> Plan {
    Plan {
        also: Vec::new(),
        kind: Kind::NetDelay,
        fault: BTreeMap::new(),
        who: vec![Who::Process {
            pid: 7,
            comm: "redis".to_owned(),
        }],
        chosen: None,
        mechanism: Mechanism::TapDelay,
        hooks: vec![Hook::Cgroup {
            path: "/web".to_owned(),
            id: 0,
            attach: Attach::Connect,
        }],
        select: Select::default(),
        delay_ns: 0,
        duration_ns: 60_000_000_000,
        warnings: Vec::new(),
    }
}

pub(super) fn fault() -> FaultReport {
    let params = [
        ("target", "cgroup:/web"),
        ("latency", "20ms"),
        ("duration", "60s"),
    ];
    FaultReport {
        fault: "net.delay-1".to_owned(),
        name: None,
        kind: Kind::NetDelay,
        owner: Some("game-day-7".to_owned()),
        params: params
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        seed: 42,
        plan: plan(),
        state: State::Ended {
            how: Ended::Deadline,
        },
        window: Window {
            armed_unix_ms: 1_700_000_000_000,
            armed_ns: 1_000_000_000,
            injected_ns: 1_200_000_000,
            ended_unix_ms: 1_700_000_060_100,
            ended_ns: 61_100_000_000,
            deadline_ns: 61_000_000_000,
        },
        counters: Counters {
            matched: 1_200,
            eligible: 1_000,
            expired: 0,
            outside: 200,
            injected: 297,
            passed: 703,
            foreign: 0,
        },
        rate: Some(Rate {
            asked: 0.3,
            observed: 0.297,
            low: 0.25,
            high: 0.347_6,
            confidence: 0.999,
        }),
        felt: Some(Felt {
            before_us: Some(112),
            during_us: Some(20_412),
            asked_us: 20_000,
            flagged: false,
            note: None,
        }),
        connections_reset: None,
        asleep: Some(Asleep {
            callers: 297,
            slept_us: 20_412,
            asked_us: 20_000,
            awake: 3,
        }),
        missed: 2,
        line: Some(LineReport {
            overflowed: 0,
            bytes: 0,
            forwarded: 297,
            discarded: 0,
            failed: 0,
        }),
        pulses: None,
        strain: None,
        rounds: None,
        pressure: Vec::new(),
        suffered: Vec::new(),
        rehearsal: false,
        events_lost: None,
        examples: Vec::new(),
        warnings: Vec::new(),
    }
}

#[test]
fn a_report_says_what_was_asked_done_and_felt() {
    check_golden("report-ended.txt", &report::report(&fault(), Style::PLAIN));
}

#[test]
fn a_report_points_at_what_is_odd() {
    let mut odd = fault();
    odd.state = State::UndoIncomplete {
        what: "/web is still frozen".to_owned(),
    };
    odd.owner = None;
    odd.rate = Some(Rate {
        asked: 0.5,
        observed: 0.297,
        low: 0.25,
        high: 0.35,
        confidence: 0.999,
    });
    odd.felt = Some(Felt {
        before_us: None,
        during_us: Some(40_000),
        asked_us: 20_000,
        flagged: true,
        note: Some("no socket was open before".to_owned()),
    });
    odd.counters.matched += 1;
    odd.warnings = vec!["children are covered".to_owned()];
    check_golden("report-odd.txt", &report::report(&odd, Style::PLAIN));
}

#[test]
fn a_fault_that_nothing_matched_says_so() {
    let mut idle = fault();
    idle.counters = Counters::default();
    idle.rate = None;
    let shown = report::report(&idle, Style::PLAIN);
    assert!(shown.contains("\n  injected  nothing\n"), "{shown}");
}

#[test]
fn the_live_line_is_one_line() {
    let mut active = fault();
    active.state = State::Active;
    active.window.ended_ns = 0;
    assert_eq!(
        report::live(&active, 13_300_000_000),
        "net.delay-1 12.3s of 60.0s  matched 1200  injected 297  29.7% (asked 30%, 99.9% interval \
         25% to 34.76%)  felt +20.3ms (asked 20.0ms)"
    );
}

#[test]
fn the_engines_problems_are_told_as_ours_are() {
    let failure = Failure {
        class: Class::Refused,
        problems: vec![Problem::new(Place::default(), "sshd is protected").hint("choose another")],
    };
    let error = CliError::from(ClientError::Answer(failure));
    assert_eq!(error.exit().code(), 3);
    let json = serde_json::to_string_pretty(&error.to_json()).unwrap();
    check_golden("error-refused.json", &json);
}
