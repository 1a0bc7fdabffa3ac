//! A weaker form of a fault, for arming it again after a breaker opened.

use crate::fault::net::{Bursts, Loss};
use crate::fault::{Action, CallFault, FaultSpec};
use crate::units::Probability;

/// The fault at `factor` times its intensity, `factor` in `(0, 1]`.
///
/// What is scaled is the probability if the fault throws dice, else the latency of a delay, the rate
/// of a narrow line, what a limit leaves or how often bursts begin, else the probability of 1 it acts
/// with. A freeze, a signal, a partition or pressure cannot be made weaker, so there is no weaker one.
pub fn weakened(fault: &FaultSpec, factor: f64) -> Option<FaultSpec> {
    let mut weaker = fault.clone();
    let dice = fault.common.probability != Probability::ALWAYS;
    match &mut weaker.action {
        Action::ProcessFreeze(_)
        | Action::ProcessSignal(_)
        | Action::NetPartition(_)
        | Action::Pressure(_) => return None,
        Action::NetDelay(delay) if !dice => delay.latency = delay.latency.shortened(factor),
        Action::Calls(CallFault::Delay(failing)) if !dice => failing.outcome.shorten(factor),
        Action::Calls(CallFault::DiskSlow(slow)) if !dice => slow.sleep.shorten(factor),
        Action::Limit(limit) if !dice => *limit = limit.weakened(factor),
        Action::NetRate(rate) if !dice => rate.rate = rate.rate.divided_by(factor),
        Action::NetLoss(Loss {
            bursts: Bursts::Gemodel(gemodel),
            ..
        }) => gemodel.p = Probability::new(gemodel.p.get() * factor)?,
        Action::NetDelay(_)
        | Action::NetRate(_)
        | Action::NetLoss(_)
        | Action::NetDuplicate(_)
        | Action::NetCorrupt(_)
        | Action::SockError(_)
        | Action::Calls(_)
        | Action::Limit(_) => {
            weaker.common.probability = Probability::new(fault.common.probability.get() * factor)?;
        }
    }
    Some(weaker)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::fault::{Given, Kind, parse};

    fn check(kind: Kind, given: &[(&str, &str)], expected: Option<&[(&str, &str)]>) {
        let base = [("target", "netns:blue"), ("duration", "5s")];
        let words = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            base.iter()
                .chain(pairs)
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect()
        };
        let params = words(given)
            .into_iter()
            .map(|(name, text)| (name.clone(), Given::flag(&name, text)))
            .collect();
        let weaker = weakened(&parse(kind, &params).unwrap(), 0.5).map(|fault| fault.to_params());
        assert_eq!(weaker, expected.map(words));
    }

    #[test]
    fn the_probability_comes_first_then_the_latency() {
        check(
            Kind::NetLoss,
            &[("probability", "0.3")],
            Some(&[("probability", "0.15")]),
        );
        check(Kind::NetLoss, &[], Some(&[("probability", "0.5")]));
        check(
            Kind::NetDelay,
            &[("latency", "20ms"), ("jitter", "5ms")],
            Some(&[("latency", "10ms"), ("jitter", "2500us")]),
        );
        check(
            Kind::SyscallDelay,
            &[
                ("syscalls", "fsync"),
                ("latency", "20ms"),
                ("target", "pid:7"),
            ],
            Some(&[
                ("syscalls", "fsync"),
                ("latency", "10ms"),
                ("target", "pid:7"),
            ]),
        );
        check(
            Kind::NetDelay,
            &[("latency", "20ms"), ("probability", "0.5")],
            Some(&[("latency", "20ms"), ("probability", "0.25")]),
        );
        check(
            Kind::NetDelay,
            &[("latency", "12us"), ("jitter", "12us")],
            Some(&[("latency", "10us"), ("jitter", "6us")]),
        );
    }

    #[test]
    fn a_narrow_line_becomes_wider_and_bursts_rarer() {
        check(
            Kind::NetRate,
            &[("rate", "10mbit"), ("burst", "64KiB")],
            Some(&[("rate", "20mbit"), ("burst", "64KiB")]),
        );
        let model = |p| [("p", p), ("r", "0.2"), ("1-h", "0.5"), ("1-k", "0")];
        check(Kind::NetLoss, &model("0.1"), Some(&model("0.05")));
    }

    #[test]
    fn a_limit_leaves_more() {
        check(
            Kind::CpuLimit,
            &[("quota", "20%"), ("target", "pid:7")],
            Some(&[("quota", "40%"), ("target", "pid:7")]),
        );
        check(
            Kind::MemoryLimit,
            &[("size", "64MiB"), ("target", "pid:7")],
            Some(&[("size", "128MiB"), ("target", "pid:7")]),
        );
    }

    #[test]
    fn a_freeze_or_a_partition_has_no_weaker_form() {
        check(Kind::NetPartition, &[], None);
        check(
            Kind::ProcessFreeze,
            &[
                ("active", "100ms"),
                ("dormant", "100ms"),
                ("target", "pid:7"),
            ],
            None,
        );
    }
}
