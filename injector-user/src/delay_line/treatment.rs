//! What a line does to the packets that take it.

use std::io;

use injector_core::fault::Action;
use injector_core::fault::net::{Delay, Rate};

use super::bucket::Bucket;
use super::sampler::Sampler;
use super::spoiler::Spoiler;

/// What is asked of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Treatment {
    /// Hold packets back.
    Delay(Delay),
    /// Let them go at a rate.
    Pace(Rate),
    /// Flip so many bits.
    Spoil(u32),
}

impl Treatment {
    /// What the fault needs a line for; nothing if it needs none.
    pub fn of(action: &Action) -> Option<Self> {
        use injector_core::fault::net::Corruption;
        match action {
            Action::NetDelay(delay) => Some(Self::Delay(delay.clone())),
            Action::NetRate(rate) => Some(Self::Pace(rate.clone())),
            Action::NetCorrupt(corrupt) if corrupt.how == Corruption::Wire => {
                Some(Self::Spoil(corrupt.bits))
            }
            Action::NetCorrupt(_)
            | Action::NetLoss(_)
            | Action::NetDuplicate(_)
            | Action::NetPartition(_)
            | Action::SockError(_)
            | Action::ProcessFreeze(_)
            | Action::ProcessSignal(_)
            | Action::Pressure(_)
            | Action::Limit(_)
            | Action::Calls(_) => None,
        }
    }
}

/// It being done.
#[derive(Debug)]
pub(super) enum Work {
    Delay(Sampler),
    Pace(Bucket),
    Spoil(Spoiler),
}

impl Work {
    pub(super) fn begin(treatment: &Treatment, seed: u64) -> io::Result<Self> {
        Ok(match treatment {
            Treatment::Delay(delay) => Self::Delay(Sampler::new(delay, seed)?),
            Treatment::Pace(rate) => Self::Pace(Bucket::new(rate)),
            Treatment::Spoil(bits) => Self::Spoil(Spoiler::new(*bits, seed)),
        })
    }

    /// When a frame that came at `now_ns` is due; none if there is no room for it.
    pub(super) fn due_ns(&mut self, now_ns: u64, frame: &mut [u8]) -> Option<u64> {
        match self {
            Self::Delay(sampler) => Some(now_ns + sampler.sample()),
            Self::Pace(bucket) => bucket.leaves_ns(now_ns, frame.len().saturating_sub(HEADER)),
            Self::Spoil(spoiler) => {
                spoiler.spoil(frame);
                Some(now_ns)
            }
        }
    }
}

/// Of virtio, in front of each frame.
pub(super) const HEADER: usize = 10;
