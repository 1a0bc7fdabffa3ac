//! Memory for frames that wait.

use std::mem;

/// Where frames are read into, and where the large ones stay.
///
/// A small frame is copied into memory of its own size, so that thousands may wait. A large one keeps
/// the buffer that it was read into, which is used again after it: at full speed copying aggregates,
/// and having the system find fresh memory for each, cost nearly half of the line's time.
#[derive(Debug)]
pub(super) struct Buffers {
    next: Vec<u8>,
    unused: Vec<Vec<u8>>,
}

/// A virtio header, an Ethernet header with two VLAN tags, and the largest IP packet.
const LARGEST_FRAME: usize = 10 + 22 + 65_536;
/// From here on a frame counts as large: a quarter of its buffer at least is in use.
const LARGE: usize = LARGEST_FRAME / 4;
/// Buffers that are kept for later: 4 MiB.
const KEPT: usize = 64;

impl Default for Buffers {
    fn default() -> Self {
        Self {
            next: vec![0; LARGEST_FRAME],
            unused: Vec::new(),
        }
    }
}

impl Buffers {
    /// Room for the largest frame.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.next
    }

    /// The frame of `length` bytes that has been read into the room.
    pub(super) fn take(&mut self, length: usize) -> Vec<u8> {
        if length < LARGE {
            return self.next.get(..length).unwrap_or_default().to_vec();
        }
        let fresh = self.unused.pop();
        let fresh = fresh.unwrap_or_else(|| vec![0; LARGEST_FRAME]);
        let mut frame = mem::replace(&mut self.next, fresh);
        frame.truncate(length);
        frame
    }

    /// Takes the memory of a frame that waits no more.
    pub(super) fn give_back(&mut self, mut frame: Vec<u8>) {
        if frame.capacity() >= LARGEST_FRAME && self.unused.len() < KEPT {
            frame.resize(LARGEST_FRAME, 0);
            self.unused.push(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Buffers, LARGE, LARGEST_FRAME};

    fn read(buffers: &mut Buffers, byte: u8, length: usize) -> Vec<u8> {
        buffers.room()[..length].fill(byte);
        buffers.take(length)
    }

    #[test]
    fn frames_are_what_was_read_whatever_their_size() {
        let mut buffers = Buffers::default();
        for round in 0..3 {
            for length in [0, 1, LARGE - 1, LARGE, LARGEST_FRAME] {
                let frame = read(&mut buffers, round, length);
                assert_eq!(frame, vec![round; length]);
                assert_eq!(buffers.room().len(), LARGEST_FRAME);
                buffers.give_back(frame);
            }
        }
    }

    #[test]
    fn small_frames_take_no_more_than_they_need() {
        let frame = read(&mut Buffers::default(), 1, 100);
        assert!(frame.capacity() < 200);
    }

    #[test]
    fn the_memory_of_a_large_frame_is_used_again() {
        let mut buffers = Buffers::default();
        let frame = read(&mut buffers, 1, LARGEST_FRAME);
        let address = frame.as_ptr();
        buffers.give_back(frame);
        let between = read(&mut buffers, 2, LARGEST_FRAME);
        let again = read(&mut buffers, 3, LARGEST_FRAME);
        assert_ne!(between.as_ptr(), address);
        assert_eq!(again.as_ptr(), address);
    }
}
