//! The performance from the first look at the host to the last.

use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{TryRecvError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use injector_core::report::{Check, Verdict};
use injector_user::clock::monotonic_ns;
use injector_user::report::write;
use nix::unistd::geteuid;

use super::acts::ACTS;
use super::book::Book;
use super::demo::{Demo, changes};
use super::encore;
use super::interrupt::{Interrupted, Interrupts};
use super::narrator::Narrator;
use super::report::{Tapes, report};
use super::stage::Stage;
use super::temblor::Temblor;
use crate::{Alone, Difference, HostSnapshot, alone, wait_until};

/// Between two looks whether others have ended.
const LOOK: Duration = Duration::from_millis(10);
/// For the kernel to take apart what was let go.
const PATIENCE: Duration = Duration::from_secs(10);

/// Performs everything, writes the report into `out`, and says in the exit code whether all was well.
pub(super) fn perform(out: &Path) -> Result<ExitCode> {
    if !geteuid().is_root() {
        bail!("the demo needs root; hint: `cargo xtask demo` uses sudo");
    }
    let narrator = Narrator::new();
    narrator.title("Temblor: real faults on a real Redis, and nothing left behind");
    let interrupts = Interrupts::catch()?;
    let _alone = stand_alone(&narrator, &interrupts)?;
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let before = HostSnapshot::take(&[])?;
    let (narrator, mut book, tapes, outcome) = on_stage(narrator, interrupts, out);
    curtain(&narrator, &before, &mut book);
    let report = report(&book, tapes.as_ref(), &outcome);
    let files = write(out, &report)?;
    if let Err(error) = &outcome
        && !error.is::<Interrupted>()
    {
        narrator.say("error", format!("{error:#}"));
    }
    summary(&narrator, &book, &report.reason);
    for file in files {
        narrator.say("report", file.display());
    }
    Ok(ExitCode::from(match report.verdict {
        Verdict::Passed => 0,
        other => other.exit_code().max(1),
    }))
}

/// Waits for tests and benchmarks that change the host too, without falling silent.
fn stand_alone(narrator: &Narrator, interrupts: &Interrupts) -> Result<Alone> {
    let (tell, told) = channel();
    thread::spawn(move || {
        // Who waits may have been interrupted.
        drop(tell.send(alone()));
    });
    loop {
        match told.try_recv() {
            Ok(alone) => return alone,
            Err(TryRecvError::Disconnected) => bail!("failed to wait for other tests"),
            Err(TryRecvError::Empty) => {
                narrator.progress(|| "waiting for another test or benchmark to end".to_owned());
                interrupts.wait(LOOK)?;
            }
        }
    }
}

/// Builds the stage, plays, and takes everything down again, however it went.
fn on_stage(
    narrator: Narrator,
    interrupts: Interrupts,
    out: &Path,
) -> (Narrator, Book, Option<Tapes>, Result<()>) {
    let book = Book::open();
    let built = build(&narrator);
    let (temblor, stage, calm) = match built {
        Ok(built) => built,
        Err(error) => return (narrator, book, None, Err(error)),
    };
    let tapes = Tapes {
        a: stage.a.tape().clone(),
        b: stage.b.tape().clone(),
    };
    let mut demo = Demo {
        temblor,
        containers: None,
        stage,
        narrator,
        interrupts,
        book,
        calm,
        out: out.to_owned(),
        well_ns: monotonic_ns(),
        act: "",
    };
    let outcome = play(&mut demo);
    let Demo {
        temblor,
        stage,
        narrator,
        book,
        ..
    } = demo;
    // The engine first: nothing may act on what goes next.
    drop(temblor);
    drop(stage);
    (narrator, book, Some(tapes), outcome)
}

fn build(narrator: &Narrator) -> Result<(Temblor, Stage, HostSnapshot)> {
    let temblor = Temblor::new()?;
    let stage = Stage::build(&|label, text| narrator.say(label, text))?;
    narrator.say(
        "engine",
        format!("on demand, TEMBLOR_RUN_DIR={}", temblor.folder().display()),
    );
    let calm = HostSnapshot::take(&stage.world.names())?;
    Ok((temblor, stage, calm))
}

fn play(demo: &mut Demo) -> Result<()> {
    for (number, act) in (1..).zip(&ACTS) {
        act.perform(demo, number)?;
    }
    encore::play(demo)
}

/// Looks whether the host is as it was before the demo.
fn curtain(narrator: &Narrator, before: &HostSnapshot, book: &mut Book) {
    narrator.title("The host after all that");
    let mut last = Difference::default();
    let same = wait_until("the host is as it was", PATIENCE, || {
        HostSnapshot::take(&[]).is_ok_and(|now| {
            last = changes(before, &now);
            last.is_empty()
        })
    });
    let items: Vec<String> = match &same {
        Ok(_) => Vec::new(),
        Err(_) => last.to_string().lines().map(str::to_owned).collect(),
    };
    let check = Check {
        about: Some("in the end".to_owned()),
        name: "the host is as it was".to_owned(),
        passed: same.is_ok(),
        detail: if items.is_empty() {
            "links, qdiscs, filters, routes, cgroups and freezers, nft and iptables, namespaces, BPF programs, maps, links and pins, mounts, sysctls".to_owned()
        } else {
            items.join("; ")
        },
    };
    narrator.check(&check);
    book.checks.push(check);
    book.left = Some(items);
}

fn summary(narrator: &Narrator, book: &Book, reason: &str) {
    narrator.title(format!("In the end {reason}"));
    for check in book.checks.iter().filter(|check| !check.passed) {
        narrator.check(check);
    }
    narrator.say("took", format!("{:.0} s", book.ms(monotonic_ns()) / 1e3));
}
