//! The page from top to bottom.

use super::details::{breakers, details, hypothesis, recoveries};
use super::markup::{Markup, chip, prose};
use super::{proof, timeline};
use crate::report::escape::Text;
use crate::report::model::{Breach, Check, FaultRecord, Report, Undo, Verdict};
use crate::report::say;

const STYLE: &str = include_str!("style.css");
/// Nothing on the page may run or be fetched, whatever a probe's output holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The report as one HTML page.
pub fn html(report: &Report) -> String {
    let mut page = Markup::default();
    page.put(format_args!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         <title>{}: {}</title><style>{STYLE}</style></head><body><main>",
        Text(&report.title),
        say::verdict(report.verdict)
    ));
    header(&mut page, report);
    asked(&mut page, report);
    happened(&mut page, report);
    proofs(&mut page, report);
    details(&mut page, report);
    page.put(format_args!(
        "<footer>Written by temblor {}. Report format {}; the same data is in <code>report.json</code>.</footer></main></body></html>\n",
        Text(&report.version),
        report.format
    ));
    page.into_string()
}

fn header(page: &mut Markup, report: &Report) {
    let tone = tone(report.verdict);
    page.put(format_args!(
        "<header class=\"{tone}\"><p class=\"kind\">Chaos experiment</p><h1>{}</h1>\
         <p class=\"verdict\"><strong>{}.</strong> {}</p>",
        Text(&report.title),
        say::verdict(report.verdict),
        prose(&sentence(&report.reason))
    ));
    page.put(format_args!(
        "<p class=\"when\">{} · ran {} · exit code {}{}</p></header>",
        Text(say::wall(&report.started)),
        say::milliseconds(report.duration_ms),
        report.exit_code,
        report
            .host
            .get("name")
            .map_or_else(String::new, |name| format!(" · on {}", Text(name)))
    ));
    facts(page, report);
}

fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "good",
        Verdict::Interrupted | Verdict::NotSteady | Verdict::Refused | Verdict::BadInput => "plain",
        Verdict::BreakerTripped => "warn",
        Verdict::Deviated | Verdict::Failed | Verdict::UndoIncomplete => "bad",
    }
}

fn sentence(reason: &str) -> String {
    let mut chars = reason.trim().trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).chain(['.']).collect()
    })
}

fn facts(page: &mut Markup, report: &Report) {
    let armed = report
        .faults
        .iter()
        .filter(|fault| fault.start_ms.is_some())
        .count();
    page.put(format_args!("<dl class=\"facts\">"));
    fact(
        page,
        "plain",
        "faults injected",
        &format!("{armed} of {}", report.faults.len()),
    );
    fact(
        page,
        "plain",
        "events changed",
        &injected(report).to_string(),
    );
    if let Some(breach) = &report.breach {
        let clean = say::breach_to_clean(breach)
            .map_or_else(|| "not reached".to_owned(), say::milliseconds);
        fact(page, "warn", "from breach to clean", &clean);
    }
    let checks = report.checks.len();
    let held = report.checks.iter().filter(|check| check.passed).count();
    if checks > 0 {
        let held_all = good_or_bad(held == checks);
        fact(
            page,
            held_all,
            "checks held",
            &format!("{held} of {checks}"),
        );
    }
    let clean = good_or_bad(report.is_clean());
    fact(page, clean, "left on the host", &say::left(report));
    page.put(format_args!("</dl>"));
}

fn injected(report: &Report) -> u64 {
    let counters = report.faults.iter().filter_map(|fault| fault.counters);
    counters.map(|counters| counters.injected).sum()
}

fn good_or_bad(is_good: bool) -> &'static str {
    if is_good { "good" } else { "bad" }
}

fn fact(page: &mut Markup, tone: &str, name: &str, value: &str) {
    page.put(format_args!(
        "<div class=\"{tone}\"><dt>{}</dt><dd>{}</dd></div>",
        Text(name),
        Text(value)
    ));
}

fn asked(page: &mut Markup, report: &Report) {
    page.put(format_args!("<section><h2>What was asked</h2>"));
    if !report.description.is_empty() {
        page.put(format_args!(
            "<p class=\"lead\">{}</p>",
            prose(&report.description)
        ));
    }
    if !report.faults.is_empty() {
        page.put(format_args!("<ul class=\"faults\">"));
        for fault in asked_once(&report.faults) {
            page.put(format_args!(
                "<li><strong>{}</strong> <code>{}</code><span>{} on <code>{}</code>{}</span></li>",
                Text(&fault.name),
                Text(&fault.kind),
                Text(capital(&say::fault(fault))),
                Text(&fault.target),
                fault
                    .asked
                    .get("duration")
                    .map_or_else(String::new, |d| format!(" for {}", Text(d))),
            ));
        }
        page.put(format_args!("</ul>"));
    }
    hypothesis(page, report);
    page.put(format_args!("</section>"));
}

