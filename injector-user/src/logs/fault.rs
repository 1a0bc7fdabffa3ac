//! Why a target's logs cannot be followed.

use std::io;
use std::path::PathBuf;

use injector_core::target::Selector;

use super::find::Unfollowed;
use crate::target::GatherError;

#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    #[error("{target} has no logs")]
    NoLogs { target: Selector },
    #[error("there is no {target}")]
    Nobody { target: Selector },
    #[error("failed to look at this host")]
    Gather(#[from] GatherError),
    #[error("--file: `{}` cannot be followed", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} files are more than the {most} that can be followed", .count)]
    TooMany { count: usize, most: usize },
    #[error("nothing of {target} can be followed: {}", reasons(unfollowed))]
    Nothing {
        target: Selector,
        unfollowed: Vec<Unfollowed>,
    },
}

fn reasons(unfollowed: &[Unfollowed]) -> String {
    const SHOWN: usize = 4;
    let shown = unfollowed.iter().take(SHOWN);
    let mut parts: Vec<String> = shown
        .map(|Unfollowed { source, why }| format!("{source}: {why}"))
        .collect();
    if unfollowed.len() > SHOWN {
        parts.push(format!("and {} more", unfollowed.len() - SHOWN));
    }
    parts.join("; ")
}
