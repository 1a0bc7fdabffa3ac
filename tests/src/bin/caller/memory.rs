//! Calls on memory and on what is made anew.

use rustix::event::EventfdFlags;
use rustix::fs::MemfdFlags;
use rustix::pipe::PipeFlags;
use rustix::rand::GetRandomFlags;
use rustix::{event, fs, pipe, rand};

use crate::calls::Call;

#[rustfmt::skip]
pub(crate) const CALLS: &[(&str, Call)] = &[
    ("memfd_create", |_| fs::memfd_create("made", MemfdFlags::empty()).map(drop)),
    ("pipe2", |_| pipe::pipe_with(PipeFlags::CLOEXEC).map(drop)),
    ("eventfd2", |_| event::eventfd(0, EventfdFlags::empty()).map(drop)),
    ("getrandom", |_| rand::getrandom(&mut [0_u8; 8], GetRandomFlags::empty()).map(drop)),
];
