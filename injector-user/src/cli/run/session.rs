//! One experiment after the other, with everybody who is told of them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use injector_core::experiment::{Experiment, RollbackStrategy};
use injector_core::report::Report;
use tokio::sync::{mpsc, watch};

use super::progress::Progress;
use super::watching::{Record, Recorder, Viewer};
use crate::announce::Announcer;
use crate::cli::context::Context;
use crate::cli::failure::CliError;
use crate::cli::interrupts::Interrupts;
use crate::client::{Client, EngineFaults, EventFile, connection_of_caller};
use crate::journal::{Beginning, Diary, Keeper};
use crate::runner::{self, Cancel, Options, Watch};

/// Two connections: one for faults, and one to look at targets.
pub(super) type Clients = Option<(Client, Client)>;

/// Who commands runs, and who is told of them.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) context: &'a Context,
    pub(super) interrupts: Interrupts,
    pub(super) events: Option<EventFile>,
    pub(super) announcer: Option<Announcer>,
}

impl Session<'_> {
    /// Does what the experiment says, takes it down, and shows it.
    pub(super) async fn perform(
        &mut self,
        experiment: Experiment,
        clients: Clients,
        options: Options,
        (keeper, diary): (Keeper, Diary),
    ) -> (Report, Arc<Recorder>) {
        let faults = clients.map(|clients| {
            let caller = connection_of_caller();
            EngineFaults::new(clients, caller, self.events.clone(), self.announcer.clone())
        });
        let (wish, cancel) = watch::channel(Cancel::No);
        let (sender, news) = mpsc::unbounded_channel();
        let recorder = Arc::new(Recorder::new(keeper, diary, sender));
        let options = Options {
            cancel,
            watcher: Some(Arc::clone(&recorder) as Arc<dyn Watch>),
            ..options
        };
        let progress = Progress::new(self.context.out);
        let mut viewer = Viewer { news, progress };
        let report = tokio::select! {
            report = runner::run(experiment, Arc::new(faults), options) => report,
            never = obey(self.context, &mut self.interrupts, wish) => never,
            never = viewer.follow() => never,
        };
        viewer.finish();
        (report, recorder)
    }

    /// Says what became of writing down what happened while it did.
    pub(super) fn complain_of(&self, record: &mut Record, journal: &Path) {
        if let Some(source) = record.trouble.take() {
            let path = journal.to_owned();
            let error = CliError::Diary { path, source };
            self.context.out.complain(&error);
        }
    }
}

/// Begins what is left of the journal should this process be killed.
pub(super) fn begin_diary(
    file: &Path,
    journal: &Path,
    experiment: &Experiment,
    keeper: &Keeper,
) -> Result<Diary, CliError> {
    let secrets = &experiment.secrets;
    let source = |one: &Arc<serde_json::Value>| secrets.redact_value((**one).clone());
    let rollbacks = if experiment.runtime.rollbacks == RollbackStrategy::Never {
        Vec::new()
    } else {
        let rollbacks = experiment.rollbacks.iter();
        rollbacks.map(|activity| source(&activity.source)).collect()
    };
    let begun: io::Result<Diary> = std::path::absolute(file).and_then(|file| {
        let journal_so_far = keeper.so_far().clone();
        let beginning = Beginning {
            file,
            rollbacks,
            journal: journal_so_far,
        };
        Diary::begin(journal, &beginning)
    });
    begun.map_err(|source| CliError::Write {
        path: journal.to_owned(),
        source,
    })
}

/// Tells the runner what the person wants, for as long as it runs.
async fn obey(context: &Context, interrupts: &mut Interrupts, wish: watch::Sender<Cancel>) -> ! {
    interrupts.next().await;
    context
        .out
        .note("ending the faults and playing the rollbacks; once more to leave them out");
    wish.send_replace(Cancel::Gracefully);
    loop {
        interrupts.next().await;
        wish.send_replace(Cancel::Now);
    }
}
