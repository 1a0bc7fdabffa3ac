//! What is wrong is said with its place, a hint and the documented exit status.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::temblor::{Ran, Temblor, check_golden};

#[track_caller]
fn check(words: &[&str], code: i32, err: &str) {
    let ran = Temblor::new().run(words);
    assert_eq!(
        (ran.code, ran.err.trim_end(), ran.out.as_str()),
        (code, err, ""),
        "{words:?}"
    );
}

#[test]
fn an_unknown_flag_is_answered_with_the_nearest_one() {
    check(
        &["inject", "net.delay", "--latecny", "20ms"],
        2,
        "error: unexpected argument '--latecny' found\nhint: did you mean `--latency`",
    );
    check(
        &["stattus"],
        2,
        "error: unrecognized subcommand 'stattus'\nhint: did you mean `status`",
    );
    check(
        &["inject", "net.dely"],
        2,
        "error: unrecognized subcommand 'net.dely'\nhint: did you mean `net.delay`",
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    check(
        &[
            "inject",
            "net.delay",
            "--target",
            "pid:7",
            "--latency",
            "20",
        ],
        2,
        "error: --duration: net.delay needs `duration`\n\
         hint: for example --duration 60s\n\
         error: --latency: `20` has no unit\n\
         hint: for example 20ms or 20s",
    );
}

#[test]
fn a_plan_is_read_as_strictly_as_an_injection() {
    check(
        &[
            "plan",
            "sock.error",
            "--target",
            "7",
            "--operation",
            "connect",
            "--errno",
            "ECONREFUSED",
            "--duration",
            "5s",
        ],
        2,
        "error: --target: `7` does not say what kind of target it is\n\
         hint: did you mean pid:7\n\
         error: --errno: `ECONREFUSED` is not an errno of Linux\n\
         hint: did you mean ECONNREFUSED",
    );
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    check(
        &[
            "inject",
            "net.loss",
            "--duration",
            "5s",
            "--detach",
            "--",
            "true",
        ],
        2,
        "error: --detach: a command is waited for, which a detached fault is not\n\
         hint: leave --detach away, or start the command yourself and name its cgroup",
    );
}

#[test]
fn metrics_are_for_this_host_only() {
    let ran = Temblor::new().run(&["metrics", "--listen", "0.0.0.0:9464"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("loopback only"), "{}", ran.err);
}

#[test]
fn errors_are_json_for_programs() {
    for (name, words) in [
        (
            "error-flag.json",
            ["--json", "inject", "net.delay", "--latecny", "20ms"].as_slice(),
        ),
        (
            "error-problems.json",
            &["inject", "net.delay", "--latency", "20", "--json"],
        ),
    ] {
        let ran = Temblor::new().run(words);
        assert_eq!(ran.code, 2);
        let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(value["error"]["exit_code"], 2);
        check_golden(name, &ran.out);
    }
}

#[test]
fn an_experiment_is_told_apart_by_line_and_column() {
    let temblor = Temblor::new();
    let file = temblor.run_dir.path().join("slow.yaml");
    let text = "title: x\ndescription: y\nmethod:\n  - type: action\n    name: slow\n    provider:\n      \
                type: temblor\n      fault: net.delay\n      target: pid:7\n      duration: 5s\n      \
                latency: 20\n";
    std::fs::write(&file, text).unwrap();
    let name = file.to_str().unwrap();
    for verb in ["validate", "run"] {
        let ran = temblor.run(&[verb, name]);
        let expected = format!(
            "{name}:11:16: method[0].provider.latency: `20` has no unit\n\
             hint: for example 20ms or 20s\n"
        );
        assert_eq!((ran.code, ran.err), (2, expected));
    }
    let ran = temblor.run(&["validate", "no-such-file.yaml"]);
    let expected =
        "error: failed to read `no-such-file.yaml`: No such file or directory (os error 2)\n";
    assert_eq!((ran.code, ran.err.as_str()), (2, expected));
}

#[test]
fn without_root_a_fault_is_refused_with_the_command_that_works() {
    let temblor = Temblor::new();
    let words = [
        "inject",
        "net.loss",
        "--target",
        "iface:eth0@blue",
        "--duration",
        "5s",
    ];
    // Under root the test gives root up, and nobody may not read the target directory.
    let program = temblor.run_dir.path().join("temblor");
    std::fs::copy(env!("CARGO_BIN_EXE_temblor"), &program).unwrap();
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(temblor.run_dir.path(), everybody).unwrap();
    let mut command = Command::new(&program);
    command
        .args(words)
        .env("TEMBLOR_RUN_DIR", temblor.run_dir.path());
    if nix::unistd::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    let ran = Ran::of(&command.output().unwrap());
    let expected = "error: the engine is needed, and it needs root\n\
                    hint: sudo temblor inject net.loss --target iface:eth0@blue --duration 5s\n";
    assert_eq!((ran.code, ran.err.as_str()), (3, expected));
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = Temblor::new()
        .command(&["inject", "net.delay", "--help"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
