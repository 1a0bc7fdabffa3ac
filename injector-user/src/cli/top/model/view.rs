//! What can be looked at, and in which order.

/// What the screen is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::top) enum View {
    Targets,
    /// Of one target, or of all.
    Edges(Option<String>),
    Faults,
    /// One target's calls, and the rest of it.
    Target(String),
}

/// Views that have the same columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Targets,
    Edges,
    Faults,
    Calls,
}

/// By which column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::top) struct Sort {
    pub(in crate::cli::top) column: usize,
    /// The greatest first.
    pub(in crate::cli::top) falling: bool,
}

impl View {
    /// Those that Tab goes through.
    pub(in crate::cli::top) const TABS: [Self; 3] =
        [Self::Targets, Self::Edges(None), Self::Faults];

    pub(in crate::cli::top) fn title(&self) -> &'static str {
        match self {
            Self::Targets => "Targets",
            Self::Edges(_) => "Edges",
            Self::Faults => "Faults",
            Self::Target(_) => "Target",
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Targets => Kind::Targets,
            Self::Edges(_) => Kind::Edges,
            Self::Faults => Kind::Faults,
            Self::Target(_) => Kind::Calls,
        }
    }

    /// The tab after this one.
    pub(super) fn next(&self) -> Self {
        match self {
            Self::Targets | Self::Target(_) => Self::Edges(None),
            Self::Edges(_) => Self::Faults,
            Self::Faults => Self::Targets,
        }
    }
}

impl Kind {
    /// Until the user wants another: the busiest first, and faults as they are called.
    pub(super) fn sort(self) -> Sort {
        match self {
            Self::Faults => Sort {
                column: 0,
                falling: false,
            },
            Self::Targets | Self::Edges | Self::Calls => Sort {
                column: if self == Self::Edges { 3 } else { 1 },
                falling: true,
            },
        }
    }
}
