//! Everything that is shown, and how samples change it.

use std::collections::BTreeMap;

use injector_core::telemetry::{Frame, Window};

use super::board::{Board, Vitals};
use super::sheet::Sheet;
use super::sheets;
use super::view::{Kind, Sort, View};
use crate::protocol::{EngineStatus, FaultReport};

/// What was found at one look.
#[derive(Clone, Debug)]
pub(in crate::cli::top) struct Sample {
    pub(in crate::cli::top) frame: Frame,
    pub(in crate::cli::top) engine: EngineStatus,
    pub(in crate::cli::top) faults: Vec<FaultReport>,
}

/// What the feed tells.
#[derive(Clone, Debug)]
pub(in crate::cli::top) enum News {
    Sample(Box<Sample>),
    /// Why there are none.
    Gone(String),
    /// There is an engine again, which begins to count.
    Back,
}

/// Whether there is an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::top) enum Bond {
    Connected,
    /// And why.
    Lost(String),
}

/// At most one frame, and what the last two said: nothing grows with time.
#[derive(Debug)]
pub(in crate::cli::top) struct Model {
    /// The last one is shown; never empty.
    pub(super) views: Vec<View>,
    pub(super) sorts: BTreeMap<Kind, Sort>,
    /// Key of the row that was chosen last.
    pub(super) chosen: BTreeMap<Kind, String>,
    pub(in crate::cli::top) filter: String,
    /// What it was before, while it is being written.
    pub(in crate::cli::top) editing: Option<String>,
    pub(in crate::cli::top) help: bool,
    pub(in crate::cli::top) paused: bool,
    pub(in crate::cli::top) bond: Bond,
    pub(in crate::cli::top) engine: Option<EngineStatus>,
    /// Nanoseconds since 1970 of what is shown.
    pub(in crate::cli::top) unix_ns: u64,
    /// Monotonic nanoseconds of what is shown.
    now_ns: u64,
    /// What came last, shown or not.
    seen: Option<Frame>,
    /// None until there were two frames.
    pub(in crate::cli::top) board: Option<Board>,
    /// By name.
    pub(in crate::cli::top) faults: BTreeMap<String, FaultReport>,
}

impl Model {
    pub(in crate::cli::top) fn new() -> Self {
        Self {
            views: vec![View::Targets],
            sorts: BTreeMap::new(),
            chosen: BTreeMap::new(),
            filter: String::new(),
            editing: None,
            help: false,
            paused: false,
            bond: Bond::Connected,
            engine: None,
            unix_ns: 0,
            now_ns: 0,
            seen: None,
            board: None,
            faults: BTreeMap::new(),
        }
    }

    pub(in crate::cli::top) fn hear(&mut self, news: News) {
        match news {
            News::Sample(sample) => {
                self.bond = Bond::Connected;
                self.look(*sample);
            }
            News::Gone(why) => self.bond = Bond::Lost(why),
            News::Back => {
                self.bond = Bond::Connected;
                self.seen = None;
            }
        }
    }

    fn look(&mut self, sample: Sample) {
        let Sample {
            frame,
            engine,
            faults,
        } = sample;
        if !self.paused {
            self.engine = Some(engine);
            let named = faults.into_iter().map(|fault| (fault.fault.clone(), fault));
            self.faults = named.collect();
            (self.unix_ns, self.now_ns) = (frame.unix_ns, frame.at_ns);
            if let Some(from) = &self.seen {
                self.board = Some(Board::of(&Window { from, to: &frame }));
            }
        }
        self.seen = Some(frame);
    }

    pub(in crate::cli::top) fn view(&self) -> &View {
        self.views.last().unwrap_or(&View::Targets)
    }

    pub(in crate::cli::top) fn sort(&self) -> Sort {
        let kind = self.view().kind();
        self.sorts
            .get(&kind)
            .copied()
            .unwrap_or_else(|| kind.sort())
    }

    /// The target that the view is about, with what is known of it.
    pub(in crate::cli::top) fn target(&self) -> Option<(&str, &Board, &Vitals)> {
        let (View::Target(name), Some(board)) = (self.view(), &self.board) else {
            return None;
        };
        Some((name, board, board.targets.get(name)?))
    }

    /// The rows of the view, as they are shown.
    pub(in crate::cli::top) fn sheet(&self) -> Sheet {
        let nothing = Board::default();
        let board = self.board.as_ref().unwrap_or(&nothing);
        let sheet = match self.view() {
            View::Targets => sheets::targets(board),
            View::Edges(of) => sheets::edges(board, of.as_deref()),
            View::Faults => sheets::faults(&self.faults, self.now_ns),
            View::Target(name) => {
                let gone = Vitals::default();
                sheets::calls(board, board.targets.get(name).unwrap_or(&gone))
            }
        };
        sheet.arrange(&self.filter, self.sort())
    }

    /// Which row is chosen: the one that was, wherever it is now, or the first.
    pub(in crate::cli::top) fn choice(&self, sheet: &Sheet) -> usize {
        let key = self.chosen.get(&self.view().kind());
        let found = key.and_then(|key| sheet.rows.iter().position(|row| row.key == *key));
        found.unwrap_or(0)
    }
}
