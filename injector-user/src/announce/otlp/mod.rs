//! Events of OpenTelemetry, by its protocol over HTTP with protobuf (OTLP/HTTP).

mod body;
mod send;
mod settings;

pub use send::Otlp;
pub use settings::{Settings, settings};
