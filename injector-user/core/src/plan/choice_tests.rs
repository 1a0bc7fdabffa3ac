//! Plans for containers, units and programs: which of several, and what is found again.

use proptest::prelude::*;

use super::tests::{
    BLUE, GREEN, HOST, cgroup, check_refused, hooks, inventory, namespace, process, spec,
};
use super::*;
use crate::target::Container;

const SHORT: [&str; 3] = ["aa1", "aa2", "bb3"];

const UNITS: [&str; 4] = [
    "/system.slice",
    "/system.slice/redis.service",
    "/system.slice/web.service",
    "/system.slice/idle.service",
];

fn id(short: &str) -> String {
    format!("{short:0<64}")
}

fn path(short: &str) -> String {
    format!("/docker/{}", id(short))
}

fn container(short: &str, name: &str) -> Container {
    Container {
        name: Some(name.to_owned()),
        ..Container::of_path(&path(short)).unwrap()
    }
}

/// Three containers: web-1 alone in blue, web-2 and db together with others in the host's namespace;
/// and three units, of which a slice holds two.
fn scene() -> Inventory {
    let mut inventory = inventory();
    let (v2, v1) = (Hierarchy::V2, Hierarchy::V1Freezer);
    inventory.processes = vec![
        process(100, 1, "dockerd", ["/docker.service", "/"], HOST),
        process(800, 100, "nginx", [&path("aa1"), &path("aa1")], BLUE),
        process(801, 800, "nginx", [&path("aa1"), &path("aa1")], BLUE),
        process(810, 100, "nginx", [&path("aa2"), &path("aa2")], HOST),
        process(820, 100, "redis", [&path("bb3"), &path("bb3")], HOST),
        process(900, 1, "redis", ["/system.slice/redis.service", "/"], HOST),
        process(910, 1, "bash", ["/system.slice/web.service", "/"], GREEN),
    ];
    inventory.cgroups = vec![
        cgroup(v2.clone(), &path("aa1"), 11, &[800, 801]),
        cgroup(v1.clone(), &path("aa1"), 12, &[800, 801]),
        cgroup(v2.clone(), &path("aa2"), 21, &[810]),
        cgroup(v1, &path("aa2"), 22, &[810]),
        cgroup(v2.clone(), &path("bb3"), 31, &[820]),
        cgroup(v2.clone(), "/system.slice", 40, &[900, 910]),
        cgroup(v2.clone(), "/system.slice/redis.service", 41, &[900]),
        cgroup(v2.clone(), "/system.slice/web.service", 42, &[910]),
        cgroup(v2, "/system.slice/idle.service", 43, &[]),
    ];
    inventory.namespaces = vec![
        namespace(HOST, None, &[100, 810, 820, 900]),
        namespace(BLUE, Some("blue"), &[800, 801]),
        namespace(GREEN, Some("green"), &[910]),
    ];
    inventory.containers = SHORT
        .iter()
        .zip(["web-1", "web-2", "db"])
        .map(|(id, name)| container(id, name))
        .collect();
    inventory.units = UNITS.map(str::to_owned).to_vec();
    inventory.user = Some(33);
    inventory
}

fn planned(text: &str) -> Plan {
    plan(&scene(), &spec(text))
        .map_err(|refusal| refusal.to_string())
        .unwrap()
}

fn names(plan: &Plan) -> Vec<&str> {
    let chosen = plan.chosen.as_ref().unwrap();
    let things = chosen.things.iter();
    things.map(|thing| thing.name.as_str()).collect()
}

fn check(text: &str, expected: &[&str], expected_hooks: &[&str]) {
    let plan = planned(text);
    assert_eq!(names(&plan), expected, "{text}");
    assert_eq!(hooks(&plan), expected_hooks, "{text}");
}

fn refused(text: &str, code: u8, expected: &str) {
    check_refused(&scene(), text, code, expected);
}

