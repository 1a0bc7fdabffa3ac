//! Whether what is observed is what was done.
//!
//! A process that knows what it does, in a cgroup of its own that an engine observes, and the difference of
//! two frames around what it does:
//!
//! - a storm: eight threads make `getpgid` as fast as they go. Calls that were made, less those counted and
//!   those told as `observer_lost` (`no-row`, `not-parked`): the row, which is to be 0. Its note says how
//!   many there were in a second, and how many of them were told as lost;
//! - more than there are rows: one process goes through 400 cgroups, each of which is a target, and makes the
//!   same eleven kinds of calls in each. The same of all calls, most of which have rows, and some must not
//!   have;
//! - more than there are edges: eight threads send datagrams to 6000 addresses, in a network namespace of
//!   their own. The same of packets and `no-edge`;
//! - short-lived processes: eight shells make processes that end at once, as fast as they go. The same of
//!   exits, `no-row` and `no-count`; the note says how many there were in a second;
//! - how long calls take: a process waits from 50 µs to 50 ms and looks at the clock before and after. The
//!   row is the greatest error of p50, p90 and p99 in the frame, as a share of those of its own figures,
//!   which have the way into the kernel and out of it, too.
//!
//! There is no peer: what is compared with is what was done.

mod quantiles;
mod run;
mod storms;

pub(super) use run::measure;
