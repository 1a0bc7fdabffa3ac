//! Experiments that are judged by what targets feel; what is natural for them, and when it comes back.

use std::fs;
use std::io::{self, PipeWriter};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_core::report::Report;
use injector_core::telemetry::{Baseline, Statistic};
use injector_user::sys::poll;
use temblor_tests::order::SocketCall;
use temblor_tests::{Actor, Cgroup, Said, params};

use super::scene::Scene;

/// Between two connections.
const PAUSE: Duration = Duration::from_millis(50);

/// Somebody in the cgroup who connects some twenty times a second; ends with this value.
struct Chatter {
    /// Is closed to end it.
    end: Option<PipeWriter>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Chatter {
    fn start(cgroup: &Cgroup) -> Result<Self> {
        let mut actor = Actor::start()?;
        cgroup.enter(actor.pid())?;
        let to = SocketAddr::from(([127, 0, 0, 1], 9));
        let (until, end) = io::pipe()?;
        let thread = thread::spawn(move || {
            while poll::wait_readable([until.as_fd()], PAUSE)?[0].is_empty() {
                actor.calls(SocketCall::ConnectUdp, to, 1)?;
            }
            actor.end()
        });
        Ok(Self {
            end: Some(end),
            thread: Some(thread),
        })
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        drop(self.end.take());
        // If it ended before, nothing was seen, which the test says.
        let _talked = self.thread.take().map(JoinHandle::join);
    }
}

/// A scene with somebody to observe, and a folder for files.
struct Talk {
    chatter: Chatter,
    scene: Scene,
    folder: tempfile::TempDir,
}

impl Talk {
    fn set() -> Result<Self> {
        let scene = Scene::set(&["getsid"])?;
        Ok(Self {
            chatter: Chatter::start(&scene.cgroup)?,
            folder: tempfile::tempdir()?,
            scene,
        })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Runs an experiment of these lines; what it said, and its report.
    fn run(&self, lines: &str) -> Result<(Said, Report)> {
        let text = format!("title: t\ndescription: d\n{lines}");
        fs::write(self.path("e.yaml"), text)?;
        let (out, file) = (self.path("out"), self.path("e.yaml"));
        let cli = self.scene.stage.cli();
        let said = cli.run(&["run", "--out", &out, &file])?;
        let report = fs::read_to_string(self.path("out/report.json"));
        let report = report.with_context(|| format!("{said:?}"))?;
        Ok((said, serde_json::from_str(&report)?))
    }

    /// How many connections fail, as a claim.
    fn claim(&self, over: &str) -> String {
        let target = self.scene.label();
        format!(
            "'ratio of syscall_errors to syscalls where target=\"{target}\", syscall=connect over {over} < 10%'"
        )
    }

    fn harm(&self) -> String {
        let target = self.scene.label();
        format!(
            "- {{type: action, name: harm, provider: {{type: temblor, fault: sock.error, target: '{target}', \
             operation: connect, errno: ENETUNREACH, duration: 60s}}, pauses: {{after: 5}}}}\n"
        )
    }

    fn close(self) -> Result<()> {
        drop(self.chatter);
        self.scene.close()
    }
}

#[test]
fn a_claim_holds_without_a_fault_and_is_rejected_under_one() -> Result<()> {
    let talk = Talk::set()?;
    let hypothesis = format!(
        "steady-state-hypothesis: {{title: h, probes: [{{type: probe, name: p, provider: {{type: temblor, \
         metric: {}}}}}]}}\n",
        talk.claim("3s")
    );
    let observe = "x-temblor: {observe: {before: 12s, after: 15s}}\n";
    let (said, calm) = talk.run(&format!(
        "{hypothesis}method: [{{type: action, name: n, provider: {{type: process, path: 'true'}}}}]\n{observe}"
    ))?;
    ensure!(said.code == Some(0), "{said:?}");
    let telemetry = calm.telemetry.context("something was observed")?;
    assert_eq!(telemetry.targets, [talk.scene.label()]);
    let (said, harmed) = talk.run(&format!("{hypothesis}method:\n{}{observe}", talk.harm()))?;
    ensure!(said.code == Some(1), "{said:?}");
    assert!(
        harmed.reason.contains("which is not < 10%"),
        "{}",
        harmed.reason
    );
    check_recovery(&harmed)?;
    let markdown = fs::read_to_string(talk.path("out/report.md"))?;
    assert!(markdown.contains("## Recovery"), "{markdown}");
    check_metrics(&fs::read_to_string(talk.path("out/metrics.prom"))?, &harmed)?;
    talk.close()
}

/// What numbers lose as text.
const CLOSE: Duration = Duration::from_micros(1);

/// What a scraper is told of the run, beside what its report says.
fn check_metrics(text: &str, report: &Report) -> Result<()> {
    let value = |start: &str, labels: &str| {
        let mut lines = text.lines().filter(|line| line.starts_with(start));
        let line = lines.find(|line| line.contains(labels))?;
        line.rsplit_once(' ')?.1.parse::<f64>().ok()
    };
    let fault = &report.faults[0];
    let seen = &fault.recoveries.first().context("a recovery")?.recovery;
    // What the report does not know has no line.
    let check = |metric: &str, expected: Option<Duration>| -> Result<()> {
        let told = value(metric, "fault=\"harm\"").map(Duration::from_secs_f64);
        let off = told.zip(expected).map(|(told, known)| told.abs_diff(known));
        let same = told.is_some() == expected.is_some() && off.is_none_or(|off| off < CLOSE);
        ensure!(same, "{metric}: {told:?}, not {expected:?}");
        Ok(())
    };
    check(
        "temblor_run_recovery_detected_seconds{",
        seen.time_to_detect(),
    )?;
    check("temblor_run_recovery_took_seconds{", seen.time_to_recover())?;
    let ended = value("temblor_run_verdict{", "verdict=\"deviated\"");
    ensure!(
        ended.map(|ended| ended.to_string()).as_deref() == Some("1"),
        "{text}"
    );
    Ok(())
}

/// What was injected first, felt first, ended and came back, in this order.
fn check_recovery(report: &Report) -> Result<()> {
    let fault = &report.faults[0];
    let injected = fault.counters.context("it was counted")?.injected;
    assert!(injected > 0);
    let times = fault.times.context("the engine knows when")?;
    let onset = times.injected.context("it injected")?;
    assert!(times.armed.at_ns <= onset.at_ns);
    let seen = &fault
        .recoveries
        .first()
        .context("one target was observed")?
        .recovery;
    assert_eq!(seen.onset, Some(onset));
    let detected = seen.detected.context("it was felt")?;
    let ended = seen.effect_ended.context("it ended")?;
    let order = [onset.at_ns, detected.at_ns, ended.at_ns];
    assert!(order.is_sorted(), "{seen:#?}");
    if let Some(recovered) = seen.recovered {
        assert!(recovered.at_ns >= detected.at_ns);
    }
    let failing = seen.breaches.iter().find(|breach| {
        breach.statistic == Statistic::Failing && breach.series.label("syscall") == Some("connect")
    });
    let failing = failing.context("connections failed")?;
    assert!(
        failing.worst > 0.5 && failing.recovered.is_some(),
        "{failing:?}"
    );
    Ok(())
}

#[test]
fn a_breaker_opens_by_what_a_target_feels() -> Result<()> {
    let talk = Talk::set()?;
    let breakers = format!(
        "x-temblor:\n  breakers: [{{name: b, consecutive: 2, probe: {{type: probe, name: p, provider: \
         {{type: temblor, metric: {}}}}}}}]\n  observe: {{before: 3s, after: 0s}}\n",
        talk.claim("2s")
    );
    let harm = talk.harm().replace("after: 5", "after: 30");
    let (said, report) = talk.run(&format!("method:\n{harm}{breakers}"))?;
    ensure!(said.code == Some(4), "{said:?}");
    assert_eq!(report.breach.context("it opened")?.breaker, "b");
    talk.scene.stage.check_nothing_armed()?;
    talk.close()
}

#[test]
fn what_is_natural_is_kept_and_what_is_not_is_said() -> Result<()> {
    let talk = Talk::set()?;
    let (target, file) = (talk.scene.label(), talk.path("kept/b.json"));
    let signals = ["--duration", "10s", "--signals", "syscalls", "--json"];
    let baseline = |more: &[&str]| {
        let words = [&["baseline", target.as_str()], &signals[..], more].concat();
        talk.scene.stage.cli().run(&words)
    };
    let said = baseline(&["--window", "1s", "--save", &file])?;
    ensure!(said.code == Some(0), "{said:?}");
    let kept: Baseline = serde_json::from_str(&fs::read_to_string(&file)?)?;
    assert_eq!(
        (kept.target.as_str(), kept.window_ns),
        (target.as_str(), 1_000_000_000)
    );
    assert!(kept.windows >= 8 && !kept.bands.is_empty(), "{kept:?}");
    let mut faults = talk.scene.stage.engine.client()?;
    let given = [
        ("target", target.as_str()),
        ("operation", "connect"),
        ("errno", "ENETUNREACH"),
        ("duration", "60s"),
    ];
    let armed = faults.arm(Kind::SockError, &params(given))?;
    let said = baseline(&["--compare", &file])?;
    let report = faults.stop_one(&armed)?;
    assert!(report.counters.injected > 0);
    assert_eq!(said.code, Some(1), "{said:?}");
    let told = said.json()?;
    let outside = told["outside"].as_array().context("a list")?;
    let failing = outside
        .iter()
        .find(|one| one["statistic"] == "failing" && one["series"][1][1] == "connect");
    ensure!(failing.is_some(), "{told:#}");
    let other = talk
        .scene
        .stage
        .cli()
        .run(&["baseline", "host", "--compare", &file])?;
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(
        other.err.contains("this is a baseline of cgroup:"),
        "{other:?}"
    );
    drop(faults);
    talk.close()
}
