//! What is asked of a limit, and what is wrong with it.

use super::{Of, Rate};
use crate::fault::{Action, FaultSpec, Given, Kind, parse};

fn read(text: &str) -> Result<FaultSpec, String> {
    let mut words = text.split_whitespace();
    let kind: Kind = words.next().unwrap().parse().unwrap();
    let words = words.chain(["target=pid:7", "duration=10s"]);
    let given = words.map(|word| {
        let (name, text) = word.split_once('=').unwrap();
        (name.to_owned(), Given::flag(name, text))
    });
    parse(kind, &given.collect()).map_err(|problems| problems.render())
}

#[track_caller]
fn check(text: &str, written: &[(&str, &str)]) {
    let params = read(text).unwrap().to_params();
    let all = [("target", "pid:7"), ("duration", "10s")];
    let expected = all.iter().chain(written);
    let expected = expected.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    assert_eq!(params, expected.collect(), "{text}");
}

#[track_caller]
fn check_bad(text: &str, said: &str) {
    assert_eq!(read(text).unwrap_err().trim_end(), said, "{text}");
}

#[test]
fn limits_read_back() {
    check("cpu.limit quota=20%", &[("quota", "20%")]);
    check(
        "cpu.limit quota=150.00% period=50ms active=1s dormant=2s count=3",
        &[
            ("quota", "150%"),
            ("period", "50ms"),
            ("active", "1s"),
            ("dormant", "2s"),
            ("count", "3"),
        ],
    );
    check(
        "memory.limit size=262144KiB how=throttle",
        &[("size", "256MiB")],
    );
    check(
        "memory.limit size=1GiB how=kill allow_kill=true",
        &[("size", "1GiB"), ("how", "kill"), ("allow_kill", "true")],
    );
}

#[test]
fn rates_of_a_disk_read_back() {
    check(
        "disk.slow path=/srv/ write_bps=1024KiB",
        &[("path", "/srv/"), ("write_bps", "1MiB")],
    );
    check(
        "disk.slow path=/srv read_bps=4KiB read_iops=1 write_iops=4294967294 active=1s count=1",
        &[
            ("path", "/srv"),
            ("read_bps", "4KiB"),
            ("read_iops", "1"),
            ("write_iops", "4294967294"),
            ("active", "1s"),
            ("count", "1"),
        ],
    );
}

#[test]
fn a_rate_is_one_that_the_kernel_takes() {
    check_bad(
        "disk.slow path=/srv write_bps=4095b",
        "--write-bps: `4095b` is not between 4KiB and 1024GiB\nhint: at least 4KiB per second",
    );
    check_bad(
        "disk.slow path=/srv read_bps=1025GiB",
        "--read-bps: `1025GiB` is not between 4KiB and 1024GiB\nhint: at most 1024GiB per second",
    );
    check_bad(
        "disk.slow path=/srv read_bps=10mbit",
        "--read-bps: `10mbit` is not a size\nhint: a number with b, KiB or MiB, such as 64KiB",
    );
    for text in ["0", "+1", "1.5", "4294967295"] {
        check_bad(
            &format!("disk.slow path=/srv write_iops={text}"),
            &format!(
                "--write-iops: `{text}` is not a number of operations per second\n\
                 hint: a whole number from 1 to 4294967294"
            ),
        );
    }
    check_bad(
        "disk.slow path=/srv/*.wal write_bps=1MiB",
        "--path: `/srv/*.wal` is a pattern, and a rate is one of a whole disk\n\
         hint: one file or directory on that disk, such as /var/lib/redis/",
    );
    check_bad(
        "disk.slow write_bps=1MiB",
        "--path: disk.slow needs `path`\nhint: for example --path /var/lib/redis/",
    );
}

#[test]
fn a_disk_is_slow_by_a_latency_or_by_rates() {
    check_bad(
        "disk.slow path=/srv",
        "--latency: disk.slow needs a `latency` or a rate\n\
         hint: for example latency 20ms, or write_bps 1MiB",
    );
    check_bad(
        "disk.slow path=/srv write_bps=1MiB latency=1ms",
        "--latency: a latency and a rate are two faults\n\
         hint: leave one of them away, or ask for each by itself",
    );
    for (name, value) in [
        ("operation", "write"),
        ("jitter", "1ms"),
        ("cap", "1s"),
        ("moment", "after"),
        ("backend", "lsm"),
    ] {
        check_bad(
            &format!("disk.slow path=/srv write_bps=1MiB {name}={value}"),
            &format!(
                "--{name}: {name} means nothing with a rate\n\
                 hint: leave it away, or ask for a `latency` instead of the rate"
            ),
        );
    }
    for (name, value) in [("active", "1s"), ("dormant", "1s"), ("count", "2")] {
        check_bad(
            &format!("disk.slow path=/srv latency=1ms {name}={value}"),
            &format!(
                "--{name}: {name} means nothing without a rate\n\
                 hint: leave it away, or ask for a rate, such as write_bps 1MiB"
            ),
        );
    }
}

#[test]
fn a_weaker_limit_leaves_more() {
    let Action::Limit(limit) = read("disk.slow path=/srv write_bps=1GiB write_iops=4294967294")
        .unwrap()
        .action
    else {
        panic!("rates are a limit");
    };
    let Of::Disk(weaker) = limit.weakened(0.5).of else {
        panic!("of a disk");
    };
    let rates = [(Rate::WriteBytes, 2 << 30), (Rate::Writes, 4_294_967_294)];
    assert_eq!(weaker.rates, rates.into());
}

#[test]
fn what_the_kernel_does_not_take_is_refused_before() {
    check_bad(
        "cpu.limit quota=0.5%",
        "--quota: 0.5% of a period of 100ms is less than 1ms, the least that the kernel takes\n\
         hint: at least 1%, or a longer `period`",
    );
    check_bad(
        "cpu.limit quota=20% period=2ms",
        "--period: 20% of a period of 2ms is less than 1ms, the least that the kernel takes\n\
         hint: at least 50%, or a longer `period`",
    );
    check_bad(
        "cpu.limit quota=20% period=2s",
        "--period: `2s` is not between 1ms and 1s\nhint: at most 1s",
    );
    check_bad(
        "memory.limit size=4095b",
        "--size: `4095b` is less than a page\nhint: at least 4KiB",
    );
}

#[test]
fn what_means_nothing_is_refused() {
    check_bad(
        "cpu.limit quota=20% count=2",
        "--count: count means nothing without `active`\nhint: add `active`, for example 5s",
    );
    check_bad(
        "cpu.limit quota=20% active=5s",
        "--dormant: cpu.limit needs `dormant`\nhint: for example --dormant 5s",
    );
    check_bad(
        "memory.limit size=1MiB allow_kill=true",
        "--allow-kill: who is throttled is not killed\nhint: add `how: kill`, or leave it away",
    );
}
