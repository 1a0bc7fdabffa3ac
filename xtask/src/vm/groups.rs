//! What is run in a guest: the tests of the host ring that show each fault's effect, that a sibling
//! is spared, and that nothing is left when its engine dies. All of them would take hours.

use serde_json::{Value, json};

use crate::{
    test::Counts,
    vm::{golden, machines::Machine},
};

/// Tests that make one cell of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// Told as refused where the doctor refuses this fault.
    fault: Option<&'static str>,
    /// The test binary.
    program: &'static str,
    /// What it is told besides.
    arguments: &'static [&'static str],
    /// Tests by their whole names, or modules of tests, with `::` at the end.
    tests: &'static [&'static str],
    /// More, for the kernel that is tried more thoroughly.
    more: &'static [&'static str],
    /// Kernels by their names; all if none is named.
    kernels: &'static [&'static str],
}

/// They share a kernel.
const TESTS: &[&str] = &["--test-threads=1"];

pub(crate) const GROUPS: &[Group] = &[
    Group {
        name: "vm",
        fault: None,
        program: "vm",
        arguments: TESTS,
        tests: &["refused::", "surroundings::"],
        more: &[],
        kernels: &[],
    },
    Group {
        name: "doctor",
        fault: None,
        program: "host",
        arguments: TESTS,
        tests: &[
            "doctor::truth::it_finds_out_everything_and_leaves_nothing",
            "doctor::works::what_it_calls_supported_works_on_real_processes",
        ],
        more: &[],
        kernels: &[],
    },
    Group {
        name: "observe",
        fault: None,
        program: "host",
        arguments: TESTS,
        tests: &[
            "observe::calls::",
            "observe::ending::it_ends_with_an_engine_that_is_killed",
            "observe::ending::nothing_is_attached_before_somebody_asks_nor_afterwards",
            "observe::everywhere::",
            "observe::life::every_exec_and_exit_is_counted_by_how_it_ended",
            "observe::network::",
            "observe::people::a_process_is_observed_with_the_children_that_it_makes",
            "observe::waiting::",
        ],
        more: &["observe::"],
        kernels: &[],
    },
    fault(
        "net.loss",
        &[
            "net::packets_are_lost_silently_and_only_the_targets",
            "safety::loss::ends_with_an_engine_that_is_killed",
        ],
        &[
            "net::in_a_shared_namespace_only_the_cgroups_packets_are_lost",
            "safety::loss::ends_by_its_lease_when_nobody_can_act",
        ],
    ),
    fault(
        "net.delay",
        &[
            "delay::a_round_trip_grows_by_what_was_asked_and_only_the_targets",
            "safety::delay::ends_with_an_engine_that_is_killed",
        ],
        &[
            "delay::content_comes_through_a_delay_as_it_was",
            "safety::delay::ends_by_its_lease_when_nobody_can_act",
        ],
    ),
    fault(
        "net.duplicate",
        &["packets::every_packet_comes_twice_and_only_the_targets"],
        &["safety::duplicate::ends_with_an_engine_that_is_killed"],
    ),
    fault(
        "net.corrupt",
        &["packets::what_is_corrupted_silently_is_read_by_the_application"],
        &[
            "packets::what_is_corrupted_as_on_a_wire_is_dropped_by_the_receivers_kernel",
            "safety::corrupt::ends_with_an_engine_that_is_killed",
        ],
    ),
    fault(
        "net.rate",
        &["packets::no_more_than_the_rate_gets_through_and_nothing_is_lost_below_it"],
        &["safety::rate::ends_with_an_engine_that_is_killed"],
    ),
    fault(
        "net.partition",
        &["partition::who_is_rejected_hears_of_it"],
        &[
            // Not every kernel is built with what resets connections.
            "partition::a_reset_breaks_what_is_open_and_refuses_what_is_new",
            "safety::partition::ends_with_an_engine_that_is_killed",
        ],
    ),
    fault(
        "sock.error",
        &[
            "sock::each_operation_fails_with_the_errno_that_was_asked_for",
            "sock::threads_and_children_are_covered_and_siblings_are_not",
        ],
        &[
            "safety::errors::ends_with_an_engine_that_is_killed",
            "sock::every_errno_reaches_the_caller",
        ],
    ),
    fault(
        "process.freeze",
        &["freeze::the_target_stands_still_as_often_and_as_long_as_was_asked"],
        &[
            "freeze::children_stand_still_with_their_parent",
            "keeper::a_killed_engine_leaves_nothing_frozen",
            "freeze::what_somebody_else_froze_is_refused_and_stays_frozen",
        ],
    ),
    fault(
        "process.signal",
        &[
            "signal::the_whole_tree_gets_it_in_turn_and_nobody_else",
            "signal::without_engine_and_keeper_the_undo_log_continues_them",
        ],
        &["safety::stops::ends_with_an_engine_that_is_killed"],
    ),
    fault(
        "cpu.stress",
        &[
            "pressure::the_load_that_was_asked_for_is_what_the_kernel_counts",
            "safety::calculating::ends_with_an_engine_that_is_killed",
        ],
        &[
            "pressure::the_hosts_workers_have_a_cgroup_of_their_own",
            "pressure::a_worker_that_stands_still_is_ended_by_the_keeper",
            "safety::calculating::ends_by_its_lease_when_nobody_can_act",
        ],
    ),
    fault(
        "memory.stress",
        &[
            "pressure::memory_is_resident_after_its_ramp",
            "pressure::a_target_with_a_limit_is_driven_out_of_memory_and_the_host_is_not",
        ],
        &["safety::holding::ends_with_an_engine_that_is_killed"],
    ),
    fault(
        "disk.stress",
        &["pressure::a_disk_moves_as_much_as_was_asked"],
        &["safety::busy::ends_with_an_engine_that_is_killed"],
    ),
    fault(
        "disk.fill",
        &["pressure::the_targets_own_file_system_is_filled_and_free_again_when_the_engine_dies"],
        &["safety::filling::ends_with_an_engine_that_is_killed"],
    ),
    fault(
        "cpu.limit",
        &[
            "limit::the_target_gets_no_more_processor_time_than_was_asked",
            "limit::what_was_there_before_is_there_again_exactly",
            "limit::without_engine_and_keeper_it_stays_until_somebody_undoes_it",
            "limit::what_somebody_else_writes_meanwhile_stays",
            "safety::less_cpu::ends_with_an_engine_that_is_killed",
        ],
        &[
            "limit::only_what_is_tighter_and_the_targets_own_is_limited",
            "limit::pulses_come_and_go",
            "safety::less_cpu::ends_with_an_engine_that_stands_still",
            "safety::less_cpu::ends_with_its_keeper",
        ],
    ),
    fault(
        "memory.limit",
        &[
            "limit::who_wants_more_memory_is_held_back_and_the_sibling_is_not",
            "safety::less_memory::ends_with_an_engine_that_is_killed",
        ],
        &[
            "limit::who_holds_more_is_not_limited_below_that",
            "safety::less_memory::ends_with_an_engine_that_stands_still",
            "safety::less_memory::ends_with_its_keeper",
        ],
    ),
    // The half by rates, where the guest has a disk and cgroup v2 its controller.
    Group {
        name: "throttle",
        // Whether it can be done by a latency does not matter.
        fault: None,
        program: "vm",
        // The other one has no such controller.
        kernels: &["5.10", "6.1", "6.12", "6.18", "7.2"],
        ..fault(
            "disk.slow",
            &[
                "throttle::rates::the_target_writes_no_more_than_was_asked_and_the_sibling_does",
                "throttle::rates::the_target_reads_no_more_often_than_was_asked",
                "throttle::rates::what_somebody_else_writes_meanwhile_stays",
                "throttle::rates::what_was_there_before_is_there_again_exactly",
                "throttle::rates::without_engine_and_keeper_it_stays_until_somebody_undoes_it",
                "throttle::endings::with_an_engine_that_is_killed",
                "throttle::endings::with_an_engine_that_stands_still",
            ],
            &[
                "throttle::rates::pulses_come_and_go",
                "throttle::rates::a_rehearsal_changes_nothing",
                "throttle::rates::only_what_is_tighter_and_on_one_disk_is_limited",
                "throttle::endings::when_somebody_says_stop",
                "throttle::endings::with_its_owner",
                "throttle::endings::at_its_deadline",
                "throttle::endings::after_its_last_hit",
                "throttle::endings::with_an_engine_that_is_terminated",
                "throttle::endings::with_its_keeper",
            ],
        )
    },
    of_calls("syscall.error", &["syscalls::"], &[]),
    // Of commands, by their filters: whatever else the kernel can.
    Group {
        fault: None,
        ..fault(
            "syscall.delay",
            &[
                "seccomp::delay::a_caller_sleeps_as_long_as_was_asked",
                "seccomp::delay::a_killed_engine_wakes_who_sleeps",
            ],
            &[
                "seccomp::delay::hundreds_sleep_at_the_same_time",
                "seccomp::delay::a_stopped_engine_lets_nobody_sleep_on",
                "seccomp::delay::who_sleeps_can_be_frozen",
            ],
        )
    },
    // Of processes that run already: where the kernel can let them sleep; `disk.slow` among them.
    Group {
        name: "sleep",
        kernels: &["6.12", "6.18", "7.2", "6.12-fi"],
        ..fault("syscall.delay", &["sleep::"], &[])
    },
    // Whatever else the kernel can.
    Group {
        fault: None,
        ..of_calls("spin", &["spin::"], &[])
    },
    of_calls("process.crash", &["crash::"], &[]),
    of_calls(
        "process.fd_limit",
        &["presets::no_descriptor"],
        &["presets::no_descriptor_has_gone"],
    ),
    of_calls(
        "process.fork_error",
        &["presets::no_process_and_no_thread"],
        &["presets::no_process_and_no_thread_has_gone"],
    ),
    of_calls(
        "memory.error",
        &["presets::no_memory"],
        &["presets::no_memory_has_gone"],
    ),
    of_calls(
        "disk.error",
        &["presets::disk_errors"],
        &["presets::disk_errors_have_gone"],
    ),
    of_calls(
        "disk.full",
        &[
            "presets::disk_full",
            "presets::disk_full_after_so_many_bytes",
        ],
        &["presets::disk_full_has_gone"],
    ),
    of_calls(
        "disk.readonly",
        &["presets::disk_readonly"],
        &["presets::disk_readonly_has_gone"],
    ),
    // Of every fault of packets, which all hang at interfaces alike; where links cannot.
    Group {
        name: "filters",
        program: "vm",
        kernels: &["5.10", "6.1"],
        ..fault("net.loss", &["filters::"], &[])
    },
    // For minutes.
    Group {
        name: "netem",
        program: "vm",
        kernels: &["6.12"],
        ..fault("net.loss", &["netem::"], &[])
    },
    Group {
        name: golden::GROUP,
        fault: None,
        program: "temblor",
        arguments: &["doctor", "--matrix", "--json"],
        tests: &[],
        more: &[],
        kernels: &[],
    },
    // Where a write passes a security hook only, as with most kernels.
    Group {
        name: "software",
        program: "vm",
        kernels: &["6.12"],
        ..fault(
            "syscall.error",
            &["software::redis::", "software::bare::"],
            &[],
        )
    },
    // Where syncing can take longer for who runs already.
    Group {
        name: "slow-software",
        program: "vm",
        kernels: &["6.18", "7.2"],
        ..fault("disk.slow", &["software::slow::"], &[])
    },
    // Where also fsync can be made to fail.
    Group {
        name: "databases",
        program: "vm",
        kernels: &["6.12-fi"],
        ..fault(
            "syscall.error",
            &["software::postgres::", "software::sqlite::"],
            &[],
        )
    },
];

