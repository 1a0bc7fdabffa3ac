//! An engine made of a few lines: it answers as the protocol says and changes nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use injector_user::protocol::{
    Answer, Call, Ended, EngineStatus, FaultReport, PROTOCOL, Request, Response, State, Which,
};

/// What the engine was asked for, and the fault it pretends to have.
#[derive(Clone)]
pub(crate) struct Double {
    pub(crate) calls: Arc<Mutex<Vec<Call>>>,
    fault: FaultReport,
    /// How many looks until the fault ends by itself.
    looks: usize,
    /// How it ends by itself.
    ending: Ended,
    /// Whether it answers when it is asked to stop.
    deaf: bool,
    /// Whether the fault is armed still when somebody asks for the status.
    armed: bool,
}

impl Double {
    /// Serves everybody who comes to `run_dir`.
    pub(crate) fn serve(run_dir: &Path, looks: usize) -> Self {
        Self::new(looks).on(run_dir)
    }

    pub(crate) fn new(looks: usize) -> Self {
        let fault = include_str!("fault.json");
        Self {
            calls: Arc::default(),
            fault: serde_json::from_str(fault).unwrap(),
            looks,
            ending: Ended::Deadline,
            deaf: false,
            armed: false,
        }
    }

    /// Whose fault ends like this.
    pub(crate) fn ending(self, ending: Ended) -> Self {
        Self { ending, ..self }
    }

    /// That never answers when it is asked to stop.
    pub(crate) fn deaf(self) -> Self {
        Self { deaf: true, ..self }
    }

    /// Whose fault is armed whenever its status is asked for.
    pub(crate) fn armed(self) -> Self {
        let armed = true;
        Self { armed, ..self }
    }

    /// Serves everybody who comes to `run_dir`.
    pub(crate) fn on(self, run_dir: &Path) -> Self {
        let double = self;
        let listener = UnixListener::bind(run_dir.join("engine.sock")).unwrap();
        let serving = double.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut client = serving.clone();
                thread::spawn(move || client.converse(&stream));
            }
        });
        double
    }

    pub(crate) fn was_asked(&self, call: &Call) -> bool {
        self.calls.lock().unwrap().contains(call)
    }

    fn converse(&mut self, stream: &UnixStream) {
        let mut write = stream;
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let Request { id, call } = serde_json::from_str(&line).unwrap();
            if self.deaf && matches!(call, Call::Stop { .. }) {
                self.calls.lock().unwrap().push(call);
                continue;
            }
            let response = Response {
                id,
                answer: Ok(self.answer(&call)),
            };
            self.calls.lock().unwrap().push(call);
            let mut line = serde_json::to_vec(&response).unwrap();
            line.push(b'\n');
            if write.write_all(&line).is_err() {
                return;
            }
        }
    }

    fn answer(&mut self, call: &Call) -> Answer {
        match call {
            Call::Hello => Answer::Hello {
                version: "0".to_owned(),
                protocol: PROTOCOL,
                pid: 1,
                keeper: 2,
            },
            Call::Plan { .. } => Answer::Planned {
                plan: Box::new(self.fault.plan.clone()),
            },
            Call::Arm(_) => Answer::Armed {
                fault: self.fault.fault.clone(),
                seed: self.fault.seed,
                plan: Box::new(self.fault.plan.clone()),
            },
            Call::Snapshot { .. } => {
                let ended = self.looks == 0;
                self.looks = self.looks.saturating_sub(1);
                Answer::Snapshot {
                    fault: Box::new(self.seen(ended, self.ending)),
                }
            }
            Call::Stop {
                which: Which::Owner(_),
            } => Answer::Stopped { faults: Vec::new() },
            Call::Stop { .. } => Answer::Stopped {
                faults: vec![self.seen(true, Ended::Stopped)],
            },
            Call::Status => Answer::Status {
                engine: status(),
                faults: vec![self.seen(!self.armed, Ended::Deadline)],
            },
            Call::Ended { after } => Answer::Ended {
                faults: Vec::new(),
                next: (*after).min(1),
                forgotten: 0,
            },
            Call::Frame => Answer::Frame {
                frame: Box::default(),
            },
            Call::MakeCgroup => Answer::Cgroup {
                path: "/temblor-1".to_owned(),
            },
            Call::Act { .. } => Answer::Acting {
                counted: Box::new(self.seen(false, self.ending)),
            },
            Call::Events { after, .. } => Answer::Events {
                events: Vec::new(),
                next: *after,
                real_from: 0,
                lost: Some(0),
            },
            Call::Measure { .. }
            | Call::Frames { .. }
            | Call::Observe(_)
            | Call::Kill
            | Call::Enter { .. }
            | Call::Quit
            | Call::Intercept { .. } => Answer::Done,
        }
    }

    fn seen(&self, ended: bool, how: Ended) -> FaultReport {
        let mut fault = self.fault.clone();
        if ended {
            fault.state = State::Ended { how };
        } else {
            fault.state = State::Active;
            fault.window.ended_ns = 0;
            fault.window.ended_unix_ms = 0;
        }
        fault
    }
}

fn status() -> EngineStatus {
    EngineStatus {
        version: "0.1.0".to_owned(),
        pid: 11,
        keeper: 12,
        attached: 2,
        observing: 0,
        lease_ms: 1_900,
        clients: 1,
        undo_entries: 0,
    }
}
