//! Real software under a filter: what it promises is kept, and it needs no C library to feel it.

use anyhow::Result;
use temblor_tests::finish;
use temblor_tests::software::{Policy, Redis, bare};

use super::scene::{close, file, run};
use crate::stage::Stage;

#[test]
fn redis_ends_rather_than_break_its_promise_and_has_all_it_acknowledged() -> Result<()> {
    let stage = Stage::set()?;
    let redis = Redis::make(Policy::Always)?;
    let journal = redis.journal()?.display().to_string();
    let mut words = "inject syscall.error --json --duration 60s --syscalls write --errno ENOSPC"
        .split(' ')
        .collect::<Vec<_>>();
    let command = redis.words();
    words.extend([
        "--when",
        "11+",
        "--backend",
        "seccomp",
        "--path",
        &journal,
        "--",
    ]);
    words.extend(command.iter().map(String::as_str));
    let child = stage.cli().start(&words)?;
    let (kept, refusal) = Redis::write(&mut redis.connect()?, 1..=50);
    assert!(refusal.is_some(), "{kept:?}");
    let said = finish(child)?;
    let report = said.json()?;
    assert_eq!(report["counters"]["outside"], 10, "{report}");
    assert_eq!(report["counters"]["injected"], 1, "{report}");
    let log = redis.log();
    assert!(log.contains("No space left on device"), "{log}");
    assert!(log.contains("fsync policy is 'always'"), "{log}");
    assert!(!kept.is_empty(), "{log}");
    redis.check_kept(&kept)?;
    close(stage)
}

#[test]
fn a_program_without_a_c_library_feels_it() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let path = file(&folder, "file")?;
    let program = bare(folder.path(), &path)?;
    let given = format!("--syscalls openat --errno EIO --path {}", path.display());
    let script = format!("{0}; echo :$? >&2", program.display());
    let ran = run(&stage, &given, &script)?;
    assert_eq!(
        (ran.lines, ran.report["counters"]["injected"].as_u64()),
        (vec!["5".to_owned()], Some(1))
    );
    close(stage)
}
