//! The report as Markdown, for terminals, tickets and pull requests.

use super::escape::Cell;
use super::model::{BreakerRecord, FaultRecord, Felt, HypothesisRecord, Report, Series};
use super::say;
use crate::proof::Rate;

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    let parts = [
        Some(headline(report)),
        hypothesis(report.hypothesis.as_ref()),
        faults(&report.faults),
        recoveries(report),
        telemetry(report),
        breakers(report),
        probes(&report.series),
        checks(report),
        activities(report),
        Some(closing(report)),
    ];
    let mut text = parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

fn headline(report: &Report) -> String {
    let mut lines = vec![
        format!("# {}", Cell(&report.title)),
        format!(
            "**{}** {}.",
            say::verdict(report.verdict),
            Cell(&report.reason)
        ),
    ];
    if !report.description.is_empty() {
        lines.push(Cell(&report.description).to_string());
    }
    let mut facts = vec![
        format!(
            "- Time: {} to {} ({})",
            say::wall(&report.started),
            say::wall(&report.ended),
            say::milliseconds(report.duration_ms)
        ),
        format!("- Exit code: {}", report.exit_code),
        format!("- Left on the host: {}", say::left(report)),
    ];
    if let Some(clean) = report.breach.as_ref().and_then(say::breach_to_clean) {
        facts.push(format!("- Breach to clean: {}", say::milliseconds(clean)));
    }
    lines.push(facts.join("\n"));
    lines.join("\n\n")
}

fn hypothesis(hypothesis: Option<&HypothesisRecord>) -> Option<String> {
    let hypothesis = hypothesis?;
    let mut rows = Vec::new();
    for (when, result) in [("before", &hypothesis.before), ("after", &hypothesis.after)] {
        for probe in result.iter().flat_map(|result| &result.probes) {
            let seen = probe.why.as_deref().unwrap_or("met");
            rows.push(vec![
                when.to_owned(),
                cell(&probe.name),
                cell(&probe.tolerance),
                yes(probe.met),
                cell(seen),
            ]);
        }
    }
    if let Some(during) = hypothesis.during {
        let seen = format!("{} of {} checks not met", during.failed, during.checks);
        rows.push(vec![
            "during".to_owned(),
            "all".to_owned(),
            String::new(),
            yes(during.failed == 0),
            seen,
        ]);
    }
    let table = table(&["when", "probe", "tolerated", "met", "seen"], &rows);
    Some(format!(
        "## Hypothesis: {}\n\n{table}",
        Cell(&hypothesis.title)
    ))
}

fn faults(faults: &[FaultRecord]) -> Option<String> {
    let row = |fault: &FaultRecord| {
        let injected = fault
            .counters
            .map_or_else(String::new, |c| format!("{} of {}", c.injected, c.matched));
        let end = fault.error.clone().unwrap_or_else(|| {
            format!(
                "{}; {}",
                say::end_reason(fault.ended),
                say::undo(&fault.undo)
            )
        });
        vec![
            cell(&fault.name),
            cell(&say::fault(fault)),
            cell(&fault.target),
            injected,
            fault.rate.as_ref().map_or_else(String::new, rate),
            fault.felt.as_ref().map_or_else(String::new, felt),
            cell(&end),
        ]
    };
    let rows: Vec<_> = faults.iter().map(row).collect();
    let head = ["fault", "what", "target", "injected", "rate", "felt", "end"];
    (!rows.is_empty()).then(|| format!("## Faults\n\n{}", table(&head, &rows)))
}

fn recoveries(report: &Report) -> Option<String> {
    let rows: Vec<Vec<String>> = say::recoveries(report)
        .into_iter()
        .map(|row| row.map(|text| cell(&text)).to_vec())
        .collect();
    (!rows.is_empty()).then(|| format!("## Recovery\n\n{}", table(&say::RECOVERY, &rows)))
}

fn telemetry(report: &Report) -> Option<String> {
    let telemetry = report.telemetry.as_ref()?;
    let said = say::telemetry(telemetry);
    let lines: Vec<_> = said
        .iter()
        .map(|line| format!("- {}", Cell(line)))
        .collect();
    Some(format!("## What targets felt\n\n{}", lines.join("\n")))
}

fn rate(rate: &Rate) -> String {
    let interval = format!("{} to {}", say::percent(rate.low), say::percent(rate.high));
    format!(
        "{} asked, {} observed ({interval})",
        say::percent(rate.asked),
        say::percent(rate.observed)
    )
}

