//! What is run in every guest: the tests of the host ring that show each fault's effect, that a
//! sibling is spared, and that nothing is left when its engine dies. All of them would take hours.

use serde_json::{Value, json};

use crate::test::Counts;

/// Tests that make one cell of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// Told as refused where the doctor refuses this fault.
    fault: Option<&'static str>,
    /// The test binary.
    program: &'static str,
    /// Tests by their whole names; all if there are none.
    tests: &'static [&'static str],
}

pub(crate) const GROUPS: &[Group] = &[
    Group {
        name: "vm",
        fault: None,
        program: "vm",
        tests: &[],
    },
    Group {
        name: "doctor",
        fault: None,
        program: "host",
        tests: &[
            "doctor::truth::it_finds_out_everything_and_leaves_nothing",
            "doctor::works::what_it_calls_supported_works_on_real_processes",
        ],
    },
    fault(
        "net.loss",
        &[
            "net::filters_spare_what_they_do_not_name",
            "net::in_a_shared_namespace_only_the_cgroups_packets_are_lost",
            "net::packets_are_lost_silently_and_only_the_targets",
            "net::when_and_max_hits_choose_packets_by_number",
            "safety::loss::ends_by_its_lease_when_nobody_can_act",
            "safety::loss::ends_with_an_engine_that_is_killed",
        ],
    ),
    fault(
        "net.delay",
        &[
            "delay::a_round_trip_grows_by_what_was_asked_and_only_the_targets",
            "delay::content_comes_through_a_delay_as_it_was",
            "safety::delay::ends_by_its_lease_when_nobody_can_act",
            "safety::delay::ends_with_an_engine_that_is_killed",
        ],
    ),
    fault(
        "net.duplicate",
        &[
            "packets::every_packet_comes_twice_and_only_the_targets",
            "safety::duplicate::ends_with_an_engine_that_is_killed",
        ],
    ),
    fault(
        "net.corrupt",
        &[
            "packets::what_is_corrupted_as_on_a_wire_is_dropped_by_the_receivers_kernel",
            "packets::what_is_corrupted_silently_is_read_by_the_application",
            "safety::corrupt::ends_with_an_engine_that_is_killed",
        ],
    ),
    fault(
        "net.rate",
        &[
            "packets::no_more_than_the_rate_gets_through_and_nothing_is_lost_below_it",
            "safety::rate::ends_with_an_engine_that_is_killed",
        ],
    ),
    fault(
        "net.partition",
        &[
            "partition::a_reset_breaks_what_is_open_and_refuses_what_is_new",
            "partition::everything_or_one_way_or_one_protocol_is_cut_off",
            "partition::who_is_rejected_hears_of_it",
            "safety::partition::ends_with_an_engine_that_is_killed",
        ],
    ),
    fault(
        "sock.error",
        &[
            "sock::each_operation_fails_with_the_errno_that_was_asked_for",
            "sock::every_errno_reaches_the_caller",
            "sock::filters_spare_addresses_that_they_do_not_name",
            "sock::threads_and_children_are_covered_and_siblings_are_not",
            "sock::when_and_max_hits_choose_calls_by_number",
            "safety::errors::ends_by_its_lease_when_nobody_can_act",
            "safety::errors::ends_with_an_engine_that_is_killed",
        ],
    ),
    fault(
        "process.freeze",
        &[
            "freeze::children_stand_still_with_their_parent",
            "freeze::the_target_stands_still_as_often_and_as_long_as_was_asked",
            "freeze::what_somebody_else_froze_is_refused_and_stays_frozen",
            "safety::freezes::ends_with_an_engine_that_is_killed",
            "safety::freezes::ends_with_its_keeper",
        ],
    ),
    fault(
        "process.signal",
        &[
            "signal::the_whole_tree_gets_it_in_turn_and_nobody_else",
            "signal::who_was_stopped_by_somebody_else_stays_stopped",
            "signal::without_engine_and_keeper_the_undo_log_continues_them",
            "safety::stops::ends_with_an_engine_that_is_killed",
        ],
    ),
];

const fn fault(name: &'static str, tests: &'static [&'static str]) -> Group {
    Group {
        name,
        fault: Some(name),
        program: "host",
        tests,
    }
}

impl Group {
    /// An order for the guest's first process.
    fn step(&self) -> Value {
        let mut command = vec![self.program, "--test-threads=1"];
        if !self.tests.is_empty() {
            command.push("--exact");
            command.extend(self.tests);
        }
        json!({ "name": self.name, "fault": self.fault, "command": command })
    }

    /// Counts a test that did not run as one that failed: its name is not what it was.
    pub(crate) fn complete(&self, mut counts: Counts) -> Counts {
        let expected = u32::try_from(self.tests.len().max(1)).unwrap_or(u32::MAX);
        let ran = counts.passed + counts.failed;
        counts.failed += expected.saturating_sub(ran);
        counts
    }
}

/// Orders for all of them.
pub(crate) fn all() -> Value {
    GROUPS.iter().map(Group::step).collect()
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

    #[test]
    fn no_test_is_in_two_groups() {
        let tests: Vec<_> = GROUPS.iter().flat_map(|group| group.tests).collect();
        let different: BTreeSet<_> = tests.iter().collect();
        assert_eq!(different.len(), tests.len());
    }

    #[test]
    fn tests_that_did_not_run_failed() {
        let group = GROUPS.iter().find(|group| group.tests.len() > 1).unwrap();
        let passed = 1;
        let failed = u32::try_from(group.tests.len()).unwrap() - 1;
        let one = Counts {
            passed,
            ..Counts::default()
        };
        assert_eq!(group.complete(one), Counts { failed, ..one });
    }
}
