//! From what the kernel has counted on each processor to what there was in all.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use aya::maps::MapError;
use injector_abi::trace::{BUCKETS, CountKey, Edge, EdgeKey, STRETCH, lost};
use injector_core::telemetry::Histogram;

use super::cells::{Cell, Cells, rows};
use super::tables::Tables;
use crate::sys::pod::Shared;

/// One item of one class, since the tracer began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub events: u64,
    pub errors: u64,
    /// Sum of what was returned: bytes, where it is about bytes.
    pub returned: u64,
    pub durations: Histogram,
}

/// Everything that has been seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// By class and item.
    pub items: BTreeMap<(u32, u32), Arc<Counted>>,
    /// By number, such as errors by errno.
    pub numbers: BTreeMap<CountKey, u64>,
    /// Who talks to whom.
    pub edges: BTreeMap<EdgeKey, Edge>,
    pub lost: Lost,
}

/// What should have been seen and was not, since the tracer began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Events of items that got no row.
    pub no_row: u64,
    /// Events that were counted, but not by their number.
    pub no_count: u64,
    /// Calls that waited, and could not be kept meanwhile.
    pub not_parked: u64,
    /// Times that a task of 32-bit code was left out.
    pub foreign: u64,
    /// Connections that got no edge.
    pub no_edge: u64,
    /// Waits of tasks that could not be kept.
    pub not_timed: u64,
    /// Times that a program was not run, as it was at work on the same processor already: the kernel's
    /// `recursion_misses`, of whomever.
    pub missed: u64,
}

/// What was read before: the kernel's buckets go around the end of 32 bits.
#[derive(Debug, Default)]
pub(super) struct Rows {
    by_row: BTreeMap<u32, Before>,
    /// Of the row that is being read.
    sum: Sum,
    /// How often there was no row left.
    no_row: u64,
    /// Whether that has happened since somebody last looked here.
    pub(super) was_short: bool,
}

#[derive(Debug)]
struct Before {
    key: u64,
    counted: Arc<Counted>,
    buckets: Box<[u32]>,
    /// Read once more since it last changed: a program may have been at work in it.
    is_settled: bool,
}

/// One row over all processors.
#[derive(Debug)]
struct Sum {
    events: u64,
    errors: u64,
    returned: u64,
    total_ns: u64,
    /// Which stretches of buckets have any.
    used: u64,
    buckets: Box<[u32]>,
}

impl Rows {
    /// Adds what has come since the last time.
    pub(super) fn read(&mut self, tables: &Tables) -> Result<Seen, MapError> {
        let mut items = BTreeMap::new();
        for row in 1..rows() {
            let key = tables.row_keys.load(row as usize).unwrap_or_default();
            if key != 0 {
                let counted = self.row(row, key, &tables.cells);
                add_counted(&mut items, whose(key), counted);
            }
        }
        let lost = lost(tables)?;
        self.was_short |= lost.no_row > self.no_row;
        self.no_row = lost.no_row;
        Ok(Seen {
            items,
            numbers: numbers(tables)?,
            edges: edges(tables)?,
            lost,
        })
    }

    /// Forgets a row that is nobody's any more.
    pub(super) fn forget(&mut self, row: u32) {
        self.by_row.remove(&row);
    }

    /// Most rows are as they were.
    fn row(&mut self, row: u32, key: u64, cells: &Cells) -> &Arc<Counted> {
        let (before, sum) = self.before(row, key);
        let is_as_before = before.counted.events == cells.events(row);
        if !(is_as_before && before.is_settled) {
            before.is_settled = is_as_before;
            sum.clear();
            cells.row(row).for_each(|cell| sum.add(cell));
            before.take_in(sum);
        }
        &before.counted
    }

    /// What is known of a row, nothing if it was somebody else's, and where it is added up.
    fn before(&mut self, row: u32, key: u64) -> (&mut Before, &mut Sum) {
        let before = self.by_row.entry(row).or_insert_with(|| Before::of(key));
        if before.key != key {
            *before = Before::of(key);
        }
        (before, &mut self.sum)
    }
}

