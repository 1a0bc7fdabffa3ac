//! What our exit status means: the one table.

/// How a command ended, the worse the later, except for [`Exit::Bug`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    Passed,
    Failed,
    Input,
    Refused,
    Tripped,
    UndoIncomplete,
    Bug,
}

impl Exit {
    pub const ALL: [Self; 7] = [
        Self::Passed,
        Self::Failed,
        Self::Input,
        Self::Refused,
        Self::Tripped,
        Self::UndoIncomplete,
        Self::Bug,
    ];

    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Input => 2,
            Self::Refused => 3,
            Self::Tripped => 4,
            Self::UndoIncomplete => 5,
            Self::Bug => 70,
        }
    }

    /// Of a code that the engine or the runner decided on.
    pub fn of_code(code: u8) -> Self {
        let found = Self::ALL.into_iter().find(|exit| exit.code() == code);
        found.unwrap_or(Self::Bug)
    }

    /// The word for it in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Input => "input",
            Self::Refused => "refused",
            Self::Tripped => "tripped",
            Self::UndoIncomplete => "undo-incomplete",
            Self::Bug => "bug",
        }
    }

    pub fn meaning(self) -> &'static str {
        match self {
            Self::Passed => "done as asked; an experiment's hypothesis held",
            Self::Failed => {
                "an experiment's hypothesis was rejected, or something was tried and failed"
            }
            Self::Input => "the command line or a file is wrong",
            Self::Refused => "clear, but not done: this host cannot, or it would not be safe",
            Self::Tripped => "a circuit breaker ended the experiment",
            Self::UndoIncomplete => {
                "something could not be put back; wins over the others (see `temblor undo`)"
            }
            Self::Bug => "a bug in Temblor",
        }
    }

    /// The table as help shows it.
    pub fn table() -> String {
        let row = |exit: Self| format!("  {:<3} {}", exit.code(), exit.meaning());
        let rows: Vec<_> = Self::ALL.into_iter().map(row).collect();
        format!("Exit status:\n{}", rows.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;
    use crate::protocol::Class;

    #[test]
    fn every_code_is_one_meaning() {
        for exit in Exit::ALL {
            assert_eq!(Exit::of_code(exit.code()), exit);
        }
        assert_eq!(Exit::of_code(99), Exit::Bug);
    }

    #[test]
    fn the_engine_means_the_same_by_its_codes() {
        let exits = [
            Class::Input,
            Class::Refused,
            Class::Failed,
            Class::UndoIncomplete,
        ]
        .map(|class| Exit::of_code(class.exit_code()));
        let expected = [
            Exit::Input,
            Exit::Refused,
            Exit::Failed,
            Exit::UndoIncomplete,
        ];
        assert_eq!(exits, expected);
    }
}
