//! What observers and their programs share: who is told apart, what is timed, what is counted.
//!
//! Every task, socket or request belongs to one **class**: a cgroup or process that is observed, or
//! everybody else. What is timed is an **item**: a system call by its number, or one of [`item`]. Each
//! class and item that occurs has a **row** with a histogram, for each processor; rows are handed out as
//! they are needed, so that what never happens costs nothing and what happens is bounded.

mod class;
mod fields;
mod items;
mod network;
mod rows;
mod waiting;

pub use class::{CLASSES, Current, REST, UNDECIDED, UNOBSERVED, Watch};
pub use fields::Fields;
pub use items::{AS_ERRNO, BUCKETS, CALLS, ITEMS, PARTS, bucket, item, least};
pub use network::{EDGES, Edge, EdgeKey, FLOWS, Flow, QUESTIONS, QuestionKey, protocol, role};
pub use rows::{COUNTS, CountKey, Directory, MOST_ROWS, NO_ROW, Row, STRETCH, lost, row_key};
pub use waiting::{PARKED, Waited, Waiting};
