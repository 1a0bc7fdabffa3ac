//! Asked against observed: bars with the interval as whiskers.

use super::axis::Axis;
use super::markup::Markup;
use crate::proof::Rate;
use crate::report::escape::Text;
use crate::report::model::{FaultRecord, Felt};
use crate::report::say;

const WIDTH: f64 = 460.0;
const LEFT: f64 = 74.0;
const ROW: f64 = 26.0;

/// The figures that prove one fault; nothing if nothing was measured.
pub(super) fn figures(fault: &FaultRecord) -> String {
    // A fault without dice has nothing to prove as long as it hit every time.
    let rate = fault
        .rate
        .filter(|rate| rate.asked < 1.0 || rate.observed < 1.0);
    let rate = rate.map_or_else(String::new, |rate| rate_figure(&rate));
    let felt = fault.felt.as_ref().map_or_else(String::new, felt_figure);
    rate + &felt
}

fn rate_figure(rate: &Rate) -> String {
    let most = [rate.asked, rate.high, rate.observed]
        .into_iter()
        .fold(0.0, f64::max);
    let x = Axis::new((0.0, (most * 1.25).min(1.0)), (LEFT, WIDTH - 74.0));
    let mut svg = open("Asked and observed probability", 2);
    row(
        &mut svg,
        0,
        ("asked", "asked", rate.asked),
        &x,
        &say::percent(rate.asked),
    );
    row(
        &mut svg,
        1,
        ("observed", "seen", rate.observed),
        &x,
        &say::percent(rate.observed),
    );
    whisker(&mut svg, 1, (x.at(rate.low), x.at(rate.high)));
    svg.put(format_args!("</svg>"));
    let inside = rate.low <= rate.asked && rate.asked <= rate.high;
    let verdict = if inside { "inside" } else { "outside" };
    let caption = format!(
        "Probability. The asked {} is {verdict} the {} interval of what was observed, {} to {}.",
        say::percent(rate.asked),
        say::percent(rate.confidence),
        say::percent(rate.low),
        say::percent(rate.high)
    );
    figure(svg, &caption, !inside)
}

fn felt_figure(felt: &Felt) -> String {
    let wanted = felt.before_us + felt.asked_us;
    let most = [wanted, felt.during_us].into_iter().fold(0.0, f64::max);
    let x = Axis::new((0.0, most * 1.1), (LEFT, WIDTH - 74.0));
    let ms = |us: f64| say::milliseconds(us / 1e3);
    let mut svg = open("Effect the target felt", 3);
    row(
        &mut svg,
        0,
        ("before", "calm", felt.before_us),
        &x,
        &ms(felt.before_us),
    );
    row(&mut svg, 1, ("asked", "asked", wanted), &x, &ms(wanted));
    row(
        &mut svg,
        2,
        ("felt", "seen", felt.during_us),
        &x,
        &ms(felt.during_us),
    );
    svg.put(format_args!("</svg>"));
    let added = felt.during_us - felt.before_us;
    let verdict = if felt.flagged {
        ", which differs by more than 20 % + 1 ms"
    } else {
        ""
    };
    let caption = format!(
        "{}, median. Asked to add {}, added {}{verdict}.",
        capital(&felt.quantity),
        ms(felt.asked_us),
        ms(added)
    );
    figure(svg, &caption, felt.flagged)
}

fn open(label: &str, rows: u32) -> Markup {
    let mut svg = Markup::default();
    let height = f64::from(rows) * ROW + 6.0;
    svg.put(format_args!(
        "<svg class=\"bars\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">",
        Text(label)
    ));
    svg
}

fn row(
    svg: &mut Markup,
    index: u32,
    (label, class, value): (&str, &str, f64),
    x: &Axis,
    said: &str,
) {
    let top = f64::from(index) * ROW + 4.0;
    let end = x.at(value);
    svg.put(format_args!(
        "<text class=\"tick\" x=\"0\" y=\"{:.1}\">{}</text>\
         <rect class=\"{class}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\"/>\
         <text class=\"tick end strong\" x=\"{WIDTH}\" y=\"{:.1}\">{}</text>",
        top + 14.0,
        Text(label),
        top + 2.0,
        (end - LEFT).max(1.5),
        ROW - 10.0,
        top + 14.0,
        Text(said)
    ));
}

fn whisker(svg: &mut Markup, index: u32, (low, high): (f64, f64)) {
    let y = f64::from(index) * ROW + ROW * 0.5 + 1.0;
    svg.put(format_args!(
        "<path class=\"whisker\" d=\"M{low:.1} {y:.1}H{high:.1}M{low:.1} {:.1}v8M{high:.1} {:.1}v8\"/>",
        y - 4.0,
        y - 4.0
    ));
}

fn figure(svg: Markup, caption: &str, flagged: bool) -> String {
    let class = if flagged { " class=\"flag\"" } else { "" };
    format!(
        "<figure>{}<figcaption{class}>{}</figcaption></figure>",
        svg.into_string(),
        Text(caption)
    )
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
