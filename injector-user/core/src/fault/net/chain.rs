//! Suffering in bursts: the model of Gilbert and Elliott, and correlation as a case of it.

use std::collections::BTreeMap;

use crate::fault::given::Reader;
use crate::problem::Invalid;
use crate::units::Probability;

/// netem's `gemodel`: a packet is lost with the chance of the state it finds; then the state changes
/// with the chance of leaving it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gemodel {
    /// `p`: from the good state to the bad one.
    pub p: Probability,
    /// `r`: from the bad state to the good one.
    pub r: Probability,
    /// `1-h`: of losing a packet in the bad state.
    pub in_bad: Probability,
    /// `1-k`: of losing a packet in the good state.
    pub in_good: Probability,
}

impl Gemodel {
    /// The share of packets lost in the long run. `None` where the chain never leaves a state.
    pub fn mean(&self) -> Option<f64> {
        let (p, r) = (self.p.get(), self.r.get());
        let bad = p / (p + r);
        bad.is_finite()
            .then(|| bad * self.in_bad.get() + (1.0 - bad) * self.in_good.get())
    }

    /// How much a packet's state says of the next one's: -1 to 1.
    pub fn memory(&self) -> f64 {
        1.0 - self.p.get() - self.r.get()
    }

    /// `None` if no parameter of it was given, or a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let p = reader.optional("p", str::parse::<Probability>);
        let r = reader.optional("r", str::parse);
        let in_bad = reader.optional("1-h", str::parse);
        let in_good = reader.optional("1-k", str::parse);
        if !reader.has("p") {
            for name in ["r", "1-h", "1-k"] {
                if reader.has(name) {
                    let invalid = Invalid::saying(format!("`{name}` means nothing without `p`"));
                    reader.conflict(name, invalid.hint("add `p`, for example 1%"));
                }
            }
            return None;
        }
        for name in ["probability", "correlation"] {
            if reader.has(name) {
                let invalid = Invalid::saying(format!("`p` takes the place of `{name}`"));
                reader.conflict(name, invalid.hint("leave one of them away"));
            }
        }
        let p = p?;
        Some(Self {
            p,
            // netem's defaults: Bernoulli, Gilbert and simple Gilbert.
            r: r.or_else(|| Probability::new(1.0 - p.get()))?,
            in_bad: in_bad.unwrap_or(Probability::ALWAYS),
            in_good: in_good.unwrap_or(Probability::NEVER),
        })
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            p,
            r,
            in_bad,
            in_good,
        } = self;
        for (name, value) in [("p", p), ("r", r), ("1-h", in_bad), ("1-k", in_good)] {
            params.insert(name.to_owned(), value.to_string());
        }
    }
}

/// How what happens to one packet depends on what happened to the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Bursts {
    #[default]
    Independent,
    /// The share of packets that suffer is the fault's probability, and this the coefficient of
    /// correlation between one packet's lot and the next one's, in `0..1`.
    Correlated(Probability),
    Gemodel(Gemodel),
}

impl Bursts {
    /// The chain that does this, at a fault's probability; none if packets are independent.
    ///
    /// netem mixes each random number with the one before, which changes the share that suffers and
    /// so is called broken by its own manual page. A chain that repeats the last lot with the chance
    /// of the correlation keeps both numbers.
    pub fn chain(&self, probability: Probability) -> Option<Gemodel> {
        match *self {
            Self::Independent => None,
            Self::Gemodel(gemodel) => Some(gemodel),
            Self::Correlated(correlation) => {
                let anew = 1.0 - correlation.get();
                Some(Gemodel {
                    p: Probability::new(anew * probability.get())?,
                    r: Probability::new(anew * (1.0 - probability.get()))?,
                    in_bad: Probability::ALWAYS,
                    in_good: Probability::NEVER,
                })
            }
        }
    }

    pub(super) fn read_correlation(reader: &mut Reader<'_>) -> Self {
        let correlation = reader.optional("correlation", |text| {
            let correlation: Probability = text.parse()?;
            if correlation == Probability::ALWAYS {
                return Err(Invalid::saying(
                    "with a correlation of 1 the first packet would decide for all",
                )
                .hint("below 1, for example 25%"));
            }
            Ok(correlation)
        });
        correlation.map_or(Self::Independent, Self::Correlated)
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        match self {
            Self::Independent => {}
            Self::Correlated(correlation) => {
                params.insert("correlation".to_owned(), correlation.to_string());
            }
            Self::Gemodel(gemodel) => gemodel.write(params),
        }
    }
}
