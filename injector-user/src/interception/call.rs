//! One call, as the kernel tells it.

use injector_abi::syscall::MOST_PIECES;
use injector_core::fault::syscall::{Amount, Syscall};

use super::{heap, memory};
use crate::sys::seccomp::{MARK, NOTICE};

const PRCTL: u16 = 157;

/// A system call that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The calling thread, as this process numbers it; 0 if it cannot be seen from here.
    pub thread: i32,
    pub number: u16,
    pub arguments: [u64; 6],
}

impl Call {
    /// From the words that the kernel wrote.
    pub fn read(notice: [u64; NOTICE]) -> Self {
        let [_id, thread, number, _at, arguments @ ..] = notice;
        Self {
            thread: low(thread).cast_signed(),
            // A filter of ours tells of no higher ones.
            number: u16::try_from(low(number)).unwrap_or(u16::MAX),
            arguments,
        }
    }

    /// Whether it is the one by which a held command waits for its listener to be taken.
    pub fn is_mark(&self) -> bool {
        let [first, ..] = self.arguments;
        self.number == PRCTL && low(first) == MARK
    }

    /// How many bytes it is about, if it says so.
    pub fn size(&self, syscall: Syscall) -> Option<u64> {
        if syscall.name() == "brk" {
            return Some(heap::growth(self));
        }
        syscall.size().map(|amount| self.amount(amount))
    }

    /// What it gives if it fails, where that is not the error.
    pub fn failed(&self) -> Option<i64> {
        let syscall = Syscall::from_number(self.number)?;
        heap::unmoved(self, syscall).map(u64::cast_signed)
    }

    /// How many bytes it is about; pieces that cannot be read have none.
    pub fn amount(&self, amount: Amount) -> u64 {
        match amount {
            Amount::Bytes(at) => self.argument(at),
            Amount::Pieces(at) => {
                let pieces = self.argument(at + 1).min(u64::from(MOST_PIECES));
                of_pieces(self.thread, self.argument(at), pieces).unwrap_or(0)
            }
        }
    }

    /// Argument number `at`, from 0.
    pub fn argument(&self, at: usize) -> u64 {
        self.arguments.get(at).copied().unwrap_or_default()
    }
}

/// How many bytes the pieces of memory have together, of which `address` has a list.
fn of_pieces(thread: i32, address: u64, pieces: u64) -> Option<u64> {
    /// Of a `struct iovec`: an address and a length.
    const ENTRY: usize = 16;
    let mut list = vec![0; ENTRY * usize::try_from(pieces).ok()?];
    memory::read(thread, address, &mut list)?;
    let (entries, _) = list.as_chunks::<ENTRY>();
    let lengths = entries
        .iter()
        .filter_map(|entry| entry.last_chunk().copied());
    Some(lengths.map(u64::from_le_bytes).fold(0, u64::saturating_add))
}

/// The lower half of a word.
#[expect(clippy::cast_possible_truncation, reason = "it is what is asked for")]
pub(super) fn low(word: u64) -> u32 {
    word as u32
}

#[cfg(test)]
mod tests {
    use super::{Call, MARK};

    #[test]
    fn words_are_read_as_the_kernel_writes_them() {
        let notice = [
            9,
            (7 << 32) + 4711,
            (0xc000_003e << 32) + 74,
            1,
            3,
            0,
            0,
            0,
            0,
            5,
        ];
        let call = Call::read(notice);
        let expected = Call {
            thread: 4711,
            number: 74,
            arguments: [3, 0, 0, 0, 0, 5],
        };
        assert_eq!((call, call.is_mark()), (expected, false));
        let mark = Call::read([9, 1, 157, 0, u64::from(MARK), 0, 0, 0, 0, 0]);
        assert!(mark.is_mark());
    }
}
