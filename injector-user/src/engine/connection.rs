//! One client: lines in, lines out.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc::UnboundedSender;

use super::clients::longest_line;
use super::running::Client;
use super::serve::{News, Shared, lock};
use super::state::{Peer, failure};
use super::watching::Watching;
use crate::protocol::{Answer, Call, Class, Failure, Request, Response};

/// What a request looks like.
const FORM: &str = r#"one JSON object on a line, such as {"id":1,"call":{"op":"status"}}"#;

/// Room that a connection keeps for its next request, in bytes.
const USUAL_LINE: usize = 4_096;

/// Serves one connection that has been admitted until it closes; what it armed ends with it.
pub(super) async fn converse(
    stream: UnixStream,
    engine: Shared,
    client: Client,
    peer: Peer,
    tell_loop: UnboundedSender<News>,
) {
    // An error here is a client that went away: the same as the end of its stream.
    let _went_away = exchange(stream, &engine, client, peer, &tell_loop).await;
    let mut owner = lock(&engine);
    owner.clients.leave(peer.uid);
    owner.disconnect(client);
}

async fn exchange(
    stream: UnixStream,
    engine: &Shared,
    client: Client,
    peer: Peer,
    tell_loop: &UnboundedSender<News>,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let longest = longest_line(peer.uid);
    let limit = u64::try_from(longest).unwrap_or(u64::MAX);
    let mut line = Vec::new();
    let mut watching = Watching::default();
    loop {
        line.clear();
        // One long request is no reason to keep its room for as long as the connection lasts.
        line.shrink_to(USUAL_LINE);
        let length = (&mut read).take(limit).read_until(b'\n', &mut line).await?;
        if length == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') {
            let message = format!("a request of more than {longest} bytes, or one cut short");
            send(
                &mut write,
                0,
                Err(failure(Class::Input, message, Some(FORM))),
            )
            .await?;
            return Ok(());
        }
        let (id, answer, news) = match serde_json::from_slice::<Request>(&line) {
            Ok(Request { id, call }) if Watching::concerns(&call) => {
                (id, watching.answer(engine, peer, call).await, None)
            }
            request => handle(request, engine, client, peer),
        };
        send(&mut write, id, answer).await?;
        if news.is_some_and(|news| tell_loop.send(news).is_err()) {
            return Ok(());
        }
        // Requests sent ahead are there without waiting: everybody else, and the lease, come first.
        tokio::task::yield_now().await;
    }
}

fn handle(
    request: serde_json::Result<Request>,
    engine: &Shared,
    client: Client,
    peer: Peer,
) -> (u64, Result<Answer, Failure>, Option<News>) {
    match request {
        Ok(Request { id, call }) => {
            let news = match call {
                Call::Arm(_) => Some(News::Armed),
                Call::Quit => Some(News::Quit),
                _ => None,
            };
            let answer = lock(engine).handle(client, peer, call);
            let news = news.filter(|_| answer.is_ok());
            (id, answer, news)
        }
        Err(error) => {
            let message = format!("a request that could not be read: {error}");
            (0, Err(failure(Class::Input, message, Some(FORM))), None)
        }
    }
}

async fn send(
    write: &mut (impl tokio::io::AsyncWrite + Unpin),
    id: u64,
    answer: Result<Answer, Failure>,
) -> std::io::Result<()> {
    write.write_all(&Response { id, answer }.line()?).await
}
