//! Every parameter of every fault, right and wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::latency::{Latency, Shape};
use super::net::{Delay, Direction, Filter, Protocol, Reorder};
use super::process::Volleys;
use super::*;
use crate::document;
use crate::problem::{Place, Problem};
use crate::target::{Choice, Mode, Weigh};
use crate::units::Probability;

fn flags(text: &str) -> BTreeMap<String, Given> {
    let pairs = text
        .split_whitespace()
        .map(|pair| pair.split_once('=').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), Given::flag(name, value)))
        .collect()
}

fn check(kind: Kind, text: &str) -> FaultSpec {
    parse(kind, &flags(text))
        .map_err(|problems| problems.render())
        .unwrap()
}

/// `expected` holds for each problem the line and, after ` | `, its hint.
fn check_bad(kind: Kind, text: &str, expected: &[&str]) {
    let problems = parse(kind, &flags(text)).unwrap_err();
    let found: Vec<_> = problems
        .into_iter()
        .map(|problem| match &problem.hint {
            Some(hint) => format!("{problem} | {hint}"),
            None => problem.to_string(),
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn a_delay_is_read_whole() {
    let spec = check(
        Kind::NetDelay,
        "target=netns:blue duration=60s latency=20ms jitter=5ms distribution=normal \
         correlation=25% reorder=50% gap=5 \
         peers=10.0.0.0/24,::1 ports=6379 protocol=tcp direction=both probability=50% when=2+ \
         max_hits=7 seed=0x2a delay=1s owner=me all=true",
    );
    let expected = FaultSpec {
        target: "netns:blue".parse().unwrap(),
        action: Action::NetDelay(Delay {
            filter: Filter {
                peers: vec!["10.0.0.0/24".parse().unwrap(), "::1".parse().unwrap()],
                ports: vec!["6379".parse().unwrap()],
                protocol: Some(Protocol::Tcp),
                direction: Direction::Both,
            },
            latency: Latency {
                mean: Duration::from_millis(20),
                jitter: Duration::from_millis(5),
                shape: Shape::Normal,
            },
            correlation: Some(Probability::new(0.25).unwrap()),
            reorder: Some(Reorder {
                probability: Probability::new(0.5).unwrap(),
                gap: 5,
            }),
        }),
        common: Common {
            probability: Probability::new(0.5).unwrap(),
            when: "2+".parse().unwrap(),
            max_hits: Some(7),
            seed: Some(42),
            delay: Duration::from_secs(1),
            duration: Duration::from_mins(1),
            owner: Some("me".to_owned()),
            all: true,
            choice: Choice::default(),
            allow_lockout: false,
            long: false,
        },
        places: spec.places.clone(),
    };
    assert_eq!(spec, expected);
}

#[test]
fn defaults_are_left_out_of_the_parameters() {
    let spec = check(
        Kind::NetLoss,
        "target=pid:7 duration=90s probability=100% when=1+ delay=0s direction=out long=false",
    );
    let params: Vec<_> = spec.to_params().into_iter().collect();
    let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    assert_eq!(params, [pair("duration", "90s"), pair("target", "pid:7")]);
}

#[test]
fn everything_wrong_is_said_at_once() {
    check_bad(
        Kind::NetDelay,
        "target=redis latecny=20ms jitter=5 probability=10 ports=http",
        &[
            "--latecny: net.delay has no parameter `latecny` | did you mean `--latency`",
            "--target: `redis` does not say what kind of target it is | did you mean \
             container:redis, unit:redis or comm:redis",
            "--duration: net.delay needs `duration` | for example --duration 60s",
            "--probability: `10` is not between 0 and 1 | did you mean 10%",
            "--ports: `http` is not a port or a range of ports | 1 to 65535, for example 6379 or \
             8000-8010",
            "--latency: net.delay needs `latency` | for example --latency 20ms",
            "--jitter: `5` has no unit | for example 5ms or 5s",
        ],
    );
}

#[test]
fn a_parameter_of_another_fault_is_recognised() {
    check_bad(
        Kind::NetLoss,
        "target=pid:7 duration=1s latency=20ms operation=connect colour=red",
        &[
            "--colour: net.loss has no parameter `colour` | it has --target, --duration, --peers, \
             --ports, --protocol, --direction, --correlation, --p, --r, --1-h, --1-k, --visible, --probability, --when, --max-hits, --seed, --delay, \
             --owner, --all, --allow-lockout, --long, --mode, --mode-value, --weigh",
            "--latency: net.loss has no parameter `latency` | it belongs to net.delay and syscall.delay and disk.slow",
            "--operation: net.loss has no parameter `operation` | it belongs to sock.error and disk.error and disk.slow",
        ],
    );
}

#[test]
fn nothing_given_is_everything_missing() {
    check_bad(
        Kind::ProcessFreeze,
        "",
        &[
            "--target: process.freeze needs `target` | for example --target cgroup:/web",
            "--duration: process.freeze needs `duration` | for example --duration 60s",
            "--active: process.freeze needs `active` | for example --active 200ms",
            "--dormant: process.freeze needs `dormant` | for example --dormant 800ms",
        ],
    );
}

#[test]
fn durations_have_limits() {
    let loss = |rest: &str, expected: &[&str]| {
        check_bad(Kind::NetLoss, &format!("target=pid:7 {rest}"), expected);
    };
    loss(
        "duration=2h",
        &["--duration: `2h` is not between 1ms and 1h | \
           a fault lasts at most 1h unless `long` is given"],
    );
    loss(
        "duration=0s",
        &["--duration: `0s` is not between 1ms and 1h | at least 1ms"],
    );
    loss(
        "duration=721h long=true",
        &["--duration: `721h` is not between 1ms and 720h | at most 720h"],
    );
    loss(
        "duration=1s delay=61m",
        &["--delay: `61m` is not between 0s and 1h | at most 1h"],
    );
    check(Kind::NetLoss, "target=pid:7 duration=2h long=true");
    check(Kind::NetLoss, "target=pid:7 duration=1h");
}

#[test]
fn common_values_are_checked() {
    check_bad(
        Kind::NetLoss,
        "target=pid:7 duration=1s when=0 max_hits=0 seed=-1 owner=a,b all=yes",
        &[
            "--when: first in `0` is not between 1 and 65535 | a whole number from 1 to 65535, as in 3, 2..5 or 10+5",
            "--max-hits: `0` hits would never do anything | at least 1",
            "--seed: `-1` is not a seed | a whole number from 0 to 18446744073709551615",
            "--owner: `a,b` is not a label | 1 to 64 letters, digits or any of . _ - @ / :",
            "--all: `yes` is neither true nor false | true, or leave it away",
        ],
    );
}

#[test]
fn impossible_packet_filters_are_refused() {
    let delay = |rest: &str, expected: &[&str]| {
        let text = format!("target=pid:7 duration=1s {rest}");
        check_bad(Kind::NetDelay, &text, expected);
    };
    delay(
        "latency=20ms protocol=icmp ports=7",
        &["--ports: icmp has no ports | leave `ports` or `protocol: icmp` away"],
    );
    delay(
        "latency=20ms distribution=normal",
        &[
            "--distribution: a distribution means nothing without jitter | \
           add `jitter`, for example 5ms",
        ],
    );
    delay(
        "latency=20ms jitter=21ms",
        &["--jitter: a jitter of 21ms is more than the latency of 20ms | at most 20ms"],
    );
    delay(
        "latency=9us",
        &["--latency: `9us` is not between 10us and 10s | at least 10us"],
    );
    delay(
        "latency=11s",
        &["--latency: `11s` is not between 10us and 10s | at most 10s"],
    );
    delay(
        "latency=20ms direction=up protocol=sctp",
        &[
            "--protocol: `sctp` is not a protocol | one of tcp, udp, icmp",
            "--direction: `up` is not a direction | one of out, in, both",
        ],
    );
}

#[test]
fn impossible_socket_errors_are_refused() {
    let sock = |rest: &str, expected: &[&str]| {
        let text = format!("target=cgroup:/a duration=1s {rest}");
        check_bad(Kind::SockError, &text, expected);
    };
    sock(
        "operation=socket,connect errno=EPERM ports=80 peers=::1",
        &[
            "--peers: a socket that is being made has no address yet | \
             leave `peers` or the operation `socket` away",
            "--ports: a socket that is being made has no address yet | \
             leave `ports` or the operation `socket` away",
        ],
    );
    sock(
        "operation=accept errno=ECONREFUSED",
        &[
            "--operation: `accept` is not a socket operation | \
             one of connect, bind, sendmsg, socket",
            "--errno: `ECONREFUSED` is not an errno of Linux | did you mean ECONNREFUSED",
        ],
    );
    sock(
        "",
        &[
            "--operation: sock.error needs `operation` | for example --operation connect",
            "--errno: sock.error needs `errno` | for example --errno ECONNREFUSED",
        ],
    );
}

#[test]
fn impossible_pulses_are_refused() {
    let freeze = |rest: &str, expected: &[&str]| {
        let text = format!("target=cgroup:/a duration=10s {rest}");
        check_bad(Kind::ProcessFreeze, &text, expected);
    };
    let missing = "--dormant: process.freeze needs `dormant` | for example --dormant 800ms";
    freeze("active=1s", &[missing]);
    freeze("active=1s count=2", &[missing]);
    freeze(
        "active=11s count=1",
        &["--active: a pulse of 11s does not fit into the duration of 10s | at most 10s"],
    );
    freeze(
        "active=500us dormant=2h count=0",
        &[
            "--active: `500us` is not between 1ms and 1h | at least 1ms",
            "--dormant: `2h` is not between 1ms and 1h | at most 1h",
            "--count: `0` is not a number of pulses or rounds | a whole number from 1 on",
        ],
    );
    check(
        Kind::ProcessFreeze,
        "target=cgroup:/a duration=10s active=1s count=1",
    );
}

#[test]
fn a_signal_is_read_whole() {
    let text = "target=pid:7 duration=10s signal=usr1 interval=2s count=3 stagger=50ms";
    let Action::ProcessSignal(volleys) = check(Kind::ProcessSignal, text).action else {
        panic!("{text} is a signal");
    };
    let expected = Volleys {
        signal: "10".parse().unwrap(),
        interval: Some(Duration::from_secs(2)),
        count: Some(3),
        stagger: Duration::from_millis(50),
    };
    assert_eq!(volleys, expected);
}

#[test]
fn impossible_rounds_are_refused() {
    let signal = |rest: &str, expected: &[&str]| {
        let text = format!("target=cgroup:/a duration=10s {rest}");
        check_bad(Kind::ProcessSignal, &text, expected);
    };
    signal(
        "",
        &["--signal: process.signal needs `signal` | for example --signal SIGUSR1"],
    );
    signal(
        "signal=HUPP count=2",
        &[
            "--signal: `HUPP` is not a signal of Linux | did you mean SIGHUP",
            "--count: more than one round needs `interval` | add `interval`, such as 5s",
        ],
    );
    signal(
        "signal=1 interval=500us stagger=2h",
        &[
            "--interval: `500us` is not between 1ms and 1h | at least 1ms",
            "--stagger: `2h` is not between 0s and 1h | at most 1h",
        ],
    );
    check(
        Kind::ProcessSignal,
        "target=pid:7 duration=1s signal=64 count=1",
    );
}

#[test]
fn problems_of_a_document_stand_where_the_value_stands() {
    let text = "method:\n- provider:\n    fault: net.loss\n    target: pid:x\n    ports: [80, http]\n    peers: {a: 1}\n";
    let node = document::read(text, Some("x.yaml")).unwrap();
    let provider = node.get("method").unwrap().as_list().unwrap()[0].get("provider");
    let place = Place::file(Some("x.yaml"))
        .key("method")
        .index(0)
        .key("provider");
    let mut params = BTreeMap::new();
    let mut found = Vec::new();
    for entry in &provider.unwrap().as_map().unwrap()[1..] {
        match Given::from_node(&entry.value, &place.key(&entry.key)) {
            Ok(given) => drop(params.insert(entry.key.clone(), given)),
            Err(problem) => found.push(problem.to_string()),
        }
    }
    let problems = parse(Kind::NetLoss, &params).unwrap_err();
    found.extend(problems.0.iter().map(ToString::to_string));
    assert_eq!(
        found,
        [
            "x.yaml:6:12: method[0].provider.peers: a mapping cannot be the value of a parameter",
            "x.yaml:4:13: method[0].provider.target: `x` is not a process id",
            "x.yaml:4: method[0].provider.duration: net.loss needs `duration`",
            "x.yaml:5:12: method[0].provider.ports: `http` is not a port or a range of ports",
        ]
    );
}

#[test]
fn an_unknown_fault_is_refused_with_the_nearest() {
    let invalid = "net.dealy".parse::<Kind>().unwrap_err();
    assert_eq!(invalid.message, "`net.dealy` is not a fault");
    assert_eq!(invalid.hint, "did you mean `net.delay`");
}

#[test]
fn a_choice_is_read_and_written() {
    let check_choice = |text: &str, mode, weigh| {
        let given = format!("target=comm:~web duration=5s {text}");
        let spec = check(Kind::NetLoss, &given);
        assert_eq!(spec.common.choice, Choice { mode, weigh }, "{text}");
        let params = spec.to_params();
        let again = params
            .iter()
            .map(|(name, text)| (name.clone(), Given::flag(name, text)));
        assert_eq!(parse(Kind::NetLoss, &again.collect()), Ok(spec), "{text}");
    };
    check_choice("", None, Weigh::Equal);
    check_choice("mode=all", Some(Mode::All), Weigh::Equal);
    check_choice("mode=one weigh=cpu", Some(Mode::One), Weigh::Cpu);
    check_choice(
        "mode=fixed mode_value=3",
        Some(Mode::Fixed(3)),
        Weigh::Equal,
    );
    check_choice(
        "mode=fixed-percent mode_value=50% weigh=memory",
        Some(Mode::FixedPercent(50)),
        Weigh::Memory,
    );
    check_choice(
        "mode=random-max-percent mode_value=100",
        Some(Mode::RandomMaxPercent(100)),
        Weigh::Equal,
    );
}

#[test]
fn a_choice_that_cannot_be_says_why() {
    let bad = |text: &str, expected: &[&str]| {
        let given = format!("target=comm:~web duration=5s {text}");
        check_bad(Kind::NetLoss, &given, expected);
    };
    bad(
        "mode=fixed",
        &["--mode-value: `mode` fixed needs `mode_value` | how many, such as 2"],
    );
    bad(
        "mode=one mode_value=2",
        &["--mode-value: `mode` one takes no `mode_value` | leave it away, or use `mode` fixed"],
    );
    bad(
        "mode_value=2",
        &[
            "--mode-value: `mode_value` says how many, and there is no `mode` | add `mode`: \
           fixed, fixed-percent or random-max-percent",
        ],
    );
    bad(
        "mode=fixed mode_value=50%",
        &[
            "--mode-value: `50%` is not a number of things to choose | a whole number from 1 on; \
           percentages are for fixed-percent",
        ],
    );
    bad(
        "mode=fixed-percent mode_value=101%",
        &[
            "--mode-value: `101%` is not a percentage of things to choose | a whole number from \
           1% to 100%",
        ],
    );
    bad(
        "mode=all weigh=cpu",
        &[
            "--weigh: `weigh` is for a `mode` that draws | add `mode`: one, fixed, fixed-percent \
           or random-max-percent",
        ],
    );
    bad(
        "mode=one all=true",
        &["--all: `all` and a `mode` that draws contradict each other | leave one of them away"],
    );
    bad(
        "mode=some",
        &[
            "--mode: `some` is not a mode | one of one, all, fixed, fixed-percent, random-max-percent",
        ],
    );
}

fn some(name: &'static str, value: &'static str) -> impl Strategy<Value = Option<String>> {
    proptest::option::of(value).prop_map(move |value| value.map(|value| format!("{name}={value}")))
}

fn any_common() -> impl Strategy<Value = Vec<Option<String>>> {
    (
        "target=(pid:[1-9][0-9]{0,4}|cgroup:/[a-z]{2,5}|netns:[a-z]{1,5}|iface:eth[0-9](@[a-z]{1,4})?)",
        "duration=([1-9][0-9]{3}(ms|us)|[1-5][0-9]?(s|m)|1m[1-5]s)",
        some("probability", "0\\.[0-9]{1,9}|[0-9]{1,2}%|1|0"),
        some("when", "[1-9]{1,4}(\\.\\.[1-5][0-9]{4})?(\\+[1-9]?)?"),
        some("max_hits", "[1-9][0-9]{0,12}"),
        some("seed", "[0-9]{1,19}"),
        some("delay", "[0-9]{1,3}(ms|s)"),
        some("owner", "[a-z0-9._@/:-]{1,20}"),
        some("all", "true|false"),
        some("allow_lockout", "true|false"),
        some("long", "true|false"),
    )
        .prop_map(|(target, duration, a, b, c, d, e, f, g, h, i)| {
            vec![Some(target), Some(duration), a, b, c, d, e, f, g, h, i]
        })
}

fn any_specific() -> impl Strategy<Value = (Kind, Vec<Option<String>>)> {
    let peers = || {
        some(
            "peers",
            "((10\\.0\\.[0-9]\\.[0-9]|fd00::[1-9]),){0,4}(10\\.0\\.0\\.0/8|::/0)",
        )
    };
    let ports = || some("ports", "([1-9][0-9]{0,3},){0,5}60[0-4]00-60[5-9]00");
    let filter = move || {
        (
            peers(),
            ports(),
            some("protocol", "tcp|udp"),
            some("direction", "out|in|both"),
        )
    };
    let distribution = "uniform|normal|pareto|measured samples=1ms,[2-9]ms";
    let jitter = proptest::option::of((
        "[0-9]{1,2}us",
        some("distribution", distribution),
        some("correlation", "[0-9]{1,2}%"),
    ));
    let correlation = || some("correlation", "[0-9]{1,2}%|0\\.[0-9]{1,6}");
    let model = proptest::option::of((
        "p=0\\.[0-9]{1,6}",
        some("r", "[0-9]{1,2}%"),
        some("1-h", "[0-9]{1,2}%|1"),
        some("1-k", "0\\.0[1-9]"),
    ));
    prop_oneof![
        (filter(), some("visible", "false"), correlation())
            .prop_map(|((a, b, c, d), e, f)| { (Kind::NetLoss, vec![a, b, c, d, e, f]) }),
        (filter(), model).prop_map(|((a, b, c, d), model)| {
            let mut parts = vec![a, b, c, d];
            if let Some((p, r, h, k)) = model {
                parts.extend([Some(p), r, h, k]);
            }
            (Kind::NetLoss, parts)
        }),
        (filter(), correlation())
            .prop_map(|((a, b, c, d), e)| { (Kind::NetDuplicate, vec![a, b, c, d, e]) }),
        (
            filter(),
            correlation(),
            some("bits", "[1-9]|1[0-6]"),
            some("how", "wire|silent")
        )
            .prop_map(|((a, b, c, d), e, f, g)| (Kind::NetCorrupt, vec![a, b, c, d, e, f, g])),
        (
            filter(),
            "rate=[1-9][0-9]{1,3}(\\.[05])?(kbit|mbit)",
            some("burst", "[2-9][0-9]KiB|[2-9]MiB")
        )
            .prop_map(|((a, b, c, d), rate, burst)| {
                (Kind::NetRate, vec![a, b, c, d, Some(rate), burst])
            }),
        (
            peers(),
            ports(),
            some("protocol", "tcp"),
            some("direction", "out|in|both"),
            some("connections", "all|new|established"),
            some("how", "drop|reset|reject")
        )
            .prop_map(|(a, b, c, d, e, f)| (Kind::NetPartition, vec![a, b, c, d, e, f])),
        (filter(), "latency=[1-9][0-9]{0,3}ms", jitter).prop_map(
            |((a, b, c, d), latency, jitter)| {
                let mut parts = vec![a, b, c, d, Some(latency)];
                if let Some((jitter, distribution, correlation)) = jitter {
                    parts.extend([Some(format!("jitter={jitter}")), distribution, correlation]);
                }
                (Kind::NetDelay, parts)
            }
        ),
        (
            "operation=(connect|bind|sendmsg)(,sendmsg){0,2}",
            "errno=([1-9]|ECONNREFUSED|[1-3][0-9]|EWOULDBLOCK)",
            peers(),
            ports()
        )
            .prop_map(|(a, b, c, d)| (Kind::SockError, vec![Some(a), Some(b), c, d])),
        (
            "active=[1-9][0-9]{0,2}us|active=1ms",
            "dormant=[1-9]{1,3}ms",
            some("count", "[1-9]{1,9}")
        )
            .prop_map(|(_, dormant, count)| {
                (
                    Kind::ProcessFreeze,
                    vec![Some("active=1ms".to_owned()), Some(dormant), count],
                )
            }),
        (
            "signal=(SIG)?(TERM|usr1|RTMIN\\+[0-9]|[1-9]|[1-5][0-9])",
            "interval=[1-9]{1,3}ms",
            some("count", "[1-9]{1,9}"),
            some("stagger", "[1-9]{1,3}us")
        )
            .prop_map(|(signal, interval, count, stagger)| {
                let signal = signal.replace("SIG", "");
                let parts = vec![Some(signal), Some(interval), count, stagger];
                (Kind::ProcessSignal, parts)
            }),
        (
            "syscalls=(!%stat|write|1|pwrite64|all)(,(read|/\\^f\\.\\*sync\\$|%stat|\\?nosuch|257)){0,3}",
            "errno=(EIO|ENOSPC(:[1-9]{1,3})?)(,EINTR:7)?|retval=(requested|[1-9][0-9]{0,8}|0[0-7]{0,9}|0x[0-9a-f]{1,7})",
            some("path", "/[a-z]{1,9}/(\\*\\*/)?[a-z]{0,3}(\\*|\\[ab\\])?"),
            some("fd", "(file|socket|pipe)(,device|,other)?"),
            some(
                "size",
                "[0-9]{1,5}\\.\\.([1-9]MiB)?|\\.\\.[0-9]KiB|[1-9]{1,4}b?"
            ),
            some("backend", "fmod-ret|kprobe|seccomp")
        )
            .prop_map(|(syscalls, outcome, path, fd, size, backend)| {
                let parts = vec![Some(syscalls), Some(outcome), path, fd, size, backend];
                (Kind::SyscallError, parts)
            }),
        (
            "syscalls=(write|write,fsync)",
            "latency=[1-9]{1,3}ms",
            some("jitter", "[1-9]{1,2}us"),
            some("cap", "([1-9]|[12][0-9]|30)s"),
            some("moment", "(before|after)"),
            some("size", "[1-9]KiB\\.\\.")
        )
            .prop_map(|(syscalls, latency, jitter, cap, moment, size)| {
                let parts = vec![Some(syscalls), Some(latency), jitter, cap, moment, size];
                (Kind::SyscallDelay, parts)
            }),
        (
            "path=/[a-z]{1,9}/",
            "latency=[1-9]{1,3}ms",
            some("operation", "(read|write,sync)"),
            some("cap", "([1-9]|[12][0-9]|30)s"),
            some("moment", "(before|after)")
        )
            .prop_map(|(path, latency, operation, cap, moment)| {
                (Kind::DiskSlow, vec![Some(path), Some(latency), operation, cap, moment])
            }),
        (
            "path=/[a-z]{1,9}/?",
            "write_bps=[1-9]{1,3}MiB|read_iops=[1-9]{1,5}",
            some("read_bps", "[4-9]KiB"),
            some("write_iops", "[1-9]{1,9}")
        )
            .prop_map(|(path, rate, read_bps, write_iops)| {
                (Kind::DiskSlow, vec![Some(path), Some(rate), read_bps, write_iops])
            }),
        (
            "syscalls=(write|fsync)",
            some("path", "/[a-z]{1,9}/"),
            some("fd", "file"),
            some("signal", "(SEGV|9|TERM)"),
            some("moment", "(before|after)")
        )
            .prop_map(|(syscalls, path, fd, signal, moment)| {
                (Kind::ProcessCrash, vec![Some(syscalls), path, fd, signal, moment])
            }),
        (some("errno", "(EMFILE|ENFILE)"), some("backend", "lsm"))
            .prop_map(|(errno, backend)| (Kind::ProcessFdLimit, vec![errno, backend])),
        (some("errno", "(EAGAIN|ENOMEM)"), some("backend", "security"))
            .prop_map(|(errno, backend)| (Kind::ProcessForkError, vec![errno, backend])),
        (some("size", "[1-9]KiB\\.\\."), some("backend", "seccomp"))
            .prop_map(|(size, backend)| (Kind::MemoryError, vec![size, backend])),
        (
            "path=/[a-z]{1,9}/",
            some("operation", "(read|write,sync|sync,open)"),
            some("errno", "(EIO:3,ENOSPC|ETIMEDOUT)")
        )
            .prop_map(|(path, operation, errno)| {
                (Kind::DiskError, vec![Some(path), operation, errno])
            }),
        (
            "path=/[a-z]{1,9}/",
            some("after", "[1-9]{1,3}(MiB|b)"),
            some("errno", "(ENOSPC|EDQUOT)")
        )
            .prop_map(|(path, after, errno)| {
                (Kind::DiskFull, vec![Some(path), after, errno])
            }),
        ("path=/[a-z]{1,9}/", some("backend", "kprobe"))
            .prop_map(|(path, backend)| (Kind::DiskReadonly, vec![Some(path), backend])),
        (some("workers", "[1-9][0-9]{0,2}"), some("load", "[1-9][0-9]?(\\.[0-9])?%"))
            .prop_map(|(workers, load)| (Kind::CpuStress, vec![workers, load])),
        (
            "size=[1-9]{1,3}(MiB|GiB|b)|percent=[1-9]0?%",
            some("ramp", "[1-9]{1,3}ms"),
            some("pattern", "(random|ones)"),
            some("oom_score", "-?[1-9]{1,3}")
        )
            .prop_map(|(amount, ramp, pattern, oom_score)| {
                (Kind::MemoryStress, vec![Some(amount), ramp, pattern, oom_score])
            }),
        (
            "path=(/[a-z]{1,9}){1,3}/?",
            some("workers", "[1-9]{1,2}"),
            some("operations", "(read|write|both)"),
            some("block", "(512b|4KiB|64KiB)"),
            some("size", "[1-9]{1,2}(GiB|00MiB)"),
            some("rate", "[1-9]{1,3}MiB")
        )
            .prop_map(|(path, workers, operations, block, size, rate)| {
                let parts = vec![Some(path), workers, operations, block, size, rate];
                (Kind::DiskStress, parts)
            }),
        (
            "path=(/[a-z]{1,9}){1,3}|path=/",
            "size=[1-9]{1,3}GiB|percent=[1-9][0-9]%|left=[0-9]{1,3}MiB"
        )
            .prop_map(|(path, until)| (Kind::DiskFill, vec![Some(path), Some(until)])),
    ]
}

/// A fault that reads, as the words of a command line.
fn any_fault() -> impl Strategy<Value = (Kind, String)> {
    (any_common(), any_specific()).prop_map(|(common, (kind, specific))| {
        let modelled = specific.iter().flatten().any(|word| word.starts_with("p="));
        let common = common.into_iter();
        // The model's chances take the place of the probability, and there is only one pressure.
        let common = common.filter(|word| {
            let is = |name: &str| word.as_ref().is_some_and(|word| word.starts_with(name));
            !(modelled && is("probability") || kind.is_of_pressure() && is("when"))
        });
        let words: Vec<_> = common.chain(specific).flatten().collect();
        (kind, words.join(" "))
    })
}

fn pattern_of(schema: &serde_json::Value) -> Option<&str> {
    let direct = schema.get("pattern");
    let any = schema.get("anyOf").and_then(|any| any.as_array());
    let nested = any.and_then(|any| any.iter().find_map(pattern_of));
    direct.and_then(|pattern| pattern.as_str()).or(nested)
}

/// Whether the schema's pattern for each parameter, if it has one, accepts the text.
fn schema_accepts(kind: Kind, params: &BTreeMap<String, String>) {
    let schema = schema::json_schema();
    let forms = schema["oneOf"].as_array().unwrap();
    let form = forms
        .iter()
        .find(|form| form["title"] == kind.name())
        .unwrap();
    for (name, text) in params {
        let property = &form["properties"][name];
        assert!(property.is_object(), "{name}");
        if let Some(pattern) = pattern_of(property) {
            assert!(
                regex::Regex::new(pattern).unwrap().is_match(text),
                "{name}: {text}"
            );
        }
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back((kind, text) in any_fault()) {
        let spec = check(kind, &text);
        let params = spec.to_params();
        schema_accepts(kind, &params);
        let given = params
            .into_iter()
            .map(|(name, text)| (name.clone(), Given::flag(&name, text)))
            .collect();
        prop_assert_eq!(parse(kind, &given), Ok(spec));
    }

    #[test]
    fn no_parameters_panic(
        kind in proptest::sample::select(Kind::ALL),
        params in proptest::collection::btree_map(
            proptest::sample::select(names()), ".{0,12}|[0-9a-z.:/+-]{0,12}", 0..12),
    ) {
        let given = params.into_iter().map(|(name, text)| (name.clone(), Given::flag(&name, text)));
        if let Err(problems) = parse(kind, &given.collect()) {
            prop_assert!(!problems.is_empty());
        }
    }
}

fn names() -> Vec<String> {
    let params = Kind::ALL.iter().flat_map(|kind| schema::params(*kind));
    let names: std::collections::BTreeSet<_> = params.map(|param| param.name.to_owned()).collect();
    names.into_iter().collect()
}

mod table {
    use super::*;

    /// `BLESS=1 cargo test -p injector-core the_readme` writes the table anew.
    #[test]
    fn the_readme_shows_every_parameter() {
        crate::tests::check_readme("faults", schema::markdown_table().trim());
    }

    #[test]
    fn the_readme_describes_every_fault() {
        let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md"));
        let (_before, described) = readme.split_once("| fault | ").unwrap();
        let rows = described.lines().take_while(|line| !line.is_empty());
        let names = rows.skip(2).filter_map(|row| row.split('`').nth(1));
        let kinds = Kind::ALL.iter().map(|kind| kind.name());
        assert!(names.eq(kinds));
    }

    /// `BLESS=1 cargo test -p injector-core committed_schema` writes the file anew.
    #[test]
    fn the_committed_schema_is_up_to_date() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../deploy/schema/fault.schema.json"
        );
        let schema = serde_json::to_string_pretty(&schema::json_schema()).unwrap() + "\n";
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == schema,
            "deploy/schema/fault.schema.json is out of date; \
             run `BLESS=1 cargo test -p injector-core committed_schema`"
        );
    }

    #[test]
    fn every_example_and_default_reads() {
        for kind in Kind::ALL {
            let complete = |extra: &'static schema::Param, text: &str| {
                let required = schema::params(*kind).filter(|param| param.required);
                let mut given: BTreeMap<_, _> = required
                    .map(|param| {
                        (
                            param.name.to_owned(),
                            Given::flag(param.name, param.example),
                        )
                    })
                    .collect();
                let mut pairs = vec![("dormant", "800ms"), ("jitter", "5ms"), ("interval", "5s")];
                match extra.name {
                    "r" | "1-h" | "1-k" => pairs.push(("p", "1%")),
                    "samples" => pairs.push(("distribution", "measured")),
                    "allow_kill" => pairs.push(("how", "kill")),
                    _ => {}
                }
                if kind.controllers().is_some() {
                    pairs.push(("active", "5s"));
                }
                if *kind == Kind::DiskSlow {
                    let of_pulses = ["active", "dormant", "count"].contains(&extra.name);
                    pairs = match extra.name {
                        "read_bps" | "write_bps" | "read_iops" | "write_iops" => vec![],
                        _ if of_pulses => vec![
                            ("write_bps", "1MiB"),
                            ("active", "5s"),
                            ("dormant", "800ms"),
                        ],
                        "samples" => vec![
                            ("latency", "20ms"),
                            ("jitter", "5ms"),
                            ("distribution", "measured"),
                        ],
                        _of_latency => vec![("latency", "20ms"), ("jitter", "5ms")],
                    };
                }
                if !["retval", "short"].contains(&extra.name) && *kind == Kind::SyscallError {
                    pairs.push(("errno", "EIO"));
                }
                let amounts = ["size", "percent", "left"];
                let needs = [Kind::MemoryStress, Kind::DiskFill].contains(kind);
                pairs.extend(
                    Some(("size", "1MiB")).filter(|_| needs && !amounts.contains(&extra.name)),
                );
                for (name, text) in pairs {
                    if schema::param(*kind, name).is_some() {
                        given.insert(name.to_owned(), Given::flag(name, text));
                    }
                }
                if ["mode_value", "weigh"].contains(&extra.name) {
                    for (name, text) in [("mode", "fixed-percent"), ("mode_value", "50%")] {
                        given.insert(name.to_owned(), Given::flag(name, text));
                    }
                }
                given.insert(extra.name.to_owned(), Given::flag(extra.name, text));
                parse(*kind, &given)
                    .map_err(|problems| problems.render())
                    .unwrap()
            };
            for param in schema::params(*kind) {
                complete(param, param.example);
                if let Some(default) = param.default {
                    let spec = complete(param, default);
                    assert_eq!(spec.to_params().get(param.name), None, "{}", param.name);
                }
            }
        }
    }

    #[test]
    fn no_name_occurs_twice_and_every_one_has_a_fault() {
        let names = names();
        assert_eq!(names.len(), 69);
        for kind in Kind::ALL {
            assert!(schema::params(*kind).count() > 11);
        }
    }

    #[test]
    fn flags_use_dashes() {
        assert_eq!(
            schema::param(Kind::NetLoss, "max_hits").unwrap().flag(),
            "--max-hits"
        );
    }

    #[test]
    fn the_markdown_table_has_a_row_for_each_parameter() {
        let table = schema::markdown_table();
        assert_eq!(table.lines().count(), 2 + 95);
        assert!(
            table
                .lines()
                .all(|line| line.matches(" | ").count() == 4 || line.contains("---"))
        );
        assert!(table.contains(
            "| `direction` | net.partition | out, in, both; seen from the target; one way only makes a \
             one-way partition | `both` |"
        ));
    }
}

