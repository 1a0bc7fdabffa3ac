//! Every parameter of every fault.

use super::choice::CHOICE;
use super::common::{COMMON_ROWS, FIRST_ROWS};
use super::disk::DISK_ROWS;
use super::limit::LIMIT_ROWS;
use super::net::NET_ROWS;
use super::pressure::PRESSURE_ROWS;
use super::process::PROCESS_ROWS;
use super::sock::SOCK_ROWS;
use super::syscall::SYSCALL_ROWS;
use crate::fault::kind::Kind;
use crate::problem::{Place, Problem};
use crate::suggest;

/// What a parameter's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Target,
    Duration,
    Probability,
    When,
    /// A whole number, at least this.
    Count(u64),
    Label,
    /// `true` or `false`; on the command line a flag without a value.
    Flag,
    Peers,
    Ports,
    Errno,
    /// A whole number, or a percentage.
    Share,
    /// Bits per second.
    Rate,
    /// Percent of one processor.
    CpuShare,
    /// Bytes.
    Size,
    /// A percentage.
    Percent,
    /// A whole number from -1000 to 1000.
    Adjustment,
    /// One or more durations, separated by commas.
    Durations,
    Signal,
    /// A set of system calls.
    Syscalls,
    /// One errno, or several with weights.
    Errors,
    /// What a call returns that was not made.
    Returned,
    /// Files.
    Path,
    /// A range of bytes.
    Sizes,
    /// One of these.
    Word(&'static [&'static str]),
    /// One or more of these, separated by commas.
    Words(&'static [&'static str]),
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// The key in YAML and over the socket.
    pub name: &'static str,
    pub value: ValueType,
    pub required: bool,
    /// What holds when it is not given; `None` if that is nothing at all.
    pub default: Option<&'static str>,
    /// Unit and range in words.
    pub range: &'static str,
    /// A value that can be read.
    pub example: &'static str,
    /// One line for `--help`.
    pub help: &'static str,
    /// Faults that have it.
    pub kinds: &'static [Kind],
}

impl Param {
    /// The command line flag: `--max-hits`.
    pub fn flag(&self) -> String {
        Place::flag(self.name).path
    }

    /// The words a shell can complete.
    pub fn words(&self) -> &'static [&'static str] {
        match self.value {
            ValueType::Word(words) | ValueType::Words(words) => words,
            _ => &[],
        }
    }
}

/// The parameters of one fault, those that must be given first.
pub fn params(kind: Kind) -> impl Iterator<Item = &'static Param> {
    let of_kind = move |param: &&Param| param.kinds.contains(&kind);
    let required = all().filter(|param| param.required);
    let optional = all().filter(|param| !param.required);
    required.chain(optional).filter(of_kind)
}

/// A parameter of a fault by its name.
pub fn param(kind: Kind, name: &str) -> Option<&'static Param> {
    params(kind).find(|param| param.name == name)
}

/// What is wrong with a name, if the fault has no such parameter.
pub fn unknown(kind: Kind, name: &str, place: &Place) -> Option<Problem> {
    if param(kind, name).is_some() {
        return None;
    }
    let others = all().filter(|param| param.name == name);
    let others: Vec<_> = others.flat_map(|param| param.kinds).collect();
    let problem = Problem::new(place.clone(), format!("{kind} has no parameter `{name}`"));
    let flag = place.path.starts_with("--");
    let shown = |param: &Param| {
        if flag {
            param.flag()
        } else {
            param.name.to_owned()
        }
    };
    Some(if others.is_empty() {
        let near = suggest::nearest(name, params(kind).map(|param| param.name));
        let names: Vec<_> = params(kind).map(shown).collect();
        problem.hint(near.and_then(|near| param(kind, near)).map_or_else(
            || format!("it has {}", names.join(", ")),
            |near| format!("did you mean `{}`", shown(near)),
        ))
    } else {
        let names: Vec<_> = others.iter().map(|kind| kind.name()).collect();
        problem.hint(format!("it belongs to {}", names.join(" and ")))
    })
}

fn all() -> impl Iterator<Item = &'static Param> + Clone {
    let specific = NET_ROWS.iter().chain(&SOCK_ROWS).chain(&PROCESS_ROWS);
    let specific = specific.chain(&SYSCALL_ROWS).chain(&DISK_ROWS);
    let specific = specific.chain(&PRESSURE_ROWS);
    let specific = specific.chain(&LIMIT_ROWS);
    let first = FIRST_ROWS.iter().chain(specific);
    first.chain(&COMMON_ROWS).chain(&CHOICE)
}

pub(super) const ALL: &[Kind] = Kind::ALL;

/// Texts are an example, the unit and range, and what it is for.
pub(super) const fn required(
    name: &'static str,
    value: ValueType,
    kinds: &'static [Kind],
    [example, range, help]: [&'static str; 3],
) -> Param {
    Param {
        name,
        value,
        required: true,
        default: None,
        range,
        example,
        help,
        kinds,
    }
}

pub(super) const fn optional(
    name: &'static str,
    value: ValueType,
    kinds: &'static [Kind],
    default: Option<&'static str>,
    texts: [&'static str; 3],
) -> Param {
    Param {
        required: false,
        default,
        ..required(name, value, kinds, texts)
    }
}
