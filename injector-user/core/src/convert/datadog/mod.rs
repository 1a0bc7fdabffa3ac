//! Manifests of Datadog's chaos-controller, `chaos.datadoghq.com/v1beta1`.

mod dialect;
mod disruption;
mod network;
mod others;

pub(super) use dialect::DIALECT;
