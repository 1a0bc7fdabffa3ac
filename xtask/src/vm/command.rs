//! What can be typed.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    exec::say,
    setup::{self, Purpose},
    vm::{
        bench::Bench,
        emulator::Emulator,
        golden, groups,
        kernels::{self, FOLDER, Kernel, RELEASES, Release, Store},
        machines::{Machine, PLAIN, VARIANTS, Variant},
        measure, payload,
        perform::perform,
        report::{Outcome, is_of_the_doctor},
    },
    workspace::Workspace,
};

/// Boot other kernels in emulated machines and run tests in them.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask vm list\n  cargo xtask vm run --kernel 6.12 sock::\n  \
                  cargo xtask vm shell --kernel 5.10\n  cargo xtask test vm    every kernel, as \
                  in CI"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show which kernels there are, and which of them are here.
    #[command(after_help = "Example:\n  cargo xtask vm list")]
    List,
    Run(Run),
    Shell(Shell),
    Kernel(Get),
    Matrix(Asked),
    Bench(measure::Arguments),
    /// Play the demo's part in a guest, and nothing else of it.
    #[command(after_help = "Example:\n  cargo xtask vm demo")]
    Demo,
}

/// Run tests in one guest and show what they say.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask vm run --kernel 6.12    what the ring runs there\n  \
                  cargo xtask vm run --kernel 6.1 --variant cgroup-v1 freeze    tests with \
                  `freeze` in their name"
)]
struct Run {
    #[command(flatten)]
    which: Which,
    /// Kill the guest after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    limit: u64,
    /// Parts of the names of tests, of all that there are; without one, the ring's choice.
    filters: Vec<String>,
}

/// Open a prompt in a guest, with `temblor` in it. `poweroff -f` leaves it, and so does C-a x.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  cargo xtask vm shell --kernel 6.12")]
struct Shell {
    #[command(flatten)]
    which: Which,
}

/// Get a kernel, or build one that no distribution has.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask vm kernel 6.18\n  cargo xtask vm kernel --build \
                  6.12-fi    about 20 minutes on two cores"
)]
struct Get {
    /// Which.
    #[arg(value_name = "KERNEL", value_parser = named)]
    kernel: Release,
    /// Build it from source.
    #[arg(long)]
    build: bool,
}

/// Ask each kernel's doctor which system calls can be made to fail, and compare with what is kept in
/// tests/golden/matrix.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask vm matrix\n  BLESS=1 cargo xtask vm matrix    writes it \
                  anew\n  BLESS=1 cargo xtask vm matrix --kernel 6.12"
)]
struct Asked {
    /// Only this kernel.
    #[arg(long, value_name = "KERNEL", value_parser = named)]
    kernel: Option<Release>,
}

#[derive(Args, Clone, Copy, Debug)]
struct Which {
    /// Which kernel; `cargo xtask vm list` names them.
    #[arg(long, value_name = "KERNEL", value_parser = named)]
    kernel: Release,
    /// How it is started: plain, no-bpf-lsm, cgroup-v1, hybrid or lockdown.
    #[arg(long, value_name = "VARIANT", default_value = PLAIN.name, value_parser = varied)]
    variant: Variant,
}

/// Many times what a guest takes to answer one question.
const ASKED: Duration = Duration::from_mins(3);

/// Does it and returns the exit code.
pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let workspace = Workspace::members()?;
    match &arguments.command {
        Verb::List => {
            list(&workspace);
            Ok(0)
        }
        Verb::Run(run) => tests(&workspace, run),
        Verb::Shell(shell) => prompt(&workspace, shell.which),
        Verb::Kernel(get) => kernel(&workspace, get),
        Verb::Matrix(asked) => matrix(&workspace, asked.kernel),
        Verb::Demo => {
            setup::prepare(&workspace, Purpose::Demo)?;
            Ok(perform(&workspace))
        }
        Verb::Bench(arguments) => measure::run(&workspace, arguments),
    }
}

pub(super) fn named(name: &str) -> Result<Release> {
    Release::named(name).with_context(|| {
        let names: Vec<_> = RELEASES.iter().map(|release| release.name).collect();
        format!("no such kernel; hint: one of {}", names.join(", "))
    })
}

fn varied(name: &str) -> Result<Variant> {
    Variant::named(name).with_context(|| {
        let names: Vec<_> = VARIANTS.iter().map(|variant| variant.name).collect();
        format!(
            "no such variant; hint: {} or {}",
            PLAIN.name,
            names.join(", ")
        )
    })
}

