//! What targets log, counted for as long as metrics are served, by whoever serves them: the engine reads no
//! logs.

use std::path::Path;

use injector_core::logs::{Count, Level, Tally, Template};
use injector_core::target::Selector;
use injector_core::telemetry::{Label, Metric, MetricKind};
use tokio::sync::{mpsc, oneshot};

use super::row::{Read, Row, gauge};
use crate::logs::{Collector, LogsError, Subject};

/// Templates of a target that have a series of their own: those that were seen first, so that a series stays
/// once it is there.
const MOST_TEMPLATES: usize = 100;

/// Lines of one kind that a target has logged since they are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    pub target: String,
    /// Those of any template, if there is none.
    pub template: Option<String>,
    pub level: &'static str,
    pub lines: u64,
}

/// Logs that are followed until this and all its clones are dropped.
#[derive(Clone, Debug)]
pub struct Logged {
    asked: Vec<mpsc::Sender<oneshot::Sender<Vec<Lines>>>>,
}

impl Logged {
    /// Begins to follow the logs of these targets; faults are those of the engine of `run_dir`.
    ///
    /// # Errors
    ///
    /// A target has no logs that can be followed.
    pub async fn begin(run_dir: &Path, targets: &[Selector]) -> Result<Self, LogsError> {
        let mut asked = Vec::new();
        for target in targets {
            let collector = Collector::start(Subject {
                target: Some(target.clone()),
                files: Vec::new(),
                run_dir: run_dir.to_owned(),
                journalctl: "journalctl".into(),
            });
            let (ask, asks) = mpsc::channel(1);
            tokio::spawn(follow(target.to_string(), collector.await?, asks));
            asked.push(ask);
        }
        Ok(Self { asked })
    }

    /// What has been logged so far.
    pub(super) async fn lines(&self) -> Vec<Lines> {
        let mut lines = Vec::new();
        for ask in &self.asked {
            let (answer, answered) = oneshot::channel();
            if ask.send(answer).await.is_ok() {
                lines.extend(answered.await.unwrap_or_default());
            }
        }
        lines
    }
}

async fn follow(
    target: String,
    mut collector: Collector,
    mut asks: mpsc::Receiver<oneshot::Sender<Vec<Lines>>>,
) {
    loop {
        tokio::select! {
            () = collector.step() => {}
            ask = asks.recv() => {
                let Some(answer) = ask else { return };
                let _went_away = answer.send(lines(&target, collector.tally()));
            }
        }
    }
}

fn lines(target: &str, tally: &Tally) -> Vec<Lines> {
    let of = |level: Level, template: Option<&str>, lines| Lines {
        target: target.to_owned(),
        template: template.map(str::to_owned),
        level: level.name(),
        lines,
    };
    let levels = tally.levels().iter();
    let levels = levels.map(|(level, count)| of(*level, None, count.lines));
    let mut templates: Vec<(&(Level, Template), &Count)> = tally.templates().iter().collect();
    templates.sort_by_key(|(template, count)| (count.first_ns, *template));
    let first = templates.iter().take(MOST_TEMPLATES);
    let first =
        first.map(|((level, template), count)| of(*level, Some(template.as_str()), count.lines));
    levels.chain(first).collect()
}

const TARGET: Label = Label {
    name: "target",
    help: "the selector as it was asked for",
};
const LEVEL: Label = Label {
    name: "level",
    help: "`critical`, `error`, `warning`, `info`, `debug` or `unknown`",
};
const TEMPLATE: Label = Label {
    name: "template",
    help: "the line with what differs masked, such as `<num>`; of each target the first 100, the rest is \
           counted by its level alone",
};

/// Of targets whose logs are followed.
pub(super) const LOGS: &[Row<Lines>] = &[
    Row {
        metric: Metric {
            kind: MetricKind::Counter,
            ..gauge(
                "log_lines",
                "Lines that the target has logged",
                &[TARGET, LEVEL],
            )
        },
        labels: |lines| vec![lines.target.clone(), lines.level.to_owned()],
        read: Read::Whole(|lines| lines.template.is_none().then_some(lines.lines)),
    },
    Row {
        metric: Metric {
            kind: MetricKind::Counter,
            ..gauge(
                "log_template_lines",
                "Those of one template",
                &[TARGET, LEVEL, TEMPLATE],
            )
        },
        labels: |lines| {
            let template = lines.template.clone().unwrap_or_default();
            vec![lines.target.clone(), lines.level.to_owned(), template]
        },
        read: Read::Whole(|lines| lines.template.as_ref().map(|_template| lines.lines)),
    },
];

#[cfg(test)]
mod tests {
    use injector_core::logs::{Reading, Tally};

    use super::{MOST_TEMPLATES, lines};

    #[test]
    fn every_line_is_counted_by_its_level_and_the_first_templates_keep_their_series() {
        let mut tally = Tally::new(0);
        let letters = |mut number: usize| {
            let mut word = String::new();
            while number > 0 {
                word.extend(char::from_digit(
                    u32::try_from(number % 10).unwrap() + 10,
                    20,
                ));
                number /= 10;
            }
            word
        };
        let add = |tally: &mut Tally, numbers: std::ops::Range<usize>| {
            for number in numbers {
                let line = format!("ERROR no {} here", letters(number));
                tally.add(number as u64, &Reading::of(&line));
            }
        };
        add(&mut tally, 1..MOST_TEMPLATES / 2);
        let before = lines("t", &tally);
        add(&mut tally, MOST_TEMPLATES / 2..3 * MOST_TEMPLATES);
        let after = lines("t", &tally);
        let all = after.iter().find(|one| one.template.is_none()).unwrap();
        assert_eq!(
            (all.level, all.lines),
            ("error", 3 * MOST_TEMPLATES as u64 - 1)
        );
        assert_eq!(after.len(), 1 + MOST_TEMPLATES);
        for one in before.iter().filter(|one| one.template.is_some()) {
            assert!(after.contains(one), "{one:?}");
        }
    }
}
