//! What real work loses while everything is observed.
//!
//! - Redis: GET and SET of `redis-benchmark` over the loopback interface of a namespace of their own, 50
//!   connections, one request at a time on each; the server is in a cgroup of its own.
//! - A storm of processes: a shell, in a cgroup of its own, starts `true` thousands of times, one after the
//!   other, as `make` and scripts do.
//!
//! The figure is what a round with an observer does less than the round without one before it: the median over
//! all rounds, in percent. Observers alternate within one run:
//!
//! - ours, with all signals of the host, of the cgroup at work and of its process by itself, and of the ten
//!   busiest cgroups;
//! - the same of system calls alone, which is what the peers look at, without an aim;
//! - `syscount -L` of libbpf-tools and a histogram by `bpftrace`, of all calls of all tasks;
//! - for the storm also `execsnoop` and `exitsnoop` of libbpf-tools, which tell of each process.
//!
//! There is a row for ours by itself, which is to lose 3 % at most, and one beside each peer, which is to lose
//! more. A peer that is not installed, or does not come up, is told and left out. On a machine whose processors
//! are all busy with the work an observer's own thread takes its time from it, too: that is in the figures.

mod looks;
mod run;
mod works;

pub(super) use run::measure;