fn list(workspace: &Workspace) {
    let store = Store::new(&workspace.guests());
    println!("{:<9} {:<45} from", "kernel", "here");
    for release in RELEASES {
        let here = store.here(*release);
        let here = here.map_or_else(|| "no".to_owned(), |kernel| kernel.version);
        println!("{:<9} {here:<45} {}", release.name, release.from());
    }
    println!("\nReady kernels, as NAME/vmlinux.zst, are taken from the folder in {FOLDER}.");
}

fn tests(workspace: &Workspace, run: &Run) -> Result<u8> {
    setup::prepare(workspace, Purpose::Test)?;
    let bench = Bench::new(workspace, Emulator::get(workspace)?, payload::Purpose::TEST)?;
    let kernel = bench.store().get(run.which.kernel)?;
    let machine = Machine {
        release: run.which.kernel,
        variant: run.which.variant,
    };
    let steps = match &run.filters[..] {
        [] => groups::orders(machine),
        filters => groups::filtered(filters),
    };
    let guest = bench.guest(&kernel, run.which.variant);
    let limit = Duration::from_secs(run.limit);
    let mut ended = guest.run(&steps, limit, |line| {
        // Kilobytes, which are in the log.
        if !is_of_the_doctor(line) {
            println!("{line}");
        }
    })?;
    golden::check(workspace.root(), machine, &mut ended.report);
    let mut failed = ended.trouble.is_some();
    for (group, outcome) in &ended.report.outcomes {
        match outcome {
            Outcome::Ran(counts) => {
                failed |= counts.failed > 0;
                say(format_args!("{group}: {counts}"));
            }
            Outcome::Refused(reason) => say(format_args!("{group}: refused: {reason}")),
        }
    }
    if let Some(trouble) = &ended.trouble {
        say(format_args!("trouble:\n{trouble}"));
    }
    let took = ended.took.as_secs_f64();
    say(format_args!(
        "{}: {took:.1} s; logs in {}",
        kernel.version,
        guest.folder.display()
    ));
    Ok(u8::from(failed))
}

fn prompt(workspace: &Workspace, which: Which) -> Result<u8> {
    setup::prepare(workspace, Purpose::Test)?;
    let bench = Bench::new(workspace, Emulator::get(workspace)?, payload::Purpose::TEST)?;
    let kernel = bench.store().get(which.kernel)?;
    say("`poweroff -f` leaves the guest, and so does C-a x");
    let shell = ["setsid", "-c", "sh", "-l"];
    let steps = json!([{ "name": "shell", "command": shell, "terminal": true }]);
    bench.guest(&kernel, which.variant).shell(&steps)?;
    Ok(0)
}

/// Every kernel that can be had, or one.
fn matrix(workspace: &Workspace, only: Option<Release>) -> Result<u8> {
    setup::prepare(workspace, Purpose::Test)?;
    let bench = Bench::new(workspace, Emulator::get(workspace)?, payload::Purpose::TEST)?;
    let wanted = RELEASES
        .iter()
        .filter(|release| only.is_none_or(|only| only.name == release.name));
    let mut code = 0;
    for release in wanted {
        let name = release.name;
        match ask(workspace, &bench, *release) {
            Ok(()) => say(format_args!("{name}: as it is kept")),
            Err(error) => {
                code = 1;
                say(format_args!("{name}: {error:#}"));
            }
        }
    }
    Ok(code)
}

/// Whether the doctor's words about one kernel's system calls are as they are kept.
fn ask(workspace: &Workspace, bench: &Bench, release: Release) -> Result<()> {
    let machine = Machine {
        release,
        variant: PLAIN,
    };
    let kernel = bench.store().get(release)?;
    let guest = bench.guest(&kernel, PLAIN);
    let mut ended = guest.run(&groups::matrix(machine), ASKED, |_| {})?;
    golden::check(workspace.root(), machine, &mut ended.report);
    let wrong = ended.trouble.unwrap_or(ended.report.failures);
    ensure!(wrong.is_empty(), "{wrong}");
    Ok(())
}

fn kernel(workspace: &Workspace, get: &Get) -> Result<u8> {
    let mut store = Store::new(&workspace.guests());
    if get.build {
        kernels::build(workspace, &mut store, get.kernel)?;
    }
    let Kernel { name, version, .. } = store.get(get.kernel)?;
    say(format_args!("kernel {name}: {version}"));
    Ok(0)
}
