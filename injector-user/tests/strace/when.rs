//! `when=`: taken, refused and acting alike.
//!
//! There is one difference, and it is not of `when`: the spaces around the text of any parameter are not
//! part of it, where strace takes them in front and refuses them behind.

use injector_abi::in_window;
use injector_core::units::When;
use proptest::prelude::*;

use super::asked::one_call;

const CALLS: u32 = 30;
/// `getppid`: perl does not make it for itself.
const NUMBER: u16 = 110;

#[track_caller]
fn check(text: &str) {
    let inject = format!("inject=getppid:error=EIO:when={text}");
    let calls = one_call(NUMBER, CALLS, &["-e", "trace=getppid", "-e", &inject]);
    let theirs = calls.map(|calls| {
        let failed = calls.iter().map(super::asked::Call::injected);
        failed.collect::<Vec<_>>()
    });
    let ours = text.parse::<When>().ok();
    // As the loader fills a fault's row.
    let ours_acting = ours.map(|when| {
        let (first, last) = (when.first().into(), when.last().map_or(0, u64::from));
        let acts = |hit| in_window(hit, first, last, when.step().into());
        (1..=u64::from(CALLS)).map(acts).collect::<Vec<_>>()
    });
    assert_eq!(ours_acting, theirs, "{text:?}");
    let said = ours.map(|when| {
        (1..=u64::from(CALLS))
            .map(|hit| when.includes(hit))
            .collect()
    });
    assert_eq!(said, theirs, "{text:?}");
}

#[test]
fn the_forms_and_limits_of_when_are_those_of_strace() {
    for text in [
        "3",
        "3+",
        "3+2",
        "1..5",
        "1..5+2",
        "1..5+",
        "5..5",
        "4..29+7",
        "0",
        "+",
        "",
        "..",
        "1..",
        "..5",
        "1...5",
        "1..2..3",
        "5..2",
        "1+0",
        "1..5+0",
        "3++",
        "3+2+1",
        "0x3",
        "3,",
        "x",
        "3x",
        "1e1",
        "-1",
        "-0",
        "3+-1",
        "3-5",
        "65535",
        "65536",
        "65535+65535",
        "1+65536",
        "1..65534",
        "1..65535",
        "4294967297",
        "18446744073709551617",
        "99999999999999999999999",
        "-65533",
        "-4294967293",
        "-18446744073709551613",
        "03",
        "007..010",
        "003+02",
    ] {
        check(text);
    }
}

/// As strtol(3) reads them.
#[test]
fn a_number_may_have_a_sign_and_space_before_it_as_in_strace() {
    for text in [
        " 3",
        "\t3",
        "\n3",
        "\u{b}3",
        "\u{c}3",
        "\r3",
        "\u{a0}3",
        "+3",
        "+0",
        "++3",
        "+3+",
        "+3++4",
        " +3+ +4",
        "3+ 2",
        "3++2",
        "3+++",
        "1..+5",
        "1.. 5",
        " 1.. 5+ 2",
        "1..+5++2",
        "+ 3",
        "1 ..5",
        "1 +2",
        "3 ",
        "3 +",
        "1+ ",
        "1..5 ",
        "１",
    ] {
        check(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn a_when_acts_as_in_strace(
        first in 1..35_u32,
        last in proptest::option::of(1..35_u32),
        step in proptest::option::of("[0-9]{0,2}"),
    ) {
        let last = last.map_or_else(String::new, |last| format!("..{last}"));
        let step = step.map_or_else(String::new, |step| format!("+{step}"));
        check(&format!("{first}{last}{step}"));
    }

    #[test]
    fn what_is_nearly_a_when_is_refused_as_in_strace(text in "[0-9+. -]{0,7}|[0-9]{4,6}(\\.\\.[0-9]{4,6})?") {
        check(&text);
    }
}
