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
    let expected = "error: failed to read `no-such-file.yaml`: No such file or directory (os error 2)\n\
         hint: a file with an experiment, or - for standard input\n";
    assert_eq!((ran.code, ran.err.as_str()), (2, expected));
}

/// Lines of a provider from line 7 on, and what is said of them.
const WRITTEN_WRONG: &[(&str, &str)] = &[
    (
        "fault: net.delay\ntarget: pid:7\nduration: 5s\nlatncy: 20ms\nlatency: 20ms",
        "10:15: method[0].provider.latncy: net.delay has no parameter `latncy`\n\
         hint: did you mean `latency`",
    ),
    (
        "fault: net.loss\ntarget: pid:7\nduration: 5s\nlatency: 20ms",
        "10:16: method[0].provider.latency: net.loss has no parameter `latency`\n\
         hint: it belongs to net.delay and syscall.delay and disk.slow",
    ),
    (
        "fault: net.dely\ntarget: pid:7\nduration: 5s",
        "7:14: method[0].provider.fault: `net.dely` is not a fault\n\
         hint: did you mean `net.delay`",
    ),
    (
        "fault: net.loss\ntarget: pid:7\nduration: 10seconds",
        "9:17: method[0].provider.duration: `seconds` in `10seconds` is not a unit of time\n\
         hint: did you mean 10s",
    ),
    (
        "fault: net.loss\ntarget: pid:7",
        "8: method[0].provider.duration: net.loss needs `duration`\n\
         hint: for example duration: 60s",
    ),
    (
        "fault: net.loss\ntarget: pid:7\nduration: 2h",
        "9:17: method[0].provider.duration: `2h` is not between 1ms and 1h\n\
         hint: a fault lasts at most 1h unless `long` is given",
    ),
    (
        "fault: net.delay\ntarget: pid:7\nduration: 5s\nlatency: 11s",
        "10:16: method[0].provider.latency: `11s` is not between 10us and 10s\n\
         hint: at most 10s",
    ),
    (
        "fault: net.loss\ntarget: pid:7\nduration: 5s\nprotocol: icmp\nports: [80]",
        "11:14: method[0].provider.ports: icmp has no ports\n\
         hint: leave `ports` or `protocol: icmp` away",
    ),
    (
        "fault: sock.error\ntarget: pid:7\nduration: 5s\noperation: connect\nerrno: EBOGUS",
        "11:14: method[0].provider.errno: `EBOGUS` is not an errno of Linux\n\
         hint: a name such as ECONNREFUSED, or its number",
    ),
    (
        "fault: net.loss\ntarget: ''\nduration: 5s",
        "8:15: method[0].provider.target: `` does not say what kind of target it is\n\
         hint: pid:N, cgroup:/PATH, container:NAME, unit:NAME, comm:NAME, exe:/PATH, \
         user:NAME, netns:NAME, iface:NAME[@NETNS], host, or a command after --",
    ),
];

#[test]
fn each_parameter_that_is_wrong_in_a_file_has_its_line_and_a_hint() {
    let temblor = Temblor::new();
    let file = temblor.run_dir.path().join("wrong.yaml");
    let name = file.to_str().unwrap();
    let head =
        "title: x\ndescription: y\nmethod:\n  - type: action\n    name: slow\n    provider:\n";
    for (provider, expected) in WRITTEN_WRONG {
        let lines = provider.lines().map(|line| format!("      {line}\n"));
        let text = format!("{head}{}      type: temblor\n", lines.collect::<String>());
        std::fs::write(&file, text).unwrap();
        for verb in ["validate", "run"] {
            let ran = temblor.run(&[verb, name]);
            assert_eq!((ran.code, ran.err), (2, format!("{name}:{expected}\n")));
        }
    }
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
    let output = loop {
        match command.output() {
            // Another test was forking when it was written, and that child holds it open.
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
            output => break output.unwrap(),
        }
    };
    let ran = Ran::of(&output);
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
