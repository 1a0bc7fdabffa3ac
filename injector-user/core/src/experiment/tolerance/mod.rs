//! What a probe's answer may be.
//!
//! A tolerance means here exactly what it means to the Chaos Toolkit, down to Python's idea of
//! equality (`1 == 1.0 == True`) and of what `$` matches: an experiment that passes there must not
//! fail here. Where the toolkit would raise an exception (a range over a list, a pattern over a
//! number), the tolerance is not met, and the reason says so.

mod check;
mod equality;
mod jsonpath;
mod pattern;

pub use check::{Expect, Finding, Tolerance, truthy};
pub use jsonpath::JsonPath;
pub use pattern::Pattern;