/// Without those that a breaker armed again: nobody asked for them.
fn asked_once(faults: &[FaultRecord]) -> Vec<&FaultRecord> {
    let first = |(index, fault): &(usize, &FaultRecord)| {
        !faults
            .iter()
            .take(*index)
            .any(|other| other.name == fault.name)
    };
    faults
        .iter()
        .enumerate()
        .filter(first)
        .map(|(_, fault)| fault)
        .collect()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

fn happened(page: &mut Markup, report: &Report) {
    let chart = timeline::timeline(report);
    if chart.is_empty() && report.breakers.is_empty() {
        return;
    }
    page.put(format_args!("<section><h2>What happened</h2>"));
    if let Some(breach) = &report.breach {
        story(page, breach);
    }
    if !chart.is_empty() {
        page.put(format_args!(
            "<figure class=\"wide\">{chart}<figcaption><span class=\"key shade\"></span>a fault acts \
             <span class=\"key value\"></span>probe <span class=\"key bound\"></span>limit of what is tolerated \
             <span class=\"key bad\"></span>not tolerated <span class=\"key open\"></span>breaker</figcaption></figure>"
        ));
    }
    breakers(page, report);
    page.put(format_args!("</section>"));
}

fn story(page: &mut Markup, breach: &Breach) {
    let after = |ms: Option<f64>| {
        ms.map_or_else(
            || "never".to_owned(),
            |ms| format!("{} later", say::milliseconds(ms - breach.at_ms)),
        )
    };
    page.put(format_args!(
        "<p class=\"lead\">The breaker <strong>{}</strong> opened at +{} after {}. Every fault was switched off {} and the host was clean {}.</p>",
        Text(&breach.breaker),
        say::milliseconds(breach.at_ms),
        Text(breach.reason),
        after(breach.killed_ms),
        after(breach.clean_ms)
    ));
}

fn proofs(page: &mut Markup, report: &Report) {
    if report.faults.is_empty() && report.checks.is_empty() {
        return;
    }
    page.put(format_args!("<section><h2>Proof</h2><div class=\"cards\">"));
    for fault in &report.faults {
        card(page, fault);
    }
    page.put(format_args!("</div>"));
    recoveries(page, report);
    if !report.checks.is_empty() {
        checks(page, &report.checks);
    }
    page.put(format_args!("</section>"));
}

/// Neighbours about the same thing under one heading.
fn checks(page: &mut Markup, checks: &[Check]) {
    for group in checks.chunk_by(|a, b| a.about == b.about) {
        if let Some(about) = group.first().and_then(|check| check.about.as_ref()) {
            page.put(format_args!("<h3>{}</h3>", Text(about)));
        }
        page.put(format_args!("<ul class=\"checks\">"));
        for check in group {
            let (tone, word) = if check.passed {
                ("good", "held")
            } else {
                ("bad", "broken")
            };
            page.put(format_args!(
                "<li>{} <b>{}</b> <span>{}</span></li>",
                chip(tone, word),
                Text(&check.name),
                Text(&check.detail)
            ));
        }
        page.put(format_args!("</ul>"));
    }
}

fn weakened(fault: &FaultRecord) -> String {
    if fault.intensity < 1.0 {
        format!(
            " {}",
            chip(
                "warn",
                format!("armed again at {}", say::percent(fault.intensity))
            )
        )
    } else {
        String::new()
    }
}

fn card(page: &mut Markup, fault: &FaultRecord) {
    let tone = match fault.undo {
        Undo::Verified => "good",
        Undo::NothingToUndo => "plain",
        Undo::Incomplete { .. } => "bad",
    };
    page.put(format_args!(
        "<article><h3>{} <code>{}</code>{}</h3>",
        Text(&fault.name),
        Text(&fault.kind),
        weakened(fault)
    ));
    if let Some(error) = &fault.error {
        page.put(format_args!("<p class=\"error\">{}</p>", prose(error)));
    }
    page.put(format_args!("{}", proof::figures(fault)));
    if let Some(c) = fault.counters {
        page.put(format_args!(
            "<p class=\"counts\"><b>{}</b> matched = <b>{}</b> eligible + {} expired + {} outside<br>\
             <b>{}</b> eligible = <b class=\"hit\">{}</b> injected + {} passed by the dice</p>",
            c.matched, c.eligible, c.expired, c.outside, c.eligible, c.injected, c.passed
        ));
        if c.foreign > 0 {
            page.put(format_args!(
                "<p class=\"counts\"><b>{}</b> foreign, by 32-bit code or io_uring, which are not \
                 covered</p>",
                c.foreign
            ));
        }
    }
    let by = fault
        .mechanism
        .as_ref()
        .map_or_else(String::new, |by| format!("Acted by {}. ", Text(by)));
    page.put(format_args!(
        "<p class=\"ending\">{by}Ended because {}. {}</p></article>",
        say::end_reason(fault.ended),
        chip(tone, say::undo(&fault.undo))
    ));
}
