//! The maps that all objects share: the loader creates each once, by name.

use aya_ebpf::bindings::BPF_F_NO_PREALLOC;
use aya_ebpf::macros::map;
use aya_ebpf::maps::lpm_trie::LpmTrie;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, ProgramArray, Queue, RingBuf};
use injector_abi::net::{CONNECTIONS as MAX_CONNECTIONS, Connection, Exempt, LINES};
use injector_abi::sleep::{BEDS as MAX_BEDS, Bed, Dormitory, Slept};
use injector_abi::syscall::{
    Calls, FILES, FileFields, FileKey, NUMBERS, PROTECTED as MAX_PROTECTED, TaskFields,
};
use injector_abi::{
    Armed, CONTROL_ENTRIES, Counters, Fault, HOOKS, Progress, SLOTS, Select, SocketFields,
    SocketMark, Stream, StreamKey,
};

use crate::storage::SocketStorage;

const MMAPABLE: u32 = 1 << 10;

/// Version, kill switch, lease.
#[map]
pub static CONTROL: Array<u64> = Array::with_max_entries(CONTROL_ENTRIES, MMAPABLE);

/// The lease of each delay line, moved by the loop that forwards and by nothing else.
#[map]
pub static LINE_LEASE: Array<u64> = Array::with_max_entries(LINES, MMAPABLE);

/// Interface index of each delay line's TAP device, 0 for none.
#[map]
pub static LINE_IFINDEX: Array<u32> = Array::with_max_entries(LINES, 0);

/// What is armed where.
#[map]
pub static ARMED: Array<Armed> = Array::with_max_entries(HOOKS, 0);

/// Slots by kind and by the dimensions that do not restrict them.
#[map]
pub static SELECT: Array<Select> = Array::with_max_entries(1, 0);

/// Slots by port, of either end.
#[map]
pub static BY_PORT: Array<u64> = Array::with_max_entries(1 << 16, 0);

/// Slots by prefix of the peer; user space adds the slots of covering prefixes to each entry.
#[map]
pub static BY_PEER: LpmTrie<[u8; 16], u64> = LpmTrie::with_max_entries(1 << 14, 0);

/// Slots by cgroup of the socket.
#[map]
pub static BY_CGROUP: HashMap<u64, u64> = HashMap::with_max_entries(1 << 10, 0);

/// Slots by thread group.
#[map]
pub static BY_THREAD_GROUP: HashMap<u32, u64> = HashMap::with_max_entries(1 << 16, 0);

/// Whose a socket is; accepted sockets have what their listener has.
#[map]
pub static SOCKETS: SocketStorage<SocketMark> = SocketStorage::new();

/// The epoch in which each slot's fault was armed.
#[map]
pub static EPOCHS: Array<u64> = Array::with_max_entries(SLOTS, 0);

/// Where a socket's cgroup is to be found, in the only entry.
#[map]
pub static FIELDS: Array<SocketFields> = Array::with_max_entries(1, 0);

/// Ports and connections that keep the caller in.
#[map]
pub static EXEMPT: HashMap<Exempt, u8> = HashMap::with_max_entries(1 << 12, 0);

/// Slots by TCP connection that was open when they began to act.
#[map]
pub static CONNECTIONS: HashMap<Connection, u64> =
    HashMap::with_max_entries(MAX_CONNECTIONS, BPF_F_NO_PREALLOC);

/// The faults.
#[map]
pub static FAULTS: Array<Fault> = Array::with_max_entries(SLOTS, 0);

/// Hit indices and grants, global.
#[map]
pub static PROGRESS: Array<Progress> = Array::with_max_entries(SLOTS, 0);

/// What each fault did.
#[map]
pub static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(SLOTS, 0);

/// What is kept of a thread group for a fault.
#[map]
pub static STREAMS: LruHashMap<StreamKey, Stream> = LruHashMap::with_max_entries(1 << 14, 0);

/// Injections at each hook, at `hook * SLOTS + slot`. Not for each CPU: to make so many entries would
/// take the kernel longer than all else that an engine starts with.
#[map]
pub static INJECTED_AT: Array<u64> = Array::with_max_entries(HOOKS * SLOTS, 0);

/// Slots by system call, where several pass one place.
#[map]
pub static BY_SYSCALL: Array<u64> = Array::with_max_entries(NUMBERS, 0);

/// Where a system call says how many bytes it is about: see [`injector_abi::syscall::count`].
#[map]
pub static SIZES: Array<u32> = Array::with_max_entries(NUMBERS, 0);

/// What faults of system calls do.
#[map]
pub static CALLS: Array<Calls> = Array::with_max_entries(SLOTS, 0);

/// Slots by file that a call is about.
#[map]
pub static BY_FILE: HashMap<FileKey, u64> = HashMap::with_max_entries(FILES, BPF_F_NO_PREALLOC);

/// Slots by directory that holds it, however far above.
#[map]
pub static BY_DIRECTORY: HashMap<FileKey, u64> =
    HashMap::with_max_entries(FILES, BPF_F_NO_PREALLOC);

/// Thread groups that no fault of calls touches, whatever they have become a part of.
#[map]
pub static PROTECTED: HashMap<u32, u8> =
    HashMap::with_max_entries(MAX_PROTECTED, BPF_F_NO_PREALLOC);

/// Where a file's fields are to be found, in the only entry.
#[map]
pub static FILE_FIELDS: Array<FileFields> = Array::with_max_entries(1, 0);

/// Where a task's fields are to be found, in the only entry.
#[map]
pub static TASK_FIELDS: Array<TaskFields> = Array::with_max_entries(1, 0);

/// Injected events.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(1 << 18, 0);

/// Holds a token that programs for packets take turns by, where the kernel has nothing better.
#[map]
pub static PACKETS_TURN: Queue<u32> = Queue::with_max_entries(1, 0);

/// The same for programs that run for a caller.
#[map]
pub static CALLERS_TURN: Queue<u32> = Queue::with_max_entries(1, 0);

/// What stubs jump to, by hook.
#[map]
pub static BODIES: ProgramArray = ProgramArray::with_max_entries(HOOKS, 0);

/// Where callers sleep.
#[map]
pub static BEDS: Array<Bed> = Array::with_max_entries(MAX_BEDS, MMAPABLE);

/// How often a bed has been looked for.
#[map]
pub static TICKETS: Array<u64> = Array::with_max_entries(1, 0);

/// Whose beds they are, by slot; the leases are moved by the loop that wakes, and by nothing else.
#[map]
pub static DORMITORIES: Array<Dormitory> = Array::with_max_entries(SLOTS, MMAPABLE);

/// What became of those who were to sleep, by slot.
#[map]
pub static SLEPT: Array<Slept> = Array::with_max_entries(SLOTS, 0);

/// What the kernel keeps of a task that is to lie down before it goes back to its program, by bed. The
/// loader says of what type it is.
#[map]
pub static WORKS: Array<u64> = Array::with_max_entries(MAX_BEDS, 0);

/// Where the stack was of threads that have slept and now make their call once more.
#[map]
pub static RISEN: LruHashMap<u64, u64> = LruHashMap::with_max_entries(1 << 13, 0);

/// Beds that are kept for threads until it is their turn.
#[map]
pub static TURNS: HashMap<u64, u32> = HashMap::with_max_entries(MAX_BEDS, BPF_F_NO_PREALLOC);

/// How many they are: where there are none, nobody else has to look for his.
#[map]
pub static KEPT: Array<u64> = Array::with_max_entries(1, 0);
