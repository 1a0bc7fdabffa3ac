//! Where fields lie in this kernel's structures, read from its BTF.
//!
//! One pass over `/sys/kernel/btf/vmlinux`, whose types begin wherever the one before ends, for the few
//! structures that programs need: a parser of the whole takes ten times as long and forty times the
//! memory. Layout: Documentation/bpf/btf.rst.

use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;

use injector_abi::SocketFields;

/// Byte offsets in `task_struct`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskOffsets {
    pub pid: u32,
    pub tgid: u32,
}

/// Why an offset is not known.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    #[error("failed to read the kernel's type information in `{PATH}`")]
    Read(#[source] io::Error),
    #[error("the kernel's type information has no `{0}`")]
    NoMember(&'static str),
    #[error("the kernel's type information is cut short or of an unknown kind")]
    Malformed,
}

impl TaskOffsets {
    /// Those of the running kernel.
    pub fn known() -> Result<Self, BtfError> {
        static KNOWN: OnceLock<TaskOffsets> = OnceLock::new();
        once(&KNOWN, Self::find)
    }

    pub(super) fn find(bytes: &[u8]) -> Result<Self, BtfError> {
        let btf = Btf::open(bytes, &["task_struct"])?;
        let [pid, tgid] = btf.offsets("task_struct", ["pid", "tgid"])?;
        Ok(Self { pid, tgid })
    }
}

/// Where the running kernel keeps the cgroup of a socket.
pub(super) fn socket_fields() -> Result<SocketFields, BtfError> {
    static KNOWN: OnceLock<SocketFields> = OnceLock::new();
    once(&KNOWN, find_socket_fields)
}

fn find_socket_fields(bytes: &[u8]) -> Result<SocketFields, BtfError> {
    let structures = ["sock", "sock_cgroup_data", "cgroup", "kernfs_node"];
    let btf = Btf::open(bytes, &structures)?;
    let [data] = btf.offsets("sock", ["sk_cgrp_data"])?;
    let [cgroup] = btf
        .offsets("sock_cgroup_data", ["cgroup"])
        .or_else(|_before_5_15| btf.offsets("sock_cgroup_data", ["val"]))?;
    let [level] = btf.offsets("cgroup", ["level"])?;
    let [ancestors, node] = btf
        .offsets("cgroup", ["ancestors", "kn"])
        .or_else(|_before_6_1| {
            let ids = btf.offsets("cgroup", ["ancestor_ids"]);
            ids.map(|[ids]| [ids, 0])
        })?;
    let [id] = btf.offsets("kernfs_node", ["id"])?;
    Ok(SocketFields {
        cgroup: data + cgroup,
        level,
        ancestors,
        node,
        id,
        reserved: 0,
    })
}

/// What is found in the running kernel, which stays as it is: reading its types takes some milliseconds.
fn once<T: Copy>(
    known: &OnceLock<T>,
    find: impl FnOnce(&[u8]) -> Result<T, BtfError>,
) -> Result<T, BtfError> {
    if let Some(known) = known.get() {
        return Ok(*known);
    }
    let found = find(&running()?)?;
    Ok(*known.get_or_init(|| found))
}

pub(super) fn running() -> Result<Vec<u8>, BtfError> {
    std::fs::read(PATH).map_err(BtfError::Read)
}

const PATH: &str = "/sys/kernel/btf/vmlinux";
const MAGIC: u16 = 0xEB9F;
const TYPE_SIZE: usize = 12;
const MEMBER_SIZE: usize = 12;

pub(super) struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type begins, from number 1 on.
    starts: Vec<usize>,
    structures: Vec<(&'static str, Members<'a>)>,
}

/// The members of one structure.
#[derive(Clone, Copy)]
struct Members<'a> {
    bytes: &'a [u8],
    /// Offsets share their word with a bit-field size.
    bit_fields: bool,
}

impl Members<'_> {
    /// Where a member begins, in bytes.
    fn offset(self, member: &[u8]) -> Result<u32, BtfError> {
        let bits = word(member, 8)?;
        let bits = if self.bit_fields {
            bits & 0x00FF_FFFF
        } else {
            bits
        };
        Ok(bits / 8)
    }
}

