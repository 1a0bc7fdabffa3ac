//! How much memory a history takes, by the allocator, and whether the hour of a busy host fits.

#![expect(clippy::unwrap_used, reason = "a test says what broke by panicking")]

use std::sync::Mutex;

use injector_core::telemetry::{Frame, Histogram, History, Series, Value, named};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// One test at a time allocates.
static ALONE: Mutex<()> = Mutex::new(());

const SECOND: u64 = 1_000_000_000;
/// All of them where the compiler has done its best, else the first ten minutes: they take the most.
const FRAMES: usize = if cfg!(debug_assertions) {
    History::MOST_FRAMES / 6
} else {
    History::MOST_FRAMES
};
/// Each with [`CALLS`] system calls, four series a call.
const TARGETS: usize = 8;
const CALLS: usize = 50;

/// Numbers that look random and are the same each time (the step of PCG, its high bits).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end.max(1)
    }
}

/// A host whose targets make the first calls of their lists most: 500 times a second, 125, 56 and so on.
struct Host {
    dice: Dice,
    frame: Frame,
}

impl Host {
    fn new() -> Self {
        Self {
            dice: Dice(7),
            frame: Frame::default(),
        }
    }

    fn second(&mut self) -> &Frame {
        self.frame.at_ns += SECOND + self.dice.below(1_000_000);
        self.frame.unix_ns = self.frame.at_ns;
        for target in 0..TARGETS {
            for call in 0..CALLS {
                self.call(target, call);
            }
        }
        &self.frame
    }

    fn call(&mut self, target: usize, call: usize) {
        let rank = u64::try_from(call + 1).unwrap();
        let thousandths = 500_000 / (rank * rank);
        let mean = thousandths / 1_000;
        let chance = u64::from(self.dice.below(1_000) < thousandths % 1_000);
        let times = mean * 7 / 8 + self.dice.below(mean / 4) + chance;
        if times == 0 && self.frame.values.len() == TARGETS * CALLS * 4 {
            return;
        }
        let mut durations = Histogram::default();
        for _ in 0..times.min(60) {
            let octaves = self.dice.below(3) + self.dice.below(3) + self.dice.below(3);
            durations.record((1_000 << octaves) + self.dice.below(1_000 << octaves));
        }
        let bytes = times * self.dice.below(4_096);
        let failed = self.dice.below(times / 50 + 1);
        let mut add = |metric, value| self.add(metric, target, call, value);
        add("syscalls", Value::Count(times));
        add("syscall_errors", Value::Count(failed));
        add("syscall_duration", Value::Durations(durations));
        add("syscall_moved", Value::Count(bytes));
    }

    fn add(&mut self, metric: &str, target: usize, call: usize, more: Value) {
        let target = format!("container:service-{target}");
        let labels = [target, format!("call_{call}"), "ECONNREFUSED".to_owned()];
        let metric = named(metric).unwrap();
        let labels = labels.into_iter().take(metric.labels.len()).collect();
        let series = Series::of(metric, labels).unwrap();
        match (self.frame.values.get_mut(&series), more) {
            (Some(Value::Count(count)), Value::Count(more)) => *count += more,
            (Some(Value::Durations(all)), Value::Durations(more)) => all.merge(&more),
            (_, more) => {
                self.frame.values.insert(series, more);
            }
        }
    }
}

#[test]
fn an_hour_of_a_busy_host_fits() {
    let _alone = ALONE.lock().unwrap();
    let empty = ALLOCATED.current_usage();
    let mut host = Host::new();
    let mut history = History::default();
    for _ in 0..FRAMES {
        history.push(host.second()).unwrap();
    }
    drop(host);
    let taken = ALLOCATED.current_usage().saturating_sub(empty);
    println!(
        "{} frames of {} series: {} KiB by its own account, {} KiB allocated",
        history.len(),
        history.series(),
        history.bytes() / 1024,
        taken / 1024,
    );
    assert_eq!(history.len(), FRAMES);
    assert_eq!(history.series(), TARGETS * CALLS * 4);
    assert_eq!(history.losses().pressed_out, 0);
    assert!(taken <= history.bytes(), "{taken} {}", history.bytes());
    let hour = history.bytes() * History::MOST_FRAMES / FRAMES;
    assert!(hour <= History::MOST_BYTES, "{hour}");
}

#[test]
fn an_attack_with_labels_allocates_no_more_than_the_bound() {
    let _alone = ALONE.lock().unwrap();
    let empty = ALLOCATED.current_usage();
    let most = 4 << 20;
    let metric = named("syscalls").unwrap();
    let mut history = History::bounded(History::MOST_FRAMES, most);
    for second in 1..=300 {
        let values = (0..200_u64).map(|one| {
            let labels = metric.labels.iter();
            let labels = labels.map(|label| format!("{} {second} {one}", label.name));
            let series = Series::of(metric, labels.collect()).unwrap();
            (series, Value::Count(one))
        });
        let frame = Frame {
            at_ns: second * SECOND,
            unix_ns: 0,
            values: values.collect(),
        };
        history.push(&frame).unwrap();
        drop(frame);
        let taken = ALLOCATED.current_usage().saturating_sub(empty);
        assert!(taken <= history.bytes(), "{taken} {}", history.bytes());
        assert!(history.bytes() <= most, "{}", history.bytes());
    }
    let losses = history.losses();
    println!(
        "{} frames kept, {} pressed out, {} KiB",
        history.len(),
        losses.pressed_out,
        history.bytes() / 1024
    );
    assert!(losses.pressed_out > 0);
}
