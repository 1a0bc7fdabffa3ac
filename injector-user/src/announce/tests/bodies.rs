//! What is sent, byte for byte.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use serde_json::{Value as Json, json};

use super::fixture::{LONG, collector, deliver, end, ended, ended_by, start};
use crate::announce::{Address, Announcement, Grafana, Otlp, Token, settings};
use crate::protocol::{Ended, State};
use crate::web::{Asked, Reaction, Web};

/// Attributes by name: text or a count.
fn attributes(all: &[KeyValue]) -> BTreeMap<&str, Json> {
    let value = |one: &KeyValue| match one.value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => json!(text),
        Value::IntValue(count) => json!(count),
        other => panic!("{other:?}"),
    };
    let by_name: BTreeMap<&str, Json> = all
        .iter()
        .map(|one| (one.key.as_str(), value(one)))
        .collect();
    assert_eq!(by_name.len(), all.len(), "a name stands twice");
    by_name
}

fn is(expected: Json) -> BTreeMap<String, Json> {
    serde_json::from_value(expected).unwrap()
}

/// The one resource, scope and list of records of a message.
fn taken_apart(asked: &Asked) -> (Resource, InstrumentationScope, Vec<LogRecord>) {
    let message = ExportLogsServiceRequest::decode(&*asked.body).unwrap();
    let [resource_logs] = <[ResourceLogs; 1]>::try_from(message.resource_logs).unwrap();
    let [scope_logs] = <[ScopeLogs; 1]>::try_from(resource_logs.scope_logs).unwrap();
    let (resource, scope) = (resource_logs.resource, scope_logs.scope);
    (resource.unwrap(), scope.unwrap(), scope_logs.log_records)
}

fn records_of(announcements: &[Announcement]) -> Vec<LogRecord> {
    let web = Web::serve(|_| Reaction::ok("")).unwrap();
    assert_eq!(deliver(collector(&web), announcements, LONG), None);
    let asked = web.asked();
    let records = asked.iter().flat_map(|asked| taken_apart(asked).2);
    records.collect()
}

#[test]
fn a_collector_gets_every_field_of_a_start_and_an_end() {
    let web = Web::serve(|_| Reaction::ok("")).unwrap();
    let given = BTreeMap::from([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("{}/otel", web.url())),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=ours".to_owned()),
    ]);
    let settings = settings(None, |name| given.get(name).cloned()).unwrap();
    let otlp = Otlp::new(settings.unwrap(), "box".to_owned());
    assert_eq!(deliver(otlp, &[start(), end()], LONG), None);
    let asked = web.asked();
    for asked in &asked {
        let head = (asked.method.as_str(), asked.path.as_str());
        assert_eq!(head, ("POST", "/otel/v1/logs"));
        assert_eq!(asked.headers["content-type"], "application/x-protobuf");
        assert_eq!(asked.headers["x-scope"], "ours");
        let (resource, scope, _) = taken_apart(asked);
        let version = env!("CARGO_PKG_VERSION");
        let expected = json!({
            "service.name": "temblor", "service.version": version, "host.name": "box",
        });
        let named = attributes(&resource.attributes).into_iter();
        let named: BTreeMap<String, Json> = named
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        assert_eq!(named, is(expected));
        assert_eq!(
            (&*scope.name, &*scope.version),
            ("temblor.announce", version)
        );
    }
    let records: Vec<LogRecord> = asked
        .iter()
        .flat_map(|asked| taken_apart(asked).2)
        .collect();
    let [start, end] = records.as_slice() else {
        panic!("{records:?}");
    };
    check_start(start);
    check_end(end);
}

fn check(record: &LogRecord, body: &str, expected: Json) {
    let LogRecord {
        time_unix_nano: _,
        observed_time_unix_nano: _,
        severity_number,
        severity_text,
        body: said,
        attributes: all,
        dropped_attributes_count,
        flags,
        trace_id,
        span_id,
        event_name: _,
    } = record;
    assert_eq!(*severity_number, i32::from(SeverityNumber::Info));
    assert_eq!(severity_text, "INFO");
    let said = said.clone().unwrap().value.unwrap();
    assert_eq!(said, Value::StringValue(body.to_owned()));
    let all = attributes(all).into_iter();
    let all: BTreeMap<String, Json> = all.map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(all, is(expected));
    assert_eq!((*dropped_attributes_count, *flags), (0, 0));
    assert!(trace_id.is_empty() && span_id.is_empty());
}

