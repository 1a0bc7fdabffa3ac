//! What clients and the engine say to each other over the engine's socket: one JSON object a line.
//!
//! Each [`Request`] gets exactly one [`Answer`] with its number, in any order. Faults are spoken of
//! in the words of the one schema, so the engine, which has the privilege, reads them with the same
//! parser as the client did, and trusts nobody.

mod fault;
mod message;

#[cfg(test)]
mod fuzz;

pub use fault::{Asleep, Ended, FaultReport, Felt, Measure, State, Strained, Suffered, Window};
pub use message::{
    Answer, Arm, Call, Class, EngineStatus, Failure, MAX_ANSWER, MAX_LINE, PROTOCOL, Request,
    Response, Which,
};
