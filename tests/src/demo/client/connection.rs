//! One connection to a Redis, opened again when it broke.

use std::net::SocketAddr;
use std::time::Duration;

use redis::{Client, Connection, RedisResult, cmd};

use super::operation::Outcome;

/// How long an operation, or opening a connection, may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question<'a> {
    Set(&'a str),
    Get(&'a str),
    Ping,
}

/// A connection that is open, or will be with the next question.
pub(super) struct Line {
    server: SocketAddr,
    open: Option<Connection>,
}

impl Line {
    pub(super) fn to(server: SocketAddr) -> Self {
        Self { server, open: None }
    }

    /// Asks; a line on which something went wrong is closed.
    pub(super) fn ask(&mut self, question: Question<'_>) -> Outcome {
        match self.try_to_ask(question) {
            Ok(()) => Outcome::Ok,
            Err(error) => {
                self.open = None;
                outcome(&error)
            }
        }
    }

    pub(super) fn close(&mut self) {
        self.open = None;
    }

    fn try_to_ask(&mut self, question: Question<'_>) -> RedisResult<()> {
        let mut connection = match self.open.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        match question {
            Question::Set(key) => cmd("SET").arg(key).arg("a value").exec(&mut connection),
            Question::Get(key) => cmd("GET").arg(key).exec(&mut connection),
            Question::Ping => cmd("PING").exec(&mut connection),
        }?;
        self.open = Some(connection);
        Ok(())
    }

    fn connect(&self) -> RedisResult<Connection> {
        let address = (self.server.ip().to_string(), self.server.port());
        let connection = Client::open(address)?.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        Ok(connection)
    }
}

fn outcome(error: &redis::RedisError) -> Outcome {
    if error.is_connection_refusal() {
        Outcome::Refused
    } else if error.is_timeout() {
        Outcome::Timeout
    } else {
        Outcome::Failed
    }
}
