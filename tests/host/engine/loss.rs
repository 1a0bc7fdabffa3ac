//! The fault that most of these tests arm.

use std::collections::BTreeMap;

use temblor_tests::params;

pub(super) fn loss(target: &str) -> BTreeMap<String, String> {
    params([("target", target), ("duration", "60s")])
}
