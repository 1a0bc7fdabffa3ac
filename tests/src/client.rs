//! A client of an engine, one question at a time.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use injector_core::fault::Kind;
use injector_core::plan::Plan;
use injector_core::telemetry::Frame;
use injector_user::observer::Wanted;
use injector_user::protocol::{
    Answer, Arm, Call, EngineStatus, Failure, FaultReport, Request, Response, Which,
};

/// Longer than any engine takes to answer that still will.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection: what it arms ends with it.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    asked: u64,
}

/// What the engine says of a fault it has armed.
#[derive(Clone, Debug)]
pub struct Armed {
    pub fault: String,
    pub seed: u64,
    pub plan: Plan,
}

/// Parameters of a fault in the words of the schema.
pub fn params<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let given = given.into_iter();
    given
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect()
}

impl Client {
    pub fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).with_context(|| socket.display().to_string())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::new(stream),
            asked: 0,
        })
    }

    /// Asks and waits for the answer.
    pub fn call(&mut self, call: Call) -> Result<Result<Answer, Failure>> {
        self.asked += 1;
        let id = self.asked;
        let mut line = serde_json::to_vec(&Request { id, call })?;
        line.push(b'\n');
        self.send(&line)?;
        let response = self.hear()?.context("the engine closed the connection")?;
        ensure!(response.id == id, "{response:?} does not answer {id}");
        Ok(response.answer)
    }

    /// Writes bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    /// The next line of the engine; none if it has closed the connection.
    pub fn hear(&mut self) -> Result<Option<Response>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let response = serde_json::from_str(&line);
        Ok(Some(
            response.with_context(|| format!("the engine said {line:?}"))?,
        ))
    }

    pub fn arm(&mut self, kind: Kind, given: &BTreeMap<String, String>) -> Result<Armed> {
        match self.call(arm(kind, given))? {
            Ok(Answer::Armed { fault, seed, plan }) => Ok(Armed {
                fault,
                seed,
                plan: *plan,
            }),
            other => bail!("{kind} was not armed: {other:?}"),
        }
    }

    /// Lets a fault decide and count for so long, without acting.
    pub fn rehearse(
        &mut self,
        kind: Kind,
        given: &BTreeMap<String, String>,
        milliseconds: u64,
    ) -> Result<Armed> {
        let Call::Arm(mut order) = arm(kind, given) else {
            bail!("an order to arm");
        };
        order.rehearse_ms = Some(milliseconds);
        match self.call(Call::Arm(order))? {
            Ok(Answer::Armed { fault, seed, plan }) => Ok(Armed {
                fault,
                seed,
                plan: *plan,
            }),
            other => bail!("{kind} is not rehearsed: {other:?}"),
        }
    }

    /// Lets a rehearsed fault act; what it would have done until then.
    pub fn act(&mut self, armed: &Armed) -> Result<FaultReport> {
        let fault = armed.fault.clone();
        match self.call(Call::Act { fault })? {
            Ok(Answer::Acting { counted }) => Ok(*counted),
            other => bail!("{} does not act: {other:?}", armed.fault),
        }
    }

    /// Why the engine will not arm this; an error if it does.
    pub fn refusal(&mut self, kind: Kind, given: &BTreeMap<String, String>) -> Result<Failure> {
        match self.call(arm(kind, given))? {
            Err(failure) => Ok(failure),
            Ok(answer) => bail!("{kind} was not refused: {answer:?}"),
        }
    }

    /// Observes from now on, until this connection ends.
    pub fn observe(&mut self, wanted: Wanted) -> Result<()> {
        match self.call(Call::Observe(wanted))? {
            Ok(Answer::Done) => Ok(()),
            other => bail!("nothing is observed: {other:?}"),
        }
    }

    /// What is known now of what it observes.
    pub fn frame(&mut self) -> Result<Frame> {
        match self.call(Call::Frame)? {
            Ok(Answer::Frame { frame }) => Ok(*frame),
            other => bail!("no frame: {other:?}"),
        }
    }

    pub fn stop(&mut self, which: Which) -> Result<Vec<FaultReport>> {
        match self.call(Call::Stop { which })? {
            Ok(Answer::Stopped { faults }) => Ok(faults),
            other => bail!("faults were not stopped: {other:?}"),
        }
    }

    pub fn stop_one(&mut self, armed: &Armed) -> Result<FaultReport> {
        let stopped = self.stop(Which::Fault(armed.fault.clone()))?;
        let [report] = <[FaultReport; 1]>::try_from(stopped)
            .map_err(|faults| anyhow::anyhow!("{faults:?} instead of one"))?;
        Ok(report)
    }

    pub fn snapshot(&mut self, fault: &str) -> Result<FaultReport> {
        let fault = fault.to_owned();
        match self.call(Call::Snapshot { fault })? {
            Ok(Answer::Snapshot { fault }) => Ok(*fault),
            other => bail!("no snapshot: {other:?}"),
        }
    }

    pub fn status(&mut self) -> Result<(EngineStatus, Vec<FaultReport>)> {
        match self.call(Call::Status)? {
            Ok(Answer::Status { engine, faults }) => Ok((engine, faults)),
            other => bail!("no status: {other:?}"),
        }
    }
}

fn arm(kind: Kind, given: &BTreeMap<String, String>) -> Call {
    Call::Arm(Arm {
        fault: kind,
        params: given.clone(),
        name: None,
        detached: false,
        ssh_connection: None,
        rehearse_ms: None,
        follow: false,
    })
}
