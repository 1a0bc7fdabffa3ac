//! Maps of whose values the kernel wants to know the type. Among them is the storage of sockets, whose keys
//! are descriptors, and whose values go with their sockets.
#![expect(unsafe_code, reason = "bpf(2) takes a union of pointers")]

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use aya_obj::generated::{bpf_attr, bpf_cmd};

use super::bpf::{bpf, fd_number, length, load_types, owned, zeroed};

/// What is asked for beside the sizes.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    pub name: &'a str,
    pub kind: u32,
    pub flags: u32,
    pub entries: u32,
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// So many words of 64 bits.
    Words(u32),
    /// What the kernel keeps of a task that is to do something (`struct bpf_task_work`).
    TaskWork,
}

impl Value {
    fn words(self) -> u32 {
        match self {
            Self::Words(words) => words,
            Self::TaskWork => 1,
        }
    }
}

/// Makes such a map. The kernel wants to know the types of its keys and values.
pub fn create(declared: Declared<'_>) -> io::Result<OwnedFd> {
    let types = load_types(&types(declared.value))?;
    let mut attr = zeroed();
    // SAFETY: every variant of the union is plain integers.
    let map = unsafe { &mut attr.__bindgen_anon_1 };
    map.map_type = declared.kind;
    map.key_size = length(size_of::<i32>());
    map.max_entries = declared.entries;
    map.value_size = declared.value.words() * length(size_of::<u64>());
    map.map_flags = declared.flags;
    map.btf_fd = fd_number(types.as_fd());
    map.btf_key_type_id = KEY;
    map.btf_value_type_id = VALUE;
    // The kernel keeps 15 characters.
    for (to, from) in map.map_name.iter_mut().zip(declared.name.bytes().take(15)) {
        *to = from.cast_signed();
    }
    owned(bpf(bpf_cmd::BPF_MAP_CREATE, &mut attr)?)
}

/// Gives `socket` the value, whatever it has.
pub fn write(map: BorrowedFd<'_>, socket: BorrowedFd<'_>, value: &[u64]) -> io::Result<()> {
    let key = socket.as_raw_fd();
    let mut attr = element(map, &key);
    attr.__bindgen_anon_2.__bindgen_anon_1.value = value.as_ptr() as u64;
    bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr).map(drop)
}

/// Takes the value of `socket` away, if it has one.
pub fn clear(map: BorrowedFd<'_>, socket: BorrowedFd<'_>) -> io::Result<()> {
    let key = socket.as_raw_fd();
    match bpf(bpf_cmd::BPF_MAP_DELETE_ELEM, &mut element(map, &key)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.map(drop),
    }
}

fn element(map: BorrowedFd<'_>, key: &i32) -> bpf_attr {
    let mut attr = zeroed();
    attr.__bindgen_anon_2.map_fd = fd_number(map);
    attr.__bindgen_anon_2.key = (&raw const *key) as u64;
    attr
}

/// The numbers of the types below, from 1.
const KEY: u32 = 1;
const WORD: u32 = 2;
const VALUE: u32 = 3;

/// BTF (Documentation/bpf/btf.rst) of a key and of a value.
fn types(value: Value) -> Vec<u8> {
    const STRINGS: &[u8] = b"\0int\0long\0bpf_task_work\0work\0";
    const HEADER: u32 = 24;
    const STRUCT: u32 = 4 << 24;
    // Where those names begin.
    let [int, long, task_work, work] = [1, 5, 10, 24];
    let integer = |name: u32, bytes: u32| [name, 1 << 24, bytes, bytes * 8];
    let of_value = match value {
        Value::Words(words) => vec![0, 3 << 24, 0, WORD, KEY, words],
        // A structure whose only member is that one.
        Value::TaskWork => [
            [work, STRUCT | 1, 8, work, VALUE + 1, 0],
            [task_work, STRUCT | 1, 8, long, WORD, 0],
        ]
        .concat(),
    };
    let all = [&integer(int, 4)[..], &integer(long, 8), &of_value].concat();
    let (types, strings) = (length(all.len() * 4), length(STRINGS.len()));
    let head = [0x0001_EB9F, HEADER, 0, types, types, strings];
    let numbers = head.into_iter().chain(all).flat_map(u32::to_ne_bytes);
    numbers.chain(STRINGS.iter().copied()).collect()
}
