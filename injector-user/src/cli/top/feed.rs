//! Asks the engine again and again, and finds one anew when it has gone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use super::model::{News, Sample};
use crate::cli::context::ANSWER;
use crate::client::{Client, ClientError, connect, connect_or_start};
use crate::observer::Wanted;
use crate::protocol::{Answer, Call};

/// How long an engine may take to answer; it does one thing at a time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts to find an engine.
const RETRY: Duration = Duration::from_millis(500);
/// Looks that may wait to be shown.
pub(super) const QUEUE: usize = 2;

/// What is asked for, and whom to tell.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) run_dir: PathBuf,
    pub(super) wanted: Wanted,
    /// Between two looks.
    pub(super) interval: Duration,
    pub(super) news: mpsc::Sender<News>,
    /// The user wants an engine to be started.
    pub(super) start: Arc<Notify>,
}

impl Feed {
    /// Goes on until nobody listens. `client` observes already.
    pub(super) async fn run(self, client: Client) {
        let mut client = client;
        loop {
            let why = loop {
                match look(&client).await {
                    Ok(sample) => {
                        if !self.tell(News::Sample(Box::new(sample))).await {
                            return;
                        }
                    }
                    Err(error) => break error,
                }
                sleep(self.interval).await;
            };
            // The connection's last clone: an engine that only did not answer in time stops looking.
            drop(client);
            match self.find(why).await {
                Some(found) => client = found,
                None => return,
            }
        }
    }

    /// An engine that observes; none if nobody listens any more.
    async fn find(&self, why: ClientError) -> Option<Client> {
        let mut why = why;
        loop {
            if !self.tell(News::Gone(said(&why))).await {
                return None;
            }
            let start = tokio::select! {
                () = sleep(RETRY) => false,
                () = self.start.notified() => true,
            };
            match self.connect(start).await {
                Ok(client) => {
                    self.tell(News::Back).await;
                    return Some(client);
                }
                Err(error) => why = error,
            }
        }
    }

    /// One that somebody ended on purpose is not started by somebody who only looks.
    async fn connect(&self, start: bool) -> Result<Client, ClientError> {
        let client = if start {
            connect_or_start(&self.run_dir).await?
        } else {
            let client = connect(&self.run_dir).await?;
            client.greet(ANSWER).await?;
            client
        };
        match ask(&client, Call::Observe(self.wanted.clone())).await? {
            Answer::Done => Ok(client),
            _ => Err(ClientError::Unexpected),
        }
    }

    async fn tell(&self, news: News) -> bool {
        self.news.send(news).await.is_ok()
    }
}

async fn look(client: &Client) -> Result<Sample, ClientError> {
    let Answer::Frame { frame } = ask(client, Call::Frame).await? else {
        return Err(ClientError::Unexpected);
    };
    let Answer::Status { engine, faults } = ask(client, Call::Status).await? else {
        return Err(ClientError::Unexpected);
    };
    Ok(Sample {
        frame: *frame,
        engine,
        faults,
    })
}

async fn ask(client: &Client, call: Call) -> Result<Answer, ClientError> {
    let patience = PATIENCE;
    let answer = timeout(patience, client.call(call)).await;
    answer.map_err(|_elapsed| ClientError::Silent { patience })?
}

/// In one line.
fn said(error: &ClientError) -> String {
    error.to_string().replace('\n', " ")
}
