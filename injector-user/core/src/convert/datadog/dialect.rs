//! What documents of chaos-controller are.

use super::disruption::FORMS;
use crate::convert::kubernetes;
use crate::convert::table::Dialect;

pub(in crate::convert) static DIALECT: Dialect = Dialect {
    product: "Datadog chaos-controller",
    about: "A `Disruption` of `chaos.datadoghq.com/v1beta1`. Its faults act together, and so do several \
            documents in one file, as they do there.",
    forms: FORMS,
    split: |node, place| {
        kubernetes::form("chaos.datadoghq.com/v1beta1", FORMS, node, place).map(kubernetes::one)
    },
    in_turn: false,
};
