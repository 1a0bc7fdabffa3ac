//! Real faults, as Grafana and an OpenTelemetry collector hear of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;

use anyhow::{Context as _, Result, bail, ensure};
use injector_core::fault::Kind;
use injector_user::protocol::{FaultReport, State, Which};
use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message as _;
use serde_json::{Value, json};
use temblor_tests::{Reaction, Victim, Web, finish, signal, wait_until};

use super::stage::{DEADLINE, Stage};

/// A server where the command line of `stage` reaches it.
fn web(stage: &Stage, answer: &'static str) -> Result<Web> {
    let netns = &stage.world.host.netns;
    let listener = netns.inside(|| TcpListener::bind("127.0.0.1:0"))??;
    Ok(Web::on(listener, move |_| Reaction::ok(answer))?)
}

/// One event that a collector got.
#[derive(Debug)]
struct Event {
    name: String,
    unix_ms: u64,
    attributes: BTreeMap<String, Value>,
}

impl Event {
    fn of(record: LogRecord) -> Self {
        let value = |value| match value {
            Some(Any::StringValue(text)) => json!(text),
            Some(Any::IntValue(count)) => json!(count),
            _ => Value::Null,
        };
        let attributes = record.attributes.into_iter();
        Self {
            name: record.event_name,
            unix_ms: record.time_unix_nano / 1_000_000,
            attributes: attributes
                .map(|one| (one.key, value(one.value.and_then(|any| any.value))))
                .collect(),
        }
    }

    /// An attribute of the fault.
    fn said(&self, name: &str) -> &Value {
        let name = format!("temblor.{name}");
        self.attributes.get(&name).unwrap_or(&Value::Null)
    }

    /// What it is, and of which fault.
    fn head(&self) -> String {
        format!("{} {}", self.name, self.said("fault.id"))
    }
}

/// Everything that a collector got, in order.
fn events(collector: &Web) -> Result<Vec<Event>> {
    let mut all = Vec::new();
    for asked in collector.asked() {
        ensure!(asked.path == "/v1/logs", "{asked:?}");
        let message = ExportLogsServiceRequest::decode(&*asked.body)?;
        let scopes = message
            .resource_logs
            .into_iter()
            .flat_map(|one| one.scope_logs);
        all.extend(scopes.flat_map(|one| one.log_records).map(Event::of));
    }
    Ok(all)
}

fn heads(events: &[Event]) -> Vec<String> {
    events.iter().map(Event::head).collect()
}

fn began(fault: &str) -> String {
    format!("temblor.fault.start \"{fault}\"")
}

fn over(fault: &str) -> String {
    format!("temblor.fault.end \"{fault}\"")
}

