//! Calls over HTTP, on a thread that may block.

use std::collections::BTreeMap;
use std::time::Duration;

use injector_core::experiment::{Http, python_text};
use serde_json::{Map, Value, json};
use thiserror::Error;
use ureq::http::{HeaderMap, Request, Response, header::CONTENT_TYPE};
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, DefaultConnector};
use ureq::{Agent, Body};

use super::heads::Heads;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// As many as the toolkit follows.
const REDIRECTS: u32 = 30;
/// A longer body is no answer to a probe.
const LONGEST_BODY: u64 = 10 << 20;

/// Why a call has no answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The address, a header or the method is not one.
    #[error("failed to make a request of {method} {url}")]
    Request {
        /// As the experiment says.
        method: String,
        /// As the experiment says.
        url: String,
        /// What is wrong with it.
        source: ureq::http::Error,
    },
    /// Nobody answered, or too late.
    #[error("failed to call {method} {url}")]
    Call {
        /// As the experiment says.
        method: String,
        /// As the experiment says.
        url: String,
        /// What happened.
        source: Box<ureq::Error>,
    },
    /// The thread ended early.
    #[error("the call was cancelled")]
    Cancelled {
        /// Why.
        source: tokio::task::JoinError,
    },
}

/// Makes the call and answers `{status, headers, body}`.
pub(in crate::runner) async fn call(http: Http) -> Result<Value, HttpError> {
    match tokio::task::spawn_blocking(move || blocking(&http)).await {
        Ok(answer) => answer,
        Err(source) => Err(HttpError::Cancelled { source }),
    }
}

fn blocking(http: &Http) -> Result<Value, HttpError> {
    let heads = Heads::default();
    let agent = agent(http, heads.clone());
    let failed = |source| HttpError::Call {
        method: http.method.clone(),
        url: http.url.clone(),
        source: Box::new(source),
    };
    let mut tries = 0;
    loop {
        match send(&agent, http)? {
            // Only what never reached the other side is tried again.
            Err(ureq::Error::ConnectionFailed | ureq::Error::HostNotFound | ureq::Error::Io(_))
                if tries < http.max_retries =>
            {
                tries += 1;
            }
            Err(error) => return Err(failed(error)),
            Ok(response) => return answer(response, &heads).map_err(failed),
        }
    }
}

fn agent(http: &Http, heads: Heads) -> Agent {
    let read = http.timeout.read;
    // The toolkit's read timeout is between two bytes; here it also bounds the whole answer, so that
    // a slow drip cannot hold the experiment.
    let whole = read.map(|read| read + http.timeout.connect.unwrap_or(Duration::ZERO));
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(REDIRECTS)
        .user_agent(concat!("temblor/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(http.timeout.connect)
        .timeout_recv_response(read)
        .timeout_global(whole)
        .tls_config(
            TlsConfig::builder()
                .disable_verification(!http.verify_tls)
                .build(),
        )
        .build();
    let connector = DefaultConnector::default().chain(heads);
    Agent::with_parts(config, connector, DefaultResolver::default())
}

fn send(agent: &Agent, http: &Http) -> Result<Result<Response<Body>, ureq::Error>, HttpError> {
    let body = if http.method == "GET" {
        None
    } else {
        body(http)
    };
    let mut request = Request::builder()
        .method(http.method.as_str())
        .uri(address(http));
    for (name, value) in &http.headers {
        request = request.header(name, value);
    }
    let says_type = http
        .headers
        .keys()
        .any(|name| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()));
    let kind = body.as_ref().and_then(|(kind, _)| *kind);
    if let Some(kind) = kind.filter(|_| !says_type) {
        request = request.header(CONTENT_TYPE, kind);
    }
    let bad = |source| HttpError::Request {
        method: http.method.clone(),
        url: http.url.clone(),
        source,
    };
    Ok(match body {
        Some((_, body)) => agent.run(request.body(body).map_err(bad)?),
        None => agent.run(request.body(()).map_err(bad)?),
    })
}

/// The address with the arguments of a GET as its query.
fn address(http: &Http) -> String {
    let query = match (&http.arguments, http.method.as_str()) {
        (Some(Value::String(text)), "GET") => text.clone(),
        (Some(arguments), "GET") => form(arguments),
        _ => String::new(),
    };
    if query.is_empty() {
        return http.url.clone();
    }
    let (url, fragment) = http
        .url
        .split_once('#')
        .map_or((http.url.as_str(), None), |(url, f)| (url, Some(f)));
    let joint = if url.contains('?') { '&' } else { '?' };
    fragment.map_or_else(
        || format!("{url}{joint}{query}"),
        |fragment| format!("{url}{joint}{query}#{fragment}"),
    )
}

/// The arguments as a body, and its type if the experiment does not say one.
fn body(http: &Http) -> Option<(Option<&'static str>, String)> {
    let arguments = http.arguments.as_ref()?;
    if http
        .headers
        .get("Content-Type")
        .is_some_and(|kind| kind == JSON)
    {
        return Some((Some(JSON), arguments.to_string()));
    }
    match arguments {
        Value::String(text) => Some((None, text.clone())),
        _ => Some((Some(FORM), form(arguments))),
    }
}

/// A mapping as a form: a list gives its key several times, nothing gives none.
fn form(arguments: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in arguments.as_object().into_iter().flatten() {
        let values = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        form.extend_pairs(
            values
                .iter()
                .filter(|value| !value.is_null())
                .map(|value| (name, python_text(value))),
        );
    }
    form.finish()
}

fn answer(response: Response<Body>, heads: &Heads) -> Result<Value, ureq::Error> {
    let (parts, mut body) = response.into_parts();
    let text = body
        .with_config()
        .limit(LONGEST_BODY)
        .lossy_utf8(true)
        .read_to_string()?;
    let headers = headers(&parts.headers, &heads.names());
    let is_json = parts
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == JSON);
    let parsed = is_json.then(|| serde_json::from_str(&text).ok()).flatten();
    Ok(
        json!({ "status": parts.status.as_u16(), "headers": headers, "body": parsed.unwrap_or(Value::String(text)) }),
    )
}

/// By the names that the server gave them; several of one name are one, by comma.
fn headers(headers: &HeaderMap, names: &BTreeMap<String, String>) -> Map<String, Value> {
    let text = |name| {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        values.join(", ")
    };
    let written = |name: &str| names.get(name).map_or(name, String::as_str).to_owned();
    headers
        .keys()
        .map(|name| (written(name.as_str()), text(name).into()))
        .collect()
}
