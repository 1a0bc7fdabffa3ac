//! Manifests of `LitmusChaos`, `litmuschaos.io/v1alpha1`.

mod dialect;
mod engine;
mod experiments;
mod stress;

pub(super) use dialect::DIALECT;
