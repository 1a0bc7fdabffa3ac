//! One log record for each announcement: an event, as it has a name.

use injector_core::proof::Counters;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::announce::announcement::{Announcement, End, HowEnded};
use crate::protocol::Ended;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The message for a batch from this host.
pub(super) fn request(batch: &[Announcement], host: &str) -> ExportLogsServiceRequest {
    let resource = Resource {
        attributes: vec![
            said("service.name", "temblor"),
            said("service.version", VERSION),
            said("host.name", host),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "temblor.announce".to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope),
                log_records: batch.iter().map(record).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

fn record(announcement: &Announcement) -> LogRecord {
    let (name, severity, word) = match &announcement.end {
        None => ("temblor.fault.start", SeverityNumber::Info, "INFO"),
        Some(end) => {
            let (severity, word) = severity(&end.how);
            ("temblor.fault.end", severity, word)
        }
    };
    LogRecord {
        time_unix_nano: nanoseconds(announcement.at().unix_ms),
        observed_time_unix_nano: nanoseconds(announcement.seen_unix_ms),
        severity_number: severity.into(),
        severity_text: word.to_owned(),
        body: Some(text(&announcement.summary())),
        attributes: attributes(announcement),
        event_name: name.to_owned(),
        ..LogRecord::default()
    }
}

fn severity(how: &HowEnded) -> (SeverityNumber, &'static str) {
    match how {
        HowEnded::Ended(Ended::Deadline | Ended::Stopped | Ended::Finished) => {
            (SeverityNumber::Info, "INFO")
        }
        HowEnded::Ended(Ended::OwnerGone | Ended::TargetGone) | HowEnded::EngineGone => {
            (SeverityNumber::Warn, "WARN")
        }
        HowEnded::UndoIncomplete { .. } => (SeverityNumber::Error, "ERROR"),
    }
}

fn attributes(announcement: &Announcement) -> Vec<KeyValue> {
    let Announcement {
        fault,
        kind,
        target,
        owner,
        name,
        seed,
        params,
        began,
        end,
        seen_unix_ms: _,
    } = announcement;
    let seed = seed.to_string();
    let known = [
        ("temblor.fault.id", Some(fault.as_str())),
        ("temblor.fault.kind", Some(kind.name())),
        ("temblor.fault.target", target.as_deref()),
        ("temblor.fault.owner", owner.as_deref()),
        ("temblor.fault.name", name.as_deref()),
        // As text: no attribute holds a whole u64.
        ("temblor.fault.seed", Some(seed.as_str())),
    ];
    let known = known.into_iter();
    let mut all: Vec<KeyValue> = known
        .filter_map(|(key, value)| Some(said(key, value?)))
        .collect();
    let params = params.iter();
    all.extend(params.map(|(name, value)| said(&format!("temblor.fault.params.{name}"), value)));
    let monotonic_ns = announcement.at().monotonic_ns;
    all.push(counted("temblor.monotonic_ns", monotonic_ns));
    if let Some(end) = end {
        let lasted_ns = end.at.monotonic_ns.saturating_sub(began.monotonic_ns);
        all.push(counted("temblor.fault.lasted_ns", lasted_ns));
        all.extend(ending(end));
    }
    all
}

fn ending(end: &End) -> Vec<KeyValue> {
    let mut all = vec![said("temblor.fault.ended", end.how.word())];
    if let HowEnded::UndoIncomplete { what } = &end.how {
        all.push(said("temblor.fault.not_undone", what));
    }
    let Some(counters) = end.counters else {
        return all;
    };
    let Counters {
        matched,
        eligible,
        expired,
        outside,
        injected,
        passed,
        foreign,
    } = counters;
    let counts = [
        ("matched", matched),
        ("eligible", eligible),
        ("expired", expired),
        ("outside", outside),
        ("injected", injected),
        ("passed", passed),
        ("foreign", foreign),
    ];
    all.extend(counts.map(|(name, count)| counted(&format!("temblor.fault.{name}"), count)));
    all
}

fn said(key: &str, value: &str) -> KeyValue {
    attribute(key, text(value))
}

fn counted(key: &str, count: u64) -> KeyValue {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let value = Some(Value::IntValue(count));
    attribute(key, AnyValue { value })
}

fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

fn text(text: &str) -> AnyValue {
    let value = Some(Value::StringValue(text.to_owned()));
    AnyValue { value }
}

fn nanoseconds(unix_ms: u64) -> u64 {
    unix_ms.saturating_mul(1_000_000)
}
