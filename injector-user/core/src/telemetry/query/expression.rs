//! What can be asked.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lexer::is_plain;
use super::parse::Parser;
use super::quantity::Quantity;
use crate::problem::Invalid;
use crate::target::Selector;
use crate::telemetry::{Metric, MetricKind, Series, Signal, Unit};
use crate::units::format_duration;

/// A question to the history. What was left out when it was written is filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Expression {
    pub(super) asked: Asked,
    pub(super) over: Duration,
}

/// Of what something is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    One {
        function: Function,
        of: Selection,
    },
    /// How much of `part` there was for each of `whole`; whose conditions hold for both.
    Ratio {
        part: Selection,
        whole: Selection,
    },
}

/// What is made of the values of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// So much more in a second.
    Rate,
    /// So much more.
    Increase,
    Mean,
    Max,
    /// A gauge as it is.
    Now,
    Quantile(Quantile),
}

/// A part of all durations that are not longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantile {
    /// Hundredths of a percent, `1..=9_999`.
    pub(super) hundredths: u16,
}

/// Series of one metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub(super) metric: &'static Metric,
    pub(super) conditions: Vec<Condition>,
}

/// A label that has one of these values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub(super) label: &'static str,
    pub(super) values: Vec<String>,
}

impl Expression {
    /// Without `over`.
    pub const OVER: Duration = Duration::from_secs(10);
    /// Of `over`: a frame is made each second.
    pub const SHORTEST: Duration = Duration::from_secs(1);
    /// Of `over`: what the history keeps.
    pub const LONGEST: Duration = Duration::from_hours(1);

    #[must_use]
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// From [`Self::SHORTEST`] to [`Self::LONGEST`].
    #[must_use]
    pub fn over(&self) -> Duration {
        self.over
    }

    /// What its answer is a number of.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        match &self.asked {
            Asked::One { function, of } => function.quantity(of.metric),
            Asked::Ratio { part, whole } => ratio_of(part.metric, whole.metric),
        }
    }

    /// What has to be observed for an answer.
    #[must_use]
    pub fn signals(&self) -> BTreeSet<Signal> {
        let metrics = match &self.asked {
            Asked::One { of, .. } => vec![of.metric],
            Asked::Ratio { part, whole } => vec![part.metric, whole.metric],
        };
        metrics
            .into_iter()
            .filter_map(|metric| metric.signal)
            .collect()
    }

    /// Who has to be observed for an answer that nobody else's observing changes; nobody for a metric
    /// that is of no target.
    ///
    /// # Errors
    ///
    /// It is not said of whom it asks, or so that no series is called like that.
    pub fn targets(&self) -> Result<BTreeSet<Selector>, Invalid> {
        let of = match &self.asked {
            Asked::One { of, .. } => of,
            Asked::Ratio { whole, .. } => whole,
        };
        if of.metric.position(TARGET).is_none() {
            return Ok(BTreeSet::new());
        }
        let said = of.conditions.iter().find(|one| one.label == TARGET);
        let said = said.ok_or_else(|| unsaid(of.metric))?;
        said.values.iter().map(|value| selector(value)).collect()
    }
}

const TARGET: &str = "target";

fn unsaid(metric: &Metric) -> Invalid {
    Invalid::saying("it is not said whom to observe").hint(format!(
        "for example `{} where target=container:web`",
        metric.name
    ))
}

/// Whom a label means; series have it as it is printed.
fn selector(value: &str) -> Result<Selector, Invalid> {
    let selector: Selector = value.parse()?;
    let printed = selector.to_string();
    if printed == value {
        return Ok(selector);
    }
    Err(
        Invalid::saying(format!("`{value}` is called `{printed}` here"))
            .hint(format!("write target={printed}")),
    )
}

