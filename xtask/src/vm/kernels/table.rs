//! Which kernels, and where each is from: the table to extend.

/// A kernel to boot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    pub(crate) origin: Origin,
}

/// Where to get it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// The newest of this series that Debian has in one of these suites.
    Debian {
        series: &'static str,
        suites: &'static [&'static str],
    },
    /// From source, with options that no distribution's kernel has.
    Built {
        /// Debian's package of the source.
        package: &'static str,
        suites: &'static [&'static str],
    },
}

/// From the oldest on.
pub(crate) const RELEASES: &[Release] = &[
    debian("5.10", &["bullseye-security"]),
    debian("6.1", &["bookworm-security"]),
    debian("6.12", &["bookworm-backports", "bookworm-security"]),
    debian("6.18", &["trixie-backports"]),
    debian("7.2", &["trixie-backports", "forky"]),
    Release {
        name: "6.12-fi",
        origin: Origin::Built {
            package: "linux-source-6.12",
            suites: &["bookworm-backports", "bookworm-security"],
        },
    },
];

const fn debian(series: &'static str, suites: &'static [&'static str]) -> Release {
    Release {
        name: series,
        origin: Origin::Debian { series, suites },
    }
}

impl Release {
    pub(crate) fn named(name: &str) -> Option<Self> {
        RELEASES
            .iter()
            .find(|release| release.name == name)
            .copied()
    }

    /// In words.
    pub(crate) fn from(&self) -> String {
        let suites = self.suites().join(" or ");
        match self.origin {
            Origin::Debian { .. } => format!("Debian's {suites}"),
            Origin::Built { package, .. } => format!("built from {package} of {suites}"),
        }
    }

    pub(crate) fn suites(&self) -> &'static [&'static str] {
        match self.origin {
            Origin::Debian { suites, .. } | Origin::Built { suites, .. } => suites,
        }
    }
}
