//! What a real Prometheus makes of `temblor metrics`: the effect of a fault, and every query of the
//! dashboard.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStderr, Command};

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use nix::sys::signal::Signal;
use serde_json::Value;
use temblor_tests::order::SocketCall;
use temblor_tests::{Actor, Armed, Cgroup, Client, Prometheus, params, signal};

use super::logs::Writer;
use super::stage::Stage;

/// Of no call that is made here by itself.
const EHWPOISON: i32 = 133;

const DASHBOARD: &str = include_str!("../../deploy/dashboards/temblor.json");

/// A cgroup with one process in it, which ends with the stage.
fn home(name: &str, pid: i32) -> Result<Cgroup> {
    let cgroup = Cgroup::make(Flavour::V2, name)?;
    cgroup.enter(pid)?;
    Ok(cgroup)
}

/// Who asks for one connection, and what they get.
struct Asking<'a> {
    actor: &'a mut Actor,
    to: SocketAddr,
    /// How often it was the error that is injected.
    poisoned: u32,
}

impl Asking<'_> {
    fn ask(&mut self) -> Result<()> {
        let got = self.actor.calls(SocketCall::Connect, self.to, 1)?;
        let was_poisoned = got == [EHWPOISON];
        ensure!(was_poisoned || got == [0], "{got:?}");
        self.poisoned += u32::from(was_poisoned);
        Ok(())
    }
}

/// `temblor metrics` until it is ended; what it says is not read on.
pub(crate) struct Served {
    child: Child,
    _says: BufReader<ChildStderr>,
    pub(crate) address: SocketAddr,
}

