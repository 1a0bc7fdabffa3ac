//! What a caller that waits has in its memory.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Pages are as large, or larger.
const PAGE: usize = 4096;

/// Fills `bytes` from this address.
pub(super) fn read(thread: i32, address: u64, bytes: &mut [u8]) -> Option<()> {
    open(thread)?.read_exact_at(bytes, address).ok()
}

/// The text at this address, up to its end, which is within `longest` bytes.
pub(super) fn text(thread: i32, address: u64, longest: usize) -> Option<Vec<u8>> {
    let memory = open(thread)?;
    let mut text = Vec::new();
    let mut at = address;
    while text.len() < longest {
        // Never across a page: the next one may not be there.
        let mut part = [0; PAGE];
        let begun = usize::try_from(at).ok()? % PAGE;
        let part = part.get_mut(begun..)?;
        memory.read_exact_at(part, at).ok()?;
        if let Some(end) = part.iter().position(|byte| *byte == 0) {
            text.extend_from_slice(part.get(..end)?);
            return Some(text);
        }
        text.extend_from_slice(part);
        at += part.len() as u64;
    }
    None
}

fn open(thread: i32) -> Option<File> {
    File::open(format!("/proc/{thread}/mem")).ok()
}
