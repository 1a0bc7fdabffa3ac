//! The two-state Markov chain of Gilbert ("Capacity of a burst-noise channel", 1960) and Elliott
//! ("Estimates of error rates for codes on burst-noise channels", 1963), as netem's `gemodel` runs it:
//! an event suffers with the probability of the state it finds, then the state may change.

use crate::layout::exact_layout;

/// Probabilities in units of 2^-32, 0 to 2^32 inclusive. All zero: no chain.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Of leaving the good state: netem's `p`.
    pub to_bad: u64,
    /// Of leaving the bad state: netem's `r`.
    pub to_good: u64,
    /// Of suffering in the good state: netem's `1-k`.
    pub in_good: u64,
    /// Of suffering in the bad state: netem's `1-h`.
    pub in_bad: u64,
}

exact_layout!(Chain {
    to_bad: u64,
    to_good: u64,
    in_good: u64,
    in_bad: u64,
});

/// The stream that a chain's own draws belong to: no thread group's ordinal.
pub const CHAIN_STREAM: u64 = u64::MAX;

/// The state in which fewer events suffer.
pub const GOOD: u64 = 0;

impl Chain {
    /// Whether there is no chain.
    #[inline(always)]
    #[must_use]
    #[expect(
        clippy::inline_always,
        reason = "the verifier would check a call anew in every context"
    )]
    pub const fn is_absent(&self) -> bool {
        self.to_bad | self.to_good | self.in_good | self.in_bad == 0
    }

    /// The chance of suffering in `state`.
    #[inline(always)]
    #[must_use]
    #[expect(
        clippy::inline_always,
        reason = "the verifier would check a call anew in every context"
    )]
    pub const fn suffers(&self, state: u64) -> u64 {
        if state == GOOD {
            self.in_good
        } else {
            self.in_bad
        }
    }

    /// The state that follows `state`, by this draw.
    #[inline(always)]
    #[must_use]
    #[expect(
        clippy::inline_always,
        reason = "the verifier would check a call anew in every context"
    )]
    pub const fn next(&self, state: u64, draw: u64) -> u64 {
        let leaves = if state == GOOD {
            self.to_bad
        } else {
            self.to_good
        };
        if draw >> 32 < leaves {
            state ^ 1
        } else {
            state
        }
    }
}