impl Before {
    fn of(key: u64) -> Self {
        Self {
            key,
            counted: Arc::default(),
            buckets: vec![0; BUCKETS as usize].into(),
            is_settled: false,
        }
    }

    fn take_in(&mut self, sum: &Sum) {
        let counted = Arc::make_mut(&mut self.counted);
        let durations = &mut counted.durations;
        for bucket in stretches(sum.used).flatten() {
            let (now, then) = (sum.buckets[bucket], &mut self.buckets[bucket]);
            if now != *then {
                let number = u32::try_from(bucket).unwrap_or(BUCKETS);
                durations.add(number, u64::from(now.wrapping_sub(*then)));
                *then = now;
            }
        }
        durations.add_total(sum.total_ns.saturating_sub(durations.total_ns()));
        counted.events = sum.events;
        counted.errors = sum.errors;
        counted.returned = sum.returned;
    }
}

/// The buckets of each of these stretches.
fn stretches(used: u64) -> impl Iterator<Item = Range<usize>> {
    let all = (0..BUCKETS.div_ceil(STRETCH)).filter(move |stretch| used >> stretch & 1 != 0);
    all.map(|stretch| {
        let start = stretch * STRETCH;
        start as usize..(start + STRETCH).min(BUCKETS) as usize
    })
}

/// Adds what was counted: what is all there is, as mostly, is not copied.
pub(crate) fn add_counted<K: Ord>(
    all: &mut BTreeMap<K, Arc<Counted>>,
    key: K,
    counted: &Arc<Counted>,
) {
    match all.entry(key) {
        Entry::Vacant(nothing) => drop(nothing.insert(Arc::clone(counted))),
        Entry::Occupied(mut before) => Arc::make_mut(before.get_mut()).add(counted),
    }
}

impl Counted {
    /// Adds all of another.
    fn add(&mut self, more: &Self) {
        self.events += more.events;
        self.errors += more.errors;
        self.returned = self.returned.wrapping_add(more.returned);
        self.durations.merge(&more.durations);
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            events: 0,
            errors: 0,
            returned: 0,
            total_ns: 0,
            used: 0,
            buckets: vec![0; BUCKETS as usize].into(),
        }
    }
}

impl Sum {
    fn clear(&mut self) {
        let mut buckets = std::mem::take(&mut self.buckets);
        for stretch in stretches(self.used) {
            buckets[stretch].fill(0);
        }
        *self = Self {
            events: 0,
            errors: 0,
            returned: 0,
            total_ns: 0,
            used: 0,
            buckets,
        };
    }

    fn add(&mut self, cell: Cell<'_>) {
        self.events += cell.events();
        self.errors += cell.errors();
        self.returned = self.returned.wrapping_add(cell.returned());
        self.total_ns += cell.total_ns();
        let used = cell.used();
        self.used |= used;
        for stretch in stretches(used) {
            let counts = cell.buckets(stretch.start);
            for (all, one) in self.buckets[stretch].iter_mut().zip(counts) {
                *all = all.wrapping_add(one);
            }
        }
    }
}

/// The class and item of a row's key.
pub(super) fn whose(key: u64) -> (u32, u32) {
    let part = |bits: u64| u32::try_from(bits & 0xFFFF).unwrap_or_default();
    (part(key >> 16), part(key))
}

