//! What a guest says, kept in a file while it is said: somebody may want to know what takes so long.

use std::{
    fs::File,
    io::{self, Write as _},
    mem,
};

use crate::vm::report::Report;

/// A guest's words so far, and what they mean.
#[derive(Debug)]
pub(crate) struct Transcript {
    pub(crate) report: Report,
    pub(crate) words: String,
    file: File,
    written: io::Result<()>,
}

impl Transcript {
    pub(crate) fn to(file: File) -> Self {
        Self {
            report: Report::default(),
            words: String::new(),
            file,
            written: Ok(()),
        }
    }

    /// Takes in one line.
    pub(crate) fn hear(&mut self, line: &str) {
        self.report.hear(line);
        self.words += line;
        self.words.push('\n');
        if self.written.is_ok() {
            self.written = writeln!(self.file, "{line}");
        }
    }

    /// Whether all of it is in the file.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        mem::replace(&mut self.written, Ok(()))
    }
}
