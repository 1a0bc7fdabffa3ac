use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn environment(name: &str) -> Option<String> {
    (name == "PORT").then(|| "6379".to_owned())
}

fn read(text: &str) -> Validated {
    validate(
        text,
        &Source {
            file: None,
            environment: &environment,
            overrides: Overrides::NONE,
        },
    )
}

fn valid(text: &str) -> Experiment {
    let validated = read(text);
    assert_eq!(validated.errors, []);
    validated.experiment.unwrap()
}

/// Puts a method of one activity around the lines of its provider.
fn with_provider(kind: &str, provider: &str) -> String {
    let head =
        format!("title: t\ndescription: d\nmethod:\n- type: {kind}\n  name: a\n  provider:\n");
    provider
        .lines()
        .fold(head, |text, line| text + "    " + line.trim_start() + "\n")
}

fn check(problems: &[crate::problem::Problem], expected: &[&str]) {
    let told: Vec<String> = problems
        .iter()
        .map(|problem| problem.render().replace("\nhint: ", " | "))
        .collect();
    assert_eq!(told, expected);
}

fn check_errors(text: &str, expected: &[&str]) {
    check(&read(text).errors, expected);
}

const FULL: &str = r#"
version: 1.0.0
title: ${service} stays up
description: What happens to the shop when Redis is slow
tags: [redis, network]
contributions: { availability: high }
configuration:
  service: redis
  port: { type: env, key: PORT, env_var_type: int }
  latency: { type: env, key: LATENCY, default: 20ms }
secrets:
  shop:
    token: { type: env, key: PORT }
steady-state-hypothesis:
  title: The shop answers
  probes:
  - type: probe
    name: shop
    tolerance: [200, 204]
    provider: { type: http, url: "http://localhost:${port}/", headers: { Authorization: "Bearer ${token}" }, timeout: [1, 2.5] }
method:
- type: action
  name: slow
  pauses: { after: 2 }
  provider: { type: temblor, fault: net.delay, target: "pid:1", latency: "${latency}", ports: [6379, 6380], duration: 60s }
- type: probe
  name: hits
  background: true
  provider: { type: temblor, metric: slow.injected }
- type: action
  name: load
  provider: { type: process, path: redis-benchmark, arguments: { "-p": "${port}", "-q": "" }, timeout: 5 }
- ref: shop
- type: action
  name: stop slow
  provider: { type: temblor, stop: slow }
rollbacks: []
runtime: { hypothesis: { strategy: continuously, frequency: 0.5, fail_fast: true }, rollbacks: { strategy: always } }
x-temblor:
  breakers:
  - { name: b, probe: shop, interval: 20ms, window: { samples: 20, failures: 5 }, rearm: { initial: 500ms, attempts: 2 } }
"#;