fn check_start(record: &LogRecord) {
    assert_eq!(record.event_name, "temblor.fault.start");
    assert_eq!(record.time_unix_nano, 1_700_000_000_000_000_000);
    assert_eq!(record.observed_time_unix_nano, 1_700_000_000_007_000_000);
    let expected = json!({
        "temblor.fault.id": "net.loss-1",
        "temblor.fault.kind": "net.loss",
        "temblor.fault.target": "netns:blue",
        "temblor.fault.owner": "game-day-7",
        "temblor.fault.seed": "42",
        "temblor.fault.params.duration": "60s",
        "temblor.fault.params.probability": "0.3",
        "temblor.monotonic_ns": 1_000_000_000_i64,
    });
    check(record, "net.loss on netns:blue (net.loss-1) acts", expected);
}

fn check_end(record: &LogRecord) {
    assert_eq!(record.event_name, "temblor.fault.end");
    assert_eq!(record.time_unix_nano, 1_700_000_060_100_000_000);
    assert_eq!(record.observed_time_unix_nano, 1_700_000_060_200_000_000);
    let expected = json!({
        "temblor.fault.id": "net.loss-1",
        "temblor.fault.kind": "net.loss",
        "temblor.fault.target": "netns:blue",
        "temblor.fault.owner": "game-day-7",
        "temblor.fault.seed": "42",
        "temblor.fault.params.duration": "60s",
        "temblor.fault.params.probability": "0.3",
        "temblor.monotonic_ns": 61_100_000_000_i64,
        "temblor.fault.lasted_ns": 60_100_000_000_i64,
        "temblor.fault.ended": "deadline",
        "temblor.fault.matched": 1000,
        "temblor.fault.eligible": 1000,
        "temblor.fault.expired": 0,
        "temblor.fault.outside": 0,
        "temblor.fault.injected": 297,
        "temblor.fault.passed": 703,
        "temblor.fault.foreign": 0,
    });
    let body = "net.loss on netns:blue (net.loss-1) ended: its duration was over; \
                1000 matched, 297 injected, 703 passed";
    check(record, body, expected);
}

#[test]
fn how_bad_an_end_is_depends_on_how_it_came() {
    let mut left = ended();
    left.state = State::UndoIncomplete {
        what: "a cgroup".to_owned(),
    };
    let ends = [
        ended_by(Ended::Stopped),
        ended_by(Ended::Finished),
        ended_by(Ended::TargetGone),
        ended_by(Ended::OwnerGone),
        left,
    ];
    let mut ends: Vec<Announcement> = ends
        .iter()
        .map(|report| Announcement::end(report, 0).unwrap())
        .collect();
    ends.push(start().lost(start().began));
    let records = records_of(&ends);
    let said: Vec<(&str, Json)> = records
        .iter()
        .map(|one| {
            let how = attributes(&one.attributes)["temblor.fault.ended"].clone();
            (one.severity_text.as_str(), how)
        })
        .collect();
    let expected = [
        ("INFO", json!("stopped")),
        ("INFO", json!("finished")),
        ("WARN", json!("target-gone")),
        ("WARN", json!("owner-gone")),
        ("ERROR", json!("undo-incomplete")),
        ("WARN", json!("engine-gone")),
    ];
    assert_eq!(said, expected);
    let not_undone = &attributes(&records[4].attributes)["temblor.fault.not_undone"];
    assert_eq!(not_undone, "a cgroup");
    let counted = attributes(&records[5].attributes);
    assert!(!counted.contains_key("temblor.fault.injected"));
}

#[test]
fn a_seed_is_whole_however_large_it_is() {
    let mut large = start();
    large.seed = u64::MAX;
    let records = records_of(&[large]);
    let seed = &attributes(&records[0].attributes)["temblor.fault.seed"];
    assert_eq!(seed, &u64::MAX.to_string());
}

fn grafana(web: &Web, token: Option<&str>) -> Grafana {
    let address: Address = format!("{}/grafana/", web.url()).parse().unwrap();
    let token = token.map(|token| Token::new(token, "here").unwrap());
    Grafana::new(address, token)
}

