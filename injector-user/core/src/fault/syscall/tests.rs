//! Sets, outcomes, filters: every form, and everything that is wrong with one.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;

use super::table::TABLE;
use super::*;
use crate::fault::{Action, CallFault, Errno, FaultSpec, Given, Kind, parse};

fn names(calls: &BTreeSet<Syscall>) -> Vec<&'static str> {
    calls.iter().map(|call| call.name()).collect()
}

#[track_caller]
fn check_set(text: &str, shown: &str, expected: &[&str]) {
    let set: Syscalls = text.parse().unwrap();
    assert_eq!(
        (set.to_string().as_str(), names(&set.all())),
        (shown, expected.to_vec())
    );
}

#[track_caller]
fn check_size(text: &str, shown: &str, size: usize) {
    let set: Syscalls = text.parse().unwrap();
    assert_eq!((set.to_string().as_str(), set.all().len()), (shown, size));
}

#[track_caller]
fn check_bad_set(text: &str, message: &str, hint: &str) {
    let invalid = text.parse::<Syscalls>().unwrap_err();
    assert_eq!(
        (invalid.message.as_str(), invalid.hint.as_str()),
        (message, hint)
    );
}

/// Those that can fail at all.
const ALL: usize = TABLE.len() - 4;

#[test]
fn every_form_of_a_set_is_read() {
    check_set("fsync", "fsync", &["fsync"]);
    check_set("read,write,read", "read,write", &["read", "write"]);
    check_set("read, write,", "read,write", &["read", "write"]);
    check_set("74", "fsync", &["fsync"]);
    check_set("fsync@64", "fsync", &["fsync"]);
    check_set("?nosuch,?fsync", "fsync", &["fsync"]);
    check_set("%statfs,%lstat", "%statfs,%lstat", &["lstat", "statfs"]);
    check_set("/^f.*sync$", "/^f.*sync$", &["fsync", "fdatasync"]);
    check_set("!!fsync", "fsync", &["fsync"]);
    check_size("%net", "%network", 21);
    check_size(
        "file",
        "%file",
        "%file".parse::<Syscalls>().unwrap().all().len(),
    );
    check_size("all", "all", ALL);
    check_size("!none", "all", ALL);
    check_size("!?nosuch", "all", ALL);
    check_size("!read,write", "!read,write", ALL - 2);
    check_size("!exit", "!exit", ALL);
    check_size("read,all", "read,all", ALL);
}

#[test]
fn a_set_that_is_none_is_refused_with_a_reason() {
    let forms = "a name such as fsync, its number, a class such as %file, or /REGEX; ?NAME if it may be \
                 unknown";
    check_bad_set(
        "fsnyc",
        "`fsnyc` is not a system call of Linux",
        "did you mean fsync",
    );
    check_bad_set(
        "pread",
        "`pread` is not a system call of Linux",
        "did you mean pread64",
    );
    check_bad_set(
        "umount",
        "`umount` is not a system call of Linux",
        "did you mean umount2",
    );
    check_bad_set(
        "sigaction",
        "`sigaction` is not a system call of Linux",
        "did you mean rt_sigaction",
    );
    check_bad_set(
        "FSYNC",
        "`FSYNC` is not a system call of Linux",
        "did you mean fsync",
    );
    check_bad_set(
        "telephone",
        "`telephone` is not a system call of Linux",
        forms,
    );
    check_bad_set(
        "400",
        "no system call of Linux has the number 400",
        "a name such as fsync, or its number on x86_64",
    );
    check_bad_set(
        "%flie",
        "`%flie` is not a class of system calls",
        "did you mean `%file`",
    );
    check_bad_set(
        "read,!write",
        "`!write` cannot be negated by itself",
        "a single ! in front of everything negates all of it: !read,write",
    );
    let example = "for example fsync, read,write or %file";
    for text in ["", "!", ","] {
        check_bad_set(text, &format!("`{text}` names no system call"), example);
    }
    for text in ["none", "!all", "?nosuch", "?"] {
        check_bad_set(
            text,
            &format!("`{text}` leaves no system call that could fail"),
            example,
        );
    }
    check_bad_set(
        "read@32",
        "`@32` does not mean 64-bit programs",
        "leave it away: calls of 32-bit programs are left alone",
    );
}

