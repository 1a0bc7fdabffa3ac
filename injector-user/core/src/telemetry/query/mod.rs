//! Questions to the history, as probes, hypotheses and breakers ask them.
//!
//! ```text
//! CLAIM      = EXPRESSION [COMPARISON LIMIT]
//! EXPRESSION = [FUNCTION] METRIC [where CONDITIONS] [over DURATION]
//!            | ratio of METRIC [where CONDITIONS] to METRIC [where CONDITIONS] [over DURATION]
//! FUNCTION   = rate | increase | mean | max | now | pNN, such as p50, p99 or p99.9
//! CONDITIONS = LABEL = VALUE [| VALUE]... [, LABEL = ...]...
//! COMPARISON = < | <= | > | >= | ==
//! ```
//!
//! Of all series that meet the conditions, counters are added up, durations are put together, and of
//! gauges the greatest counts. Conditions at the end of a ratio hold for both of its metrics. Without a
//! function, counters are told by their rate per second, durations by p99, gauges as they are; without
//! `over`, the last 10 s count. A value with spaces or one of `,|"<>=` stands in quotes, as in JSON.

mod bound;
mod check;
mod expression;
mod gather;
mod lexer;
mod measure;
mod parse;
mod quantity;

pub use bound::{Bound, Claim, Comparison, Verdict};
pub use expression::{Asked, Condition, Expression, Function, Quantile, Selection};
pub use measure::{Answer, Measured, Missing};
pub use quantity::{Limit, Quantity};

#[cfg(test)]
mod tests;
