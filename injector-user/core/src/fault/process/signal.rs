//! Signals by name or number: Linux's table for `x86_64`, which is the generic one.

use std::fmt;
use std::str::FromStr;

use crate::problem::Invalid;
use crate::suggest;

/// A signal that a process can be sent, `1..=64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal(u8);

/// The first real-time signal that a C library leaves to programs; the two below it are its own.
const RT_MIN: u8 = 34;
const RT_MAX: u8 = 64;

const KILL: u8 = 9;
const TERM: u8 = 15;
const STOP: u8 = 19;

impl Signal {
    /// As `kill` takes it.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    /// Whether a process that gets it stands still until it is continued, if nothing else was agreed.
    pub fn stops(self) -> bool {
        (STOP..=22).contains(&self.0)
    }

    /// Whether nothing of a process that gets it is executed any more.
    pub fn kills(self) -> bool {
        self.0 == KILL
    }

    /// Whether it is meant to end a process.
    pub fn ends(self) -> bool {
        [KILL, TERM].contains(&self.0)
    }

    /// Whether a process that has not asked for it ends by it.
    pub fn ends_the_unprepared(self) -> bool {
        // CHLD, CONT, URG and WINCH are ignored; the stopping ones stop.
        !self.stops() && ![17, 18, 23, 28].contains(&self.0)
    }

    fn from_number(number: u8) -> Option<Self> {
        (1..=RT_MAX).contains(&number).then_some(Self(number))
    }
}

impl FromStr for Signal {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unknown = || Invalid::saying(format!("`{text}` is not a signal of Linux"));
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let number = text.parse().ok().and_then(Self::from_number);
            return number.ok_or_else(|| unknown().hint("a number from 1 to 64"));
        }
        let upper = text.to_ascii_uppercase();
        let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
        let names = NAMES.iter().chain(&ALIASES);
        if let Some((number, _)) = names.clone().find(|(_, name)| *name == bare) {
            return Ok(Self(*number));
        }
        if let Some(number) = real_time(bare) {
            return Ok(Self(number));
        }
        let near = suggest::nearest(bare, names.map(|(_, name)| *name));
        Err(unknown().hint(near.map_or_else(
            || "a name such as SIGTERM, or a number from 1 to 64".to_owned(),
            |near| format!("did you mean SIG{near}"),
        )))
    }
}

/// `RTMIN`, `RTMIN+3`, `RTMAX-1`.
fn real_time(bare: &str) -> Option<u8> {
    let number = if let Some(more) = bare.strip_prefix("RTMIN") {
        RT_MIN.checked_add(offset(more, '+')?)?
    } else {
        RT_MAX.checked_sub(offset(bare.strip_prefix("RTMAX")?, '-')?)?
    };
    (RT_MIN..=RT_MAX).contains(&number).then_some(number)
}

fn offset(text: &str, sign: char) -> Option<u8> {
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.strip_prefix(sign)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

impl fmt::Display for Signal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => write!(out, "SIG{name}"),
            None if self.0 == RT_MIN => out.write_str("SIGRTMIN"),
            None if self.0 > RT_MIN => write!(out, "SIGRTMIN+{}", self.0 - RT_MIN),
            // The C library's own have no names.
            None => write!(out, "{}", self.0),
        }
    }
}

/// Other names of the same numbers.
const ALIASES: [(u8, &str); 4] = [(6, "IOT"), (17, "CLD"), (29, "POLL"), (31, "UNUSED")];

#[rustfmt::skip]
const NAMES: [(u8, &str); 31] = [
    (1, "HUP"), (2, "INT"), (3, "QUIT"), (4, "ILL"), (5, "TRAP"), (6, "ABRT"), (7, "BUS"),
    (8, "FPE"), (9, "KILL"), (10, "USR1"), (11, "SEGV"), (12, "USR2"), (13, "PIPE"), (14, "ALRM"),
    (15, "TERM"), (16, "STKFLT"), (17, "CHLD"), (18, "CONT"), (19, "STOP"), (20, "TSTP"),
    (21, "TTIN"), (22, "TTOU"), (23, "URG"), (24, "XCPU"), (25, "XFSZ"), (26, "VTALRM"),
    (27, "PROF"), (28, "WINCH"), (29, "IO"), (30, "PWR"), (31, "SYS"),
];

#[cfg(test)]
mod tests {
    use super::Signal;

    fn check(text: &str, number: i32, shown: &str) {
        let signal: Signal = text.parse().unwrap();
        assert_eq!(
            (signal.number(), signal.to_string().as_str()),
            (number, shown)
        );
    }

    fn check_bad(text: &str, hint: &str) {
        let invalid = text.parse::<Signal>().unwrap_err();
        assert_eq!(
            invalid.message,
            format!("`{text}` is not a signal of Linux")
        );
        assert_eq!(invalid.hint, hint);
    }

    #[test]
    fn names_and_numbers_are_read() {
        check("TERM", 15, "SIGTERM");
        check("sigterm", 15, "SIGTERM");
        check("15", 15, "SIGTERM");
        check("SIGPOLL", 29, "SIGIO");
        check("rtmin", 34, "SIGRTMIN");
        check("SIGRTMIN+3", 37, "SIGRTMIN+3");
        check("RTMAX-1", 63, "SIGRTMIN+29");
        check("64", 64, "SIGRTMIN+30");
        check("33", 33, "33");
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        for text in ["0", "65", "300", "1x"] {
            check_bad(text, "a number from 1 to 64");
        }
        check_bad("SIGTREM", "did you mean SIGTERM");
        for text in ["", "-9", "RTMIN+31", "RTMIN++1", "RTMAX-31", "SIGnothing"] {
            check_bad(text, "a name such as SIGTERM, or a number from 1 to 64");
        }
    }

    #[test]
    fn every_signal_reads_back() {
        for number in 1..=64 {
            let signal: Signal = number.to_string().parse().unwrap();
            check(&signal.to_string(), number, &signal.to_string());
        }
    }

    #[test]
    fn what_a_signal_does_is_known() {
        let all = (1..=64).map(|number: u8| number.to_string().parse::<Signal>().unwrap());
        let names = |which: fn(Signal) -> bool| {
            let found = all.clone().filter(|signal| which(*signal));
            found.map(|signal| signal.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            names(Signal::stops),
            ["SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU"]
        );
        assert_eq!(names(Signal::ends), ["SIGKILL", "SIGTERM"]);
        let harmless = ["SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH"];
        let spared = names(|signal| !signal.ends_the_unprepared() && !signal.stops());
        assert_eq!(spared, harmless);
    }
}