#[test]
fn what_never_ends_or_returns_is_refused_by_name_and_left_out_of_classes() {
    let hint = "leave it away; classes and `all` do without it";
    let refused = |text: &str, reason: &str| {
        check_bad_set(
            text,
            &format!("`{text}` cannot be made to fail: {reason}"),
            hint,
        );
    };
    refused("exit", "a thread could never end");
    refused("exit_group", "a process could never end");
    refused(
        "rt_sigreturn",
        "a thread could never return from a signal handler",
    );
    refused(
        "restart_syscall",
        "it is the kernel that makes this call, to go on with another",
    );
    check_bad_set(
        "60",
        "`exit` cannot be made to fail: a thread could never end",
        hint,
    );
    let process = "%process".parse::<Syscalls>().unwrap().all();
    assert!(process.iter().all(|call| call.never().is_none()));
}

#[test]
fn an_expression_that_two_libraries_read_differently_is_refused() {
    let common = "letters, digits and _ ^ $ . * + ? | ( ) [ ] { }, such as /^(get|set)[ug]id$; no \
                  backslash, and no comma";
    for text in [r"/\d", "/(?i)read", "/get.+?", "/^*", "/a$?", "/re ad"] {
        check_bad_set(
            text,
            &format!("`{text}` is no expression for names"),
            common,
        );
    }
    check_bad_set(
        "/(",
        "`/(` is no expression for names: unclosed group",
        "such as /^(get|set)[ug]id$",
    );
    check_bad_set(
        "/^nosuch",
        "no system call is like `/^nosuch`",
        "it is looked for anywhere in a name; ^ and $ stand for its ends",
    );
}

#[test]
fn the_table_is_in_order_and_every_entry_reads_back() {
    assert!(TABLE.is_sorted_by(|left, right| left.0 < right.0));
    let different: BTreeSet<_> = TABLE.iter().map(|row| row.1).collect();
    assert_eq!(different.len(), TABLE.len());
    for (number, name, classes, arguments) in TABLE {
        let call = Syscall::from_name(name).unwrap();
        assert_eq!((call.number(), call.name()), (number, name));
        assert_eq!(
            (name.parse(), number.to_string().parse()),
            (Ok(call), Ok(call))
        );
        assert!(classes.chars().all(|c| "fdmnpsictu".contains(c)), "{name}");
        assert!(arguments.chars().all(|c| "pdfnsv.".contains(c)), "{name}");
        assert!(arguments.len() <= 6 && !arguments.ends_with('.'), "{name}");
        assert!(arguments.matches(['n', 's', 'v']).count() <= 1, "{name}");
        assert_eq!(
            arguments.matches('d').count(),
            arguments.matches("dp").count(),
            "{name}"
        );
    }
}

#[test]
fn numbers_and_names_are_those_of_the_kernel() {
    for known in syscalls::x86_64::Sysno::iter() {
        let number = u16::try_from(known.id()).unwrap();
        // It ends before the table does, and has no gaps that the table has not.
        assert_eq!(
            Syscall::from_number(number).map(Syscall::name),
            Some(known.name())
        );
    }
    let last = u16::try_from(syscalls::x86_64::Sysno::last().id()).unwrap();
    let unknown: Vec<_> = Syscall::every()
        .filter(|call| {
            call.number() <= last && syscalls::x86_64::Sysno::new(call.number().into()).is_none()
        })
        .collect();
    assert_eq!(unknown, []);
}

/// Of the machine the test runs on, if it has them.
#[test]
fn the_installed_headers_of_the_kernel_agree() {
    let path = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
    let header = std::fs::read_to_string(path).unwrap_or_default();
    let lines = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define __NR_"));
    for (name, number) in lines.filter_map(|line| line.split_once(' ')) {
        let number: u16 = number.trim().parse().unwrap();
        assert_eq!(Syscall::from_number(number).map(Syscall::name), Some(name));
    }
}

