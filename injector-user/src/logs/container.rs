//! Following what a container writes, over the API of its runtime.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};

use super::api::{Api, ApiError, State};
use super::feed::{Feed, What};
use super::frames::{Frames, Stream};
use super::line::{Line, Splitter};
use crate::clock::unix_ms;

/// Between two looks at a container that does not run.
const PAUSE: Duration = Duration::from_millis(250);

/// One container that a runtime can tell of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output {
    api: Api,
    id: String,
    has_terminal: bool,
}

impl Output {
    /// Asks who knows the container, of those that listen at `sockets`; else says why nobody does.
    pub(super) async fn find(sockets: Vec<String>, id: &str) -> Result<Self, String> {
        let mut reasons = Vec::new();
        for socket in sockets {
            let api = Api { socket };
            match api.inspect(id).await {
                Ok(State { has_terminal, .. }) => {
                    return Ok(Self {
                        api,
                        id: id.to_owned(),
                        has_terminal,
                    });
                }
                Err(error) => reasons.push(error.to_string()),
            }
        }
        Err(reasons.join(" and "))
    }

    /// Its stream, opened at once, so that nothing is missed that is written from now on.
    pub(super) async fn open(&self) -> Result<Incoming, String> {
        let opened = self.api.logs(&self.id, None).await;
        opened.map_err(|error| error.to_string())
    }

    /// Reads until it is to end, or the container is gone; one that is started again is followed on.
    pub(super) async fn follow(self, first: Incoming, mut feed: Feed) {
        let mut stream = first;
        loop {
            let mut pieces = Pieces::new(self.has_terminal);
            let read = pieces.read(stream, &mut feed).await;
            if !feed.lines(pieces.end(), None).await || feed.is_over() {
                return;
            }
            if let Err(why) = read {
                feed.tell(What::Ended(why)).await;
                return;
            }
            match self.again(&mut feed).await {
                Ok(Some(next)) => stream = next,
                Ok(None) => return,
                Err(error) => {
                    feed.tell(What::Ended(error.to_string())).await;
                    return;
                }
            }
            if !feed.tell(What::Resumed).await {
                return;
            }
        }
    }

    /// The stream once it runs again, from what it wrote after the last one had ended on.
    async fn again(&self, feed: &mut Feed) -> Result<Option<Incoming>, ApiError> {
        let since = Duration::from_millis(unix_ms()).as_secs_f64();
        while !self.api.inspect(&self.id).await?.is_running {
            if !feed.pause(PAUSE).await {
                return Ok(None);
            }
        }
        // One that ends at once would keep us and the runtime busy.
        if !feed.pause(PAUSE).await {
            return Ok(None);
        }
        self.api.logs(&self.id, Some(since)).await.map(Some)
    }
}

/// Lines of both of its streams.
struct Pieces {
    frames: Option<Frames>,
    output: Splitter,
    errors: Splitter,
}

impl Pieces {
    fn new(has_terminal: bool) -> Self {
        Self {
            frames: (!has_terminal).then(Frames::default),
            output: Splitter::default(),
            errors: Splitter::default(),
        }
    }

    /// Until it ends, or is to end; what is wrong if it is no such stream.
    async fn read(&mut self, mut stream: Incoming, feed: &mut Feed) -> Result<(), String> {
        loop {
            let next = async { stream.frame().await?.ok() };
            let Some(frame) = feed.next(next).await else {
                return Ok(());
            };
            let Ok(piece) = frame.into_data() else {
                continue;
            };
            let lines = self.lines(&piece)?;
            if !feed.lines(lines, None).await {
                return Ok(());
            }
        }
    }

    fn lines(&mut self, piece: &Bytes) -> Result<Vec<Line>, String> {
        let Some(frames) = &mut self.frames else {
            return Ok(self.output.push(piece));
        };
        let parts = frames.push(piece).map_err(|error| error.to_string())?;
        let lines = parts.into_iter().flat_map(|(stream, part)| match stream {
            Stream::Output => self.output.push(part),
            Stream::Errors => self.errors.push(part),
        });
        Ok(lines.collect())
    }

    fn end(&mut self) -> Vec<Line> {
        let ends = [self.output.end(), self.errors.end()];
        ends.into_iter().flatten().collect()
    }
}