/// One type of the table.
#[derive(Clone, Copy)]
struct Type<'a> {
    name: u32,
    info: u32,
    /// What follows the part that all types have.
    extra: &'a [u8],
}

impl<'a> Type<'a> {
    /// The first of `bytes`, and what comes after it.
    fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), BtfError> {
        let info = word(bytes, 4)?;
        let length = extra_length(info >> 24 & 0x1F, (info & 0xFFFF) as usize)?;
        let (common, rest) = split(bytes, TYPE_SIZE)?;
        let (extra, rest) = split(rest, length)?;
        let one = Self {
            name: word(common, 0)?,
            info,
            extra,
        };
        Ok((one, rest))
    }

    fn kind(&self) -> u32 {
        self.info >> 24 & 0x1F
    }

    fn members(&self) -> Members<'a> {
        Members {
            bytes: self.extra,
            bit_fields: self.info >> 31 == 1,
        }
    }
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), BtfError> {
    bytes.split_at_checked(at).ok_or(BtfError::Malformed)
}

impl<'a> Btf<'a> {
    /// One that knows the members of these structures.
    pub(super) fn open(bytes: &'a [u8], structures: &[&'static str]) -> Result<Self, BtfError> {
        if bytes.get(..2) != Some(&MAGIC.to_le_bytes()) {
            return Err(BtfError::Malformed);
        }
        let header = word(bytes, 4)? as usize;
        let section = |offset_at, length_at| {
            let start = header + word(bytes, offset_at)? as usize;
            let length = word(bytes, length_at)? as usize;
            bytes.get(start..start + length).ok_or(BtfError::Malformed)
        };
        let mut btf = Self {
            types: section(8, 12)?,
            strings: section(16, 20)?,
            starts: Vec::new(),
            structures: Vec::new(),
        };
        btf.index(structures)?;
        Ok(btf)
    }

    fn index(&mut self, structures: &[&'static str]) -> Result<(), BtfError> {
        let mut rest = self.types;
        while !rest.is_empty() {
            self.starts.push(self.types.len() - rest.len());
            let (one, after) = Type::read(rest)?;
            rest = after;
            if one.kind() == STRUCT && !one.extra.is_empty() {
                let name = structures.iter().find(|name| self.name_is(one.name, name));
                self.structures
                    .extend(name.map(|name| (*name, one.members())));
            }
        }
        Ok(())
    }

    /// The offsets of a structure's members in bytes.
    pub(super) fn offsets<const N: usize>(
        &self,
        name: &'static str,
        members: [&'static str; N],
    ) -> Result<[u32; N], BtfError> {
        let mut structures = self.structures.iter();
        let all = structures.find(|(found, _)| *found == name);
        let (_, all) = *all.ok_or(BtfError::NoMember(name))?;
        let mut found = [0; N];
        for (offset, member) in found.iter_mut().zip(members) {
            *offset = self
                .member_offset(all, member)?
                .ok_or(BtfError::NoMember(member))?;
        }
        Ok(found)
    }

    /// The types of these kinds whose names begin so, by their numbers.
    pub(super) fn named(&self, wanted: &[(u32, &str)]) -> Result<BTreeMap<String, u32>, BtfError> {
        let mut found = BTreeMap::new();
        for (number, start) in (1..).zip(&self.starts) {
            let one = self.at(*start)?;
            let text = self.strings.get(one.name as usize..).unwrap_or_default();
            let kind = one.kind();
            let mut wanted = wanted.iter();
            if wanted.any(|(of, prefix)| *of == kind && text.starts_with(prefix.as_bytes())) {
                let name = text.split(|byte| *byte == 0).next().unwrap_or_default();
                if let Ok(name) = str::from_utf8(name) {
                    found.insert(name.to_owned(), number);
                }
            }
        }
        Ok(found)
    }

    fn at(&self, start: usize) -> Result<Type<'a>, BtfError> {
        let (_before, rest) = split(self.types, start)?;
        Type::read(rest).map(|(one, _after)| one)
    }

    /// In the structure itself, or in a part of it that has no name.
    fn member_offset(&self, members: Members<'_>, name: &str) -> Result<Option<u32>, BtfError> {
        for member in members.bytes.chunks_exact(MEMBER_SIZE) {
            if self.name_is(word(member, 0)?, name) {
                return Ok(Some(members.offset(member)?));
            }
        }
        for member in members.bytes.chunks_exact(MEMBER_SIZE) {
            if word(member, 0)? != 0 {
                continue;
            }
            let Some(part) = self.members_of(word(member, 4)?)? else {
                continue;
            };
            if let Some(offset) = self.member_offset(part, name)? {
                return Ok(Some(members.offset(member)? + offset));
            }
        }
        Ok(None)
    }

    /// The members of the type of this number, if it is a structure or a union.
    fn members_of(&self, wanted: u32) -> Result<Option<Members<'a>>, BtfError> {
        let before = wanted.checked_sub(1).ok_or(BtfError::Malformed)?;
        let start = self.starts.get(before as usize);
        let one = self.at(*start.ok_or(BtfError::Malformed)?)?;
        Ok([STRUCT, UNION].contains(&one.kind()).then(|| one.members()))
    }

    fn name_is(&self, offset: u32, name: &str) -> bool {
        let start = offset as usize;
        let end = start + name.len();
        self.strings.get(start..end) == Some(name.as_bytes()) && self.strings.get(end) == Some(&0)
    }
}

