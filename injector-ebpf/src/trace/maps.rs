//! The maps of observers: each loader of theirs has its own.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, PerCpuHashMap, Queue};
use injector_abi::trace::{
    CLASSES, COUNTS, CountKey, Current, Directory, EDGES as MOST_EDGES, Edge, EdgeKey,
    FLOWS as MOST_FLOWS, Fields, Flow, MOST_ROWS, PARKED as MOST_PARKED,
    QUESTIONS as MOST_QUESTIONS, QuestionKey, Row, Waited, Waiting, Watch, lost,
};

use crate::storage::TaskStorage;

const MMAPABLE: u32 = 1 << 10;

/// Tells an insertion to leave what is there (`BPF_NOEXIST`).
pub const NOT_THERE: u64 = 1;

/// Who is observed, in the only entry.
#[map]
pub static WATCH: Array<Watch> = Array::with_max_entries(1, 0);

/// Classes by cgroup of version 2.
#[map]
pub static CLASS_BY_CGROUP: HashMap<u64, u32> = HashMap::with_max_entries(CLASSES * 2, 0);

/// Classes by thread group.
#[map]
pub static CLASS_BY_GROUP: HashMap<u32, u32> = HashMap::with_max_entries(1 << 14, 0);

/// What runs on this processor.
#[map]
pub static CURRENT: PerCpuArray<Current> = PerCpuArray::with_max_entries(1, 0);

/// What a task that has left the processor was in.
#[map]
pub static PARKED: TaskStorage<Current> = TaskStorage::new();

/// The same by thread, where the kernel keeps nothing with a task.
#[map]
pub static PARKED_BY_THREAD: LruHashMap<u32, Current> =
    LruHashMap::with_max_entries(MOST_PARKED, 0);

/// Rows by class.
#[map]
pub static DIRECTORIES: Array<Directory> = Array::with_max_entries(CLASSES, 0);

/// Rows that nobody has.
#[map]
pub static FREE_ROWS: Queue<u32> = Queue::with_max_entries(MOST_ROWS, 0);

/// Whose each row is: `injector_abi::trace::row_key`. Mapped into the reader.
#[map]
pub static ROW_KEYS: Array<u64> = Array::with_max_entries(MOST_ROWS, MMAPABLE);

/// A cell of each row for each processor, those of a row together; the loader says how many. Mapped into the
/// reader.
#[map]
pub static ROWS: Array<Row> = Array::with_max_entries(MOST_ROWS, MMAPABLE);

/// What is counted by a number.
#[map]
pub static COUNTS_BY: PerCpuHashMap<CountKey, u64> = PerCpuHashMap::with_max_entries(COUNTS, 0);

/// What tasks wait for.
#[map]
pub static WAITING: TaskStorage<Waiting> = TaskStorage::new();

/// The same by thread, where the kernel keeps nothing with a task.
#[map]
pub static WAITING_BY_THREAD: LruHashMap<u32, Waiting> =
    LruHashMap::with_max_entries(MOST_PARKED, 0);

/// How long the task on this processor has waited.
#[map]
pub static WAITED: PerCpuArray<Waited> = PerCpuArray::with_max_entries(1, 0);

/// Who talks to whom.
#[map]
pub static EDGES: PerCpuHashMap<EdgeKey, Edge> = PerCpuHashMap::with_max_entries(MOST_EDGES, 0);

/// Connections by the address of their socket.
#[map]
pub static FLOWS: LruHashMap<u64, Flow> = LruHashMap::with_max_entries(MOST_FLOWS, 0);

/// Questions to name servers and when they were asked.
#[map]
pub static QUESTIONS: LruHashMap<QuestionKey, u64> =
    LruHashMap::with_max_entries(MOST_QUESTIONS, 0);

/// Where the kernel keeps what, in the only entry.
#[map]
pub static TRACE_FIELDS: Array<Fields> = Array::with_max_entries(1, 0);

/// What was not observed: `injector_abi::trace::lost`.
#[map]
pub static LOST: PerCpuArray<u64> = PerCpuArray::with_max_entries(lost::KINDS, 0);
