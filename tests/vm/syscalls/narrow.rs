//! Which calls of the target are meant: by file, by what the file is, by how many bytes, by whom.

use anyhow::{Context as _, Result};
use injector_user::freezer::Flavour;
use temblor_tests::{Caller, Cgroup, Engine};

use super::call::{CALL, arm, fails, target};

/// Whether the call of a caller, whose file is in `folder`, fails with these parameters.
fn check(folder: &str, more: &[(&str, &str)], expected: bool) -> Result<()> {
    let mut caller = Caller::start_in(folder.as_ref(), 1, &[CALL])?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let armed = arm(&mut client, &target(&caller), more).with_context(|| format!("{more:?}"))?;
    assert_eq!(fails(&mut caller)?, expected, "{more:?}");
    let report = client.stop_one(&armed)?;
    assert_eq!(report.counters.injected, u64::from(expected), "{report:?}");
    engine.end()
}

#[test]
fn a_path_is_a_file_or_a_directory_or_a_pattern() -> Result<()> {
    let (here, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let folder = here.path().to_str().context("a name")?;
    let other = elsewhere.path().to_str().context("a name")?;
    check(folder, &[("path", &format!("{folder}/"))], true)?;
    check(folder, &[("path", &format!("{other}/"))], false)?;
    check(folder, &[("path", &format!("{folder}/**/file"))], true)?;
    check(folder, &[("path", &format!("{folder}/**/gone"))], false)
}

#[test]
fn a_descriptor_is_of_a_kind() -> Result<()> {
    check("/tmp", &[("fd", "file,pipe")], true)?;
    check("/tmp", &[("fd", "socket,directory,other")], false)
}

#[test]
fn a_size_is_a_number_of_bytes() -> Result<()> {
    check("/tmp", &[("size", "8")], true)?;
    check("/tmp", &[("size", "..64")], true)?;
    check("/tmp", &[("size", "9..")], false)
}

#[test]
fn whoever_is_in_the_cgroup_is_meant() -> Result<()> {
    if !Cgroup::is_possible(Flavour::V2)? {
        return Ok(());
    }
    let cgroup = Cgroup::make(Flavour::V2, "calls")?;
    let mut first = Caller::start(1, &[CALL])?;
    cgroup.enter(first.pid())?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let armed = arm(&mut client, &cgroup.target(), &[])?;
    let mut second = Caller::start(1, &[CALL])?;
    assert!(fails(&mut first)?);
    assert!(!fails(&mut second)?);
    cgroup.enter(second.pid())?;
    assert!(fails(&mut second)?);
    client.stop_one(&armed)?;
    assert!(!fails(&mut first)? && !fails(&mut second)?);
    drop((first, second));
    engine.end()
}