/// By programs in the kernel.
const fn of_calls(
    name: &'static str,
    tests: &'static [&'static str],
    more: &'static [&'static str],
) -> Group {
    Group {
        program: "vm",
        ..fault(name, tests, more)
    }
}

const fn fault(
    name: &'static str,
    tests: &'static [&'static str],
    more: &'static [&'static str],
) -> Group {
    Group {
        name,
        fault: Some(name),
        program: "host",
        arguments: TESTS,
        tests,
        more,
        kernels: &[],
    }
}

impl Group {
    /// Whether it is run there.
    pub(crate) fn is_for(&self, machine: Machine) -> bool {
        let of_all = |named: &[&str], name| named.is_empty() || named.contains(&name);
        of_all(machine.variant.groups, self.name) && of_all(self.kernels, machine.release.name)
    }

    /// Counts a test that did not run as one that failed: its name is not what it was.
    pub(crate) fn complete(&self, machine: Machine, mut counts: Counts) -> Counts {
        let expected = u32::try_from(self.tests(machine).len()).unwrap_or(u32::MAX);
        let ran = counts.passed + counts.failed;
        counts.failed += expected.saturating_sub(ran);
        counts
    }

    fn tests(&self, machine: Machine) -> Vec<&'static str> {
        // Interfaces have another way there.
        let older = machine.hangs_filters() && self.name.starts_with("net.");
        let more = if machine.is_tried_thoroughly() || older {
            self.more
        } else {
            &[]
        };
        [self.tests, more].concat()
    }

    /// An order for the guest's first process.
    fn step(&self, machine: Machine) -> Value {
        let mut command = vec![self.program];
        command.extend(self.arguments);
        let tests = self.tests(machine);
        if !tests.is_empty() && !tests.iter().any(|test| test.ends_with("::")) {
            command.push("--exact");
        }
        command.extend(tests);
        json!({ "name": self.name, "fault": self.fault, "command": command })
    }
}

