//! Selectors as people write them, right and wrong.

use std::str::FromStr as _;

use proptest::prelude::*;

use super::form::{FORMS, Form, hint, markdown_table, syntax};
use super::selector::MAX_PID;
use super::{Pattern, Selector};
use crate::fault::{Kind, schema};

fn check(text: &str, selector: Selector) {
    assert_eq!(selector.to_string(), text);
    assert_eq!(text.parse(), Ok(selector));
}

fn check_bad(text: &str, message: &str, hint: &str) {
    let invalid = Selector::from_str(text).unwrap_err();
    assert_eq!(
        (invalid.message.as_str(), invalid.hint.as_str()),
        (message, hint)
    );
}

fn pattern(text: &str) -> Pattern {
    Pattern::read(text).unwrap()
}

fn exact(text: &str) -> Pattern {
    Pattern::Exact(text.to_owned())
}

fn iface(name: &str, netns: Option<&str>) -> Selector {
    Selector::Iface {
        name: name.to_owned(),
        netns: netns.map(str::to_owned),
    }
}

#[test]
fn every_kind_reads_and_prints() {
    check("pid:123", Selector::Pid(123));
    check("cgroup:/a/b", Selector::Cgroup("/a/b".to_owned()));
    check("cgroup:/", Selector::Cgroup("/".to_owned()));
    check("container:web-1", Selector::Container(exact("web-1")));
    check("container:~^web", Selector::Container(pattern("~^web")));
    check("unit:redis.service", Selector::Unit(exact("redis.service")));
    check("unit:a-b.slice", Selector::Unit(exact("a-b.slice")));
    check("unit:~redis", Selector::Unit(pattern("~redis")));
    check("comm:tmux: server", Selector::Comm(exact("tmux: server")));
    check("comm:~^nginx: w|x", Selector::Comm(pattern("~^nginx: w|x")));
    check("exe:/bin/a b", Selector::Exe(exact("/bin/a b")));
    check("exe:~redis", Selector::Exe(pattern("~redis")));
    check("user:www-data", Selector::User("www-data".to_owned()));
    check("user:33", Selector::User("33".to_owned()));
    check("host", Selector::Host);
    check("netns:blue", Selector::Netns("blue".to_owned()));
    check(
        "netns:/run/netns/blue",
        Selector::Netns("/run/netns/blue".to_owned()),
    );
    check("netns:4711", Selector::Netns("4711".to_owned()));
    check("iface:eth0", iface("eth0", None));
    check("iface:eth0@blue", iface("eth0", Some("blue")));
    check(
        "iface:eth0@/proc/7/ns/net",
        iface("eth0", Some("/proc/7/ns/net")),
    );
    check(
        r#"command:["sleep","1 h"]"#,
        Selector::Command(vec!["sleep".to_owned(), "1 h".to_owned()]),
    );
}

#[test]
fn slashes_of_a_cgroup_path_are_tidied() {
    assert_eq!(
        "cgroup:/a//b/".parse(),
        Ok(Selector::Cgroup("/a/b".to_owned()))
    );
}

#[test]
fn a_forgotten_kind_is_guessed_in_the_hint() {
    let message = |text| format!("`{text}` does not say what kind of target it is");
    check_bad("123", &message("123"), "did you mean pid:123");
    check_bad("/a/b", &message("/a/b"), "did you mean cgroup:/a/b");
    check_bad(
        "/run/netns/x",
        &message("/run/netns/x"),
        "did you mean netns:/run/netns/x",
    );
    check_bad(
        "redis",
        &message("redis"),
        "did you mean container:redis, unit:redis or comm:redis",
    );
    check_bad("a b", &message("a b"), &hint());
    check_bad("", &message(""), &hint());
}

#[test]
fn an_unknown_kind_is_refused() {
    check_bad(
        "cgruop:/a",
        "`cgruop` is not a kind of target",
        "did you mean `cgroup:/a`",
    );
    check_bad(
        "pod:redis",
        "`pod` is not a kind of target",
        "did you mean `pid:redis`",
    );
    check_bad("host:here", "`host` is not a kind of target", &hint());
}

#[test]
fn bad_pids_are_refused() {
    let hint = "a number such as pid:1234; `pgrep -n NAME` prints one";
    for value in ["", "0", "-1", "+1", "1,2", "self", "99999999999", "4194305"] {
        let message = format!("`{value}` is not a process id");
        check_bad(&format!("pid:{value}"), &message, hint);
    }
}

#[test]
fn bad_cgroup_paths_are_refused() {
    let hint = "the path as it stands in /proc/PID/cgroup after the last colon";
    check_bad("cgroup:", "`` is not the path of a cgroup", hint);
    check_bad("cgroup:a/b", "`a/b` is not the path of a cgroup", hint);
    check_bad("cgroup:/a/../b", "`/a/../b` contains `.` or `..`", hint);
    check_bad(
        "cgroup:/sys/fs/cgroup/unified/a",
        "`/sys/fs/cgroup/unified/a` is a directory and not the path of a cgroup",
        &format!("{hint}, perhaps cgroup:/unified/a"),
    );
}

