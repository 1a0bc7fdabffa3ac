//! Which of several things that match suffer: all, or some that are drawn.
//!
//! A draw depends on the fault's seed and on the order of the candidates, which is sorted before, and
//! on nothing else: the same seed on the same host chooses the same.

use crate::decide::draw;
use crate::words::words;

/// The streams of draws for choosing; calls are numbered by thread group, far below these.
const COUNT: u64 = u64::MAX;
const RANK: u64 = u64::MAX - 1;

/// The words of Chaos Mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModeName {
    One,
    All,
    Fixed,
    FixedPercent,
    RandomMaxPercent,
}

words!(ModeName, "a mode", {
    One => "one",
    All => "all",
    Fixed => "fixed",
    FixedPercent => "fixed-percent",
    RandomMaxPercent => "random-max-percent",
});

/// How many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    One,
    All,
    /// So many, at least 1; all if there are not so many.
    Fixed(u32),
    /// So much of 100, `1..=100`, rounded down, and at least one.
    FixedPercent(u32),
    /// From one to so much of 100, each number as likely as any other.
    RandomMaxPercent(u32),
}

impl Mode {
    pub fn name(self) -> ModeName {
        match self {
            Self::One => ModeName::One,
            Self::All => ModeName::All,
            Self::Fixed(_) => ModeName::Fixed,
            Self::FixedPercent(_) => ModeName::FixedPercent,
            Self::RandomMaxPercent(_) => ModeName::RandomMaxPercent,
        }
    }

    /// The number that belongs to it.
    pub fn value(self) -> Option<u32> {
        match self {
            Self::One | Self::All => None,
            Self::Fixed(value) | Self::FixedPercent(value) | Self::RandomMaxPercent(value) => {
                Some(value)
            }
        }
    }

    fn count(self, of: usize, seed: u64) -> usize {
        let part = |percent: u32| (of.saturating_mul(percent as usize) / 100).max(1);
        match self {
            Self::One => 1,
            Self::All => of,
            Self::Fixed(count) => count as usize,
            Self::FixedPercent(percent) => part(percent),
            Self::RandomMaxPercent(percent) => {
                let most = part(percent) as u64;
                let drawn = 1 + draw(seed, COUNT, 0) % most;
                usize::try_from(drawn).unwrap_or(of)
            }
        }
        .min(of)
    }
}

/// What makes one candidate likelier than another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weigh {
    #[default]
    Equal,
    /// By resident memory.
    Memory,
    /// By processor time used so far.
    Cpu,
}

words!(Weigh, "a weight", {
    Equal => "equal",
    Memory => "memory",
    Cpu => "cpu",
});

/// Which of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Without one, several are an error.
    pub mode: Option<Mode>,
    pub weigh: Weigh,
}

impl Choice {
    /// Whether it depends on the seed.
    pub fn is_drawn(&self) -> bool {
        !matches!(self.mode, None | Some(Mode::All))
    }

    /// The positions of those chosen, ascending; `weights` are those of the candidates in their order.
    ///
    /// Without a mode that is all of them: that several are too many is not judged here.
    pub fn choose(&self, seed: u64, weights: &[u64]) -> Vec<usize> {
        let count = self.mode.unwrap_or(Mode::All).count(weights.len(), seed);
        let mut ranked: Vec<(f64, usize)> = weights
            .iter()
            .enumerate()
            .map(|(position, weight)| (rank(seed, position, *weight), position))
            .collect();
        ranked.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
        let mut chosen: Vec<usize> = ranked
            .into_iter()
            .take(count)
            .map(|(_rank, position)| position)
            .collect();
        chosen.sort_unstable();
        chosen
    }
}

/// Weighted sampling without replacement: the lowest ranks win (Efraimidis and Spirakis, "Weighted
/// random sampling with a reservoir", 2006, in its exponential form).
#[expect(
    clippy::cast_precision_loss,
    reason = "53 bits of a draw and of a weight"
)]
fn rank(seed: u64, position: usize, weight: u64) -> f64 {
    let bits = draw(seed, RANK, position as u64 + 1) >> 11;
    let uniform = (bits as f64 + 0.5) / 2_f64.powi(53);
    -uniform.ln() / weight.max(1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEEDS: u32 = 6_000;

    fn choice(mode: Mode) -> Choice {
        Choice {
            mode: Some(mode),
            weigh: Weigh::Equal,
        }
    }

    fn check_count(mode: Mode, of: usize, expected: usize) {
        let chosen = choice(mode).choose(7, &vec![1; of]);
        assert_eq!(chosen.len(), expected, "{mode:?} of {of}");
    }

    #[test]
    fn every_mode_chooses_as_many_as_it_says() {
        check_count(Mode::One, 5, 1);
        check_count(Mode::All, 5, 5);
        check_count(Mode::Fixed(3), 5, 3);
        check_count(Mode::Fixed(9), 5, 5);
        check_count(Mode::FixedPercent(50), 5, 2);
        check_count(Mode::FixedPercent(100), 5, 5);
        check_count(Mode::FixedPercent(1), 5, 1);
        check_count(Mode::One, 0, 0);
    }

    #[test]
    fn each_number_up_to_the_most_is_as_likely_as_any_other() {
        let mut seen = [0_u32; 6];
        for seed in 0..SEEDS {
            let chosen = choice(Mode::RandomMaxPercent(50)).choose(seed.into(), &[1; 10]);
            seen[chosen.len()] += 1;
        }
        assert_eq!(seen[0], 0);
        assert!(
            seen[1..].iter().all(|n| n.abs_diff(SEEDS / 5) < 220),
            "{seen:?}"
        );
    }

    #[test]
    fn every_candidate_is_as_likely_as_its_weight() {
        let mut seen = [0_u32; 3];
        for seed in 0..SEEDS {
            for position in choice(Mode::One).choose(seed.into(), &[1, 2, 3]) {
                seen[position] += 1;
            }
        }
        let expected = [SEEDS / 6, SEEDS / 3, SEEDS / 2];
        let near = seen.iter().zip(expected).all(|(n, m)| n.abs_diff(m) < 260);
        assert!(near, "{seen:?} instead of {expected:?}");
    }

    fn any_mode() -> impl Strategy<Value = Mode> {
        prop_oneof![
            Just(Mode::One),
            Just(Mode::All),
            (1..20_u32).prop_map(Mode::Fixed),
            (1..=100_u32).prop_map(Mode::FixedPercent),
            (1..=100_u32).prop_map(Mode::RandomMaxPercent),
        ]
    }

    proptest! {
        #[test]
        fn the_same_seed_chooses_the_same(mode in any_mode(), seed: u64, weights in proptest::collection::vec(0..9_u64, 0..40)) {
            let choice = choice(mode);
            let chosen = choice.choose(seed, &weights);
            prop_assert_eq!(&chosen, &choice.choose(seed, &weights));
            prop_assert!(chosen.iter().all(|position| *position < weights.len()));
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(chosen.is_empty(), weights.is_empty());
        }

        #[test]
        fn one_more_never_drops_one_that_was_chosen(seed: u64, count in 1..9_u32) {
            let fewer = choice(Mode::Fixed(count)).choose(seed, &[1; 12]);
            let more = choice(Mode::Fixed(count + 1)).choose(seed, &[1; 12]);
            prop_assert!(fewer.iter().all(|position| more.contains(position)));
        }
    }
}
