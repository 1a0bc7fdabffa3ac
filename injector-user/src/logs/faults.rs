//! Which faults act, asked of the engine if one runs.

use std::path::PathBuf;
use std::time::Duration;

use injector_core::logs::Acting;
use injector_core::units::{nanoseconds, parse_duration};
use tokio::time::timeout;

use crate::client::{self, Client, ClientError};
use crate::protocol::{Answer, Call, FaultReport};

/// How long a running engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks again and again, over one connection as long as that holds. Never starts an engine.
#[derive(Debug)]
pub(super) struct Armed {
    run_dir: PathBuf,
    client: Option<Client>,
    /// The ids of those that were armed at the last look.
    before: Vec<String>,
    /// Why it was not known at some moment, the first time.
    pub(super) unknown: Option<String>,
}

impl Armed {
    pub(super) fn new(run_dir: PathBuf) -> Self {
        Self {
            run_dir,
            client: None,
            before: Vec::new(),
            unknown: None,
        }
    }

    /// What is armed now, and what has ended since the last look; none if that cannot be told. A fault
    /// that came and went between two looks is not seen.
    pub(super) async fn look(&mut self) -> Option<Vec<Acting>> {
        let asked = timeout(PATIENCE, self.ask()).await;
        let silent = |_elapsed| ClientError::Silent { patience: PATIENCE };
        match asked.unwrap_or_else(|elapsed| Err(silent(elapsed))) {
            Ok(reports) => Some(reports.iter().filter_map(acting).collect()),
            // Without an engine nothing acts.
            Err(ClientError::NotRunning { .. } | ClientError::Gone) => {
                self.client = None;
                Some(Vec::new())
            }
            Err(error) => {
                self.client = None;
                self.unknown.get_or_insert_with(|| error.to_string());
                None
            }
        }
    }

    async fn ask(&mut self) -> Result<Vec<FaultReport>, ClientError> {
        if self.client.is_none() {
            let client = client::connect(&self.run_dir).await?;
            client.greet(PATIENCE).await?;
            self.client = Some(client);
        }
        let client = self.client.as_ref().ok_or(ClientError::Gone)?;
        let Answer::Status { faults, .. } = client.call(Call::Status).await? else {
            return Err(ClientError::Unexpected);
        };
        let is_armed = |id: &String| faults.iter().any(|report| report.fault == *id);
        let mut reports = Vec::new();
        for id in self.before.iter().filter(|id| !is_armed(id)) {
            reports.extend(ended(client, id.clone()).await?);
        }
        self.before = faults.iter().map(|report| report.fault.clone()).collect();
        reports.extend(faults);
        Ok(reports)
    }
}

/// How a fault has ended that is armed no more; none if the engine has forgotten it.
async fn ended(client: &Client, fault: String) -> Result<Option<FaultReport>, ClientError> {
    match client.call(Call::Snapshot { fault }).await {
        Ok(Answer::Snapshot { fault }) => Ok(Some(*fault)),
        Ok(_) => Err(ClientError::Unexpected),
        Err(ClientError::Answer(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// When a fault acts; never while it only rehearses.
fn acting(report: &FaultReport) -> Option<Acting> {
    let delay = report.params.get("delay");
    let delay = delay.and_then(|delay| parse_duration(delay).ok());
    let window = &report.window;
    (!report.rehearsal).then(|| Acting {
        fault: report.fault.clone(),
        kind: report.kind.to_string(),
        from_ns: window
            .armed_ns
            .saturating_add(nanoseconds(delay.unwrap_or_default())),
        until_ns: (window.ended_ns > 0).then_some(window.ended_ns),
    })
}
