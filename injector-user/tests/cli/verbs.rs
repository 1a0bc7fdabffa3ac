//! What the verbs do, against an engine that only talks.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use injector_user::protocol::{Call, Ended as Gone, Which};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::engine::Double;
use crate::temblor::{Ran, Temblor, check_golden};

const INJECT: [&str; 8] = [
    "inject",
    "net.loss",
    "--target",
    "netns:blue",
    "--duration",
    "60s",
    "--probability",
    "30%",
];
/// So many looks that the fault never ends by itself.
const FOREVER: usize = usize::MAX;

#[test]
fn an_injection_ends_with_its_report() {
    let temblor = Temblor::new();
    let double = Double::serve(temblor.run_dir.path(), 2);
    let ran = temblor.run(&INJECT);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    check_golden("inject.txt", &ran.out);
    assert!(double.was_asked(&Call::Snapshot {
        fault: "net.loss-1".to_owned()
    }));
}

#[test]
fn an_injection_is_one_json_object_for_programs() {
    let temblor = Temblor::new();
    let _double = Double::serve(temblor.run_dir.path(), 0);
    let mut words = INJECT.to_vec();
    words.push("--json");
    let ran = temblor.run(&words);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    check_golden("inject.json", &ran.out);
}

#[test]
fn an_interrupt_stops_the_fault_and_the_report_says_so() {
    let temblor = Temblor::new();
    let double = Double::serve(temblor.run_dir.path(), FOREVER);
    let mut command = temblor.command(&INJECT);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = "net.loss-1".to_owned();
    wait_until(|| double.was_asked(&Call::Snapshot { fault: id.clone() }));
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (0, "stopping; once more to leave at once\n")
    );
    assert!(ran.out.contains("ended: it was stopped"), "{}", ran.out);
    assert!(double.was_asked(&Call::Stop {
        which: Which::Fault(id)
    }));
}

#[test]
fn a_second_interrupt_leaves_at_once() {
    let temblor = Temblor::new();
    let double = Double::new(FOREVER).deaf().on(temblor.run_dir.path());
    let mut command = temblor.command(&INJECT);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(child.id().cast_signed());
    let id = "net.loss-1".to_owned();
    wait_until(|| double.was_asked(&Call::Snapshot { fault: id.clone() }));
    kill(pid, Signal::SIGINT).unwrap();
    let which = Which::Fault(id);
    wait_until(|| {
        double.was_asked(&Call::Stop {
            which: which.clone(),
        })
    });
    kill(pid, Signal::SIGINT).unwrap();
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
}

#[test]
fn a_target_that_vanishes_is_a_failure_with_a_report() {
    let temblor = Temblor::new();
    let _double = Double::new(0)
        .ending(Gone::TargetGone)
        .on(temblor.run_dir.path());
    let mut words = INJECT.to_vec();
    words.push("--json");
    let ran = temblor.run(&words);
    let expected = "error: --target: netns:blue has gone before the fault ended\n\
                    hint: the report says what the fault did until then\n";
    assert_eq!((ran.code, ran.err.as_str()), (1, expected));
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(value["state"]["how"], "target-gone");
}

#[test]
fn an_engine_that_hangs_is_told_apart_from_none() {
    let temblor = Temblor::new();
    let _mute = UnixListener::bind(temblor.run_dir.path().join("engine.sock")).unwrap();
    let ran = temblor.run(&["status"]);
    let expected = "error: the engine did not answer within 1s\n\
                    hint: `sudo temblor stop` ends it and its faults\n";
    assert_eq!((ran.code, ran.err.as_str()), (1, expected));
}

#[test]
fn a_command_is_held_back_until_its_fault_is_armed() {
    let temblor = Temblor::new();
    let double = Double::serve(temblor.run_dir.path(), FOREVER);
    let words = [
        "inject",
        "net.loss",
        "--duration",
        "60s",
        "--",
        "sh",
        "-c",
        "echo ran; exit 7",
    ];
    let ran = temblor.run(&words);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("ran\n"), "{}", ran.out);
    assert!(
        ran.out.ends_with("command   ended with exit status 7\n"),
        "{}",
        ran.out
    );
    let calls = double.calls.lock().unwrap().clone();
    let at = |wanted: fn(&Call) -> bool| calls.iter().position(wanted).unwrap();
    let made = at(|call| matches!(call, Call::MakeCgroup));
    let entered = at(|call| matches!(call, Call::Enter { .. }));
    let armed = at(|call| matches!(call, Call::Arm(_)));
    assert!(made < entered && entered < armed, "{calls:?}");
}

