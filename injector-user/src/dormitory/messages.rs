//! What the kernel asks of a file system's server, and what it is told (`include/uapi/linux/fuse.h`,
//! version 7.31): as much of it as a single file needs that is only ever mapped.

use nix::errno::Errno;

/// The kernel hands no request to who has less room.
pub(super) const ROOM: usize = 64 << 10;

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Its number.
    pub(super) unique: u64,
    /// The thread that waits for the answer.
    pub(super) thread: i32,
    pub(super) asked: Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Which version we speak.
    Begin,
    /// What the file is like.
    Attributes,
    Open,
    Close,
    /// From this offset on.
    Read {
        offset: u64,
    },
    /// Somebody wants the thread that waits for this request to do something else.
    Interrupt {
        unique: u64,
    },
    /// Nothing that is to be answered.
    Notice,
    Other,
}

impl Request {
    /// Reads one; nothing if it is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        const HEADER: usize = 40;
        let number = |at| word(bytes, HEADER + at);
        let asked = match half(bytes, 4)? {
            26 => Asked::Begin,
            3 => Asked::Attributes,
            14 => Asked::Open,
            18 | 25 => Asked::Close,
            15 => Asked::Read { offset: number(8)? },
            36 => Asked::Interrupt { unique: number(0)? },
            2 | 42 => Asked::Notice,
            _other => Asked::Other,
        };
        Some(Self {
            unique: word(bytes, 8)?,
            thread: half(bytes, 32)?.cast_signed(),
            asked,
        })
    }
}

/// An answer that carries `body`.
pub(super) fn answer(unique: u64, body: &[u8]) -> Vec<u8> {
    with_head(unique, 0, body)
}

/// An answer that is an error.
pub(super) fn refusal(unique: u64, errno: Errno) -> Vec<u8> {
    with_head(unique, -(errno as i32), &[])
}

fn with_head(unique: u64, error: i32, body: &[u8]) -> Vec<u8> {
    const HEAD: usize = 16;
    let length = u32::try_from(HEAD + body.len()).unwrap_or_default();
    let head = [length.to_ne_bytes(), error.to_ne_bytes()].concat();
    [&head, &unique.to_ne_bytes()[..], body].concat()
}

/// `struct fuse_init_out`: nothing is read ahead.
pub(super) fn greeting() -> [u8; 64] {
    let mut body = [0; 64];
    let words = [(0, 7_u32), (4, 31), (20, 4096), (24, 1)];
    for (at, value) in words {
        put(&mut body, at, &value.to_ne_bytes());
    }
    // How many requests may be answered later at once, and from when on they are too many.
    let queue = [u16::MAX.to_ne_bytes(), u16::MAX.to_ne_bytes()].concat();
    put(&mut body, 16, &queue);
    body
}

/// `struct fuse_attr_out` of a file of `length` bytes, for good.
pub(super) fn attributes(length: u64) -> [u8; 104] {
    const MODE: u32 = libc::S_IFREG | 0o400;
    let mut body = [0; 104];
    let words = [(0, u64::from(u32::MAX)), (16, 1), (24, length)];
    for (at, value) in words {
        put(&mut body, at, &value.to_ne_bytes());
    }
    for (at, value) in [(76, MODE), (80, 1), (96, 4096)] {
        put(&mut body, at, &value.to_ne_bytes());
    }
    body
}

/// `struct fuse_open_out`.
pub(super) const OPENED: [u8; 16] = [0; 16];

fn put(body: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = body.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?;
    bytes.try_into().ok().map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;
    use proptest::prelude::*;

    use super::{Asked, Request, answer, refusal};

    fn request(opcode: u32, body: &[u64]) -> Vec<u8> {
        let mut bytes = vec![0; 40];
        bytes[4..8].copy_from_slice(&opcode.to_ne_bytes());
        bytes[8..16].copy_from_slice(&7_u64.to_ne_bytes());
        bytes[32..36].copy_from_slice(&1234_u32.to_ne_bytes());
        bytes.extend(body.iter().flat_map(|word| word.to_ne_bytes()));
        bytes
    }

    #[test]
    fn a_request_says_who_waits_for_what() {
        let read = |opcode, body: &[u64]| {
            let request = Request::read(&request(opcode, body)).unwrap();
            assert_eq!((request.unique, request.thread), (7, 1234));
            request.asked
        };
        assert_eq!(read(15, &[1, 8192, 4096]), Asked::Read { offset: 8192 });
        assert_eq!(read(36, &[6]), Asked::Interrupt { unique: 6 });
        assert_eq!(read(1, &[]), Asked::Other);
    }

    #[test]
    fn an_answer_says_how_long_it_is() {
        assert_eq!(answer(9, &[1, 2])[..4], 18_u32.to_ne_bytes());
        let refusal = refusal(9, Errno::EIO);
        assert_eq!(refusal[..4], 16_u32.to_ne_bytes());
        assert_eq!(refusal[4..8], (-5_i32).to_ne_bytes());
        assert_eq!(refusal[8..], 9_u64.to_ne_bytes());
    }

    proptest! {
        #[test]
        fn nothing_that_comes_is_too_much(bytes: Vec<u8>) {
            let _none_or_one = Request::read(&bytes);
        }
    }
}
