//! What is asked of a limit, and what is wrong with it.

use crate::fault::{FaultSpec, Given, Kind, parse};

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
