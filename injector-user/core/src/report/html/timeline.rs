//! The chart of the whole run: what was done above, what the probes measured below, over one axis of
//! absolute time, with the faults shaded through all of it.

use super::axis::Axis;
use super::line::{bad_pixels, path};
use super::markup::Markup;
use crate::report::escape::Text;
use crate::report::model::{
    ActivityRecord, ActivityStatus, FaultRecord, Phase, Quantity, Report, Sample, Series,
};
use crate::report::say;
use crate::safety::State;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 168.0;
const RIGHT: f64 = 12.0;
const LANE: f64 = 24.0;
const PANEL: f64 = 118.0;
const FOOT: f64 = 34.0;
/// Series beyond this many are left to the tables.
const MOST_PANELS: usize = 12;

/// The timeline of a report; nothing if there is nothing to draw.
pub(super) fn timeline(report: &Report) -> String {
    let series: Vec<&Series> = report
        .series
        .iter()
        .filter(|series| !series.samples.is_empty())
        .take(MOST_PANELS)
        .collect();
    let lanes = lanes(report);
    if series.is_empty() && lanes.is_empty() {
        return String::new();
    }
    let head = head(report);
    let top = head + as_f64(lanes.len()) * LANE + 8.0;
    let bottom = top + as_f64(series.len()) * PANEL;
    let x = Axis::new((0.0, report.duration_ms), (LEFT, WIDTH - RIGHT));
    let times = times(&series);
    let mut svg = Markup::default();
    svg.put(format_args!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"What happened over time\">",
        bottom + FOOT
    ));
    shade(&mut svg, report, &x, (head, bottom));
    time_axis(&mut svg, report, &x, (head, bottom));
    for (index, lane) in lanes.iter().enumerate() {
        lane.draw(&mut svg, &x, head + as_f64(index) * LANE);
    }
    for (index, series) in series.iter().enumerate() {
        let top = top + as_f64(index) * PANEL;
        let y = scale(series, times, top);
        panel(&mut svg, series, (&x, &y), top);
    }
    transitions(&mut svg, report, &x, (head, bottom));
    svg.put(format_args!("</svg>"));
    svg.into_string()
}

/// The room above the lanes: names of breakers need more than nothing does.
fn head(report: &Report) -> f64 {
    let mut breakers = report.breakers.iter();
    if breakers.any(|breaker| !breaker.transitions.is_empty()) {
        26.0
    } else {
        8.0
    }
}

/// Times share one scale, so that probes can be compared; answers have their own.
fn scale(series: &Series, times: Option<(f64, f64)>, top: f64) -> Axis {
    let pixels = (top + PANEL - 14.0, top + 14.0);
    times
        .filter(|_| series.quantity == Quantity::TookMs)
        .map_or_else(
            || own_scale(series, pixels),
            |times| Axis::logarithmic(times, pixels),
        )
}

/// One row of bars above the charts.
#[derive(Debug)]
struct Lane {
    label: String,
    bars: Vec<Bar>,
}

#[derive(Debug)]
struct Bar {
    class: &'static str,
    from_ms: f64,
    to_ms: f64,
    title: String,
}

fn lanes(report: &Report) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = [Phase::Before, Phase::Method, Phase::After, Phase::Rollback]
        .into_iter()
        .map(|phase| activities(report, phase))
        .filter(|lane| !lane.bars.is_empty())
        .collect();
    for fault in &report.faults {
        let Some((from_ms, to_ms)) = window(fault, report.duration_ms) else {
            continue;
        };
        let title = format!("{}: {}", fault.name, say::fault(fault));
        let bar = Bar {
            class: "fault",
            from_ms,
            to_ms,
            title,
        };
        match lanes.iter_mut().find(|lane| lane.label == fault.name) {
            Some(lane) => lane.bars.push(bar),
            None => lanes.push(Lane {
                label: fault.name.clone(),
                bars: vec![bar],
            }),
        }
    }
    lanes
}