#[test]
fn a_container_is_its_interfaces_its_cgroup_and_its_freezer() {
    let place = path("aa1");
    for target in ["container:web-1", "container:aa1", "container:~1$"] {
        check(
            &format!("net.delay {target}"),
            &["container web-1"],
            &[
                "egress of lo in /run/netns/blue",
                "egress of eth0 in /run/netns/blue",
            ],
        );
        check(
            &format!("sock.error {target}"),
            &["container web-1"],
            &[&format!("connect in cgroup {place}")],
        );
        check(
            &format!("process.freeze {target}"),
            &["container web-1"],
            &[&format!("{place} in cgroup v2")],
        );
    }
}

#[test]
fn a_container_in_a_shared_namespace_is_chosen_by_its_sockets() {
    let plan = planned("net.loss container:web-2 direction=both");
    assert_eq!(plan.select.cgroup.unwrap().id, 21);
}

#[test]
fn several_are_an_error_without_a_mode() {
    let hint = "\nhint: name one of them, or say which with `mode`: one, all, fixed, \
                fixed-percent or random-max-percent";
    refused(
        "sock.error container:aa",
        2,
        &format!("container:aa means 2 things: container web-1, container web-2{hint}"),
    );
    refused(
        "sock.error comm:redis",
        2,
        &format!("comm:redis means 2 things: process 820 (redis), process 900 (redis){hint}"),
    );
}

#[test]
fn every_chosen_thing_suffers_at_its_own_places() {
    let places = SHORT.map(|short| format!("connect in cgroup {}", path(short)));
    let all = [&*places[2], &*places[0], &*places[1]];
    let chosen = ["container db", "container web-1", "container web-2"];
    for how in ["mode=all", "all=true", "mode=fixed mode_value=9"] {
        let plan = planned(&format!("sock.error container:~. {how}"));
        assert_eq!(names(&plan), chosen);
        let mut found = hooks(&plan);
        found.sort();
        let mut expected = all.map(str::to_owned);
        expected.sort();
        assert_eq!(found, expected);
    }
    let frozen = planned("process.freeze container:~web mode=all");
    assert_eq!(frozen.hooks.len(), 2);
    assert_eq!(frozen.who.len(), 3);
}

#[test]
fn a_unit_is_known_by_its_cgroup() {
    check(
        "sock.error unit:redis",
        &["unit /system.slice/redis.service"],
        &["connect in cgroup /system.slice/redis.service"],
    );
    check(
        "process.freeze unit:~.",
        &["unit /system.slice"],
        &["/system.slice in cgroup v2"],
    );
    check(
        "net.loss unit:web.service",
        &["unit /system.slice/web.service"],
        &[
            "egress of lo in /run/netns/green",
            "egress of eth0 in /run/netns/green",
        ],
    );
}

#[test]
fn processes_are_chosen_with_their_descendants() {
    let plan = planned("sock.error comm:nginx mode=all");
    assert_eq!(names(&plan), ["process 800", "process 810"]);
    assert_eq!(plan.select.thread_groups, [800, 801, 810]);
    let plan = planned("sock.error exe:/usr/bin/bash");
    assert_eq!(names(&plan), ["process 910"]);
    let plan = planned("sock.error user:www-data mode=fixed mode_value=2");
    let chosen = plan.chosen.unwrap();
    assert_eq!((chosen.things.len(), chosen.of), (2, 5));
}

