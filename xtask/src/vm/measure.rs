//! Benchmarks in a guest: figures of mechanisms that this machine's kernel does not have.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::json;

use crate::{
    exec::say,
    setup,
    vm::{
        bench::Bench, command::named, emulator::Emulator, kernels::Release, machines::PLAIN,
        payload::Purpose,
    },
    workspace::Workspace,
};

/// Run benchmarks in a guest, whose clock counts instructions.
#[derive(Args, Debug)]
#[command(
    name = "bench",
    after_help = "Example:\n  cargo xtask vm bench syscall-cost --json target/bench-guest.json"
)]
pub(crate) struct Arguments {
    /// Which kernel.
    #[arg(long, value_name = "KERNEL", value_parser = named, default_value = "6.12-fi")]
    kernel: Release,
    /// Also write the rows (metric, ours, peer, ratio) to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Which benchmarks.
    #[arg(required = true)]
    names: Vec<String>,
}

/// Many times what it takes.
const LIMIT: Duration = Duration::from_mins(20);

/// Where the guest writes its rows, which are then shown to us.
const ROWS: &str = "/tmp/rows.json";

/// Runs them and returns the exit code.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<u8> {
    setup::prepare(workspace, setup::Purpose::Test)?;
    let bench = Bench::new(workspace, Emulator::get(workspace)?, Purpose::BENCH)?;
    let kernel = bench.store().get(arguments.kernel)?;
    let mut command = vec!["bench", "--json", ROWS];
    command.extend(arguments.names.iter().map(String::as_str));
    let steps = json!([
        { "name": "bench", "fault": null, "command": command },
        { "name": "rows", "fault": null, "command": ["cat", ROWS] },
    ]);
    let guest = bench.guest(&kernel, PLAIN);
    let ended = guest.run(&steps, LIMIT, |line| println!("{line}"))?;
    if let Some(trouble) = ended.trouble {
        bail!("{trouble}");
    }
    let rows = ended.report.words.get("rows").map(|words| words.trim());
    if let (Some(rows), Some(file)) = (rows, &arguments.json) {
        fs::write(file, format!("{rows}\n"))
            .with_context(|| format!("write {}", file.display()))?;
    }
    let took = ended.took.as_secs_f64();
    say(format_args!("{}: {took:.0} s", kernel.version));
    Ok(u8::from(!ended.report.failures.is_empty()))
}
