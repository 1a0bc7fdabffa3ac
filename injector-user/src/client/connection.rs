//! One connection: requests out, answers in, in any order.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::fault::ClientError;
use crate::protocol::{Answer, Call, Failure, MAX_ANSWER, MAX_LINE, PROTOCOL, Request, Response};

/// A connection to the engine that any number of tasks may use at once. It closes when the last
/// clone is dropped.
#[derive(Clone, Debug)]
pub struct Client {
    questions: mpsc::Sender<Question>,
    pid: Option<i32>,
}

/// A call that waits for its answer.
#[derive(Debug)]
struct Question {
    call: Call,
    reply: oneshot::Sender<Result<Answer, ClientError>>,
}

/// Requests that may wait to be written before callers have to.
const QUEUE: usize = 64;

impl Client {
    /// Speaks over `stream` from now on; needs a running event loop.
    pub(super) fn over(stream: UnixStream) -> Self {
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
        let (read, write) = stream.into_split();
        let (questions, asked) = mpsc::channel(QUEUE);
        let conversation = Conversation {
            read,
            write,
            buffer: Vec::new(),
            searched: 0,
            open: BTreeMap::new(),
            last: 0,
            turned_away: None,
        };
        tokio::spawn(conversation.run(asked));
        Self { questions, pid }
    }

    /// The process at the other end, as the kernel says.
    pub fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Asks, and waits for the answer. Dropping the future does not take the request back.
    pub async fn call(&self, call: Call) -> Result<Answer, ClientError> {
        let (reply, answer) = oneshot::channel();
        let question = Question { call, reply };
        let sent = self.questions.send(question).await;
        sent.map_err(|_closed| ClientError::Gone)?;
        answer.await.map_err(|_closed| ClientError::Gone)?
    }

    /// Waits until either side has closed the connection.
    pub async fn closed(&self) {
        self.questions.closed().await;
    }

    /// Makes sure that the engine answers, and speaks our language.
    pub async fn greet(&self, patience: Duration) -> Result<(), ClientError> {
        let answer = timeout(patience, self.call(Call::Hello)).await;
        match answer.map_err(|_elapsed| ClientError::Silent { patience })?? {
            Answer::Hello { protocol, .. } if protocol == PROTOCOL => Ok(()),
            Answer::Hello { protocol, .. } => Err(ClientError::Protocol { theirs: protocol }),
            _ => Err(ClientError::Unexpected),
        }
    }
}

/// The one owner of the stream.
#[derive(Debug)]
struct Conversation {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    /// What has been read of lines that are not complete.
    buffer: Vec<u8>,
    /// How much of it is known to hold no end of a line.
    searched: usize,
    open: BTreeMap<u64, oneshot::Sender<Result<Answer, ClientError>>>,
    last: u64,
    /// Why the engine will not talk to us at all.
    turned_away: Option<Failure>,
}

impl Conversation {
    /// Goes on until either side has gone. Whoever waits then learns it from its dropped channel, or
    /// what the engine said when it closed the door.
    async fn run(mut self, mut asked: mpsc::Receiver<Question>) {
        self.talk(&mut asked).await;
        let Some(failure) = self.turned_away else {
            return;
        };
        let refuse = |reply: oneshot::Sender<_>| {
            let _nobody_waits = reply.send(Err(ClientError::Answer(failure.clone())));
        };
        self.open.into_values().for_each(refuse);
        while let Some(question) = asked.recv().await {
            refuse(question.reply);
        }
    }

    async fn talk(&mut self, asked: &mut mpsc::Receiver<Question>) {
        while self.turned_away.is_none() {
            tokio::select! {
                question = asked.recv() => {
                    let Some(question) = question else {
                        return;
                    };
                    if !self.ask(question).await {
                        return self.hear_the_rest().await;
                    }
                }
                read = self.read.read_buf(&mut self.buffer) => {
                    if !read.is_ok_and(|length| length > 0) || !self.deliver() {
                        return;
                    }
                }
            }
        }
    }

    /// What the engine wrote before it closed its side.
    async fn hear_the_rest(&mut self) {
        while self.turned_away.is_none() {
            let read = self.read.read_buf(&mut self.buffer).await;
            if !read.is_ok_and(|length| length > 0) || !self.deliver() {
                return;
            }
        }
    }

    async fn ask(&mut self, question: Question) -> bool {
        let Question { call, reply } = question;
        self.last += 1;
        let id = self.last;
        let line = match line(&Request { id, call }) {
            Ok(line) => line,
            Err(error) => {
                // Only this one request was wrong.
                let _nobody_waits = reply.send(Err(error));
                return true;
            }
        };
        self.open.insert(id, reply);
        self.write.write_all(&line).await.is_ok()
    }

    /// Gives every complete line to whoever asked for it; false if the other side makes no sense.
    fn deliver(&mut self) -> bool {
        while let Some(end) = self.end_of_line() {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let Ok(Response { id, answer }) = serde_json::from_slice(&line) else {
                return false;
            };
            match (self.open.remove(&id), answer) {
                (Some(reply), answer) => {
                    let answer = answer.map_err(|failure: Failure| ClientError::Answer(failure));
                    let _nobody_waits = reply.send(answer);
                }
                // Our numbers begin with 1.
                (None, Err(failure)) if id == 0 => self.turned_away = Some(failure),
                (None, _) => {}
            }
        }
        self.buffer.len() <= MAX_ANSWER
    }

    /// Looks at every byte once, however long a line is and in however many pieces it comes.
    fn end_of_line(&mut self) -> Option<usize> {
        let mut rest = self.buffer.iter().skip(self.searched);
        let found = rest.position(|byte| *byte == b'\n');
        let end = found.map(|offset| self.searched + offset);
        self.searched = if end.is_some() { 0 } else { self.buffer.len() };
        end
    }
}

fn line(request: &Request) -> Result<Vec<u8>, ClientError> {
    let mut line = serde_json::to_vec(request).map_err(ClientError::Write)?;
    line.push(b'\n');
    match line.len() {
        length if length > MAX_LINE => Err(ClientError::TooLong { length }),
        _ => Ok(line),
    }
}
