//! Running strace, and reading what it says.

use std::process::{Command, Stdio};

/// Makes every system call once, with -1 for each argument, under a filter that answers such calls with
/// ENOSYS: strace sees them enter, and none is carried out. Two numbers are left out that some kernels
/// carry out past every filter.
const EVERY_CALL: &str = r#"
    my $filter = pack("SCCL" x 6,
        0x20, 0, 0, 16, 0x15, 0, 3, 0xffffffff,
        0x20, 0, 0, 20, 0x15, 0, 1, 0xffffffff,
        0x06, 0, 0, 0x00050026, 0x06, 0, 0, 0x7fff0000);
    my $program = pack("S x6 P48", 6, $filter);
    syscall(157, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!";
    syscall(157, 22, 2, $program, 0, 0) == 0 or die "seccomp: $!";
    for my $number (0 .. 600) {
        syscall($number, -1, -1, -1, -1, -1, -1) unless $number == 335 || $number == 336;
    }
"#;

/// One call, as strace shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) number: u16,
    /// `None` if strace does not know it; such calls are always shown.
    pub(crate) name: Option<String>,
    /// What follows the equals sign.
    pub(crate) result: String,
}

impl Call {
    pub(crate) fn injected(&self) -> bool {
        self.result.ends_with("(INJECTED)")
    }
}

/// The calls of every number, each made once, as traced by `options`; `None`: strace takes no such
/// options.
pub(crate) fn every_call(options: &[&str]) -> Option<Vec<Call>> {
    let calls = ask(options, &["-e", EVERY_CALL])?;
    // Those that perl makes for itself have other arguments, and no reason to be unknown.
    let ours = |call: &Call| call.injected() || call.result.contains("ENOSYS");
    Some(calls.into_iter().filter(ours).collect())
}

/// The calls of one number, made `times` times; `None`: strace takes no such options.
pub(crate) fn one_call(number: u16, times: u32, options: &[&str]) -> Option<Vec<Call>> {
    let script = format!("syscall({number}, -1, -1, -1, -1, -1, -1) for (1 .. {times})");
    let all = ask(options, &["-e", &script])?;
    let calls: Vec<_> = all.into_iter().filter(|it| it.number == number).collect();
    assert_eq!(calls.len(), usize::try_from(times).unwrap(), "{options:?}");
    Some(calls)
}

fn ask(options: &[&str], perl: &[&str]) -> Option<Vec<Call>> {
    let mut strace = Command::new("strace");
    strace
        .args(["--syscall-number", "-qq", "-e", "signal=none"])
        .args(options)
        .arg("perl")
        .args(perl)
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    let output = strace
        .output()
        .expect("strace has to be installed; `cargo xtask setup` does it");
    let said = String::from_utf8(output.stderr).unwrap();
    if !output.status.success() {
        let first = said.lines().next().unwrap_or_default();
        let refuses = ["invalid", "incorrect personality", "regcomp:"];
        let refused = refuses.iter().any(|words| first.contains(words));
        assert!(refused, "{options:?}: {said}");
        return None;
    }
    Some(said.lines().filter_map(call).collect())
}

/// `[  39] getpid()                  = 7`.
fn call(line: &str) -> Option<Call> {
    let (number, rest) = line.strip_prefix('[')?.split_once(']')?;
    let (name, rest) = rest.trim_start().split_once('(')?;
    let (_arguments, result) = rest.rsplit_once(" = ")?;
    Some(Call {
        number: number.trim().parse().ok()?,
        name: (!name.starts_with("syscall_0x")).then(|| name.to_owned()),
        result: result.to_owned(),
    })
}
