//! What a call returns: `error=` and `retval=`.
//!
//! Ours differ on purpose:
//! - of errors only those are taken that a program can meet: strace takes every number to 4095 and the
//!   kernel's own names such as ERESTARTSYS;
//! - EWOULDBLOCK, EDEADLOCK and ENOTSUP are names too;
//! - a returned value is never negative, which would be an error, has no minus, and fits an `int`, as most callers have
//!   no more room; strace takes 64 bits of anything;
//! - there is `requested`, and weights.

use std::collections::BTreeSet;

use injector_core::fault::Errno;
use injector_core::fault::syscall::{Returned, Syscall};
use proptest::prelude::*;

use super::asked::{every_call, one_call};

/// `copy_file_range`: perl does not make it for itself, and 64 bits of its result are shown.
const NUMBER: u16 = 326;

/// Those that perl does not make for itself.
fn carriers() -> Vec<Syscall> {
    let own = [
        "access",
        "arch_prctl",
        "brk",
        "close",
        "execve",
        "exit_group",
        "fcntl",
        "fstat",
        "futex",
        "getegid",
        "geteuid",
        "getgid",
        "getrandom",
        "getuid",
        "ioctl",
        "lseek",
        "mmap",
        "mprotect",
        "munmap",
        "newfstatat",
        "openat",
        "prctl",
        "pread64",
        "prlimit64",
        "read",
        "readlink",
        "rseq",
        "rt_sigaction",
        "rt_sigprocmask",
        "set_robust_list",
        "set_tid_address",
        "write",
    ];
    let all = Syscall::every().filter(|call| call.number() < 334 && call.never().is_none());
    all.filter(|call| !own.contains(&call.name())).collect()
}

/// What strace shows for each of these errors, all of them injected in one run.
fn shown(errors: &[String]) -> Vec<String> {
    let carriers = carriers();
    let carried: Vec<_> = carriers.iter().zip(errors).collect();
    assert_eq!(carried.len(), errors.len());
    let options = carried
        .iter()
        .map(|(call, error)| format!("inject={call}:error={error}"));
    let options: Vec<_> = options.collect();
    let options = options.iter().flat_map(|option| ["-e", option.as_str()]);
    let calls = every_call(&options.collect::<Vec<_>>()).unwrap();
    let result = |call: &Syscall| {
        let made = calls.iter().find(|it| it.number == call.number()).unwrap();
        assert!(made.injected(), "{call}");
        let result = made.result.strip_prefix("-1 ").unwrap();
        let name = result.split(" (").next().unwrap_or_default();
        name.to_owned()
    };
    carried.iter().map(|(call, _)| result(call)).collect()
}

#[test]
fn every_error_has_the_number_and_the_name_that_strace_gives_it() {
    let numbers: Vec<i32> = (1..=133).collect();
    let texts: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    for (number, theirs) in numbers.iter().zip(shown(&texts)) {
        let ours = Errno::from_number(*number).map(Errno::name);
        // Two numbers are nobody's.
        assert_eq!(
            ours,
            theirs.starts_with('E').then_some(theirs.as_str()),
            "{number}"
        );
    }
    let names = numbers
        .iter()
        .filter_map(|number| Errno::from_number(*number));
    let names: Vec<_> = names.map(|errno| errno.to_string()).collect();
    assert_eq!(shown(&names), names);
}

fn taken(inject: &str) -> Option<String> {
    let inject = format!("inject=copy_file_range:{inject}");
    let calls = one_call(NUMBER, 1, &["-e", "trace=copy_file_range", "-e", &inject])?;
    calls
        .first()
        .map(|call| call.result.replace(" (INJECTED)", ""))
}

#[test]
fn what_is_an_error_to_us_is_one_to_strace() {
    for text in [
        "EIO",
        "eio",
        "5",
        "005",
        "+5",
        "EHWPOISON",
        "133",
        "ERESTART",
    ] {
        let errno: Errno = text.parse().unwrap();
        let theirs = taken(&format!("error={text}")).unwrap();
        assert!(
            theirs.starts_with(&format!("-1 {errno} ")),
            "{text}: {theirs}"
        );
    }
    for text in [
        "0",
        "-5",
        "4096",
        "99999999999",
        "",
        "E",
        "EIO ",
        "0x5",
        "ENOSUCH",
        "EIO,EIO",
    ] {
        assert!(
            text.parse::<Errno>().is_err() && taken(&format!("error={text}")).is_none(),
            "{text}"
        );
    }
}

#[test]
fn errors_that_only_one_of_us_takes_are_these() {
    for text in ["EWOULDBLOCK", "EDEADLOCK", "ENOTSUP"] {
        assert!(text.parse::<Errno>().is_ok(), "{text}");
    }
    let internal = [
        "512",
        "513",
        "514",
        "515",
        "516",
        "ERESTARTSYS",
        "ERESTARTNOINTR",
        "ENOIOCTLCMD",
    ];
    for text in internal.into_iter().chain(["41", "58", "134", "4095"]) {
        assert!(
            text.parse::<Errno>().is_err() && taken(&format!("error={text}")).is_some(),
            "{text}"
        );
    }
}

#[track_caller]
fn check_returned(text: &str) {
    let theirs = taken(&format!("retval={text}"));
    let theirs = theirs.map(|shown| shown.parse::<i128>().unwrap_or_else(|_| panic!("{shown}")));
    let fits = theirs.filter(|value| i32::try_from(*value).is_ok_and(|value| value >= 0));
    let fits = fits.filter(|_| !text.contains('-'));
    let ours = text.parse::<Returned>().ok();
    let expected = fits.map(|value| Returned::Number(value.try_into().unwrap()));
    assert_eq!(ours, expected, "{text:?}");
}

#[test]
fn a_value_that_fits_an_int_is_read_as_by_strace() {
    for text in [
        "0",
        "1",
        "2147483647",
        "2147483648",
        "4294967295",
        "4294967296",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-1",
        "-0",
        "-4096",
        "-18446744073709551615",
        "0x10",
        "0X7fffffff",
        "0x",
        "010",
        "08",
        "00",
        "+1",
        " 1",
        "+ 1",
        "++1",
        "1 ",
        "",
        "+",
        "1e3",
        "1.5",
        "0b1",
        "x",
    ] {
        check_returned(text);
    }
}

#[test]
fn numbers_of_carriers_are_different() {
    let carriers = carriers();
    let different: BTreeSet<_> = carriers.iter().collect();
    assert!(different.len() == carriers.len() && carriers.len() >= 133);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn any_value_that_fits_an_int_is_read_as_by_strace(
        text in "[ +]?(0x)?[0-9a-f]{1,4}|0?[0-9]{1,12}|[-+ x0-9]{0,5}",
    ) {
        check_returned(&text);
    }
}