#[test]
fn a_commands_output_stays_out_of_the_json() {
    let temblor = Temblor::new();
    let _double = Double::serve(temblor.run_dir.path(), FOREVER);
    let words = [
        "--json",
        "inject",
        "net.loss",
        "--duration",
        "60s",
        "--",
        "echo",
        "ran",
    ];
    let ran = temblor.run(&words);
    assert_eq!((ran.code, ran.err.as_str()), (0, "ran\n"));
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(value["command"]["exit_code"], 0);
}

#[test]
fn a_command_that_does_not_exist_is_bad_input() {
    let temblor = Temblor::new();
    let _double = Double::serve(temblor.run_dir.path(), FOREVER);
    let ran = temblor.run(&[
        "inject",
        "net.loss",
        "--duration",
        "60s",
        "--",
        "/no/such/program",
    ]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err
            .starts_with("error: failed to start \"/no/such/program\""),
        "{}",
        ran.err
    );
}

#[test]
fn a_detached_fault_is_not_waited_for() {
    let temblor = Temblor::new();
    let double = Double::serve(temblor.run_dir.path(), FOREVER);
    let mut words = INJECT.to_vec();
    words.push("--detach");
    let ran = temblor.run(&words);
    let expected = "net.loss-1 acts for 1m; `temblor stop net.loss-1` ends it before\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, expected));
    let calls = double.calls.lock().unwrap().clone();
    assert!(
        calls
            .iter()
            .any(|call| matches!(call, Call::Arm(arm) if arm.detached))
    );
}

#[test]
fn status_lists_what_is_armed() {
    let temblor = Temblor::new();
    let ran = temblor.run(&["status"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "no engine runs: nothing is armed\n")
    );
    let _double = Double::serve(temblor.run_dir.path(), 0);
    let ran = temblor.run(&["status"]);
    assert_eq!(ran.code, 0);
    check_golden("status.txt", &ran.out);
}

#[test]
fn stop_passes_on_what_is_to_end() {
    let temblor = Temblor::new();
    let double = Double::serve(temblor.run_dir.path(), 0);
    assert_eq!(temblor.run(&["stop"]).code, 0);
    let ran = temblor.run(&["stop", "--owner", "me"]);
    assert_eq!(ran.out, "nothing was armed that this could end\n");
    assert!(double.was_asked(&Call::Stop { which: Which::All }));
    assert!(double.was_asked(&Call::Stop {
        which: Which::Owner("me".to_owned())
    }));
}

#[test]
fn stop_never_kills_a_process_that_is_no_engine() {
    let temblor = Temblor::new();
    // Accepts, never answers, and is this test.
    let _mute = UnixListener::bind(temblor.run_dir.path().join("engine.sock")).unwrap();
    let ran = temblor.run(&["stop"]);
    let me = std::process::id();
    let expected = format!("error: failed to end the engine: process {me} is not a Temblor engine");
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with(&expected), "{}", ran.err);
}

#[test]
fn stop_does_not_trust_a_pid_file_that_is_left_over() {
    let temblor = Temblor::new();
    let file = temblor.run_dir.path().join("engine.pid");
    std::fs::write(file, std::process::id().to_string()).unwrap();
    let ran = temblor.run(&["stop"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "no engine runs: nothing is armed\n")
    );
}

#[test]
fn undo_says_that_nothing_is_left() {
    let ran = Temblor::new().run(&["undo"]);
    let expected = "the undo log is empty: nothing to put back\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, expected));
}

#[test]
fn an_entry_that_cannot_be_undone_is_exit_status_5() {
    let temblor = Temblor::new();
    let log = temblor.run_dir.path().join("undo");
    std::fs::create_dir(&log).unwrap();
    std::fs::write(log.join("thaw-1.json"), "not JSON").unwrap();
    let ran = temblor.run(&["undo"]);
    assert_eq!(ran.code, 5);
    assert!(ran.out.contains("set aside"), "{}", ran.out);
}

