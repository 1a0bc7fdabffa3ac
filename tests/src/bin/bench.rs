//! The benchmarks: run by `cargo xtask bench`.

use std::process::ExitCode;

use clap::Parser as _;
use temblor_tests::bench;

fn main() -> anyhow::Result<ExitCode> {
    bench::run(&bench::Arguments::parse())
}