#[test]
fn a_full_experiment_is_understood() {
    let experiment = valid(FULL);
    assert_eq!(experiment.title, "redis stays up");
    assert_eq!(experiment.runtime.frequency, Duration::from_millis(500));
    assert_eq!(experiment.runtime.rollbacks, RollbackStrategy::Always);
    let names: Vec<&str> = experiment
        .method
        .iter()
        .map(|activity| activity.name.as_str())
        .collect();
    assert_eq!(names, ["slow", "hits", "load", "shop", "stop slow"]);
    let Provider::Temblor(Temblor::Arm { fault, wait: false }) = &experiment.method[0].provider
    else {
        panic!()
    };
    let params = fault.to_params();
    assert_eq!(
        (params["latency"].as_str(), params["ports"].as_str()),
        ("20ms", "6379-6380")
    );
    let Provider::Process(process) = &experiment.method[2].provider else {
        panic!()
    };
    let named = [("-p", "6379"), ("-q", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(process.arguments, Arguments::Named(named.to_vec()));
    let Provider::Http(http) = &experiment.method[3].provider else {
        panic!()
    };
    assert_eq!(
        (http.url.as_str(), http.headers["Authorization"].as_str()),
        ("http://localhost:6379/", "Bearer 6379")
    );
    assert_eq!(http.timeout.read, Some(Duration::from_millis(2_500)));
    assert_eq!(experiment.secrets.redact("Bearer 6379"), "Bearer [secret]");
    let breaker = &experiment.breakers[0];
    assert_eq!(
        (breaker.interval, breaker.timeout),
        (Duration::from_millis(20), Duration::from_secs(1))
    );
    let window = crate::safety::Window {
        samples: 20,
        failures: 5,
        minimum: 10,
    };
    assert_eq!(
        (breaker.policy.consecutive, breaker.policy.window),
        (0, window)
    );
}

#[test]
fn json_is_understood_too() {
    let text = r#"{"title": "t", "description": "d", "method": [], "steady-state-hypothesis": {"title": "h"}}"#;
    let experiment = valid(text);
    assert_eq!(
        (experiment.hypothesis, experiment.method),
        (None, Vec::new())
    );
}

#[test]
fn what_must_be_there_is_missed_all_at_once() {
    check_errors(
        "version: 1\n",
        &[
            "1:1: `method` is missing | add `method:` here",
            "1:1: `title` is missing | add `title:` here",
            "1:1: `description` is missing | add `description:` here",
        ],
    );
    check_errors(
        "[1]",
        &["1:1: an experiment is a mapping, not a list | begin with `title:`"],
    );
    check_errors(
        "",
        &[
            "1:1: the document is empty | an experiment has at least a title, a description and a method",
        ],
    );
}

#[test]
fn unknown_keys_are_errors_in_a_temblor_provider_and_warnings_elsewhere() {
    let fault = "type: temblor\nfault: net.delay\ntarget: pid:1\nlatecny: 20ms\nlatency: 20ms\nduration: 5s";
    check_errors(
        &with_provider("action", fault),
        &[
            "10:14: method[0].provider.latecny: net.delay has no parameter `latecny` | did you mean `latency`",
        ],
    );
    check_errors(
        &with_provider("probe", "type: temblor\nmetrik: x"),
        &["7:5: method[0].provider: it is not said what to do | one of fault, stop, metric"],
    );
    let validated = read("title: t\ndescripton: d\ndescription: d\nmethod: []\nx-other: 1\n");
    check(
        &validated.warnings,
        &[
            "2:1: descripton: the key `descripton` is not known and ignored | did you mean `description`",
        ],
    );
    assert!(validated.experiment.is_some());
}

#[test]
fn units_are_wanted_in_a_temblor_field_and_seconds_elsewhere() {
    let errors = read(&with_provider(
        "action",
        "type: temblor\nfault: net.delay\ntarget: pid:1\nlatency: 20\nduration: 5s",
    ))
    .errors;
    assert_eq!((errors.len(), errors[0].place.line), (1, Some(10)));
    check_errors(
        &with_provider("action", "type: process\npath: sleep\ntimeout: 5s"),
        &[
            "9:14: method[0].provider.timeout: expected a number of seconds up to 30 days, got a text | for example 5 or 0.5, without a unit",
        ],
    );
}

#[test]
fn what_this_release_cannot_do_is_never_left_out_silently() {
    check_errors(
        &with_provider("action", "type: python\nmodule: os"),
        &[
            "7:11: method[0].provider.type: the provider `python` is not in this release | call the function from a script with `type: process`",
        ],
    );
    check_errors(
        "title: t\ndescription: d\nmethod: []\ndry: actions\n",
        &[
            "4:6: dry: `dry` is not in this release | look at what would be done with `temblor plan`, and remove it",
        ],
    );
    check_errors(
        "title: t\ndescription: d\nmethod: []\nconfiguration: { a: { type: probe } }\nsecrets: { b: { c: { type: vault } } }\n",
        &[
            "4:29: configuration.a.type: a value read from a probe is not in this release | write the value, or use `type: env`",
            "5:28: secrets.b.c.type: secrets from Vault are not in this release | read them from the environment with `type: env`",
        ],
    );
    let validated = read(
        "title: t\ndescription: d\nmethod: []\ncontrols: [{ name: c, provider: { type: python } }]\n",
    );
    check(
        &validated.warnings,
        &[
            "4:11: controls: controls are kept but not acted on in this release | they have no effect on the run",
        ],
    );
    assert_eq!(validated.experiment.unwrap().controls.len(), 1);
}

#[test]
fn a_missing_environment_is_an_error_with_its_place() {
    check_errors(
        "title: t\ndescription: d\nmethod: []\nconfiguration:\n  a: { type: env, key: NOPE }\n  b: { type: env, key: PORT, env_var_type: json5 }\n",
        &[
            "5:24: configuration.a.key: the environment has no `NOPE` | set it, or give a `default`",
            "6:44: configuration.b.env_var_type: `PORT` cannot be read as `json5` | one of str, int, float, bool, bytes, json",
        ],
    );
}

#[test]
fn references_to_faults_and_probes_must_be_known() {
    let method = |provider: &str| {
        format!(
            "title: t\ndescription: d\nmethod:\n\
             - {{type: action, name: slow, provider: {{type: temblor, fault: net.loss, target: 'pid:1', duration: 5s}}}}\n\
             - {provider}\n"
        )
    };
    check_errors(
        &method("{type: action, name: s, provider: {type: temblor, stop: slwo}}"),
        &["5:59: method[1].provider.stop: no fault is named `slwo` | did you mean `slow`"],
    );
    check_errors(
        &method("{type: probe, name: s, provider: {type: temblor, metric: slow.injcted}}"),
        &[
            "5:60: method[1].provider.metric: `injcted` is not a measurement of a fault | did you mean `injected`",
        ],
    );
    check_errors(
        &method("{ref: slo}"),
        &["5:9: method[1].ref: no activity is named `slo` | did you mean `slow`"],
    );
    check_errors(
        &method(
            "{type: action, name: slow, provider: {type: temblor, fault: net.loss, target: 'pid:1', duration: 5s}}",
        ),
        &[
            "5:3: method[1].name: two faults are named `slow` | `stop` and the report tell them apart by name",
        ],
    );
}

#[test]
fn a_fault_belongs_into_an_action_of_the_method() {
    let fault = "{type: temblor, fault: net.loss, target: 'pid:1', duration: 5s}";
    check_errors(
        &format!(
            "title: t\ndescription: d\nmethod: []\nrollbacks:\n- {{type: action, name: a, provider: {fault}}}\n"
        ),
        &[
            "5:3: rollbacks[0]: a rollback cannot arm a fault | rollbacks put things right; move it to the method",
        ],
    );
    let errors = read(&format!(
        "title: t\ndescription: d\nmethod:\n- {{type: probe, name: a, provider: {fault}}}\n"
    ))
    .errors;
    check(
        &errors,
        &[
            "4:59: method[0].provider.fault: `fault` belongs to an activity of type `action` | write `type: action`",
        ],
    );
}

#[test]
fn breakers_are_strict() {
    let breaker = |text: &str| {
        format!(
            "title: t\ndescription: d\nmethod: []\nsteady-state-hypothesis:\n  title: h\n  probes:\n\
             \x20 - {{type: probe, name: p, tolerance: 0, provider: {{type: process, path: 'true'}}}}\n\
             x-temblor:\n  breakers:\n  - {text}\n"
        )
    };
    check_errors(
        &breaker("{probe: p, interval: 5ms}"),
        &[
            "10:26: x-temblor.breakers[0].interval: an interval of 5ms is not possible | from 20ms to 1h",
        ],
    );
    check_errors(
        &breaker("{probe: p, consecutive: 0}"),
        &[
            "10:5: x-temblor.breakers[0]: this breaker can never open | give `consecutive` or `window` a threshold above 0",
        ],
    );
    check_errors(
        &breaker("{probe: q, window: {samples: 3, failures: 4}, rearm: {scale: 2}}"),
        &[
            "10:13: x-temblor.breakers[0].probe: no probe is named `q` | did you mean `p`",
            "10:24: x-temblor.breakers[0].window: more is asked of the window than it holds | `failures` and `minimum` are at most 3",
        ],
    );
    check_errors(
        &breaker("{probe: p, consecutiv: 3}"),
        &[
            "10:16: x-temblor.breakers[0].consecutiv: the key `consecutiv` is not known here | did you mean `consecutive`",
        ],
    );
}

#[test]
fn tolerances_are_checked_before_the_run() {
    let hypothesis = |tolerance: &str| {
        format!(
            "title: t\ndescription: d\nmethod: []\nsteady-state-hypothesis:\n  title: h\n  probes:\n  - type: probe\n    name: p\n\
             \x20   provider: {{type: process, path: 'true'}}\n    {tolerance}\n"
        )
    };
    check_errors(
        &hypothesis("background: false"),
        &["7:5: steady-state-hypothesis.probes[0]: `tolerance` is missing | add `tolerance:` here"],
    );
    check_errors(
        &hypothesis("tolerance: 1.5"),
        &[
            "10:16: steady-state-hypothesis.probes[0].tolerance: a number with a fraction cannot be a tolerance | use `type: range` with `range: [low, high]`",
        ],
    );
    check_errors(
        &hypothesis("tolerance: {type: rnge}"),
        &[
            "10:23: steady-state-hypothesis.probes[0].tolerance.type: `rnge` is not a type of tolerance | did you mean `range`",
        ],
    );
}

#[test]
fn a_secret_never_appears_in_the_debug_form_of_the_secrets() {
    assert!(!format!("{:?}", valid(FULL).secrets).contains("6379"));
}

#[test]
fn names_do_not_grow_without_end() {
    let long = "x".repeat(1 << 19);
    let uses = "\"${v}\", ".repeat(1 << 14);
    let text = format!(
        "title: t\ndescription: d\nconfiguration: {{ v: {long} }}\nmethod:\n- type: probe\n  \
         name: a\n  provider: {{ type: process, path: 'true', arguments: [{uses}] }}\n"
    );
    let messages: Vec<_> = read(&text).errors.into_iter().map(|p| p.message).collect();
    assert_eq!(
        messages,
        ["with every name replaced it is longer than 16 MiB"]
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(?s).{0,300}") {
        let validated = read(&text);
        prop_assert_eq!(validated.experiment.is_none(), !validated.errors.is_empty());
    }

    /// Damage to a good experiment gives an experiment or problems with places, never a panic.
    #[test]
    fn no_damage_makes_the_reader_panic(at in 0usize..FULL.len(), length in 0usize..40, with in "[-a-z{}\\[\\]:,'\"\n 0-9$]{0,12}") {
        let start = (0..=at).rev().find(|i| FULL.is_char_boundary(*i)).unwrap();
        let end = (at + length).min(FULL.len());
        let text = format!("{}{with}{}", &FULL[..start], FULL.get(end..).unwrap_or_default());
        let validated = read(&text);
        prop_assert_eq!(validated.experiment.is_none(), !validated.errors.is_empty());
        prop_assert!(validated.errors.iter().all(|problem| problem.place.line.is_some()));
    }
}

/// Every line of an experiment, spoiled in every one of these ways.
#[test]
fn every_error_has_a_line_and_a_hint() {
    let spoilt = [
        "",
        "7",
        "[a]",
        "{a: b}",
        "'",
        "x: : y",
        "a: *b",
        "\tz: 1",
        "-1s",
        "{type: temblor}",
    ];
    let lines: Vec<&str> = FULL.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let key = line.split_once(": ").map_or(*line, |(key, _)| key);
        for with in spoilt {
            let new = format!("{key}: {with}");
            let mut lines = lines.clone();
            lines[index] = &new;
            for text in [
                lines.join("\n"),
                [&lines[..index], &lines[index + 1..]].concat().join("\n"),
            ] {
                for problem in read(&text).errors {
                    let hint = problem.hint.as_deref().unwrap_or_default();
                    assert!(
                        problem.place.line.is_some() && !hint.is_empty(),
                        "{new}: {problem}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_asked_of_targets_is_read_with_what_it_needs() {
    let experiment = valid(
        "title: t\ndescription: d\n\
         configuration: {web: /web}\n\
         steady-state-hypothesis: {title: h, probes: [{type: probe, name: p, provider: {type: temblor, \
         metric: 'p99 syscall_duration where target=\"cgroup:${web}\", syscall=fsync over 30s < 20ms'}}]}\n\
         method:\n\
         - {type: action, name: a, provider: {type: temblor, fault: net.loss, target: 'pid:7', duration: 5s}}\n\
         - {type: probe, name: b, provider: {type: temblor, metric: 'tcp_resets where target=comm:db'}}\n\
         - {type: probe, name: c, provider: {type: temblor, metric: a.injected}}\n",
    );
    let tolerance = &experiment.hypothesis.as_ref().unwrap().probes[0].tolerance;
    assert_eq!(tolerance.to_string(), "true");
    let told = |experiment: &Experiment| experiment.observation().map(|one| one.to_string());
    let probes = "syscalls, tcp of cgroup:/web, comm:db, 30s before and 10s at most after";
    assert_eq!(told(&experiment).as_deref(), Some(probes));
    let without = Experiment {
        hypothesis: None,
        method: vec![experiment.method[0].clone(), experiment.method[2].clone()],
        ..experiment
    };
    assert_eq!(told(&without), None);
    let asked = Experiment {
        observe: Some(Observe::default()),
        ..without
    };
    let faults = "syscalls of pid:7, 10s before and 10s at most after";
    assert_eq!(told(&asked).as_deref(), Some(faults));
}

#[test]
fn what_cannot_be_asked_of_targets_is_said_with_its_place() {
    let metric = |text: &str| with_provider("probe", &format!("type: temblor\nmetric: {text}"));
    check_errors(
        &metric("p99 syscal_duration where target=container:web < 20ms"),
        &[
            "8:13: method[0].provider.metric: character 5: there is no metric `syscal_duration` | did you mean `temblor_syscall_duration_seconds`",
        ],
    );
    check_errors(
        &metric("syscall_errors > 5"),
        &[
            "8:13: method[0].provider.metric: it is not said whom to observe | for example `syscall_errors where target=container:web`",
        ],
    );
    check_errors(
        &metric("syscalls where target=host\nover: 5s"),
        &["9:5: method[0].provider.over: the key `over` is not known here | one of type, metric"],
    );
    let hypothesis = "title: t\ndescription: d\nmethod: []\nsteady-state-hypothesis: {title: h, probes: \
                      [{type: probe, name: p, tolerance: 5, provider: {type: temblor, metric: 'syscalls where \
                      target=host < 5'}}]}\n";
    let errors = read(hypothesis).errors;
    assert_eq!(errors[0].message, "the metric is compared already: < 5/s");
    let breaker = "title: t\ndescription: d\nmethod: []\nx-temblor: {breakers: [{no_data: bad, probe: {type: probe, \
                   name: p, tolerance: 0, provider: {type: process, path: 'true'}}}]}\n";
    let errors = read(breaker).errors;
    assert_eq!(
        errors[0].message,
        "only of what targets feel there may be no data"
    );
    let observe = "title: t\ndescription: d\nmethod: []\nx-temblor: {observe: {signals: [syscals], before: 2h, \
                   untill: 5s}}\n";
    let errors = read(observe).errors;
    let said: Vec<_> = errors.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the key `untill` is not known here",
            "`syscals` is not a signal",
            "2h is too long to observe",
        ]
    );
}
