//! What a finding holds for: one kernel, until it is started again, and one build of this program.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde::{Deserialize, Serialize};

/// Findings of another identity are not ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    /// The kernel's build id, or its release and version where it has none.
    kernel: String,
    boot: String,
    /// Version, size and age of this program: another build may try differently.
    program: String,
}

impl Identity {
    /// None if it cannot be told apart from others: then nothing is to be remembered.
    pub(super) fn read() -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let program = fs::metadata("/proc/self/exe").ok()?;
        let (version, size) = (env!("CARGO_PKG_VERSION"), program.size());
        let (seconds, nanoseconds) = (program.mtime(), program.mtime_nsec());
        Some(Self {
            kernel: build_id().or_else(release)?,
            boot: boot.trim_end().to_owned(),
            program: format!("{version} {size} {seconds}.{nanoseconds:09}"),
        })
    }
}

/// The build id of the running kernel, in hexadecimal.
pub fn build_id() -> Option<String> {
    find(&fs::read("/sys/kernel/notes").ok()?)
}

fn release() -> Option<String> {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok();
    let (release, version) = (read("osrelease")?, read("version")?);
    Some(format!("{} {}", release.trim_end(), version.trim_end()))
}

/// `NT_GNU_BUILD_ID` among ELF notes: three words, then name and contents, each padded to a word.
pub(super) fn find(mut notes: &[u8]) -> Option<String> {
    const BUILD_ID: u32 = 3;
    loop {
        let (name_size, rest) = word(notes)?;
        let (size, rest) = word(rest)?;
        let (kind, rest) = word(rest)?;
        let (name, rest) = rest.split_at_checked(name_size.checked_next_multiple_of(4)? as usize)?;
        let contents = rest.get(..size as usize)?;
        if kind == BUILD_ID && name == b"GNU\0" {
            return Some(hexadecimal(contents));
        }
        notes = rest.get(size.checked_next_multiple_of(4)? as usize..)?;
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((u32::from_ne_bytes(*word), rest))
}

#[cfg(test)]
mod tests {
    use super::find;

    fn note(kind: u32, name: &[u8], contents: &[u8]) -> Vec<u8> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_ne_bytes();
        let mut note = [length(name), length(contents), kind.to_ne_bytes()].concat();
        for part in [name, contents] {
            note.extend_from_slice(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    }

    #[test]
    fn the_build_id_is_found_between_other_notes() {
        let before = note(6, b"Linux\0", &[1, 2, 3]);
        let ours = note(3, b"GNU\0", &[0xAB, 0x01, 0xFF]);
        let notes = [before, ours, note(3, b"Xen\0", b"guest")].concat();
        assert_eq!(find(&notes).as_deref(), Some("ab01ff"));
    }

    #[test]
    fn notes_without_one_or_cut_short_have_none() {
        let mut other = note(3, b"Xen\0", b"guest");
        assert_eq!(find(&other), None);
        other.truncate(14);
        assert_eq!(find(&other), None);
        assert_eq!(find(&[0xFF; 64]), None);
    }
}
