//! Tables for who wants to know it exactly.

use super::markup::{Markup, chip, prose, text};
use crate::report::escape::Text;
use crate::report::model::{ActivityStatus, HypothesisResult, Report};
use crate::report::say;

/// The hypothesis and where it held.
pub(super) fn hypothesis(page: &mut Markup, report: &Report) {
    let Some(hypothesis) = &report.hypothesis else {
        let judge = if report.checks.is_empty() {
            "the run explores, it does not judge"
        } else {
            "the checks below judge"
        };
        page.put(format_args!("<p>No steady-state hypothesis: {judge}.</p>"));
        return;
    };
    page.put(format_args!(
        "<h3>The hypothesis: {}</h3><p class=\"steps\">",
        Text(&hypothesis.title)
    ));
    checked(page, "before", hypothesis.before.as_ref());
    if let Some(during) = hypothesis.during {
        let tone = if during.failed == 0 { "good" } else { "bad" };
        let word = format!(
            "{} of {} met",
            during.checks - during.failed.min(during.checks),
            during.checks
        );
        page.put(format_args!("<span>during {}</span>", chip(tone, word)));
    }
    checked(page, "after", hypothesis.after.as_ref());
    page.put(format_args!("</p>"));
    let last = hypothesis.after.as_ref().or(hypothesis.before.as_ref());
    let unmet = hypothesis
        .before
        .as_ref()
        .filter(|result| !result.met)
        .or(last);
    if let Some(result) = unmet {
        probes(page, result);
    }
}

fn checked(page: &mut Markup, when: &str, result: Option<&HypothesisResult>) {
    let chip = match result {
        Some(result) if result.met => chip("good", "met"),
        Some(_) => chip("bad", "not met"),
        None => chip("plain", "not checked"),
    };
    page.put(format_args!("<span>{when} {chip}</span>"));
}

fn probes(page: &mut Markup, result: &HypothesisResult) {
    let row = |probe: &crate::report::ProbeResult| {
        let chip = if probe.met {
            chip("good", "met")
        } else {
            chip("bad", "not met")
        };
        let why = probe.why.as_deref().unwrap_or_default();
        vec![
            text(&probe.name),
            text(&probe.tolerance),
            format!("{chip} {}", Text(why)),
        ]
    };
    let rows: Vec<_> = result.probes.iter().map(row).collect();
    page.table(&["probe", "tolerated", "found"], &rows);
}

/// When targets felt the faults, and when that was over.
pub(super) fn recoveries(page: &mut Markup, report: &Report) {
    let Some(telemetry) = &report.telemetry else {
        return;
    };
    page.put(format_args!(
        "<h3>What targets felt</h3><ul class=\"notes\">"
    ));
    for line in say::telemetry(telemetry) {
        page.put(format_args!("<li>{}</li>", Text(line)));
    }
    page.put(format_args!("</ul>"));
    let rows: Vec<_> = say::recoveries(report)
        .into_iter()
        .map(|row| row.map(text).to_vec())
        .collect();
    if !rows.is_empty() {
        page.table(&say::RECOVERY, &rows);
    }
}

/// The breakers and every transition.
pub(super) fn breakers(page: &mut Markup, report: &Report) {
    for breaker in &report.breakers {
        page.put(format_args!(
            "<h3>Breaker {}</h3><p>Watches {} every {}: opens on {}. It took {} samples.</p>",
            Text(&breaker.name),
            Text(&breaker.probe),
            say::milliseconds(breaker.interval_ms),
            Text(&breaker.policy),
            breaker.samples
        ));
        let row = |t: &crate::report::TransitionRecord| {
            vec![
                say::clock(&report.started, t.at_ms),
                format!("+{}", say::milliseconds(t.at_ms)),
                text(format!("{} → {}", t.from, t.to)),
                text(t.reason),
            ]
        };
        let rows: Vec<_> = breaker.transitions.iter().map(row).collect();
        if !rows.is_empty() {
            page.table(&["time", "offset", "transition", "because"], &rows);
        }
    }
}

/// Everything else, folded.
pub(super) fn details(page: &mut Markup, report: &Report) {
    page.put(format_args!("<section><h2>Details</h2>"));
    if !report.warnings.is_empty() || !report.left_on_host.items.is_empty() {
        page.put(format_args!("<ul class=\"notes\">"));
        for item in &report.left_on_host.items {
            page.put(format_args!(
                "<li>{} {}</li>",
                chip("bad", "left"),
                Text(item)
            ));
        }
        for warning in &report.warnings {
            page.put(format_args!(
                "<li>{} {}</li>",
                chip("warn", "note"),
                prose(warning)
            ));
        }
        page.put(format_args!("</ul>"));
    }
    activities(page, report);
    parameters(page, report);
    let rows: Vec<_> = report
        .host
        .iter()
        .map(|(name, value)| vec![text(name), text(value)])
        .collect();
    if !rows.is_empty() {
        page.put(format_args!("<details><summary>The host</summary>"));
        page.table(&["fact", "value"], &rows);
        page.put(format_args!("</details>"));
    }
    page.put(format_args!("</section>"));
}

fn activities(page: &mut Markup, report: &Report) {
    if report.activities.is_empty() {
        return;
    }
    let row = |activity: &crate::report::ActivityRecord| {
        let tone = match activity.status {
            ActivityStatus::Succeeded => "good",
            ActivityStatus::Failed => "bad",
            ActivityStatus::Cancelled => "plain",
        };
        let said = activity
            .error
            .as_deref()
            .or(activity.output.as_deref())
            .unwrap_or_default();
        let background = if activity.background {
            " (background)"
        } else {
            ""
        };
        vec![
            text(say::clock(&report.started, activity.start_ms)),
            text(say::phase(activity.phase)),
            format!("{}{background}", Text(&activity.name)),
            text(&activity.provider),
            say::milliseconds(activity.end_ms - activity.start_ms),
            format!(
                "{}<div class=\"said\">{}</div>",
                chip(tone, say::status(activity.status)),
                Text(said)
            ),
        ]
    };
    let rows: Vec<_> = report.activities.iter().map(row).collect();
    page.put(format_args!(
        "<details open><summary>Every activity, in order</summary>"
    ));
    page.table(&["time", "part", "activity", "by", "took", "answer"], &rows);
    page.put(format_args!("</details>"));
}

fn parameters(page: &mut Markup, report: &Report) {
    for fault in &report.faults {
        let rows: Vec<_> = fault
            .asked
            .iter()
            .map(|(name, value)| vec![text(name), text(value)])
            .collect();
        page.put(format_args!(
            "<details><summary>Parameters and plan of {}</summary>",
            Text(&fault.name)
        ));
        page.table(&["parameter", "value"], &rows);
        if !fault.plan.is_null() {
            page.put(format_args!(
                "<pre>{}</pre>",
                Text(format!("{:#}", fault.plan))
            ));
        }
        page.put(format_args!("</details>"));
    }
}
