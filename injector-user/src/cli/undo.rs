//! `temblor undo`: puts back what an engine that is no more has left.

use super::context::Context;
use super::exit::Exit;
use super::failure::CliError;
use super::style::Style;
use crate::safety::undo::{Effect, Ending, Outcome, recover};

/// Put back what an engine that is gone may have left on this host
///
/// The engine does this itself whenever it starts. What belongs to an engine that runs is kept.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Undo;

/// Exits well if nothing of ours is left on the host, except for what a running engine looks after.
pub(super) fn run(context: &Context, _undo: Undo) -> Result<Exit, CliError> {
    let outcomes = recover(&context.run_dir().join("undo"))?;
    context
        .out
        .result(&outcomes, |style| text(&outcomes, style))?;
    Ok(exit(&outcomes))
}

pub(super) fn exit(outcomes: &[Outcome]) -> Exit {
    if outcomes
        .iter()
        .any(|outcome| outcome.ending.is_incomplete())
    {
        Exit::UndoIncomplete
    } else {
        Exit::Passed
    }
}

pub(super) fn text(outcomes: &[Outcome], style: Style) -> String {
    if outcomes.is_empty() {
        return "the undo log is empty: nothing to put back".to_owned();
    }
    let lines: Vec<String> = outcomes
        .iter()
        .map(|outcome| line(outcome, style))
        .collect();
    lines.join("\n")
}

fn line(outcome: &Outcome, style: Style) -> String {
    let what = match &outcome.effect {
        Some(Effect::Thaw { path, .. }) => format!("freeze of {}", path.display()),
        Some(Effect::RemoveCgroup { path, .. }) => format!("cgroup {}", path.display()),
        Some(Effect::Unhang { netns, .. }) => format!("filters in {}", netns.display()),
        Some(Effect::Continue) => "stopped processes".to_owned(),
        Some(Effect::Answer { path, .. }) => format!("waiting calls in {}", path.display()),
        Some(Effect::EndWorker { worker }) => format!("worker with pid {}", worker.pid),
        Some(Effect::Restore { path, file, .. }) => {
            format!("{file} of {}", path.display())
        }
        None => outcome.file.display().to_string(),
    };
    let ending = match &outcome.ending {
        Ending::Undone => style.good("undone, and seen to be"),
        Ending::Dropped(note) => format!("nothing to undo: {note}"),
        Ending::Kept(note) => format!("kept: {note}"),
        Ending::Failed(note) => style.bad(&format!("not undone: {note}")),
        Ending::SetAside(note) => style.bad(&format!("set aside: {note}")),
    };
    format!("{what}: {ending}")
}