/// Texts near to what some parameter takes, and far from it.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{0,6}(\\.[0-9]{0,3})?(ns|us|ms|s|m|h|%|sec)?",
        "(pid|cgroup|container|unit|comm|exe|user|netns|iface|command|pod)?:?~?.{0,9}",
        "(E[A-Z]{2,9}|tcp|icmp|out|both|connect|socket|uniform|true|yes)",
        "[0-9.:/,+-]{0,12}",
        ".{0,9}",
    ]
}

proptest! {
    #[test]
    fn every_problem_has_a_place_and_a_hint(
        kind in proptest::sample::select(Kind::ALL),
        values in proptest::collection::vec(
            (proptest::sample::select(names()), any_value()), 0..6,
        ),
        odd in "[a-z_-]{0,9}",
        in_a_file: bool,
    ) {
        let document = Place::file(Some("x.yaml")).key("method").index(0).at(4, 5);
        let given = |name: &str, text: String| if in_a_file {
            Given { text, place: document.key(name) }
        } else {
            Given::flag(name, text)
        };
        let mut params: BTreeMap<_, _> = values
            .into_iter()
            .map(|(name, text)| (name.clone(), given(&name, text)))
            .collect();
        params.insert(odd.clone(), given(&odd, "1".to_owned()));
        let problems = parse(kind, &params).map(drop).unwrap_err();
        for Problem { place, message, hint } in problems {
            let found = if in_a_file { place.line.is_some() } else { place.path.starts_with("--") };
            prop_assert!(found && !place.path.is_empty(), "{place}: {message}");
            prop_assert!(!message.is_empty() && hint.is_some_and(|hint| !hint.is_empty()), "{message}");
        }
    }
}