#[test]
fn bad_interfaces_and_namespaces_are_refused() {
    let hint = "for example iface:eth0, or iface:eth0@blue in the network namespace blue";
    for name in ["", "a b", "..", "a/b", "a:b", "sixteen_letters_"] {
        let message = format!("`{name}` is not the name of an interface");
        check_bad(&format!("iface:{name}"), &message, hint);
    }
    let hint =
        "a name as in `ip netns`, a path such as /run/netns/blue, or the pid of a process in it";
    check_bad("netns:", "`` is not a network namespace", hint);
    check_bad("netns:..", "`..` is not a network namespace", hint);
    check_bad("netns:a/b", "`a/b` is not a network namespace", hint);
    check_bad("iface:eth0@", "`` is not a network namespace", hint);
}

#[test]
fn a_unit_is_as_long_as_it_may_be_with_its_kind() {
    let named = |length| format!("unit:{}", "a".repeat(length)).parse::<Selector>();
    let longest = named(255 - ".service".len()).unwrap();
    assert_eq!(longest.to_string().parse(), Ok(longest));
    assert!(named(256 - ".service".len()).is_err(), "too long");
}

#[test]
fn a_unit_without_a_kind_is_a_service() {
    assert_eq!(
        "unit:redis".parse(),
        Ok(Selector::Unit(exact("redis.service")))
    );
    assert_eq!(
        "unit:getty@tty1".parse(),
        Ok(Selector::Unit(exact("getty@tty1.service")))
    );
}

#[test]
fn a_name_that_the_kernel_would_cut_is_refused() {
    check_bad(
        "comm:systemd-journald",
        "`systemd-journald` is longer than the 15 bytes that the kernel keeps of a name",
        "comm:systemd-journal, or exe:/PATH for the whole of it",
    );
    check_bad(
        "comm:fourteen-bytesö",
        "`fourteen-bytesö` is longer than the 15 bytes that the kernel keeps of a name",
        "comm:fourteen-bytes, or exe:/PATH for the whole of it",
    );
    Selector::from_str("comm:~systemd-journald").unwrap();
}

#[test]
fn bad_names_are_refused() {
    for value in ["", "a b", "/web", "a:b"] {
        let invalid = Selector::from_str(&format!("container:{value}")).unwrap_err();
        let message = format!("`{value}` is not the name of a container");
        assert_eq!(invalid.message, message);
    }
    for bad in [
        "unit:",
        "unit:a/b.service",
        "comm:",
        "exe:redis",
        "exe:",
        "user:",
        "user:a b",
        "user:99999999999",
        "container:~(",
        "unit:~",
    ] {
        Selector::from_str(bad).unwrap_err();
    }
}

#[test]
fn a_command_is_no_target_for_a_person() {
    for text in ["command:redis-server", "command:[]", "command:[\"\"]"] {
        check_bad(
            text,
            "a command is not given as a target",
            "put it at the end, after --",
        );
    }
}

#[test]
fn a_line_break_is_refused() {
    Selector::from_str("netns:a\nb").unwrap_err();
}

fn any() -> impl Strategy<Value = Selector> {
    prop_oneof![
        (1..=MAX_PID).prop_map(Selector::Pid),
        "(/[a-z0-9_.:@-]{2,9}){1,4}".prop_map(Selector::Cgroup),
        "[a-z0-9_-]{1,9}|(/[a-z0-9]{1,9}){1,4}".prop_map(Selector::Netns),
        (
            "[a-z0-9_.-]{3,15}",
            proptest::option::of("[a-z]{1,9}|/[a-z]{1,9}")
        )
            .prop_map(|(name, netns)| Selector::Iface { name, netns }),
        "[a-z0-9]{1,9}|~[a-z]{1,9}".prop_map(|text| Selector::Container(pattern(&text))),
        "[a-z]{1,9}\\.(service|slice)|~[a-z]{1,9}".prop_map(|text| Selector::Unit(pattern(&text))),
        "[a-z]{1,15}|~[a-z]{1,30}".prop_map(|text| Selector::Comm(pattern(&text))),
        "(/[a-z]{1,9}){1,4}|~[a-z]{1,30}".prop_map(|text| Selector::Exe(pattern(&text))),
        "[a-z]{1,9}|[0-9]{1,9}".prop_map(Selector::User),
        proptest::collection::vec("[^\\s\0]{1,9}", 1..4).prop_map(Selector::Command),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(selector in any()) {
        prop_assume!(!selector.to_string().contains(".."));
        prop_assert_eq!(selector.to_string().parse(), Ok(selector));
    }

    #[test]
    fn no_text_panics(text in "((pid|cgroup|netns|iface|command|container|unit|comm|exe|user):)?.{0,30}") {
        let read = Selector::from_str(&text);
        prop_assert!(read.is_err() || !read.unwrap().to_string().is_empty());
    }
}

#[test]
fn every_form_is_parsed_as_itself() {
    for Form { kind, examples, .. } in FORMS {
        for value in examples {
            let text = format!("{kind}:{value}");
            assert_eq!(text.parse::<Selector>().unwrap().to_string(), text);
        }
    }
}

#[test]
fn the_schema_names_every_form() {
    let target = schema::params(Kind::NetLoss).find(|param| param.name == "target");
    let range = target.unwrap().range;
    let (forms, _expressions) = range.split_once("; ").unwrap();
    assert_eq!(forms, syntax());
}

/// `BLESS=1 cargo test -p injector-core the_readme` writes the table anew.
#[test]
fn the_readme_shows_every_selector() {
    crate::tests::check_readme("selectors", &markdown_table());
}
