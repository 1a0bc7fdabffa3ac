//! One request and its answer, sorted by what can be done about it.

use std::time::{Duration, SystemTime};

use ureq::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use ureq::{Agent, Body};

use super::shortfall::Why;
use crate::clock::unix_ms;

/// How long an answer may take, unless somebody says otherwise.
pub const ANSWER: Duration = Duration::from_secs(10);
/// A longer answer is not read to its end.
const LONGEST_BODY: u64 = 1 << 20;

/// Sends the same headers with every request. They are not printed.
#[derive(Clone, Debug)]
pub struct Caller {
    agent: Agent,
    headers: HeaderMap,
    timeout: Duration,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was accepted, with this body.
    Answer(Vec<u8>),
    /// It may be accepted later, at the earliest after as long as the other side asks for.
    Later { after: Option<Duration>, why: Why },
    /// It will not be accepted.
    Never(Why),
}

impl Caller {
    /// `timeout` is for each request as a whole.
    pub fn new(mut headers: HeaderMap, timeout: Duration) -> Self {
        for value in headers.values_mut() {
            value.set_sensitive(true);
        }
        Self {
            agent: agent(),
            headers,
            timeout,
        }
    }

    /// Sends `body`, which is of this `kind`, and waits no longer than `patience`.
    pub fn call(
        &self,
        method: Method,
        url: &str,
        kind: &'static str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Reply {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        match url.parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(_unreadable) => return Reply::Never(Why::new("its address is not one", None)),
        }
        request.headers_mut().clone_from(&self.headers);
        let kind = HeaderValue::from_static(kind);
        request.headers_mut().insert(CONTENT_TYPE, kind);
        let timeout = patience.min(self.timeout).max(Duration::from_millis(1));
        let request = self.agent.configure_request(request);
        let request = request.timeout_global(Some(timeout)).build();
        match self.agent.run(request) {
            Ok(response) => sorted(response),
            Err(error) => failed(&error),
        }
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        // A redirected POST becomes a GET, which would look as if it had been accepted.
        .max_redirects(0)
        .user_agent(concat!("temblor/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

fn sorted(response: Response<Body>) -> Reply {
    let (parts, mut body) = response.into_parts();
    let status = parts.status;
    if status.is_success() {
        let body = body.with_config().limit(LONGEST_BODY).read_to_vec();
        return body.map_or_else(|error| failed(&error), Reply::Answer);
    }
    let why = Why {
        message: format!("it answered {status}"),
        hint: hint(status, &parts.headers),
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Reply::Later {
            after: retry_after(&parts.headers),
            why,
        },
        _ => Reply::Never(why),
    }
}

fn hint(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "check the token or the headers, and what they allow"
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            "check the address: a path is added to it"
        }
        status if status.is_redirection() => {
            let to = headers.get(LOCATION).and_then(|to| to.to_str().ok())?;
            return Some(format!("it points to {to}: give an address there"));
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// In seconds, or the time until a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms());
    Some(date.duration_since(now).unwrap_or_default())
}

fn failed(error: &ureq::Error) -> Reply {
    let (hint, again) = match error {
        ureq::Error::Timeout(_) => (None, true),
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::Protocol(_) => {
            (Some("does it run, and is the address right?"), true)
        }
        ureq::Error::HostNotFound => (Some("check the name of its host"), true),
        _ => (None, false),
    };
    let why = Why::new(format!("no answer: {error}"), hint);
    if again {
        Reply::Later { after: None, why }
    } else {
        Reply::Never(why)
    }
}
