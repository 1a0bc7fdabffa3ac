//! A fault that acts on somebody all the time, and a connection that is misused meanwhile.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use injector_core::fault::Kind;
use injector_user::protocol::{Answer, Call, Class, Ended, Failure, Response, State};
use temblor_tests::{Engine, wait_until};

use super::super::loss::loss;
use crate::stage::{DEADLINE, Stage};

/// Misuses an engine whose fault acts meanwhile, and makes sure that nobody else noticed: the fault's
/// lease never ran out, nothing of its target's came through, and a question is answered.
pub(super) fn under(abuse: impl FnOnce(&Engine) -> Result<()>) -> Result<()> {
    let mut stage = Stage::set()?;
    let mut owner = stage.engine.client()?;
    let armed = owner.arm(Kind::NetLoss, &loss(&stage.client_netns()))?;
    let (engine, target, to) = (&stage.engine, &mut stage.client, stage.echoes[0]);
    let over = AtomicBool::new(false);
    let (abused, suffered) = thread::scope(|scope| {
        let suffering = scope.spawn(|| -> Result<u32> {
            let mut rounds = 0;
            while rounds == 0 || !over.load(Ordering::Relaxed) {
                let (answered, _errors) = target.datagrams(to, 50)?;
                assert_eq!(answered, Vec::<u32>::new(), "round {rounds}");
                rounds += 1;
            }
            Ok(rounds)
        });
        let abused = abuse(engine);
        over.store(true, Ordering::Relaxed);
        (abused, suffering.join())
    });
    abused?;
    let rounds = suffered.map_err(|_panic| anyhow!("something came through"))??;
    answered(engine)?;
    let report = owner.stop_one(&armed)?;
    let how = Ended::Stopped;
    assert_eq!(report.state, State::Ended { how });
    let counters = report.counters;
    // The kernel's own packets leave that way too.
    let lost_all = counters.injected == counters.matched && counters.expired == 0;
    assert!(
        lost_all && counters.matched >= u64::from(rounds) * 50,
        "{counters:?}"
    );
    stage.check_nothing_armed()?;
    stage.close()
}

/// Makes sure that a new client is answered.
pub(super) fn answered(engine: &Engine) -> Result<()> {
    let answer = engine.client()?.call(Call::Hello)?;
    anyhow::ensure!(matches!(answer, Ok(Answer::Hello { .. })), "{answer:?}");
    Ok(())
}

/// Waits until the engine has seen off everybody but whoever armed, the harness and who asks.
pub(super) fn await_calm(engine: &Engine) -> Result<()> {
    let mut last = None;
    wait_until("those who misused it are gone", DEADLINE, || {
        // A new one each time: before they are gone there may be no room for it.
        let status = engine.client().and_then(|mut client| client.status());
        last = status.ok().map(|(engine, _)| engine.clients);
        last == Some(3)
    })
    .with_context(|| format!("{last:?} are left"))?;
    Ok(())
}

/// A connection whose every byte the test decides about.
#[derive(Debug)]
pub(super) struct Raw {
    stream: BufReader<UnixStream>,
}

impl Raw {
    pub(super) fn connect(engine: &Engine) -> Result<Self> {
        let stream = UnixStream::connect(engine.run_dir().join("engine.sock"))?;
        // Patience only.
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    pub(super) fn stream(&self) -> &UnixStream {
        self.stream.get_ref()
    }

    pub(super) fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream().write_all(bytes)
    }

    pub(super) fn close(&self, side: Shutdown) -> Result<()> {
        Ok(self.stream().shutdown(side)?)
    }

    /// The next answer; none if the engine has closed the connection, with or without having read all.
    pub(super) fn hear(&mut self) -> Result<Option<Response>> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_length) => Ok(Some(
                serde_json::from_str(&line).with_context(|| line.clone())?,
            )),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The next answer, which says no for a reason of this class and has no number.
    pub(super) fn refused(&mut self, class: Class) -> Result<Failure> {
        let Response { id, answer } = self.hear()?.context("it is answered")?;
        let failure = answer.err().context("it is refused")?;
        assert_eq!((id, failure.class), (0, class), "{failure:?}");
        Ok(failure)
    }

    /// Makes sure that the engine has closed the connection.
    pub(super) fn gone(&mut self) -> Result<()> {
        let more = self.hear()?;
        anyhow::ensure!(more.is_none(), "{more:?} and not the end");
        Ok(())
    }
}

/// A question as a line.
pub(super) fn question(id: u64) -> Vec<u8> {
    format!("{{\"id\":{id},\"call\":{{\"op\":\"status\"}}}}\n").into_bytes()
}