fn felt(felt: &Felt) -> String {
    let [before, during, asked] =
        [felt.before_us, felt.during_us, felt.asked_us].map(|us| say::milliseconds(us / 1e3));
    let differs = if felt.flagged { " (differs)" } else { "" };
    format!("{before} before, {during} during, {asked} asked{differs}")
}

fn breakers(report: &Report) -> Option<String> {
    let row = |breaker: &BreakerRecord| {
        let transitions = breaker.transitions.iter().map(|t| {
            format!(
                "{}: {} to {} ({})",
                say::milliseconds(t.at_ms),
                t.from,
                t.to,
                t.reason
            )
        });
        let told = transitions.collect::<Vec<_>>().join("; ");
        vec![
            cell(&breaker.name),
            cell(&breaker.probe),
            cell(&breaker.policy),
            breaker.samples.to_string(),
            cell(&told),
        ]
    };
    let rows: Vec<_> = report.breakers.iter().map(row).collect();
    let head = ["breaker", "probe", "opens on", "samples", "transitions"];
    (!rows.is_empty()).then(|| format!("## Circuit breakers\n\n{}", table(&head, &rows)))
}

fn probes(series: &[Series]) -> Option<String> {
    let row = |series: &Series| {
        let values: Vec<f64> = series
            .samples
            .iter()
            .filter_map(|sample| sample.v)
            .collect();
        let low = values
            .iter()
            .copied()
            .reduce(f64::min)
            .map_or_else(String::new, say::number);
        let high = values
            .iter()
            .copied()
            .reduce(f64::max)
            .map_or_else(String::new, say::number);
        let bad = series.samples.iter().filter(|sample| !sample.ok).count();
        vec![
            cell(&series.name),
            say::quantity(series).to_owned(),
            series.samples.len().to_string(),
            low,
            high,
            bad.to_string(),
        ]
    };
    let rows: Vec<_> = series.iter().map(row).collect();
    let head = [
        "probe",
        "numbers are",
        "samples",
        "lowest",
        "highest",
        "not tolerated",
    ];
    (!rows.is_empty()).then(|| format!("## Probes\n\n{}", table(&head, &rows)))
}

fn checks(report: &Report) -> Option<String> {
    let rows: Vec<_> = report
        .checks
        .iter()
        .map(|check| {
            let about = check.about.as_ref().map(|about| format!("{about}: "));
            let name = about.unwrap_or_default() + &check.name;
            vec![cell(&name), yes(check.passed), cell(&check.detail)]
        })
        .collect();
    (!rows.is_empty()).then(|| format!("## Checks\n\n{}", table(&["check", "held", "seen"], &rows)))
}

fn activities(report: &Report) -> Option<String> {
    let rows: Vec<_> = report
        .activities
        .iter()
        .map(|activity| {
            let took = say::milliseconds(activity.end_ms - activity.start_ms);
            let said = activity
                .error
                .as_deref()
                .or(activity.output.as_deref())
                .unwrap_or_default();
            let at = say::milliseconds(activity.start_ms);
            vec![
                at,
                say::phase(activity.phase).to_owned(),
                cell(&activity.name),
                took,
                say::status(activity.status).to_owned(),
                cell(said),
            ]
        })
        .collect();
    let head = ["at", "part", "activity", "took", "status", "answer"];
    (!rows.is_empty()).then(|| format!("## Timeline\n\n{}", table(&head, &rows)))
}

fn closing(report: &Report) -> String {
    let mut lines: Vec<String> = report
        .left_on_host
        .items
        .iter()
        .map(|item| format!("- left on the host: {}", Cell(item)))
        .collect();
    lines.extend(
        report
            .warnings
            .iter()
            .map(|warning| format!("- {}", Cell(warning))),
    );
    lines.extend(
        report
            .host
            .iter()
            .map(|(name, value)| format!("- {}: {}", Cell(name), Cell(value))),
    );
    lines.push(format!(
        "- temblor {}, report format {}",
        Cell(&report.version),
        report.format
    ));
    format!("## Notes\n\n{}", lines.join("\n"))
}

fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![
        line(head.iter().map(|name| (*name).to_owned()).collect()),
        line(vec!["---".to_owned(); head.len()]),
    ];
    lines.extend(rows.iter().cloned().map(line));
    lines.join("\n")
}

fn cell(text: &str) -> String {
    Cell(text).to_string()
}

fn yes(held: bool) -> String {
    if held { "yes" } else { "**no**" }.to_owned()
}