#[test]
fn arguments_are_found_by_what_they_are() {
    #[track_caller]
    fn check(name: &str, paths: &[usize], fds: &[usize], size: Option<Amount>, requested: bool) {
        let call = Syscall::from_name(name).unwrap();
        let found = (
            call.paths().collect::<Vec<_>>(),
            call.fds().collect::<Vec<_>>(),
        );
        assert_eq!(found, (paths.to_vec(), fds.to_vec()));
        assert_eq!((call.size(), call.requested().is_some()), (size, requested));
    }
    check("write", &[], &[0], Some(Amount::Bytes(2)), true);
    check("writev", &[], &[0], Some(Amount::Pieces(1)), true);
    check("openat", &[1], &[], None, false);
    check("renameat2", &[1, 3], &[], None, false);
    check(
        "copy_file_range",
        &[],
        &[0, 2],
        Some(Amount::Bytes(4)),
        true,
    );
    check("mmap", &[], &[4], Some(Amount::Bytes(1)), false);
    check("getpid", &[], &[], None, false);
    let rename = Syscall::from_name("renameat2").unwrap();
    assert_eq!(
        [1, 3].map(|path| rename.directory_of(path)),
        [Some(0), Some(2)]
    );
    let open = Syscall::from_name("open").unwrap();
    assert_eq!(open.directory_of(0), None);
}

#[test]
fn a_file_of_the_name_of_a_directory_is_matched() {
    #[track_caller]
    fn check(filter: &str, root: &str, yes: &[&str], no: &[&str]) {
        let read: PathFilter = filter.parse().unwrap();
        assert_eq!(read.root(), root);
        assert_eq!(read.to_string().parse(), Ok(read.clone()));
        assert!(yes.iter().all(|path| read.matches(path)), "{filter}");
        assert!(!no.iter().any(|path| read.matches(path)), "{filter}");
    }
    check(
        "/var/a.wal",
        "/var/",
        &["/var/a.wal"],
        &["/var/a.wal2", "/var/a.wal/b", "/var"],
    );
    check(
        "/var/lib/",
        "/var/lib/",
        &["/var/lib", "/var/lib/a", "/var/lib/a/b"],
        &["/var", "/var/lib2"],
    );
    check("/", "/", &["/", "/a", "/a/b"], &[]);
    check(
        "/var/*.wal",
        "/var/",
        &["/var/a.wal", "/var/.wal"],
        &["/var/a/b.wal", "/var/awal"],
    );
    check(
        "/var/**/a?",
        "/var/",
        &["/var/ab", "/var/x/y/ab"],
        &["/var/a", "/var/x/a/"],
    );
    check("/v[ab]/x", "/", &["/va/x", "/vb/x"], &["/vc/x"]);
    check("/v/{a,b}*", "/v/", &["/v/a", "/v/bc"], &["/v/c"]);
    check("/v/*/", "/v/", &["/v/a/b", "/v/a/b/c"], &["/v/b"]);
    check(r"/v/a\*b*", "/v/", &["/v/a*bc"], &["/v/aabc"]);
}

#[test]
fn a_path_that_is_none_is_refused() {
    #[track_caller]
    fn check(text: &str, message: &str, hint: &str) {
        let invalid = text.parse::<PathFilter>().unwrap_err();
        assert_eq!(
            (invalid.message.as_str(), invalid.hint.as_str()),
            (message, hint)
        );
    }
    check(
        "var/lib",
        "`var/lib` is not an absolute path",
        "a file such as /var/lib/db.wal, a directory such as /var/lib/ for everything below it, or a \
         pattern such as /var/lib/**/*.wal",
    );
    check(
        "/var//lib",
        "`/var//lib` has an empty name",
        "one slash between two names",
    );
    check(
        "/var/../lib",
        "`/var/../lib` has a `.` or `..`",
        "the path as `realpath` prints it",
    );
    check(
        "/a\0",
        "`/a\0` cannot be the path of a file",
        "at most 4095 bytes, none of them zero",
    );
    check(
        "/a**/b",
        "`/a**/b` has a `**` beside something else",
        "between slashes: /var/lib/**/*.wal",
    );
    check(
        "/a[b",
        "`/a[b` is not a pattern of paths: unclosed character class; missing ']'",
        "*, ?, [abc], {a,b} and ** between slashes; a \\ before a character takes it literally",
    );
}

