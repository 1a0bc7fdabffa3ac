//! To a collector, and what it says.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message as _;
use ureq::http::Method;

use super::body::request;
use super::settings::Settings;
use crate::announce::announcement::Announcement;
use crate::announce::destination::{Destination, Sending};
use crate::announce::http::{Caller, Reply};
use crate::announce::shortfall::Why;

const PROTOBUF: &str = "application/x-protobuf";
/// So many records stand in one message.
const AT_ONCE: usize = 64;

/// One collector.
#[derive(Debug)]
pub struct Otlp {
    url: String,
    caller: Caller,
    host: String,
}

impl Otlp {
    /// `host` is the name of this host.
    pub fn new(settings: Settings, host: String) -> Self {
        let Settings {
            url,
            headers,
            timeout,
        } = settings;
        Self {
            url,
            caller: Caller::new(headers, timeout),
            host,
        }
    }
}

impl Destination for Otlp {
    fn name(&self) -> String {
        format!("the OpenTelemetry collector at {}", self.url)
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }

    fn send(&mut self, batch: &[Announcement], patience: Duration) -> Sending {
        let body = request(batch, &self.host).encode_to_vec();
        let reply = self
            .caller
            .call(Method::POST, &self.url, PROTOBUF, body, patience);
        match reply {
            Reply::Answer(body) => accepted(&body, batch.len()),
            Reply::Later { after, why } => Sending::Later { after, why },
            Reply::Never(why) => Sending::Refused {
                count: batch.len(),
                why,
            },
        }
    }
}

/// What it says that it has taken: all, unless it says otherwise.
fn accepted(body: &[u8], sent: usize) -> Sending {
    let Ok(response) = ExportLogsServiceResponse::decode(body) else {
        let hint = "is it the address of a collector's OTLP/HTTP receiver?";
        let why = Why::new("it answered something else than OTLP", Some(hint));
        return Sending::Refused { count: sent, why };
    };
    let partial = response.partial_success.unwrap_or_default();
    let rejected = usize::try_from(partial.rejected_log_records).unwrap_or_default();
    if rejected == 0 {
        return Sending::Done;
    }
    let message = format!("it refused them: {}", partial.error_message);
    Sending::Refused {
        count: rejected.min(sent),
        why: Why::new(message, None),
    }
}
