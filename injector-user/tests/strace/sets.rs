//! Sets of system calls, `-e trace=SET`.
//!
//! Ours differ on purpose:
//! - `exit`, `exit_group`, `rt_sigreturn` and `restart_syscall` are in no set, and naming one is an error;
//! - a set without any call is an error, where strace would do nothing;
//! - names and numbers that only 32-bit programs have, or nobody, are errors: strace takes them, and does
//!   nothing;
//! - an expression may not have what the C library and ours read differently, such as a backslash
//!   or a bracket that closes nothing;
//! - spaces beside a comma are left out, as in every other list.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use injector_core::fault::syscall::{Class, Syscall, Syscalls};
use proptest::prelude::*;
use proptest::sample::select;

use super::asked::{Call, every_call};

/// What the installed strace knows; an older one knows less than we do.
static KNOWN: LazyLock<Vec<Call>> =
    LazyLock::new(|| named(every_call(&["-e", "trace=all"]).unwrap()));

fn named(calls: Vec<Call>) -> Vec<Call> {
    calls.into_iter().filter(|it| it.name.is_some()).collect()
}

fn known(call: Syscall) -> bool {
    KNOWN.iter().any(|it| it.number == call.number())
}

/// The calls strace traces for `set` that can fail; `None`: it does not take it.
fn of_strace(set: &str) -> Option<BTreeSet<Syscall>> {
    let calls = named(every_call(&["-e", &format!("trace={set}")])?);
    let calls = calls.iter().map(|it| Syscall::from_number(it.number));
    Some(calls.flatten().filter(|it| it.never().is_none()).collect())
}

/// The expression that fits no name of a 64-bit program's calls, if that is what is wrong.
fn like_nobody(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("no system call is like `")?;
    rest.strip_suffix('`')
}

#[track_caller]
fn check(set: &str) {
    let ours = set.parse::<Syscalls>().map(|set| set.all());
    match (ours, of_strace(set)) {
        (Ok(ours), Some(theirs)) => {
            let ours: BTreeSet<_> = ours.into_iter().filter(|call| known(*call)).collect();
            assert_eq!(ours, theirs, "{set}");
        }
        (Err(_), None) => {}
        (Err(invalid), Some(_)) if invalid.message.contains("is no expression for names") => {}
        (Err(invalid), Some(_)) if like_nobody(&invalid.message).is_some() => {
            let alone = like_nobody(&invalid.message).and_then(of_strace);
            assert_eq!(alone, Some(BTreeSet::new()), "{set}");
        }
        (Err(_), Some(theirs)) => assert_eq!(theirs, BTreeSet::new(), "{set}"),
        (Ok(ours), None) => panic!("strace does not take {set}, and we read {ours:?}"),
    }
}

#[test]
fn all_system_calls_that_strace_knows_have_its_names() {
    assert!(KNOWN.len() > 300);
    for call in KNOWN.iter() {
        let ours = Syscall::from_number(call.number).map(Syscall::name);
        assert_eq!(ours, call.name.as_deref(), "{}", call.number);
    }
}

#[test]
fn every_class_has_the_members_that_strace_gives_it() {
    for class in Class::NAMES {
        check(class);
    }
    for old in [
        "file", "desc", "memory", "network", "process", "signal", "ipc", "%net",
    ] {
        check(old);
    }
}

#[test]
fn every_form_of_a_set_means_what_it_means_to_strace() {
    for set in [
        "all",
        "none",
        "!none",
        "!all",
        "",
        ",",
        "!",
        "read,",
        ",read",
        "read,,write",
        "!read,write",
        "!!read",
        "!read,!write",
        "read,!write",
        "none,read",
        "read,none",
        "read,all",
        "?nosuch",
        "!?nosuch",
        "?",
        "??read",
        "?%nosuch",
        "?!read",
        "%nosuch",
        "nosuch",
        "READ",
        "%FILE",
        "%all",
        "%%file",
        "net",
        "creds",
        "stat",
        "%stat,%lstat",
        "39",
        "039",
        "0x27",
        "-1",
        "+3",
        "9999",
        "?9999",
        "read@64",
        "%file@64",
        "39@64",
        "read@99",
        "?read@99",
        "/",
        "/^get",
        "!/^get",
        "/^(get|set)[ug]id$",
        "/[[:digit:]]$",
        "/getp{2}id",
        "/get.*",
        "/(",
        "/[a",
        "/*",
        "/nosuch",
        "?/^nosuch",
        "/^x,read",
        "/READ",
        "%file,/^f,39",
        // Of 32-bit programs only.
        "/^_n",
        "/^_n,%stat",
    ] {
        check(set);
    }
}

/// One element that both could know.
fn any_item() -> impl Strategy<Value = String> {
    let calls = || {
        let calls: Vec<_> = Syscall::every()
            .filter(|it| it.never().is_none() && known(*it))
            .collect();
        select(calls)
    };
    prop_oneof![
        4 => calls().prop_map(|call| call.to_string()),
        1 => calls().prop_map(|call| call.number().to_string()),
        1 => calls().prop_map(|call| format!("?{call}@64")),
        4 => select(Class::NAMES).prop_map(str::to_owned),
        2 => "/[aeg19^$.*+?|()\\[\\]{}:_-]{1,6}",
        1 => "/\\^?[a-z_]{1,2}[.*?]?",
        1 => "/\\(?(get|set|m)\\|[a-f]{1,2}\\)?\\$?",
        1 => "\\?[a-z]{9}",
        1 => "[A-Za-z%!]{1,3}",
        1 => Just(String::new()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn any_set_means_what_it_means_to_strace(
        negations in 0..3_usize,
        items in proptest::collection::vec(any_item(), 1..5),
    ) {
        check(&format!("{}{}", "!".repeat(negations), items.join(",")));
    }
}