#[test]
fn sizes_are_ranges_with_both_ends() {
    #[track_caller]
    fn check(text: &str, least: u64, most: Option<u64>, shown: &str) {
        let sizes: Sizes = text.parse().unwrap();
        assert_eq!(
            (sizes.least(), sizes.most(), sizes.to_string().as_str()),
            (least, most, shown)
        );
    }
    check("4KiB..", 4096, None, "4KiB..");
    check("..512", 0, Some(512), "..512b");
    check("1KiB..64KiB", 1024, Some(65_536), "1KiB..64KiB");
    check("4096", 4096, Some(4096), "4KiB");
    check("0", 0, Some(0), "0b");
    let sizes: Sizes = "10..20".parse().unwrap();
    assert_eq!(
        [9, 10, 20, 21].map(|bytes| sizes.includes(bytes)),
        [false, true, true, false]
    );
    for text in [
        "",
        "..",
        "a..b",
        "1..2..3",
        "64k",
        "-1",
        "1.5b",
        "99999999999999999999",
    ] {
        let invalid = text.parse::<Sizes>().unwrap_err();
        assert_eq!(invalid.message, format!("`{text}` is not a range of sizes"));
        assert_eq!(invalid.hint, "such as 4KiB.., ..512, 1KiB..64KiB or 4KiB");
    }
    let invalid = "2..1".parse::<Sizes>().unwrap_err();
    assert_eq!(invalid.message, "`2..1` ends before it begins");
    assert_eq!(invalid.hint, "the smaller size first, as in 1KiB..64KiB");
}

fn given(text: &str) -> BTreeMap<String, Given> {
    let pairs = ["target=pid:7", "duration=1s"]
        .into_iter()
        .chain(text.split_whitespace());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), Given::flag(name, value)))
        .collect()
}

fn failing(text: &str) -> Failing {
    let FaultSpec { action, .. } = parse(Kind::SyscallError, &given(text)).unwrap();
    match action {
        Action::Calls(CallFault::Error(failing)) => failing,
        other => panic!("{text} is {other:?}"),
    }
}

