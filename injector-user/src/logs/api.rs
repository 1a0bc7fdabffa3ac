//! Docker's API on a Unix socket, as far as logs need it; podman speaks it too.

use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Longer than a runtime takes that is not stuck.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longest answer that is read as a whole, bytes.
const MOST_ANSWER: usize = 1 << 20;

/// Where a runtime listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Api {
    pub(super) socket: String,
}

/// What there is to know of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) is_running: bool,
    /// Its output comes as it is, without frames.
    pub(super) has_terminal: bool,
}

/// Why a runtime has not told.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("nobody listens at {socket}")]
    Nobody { socket: String },
    #[error("{socket} does not answer: {why}")]
    Silent { socket: String, why: String },
    #[error("{socket} knows no such container")]
    Unknown { socket: String },
    #[error("{socket} refuses: {why}")]
    Refuses { socket: String, why: String },
}

impl Api {
    /// How a container is.
    pub(super) async fn inspect(&self, id: &str) -> Result<State, ApiError> {
        let answer = self.get(&format!("/containers/{id}/json")).await?;
        let value = self.json(answer).await?;
        let is_true = |path: &str| value.pointer(path).and_then(Value::as_bool) == Some(true);
        Ok(State {
            is_running: is_true("/State/Running"),
            has_terminal: is_true("/Config/Tty"),
        })
    }

    /// What it writes from now on, or has written since a moment in seconds since 1970.
    pub(super) async fn logs(&self, id: &str, since: Option<f64>) -> Result<Incoming, ApiError> {
        let from = since.map_or_else(
            || "tail=0".to_owned(),
            |since| format!("tail=all&since={since:.3}"),
        );
        let path = format!("/containers/{id}/logs?follow=1&stdout=1&stderr=1&{from}");
        self.get(&path).await.map(Response::into_body)
    }

    async fn get(&self, path: &str) -> Result<Response<Incoming>, ApiError> {
        let answer = timeout(PATIENCE, self.ask(path)).await;
        let silent = |_elapsed| self.silent(&format!("not within {PATIENCE:?}"));
        let answer = answer.map_err(silent)??;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, socket) = (answer.status(), self.socket.clone());
        if status == StatusCode::NOT_FOUND {
            return Err(ApiError::Unknown { socket });
        }
        let said = self.json(answer).await.ok();
        let message = said.as_ref().and_then(|said| said["message"].as_str());
        let why = message.map_or_else(|| status.to_string(), str::to_owned);
        Err(ApiError::Refuses { socket, why })
    }

    async fn ask(&self, path: &str) -> Result<Response<Incoming>, ApiError> {
        let silent = |error: &dyn std::error::Error| self.silent(&error.to_string());
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => {
                ApiError::Nobody {
                    socket: self.socket.clone(),
                }
            }
            _ => silent(&error),
        })?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|error| silent(&error))?;
        // Ends with the answer that it brings.
        tokio::spawn(connection);
        let request = Request::get(path).header("host", "localhost");
        let request = request.body(Empty::<Bytes>::new());
        let request = request.map_err(|error| silent(&error))?;
        let answer = sender.send_request(request).await;
        answer.map_err(|error| silent(&error))
    }

    async fn json(&self, answer: Response<Incoming>) -> Result<Value, ApiError> {
        let body = Limited::new(answer.into_body(), MOST_ANSWER).collect();
        let body = timeout(PATIENCE, body).await;
        let silent = |why: &dyn std::fmt::Display| self.silent(&why.to_string());
        let body = body.map_err(|error| silent(&error))?;
        let body = body.map_err(|error| silent(&error))?;
        serde_json::from_slice(&body.to_bytes()).map_err(|error| silent(&error))
    }

    fn silent(&self, why: &str) -> ApiError {
        ApiError::Silent {
            socket: self.socket.clone(),
            why: why.to_owned(),
        }
    }
}
