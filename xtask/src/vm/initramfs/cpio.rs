//! The archive that a kernel unpacks into its first file system: cpio's "new ASCII" format.
//!
//! The crates for it write files only from disk, or no device nodes; the format is this page
//! (Documentation/driver-api/early-userspace/buffer-format.rst at v6.12).

use std::collections::BTreeSet;

/// An archive that is being written. Everything in it belongs to root.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    inodes: u32,
    folders: BTreeSet<String>,
}

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER: u32 = 0o020_000;

/// The name that ends an archive.
const TRAILER: &str = "TRAILER!!!";

impl Archive {
    pub(crate) fn folder(&mut self, path: &str) {
        self.parents(path);
        if self.folders.insert(path.to_owned()) {
            self.entry(path, DIRECTORY | 0o755, (0, 0), &[]);
        }
    }

    /// A file that everybody may read, and run if it is a program.
    pub(crate) fn file(&mut self, path: &str, content: &[u8]) {
        self.parents(path);
        self.entry(path, REGULAR | 0o755, (0, 0), content);
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.parents(path);
        self.entry(path, SYMLINK | 0o777, (0, 0), target.as_bytes());
    }

    /// A character device.
    pub(crate) fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.parents(path);
        self.entry(path, CHARACTER | 0o600, (major, minor), &[]);
    }

    /// The whole archive. Kernels take several, one after the other.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry(TRAILER, 0, (0, 0), &[]);
        self.bytes
    }

    fn parents(&mut self, path: &str) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.folder(parent);
        }
    }

    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.inodes += 1;
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
        let header = [
            self.inodes, // inode
            mode,
            0, // owner
            0, // group
            1, // links
            0, // time
            size,
            0, // device of the file
            0,
            device.0,
            device.1,
            name_size,
            0, // checksum, unused in this format
        ];
        self.bytes.extend(b"070701");
        for field in header {
            self.bytes.extend(format!("{field:08X}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        let length = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(length, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Archive;

    fn example() -> Archive {
        let mut archive = Archive::default();
        archive.file("bin/one", b"#!/bin/true");
        archive.file("bin/two", b"");
        archive.link("bin/three", "one");
        archive.device("dev/console", 5, 1);
        archive
    }

    #[test]
    fn every_part_begins_at_a_multiple_of_four() {
        let bytes = example().finish();
        assert_eq!(bytes.len() % 4, 0);
        let headers = bytes.windows(6).filter(|it| it == b"070701").count();
        assert_eq!(headers, 7, "two folders, four things in them, the end");
    }

    #[test]
    fn an_entry_is_its_header_its_name_and_its_content() {
        let mut archive = Archive::default();
        archive.file("one", b"12345");
        let text = String::from_utf8(archive.bytes).unwrap();
        let header = "070701 00000001 000081ED 00000000 00000000 00000001 00000000 00000005 \
                      00000000 00000000 00000000 00000000 00000004 00000000";
        let header = header.replace(' ', "");
        assert_eq!(text, header + "one\0\0\0" + "12345\0\0\0");
    }
}
