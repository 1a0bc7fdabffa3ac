//! A program without a C library, or any other: an ELF file of a few instructions, written down byte by
//! byte, as no compiler is needed then where it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::elf::{self, Width};

/// Opens the file whose name follows, to read, and ends with the errno that the kernel gave, or 0.
#[rustfmt::skip]
const CODE: &[u8] = &[
    0xbf, 0x9c, 0xff, 0xff, 0xff,             // mov edi, AT_FDCWD
    0x48, 0x8d, 0x35, 0x1a, 0x00, 0x00, 0x00, // lea rsi, [rip + 26]: behind the code
    0x31, 0xd2,                               // xor edx, edx: O_RDONLY
    0xb8, 0x01, 0x01, 0x00, 0x00,             // mov eax, 257: openat
    0x0f, 0x05,                               // syscall
    0x31, 0xff,                               // xor edi, edi
    0x85, 0xc0,                               // test eax, eax
    0x79, 0x04,                               // jns over the next two
    0x89, 0xc7,                               // mov edi, eax
    0xf7, 0xdf,                               // neg edi
    0xb8, 0xe7, 0x00, 0x00, 0x00,             // mov eax, 231: exit_group
    0x0f, 0x05,                               // syscall
];

/// Makes it in `folder`: a program that opens `file` and ends with the errno of that.
pub fn bare(folder: &Path, file: &Path) -> Result<PathBuf> {
    let path = folder.join("bare");
    let name = file.display().to_string();
    let text = [CODE, name.as_bytes(), &[0]].concat();
    fs::write(&path, elf::program(Width::Wide, &text))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}
