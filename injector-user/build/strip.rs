//! Drops DWARF, five sixths of an object; keeps BTF, maps, programs and their relocations.
//!
//! Done here, because the `objcopy` of binutils does not know BPF on every distribution.

use anyhow::Result;
use object::{
    build::elf::{Builder, SectionData},
    elf::SHT_STRTAB,
};

/// The object without its `.debug_*` sections.
pub(crate) fn dwarf(object: &[u8]) -> Result<Vec<u8>> {
    let mut elf = Builder::read(object)?;
    let mut section_names = false;
    for section in &mut elf.sections {
        let name = section.name.to_string();
        section.delete = name.starts_with(".debug_") || name.starts_with(".rel.debug_");
        section_names |= matches!(section.data, SectionData::SectionString);
    }
    if !section_names {
        // LLVM keeps the names of sections and symbols in one table; the writer wants two.
        let table = elf.sections.add();
        table.name = ".shstrtab".into();
        table.sh_type = SHT_STRTAB;
        table.data = SectionData::SectionString;
    }
    elf.delete_orphans();
    let mut stripped = Vec::new();
    elf.write(&mut stripped)?;
    Ok(stripped)
}