fn activities(report: &Report, phase: Phase) -> Lane {
    let bar = |activity: &ActivityRecord| Bar {
        class: if activity.status == ActivityStatus::Failed {
            "act failed"
        } else {
            "act"
        },
        from_ms: activity.start_ms,
        to_ms: activity.end_ms,
        title: format!(
            "{}: {}",
            activity.name,
            say::milliseconds(activity.end_ms - activity.start_ms)
        ),
    };
    let of_phase = report.activities.iter().filter(|one| one.phase == phase);
    Lane {
        label: say::phase(phase).to_owned(),
        bars: of_phase.map(bar).collect(),
    }
}

fn window(fault: &FaultRecord, end_of_run: f64) -> Option<(f64, f64)> {
    Some((fault.start_ms?, fault.end_ms.unwrap_or(end_of_run)))
}

impl Lane {
    fn draw(&self, svg: &mut Markup, x: &Axis, top: f64) {
        label(svg, &self.label, top + LANE * 0.5 + 4.0);
        for bar in &self.bars {
            let (from, to) = (x.at(bar.from_ms), x.at(bar.to_ms));
            svg.put(format_args!(
                "<rect class=\"{}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\"><title>{}</title></rect>",
                bar.class,
                top + 5.0,
                (to - from).max(3.0),
                LANE - 10.0,
                Text(&bar.title)
            ));
        }
    }
}

fn shade(svg: &mut Markup, report: &Report, x: &Axis, (top, bottom): (f64, f64)) {
    for fault in &report.faults {
        let Some((from, to)) = window(fault, report.duration_ms) else {
            continue;
        };
        let (from, to) = (x.at(from), x.at(to));
        svg.put(format_args!(
            "<rect class=\"shade\" x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            (to - from).max(1.0),
            bottom - top
        ));
    }
}

fn time_axis(svg: &mut Markup, report: &Report, x: &Axis, (top, bottom): (f64, f64)) {
    for tick in x.time_ticks(10) {
        let px = x.at(tick);
        svg.put(format_args!(
            "<line class=\"grid\" x1=\"{px:.1}\" x2=\"{px:.1}\" y1=\"{top}\" y2=\"{bottom:.1}\"/>\
             <text class=\"tick mid\" x=\"{px:.1}\" y=\"{:.1}\">{}</text>\
             <text class=\"tick mid faint\" x=\"{px:.1}\" y=\"{:.1}\">{}</text>",
            bottom + 15.0,
            Text(say::clock(&report.started, tick)),
            bottom + 28.0,
            Text(offset(tick)),
        ));
    }
}

fn offset(ms: f64) -> String {
    if ms == 0.0 {
        "start".to_owned()
    } else {
        format!("+{} s", say::number(ms / 1e3))
    }
}

/// From the shortest to the longest time of all panels, if they are too far apart for a linear scale.
/// They share it: times of the same length stand at the same height in every panel.
fn times(series: &[&Series]) -> Option<(f64, f64)> {
    /// How many times the longest is longer.
    const FAR: f64 = 500.0;
    let all = || {
        let timed = series
            .iter()
            .filter(|series| series.quantity == Quantity::TookMs);
        timed
            .flat_map(|series| numbers(series))
            .filter(|ms| *ms > 0.0)
    };
    let (low, high) = (
        all().fold(f64::INFINITY, f64::min),
        all().fold(0.0, f64::max),
    );
    (high > low * FAR).then_some((low, high * 1.5))
}

fn numbers(series: &Series) -> impl Iterator<Item = f64> {
    let values = series.samples.iter().filter_map(|sample| sample.v);
    values.filter(|value| value.is_finite())
}

fn own_scale(series: &Series, pixels: (f64, f64)) -> Axis {
    let high = numbers(series)
        .chain(drawn_bounds(series))
        .fold(0.0, f64::max);
    Axis::new((numbers(series).fold(0.0, f64::min), high * 1.08), pixels)
}