fn numbers(tables: &Tables) -> Result<BTreeMap<CountKey, u64>, MapError> {
    let mut found = BTreeMap::new();
    for entry in &tables.counts {
        match entry {
            Ok((Shared(key), counts)) => {
                found.insert(key, counts.iter().sum());
            }
            // Taken away meanwhile.
            Err(MapError::KeyNotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn edges(tables: &Tables) -> Result<BTreeMap<EdgeKey, Edge>, MapError> {
    let mut found = BTreeMap::new();
    for entry in &tables.edges {
        match entry {
            Ok((Shared(key), parts)) => {
                let parts = parts.iter().map(|part| part.0);
                found.insert(key, parts.fold(Edge::default(), added));
            }
            // As above.
            Err(MapError::KeyNotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Both together.
pub fn added(one: Edge, other: Edge) -> Edge {
    Edge {
        opened: one.opened + other.opened,
        failed: one.failed + other.failed,
        closed: one.closed + other.closed,
        sent: one.sent + other.sent,
        received: one.received + other.received,
        retransmitted: one.retransmitted + other.retransmitted,
        round_trip_us: one.round_trip_us + other.round_trip_us,
        round_trips: one.round_trips + other.round_trips,
    }
}

fn lost(tables: &Tables) -> Result<Lost, MapError> {
    let of = |kind: u32| -> Result<u64, MapError> { Ok(tables.lost.get(&kind, 0)?.iter().sum()) };
    Ok(Lost {
        no_row: of(lost::NO_ROW)?,
        no_count: of(lost::NO_COUNT)?,
        not_parked: of(lost::NOT_PARKED)?,
        foreign: of(lost::FOREIGN)?,
        no_edge: of(lost::NO_EDGE)?,
        not_timed: of(lost::NOT_TIMED)?,
        // Known of the programs.
        missed: 0,
    })
}

#[cfg(test)]
mod tests {
    use injector_abi::trace::{BUCKETS, Row};
    use injector_core::telemetry::Histogram;
    use proptest::prelude::*;

    use super::super::cells::tests::{cell, words};
    use super::{Rows, STRETCH, Sum};

    const PROCESSORS: usize = 3;
    /// What each processor may count of one bucket between two readings, so that all of them together go
    /// around at most once.
    const MOST: u32 = u32::MAX / 3;

    fn reading(processors: &[Row]) -> Sum {
        let mut sum = Sum::default();
        for one in processors {
            sum.add(cell(&words(one)));
        }
        sum
    }

    fn empty() -> Row {
        Row {
            events: 0,
            errors: 0,
            returned: 0,
            total_ns: 0,
            used: 0,
            buckets: [0; BUCKETS as usize],
        }
    }

    fn grow(row: &mut Row, bucket: u32, more: u32) {
        let count = &mut row.buckets[bucket as usize];
        *count = count.wrapping_add(more);
        row.used |= 1 << (bucket / STRETCH);
    }

    /// Which processor counts how many more in which bucket.
    fn any_step() -> impl Strategy<Value = Vec<(usize, u32, u32)>> {
        let more = prop_oneof![0..=MOST, MOST - 2..=MOST, 0..3_u32];
        // Few buckets, so that each goes around the end often.
        let few = prop_oneof![0..2_u32, BUCKETS - 3..BUCKETS];
        let one = (0..PROCESSORS, few, more);
        proptest::collection::vec(one, 0..12)
    }

    proptest! {
        #[test]
        fn what_goes_around_the_end_of_32_bits_is_counted_whole(
            steps in proptest::collection::vec(any_step(), 1..12),
        ) {
            let mut processors = vec![empty(); PROCESSORS];
            let mut rows = Rows::default();
            let mut expected = Histogram::default();
            for step in steps {
                let mut grown = std::collections::BTreeSet::new();
                for (processor, bucket, more) in step {
                    // Of each bucket, each processor once, so that it is not more than was said.
                    if !grown.insert((processor, bucket)) {
                        continue;
                    }
                    grow(&mut processors[processor], bucket, more);
                    expected.add(bucket, u64::from(more));
                }
                let (before, _sum) = rows.before(1, 7);
                before.take_in(&reading(&processors));
                prop_assert_eq!(&before.counted.durations, &expected);
            }
        }
    }

    #[test]
    fn a_row_that_is_given_to_others_takes_no_more_memory_and_begins_anew() {
        let mut rows = Rows::default();
        for key in 1..1_000 {
            let mut one = empty();
            grow(&mut one, 3, 5);
            let (before, _sum) = rows.before(1, key);
            before.take_in(&reading(&[one]));
            assert_eq!(before.counted.durations.count(), 5, "{key}");
        }
        assert_eq!(rows.by_row.len(), 1);
    }
}
