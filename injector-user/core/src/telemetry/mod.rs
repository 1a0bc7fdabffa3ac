//! What targets feel, as numbers: which there are, how they are kept, and what they say over a time.
//!
//! An observer makes a [`Frame`] each second: every [`Series`] with its [`Value`], counted from when the
//! observer began. Whatever is shown, asked for or compared is worked out between two frames.

mod baseline;
mod catalogue;
mod frame;
mod graph;
mod histogram;
mod history;
mod metric;
mod octaves;
mod pairs;
mod query;
mod recovery;
mod signal;
mod summary;
mod timeline;
mod window;

pub use baseline::{Band, Baseline, Failures, Outside, Statistic};
pub use catalogue::METRICS;
pub use frame::{Frame, Series, Value};
pub use graph::{Edge, Exchange, Graph, Link, Node, NodeKind, Role, Transport, links};
pub use histogram::{Histogram, QUANTILE_ERROR};
pub use history::{Frames, History, Losses, Refused};
pub use metric::{Label, Metric, MetricKind, Unit, named};
pub use octaves::{OCTAVES, octave_bounds};
pub use query::{
    Answer, Asked, Bound, Claim, Comparison, Condition, Expression, Function, Limit, Measured,
    Missing, Quantile, Quantity, Selection, Verdict,
};
pub use recovery::{Breach, FaultTimes, Moment, Recovering, Recovery};
pub use signal::Signal;
pub use summary::{Quantiles, Said, Summary, summaries};
pub use timeline::{Line, Timeline};
pub use window::Window;