impl Function {
    /// What a metric is asked for if nothing is said.
    pub(super) fn usual(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Counter => Self::Rate,
            MetricKind::Gauge => Self::Now,
            MetricKind::Histogram => Self::Quantile(Quantile { hundredths: 9_900 }),
        }
    }

    /// Whether a metric of this kind can be asked for it.
    pub(super) fn fits(self, kind: MetricKind) -> bool {
        match self {
            Self::Rate | Self::Increase => kind != MetricKind::Gauge,
            Self::Mean | Self::Max => kind != MetricKind::Counter,
            Self::Now => kind == MetricKind::Gauge,
            Self::Quantile(_) => kind == MetricKind::Histogram,
        }
    }

    fn quantity(self, metric: &Metric) -> Quantity {
        let counted = metric.kind == MetricKind::Histogram;
        match (self, metric.unit) {
            (Self::Rate, _) if counted => Quantity::PerSecond,
            (Self::Increase, _) if counted => Quantity::Number,
            (Self::Rate, Unit::None) => Quantity::PerSecond,
            (Self::Rate, Unit::Bytes) => Quantity::BytesPerSecond,
            (Self::Rate, Unit::Seconds | Unit::Ratio) | (_, Unit::Ratio) => Quantity::Ratio,
            (_, Unit::None) => Quantity::Number,
            (_, Unit::Bytes) => Quantity::Bytes,
            (_, Unit::Seconds) => Quantity::Seconds,
        }
    }
}

/// What one of the other is; durations count by how many they are.
fn ratio_of(part: &Metric, whole: &Metric) -> Quantity {
    match (counted(part), counted(whole)) {
        (part, whole) if part == whole => Quantity::Ratio,
        (Unit::Bytes, _) => Quantity::Bytes,
        (Unit::Seconds, _) => Quantity::Seconds,
        (Unit::None | Unit::Ratio, _) => Quantity::Number,
    }
}

fn counted(metric: &Metric) -> Unit {
    match metric.kind {
        MetricKind::Histogram => Unit::None,
        MetricKind::Counter | MetricKind::Gauge => metric.unit,
    }
}

impl Quantile {
    /// In `(0, 1)`.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.hundredths) / 10_000.0
    }
}

impl Selection {
    #[must_use]
    pub fn metric(&self) -> &'static Metric {
        self.metric
    }

    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Whether a series is of this metric and meets the conditions.
    #[must_use]
    pub fn matches(&self, series: &Series) -> bool {
        series.metric() == self.metric && self.conditions.iter().all(|one| one.is_met_by(series))
    }
}

impl Condition {
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.label
    }

    /// One at least.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    pub(super) fn is_met_by(&self, series: &Series) -> bool {
        let value = series.label(self.label);
        value.is_some_and(|value| self.values.iter().any(|one| one == value))
    }
}

impl FromStr for Expression {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut parser = Parser::new(text)?;
        let expression = parser.expression()?;
        parser.end("[over DURATION] is the last there is")?;
        Ok(expression)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.asked {
            Asked::One { function, of } => write!(out, "{function} {of}")?,
            Asked::Ratio { part, whole } => write!(out, "ratio of {part} to {whole}")?,
        }
        write!(out, " over {}", format_duration(self.over))
    }
}

impl fmt::Display for Function {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate => out.write_str("rate"),
            Self::Increase => out.write_str("increase"),
            Self::Mean => out.write_str("mean"),
            Self::Max => out.write_str("max"),
            Self::Now => out.write_str("now"),
            Self::Quantile(quantile) => write!(out, "{quantile}"),
        }
    }
}

impl fmt::Display for Quantile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.hundredths / 100, self.hundredths % 100);
        write!(out, "p{whole}")?;
        if part == 0 {
            return Ok(());
        }
        write!(out, ".{}", format!("{part:02}").trim_end_matches('0'))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.metric.name)?;
        for (index, condition) in self.conditions.iter().enumerate() {
            let before = if index == 0 { " where " } else { ", " };
            write!(out, "{before}{condition}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}=", self.label)?;
        for (index, value) in self.values.iter().enumerate() {
            let before = if index == 0 { "" } else { "|" };
            if is_plain(value) {
                write!(out, "{before}{value}")?;
            } else {
                write!(out, "{before}{}", serde_json::Value::from(value.as_str()))?;
            }
        }
        Ok(())
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.to_string()
    }
}

impl TryFrom<String> for Expression {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}
