//! Every fault of an engine, whoever armed it, as somebody sees who looks now and then.

use std::path::Path;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::announcement::Announcement;
use super::announcer::{Announcer, now};
use super::told::Told;
use crate::client::{self, Client, ClientError};
use crate::clock::unix_ms;
use crate::protocol::{Answer, Call, FaultReport};

/// Between two looks. Also a fault that begins and ends between them is announced.
const LOOK: Duration = Duration::from_secs(1);
/// How long the engine may take for an answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Announces every fault of the engine of `run_dir`, and of those that come after it, until it is
/// dropped; `told` has what is open then. What ended before it began is not announced. `say` is told
/// what does not work, each thing once.
pub async fn watch(
    announcer: &Announcer,
    told: &mut Told,
    run_dir: &Path,
    mut say: impl FnMut(&str),
) -> ! {
    let mut watcher = Watcher::new(told);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut said = None;
    loop {
        looks.tick().await;
        let (new, trouble) = watcher.look(run_dir).await;
        announcer.announce(&new);
        for shortfall in announcer.shortfalls() {
            say(&shortfall.to_string());
        }
        if let (Some(trouble), true) = (&trouble, trouble != said) {
            say(trouble);
        }
        said = trouble;
    }
}

/// What is known from look to look.
#[derive(Debug)]
pub(super) struct Watcher<'a> {
    told: &'a mut Told,
    client: Option<Client>,
    /// What is known of the engine that was last seen.
    engine: Option<Known>,
    /// No engine was looked for yet, so one that is found may be old.
    is_first: bool,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    pid: i32,
    /// The number of the next fault that ends.
    next: u64,
}

/// Why a look was not what it should be.
enum Trouble {
    /// There is no engine, which is as good as another state.
    Nobody,
    /// It does not answer now.
    Silent,
    Failed(ClientError),
}

impl<'a> Watcher<'a> {
    pub(super) fn new(told: &'a mut Told) -> Self {
        Self {
            told,
            client: None,
            engine: None,
            is_first: true,
        }
    }

    /// What is new, and what did not work.
    pub(super) async fn look(&mut self, run_dir: &Path) -> (Vec<Announcement>, Option<String>) {
        let mut new = Vec::new();
        let trouble = match self.try_look(run_dir, &mut new).await {
            Ok(forgotten) => {
                self.is_first = false;
                let plural =
                    |count: u64| format!("{count} faults ended unseen since the last look");
                (forgotten > 0).then(|| plural(forgotten))
            }
            Err(Trouble::Silent) => None,
            Err(Trouble::Nobody) => {
                self.is_first = false;
                self.client = None;
                self.engine = None;
                new.extend(self.told.lose_all(now()));
                None
            }
            // Whether it has gone is seen when it is looked for the next time.
            Err(Trouble::Failed(ClientError::Gone)) => {
                self.client = None;
                None
            }
            Err(Trouble::Failed(error)) => {
                self.client = None;
                Some(format!("the engine cannot be watched: {error}"))
            }
        };
        (new, trouble)
    }

    /// How many ended whose reports the engine has forgotten.
    async fn try_look(
        &mut self,
        run_dir: &Path,
        new: &mut Vec<Announcement>,
    ) -> Result<u64, Trouble> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => client::connect(run_dir).await.map_err(Trouble::of)?,
        };
        self.client = Some(client.clone());
        let Answer::Status { engine, faults } = ask(&client, Call::Status).await? else {
            return Err(Trouble::Failed(ClientError::Unexpected));
        };
        let known = match self.engine {
            Some(known) if known.pid == engine.pid => known,
            _ => {
                new.extend(self.told.lose_all(now()));
                let next = if self.is_first { u64::MAX } else { 0 };
                Known {
                    pid: engine.pid,
                    next,
                }
            }
        };
        self.engine = Some(known);
        self.see(&faults, new);
        self.see_ended(&client, known, new).await
    }

    /// Everything that ended since.
    async fn see_ended(
        &mut self,
        client: &Client,
        mut known: Known,
        new: &mut Vec<Announcement>,
    ) -> Result<u64, Trouble> {
        let mut all_forgotten = 0;
        loop {
            let call = Call::Ended { after: known.next };
            let Answer::Ended {
                faults,
                next,
                forgotten,
            } = ask(client, call).await?
            else {
                return Err(Trouble::Failed(ClientError::Unexpected));
            };
            self.see(&faults, new);
            all_forgotten += forgotten;
            known.next = next;
            self.engine = Some(known);
            if faults.is_empty() {
                return Ok(all_forgotten);
            }
        }
    }

    fn see(&mut self, faults: &[FaultReport], new: &mut Vec<Announcement>) {
        let seen_unix_ms = unix_ms();
        let seen = faults.iter();
        new.extend(seen.flat_map(|fault| self.told.see(fault, seen_unix_ms)));
    }
}

impl Trouble {
    fn of(error: ClientError) -> Self {
        match error {
            ClientError::NotRunning { .. } => Self::Nobody,
            other => Self::Failed(other),
        }
    }
}

async fn ask(client: &Client, call: Call) -> Result<Answer, Trouble> {
    match timeout(ANSWER, client.call(call)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Trouble::Failed(error)),
        Err(_elapsed) => Err(Trouble::Silent),
    }
}