#[track_caller]
fn check_bad(text: &str, expected: &[&str]) {
    let problems = parse(Kind::SyscallError, &given(text)).unwrap_err();
    let found = problems.into_iter().map(|problem| {
        let hint = problem.hint.clone().unwrap_or_default();
        format!("{problem} | {hint}")
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn a_failing_call_is_read_whole() {
    let read = failing(
        "syscalls=write,fsync errno=EIO:3,28 path=/var/ fd=pipe,file size=4KiB.. backend=kprobe",
    );
    let expected = Failing {
        path: Some(PathFilter::Below("/var/".to_owned())),
        fd: Some([FdKind::File, FdKind::Pipe].into()),
        size: Some("4KiB..".parse().unwrap()),
        backend: Some(Backend::Kprobe),
        ..Failing::of(
            "write,fsync".parse().unwrap(),
            Outcome::Errors(vec![(Errno::EIO, 3), (Errno::ENOSPC, 1)]),
        )
    };
    assert_eq!(read, expected);
    let (fit, unfit) = read.fitting();
    assert_eq!((names(&fit), names(&unfit)), (vec!["write"], vec!["fsync"]));
    let returned = |text: &str| failing(&format!("syscalls=write {text}")).outcome;
    assert_eq!(
        returned("retval=requested"),
        Outcome::Returns(Returned::Requested)
    );
    assert_eq!(
        ["0x10", "010", "10"].map(|text| returned(&format!("retval={text}"))),
        [16, 8, 10].map(|number| Outcome::Returns(Returned::Number(number)))
    );
    assert_eq!(
        returned("retval=2147483647"),
        Outcome::Returns(Returned::Number(2_147_483_647))
    );
}

#[test]
fn what_does_not_fit_is_left_alone() {
    let fit = |text: &str| {
        let (fit, unfit) = failing(text).fitting();
        (names(&fit), names(&unfit))
    };
    let none: Vec<&str> = Vec::new();
    assert_eq!(
        fit("syscalls=getpid,read errno=EIO"),
        (vec!["read", "getpid"], none)
    );
    assert_eq!(
        fit("syscalls=getpid,read,open errno=EIO path=/a"),
        (vec!["read", "open"], vec!["getpid"])
    );
    assert_eq!(
        fit("syscalls=read,open errno=EIO fd=file"),
        (vec!["read"], vec!["open"])
    );
    assert_eq!(
        fit("syscalls=mmap,write retval=requested"),
        (vec!["write"], vec!["mmap"])
    );
}

#[test]
fn impossible_failures_are_refused() {
    check_bad(
        "",
        &[
            "--syscalls: syscall.error needs `syscalls` | for example --syscalls write,fsync",
            "--errno: syscall.error needs `errno`, `retval` or `short` | for example EIO",
        ],
    );
    check_bad(
        "syscalls=write errno=EIO retval=0",
        &[
            "--retval: a call that fails with an errno returns nothing else | leave `errno` or `retval` away",
        ],
    );
    check_bad(
        "syscalls=write short=50% retval=1",
        &[
            "--short: a call that is made in part returns what it has moved | leave `short` or the other away",
        ],
    );
    for share in ["0%", "100%"] {
        let expected = format!("--short: `{share}` is not a part of a transfer | such as 50%");
        check_bad(&format!("syscalls=write short={share}"), &[&expected]);
    }
    check_bad(
        "syscalls=fsync short=50%",
        &[
            "--short: fsync does not have a number of bytes that it may return | leave this away, or add a system call that has, such as write",
        ],
    );
    let weight = "a whole number from 1 to 1000, as in EIO:3,ENOSPC:1";
    for text in ["0", "1001", "x", "", "+1"] {
        let expected = format!("--errno: `{text}` is not the weight of an error | {weight}");
        check_bad(&format!("syscalls=write errno=EIO:{text}"), &[&expected]);
    }
    for text in ["0", "41", "134", "4095"] {
        let expected = format!(
            "--errno: `{text}` is not an errno of Linux | a name such as ECONNREFUSED, or its number"
        );
        check_bad(&format!("syscalls=write errno={text}"), &[&expected]);
    }
    for text in [
        "512",
        "513",
        "514",
        "516",
        "ERESTARTSYS",
        "EIO,ERESTARTNOHAND",
    ] {
        let bad = text.rsplit(',').next().unwrap();
        let expected = format!(
            "--errno: `{bad}` is not an errno of Linux | the kernel keeps it to itself: no program ever \
             meets it"
        );
        check_bad(&format!("syscalls=write errno={text}"), &[&expected]);
    }
    check_bad(
        "syscalls=write errno=EIO,5:2",
        &[
            "--errno: `EIO,5:2` has an error twice | each once, with a weight such as EIO:3,ENOSPC:1",
        ],
    );
    let many: Vec<_> = (1..=17).map(|number: u8| number.to_string()).collect();
    check_bad(
        &format!("syscalls=write errno={}", many.join(",")),
        &["--errno: 17 errors are too many | at most 16"],
    );
    let returned =
        "a whole number from 0 to 2147483647, or requested: as many bytes as were asked for";
    for text in ["-1", "2147483648", "all", "++1", "08", "0x", ""] {
        let expected = format!("--retval: `{text}` is not what a call can return | {returned}");
        check_bad(&format!("syscalls=write retval={text}"), &[&expected]);
    }
    check_bad(
        "syscalls=write errno=EIO fd=tty size=big backend=ptrace",
        &[
            "--fd: `tty` is not a kind of file descriptor | one of file, directory, socket, pipe, device, \
             other",
            "--size: `big` is not a range of sizes | such as 4KiB.., ..512, 1KiB..64KiB or 4KiB",
            "--backend: `ptrace` is not a way to make calls fail | one of fmod-ret, fmod-ret-s, kprobe, security, \
             lsm, cgroup, uprobe, seccomp, spin, fexit, sys-exit",
        ],
    );
}

#[test]
fn filters_that_no_call_has_are_refused() {
    let hint = "leave this away, or add a system call that has, such as write";
    let bad = |text: &str, expected: &[&str]| {
        let expected: Vec<_> = expected
            .iter()
            .map(|line| format!("{line} | {hint}"))
            .collect();
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        check_bad(text, &expected);
    };
    bad(
        "syscalls=getpid errno=EIO path=/a fd=file size=1",
        &[
            "--path: getpid does not have a path or a file descriptor",
            "--fd: getpid does not have a file descriptor",
            "--size: getpid does not have a number of bytes",
        ],
    );
    bad(
        "syscalls=mmap,fsync retval=requested",
        &["--retval: none of mmap, fsync has a number of bytes that it may return"],
    );
    bad(
        "syscalls=%creds errno=EIO size=1",
        &["--size: none of getuid, getgid, setuid, setgid and 15 more has a number of bytes"],
    );
    bad(
        "syscalls=open,getrandom errno=EIO path=/a size=1",
        &["--size: none of open, getrandom has a path or a file descriptor and a number of bytes"],
    );
}

fn any_item() -> impl Strategy<Value = String> {
    let calls: Vec<_> = Syscall::every()
        .filter(|call| call.never().is_none())
        .collect();
    prop_oneof![
        select(calls.clone()).prop_map(|call| call.to_string()),
        select(calls).prop_map(|call| call.number().to_string()),
        select(Class::NAMES).prop_map(str::to_owned),
        "\\?[a-z]{1,8}".prop_filter("can fail", |name| !name.contains("exit")),
        "/\\^?[a-z]",
        Just("all".to_owned()),
    ]
}

proptest! {
    #[test]
    fn a_set_that_is_printed_reads_back(
        inverted: bool,
        items in proptest::collection::vec(any_item(), 1..6),
    ) {
        let text = format!("{}{}", if inverted { "!" } else { "" }, items.join(","));
        if let Ok(set) = text.parse::<Syscalls>() {
            let again: Syscalls = set.to_string().parse().unwrap();
            prop_assert_eq!(again.all(), set.all());
            prop_assert_eq!(again, set);
        }
    }

    #[test]
    fn a_set_and_its_negation_are_everything(items in proptest::collection::vec(any_item(), 1..6)) {
        let text = items.join(",");
        let sets = (text.parse::<Syscalls>(), format!("!{text}").parse::<Syscalls>());
        if let (Ok(set), Ok(rest)) = sets {
            prop_assert!(set.all().is_disjoint(&rest.all()));
            prop_assert_eq!(set.all().len() + rest.all().len(), ALL);
        }
    }

    #[test]
    fn no_text_panics(text in "[!?%/@,]{0,3}[a-z0-9_]{0,9}.{0,9}") {
        let _read = text.parse::<Syscalls>().map(|set| set.all());
        let _read = format!("/{text}").parse::<PathFilter>().map(|path| path.matches("/a"));
        let _read = text.parse::<Sizes>();
    }

    #[test]
    fn a_path_that_is_printed_reads_back(text in "(/([a-z.*?\\[\\]{},\\\\]{1,4}|\\*\\*)){1,4}/?") {
        if let Ok(filter) = text.parse::<PathFilter>() {
            prop_assert_eq!(filter.to_string().parse(), Ok(filter.clone()));
            prop_assert!(text.starts_with(filter.root().trim_end_matches('/')));
        }
    }

    #[test]
    fn sizes_that_are_printed_read_back(least in 0..1_u64 << 40, more in 0..1_u64 << 40, open: bool) {
        let text = if open { format!("{least}..") } else { format!("{least}..{}", least + more) };
        let sizes: Sizes = text.parse().unwrap();
        prop_assert_eq!(sizes.to_string().parse(), Ok(sizes));
        prop_assert!(sizes.includes(least) && !sizes.includes(least.wrapping_sub(1)));
    }
}
