//! From one frame to the next and back.

use std::collections::BTreeMap;

use super::bytes::{Reader, Writer};
use super::names::Names;
use crate::telemetry::frame::{Series, Value};

/// Which way a difference is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the later frame.
    On,
    /// To the earlier frame.
    Back,
}

/// What leads from one frame to the next: series that have gone, those that have come, each with its
/// value, and of the others what has changed.
#[derive(Debug)]
pub(super) struct Delta {
    pub(super) bytes: Box<[u8]>,
    /// Numbers of the series that have come.
    pub(super) came: Vec<u64>,
}

/// Series by rising number, each with what is said of it.
#[derive(Debug, Default)]
struct Section {
    writer: Writer,
    length: u64,
    next: u64,
}

impl Section {
    fn begin(&mut self, number: u64) -> &mut Writer {
        self.writer.number(number - self.next);
        self.next = number + 1;
        self.length += 1;
        &mut self.writer
    }

    /// A whole value, with its length before it, so that it can be compared and copied unread.
    fn add(&mut self, number: u64, value: &[u8]) {
        let writer = self.begin(number);
        writer.number(u64::try_from(value.len()).unwrap_or(u64::MAX));
        writer.bytes.extend_from_slice(value);
    }
}

/// A frame as a whole, of series by rising number.
pub(super) fn whole(frame: &[(u64, &Value)]) -> Box<[u8]> {
    let mut section = Section::default();
    let mut written = Writer::default();
    for (number, value) in frame {
        written.bytes.clear();
        written.value(value);
        section.add(*number, &written.bytes);
    }
    section.writer.bytes.into_boxed_slice()
}

/// Reads what [`whole`] wrote.
pub(super) fn series(bytes: &[u8]) -> impl Iterator<Item = (u64, Value)> {
    entries(bytes).map_while(|(number, value)| Some((number, Reader { rest: value }.value()?)))
}

fn entries(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut reader = Reader { rest: bytes };
    let mut next = 0;
    std::iter::from_fn(move || entry(&mut reader, &mut next))
}

fn entry<'a>(reader: &mut Reader<'a>, next: &mut u64) -> Option<(u64, &'a [u8])> {
    let number = number(reader, next)?;
    let length = usize::try_from(reader.number()?).ok()?;
    let (value, rest) = reader.rest.split_at_checked(length)?;
    reader.rest = rest;
    Some((number, value))
}

fn number(reader: &mut Reader<'_>, next: &mut u64) -> Option<u64> {
    let number = next.checked_add(reader.number()?)?;
    *next = number + 1;
    Some(number)
}

/// From one frame to the next one, both as [`whole`] wrote them.
pub(super) fn between(before: &[u8], after: &[u8]) -> Delta {
    let [mut gone, mut came, mut changed] = [(); 3].map(|()| Section::default());
    let mut newcomers = Vec::new();
    let mut come = |number, value: &[u8]| {
        came.add(number, value);
        newcomers.push(number);
    };
    let mut after = entries(after).peekable();
    for (number, old) in entries(before) {
        while let Some((newer, value)) = after.next_if(|(newer, _value)| *newer < number) {
            come(newer, value);
        }
        let new = after.next_if(|(newer, _value)| *newer == number);
        let new = new.map(|(_number, new)| new);
        if new == Some(old) || new.is_some_and(|new| change(&mut changed, number, old, new)) {
            continue;
        }
        gone.add(number, old);
        if let Some(new) = new {
            come(number, new);
        }
    }
    after.for_each(|(number, value)| come(number, value));
    Delta {
        bytes: joined(&gone, &came, &changed),
        came: newcomers,
    }
}

/// Whether the values are of one kind, and their difference has been written.
fn change(changed: &mut Section, number: u64, old: &[u8], new: &[u8]) -> bool {
    let [old, new] = [old, new].map(|rest| Reader { rest }.value());
    let (Some(old), Some(new)) = (old, new) else {
        return false;
    };
    let same_kind = std::mem::discriminant(&old) == std::mem::discriminant(&new);
    if same_kind {
        changed.begin(number).change(&old, &new);
    }
    same_kind
}

fn joined(gone: &Section, came: &Section, changed: &Section) -> Box<[u8]> {
    let mut writer = Writer::default();
    for section in [gone, came] {
        writer.number(section.length);
        writer.bytes.extend_from_slice(&section.writer.bytes);
    }
    writer.bytes.extend_from_slice(&changed.writer.bytes);
    writer.bytes.into_boxed_slice()
}

/// The numbers of the series that have gone.
pub(super) fn gone(delta: &[u8]) -> Vec<u64> {
    let mut reader = Reader { rest: delta };
    let gone = list(&mut reader).unwrap_or_default();
    gone.into_iter().map(|(number, _value)| number).collect()
}

fn list<'a>(reader: &mut Reader<'a>) -> Option<Vec<(u64, &'a [u8])>> {
    let length = reader.number()?;
    let mut next = 0;
    (0..length).map(|_| entry(reader, &mut next)).collect()
}

/// Goes from one frame to its neighbour. None where the bytes are not what [`between`] wrote.
pub(super) fn go(
    way: Way,
    delta: &[u8],
    frame: &mut BTreeMap<Series, Value>,
    names: &Names,
) -> Option<()> {
    let mut reader = Reader { rest: delta };
    let (gone, came) = (list(&mut reader)?, list(&mut reader)?);
    let (leaving, coming) = match way {
        Way::On => (gone, came),
        Way::Back => (came, gone),
    };
    for (number, _value) in leaving {
        frame.remove(names.series(number)?);
    }
    for (number, value) in coming {
        let value = Reader { rest: value }.value()?;
        frame.insert(names.series(number)?.clone(), value);
    }
    let by = match way {
        Way::On => u64::wrapping_add,
        Way::Back => u64::wrapping_sub,
    };
    let mut next = 0;
    while !reader.rest.is_empty() {
        let number = number(&mut reader, &mut next)?;
        reader.change(frame.get_mut(names.series(number)?)?, by)?;
    }
    Some(())
}
