//! What a slot's fault asks of an event, as the programs know it: a mask of slots for each question.

use injector_abi::Select as Masks;
use injector_abi::net::answer;
use injector_core::fault::Action;
use injector_core::fault::net::{Connections, Protocol};
use injector_core::plan::Select;

use super::calls::Asked;
use super::net::{answer_of, is_thorough};
use crate::delay_line::Treatment;

/// A fault, as far as it decides its bit in each mask.
#[derive(Debug)]
pub(super) struct Meant<'a> {
    action: &'a Action,
    select: &'a Select,
    asked: Asked,
    through_line: bool,
    allow_lockout: bool,
}

/// A mask, and which faults have their bit in it.
type Rule = (fn(&mut Masks) -> &mut u64, fn(&Meant<'_>) -> bool);

const RULES: [Rule; 25] = [
    (|m| &mut m.loss, |f| matches!(f.action, Action::NetLoss(_))),
    (
        |m| &mut m.delay,
        |f| matches!(f.action, Action::NetDelay(_)),
    ),
    (
        |m| &mut m.partition,
        |f| matches!(f.action, Action::NetPartition(_)),
    ),
    (|m| &mut m.corrupt, |f| f.corrupts() && !f.through_line),
    (|m| &mut m.corrupt_line, |f| f.corrupts() && f.through_line),
    (
        |m| &mut m.duplicate,
        |f| matches!(f.action, Action::NetDuplicate(_)),
    ),
    (|m| &mut m.rate, |f| matches!(f.action, Action::NetRate(_))),
    (
        |m| &mut m.any_connection,
        |f| f.select.connections == Connections::All,
    ),
    (
        |m| &mut m.opening,
        |f| f.select.connections == Connections::New,
    ),
    (
        |m| &mut m.answering,
        |f| answer_of(f.action) >= answer::RESET,
    ),
    (|m| &mut m.thorough, |f| is_thorough(f.action, f.select)),
    (|m| &mut m.any_port, |f| f.select.ports.is_empty()),
    (|m| &mut m.any_peer, |f| f.select.peers.is_empty()),
    (|m| &mut m.any_cgroup, |f| f.select.cgroup.is_none()),
    (
        |m| &mut m.any_thread_group,
        |f| f.select.thread_groups.is_empty(),
    ),
    (|m| &mut m.any_path, |f| f.select.files.is_none()),
    (|m| &mut m.any_file, |f| !f.asked.kind),
    (|m| &mut m.any_size, |f| !f.asked.size),
    (|m| &mut m.any_room, |f| !f.asked.room),
    (|m| &mut m.tcp, |f| f.has(Protocol::Tcp)),
    (|m| &mut m.udp, |f| f.has(Protocol::Udp)),
    (|m| &mut m.icmp, |f| f.has(Protocol::Icmp)),
    (|m| &mut m.other, |f| f.select.protocol.is_none()),
    (|m| &mut m.lockout, |f| f.allow_lockout),
    (|m| &mut m.any_syscall, |f| f.select.syscalls.is_empty()),
];

impl<'a> Meant<'a> {
    pub(super) fn of(action: &'a Action, select: &'a Select, allow_lockout: bool) -> Self {
        Self {
            action,
            select,
            asked: Asked::of(action),
            through_line: Treatment::of(action).is_some(),
            allow_lockout,
        }
    }

    fn corrupts(&self) -> bool {
        matches!(self.action, Action::NetCorrupt(_))
    }

    fn has(&self, protocol: Protocol) -> bool {
        self.select.protocol.is_none_or(|one| one == protocol)
    }
}

/// Sets the bit of a fault in the masks that it belongs in, and takes it out of the others.
pub(super) fn set(masks: &mut Masks, bit: u64, meant: &Meant<'_>) {
    for (mask, holds) in RULES {
        let mask = mask(masks);
        *mask = if holds(meant) {
            *mask | bit
        } else {
            *mask & !bit
        };
    }
}

/// Leaves only these bits in each.
pub(super) fn clear(masks: &mut Masks, keep: u64) {
    for (mask, _holds) in RULES {
        *mask(masks) &= keep;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mask_has_one_rule() {
        for (one, (mask, _)) in RULES.iter().enumerate() {
            let mut masks = Masks::default();
            *mask(&mut masks) = 1;
            let mut set = (0..RULES.len()).filter(|other| *RULES[*other].0(&mut masks) == 1);
            assert!(set.by_ref().eq([one]), "rule {one} shares its mask");
        }
        // Levels and epoch are no masks of slots.
        let others = 2;
        assert_eq!(size_of::<Masks>() / size_of::<u64>(), RULES.len() + others);
    }
}