#[test]
fn an_injection_is_told_as_its_report_says() -> Result<()> {
    let mut stage = Stage::set()?;
    let (grafana, collector) = (web(&stage, r#"{"id":7}"#)?, web(&stage, "")?);
    let (target, delay) = (stage.client_netns(), "300ms");
    let command = stage.cli().start(&[
        "inject",
        "--json",
        "--grafana",
        &grafana.url(),
        "--otlp",
        &collector.url(),
        "net.loss",
        "--target",
        &target,
        "--probability",
        "50%",
        "--delay",
        delay,
        "--duration",
        "60s",
        "--owner",
        "us",
    ])?;
    wait_until("the start is told", DEADLINE, || {
        let told = [&grafana, &collector].map(|web| web.asked().len());
        told == [1, 1]
    })?;
    stage.client.datagrams(stage.echoes[0], 60)?;
    stage.engine.client()?.stop(Which::All)?;
    let said = finish(command)?;
    ensure!(said.code == Some(0) && said.err.is_empty(), "{said:?}");
    let report: FaultReport = serde_json::from_str(&said.out)?;
    check_events(&events(&collector)?, &report)?;
    check_region(&grafana, &report)?;
    stage.check_nothing_armed()?;
    stage.close()
}

fn check_events(events: &[Event], report: &FaultReport) -> Result<()> {
    assert_eq!(heads(events), [began("net.loss-1"), over("net.loss-1")]);
    let [start, end] = events else {
        bail!("{events:?}");
    };
    let (window, counters) = (report.window, report.counters);
    assert!(counters.injected > 0, "{counters:?} prove nothing");
    assert_eq!(start.unix_ms, window.armed_unix_ms + 300);
    assert_eq!(end.unix_ms, window.ended_unix_ms);
    assert_eq!(*end.said("monotonic_ns"), window.ended_ns);
    let lasted_ns = window.ended_ns - window.armed_ns - 300_000_000;
    assert_eq!(*end.said("fault.lasted_ns"), lasted_ns);
    for event in events {
        assert_eq!(*event.said("fault.kind"), "net.loss");
        assert_eq!(*event.said("fault.target"), *report.params["target"]);
        assert_eq!(*event.said("fault.owner"), "us");
        assert_eq!(*event.said("fault.seed"), report.seed.to_string());
        let asked = &report.params["probability"];
        assert_eq!(*event.said("fault.params.probability"), **asked);
    }
    assert_eq!(*end.said("fault.ended"), "stopped");
    assert_eq!(*end.said("fault.matched"), counters.matched);
    assert_eq!(*end.said("fault.injected"), counters.injected);
    assert_eq!(*end.said("fault.passed"), counters.passed);
    Ok(())
}

fn check_region(grafana: &Web, report: &FaultReport) -> Result<()> {
    let asked = grafana.asked();
    let [begun, ended] = asked.as_slice() else {
        bail!("{asked:?}");
    };
    let head = (begun.method.as_str(), begun.path.as_str());
    assert_eq!(head, ("POST", "/api/annotations"));
    let head = (ended.method.as_str(), ended.path.as_str());
    assert_eq!(head, ("PATCH", "/api/annotations/7"));
    let begun: Value = serde_json::from_slice(&begun.body)?;
    let ended: Value = serde_json::from_slice(&ended.body)?;
    assert_eq!(begun["time"], report.window.armed_unix_ms + 300);
    let tags = json!(["temblor", "net.loss", report.params["target"]]);
    assert_eq!(begun["tags"], tags);
    assert_eq!(ended["timeEnd"], report.window.ended_unix_ms);
    Ok(())
}

#[test]
fn an_experiment_tells_its_faults_by_name() -> Result<()> {
    let stage = Stage::set()?;
    let collector = web(&stage, "")?;
    let victim = Victim::start()?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let fault = |name: &str| {
        format!(
            "- type: action\n  name: {name}\n  provider:\n    type: temblor\n    \
             fault: process.signal\n    target: pid:{}\n    signal: CONT\n    \
             interval: 5ms\n    count: 3\n    duration: 20s\n    wait: true\n",
            victim.pid()
        )
    };
    let text = format!(
        "title: told\ndescription: twice\nmethod:\n{}{}",
        fault("one"),
        fault("two")
    );
    fs::write(path("e.yaml"), text)?;
    let said = stage.cli().run(&[
        "run",
        "--out",
        &path("out"),
        "--otlp",
        &collector.url(),
        &path("e.yaml"),
    ])?;
    ensure!(said.code == Some(0), "{said:?}");
    let mut told = events(&collector)?;
    // Each is followed by itself.
    told.sort_by_key(|event| {
        (
            event.said("fault.id").to_string(),
            event.name == "temblor.fault.end",
        )
    });
    let [one, two] = ["process.signal-1", "process.signal-2"];
    assert_eq!(heads(&told), [began(one), over(one), began(two), over(two)]);
    let names = told.iter().map(|event| event.said("fault.name").clone());
    assert_eq!(names.collect::<Vec<_>>(), ["one", "one", "two", "two"]);
    assert_eq!(*told[1].said("fault.injected"), 3);
    drop(victim);
    stage.close()
}

#[test]
fn whoever_arms_a_fault_who_watches_tells_of_it() -> Result<()> {
    let stage = Stage::set()?;
    let collector = web(&stage, "")?;
    let mut client = stage.engine.client()?;
    let arm = |client: &mut _| stage.arm(client, Kind::NetLoss, &[]);
    let old = arm(&mut client)?;
    client.stop_one(&old)?;
    let first = arm(&mut client)?;
    let words = [
        "metrics",
        "--listen",
        "127.0.0.1:0",
        "--otlp",
        &collector.url(),
    ];
    let mut command = stage.cli().start(&words)?;
    let mut err = BufReader::new(command.stderr.take().context("stderr is piped")?);
    err.read_line(&mut String::new())?;
    let heard = |expected: &[String]| {
        let mut told = Vec::new();
        let waited = wait_until("everything is told", DEADLINE, || {
            told = events(&collector).unwrap_or_default();
            told.len() >= expected.len()
        });
        let (mut told, mut expected) = (heads(&told), expected.to_vec());
        // What acts is seen before what has ended already.
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected);
        waited
    };
    let mut expected = vec![began(&first.fault)];
    heard(&expected)?;
    // Most of them begin and end between two looks, each of which takes a second.
    for _ in 0..20 {
        let armed = arm(&mut client)?;
        let report = client.stop_one(&armed)?;
        ensure!(matches!(report.state, State::Ended { .. }), "{report:?}");
        expected.extend([began(&armed.fault), over(&armed.fault)]);
    }
    client.stop_one(&first)?;
    expected.push(over(&first.fault));
    heard(&expected)?;
    let told = heads(&events(&collector)?);
    for end in told.iter().filter(|head| head.contains("fault.end")) {
        let start = end.replace("fault.end", "fault.start");
        let place = |head: &str| told.iter().position(|one| one == head);
        assert!(place(&start) < place(end), "{told:?}");
    }
    signal(command.id().cast_signed(), Signal::SIGINT)?;
    let mut rest = String::new();
    err.read_to_string(&mut rest)?;
    assert_eq!((command.wait()?.code(), rest.as_str()), (Some(0), ""));
    stage.check_nothing_armed()?;
    stage.close()
}
