//! Manifests of Chaos Mesh, `chaos-mesh.org/v1alpha1`: one file for each kind that can be converted.

mod dialect;
mod io;
mod network;
mod other;
mod pod;
mod selector;
mod stress;

pub(super) use dialect::DIALECT;