impl Drop for Served {
    fn drop(&mut self) {
        // What has ended already is as good.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

impl Served {
    pub(crate) fn start(stage: &Stage, targets: &[&str]) -> Result<Self> {
        let observe = targets.iter().flat_map(|target| ["--observe", target]);
        Self::start_with(stage, &observe.collect::<Vec<_>>())
    }

    fn start_with(stage: &Stage, more: &[&str]) -> Result<Self> {
        let words = [&["metrics", "--listen", "127.0.0.1:0"], more].concat();
        let mut child = stage.cli().start(&words)?;
        let mut says = BufReader::new(child.stderr.take().context("stderr is piped")?);
        let mut line = String::new();
        says.read_line(&mut line)?;
        let address = line.trim().strip_prefix("serving http://");
        let address = address.and_then(|rest| rest.strip_suffix("/metrics"));
        let address = address.with_context(|| line.clone())?.parse()?;
        Ok(Self {
            child,
            _says: says,
            address,
        })
    }

    pub(crate) fn end(mut self) -> Result<()> {
        signal(self.child.id().cast_signed(), Signal::SIGINT)?;
        let status = self.child.wait()?;
        ensure!(status.code() == Some(0), "{status}");
        Ok(())
    }
}

/// Lets `connect` of `who` fail.
fn poison(client: &mut Client, who: &str, more: &[(&str, &str)]) -> Result<Armed> {
    let given = [
        ("target", who),
        ("syscalls", "connect"),
        ("errno", "EHWPOISON"),
        ("duration", "10m"),
        ("owner", "a-test"),
    ];
    let given = given.into_iter().chain(more.to_vec());
    client.arm(Kind::SyscallError, &params(given))
}

fn connects(who: &str) -> String {
    format!("increase(temblor_syscalls_total{{target=\"{who}\",syscall=\"connect\"}}[1m]) > 0")
}

fn poisoned(who: &str) -> String {
    format!(
        "temblor_syscall_errors_total{{target=\"{who}\",syscall=\"connect\",errno=\"EHWPOISON\"}}"
    )
}

#[test]
fn an_injected_error_is_answered_for_its_target_and_not_for_its_sibling() -> Result<()> {
    let mut stage = Stage::set()?;
    let homes = [
        home("prom-one", stage.client.pid())?,
        home("prom-two", stage.other.pid())?,
    ];
    let [one, two] = homes.each_ref().map(Cgroup::target);
    let served = Served::start(&stage, &[&one, &two])?;
    let mut client = stage.engine.client()?;
    let prometheus = Prometheus::start(&stage.world.host.netns, served.address)?;
    let to = stage.echoes[0];
    let asking = |actor| Asking {
        actor,
        to,
        poisoned: 0,
    };
    let (mut target, mut sibling) = (asking(&mut stage.client), asking(&mut stage.other));
    for who in [&one, &two] {
        prometheus.await_some(&connects(who), || target.ask().and_then(|()| sibling.ask()))?;
    }
    let nothing = "temblor_fault_active or temblor_syscall_errors_total{errno=\"EHWPOISON\"}";
    assert_eq!(prometheus.ask(nothing)?, []);
    let armed = poison(&mut client, &one, &[])?;
    let rose = format!("increase({}[1m]) > 0", poisoned(&one));
    prometheus.await_some(&rose, || target.ask().and_then(|()| sibling.ask()))?;
    check_rules(&prometheus, [&one, &two], &mut target)?;
    let exactly = format!("{} == {}", poisoned(&one), target.poisoned);
    prometheus.await_some(&exactly, || Ok(()))?;
    check_fault(&prometheus, &armed.fault, &one, target.poisoned)?;
    assert_eq!(sibling.poisoned, 0);
    assert_eq!(prometheus.ask(&poisoned(&two))?, []);
    assert_eq!(prometheus.ask(&connects(&two))?.len(), 1);
    client.stop_one(&armed)?;
    let before = target.poisoned;
    let over = "absent(temblor_fault_active) and on () temblor_engine_up == 1";
    prometheus.await_some(over, || target.ask())?;
    assert_eq!(target.poisoned, before);
    assert_eq!(prometheus.ask(&exactly)?.len(), 1);
    drop(prometheus);
    served.end()?;
    stage.client.end()?;
    stage.other.end()?;
    drop(homes);
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn what_a_target_logs_is_answered_by_level_and_template() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let mut writer = Writer::start(&folder.path().join("log"))?;
    let target = writer.target();
    let served = Served::start_with(&stage, &["--logs", &target])?;
    let prometheus = Prometheus::start(&stage.world.host.netns, served.address)?;
    for number in 0..3 {
        writer.log(&format!("ERROR request {number} failed"))?;
    }
    writer.log("INFO done")?;
    let by_level = |level, lines| {
        format!("temblor_log_lines_total{{target=\"{target}\",level=\"{level}\"}} == {lines}")
    };
    prometheus.await_some(&by_level("error", 3), || Ok(()))?;
    prometheus.await_some(&by_level("info", 1), || Ok(()))?;
    let template = "template=\"ERROR request <num> failed\"";
    let of_template = format!("temblor_log_template_lines_total{{{template}}} == 3");
    assert_eq!(prometheus.ask(&of_template)?.len(), 1);
    drop(prometheus);
    served.end()?;
    drop(writer);
    stage.close()
}

/// What is said of the fault itself.
fn check_fault(
    prometheus: &Prometheus<'_>,
    fault: &str,
    target: &str,
    injected: u32,
) -> Result<()> {
    for question in [
        format!("temblor_fault_active{{kind=\"syscall.error\",fault=\"{fault}\"}} == 1"),
        format!("temblor_fault_info{{fault=\"{fault}\",target=\"{target}\",owner=\"a-test\"}}"),
        format!("temblor_fault_injected_total{{fault=\"{fault}\"}} == {injected}"),
    ] {
        let answer = prometheus.ask(&question)?;
        assert_eq!(answer.len(), 1, "{question}: {answer:?}");
    }
    Ok(())
}

/// What the rules that are deployed make of it.
fn check_rules(
    prometheus: &Prometheus<'_>,
    [one, two]: [&str; 2],
    target: &mut Asking<'_>,
) -> Result<()> {
    let ratio =
        |who: &str| format!("target:temblor_syscall_errors:ratio_rate1m{{target=\"{who}\"}} > 0");
    let firing = "ALERTS{alertname=\"TemblorFaultActive\",alertstate=\"firing\"}";
    for question in [&ratio(one), firing] {
        prometheus.await_some(question, || target.ask())?;
    }
    assert_eq!(prometheus.ask(&ratio(two))?, []);
    Ok(())
}

/// Metrics of which nothing can be provoked here: a disk that fails, a name server, code of 32 bits, delays, want of
/// memory, and pressure, of which not every kernel tells.
const NOT_PROVOKED: [&str; 10] = [
    "temblor_block_errors_total",
    "temblor_dns_answers_total",
    "temblor_memory_events_total",
    "temblor_pressure_ratio",
    "temblor_fault_foreign_total",
    "temblor_fault_missed_total",
    "temblor_fault_felt_before_seconds",
    "temblor_fault_felt_asked_seconds",
    "temblor_fault_slept_seconds",
    "temblor_fault_slept_asked_seconds",
];

#[test]
fn every_query_of_the_dashboard_is_answered() -> Result<()> {
    let mut stage = Stage::set()?;
    let homes = [
        home("prom-busy", stage.client.pid())?,
        home("prom-hit", stage.other.pid())?,
    ];
    let [busy, hit] = homes.each_ref().map(Cgroup::target);
    let served = Served::start(&stage, &[&busy, &hit])?;
    let mut client = stage.engine.client()?;
    let armed = poison(&mut client, &hit, &[("probability", "50%")])?;
    let questions = questions()?;
    ensure!(questions.len() > 50, "{questions:?}");
    let prometheus = Prometheus::start(&stage.world.host.netns, served.address)?;
    let (to, closed) = (stage.echoes[0], nobody_there()?);
    let (actor, sufferer) = (&mut stage.client, &mut stage.other);
    let mut live = || -> Result<()> {
        sufferer.calls(SocketCall::Connect, to, 2)?;
        actor.tcp_times(to, 1)?;
        actor.datagrams(to, 1)?;
        actor.calls(SocketCall::Connect, closed, 1)?;
        run_in(homes[0].folder(), "true")
    };
    for question in &questions {
        if NOT_PROVOKED.iter().any(|name| question.contains(name)) {
            prometheus.ask(question)?;
        } else {
            prometheus.await_some(question, &mut live)?;
        }
    }
    client.stop_one(&armed)?;
    drop(prometheus);
    served.end()?;
    stage.client.end()?;
    stage.other.end()?;
    drop(homes);
    stage.check_nothing_armed()?;
    stage.close()
}

/// Every query with the variables as they are when everything is chosen.
fn questions() -> Result<BTreeSet<String>> {
    let dashboard: Value = serde_json::from_str(DASHBOARD)?;
    let mut found = Vec::new();
    under(&dashboard, "expr", &mut found);
    let variables = &dashboard["templating"]["list"];
    let values = variables[1]["definition"]
        .as_str()
        .context("a definition")?;
    let series = values.strip_prefix("label_values(");
    let series = series.and_then(|rest| rest.strip_suffix(", target)"));
    found.push(format!(
        "group by (target) ({})",
        series.context("a label")?
    ));
    let bound = |text: String| {
        text.replace("$target", ".*")
            .replace("$__rate_interval", "1m")
    };
    Ok(found.into_iter().map(bound).collect())
}

fn under(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| under(item, key, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if let (true, Some(text)) = (name == key, field.as_str()) {
                    found.push(text.to_owned());
                }
                under(field, key, found);
            }
        }
        _ => {}
    }
}

/// An address of the client's own at which nobody listens.
fn nobody_there() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

/// Runs a program that is in the cgroup when it is executed.
fn run_in(folder: &Path, program: &str) -> Result<()> {
    let mut command = Command::new("sh");
    command.args(["-c", r#"echo 0 > "$0"; "$1"; exit 3"#]);
    command.arg(folder.join("cgroup.procs")).arg(program);
    let status = command.status()?;
    ensure!(status.code() == Some(3), "{status}");
    Ok(())
}