/// Method, path and body of each request.
fn seen(web: &Web) -> Vec<(String, String, Json)> {
    let body = |asked: &Asked| serde_json::from_slice(&asked.body).unwrap();
    web.asked()
        .into_iter()
        .map(|asked| (asked.method.clone(), asked.path.clone(), body(&asked)))
        .collect()
}

const BEGUN: &str = "net.loss on netns:blue (net.loss-1) acts\n\
                     duration 60s, probability 0.3, seed 42, owner game-day-7";
const OVER: &str = "net.loss on netns:blue (net.loss-1) ended: its duration was over; \
                    1000 matched, 297 injected, 703 passed\n\
                    duration 60s, probability 0.3, seed 42, owner game-day-7";

#[test]
fn grafana_gets_one_region_from_start_to_end() {
    let web = Web::serve(|_| Reaction::ok(r#"{"message":"Annotation added","id":17}"#)).unwrap();
    let grafana = grafana(&web, Some("glsa_x\n"));
    assert_eq!(deliver(grafana, &[start(), end()], LONG), None);
    for asked in web.asked() {
        assert_eq!(asked.headers["authorization"], "Bearer glsa_x");
        assert_eq!(asked.headers["content-type"], "application/json");
    }
    let path = "/grafana/api/annotations";
    let begun = json!({
        "time": 1_700_000_000_000_u64, "tags": ["temblor", "net.loss", "netns:blue"], "text": BEGUN,
    });
    let over = json!({ "timeEnd": 1_700_000_060_100_u64, "text": OVER });
    let expected = [
        ("POST".to_owned(), path.to_owned(), begun),
        ("PATCH".to_owned(), format!("{path}/17"), over),
    ];
    assert_eq!(seen(&web), expected);
}

#[test]
fn grafana_gets_the_whole_at_the_end_if_the_start_was_refused() {
    let mut answers = vec![
        Reaction::ok(r#"{"id":18}"#),
        Reaction::status("500 Internal Server Error"),
    ];
    let web = Web::serve(move |_| answers.pop().unwrap()).unwrap();
    let shortfall = deliver(grafana(&web, None), &[start(), end()], LONG).unwrap();
    assert_eq!(shortfall.undelivered, 1);
    let seen = seen(&web);
    let region = json!({
        "time": 1_700_000_000_000_u64,
        "timeEnd": 1_700_000_060_100_u64,
        "tags": ["temblor", "net.loss", "netns:blue"],
        "text": OVER,
    });
    assert_eq!(
        (seen.len(), &seen[1].0, &seen[1].2),
        (2, &"POST".to_owned(), &region)
    );
    assert!(!web.asked()[0].headers.contains_key("authorization"));
}

#[test]
fn two_faults_have_their_own_regions() {
    let mut next = 6;
    let web = Web::serve(move |_| {
        next += 1;
        Reaction::ok(format!(r#"{{"id":{next}}}"#))
    })
    .unwrap();
    let other = |of: Announcement| Announcement {
        fault: "net.loss-2".to_owned(),
        ..of
    };
    let all = [start(), other(start()), other(end()), end()];
    assert_eq!(deliver(grafana(&web, None), &all, LONG), None);
    let paths: Vec<String> = seen(&web).into_iter().map(|(_, path, _)| path).collect();
    let path = "/grafana/api/annotations";
    assert_eq!(
        paths,
        [path, path, &format!("{path}/8"), &format!("{path}/7")]
    );
}

#[test]
fn what_grafana_reads_as_html_is_written_as_text_and_long_tags_are_cut() {
    let web = Web::serve(|_| Reaction::ok(r#"{"id":1}"#)).unwrap();
    let mut odd = start();
    odd.owner = Some("<b>&".to_owned());
    odd.target = Some("x".repeat(200));
    assert_eq!(deliver(grafana(&web, None), &[odd], LONG), None);
    let (_, _, body) = seen(&web).remove(0);
    let text = body["text"].as_str().unwrap();
    assert!(text.ends_with("owner &lt;b&gt;&amp;"), "{text}");
    assert_eq!(body["tags"][2], "x".repeat(100));
}