#[test]
fn what_is_protected_is_left_out_or_refused() {
    let mut inventory = scene();
    inventory.processes[1].protected = Some(ProtectedReason("it is holy".to_owned()));
    let plan = plan(&inventory, &spec("sock.error comm:nginx mode=all")).unwrap();
    assert_eq!(names(&plan), ["process 810"]);
    assert_eq!(plan.warnings[0], "left out, since protected: process 800");
    check_refused(
        &inventory,
        "sock.error container:web-1",
        3,
        "process 800 (nginx) is protected: it is holy\nhint: choose a target without it; \
         protected processes are never targets",
    );
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    refused(
        "sock.error container:wbe-1",
        2,
        "there is no running container wbe-1\nhint: did you mean `container:web-1`",
    );
    refused(
        "sock.error unit:rediss",
        2,
        "there is no unit rediss.service that has processes\nhint: did you mean \
         `unit:redis.service`",
    );
    refused(
        "sock.error unit:idle",
        2,
        "there is no unit idle.service that has processes\nhint: start it first; `temblor \
         targets` lists those that have processes",
    );
    refused(
        "sock.error comm:apache",
        2,
        "no process matches comm:apache\nhint: `temblor targets` lists what there is",
    );
    let mut inventory = scene();
    for container in &mut inventory.containers {
        container.name = None;
    }
    inventory.nameless = Some("/run/docker.sock may not be read".to_owned());
    check_refused(
        &inventory,
        "sock.error container:web-1",
        2,
        "there is no running container web-1\nhint: names are not known here: /run/docker.sock \
         may not be read; an id works: `temblor targets` lists them",
    );
    inventory.user = None;
    check_refused(
        &inventory,
        "sock.error user:nobody",
        2,
        "there is no user nobody\nhint: a name as in /etc/passwd, or a number",
    );
}

#[test]
fn a_restarted_container_is_found_again_and_others_are_not() {
    let text = "sock.error container:~web mode=one";
    let spec = spec(text);
    let before = plan(&scene(), &spec).unwrap().chosen.unwrap();
    let mut later = scene();
    let names = ["web-2", "web-1", "web-3"];
    for (container, name) in later.containers.iter_mut().zip(names) {
        container.name = Some(name.to_owned());
    }
    let plan = plan_again(&later, &spec, &before).unwrap().unwrap();
    let chosen = plan.chosen.unwrap();
    assert_eq!(chosen.things[0].name, before.things[0].name);
    assert_ne!(chosen.things[0].cgroups, before.things[0].cgroups);
    assert_eq!((chosen.things.len(), chosen.of), (1, 2));
    later.containers.clear();
    assert_eq!(plan_again(&later, &spec, &before), Ok(None));
}

#[test]
fn a_process_that_matches_later_belongs_to_the_target_unless_some_were_drawn() {
    let mut later = scene();
    let processes = &mut later.processes;
    processes.push(process(950, 1, "bash", ["/shared", "/"], HOST));
    let found = |text: &str| {
        let spec = spec(text);
        let before = plan(&scene(), &spec).unwrap().chosen.unwrap();
        let again = plan_again(&later, &spec, &before).unwrap().unwrap();
        names(&again).len()
    };
    assert_eq!(found("sock.error comm:bash"), 2);
    assert_eq!(found("sock.error comm:bash mode=all"), 2);
    assert_eq!(found("sock.error comm:bash mode=one"), 1);
}

#[test]
fn a_plan_says_who_was_chosen_out_of_how_many() {
    let plan = planned("sock.error container:~. mode=fixed mode_value=2 seed=5");
    let shown = plan.to_string();
    let chosen = names(&plan).join(", ");
    assert!(
        shown.contains(&format!("chosen   {chosen}; 2 of 3, by seed 5\n")),
        "{shown}"
    );
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

proptest! {
    #[test]
    fn a_choice_does_not_depend_on_the_order_of_the_listing(
        seed: u64,
        text in prop_oneof![
            Just("container:~. mode=one"),
            Just("comm:~. mode=fixed mode_value=3"),
            Just("user:33 mode=random-max-percent mode_value=80%"),
        ],
    ) {
        let spec = spec(&format!("sock.error {text} seed={seed}"));
        let mut mixed = scene();
        mixed.processes.reverse();
        mixed.containers.rotate_left(1);
        mixed.cgroups.reverse();
        let first = plan(&scene(), &spec).unwrap();
        prop_assert_eq!(first.chosen, plan(&mixed, &spec).unwrap().chosen);
    }
}