const STRUCT: u32 = 4;
const UNION: u32 = 5;
/// Functions that programs can be attached at, or call.
pub(super) const FUNCTION: u32 = 12;
/// Among them are the prototypes of tracepoints.
pub(super) const TYPEDEF: u32 = 8;

/// Bytes that follow a type's common part, by its kind.
fn extra_length(kind: u32, count: usize) -> Result<usize, BtfError> {
    Ok(match kind {
        // Pointer, forward, typedef, volatile, const, restrict, function, float, type tag.
        2 | 7..=FUNCTION | 16 | 18 => 0,
        // Integer, variable, declaration tag.
        1 | 14 | 17 => 4,
        3 => 12,
        STRUCT | UNION | 15 | 19 => MEMBER_SIZE * count,
        6 | 13 => 8 * count,
        _ => return Err(BtfError::Malformed),
    })
}

fn word(bytes: &[u8], at: usize) -> Result<u32, BtfError> {
    let word = bytes.get(at..at + 4).ok_or(BtfError::Malformed)?;
    word.try_into()
        .map(u32::from_le_bytes)
        .map_err(|_short| BtfError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::{BtfError, TaskOffsets};

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(
            TaskOffsets::find(b"\x9F\xEB"),
            Err(BtfError::Malformed)
        ));
        assert!(matches!(
            TaskOffsets::find(b"ELF"),
            Err(BtfError::Malformed)
        ));
    }

    const STRINGS: &[u8] = b"\0task_struct\0pid\0tgid\0int\0";

    /// Types that are written as words.
    fn check(types: &[&[u32]], expected: TaskOffsets) {
        let types: Vec<u8> = types
            .concat()
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();
        let strings = STRINGS;
        let mut bytes = vec![0x9F, 0xEB, 1, 0];
        let lengths = (
            u32::try_from(types.len()).unwrap(),
            u32::try_from(strings.len()).unwrap(),
        );
        for word in [24, 0, lengths.0, lengths.0, lengths.1] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(types);
        bytes.extend(strings);
        assert_eq!(TaskOffsets::find(&bytes).unwrap(), expected);
    }

    const INT: &[u32] = &[22, 1 << 24, 4, 32];

    #[test]
    fn a_structure_is_found_between_others() {
        let task = [1, 4 << 24 | 2, 64, 13, 1, 96, 17, 1, 128];
        check(&[INT, &task], TaskOffsets { pid: 12, tgid: 16 });
    }

    #[test]
    fn a_member_is_found_in_a_part_without_a_name() {
        let task = [1, 4 << 24 | 2, 64, 13, 1, 96, 0, 3, 128];
        let union = [0, 5 << 24 | 1, 8, 17, 1, 0];
        check(&[INT, &task, &union], TaskOffsets { pid: 12, tgid: 16 });
    }
}
