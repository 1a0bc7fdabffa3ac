//! Commands that announce, to somebody who listens, and to nobody.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use injector_user::protocol::{Call, Which};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::engine::Double;
use crate::temblor::{Ran, Temblor};
use crate::web::{Reaction, Web};

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

/// Nobody listens there.
const DEAD: &str = "http://127.0.0.1:9";

fn grafana() -> Web {
    Web::serve(|_| Reaction::ok(r#"{"id":5}"#)).unwrap()
}

/// Method, path, token and body of what Grafana was asked.
fn seen(web: &Web) -> Vec<(String, String, Option<String>, Value)> {
    let asked = web.asked().into_iter();
    asked
        .map(|asked| {
            let token = asked.headers.get("authorization").cloned();
            let body = serde_json::from_slice(&asked.body).unwrap();
            (asked.method, asked.path, token, body)
        })
        .collect()
}

fn run(temblor: &Temblor, words: &[&str], environment: &[(&str, &str)]) -> Ran {
    let mut command = temblor.command(words);
    command.envs(environment.iter().copied());
    Ran::of(&command.output().unwrap())
}

#[test]
fn an_injection_is_a_region_in_grafana() {
    let (temblor, web) = (Temblor::new(), grafana());
    let _double = Double::serve(temblor.run_dir.path(), 2);
    let file = temblor.run_dir.path().join("token");
    std::fs::write(&file, "from-file\n").unwrap();
    let url = web.url();
    let words = [&INJECT[..], &["--grafana", &url]].concat();
    let ran = run(&temblor, &words, &[("TEMBLOR_GRAFANA_TOKEN", "from-env")]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let with_file = [
        &words[..],
        &["--grafana-token-file", file.to_str().unwrap()],
    ]
    .concat();
    let ran = run(
        &temblor,
        &with_file,
        &[("TEMBLOR_GRAFANA_TOKEN", "from-env")],
    );
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let seen = seen(&web);
    let heads: Vec<_> = seen
        .iter()
        .map(|(method, path, token, _)| (&**method, &**path, token.as_deref()))
        .collect();
    let (path, one) = ("/api/annotations", "/api/annotations/5");
    let expected = [
        ("POST", path, Some("Bearer from-env")),
        ("PATCH", one, Some("Bearer from-env")),
        ("POST", path, Some("Bearer from-file")),
        ("PATCH", one, Some("Bearer from-file")),
    ];
    assert_eq!(heads, expected);
    assert_eq!(seen[0].3["time"], json!(1_700_000_000_000_u64));
    assert_eq!(seen[1].3["timeEnd"], json!(1_700_000_060_100_u64));
}

#[test]
fn the_environment_names_grafana_and_a_collector() {
    let (temblor, web) = (Temblor::new(), grafana());
    let collector = Web::serve(|_| Reaction::ok("")).unwrap();
    let _double = Double::serve(temblor.run_dir.path(), 0);
    let environment = [
        ("TEMBLOR_GRAFANA_URL", &*web.url()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url()),
    ];
    let ran = run(&temblor, &INJECT, &environment);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(seen(&web).len(), 2);
    let asked = collector.asked();
    assert!(
        asked.iter().all(|asked| asked.path == "/v1/logs"),
        "{asked:?}"
    );
    assert!(!asked.is_empty());
}

#[test]
fn who_cannot_be_told_fails_nothing_and_is_named() {
    let temblor = Temblor::new();
    let _double = Double::serve(temblor.run_dir.path(), 0);
    let web = Web::serve(|_| Reaction::status("401 Unauthorized")).unwrap();
    let at = web.url();
    let words = [&INJECT[..], &["--otlp", DEAD, "--grafana", &at, "--json"]].concat();
    let ran = run(&temblor, &words, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["fault"], "net.loss-1");
    let lines: Vec<&str> = ran.err.lines().collect();
    let [grafana, token, collector, running] = lines.as_slice() else {
        panic!("{}", ran.err);
    };
    let expected = format!(
        "warning: 2 announcements have not reached Grafana at {at}: it answered 401 Unauthorized"
    );
    assert_eq!(*grafana, expected);
    assert_eq!(
        *token,
        "hint: check the token or the headers, and what they allow"
    );
    let expected = format!(
        "warning: 2 announcements have not reached the OpenTelemetry collector at {DEAD}/v1/logs: \
         no answer: "
    );
    assert!(collector.starts_with(&expected), "{collector}");
    assert_eq!(*running, "hint: does it run, and is the address right?");
}

#[test]
fn nobody_who_hangs_or_hangs_up_keeps_a_command() {
    let temblor = Temblor::new();
    let _double = Double::serve(temblor.run_dir.path(), 0);
    let (hangs, up) = (
        Web::serve(|_| Reaction::Hang),
        Web::serve(|_| Reaction::Close),
    );
    let (hangs, up) = (hangs.unwrap().url(), up.unwrap().url());
    let words = [&INJECT[..], &["--otlp", &hangs, "--grafana", &up]].concat();
    let ran = run(&temblor, &words, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let warnings = ran.err.lines().filter(|line| line.starts_with("warning: "));
    let warnings: Vec<&str> = warnings.collect();
    let [grafana, collector] = warnings.as_slice() else {
        panic!("{}", ran.err);
    };
    let expected = format!("warning: 2 announcements have not reached Grafana at {up}: ");
    assert!(grafana.starts_with(&expected), "{grafana}");
    let expected = "warning: 2 announcements have not reached the OpenTelemetry collector at ";
    assert!(collector.starts_with(expected), "{collector}");
}

#[test]
fn what_is_written_wrong_is_said_before_anything_is_armed() {
    let temblor = Temblor::new();
    let double = Double::serve(temblor.run_dir.path(), 0);
    let check = |more: &[&str], environment: &[(&str, &str)], err: &str| {
        let words = [&INJECT[..], more].concat();
        let ran = run(&temblor, &words, environment);
        assert_eq!(
            (ran.code, ran.err.as_str()),
            (2, err),
            "{more:?} {environment:?}"
        );
        assert_eq!(ran.out, "");
    };
    check(
        &["--grafana", "localhost:3000"],
        &[],
        "error: --grafana: it must begin with http:// or https://\n\
         hint: for example http://127.0.0.1:3000\n",
    );
    check(
        &["--otlp", "http://me:geheim@127.0.0.1:4318"],
        &[],
        "error: --otlp: it names a user, which everybody could read here; give a token instead\n\
         hint: for example http://127.0.0.1:4318\n",
    );
    check(
        &["--grafana", DEAD, "--grafana-token-file", "/nowhere/token"],
        &[],
        "error: failed to read the token file `/nowhere/token`: No such file or directory (os error \
         2)\nhint: name a file that holds nothing but the token\n",
    );
    check(
        &["--grafana", DEAD],
        &[("TEMBLOR_GRAFANA_TOKEN", "a\nb")],
        "error: TEMBLOR_GRAFANA_TOKEN: the token has characters that no header may have\n\
         hint: one line with the token of a Grafana service account\n",
    );
    check(
        &[],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")],
        "error: OTEL_EXPORTER_OTLP_ENDPOINT: it must begin with http:// or https://\n\
         hint: for example http://127.0.0.1:4318\n",
    );
    check(
        &["--detach", "--otlp", DEAD],
        &[],
        "error: --detach: faults are announced while they are waited for\n\
         hint: leave --detach away, or use `temblor metrics --listen` with the same flags\n",
    );
    assert_eq!(double.calls.lock().unwrap().len(), 0);
}

#[test]
fn a_detached_fault_is_not_announced_and_that_is_said() {
    let (temblor, web) = (Temblor::new(), grafana());
    let _double = Double::serve(temblor.run_dir.path(), 0);
    let words = [&INJECT[..], &["--detach"]].concat();
    let ran = run(&temblor, &words, &[("TEMBLOR_GRAFANA_URL", &web.url())]);
    let note =
        "a detached fault is not announced; `temblor metrics --listen` announces every fault\n";
    assert_eq!((ran.code, ran.err.as_str()), (0, note));
    assert_eq!(web.asked(), []);
}

#[test]
fn metrics_that_are_printed_once_announce_nothing() {
    let ran = Temblor::new().run(&["metrics", "--otlp", DEAD]);
    let expected = "error: --grafana and --otlp need --listen\n\
                    hint: faults are announced for as long as metrics are served\n";
    assert_eq!((ran.code, ran.err.as_str()), (2, expected));
}

#[test]
fn a_fault_that_was_counted_first_is_announced_when_it_acts() {
    let (temblor, web) = (Temblor::new(), grafana());
    let url = web.url();
    let _double = Double::serve(temblor.run_dir.path(), 1);
    let plan = [
        &["plan"],
        &INJECT[1..],
        &["--count", "100ms", "--grafana", &url],
    ]
    .concat();
    let ran = run(&temblor, &plan, &[]);
    let expected = "error: --grafana and --otlp need --arm\n\
                    hint: what is only counted is not announced\n";
    assert_eq!((ran.code, ran.err.as_str()), (2, expected));
    let ran = run(&temblor, &[&plan[..], &["--arm"]].concat(), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen = seen(&web);
    let heads: Vec<_> = seen.iter().map(|one| (&*one.0, &*one.1)).collect();
    let expected = [
        ("POST", "/api/annotations"),
        ("PATCH", "/api/annotations/5"),
    ];
    assert_eq!(heads, expected);
}

#[test]
fn who_serves_metrics_announces_until_an_interrupt() {
    let (temblor, web) = (Temblor::new(), grafana());
    let _double = Double::new(0).armed().on(temblor.run_dir.path());
    let words = [
        "metrics",
        "--listen",
        "127.0.0.1:0",
        "--grafana",
        &web.url(),
    ];
    let mut command = temblor.command(&words);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    assert!(line.starts_with("serving "), "{line}");
    crate::verbs::wait_until(|| !web.asked().is_empty());
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(rest, "warning: the end of net.loss-1 is not announced\n");
    let seen = seen(&web);
    let heads: Vec<_> = seen.iter().map(|one| (&*one.0, &*one.1)).collect();
    assert_eq!(heads, [("POST", "/api/annotations")]);
}

#[test]
fn who_leaves_at_once_is_told_what_nobody_else_will_be() {
    let (temblor, web) = (Temblor::new(), grafana());
    let url = web.url();
    let double = Double::new(usize::MAX).deaf().on(temblor.run_dir.path());
    let words = [&INJECT[..], &["--grafana", &url]].concat();
    let mut command = temblor.command(&words);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = Pid::from_raw(child.id().cast_signed());
    crate::verbs::wait_until(|| !web.asked().is_empty());
    kill(pid, Signal::SIGINT).unwrap();
    let which = Which::Fault("net.loss-1".to_owned());
    let stop = Call::Stop { which };
    crate::verbs::wait_until(|| double.was_asked(&stop));
    kill(pid, Signal::SIGINT).unwrap();
    let ran = Ran::of(&child.wait_with_output().unwrap());
    let said = "stopping; once more to leave at once\n\
                warning: the end of net.loss-1 is not announced\n";
    assert_eq!((ran.code, ran.err.as_str()), (1, said));
}
