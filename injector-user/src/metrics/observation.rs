//! One connection that observes for as long as metrics are served.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use injector_core::telemetry::Frame;
use tokio::time::sleep;

use crate::client::{Client, ClientError, connect_or_start};
use crate::observer::Wanted;
use crate::protocol::{Answer, Call};

/// Before it is begun again.
const AGAIN: Duration = Duration::from_secs(1);

/// What is observed. Clones are of the same connection.
#[derive(Clone, Debug)]
pub struct Observation {
    run_dir: PathBuf,
    wanted: Wanted,
    /// None while there is nobody to ask.
    client: Arc<Mutex<Option<Client>>>,
}

impl Observation {
    /// Begins to observe; the engine of `run_dir` is started if there is none.
    ///
    /// # Errors
    ///
    /// There is no engine to be had, a target is not there, or the kernel refuses programs.
    pub async fn begin(run_dir: &Path, wanted: Wanted) -> Result<Self, ClientError> {
        let client = observe(run_dir, &wanted).await?;
        Ok(Self {
            run_dir: run_dir.to_owned(),
            wanted,
            client: Arc::new(Mutex::new(Some(client))),
        })
    }

    /// Begins again with the next engine whenever one has gone, until this is dropped. `say` is told what
    /// does not work, each thing once.
    pub async fn keep(&self, mut say: impl FnMut(&str)) -> ! {
        let mut said = None;
        loop {
            let client = self.lock().clone();
            if let Some(client) = client {
                client.closed().await;
                *self.lock() = None;
            }
            sleep(AGAIN).await;
            let begun = observe(&self.run_dir, &self.wanted).await;
            let trouble = begun.as_ref().err().map(ToString::to_string);
            *self.lock() = begun.ok();
            if let (Some(trouble), true) = (&trouble, trouble != said) {
                say(&format!("nothing is observed: {trouble}"));
            }
            said = trouble;
        }
    }

    /// What is known at this moment, counted from when this engine's observer began.
    ///
    /// # Errors
    ///
    /// There is no engine now, or it cannot tell.
    pub async fn frame(&self) -> Result<Box<Frame>, ClientError> {
        let client = self.lock().clone();
        let client = client.ok_or(ClientError::Gone)?;
        match client.call(Call::Frame).await? {
            Answer::Frame { frame } => Ok(frame),
            _ => Err(ClientError::Unexpected),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn observe(run_dir: &Path, wanted: &Wanted) -> Result<Client, ClientError> {
    let client = connect_or_start(run_dir).await?;
    match client.call(Call::Observe(wanted.clone())).await? {
        Answer::Done => Ok(client),
        _ => Err(ClientError::Unexpected),
    }
}
