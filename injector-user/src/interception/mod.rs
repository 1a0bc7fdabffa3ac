//! System calls of a command that tell the engine of themselves, and wait for what it says.
//!
//! The command is started with a filter (`program`) whose listener the engine takes over before it is
//! executed (`take`). A thread answers ([`Answering`]) for as long as somebody could call; what it
//! answers is decided by the fault ([`Interception`]), and once that has ended every call is made as if
//! nobody had been asked. The keeper has the listener too, and the call that was received last: when
//! the thread does not answer for the time of its lease, the keeper does, and lets everything pass; so
//! it does with callers that sleep (`waiting`). When
//! the keeper dies, so does the command, since nobody would be left to answer if the engine died too.
//!
//! It must never answer a call of somebody else: a filter is inherited, and nothing else has it.

mod answering;
mod call;
mod callers;
mod case;
mod concern;
mod fault;
mod files;
mod heap;
mod memory;
mod opening;
mod partly;
mod program;
mod take;
mod waiting;

pub use answering::Answering;
pub use call::Call;
pub use case::{Case, Choice, Choose, Interception, Progress, Suffered};
pub use concern::Concern;
pub use fault::InterceptionError;
pub use partly::partly;
pub use program::program;
pub use take::{Listener, take};
