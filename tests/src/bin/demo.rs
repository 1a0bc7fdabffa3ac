//! `cargo xtask demo` runs this as root.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    temblor_tests::demo::run()
}