fn panel(svg: &mut Markup, series: &Series, (x, y): (&Axis, &Axis), top: f64) {
    let to = top + PANEL - 14.0;
    label(svg, &series.name, top + 26.0);
    svg.put(format_args!(
        "<text class=\"tick faint\" x=\"8\" y=\"{:.1}\">{}{}</text>",
        top + 41.0,
        say::quantity(series),
        if y.is_logarithmic() { " (log)" } else { "" }
    ));
    if numbers(series).next().is_some() {
        value_axis(svg, y);
    }
    for bound in drawn_bounds(series) {
        rule(svg, "bound", y.at(bound));
    }
    svg.put(format_args!(
        "<path class=\"value\" d=\"{}\"/>",
        path(&series.samples, x, y)
    ));
    lone_points(svg, &series.samples, x, y);
    for px in bad_pixels(&series.samples, x) {
        svg.put(format_args!(
            "<line class=\"bad\" x1=\"{px:.1}\" x2=\"{px:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
            to + 2.0,
            to + 8.0
        ));
    }
}

fn value_axis(svg: &mut Markup, y: &Axis) {
    for tick in y.ticks(3) {
        let py = y.at(tick);
        rule(svg, "grid", py);
        svg.put(format_args!(
            "<text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 6.0,
            py + 3.5,
            say::number(tick)
        ));
    }
}

fn rule(svg: &mut Markup, class: &str, y: f64) {
    svg.put(format_args!(
        "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
        WIDTH - RIGHT
    ));
}

/// A few samples are drawn as points too: a line needs two.
fn lone_points(svg: &mut Markup, samples: &[Sample], x: &Axis, y: &Axis) {
    if samples.len() > 40 {
        return;
    }
    for (t, v) in samples
        .iter()
        .filter_map(|sample| Some((sample.t, sample.v?)))
    {
        svg.put(format_args!(
            "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.2\"/>",
            x.at(t),
            y.at(v)
        ));
    }
}

/// The bounds worth drawing: a bound far above everything measured would flatten the line.
fn drawn_bounds(series: &Series) -> Vec<f64> {
    let highest = series
        .samples
        .iter()
        .filter_map(|s| s.v)
        .fold(0.0, f64::max);
    let (low, high) = series.bounds.unwrap_or((0.0, 0.0));
    [low, high]
        .into_iter()
        .filter(|bound| *bound != 0.0 && *bound <= highest.max(1e-9) * 4.0)
        .collect()
}

fn transitions(svg: &mut Markup, report: &Report, x: &Axis, (top, bottom): (f64, f64)) {
    let all = report
        .breakers
        .iter()
        .flat_map(|breaker| breaker.transitions.iter().map(move |t| (breaker, t)));
    let mut all: Vec<_> = all.collect();
    all.sort_by(|(_, a), (_, b)| a.at_ms.total_cmp(&b.at_ms));
    let mut free_from = 0.0;
    for (index, (breaker, transition)) in all.iter().enumerate() {
        let px = x.at(transition.at_ms);
        let word = transition.to.to_string();
        let (class, y) = (transition.to, top - 12.0);
        svg.put(format_args!(
            "<g class=\"transition {class}\"><title>{}</title>\
             <line x1=\"{px:.1}\" x2=\"{px:.1}\" y1=\"{y:.1}\" y2=\"{bottom:.1}\"/>\
             <circle cx=\"{px:.1}\" cy=\"{y:.1}\" r=\"4\"/>",
            Text(format!("{}: {}", breaker.name, transition.reason)),
        ));
        let (anchor, shift) = if px > WIDTH * 0.88 {
            ("end", -7.0)
        } else {
            ("start", 7.0)
        };
        let end = px + 14.0 + 6.5 * as_f64(word.len());
        // A label without room is left to the tooltip and the table.
        let room = all
            .get(index + 1)
            .is_none_or(|(_, next)| x.at(next.at_ms) > end);
        if px >= free_from && (room || transition.to == State::Open) {
            free_from = end;
            svg.put(format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                px + shift,
                top - 8.0,
                Text(word)
            ));
        }
        svg.put(format_args!("</g>"));
    }
}

fn label(svg: &mut Markup, words: &str, y: f64) {
    const LONGEST: usize = 24;
    let shown: String = if words.chars().count() > LONGEST {
        words.chars().take(LONGEST - 1).chain(['…']).collect()
    } else {
        words.to_owned()
    };
    svg.put(format_args!(
        "<text class=\"label\" x=\"8\" y=\"{y:.1}\">{}<title>{}</title></text>",
        Text(shown),
        Text(words)
    ));
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
