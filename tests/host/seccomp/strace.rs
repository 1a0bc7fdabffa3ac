//! The same calls fail as under the real `strace --inject`.

use std::process::Command;

use anyhow::{Result, ensure};

use super::scene::{close, run};
use crate::stage::Stage;

/// Each makes one call nine times and says each time what came of it.
const CALLS: [(&str, &str); 4] = [
    ("mkdir", "mkdir \"$d/$_\""),
    ("chmod", "chmod(0700, $d)"),
    ("rename", "rename($d, $d)"),
    ("rmdir", "(CORE::mkdir(\"$d/x\"), rmdir(\"$d/x\"))[1]"),
];

const WHENS: [&str; 6] = ["3", "2..5", "2+3", "1..6+2", "4+", "1+"];

const ERRNOS: [&str; 2] = ["EIO", "ENOSPC"];

fn program(call: &str, folder: &tempfile::TempDir) -> String {
    let folder = folder.path().display();
    format!(
        "$d=\"{folder}\"; for (1..9) {{ $!=0; print STDERR \":\", ({call}) ? 0 : $!+0, \"\\n\" }}"
    )
}

fn under_strace(call: &str, errno: &str, when: &str, program: &str) -> Result<Vec<String>> {
    let output = Command::new("strace")
        .args(["-f", "-q", "-o", "/dev/null", "-e"])
        .arg(format!("inject={call}:error={errno}:when={when}"))
        .args(["perl", "-e", program])
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr)?;
    let lines = text.lines().filter_map(|line| line.strip_prefix(':'));
    Ok(lines.map(str::to_owned).collect())
}

#[test]
fn the_same_calls_fail_as_under_strace() -> Result<()> {
    let stage = Stage::set()?;
    for (call, code) in CALLS {
        for (when, errno) in WHENS.into_iter().zip(ERRNOS.into_iter().cycle()) {
            let (theirs, ours) = (tempfile::tempdir()?, tempfile::tempdir()?);
            let expected = under_strace(call, errno, when, &program(code, &theirs))?;
            let script = format!("exec perl -e '{}'", program(code, &ours));
            let given = format!("--syscalls {call} --errno {errno} --when {when}");
            let ran = run(&stage, &given, &script)?;
            let what = format!("{call} {errno} when={when}");
            assert_eq!((ran.lines.len(), &ran.lines), (9, &expected), "{what}");
            let failed = expected.iter().filter(|line| *line != "0").count() as u64;
            assert_eq!(ran.count("injected"), Some(failed), "{what}");
        }
    }
    close(stage)
}
