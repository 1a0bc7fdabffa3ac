//! Distributions, correlation and order, of 100 000 latencies each.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of some hundred thousands"
)]

use std::collections::BTreeMap;

use injector_core::fault::{Action, Given, Kind, parse};

use super::sampler::Sampler;
use crate::latency::uniform;

const MANY: usize = 100_000;

/// Latencies in milliseconds of a delay of 20 ms with these parameters.
fn samples(more: &[(&str, &str)]) -> Vec<f64> {
    let base = [("target", "pid:1"), ("duration", "1s"), ("latency", "20ms")];
    let given: BTreeMap<String, Given> = base
        .iter()
        .chain(more)
        .map(|(name, text)| ((*name).to_owned(), Given::flag(name, *text)))
        .collect();
    let spec = parse(Kind::NetDelay, &given).unwrap();
    let Action::NetDelay(delay) = spec.action else {
        unreachable!("a delay was asked for");
    };
    let mut sampler = Sampler::new(&delay, 7).unwrap();
    let one = |_| std::time::Duration::from_nanos(sampler.sample()).as_secs_f64() * 1e3;
    (0..MANY).map(one).collect()
}

/// The test of Kolmogorov and Smirnov, at a level of 0.001: the largest distance between the shares
/// found and `share`, the distribution function, times the root of the count.
#[track_caller]
fn check(more: &[(&str, &str)], share: impl Fn(f64) -> f64) {
    let mut found = samples(more);
    if more.contains(&("distribution", "pareto")) {
        found.retain(|one| *one < MOST);
    }
    found.sort_by(f64::total_cmp);
    let count = found.len() as f64;
    let distance = found.iter().enumerate().map(|(index, one)| {
        let share = share(*one);
        let (below, at) = (index as f64 / count, (index + 1) as f64 / count);
        (share - below).abs().max((at - share).abs())
    });
    let distance = distance.fold(0.0, f64::max) * count.sqrt();
    assert!(distance < 1.95, "{distance}");
}

fn normal(latency: f64) -> f64 {
    uniform((latency - 20.0) / 5.0)
}

#[test]
fn latencies_are_distributed_as_asked() {
    check(&[("jitter", "5ms")], |one| {
        ((one - 15.0) / 10.0).clamp(0.0, 1.0)
    });
    check(&[("jitter", "5ms"), ("distribution", "normal")], normal);
    // What would be more than four times the jitter is four times, which is no distribution any more:
    // it is looked at by itself below.
    let pareto = |one: f64| 1.0 - ((one - 20.0) * 3.0 / 4.0 + 1.5).max(1.0).powi(-3);
    check(&[("jitter", "1ms"), ("distribution", "pareto")], |one| {
        pareto(one) / pareto(MOST)
    });
}

/// Latencies above are cut off here before they are compared.
const MOST: f64 = 23.99;

#[test]
fn few_latencies_are_as_long_as_a_pareto_distribution_gets() {
    let found = samples(&[("jitter", "1ms"), ("distribution", "pareto")]);
    let most = found.iter().filter(|one| **one > 23.999).count();
    // 4.5^-3 of them, within six standard deviations.
    assert!((900..1_300).contains(&most), "{most}");
    assert!(found.iter().all(|one| *one < 24.0));
}

#[test]
fn measured_latencies_come_as_often_as_they_were_measured() {
    let measured = [
        ("jitter", "2ms"),
        ("distribution", "measured"),
        ("samples", "1ms,1ms,1ms,5ms"),
    ];
    // Mean 2 ms, deviation 1.732 ms.
    let found = samples(&measured);
    let rare = 20.0 + 2.0 * 3_f64.sqrt();
    let often = 20.0 - 2.0 / 3_f64.sqrt();
    let count = |value: f64| {
        found
            .iter()
            .filter(|one| (**one - value).abs() < 0.001)
            .count()
    };
    assert_eq!(count(rare) + count(often), MANY);
    assert!((24_400..25_600).contains(&count(rare)), "{}", count(rare));
}

/// The coefficient of correlation of each latency with the next one.
fn correlation(found: &[f64]) -> f64 {
    let count = found.len() as f64;
    let mean = found.iter().sum::<f64>() / count;
    let variance = found.iter().map(|one| (one - mean).powi(2)).sum::<f64>();
    let pairs = found
        .windows(2)
        .map(|pair| (pair[0] - mean) * (pair[1] - mean));
    pairs.sum::<f64>() / variance
}

#[test]
fn correlation_keeps_the_distribution() {
    for shape in ["uniform", "normal"] {
        let more = |correlation| {
            [
                ("jitter", "5ms"),
                ("distribution", shape),
                ("correlation", correlation),
            ]
        };
        assert!(correlation(&samples(&more("0"))).abs() < 0.012);
        let found = correlation(&samples(&more("60%")));
        assert!((found - 0.6).abs() < 0.03, "{shape}: {found}");
    }
    let mut found = samples(&[("jitter", "5ms"), ("correlation", "60%")]);
    found.sort_by(f64::total_cmp);
    for (share, expected) in [(0.1, 16.0), (0.5, 20.0), (0.9, 24.0)] {
        let at = found[(share * MANY as f64) as usize];
        assert!((at - expected).abs() < 0.15, "{share}: {at}");
    }
}

#[test]
fn so_many_overtake_and_never_within_the_gap() {
    let early = |more: &[(&str, &str)]| -> Vec<usize> {
        let found = samples(more).into_iter().enumerate();
        found
            .filter(|(_index, one)| *one == 0.0)
            .map(|(index, _one)| index)
            .collect()
    };
    let quarter = early(&[("reorder", "25%")]).len();
    // Six standard deviations of 100 000 throws.
    assert!((24_178..25_822).contains(&quarter), "{quarter}");
    let fifth = early(&[("gap", "5")]);
    assert_eq!(fifth, (4..MANY).step_by(5).collect::<Vec<_>>());
    let spaced = early(&[("reorder", "50%"), ("gap", "3")]);
    assert!(spaced.windows(2).all(|pair| pair[1] - pair[0] >= 3));
    // Two that may not, then on average two throws for one that does.
    assert!((24_500..25_500).contains(&spaced.len()), "{}", spaced.len());
}

#[test]
fn the_same_seed_gives_the_same_latencies() {
    let more = [("jitter", "5ms"), ("correlation", "10%")];
    assert_eq!(samples(&more), samples(&more));
}
