//! What engine and keeper say to each other: fixed-size messages over a SEQPACKET socket pair.
//!
//! The two are the same program, so there is no version; but a message that makes no sense is
//! answered with a refusal, never a panic.

use std::ffi::CStr;

use super::charge::Mending;
use super::heart::Cell;

/// The longest name of an undo-log entry, with its closing NUL.
pub(super) const NAME: usize = 96;

/// Bytes of a request on the wire: sequence number, tag, cell, mending, reserved, name.
pub(super) const REQUEST: usize = 8 + NAME;

/// Bytes of an answer on the wire: sequence number, verdict.
pub(super) const ANSWER: usize = 5;

/// A file name that fits into a message.
pub(super) type Name = [u8; NAME];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Undo this if the engine goes; the file to write and the undo directory come with it.
    Register {
        cell: Cell,
        mending: Mending,
        name: Name,
    },
    /// The engine has undone it.
    Release { cell: Cell },
    /// A loop has begun: look at the leases now. Not answered.
    Nudge,
    /// The engine ends in order. Not answered: the keeper leaves.
    Stop,
}

/// Room for `name` and its closing NUL, or nothing if it is too long.
pub(super) fn name(text: &CStr) -> Option<Name> {
    let mut name = [0; NAME];
    let bytes = text.to_bytes_with_nul();
    name.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(name)
}

impl Request {
    pub(super) fn encode(&self, sequence: u32) -> [u8; REQUEST] {
        let mut bytes = [0; REQUEST];
        bytes[..4].copy_from_slice(&sequence.to_ne_bytes());
        match self {
            Self::Register {
                cell,
                mending,
                name,
            } => {
                bytes[4..7].copy_from_slice(&[1, cell.number(), mending.tag()]);
                bytes[8..].copy_from_slice(name);
            }
            Self::Release { cell } => bytes[4..6].copy_from_slice(&[2, cell.number()]),
            Self::Nudge => bytes[4] = 3,
            Self::Stop => bytes[4] = 4,
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<(u32, Self)> {
        let bytes: &[u8; REQUEST] = bytes.try_into().ok()?;
        let sequence = u32::from_ne_bytes(*bytes.first_chunk()?);
        let request = match bytes[4] {
            1 => Self::Register {
                cell: Cell::effect(bytes[5])?,
                mending: Mending::from_tag(bytes[6])?,
                name: *bytes.last_chunk()?,
            },
            2 => Self::Release {
                cell: Cell::effect(bytes[5])?,
            },
            3 => Self::Nudge,
            4 => Self::Stop,
            _ => return None,
        };
        Some((sequence, request))
    }
}

pub(super) fn answer(sequence: u32, accepted: bool) -> [u8; ANSWER] {
    let mut bytes = [u8::from(accepted); ANSWER];
    bytes[..4].copy_from_slice(&sequence.to_ne_bytes());
    bytes
}

pub(super) fn read_answer(bytes: &[u8]) -> Option<(u32, bool)> {
    let (sequence, verdict) = bytes.split_first_chunk()?;
    Some((u32::from_ne_bytes(*sequence), verdict == [1]))
}

#[cfg(test)]
mod tests {
    use super::super::charge::Mending;
    use super::super::heart::Cell;
    use super::{NAME, REQUEST, Request, answer, name, read_answer};

    #[test]
    fn requests_survive_the_wire() {
        let cell = Cell::effect(64).unwrap();
        let requests = [
            Request::Register {
                cell,
                mending: Mending::ThawV1,
                name: name(c"thaw-1-2.json").unwrap(),
            },
            Request::Release { cell },
            Request::Nudge,
            Request::Stop,
        ];
        for request in requests {
            let bytes = request.encode(0xfeed_f00d);
            assert_eq!(Request::decode(&bytes), Some((0xfeed_f00d, request)));
        }
        assert_eq!(read_answer(&answer(9, true)), Some((9, true)));
        assert_eq!(read_answer(&answer(9, false)), Some((9, false)));
    }

    #[test]
    fn what_makes_no_sense_is_no_request() {
        assert_eq!(Request::decode(&[]), None);
        assert_eq!(Request::decode(&[3; REQUEST - 1]), None);
        for (tag, cell, mending) in [
            (0, 1, 1),
            (9, 1, 1),
            (1, 0, 1),
            (1, 65, 1),
            (1, 1, 9),
            (2, 0, 0),
        ] {
            let mut bytes = [0; REQUEST];
            bytes[4..7].copy_from_slice(&[tag, cell, mending]);
            assert_eq!(Request::decode(&bytes), None, "tag {tag} cell {cell}");
        }
    }

    #[test]
    fn a_name_keeps_its_closing_nul() {
        let fits = std::ffi::CString::new(vec![b'a'; NAME - 1]).unwrap();
        assert_eq!(name(&fits).unwrap().last(), Some(&0));
        let too_long = std::ffi::CString::new(vec![b'a'; NAME]).unwrap();
        assert_eq!(name(&too_long), None);
    }
}
