//! What documents of Chaos Mesh are.

use super::other::FORMS;
use crate::convert::kubernetes;
use crate::convert::table::Dialect;

pub(in crate::convert) static DIALECT: Dialect = Dialect {
    product: "Chaos Mesh",
    about: "Documents of `chaos-mesh.org/v1alpha1`. Several in one file act side by side, as they do there.",
    forms: FORMS,
    split: |node, place| {
        kubernetes::form("chaos-mesh.org/v1alpha1", FORMS, node, place).map(kubernetes::one)
    },
    in_turn: false,
};