mod places {
    use super::*;

    #[test]
    fn a_parameter_that_was_not_given_stands_beside_the_others() {
        let mut spec = check(Kind::NetLoss, "target=pid:7 duration=1s");
        assert_eq!(spec.places.of("direction"), Place::flag("direction"));
        assert_eq!(spec.places.of(FAULT).path, "net.loss");
        let place = |name: &str, line| Place::file(Some("x.yaml")).key("a").key(name).at(line, 3);
        let params = [("target", "pid:7", 4), ("duration", "1s", 5)].map(|(name, text, line)| {
            let (text, place) = (text.to_owned(), place(name, line));
            (name.to_owned(), Given { text, place })
        });
        spec = parse(Kind::NetLoss, &params.into()).unwrap();
        spec.places.set_fault(place("fault", 3));
        assert_eq!(spec.places.of(FAULT).to_string(), "x.yaml:3:3: a.fault");
        assert_eq!(spec.places.of("target").to_string(), "x.yaml:4:3: a.target");
        assert_eq!(
            spec.places.of("max_hits").to_string(),
            "x.yaml:3: a.max_hits"
        );
    }

    #[test]
    fn what_the_engine_says_of_flags_is_said_of_the_file() {
        let place = Place::file(Some("x.yaml"))
            .key("a")
            .key("max_hits")
            .at(4, 3);
        let text = "1".to_owned();
        let mut params = flags("target=pid:7 duration=1s");
        params.insert(
            "max_hits".to_owned(),
            Given {
                text,
                place: place.clone(),
            },
        );
        let places = check(Kind::NetLoss, "target=pid:7 duration=1s").places;
        let problem = |place| Problem::new(place, "no");
        assert_eq!(
            places.relocate(problem(Place::flag("owner"))).place,
            Place::flag("owner")
        );
        let places = parse(Kind::NetLoss, &params).unwrap().places;
        let found = places.relocate(problem(Place::flag("max-hits"))).place;
        assert_eq!(found, place);
        let elsewhere = Place {
            path: "-- COMMAND".to_owned(),
            ..Place::default()
        };
        let mut params = flags("duration=1s");
        let text = "pid:7".to_owned();
        params.insert(
            "target".to_owned(),
            Given {
                text,
                place: elsewhere.clone(),
            },
        );
        let places = parse(Kind::NetLoss, &params).unwrap().places;
        assert_eq!(
            places.relocate(problem(Place::flag("target"))).place,
            elsewhere
        );
    }
}