/// Orders for all of a machine's groups.
pub(crate) fn orders(machine: Machine) -> Value {
    let groups = GROUPS.iter().filter(|group| group.is_for(machine));
    groups.map(|group| group.step(machine)).collect()
}

/// The order that asks the doctor about each system call.
pub(crate) fn matrix(machine: Machine) -> Value {
    let groups = GROUPS.iter().filter(|group| group.name == golden::GROUP);
    groups.map(|group| group.step(machine)).collect()
}

/// Orders for the tests of both binaries with one of these in their names.
pub(crate) fn filtered(filters: &[String]) -> Value {
    let step = |program: &str| {
        let mut command = vec![program, "--test-threads=1"];
        command.extend(filters.iter().map(String::as_str));
        json!({ "name": program, "fault": null, "command": command })
    };
    ["vm", "host"].map(step).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Counts, GROUPS};
    use crate::vm::machines::{VARIANTS, machines};

    #[test]
    fn no_test_is_in_two_groups() {
        let tests = GROUPS.iter().flat_map(|group| [group.tests, group.more]);
        let tests = tests.flatten().collect::<Vec<_>>();
        let different: BTreeSet<_> = tests.iter().collect();
        assert_eq!(different.len(), tests.len());
    }

    #[test]
    fn names_are_words_to_who_reads_what_a_guest_says() {
        assert!(GROUPS.iter().all(|group| !group.name.contains(' ')));
    }

    #[test]
    fn variants_name_groups_that_there_are() {
        for name in VARIANTS.iter().flat_map(|variant| variant.groups) {
            assert!(GROUPS.iter().any(|group| group.name == *name), "{name}");
        }
    }

    #[test]
    fn tests_that_did_not_run_failed() {
        let machine = machines()[0];
        let group = GROUPS.iter().find(|group| group.tests.len() == 2).unwrap();
        let expected = u32::try_from(group.tests(machine).len()).unwrap();
        let one = Counts {
            passed: 1,
            ..Counts::default()
        };
        let failed = expected - 1;
        assert_eq!(group.complete(machine, one), Counts { failed, ..one });
    }
}
