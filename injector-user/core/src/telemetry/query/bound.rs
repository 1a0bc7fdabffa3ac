//! What is claimed of an answer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::expression::Expression;
use super::measure::Answer;
use super::parse::Parser;
use super::quantity::Limit;
use crate::problem::Invalid;

/// An expression, and between what its answer is to be, if anything is said about that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Claim {
    pub expression: Expression,
    pub bound: Option<Bound>,
}

/// One end of what an answer may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub comparison: Comparison,
    pub limit: Limit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
}

/// Whether a claim is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Holds,
    Fails,
    /// There is no data, or nothing is claimed.
    Unknown,
}

impl Claim {
    /// Judges an answer to its expression.
    #[must_use]
    pub fn judge(&self, answer: &Answer) -> Verdict {
        match (&self.bound, answer) {
            (Some(bound), Answer::Measured(measured)) => {
                if bound.holds(measured.value) {
                    Verdict::Holds
                } else {
                    Verdict::Fails
                }
            }
            (None, _) | (Some(_), Answer::NoData(_)) => Verdict::Unknown,
        }
    }
}

impl Bound {
    /// Whether a value, in seconds, bytes or parts of 1, is on the right side.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "who asks for the same means exactly that")]
    pub fn holds(&self, value: f64) -> bool {
        let limit = self.limit.value();
        match self.comparison {
            Comparison::Less => value < limit,
            Comparison::AtMost => value <= limit,
            Comparison::More => value > limit,
            Comparison::AtLeast => value >= limit,
            Comparison::Equal => value == limit,
        }
    }

    /// Between which values it holds, ends included or not; none where there is no upper end.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        let limit = self.limit.value();
        match self.comparison {
            // No answer is below 0.
            Comparison::Less | Comparison::AtMost => Some((0.0, limit)),
            Comparison::Equal => Some((limit, limit)),
            Comparison::More | Comparison::AtLeast => None,
        }
    }
}

impl Comparison {
    const ALL: [Self; 5] = [
        Self::Less,
        Self::AtMost,
        Self::More,
        Self::AtLeast,
        Self::Equal,
    ];

    pub(super) fn of(sign: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.sign() == sign)
    }

    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
        }
    }
}

impl FromStr for Claim {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut parser = Parser::new(text)?;
        let expression = parser.expression()?;
        let bound = parser.bound(expression.quantity())?;
        parser.end("after [over DURATION] only a comparison, such as `< 20ms`")?;
        Ok(Self { expression, bound })
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.expression)?;
        self.bound.map_or(Ok(()), |bound| write!(out, " {bound}"))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.comparison.sign(), self.limit)
    }
}

impl From<Claim> for String {
    fn from(claim: Claim) -> Self {
        claim.to_string()
    }
}

impl TryFrom<String> for Claim {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}
