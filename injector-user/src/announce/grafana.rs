//! Annotations of Grafana: one region for each fault, from its start to its end.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::header::AUTHORIZATION;
use ureq::http::{HeaderMap, HeaderValue, Method};

use super::address::Address;
use super::announcement::Announcement;
use super::destination::{Destination, Sending};
use super::fault::AnnounceError;
use super::http::{ANSWER, Caller, Reply};
use super::shortfall::Why;

const JSON: &str = "application/json";
/// What Grafana's database has room for, in characters.
const LONGEST_TAG: usize = 100;

/// A bearer token, which is never printed.
#[derive(Clone)]
pub struct Token(HeaderValue);

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(…)")
    }
}

impl Token {
    /// `place` says where `text` is from. Space around it does not belong to it.
    pub fn new(text: &str, place: &str) -> Result<Self, AnnounceError> {
        let place = || place.to_owned();
        let text = text.trim();
        if text.is_empty() {
            return Err(AnnounceError::NoToken { place: place() });
        }
        let bad = |_unfit| AnnounceError::BadToken { place: place() };
        let mut value = HeaderValue::from_str(&format!("Bearer {text}")).map_err(bad)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// From a file that holds nothing else.
    pub fn read(path: &Path) -> Result<Self, AnnounceError> {
        let text = fs::read_to_string(path).map_err(|source| AnnounceError::TokenFile {
            path: path.to_owned(),
            source,
        })?;
        Self::new(&text, &path.display().to_string())
    }
}

/// One Grafana, and the annotations there that have no end yet.
#[derive(Debug)]
pub struct Grafana {
    address: Address,
    caller: Caller,
    /// By fault; as many as act, and were announced.
    open: BTreeMap<String, u64>,
}

impl Grafana {
    /// `address` is where its pages are.
    pub fn new(address: Address, token: Option<Token>) -> Self {
        let token = token.map(|Token(value)| (AUTHORIZATION, value));
        Self {
            address,
            caller: Caller::new(HeaderMap::from_iter(token), ANSWER),
            open: BTreeMap::new(),
        }
    }

    fn annotations(&self) -> String {
        self.address.join("/api/annotations")
    }

    fn call(&self, method: Method, url: &str, body: &Value, patience: Duration) -> Reply {
        let body = body.to_string().into_bytes();
        self.caller.call(method, url, JSON, body, patience)
    }

    fn create(&mut self, announcement: &Announcement, patience: Duration) -> Sending {
        let url = self.annotations();
        let reply = self.call(Method::POST, &url, &whole(announcement), patience);
        let body = match reply {
            Reply::Answer(body) => body,
            other => return not_taken(other),
        };
        let body: Option<Value> = serde_json::from_slice(&body).ok();
        let Some(id) = body.and_then(|body| body["id"].as_u64()) else {
            let hint = "is it the address of a Grafana?";
            let why = Why::new("it answered without an annotation", Some(hint));
            return Sending::Refused { count: 1, why };
        };
        if announcement.end.is_none() {
            self.open.insert(announcement.fault.clone(), id);
        }
        Sending::Done
    }

    fn conclude(&mut self, id: u64, announcement: &Announcement, patience: Duration) -> Sending {
        let url = format!("{}/{id}", self.annotations());
        let reply = self.call(Method::PATCH, &url, &rest(announcement), patience);
        let sending = match reply {
            Reply::Answer(_) => Sending::Done,
            other => not_taken(other),
        };
        if !matches!(sending, Sending::Later { .. }) {
            self.open.remove(&announcement.fault);
        }
        sending
    }
}

impl Destination for Grafana {
    fn name(&self) -> String {
        format!("Grafana at {}", self.address)
    }

    fn at_once(&self) -> usize {
        1
    }

    fn send(&mut self, batch: &[Announcement], patience: Duration) -> Sending {
        for announcement in batch {
            let id = self.open.get(&announcement.fault).copied();
            let sending = match (&announcement.end, id) {
                (Some(_), Some(id)) => self.conclude(id, announcement, patience),
                (Some(_) | None, _) => self.create(announcement, patience),
            };
            if sending != Sending::Done {
                return sending;
            }
        }
        Sending::Done
    }
}

fn not_taken(reply: Reply) -> Sending {
    match reply {
        Reply::Answer(_) => Sending::Done,
        Reply::Later { after, why } => Sending::Later { after, why },
        Reply::Never(why) => Sending::Refused { count: 1, why },
    }
}

/// All there is to know of a fault.
fn whole(announcement: &Announcement) -> Value {
    let target = announcement.target.as_deref();
    let tags = ["temblor", announcement.kind.name()]
        .into_iter()
        .chain(target);
    let tags: Vec<String> = tags.map(tag).collect();
    let mut body = json!({
        "time": announcement.began.unix_ms,
        "tags": tags,
        "text": text(announcement),
    });
    if let Some(end) = &announcement.end {
        body["timeEnd"] = end.at.unix_ms.into();
    }
    body
}

/// What was not known at the start.
fn rest(announcement: &Announcement) -> Value {
    json!({ "timeEnd": announcement.at().unix_ms, "text": text(announcement) })
}

/// Grafana reads it as HTML.
fn text(announcement: &Announcement) -> String {
    let params = announcement.params.iter();
    let params = params.map(|(name, value)| format!("{name} {value}"));
    let seed = format!("seed {}", announcement.seed);
    let owner = announcement.owner.as_ref();
    let owner = owner.map(|owner| format!("owner {owner}"));
    let details: Vec<String> = params.chain([seed]).chain(owner).collect();
    let text = format!("{}\n{}", announcement.summary(), details.join(", "));
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn tag(text: &str) -> String {
    text.chars().take(LONGEST_TAG).collect()
}
