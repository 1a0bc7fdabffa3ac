//! Commands that are killed exactly before one of their calls.

use anyhow::Result;

use super::scene::close;
use crate::stage::Stage;

/// Killed at the fourth write to a file of this kind: how many lines are in the file, how many are told.
fn check(kind: &str, signal: &str, expected: (usize, usize)) -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("lines");
    let script = "for i in 0 1 2 3 4 5; do echo $i >&3; echo :$i >&2; done 3>>\"$0\"";
    let given =
        "inject process.crash --json --duration 60s --syscalls write --when 4 --backend seccomp";
    let mut words: Vec<&str> = given.split_whitespace().collect();
    let file = path.display().to_string();
    words.extend([
        "--fd", kind, "--signal", signal, "--", "sh", "-c", script, &file,
    ]);
    let said = stage.cli().run(&words)?;
    let report = said.json()?;
    let told = said
        .err
        .lines()
        .filter(|line| line.starts_with(':'))
        .count();
    let written = std::fs::read_to_string(&path)?.lines().count();
    assert_eq!((written, told), expected, "{said:?}");
    assert_eq!(report["counters"]["injected"], 1, "{report}");
    let number: injector_core::fault::process::Signal =
        signal.parse().map_err(anyhow::Error::msg)?;
    assert_eq!(report["command"]["signal"], number.number(), "{report}");
    close(stage)
}

#[test]
fn three_lines_are_in_the_file_and_the_fourth_is_not() -> Result<()> {
    check("file", "KILL", (3, 3))
}

#[test]
fn three_lines_have_come_through_the_pipe_and_the_fourth_has_not() -> Result<()> {
    check("pipe", "KILL", (4, 3))
}

#[test]
fn another_signal_ends_it_too() -> Result<()> {
    check("file", "SEGV", (3, 3))
}

#[test]
fn so_does_a_real_time_signal() -> Result<()> {
    check("file", "RTMIN", (3, 3))
}
