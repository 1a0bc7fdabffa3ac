//! What documents of `LitmusChaos` are.

use super::engine;
use super::experiments::FORMS;
use crate::convert::table::Dialect;

pub(in crate::convert) static DIALECT: Dialect = Dialect {
    product: "LitmusChaos",
    about: "A `ChaosEngine` of `litmuschaos.io/v1alpha1`. Its experiments come one after the other, \
            as they do there; several engines in one file act side by side if each has one experiment. \
            What an engine does not say is taken to be as in the `ChaosExperiment` that LitmusChaos delivers; \
            how much and how long has to be written down.",
    forms: FORMS,
    split: engine::split,
    in_turn: true,
};
