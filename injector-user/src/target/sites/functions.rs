//! Where the functions of an executable file begin and end, as the file says itself: by its symbols, and
//! by what debuggers and exceptions unwind with, which is left when symbols have been stripped.

use std::collections::BTreeMap;

use object::LittleEndian;
use object::elf::{PF_X, PT_GNU_EH_FRAME, PT_LOAD};
use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::read::{Object as _, ObjectSymbol as _, SymbolKind};

/// A function: where it is in the file, and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function<'a> {
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

/// Bytes of a file that are mapped at an address.
#[derive(Clone, Copy, Debug)]
struct Segment<'a> {
    address: u64,
    offset: u64,
    bytes: &'a [u8],
}

/// None if it is no such file.
pub(super) fn functions(file: &[u8]) -> Vec<Function<'_>> {
    let Ok(parsed) = ElfFile64::<LittleEndian>::parse(file) else {
        return Vec::new();
    };
    let endian = LittleEndian;
    let headers = parsed.elf_program_headers();
    let segments = |kind| {
        headers
            .iter()
            .filter(move |header| header.p_type(endian) == kind)
            .filter_map(|header| {
                let segment = Segment {
                    address: header.p_vaddr(endian),
                    offset: header.p_offset(endian),
                    bytes: header.data(endian, file).ok()?,
                };
                Some((header.p_flags(endian), segment))
            })
    };
    let loaded: Vec<(u32, Segment<'_>)> = segments(PT_LOAD).collect();
    let mut lengths = BTreeMap::new();
    let symbols = parsed.symbols().chain(parsed.dynamic_symbols());
    for symbol in symbols.filter(|one| one.kind() == SymbolKind::Text && one.size() > 0) {
        lengths.insert(symbol.address(), symbol.size());
    }
    if let Some((_flags, table)) = segments(PT_GNU_EH_FRAME).next() {
        lengths.extend(unwound(table, &loaded).unwrap_or_default());
    }
    let within = |(address, length): (u64, u64)| {
        let mut code = loaded.iter().filter(|(flags, _)| flags & PF_X != 0);
        code.find_map(|(_, segment)| segment.function(address, length))
    };
    lengths.into_iter().filter_map(within).collect()
}

impl<'a> Segment<'a> {
    fn function(&self, address: u64, length: u64) -> Option<Function<'a>> {
        let bytes = self.at(address, length)?;
        Some(Function {
            offset: self.offset + (address - self.address),
            bytes,
        })
    }

    /// What is at an address.
    fn at(&self, address: u64, length: u64) -> Option<&'a [u8]> {
        let from = usize::try_from(address.checked_sub(self.address)?).ok()?;
        let to = from.checked_add(usize::try_from(length).ok()?)?;
        self.bytes.get(from..to)
    }
}

/// Version 1, and how pointers, counts and entries are written: as every linker does.
const TABLE: [u8; 4] = [1, 0x1B, 0x03, 0x3B];
const HEAD: u64 = 12;
const ENTRY: u64 = 8;

/// The functions in the table of `.eh_frame_hdr` (Linux Standard Base, 10.6.2); nothing if it is written
/// otherwise than usual.
fn unwound(table: Segment<'_>, loaded: &[(u32, Segment<'_>)]) -> Option<Vec<(u64, u64)>> {
    if !table.bytes.starts_with(&TABLE) {
        return None;
    }
    let entries = u64::from(u32::from_le_bytes(table.bytes.get(8..12)?.try_into().ok()?));
    let mut found = Vec::new();
    for entry in 0..entries {
        let at = table.address + HEAD + entry * ENTRY;
        let begin = table.address.wrapping_add_signed(number(&table, at)?);
        let description = table.address.wrapping_add_signed(number(&table, at + 4)?);
        let mut holds = loaded.iter().map(|(_, segment)| segment);
        let length = holds.find_map(|segment| length(segment, description, begin));
        found.extend(length.map(|length| (begin, length)));
    }
    Some(found)
}

/// The length of a function in its description, if that is written as usual: relative, in four bytes.
fn length(segment: &Segment<'_>, description: u64, begin: u64) -> Option<u64> {
    let at = description + 8;
    let told = at.wrapping_add_signed(number(segment, at)?);
    let length = number(segment, at + 4)?;
    (told == begin).then_some(u64::try_from(length).ok()?)
}

fn number(segment: &Segment<'_>, address: u64) -> Option<i64> {
    let bytes = segment.at(address, 4)?.try_into().ok()?;
    Some(i64::from(i32::from_le_bytes(bytes)))
}
