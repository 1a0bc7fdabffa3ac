//! Waiting that a person can end.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

/// Somebody wants the demo to end; it unwinds, and everything is put back.
#[derive(Clone, Copy, Debug, Error)]
#[error("interrupted")]
pub(super) struct Interrupted;

/// Ctrl-C and its like, from when this is made on.
#[derive(Debug)]
pub(super) struct Interrupts(Receiver<()>);

impl Interrupts {
    pub(super) fn catch() -> Result<Self> {
        let (tell, told) = channel();
        let (ready, readied) = channel();
        thread::spawn(move || listen(&tell, &ready));
        readied.recv().context("failed to catch signals")??;
        Ok(Self(told))
    }

    /// Waits so long, or fails with [`Interrupted`].
    pub(super) fn wait(&self, time: Duration) -> Result<()> {
        match self.0.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(Interrupted.into()),
        }
    }
}

/// Handlers, not a blocked mask: the programs that the demo starts must not inherit it.
fn listen(tell: &Sender<()>, ready: &Sender<Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let listening = runtime
        .context("failed to start an event loop")
        .map(|runtime| {
            runtime.block_on(async {
                let kinds = [
                    SignalKind::interrupt(),
                    SignalKind::terminate(),
                    SignalKind::hangup(),
                ];
                let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal)
                else {
                    return ready.send(Err(anyhow::anyhow!("failed to catch signals")));
                };
                ready.send(Ok(()))?;
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                    if tell.send(()).is_err() {
                        return Ok(());
                    }
                }
            })
        });
    // Who waits for `ready` learns of a failure by its end.
    drop(listening);
}
