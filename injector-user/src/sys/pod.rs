//! The shared layouts as map keys and values.
#![expect(unsafe_code, reason = "aya::Pod is an unsafe trait")]

use injector_abi::net::{Connection, Exempt};
use injector_abi::sleep::Slept;
use injector_abi::syscall::{Calls, FileFields, FileKey, TaskFields};
use injector_abi::trace::{CountKey, Directory, Edge, EdgeKey, Fields, Watch};
use injector_abi::{Armed, Counters, Fault, Progress, Select, SocketFields, StreamKey};

/// A shared type on its way into or out of a map.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Shared<T>(pub T);

macro_rules! shared {
    ($($ty:ty),+ $(,)?) => {$(
        // SAFETY: `exact_layout!` proves the type to be integers without padding.
        unsafe impl aya::Pod for Shared<$ty> {}
    )+};
}

shared!(
    Armed,
    Calls,
    Connection,
    CountKey,
    Counters,
    Directory,
    Edge,
    EdgeKey,
    Exempt,
    Fault,
    Fields,
    FileFields,
    FileKey,
    Progress,
    Select,
    Slept,
    SocketFields,
    StreamKey,
    TaskFields,
    Watch
);