#[test]
fn an_experiment_without_faults_needs_no_engine() {
    let temblor = Temblor::new();
    let folder = temblor.run_dir.path();
    let text = "title: x\ndescription: y\nmethod:\n  - type: probe\n    name: yes\n    provider:\n      \
                type: process\n      path: \"true\"\n";
    std::fs::write(folder.join("x.yaml"), text).unwrap();
    let mut command = temblor.command(&["run", "x.yaml"]);
    let ran = Ran::of(&command.current_dir(folder).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    for file in ["report.json", "report.md", "report.html", "metrics.prom"] {
        assert!(folder.join("temblor-out").join(file).exists(), "{file}");
    }
}

#[test]
fn targets_are_listed_with_the_faults_that_fit() {
    let ran = Temblor::new().run(&["targets", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(value["targets"].is_array());
}

/// `temblor metrics` on a port of its own, and where that is.
fn serve_metrics(temblor: &Temblor, more: &[&str]) -> (Ended, SocketAddr) {
    let words = [&["metrics", "--listen", "127.0.0.1:0"], more].concat();
    let mut child = Ended(
        temblor
            .command(&words)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut said = String::new();
    BufReader::new(child.0.stderr.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    let address = said
        .trim()
        .trim_start_matches("serving http://")
        .trim_end_matches("/metrics");
    let address = address.parse().unwrap_or_else(|_| panic!("{said}"));
    (child, address)
}

fn get(address: SocketAddr, path: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n{header}\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn metrics_are_served_over_http() {
    let temblor = Temblor::new();
    let _double = Double::serve(temblor.run_dir.path(), 0);
    let (_child, address) = serve_metrics(&temblor, &[]);
    assert!(get(address, "/elsewhere", "").starts_with("HTTP/1.1 404 "));
    let answer = get(address, "/metrics", "");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text"));
    check_golden("metrics.txt", body);
}

#[test]
fn a_scraper_gets_the_format_that_it_accepts() {
    let temblor = Temblor::new();
    let (_child, address) = serve_metrics(&temblor, &[]);
    let kind = |accept: &str| {
        let answer = get(address, "/metrics", accept);
        let line = answer
            .lines()
            .find_map(|line| line.strip_prefix("Content-Type: "));
        let kind = line.unwrap().split(';').next().unwrap().to_owned();
        (kind, answer.ends_with("# EOF\n"))
    };
    let open = ("application/openmetrics-text".to_owned(), true);
    let plain = ("text/plain".to_owned(), false);
    assert_eq!(kind(""), open);
    assert_eq!(kind("Accept: */*\r\n"), open);
    let both = "accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    assert_eq!(kind(both), open);
    assert_eq!(kind("Accept: text/plain;version=0.0.4\r\n"), plain);
}

#[test]
fn what_is_observed_is_asked_for_once_and_told_at_each_scrape() {
    let temblor = Temblor::new();
    let double = Double::serve(temblor.run_dir.path(), 0);
    let words = ["--observe", "host", "--top", "3", "--signals", "block"];
    let (_child, address) = serve_metrics(&temblor, &words);
    for _ in 0..2 {
        let answer = get(address, "/metrics", "");
        assert!(answer.contains("\ntemblor_observer_up 1\n"), "{answer}");
        assert!(answer.contains("\ntemblor_series_dropped 0\n"), "{answer}");
    }
    let calls = double.calls.lock().unwrap().clone();
    let asked = calls.iter().filter_map(|call| match call {
        Call::Observe(wanted) => Some(serde_json::to_value(wanted).unwrap()),
        _ => None,
    });
    let expected = serde_json::json!({ "targets": ["host"], "signals": ["block"], "top": 3 });
    assert_eq!(asked.collect::<Vec<_>>(), [expected]);
    let frames = calls.iter().filter(|call| **call == Call::Frame).count();
    assert_eq!(frames, 2);
}

#[test]
fn who_would_observe_nothing_is_told() {
    for (words, said) in [
        (
            &["metrics", "--observe", "host"][..],
            "--observe and --top need --listen",
        ),
        (
            &["metrics", "--signals", "tcp", "--listen", "127.0.0.1:0"],
            "--signals needs --observe or --top",
        ),
        (&["metrics", "--plain", "--json"], "cannot be used with"),
    ] {
        let ran = Temblor::new().run(words);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
    }
}

#[test]
fn metrics_without_an_engine_say_that_none_is_up() {
    let ran = Temblor::new().run(&["metrics"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("temblor_engine_up 0\n"), "{}", ran.out);
}

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[track_caller]
pub(crate) fn wait_until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "it did not happen");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
