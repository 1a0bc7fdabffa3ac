//! Metrics of one run, as its report knows them: for dashboards and alerts that outlive it.

mod catalogue;
mod exposition;
mod subject;

pub(super) use catalogue::reference;
pub use exposition::run_metrics;

#[cfg(test)]
mod tests;
