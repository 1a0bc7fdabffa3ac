//! The `temblor` binary.
use std::process::ExitCode;
fn main() -> anyhow::Result<ExitCode> {
    let dir = std::env::var_os("TEMBLOR_RUN_DIR").unwrap_or("/run/temblor".into());
    injector_user::engine::run(&injector_user::engine::Options {
        run_dir: dir.into(),
        idle_exit: Some(std::time::Duration::from_secs(5)),
    })
}
