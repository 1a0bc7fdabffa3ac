//! What came of following logs, for people.

use injector_core::logs::{During, Level, Share, Span, Summary};

use crate::cli::style::Style;
use crate::cli::table::table;
use crate::logs::{Collected, Followed};

/// Faults that get a column of their own.
const COLUMNS: usize = 6;

/// Everything, of the templates the first `top`.
pub(super) fn text(summary: &Summary, collected: &Collected, top: usize, style: Style) -> String {
    let mut parts = vec![head(summary, collected)];
    if !summary.faults.is_empty() {
        parts.push(faults(summary, style));
    }
    if !summary.levels.is_empty() {
        parts.push(levels(summary, style));
        parts.push(templates(summary, top, style));
    }
    let notes = notes(summary, collected, top);
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.join("\n\n")
}

fn head(summary: &Summary, collected: &Collected) -> String {
    let Span {
        seconds,
        lines,
        per_second,
    } = summary.all;
    let rate = rate(per_second);
    let mut rows = vec![format!(
        "{lines} lines in {seconds:.1}s, {rate} a second, from"
    )];
    for one in &collected.followed {
        rows.push(format!(
            "  {}: {} lines{}",
            clean(&one.source),
            one.lines,
            troubles(one)
        ));
    }
    rows.join("\n")
}

/// What went wrong with a source, if anything did.
fn troubles(one: &Followed) -> String {
    let Followed {
        source: _,
        lines: _,
        cut,
        invalid,
        restarted,
        resumed,
        unread_bytes,
        ended,
    } = one;
    let counted = [
        (*cut, "cut, as they are too long"),
        (*invalid, "no UTF-8 text"),
        (*restarted, "times cut short or written anew"),
        (*resumed, "times taken up again"),
        (*unread_bytes, "bytes not read"),
    ];
    let mut all: Vec<String> = counted
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("; {count} {what}"))
        .collect();
    all.extend(ended.as_ref().map(|why| format!("; ended: {}", clean(why))));
    all.concat()
}

fn faults(summary: &Summary, style: Style) -> String {
    let row = |name: &str, kind: &str, span: &Span| {
        vec![
            name.to_owned(),
            kind.to_owned(),
            format!("{:.1}s", span.seconds),
            span.lines.to_string(),
            rate(span.per_second),
        ]
    };
    let mut rows = vec![row("none", "", &summary.calm)];
    for During { fault, kind, span } in &summary.faults {
        rows.push(row(fault, kind, span));
    }
    table(
        &["FAULT", "KIND", "ACTED", "LINES", "PER SECOND"],
        &rows,
        style,
    )
}

fn levels(summary: &Summary, style: Style) -> String {
    let columns = columns(summary);
    let mut header = vec!["LEVEL", "LINES", "PER SECOND"];
    header.extend(columns.iter().map(String::as_str));
    let rows: Vec<Vec<String>> = summary
        .levels
        .iter()
        .map(|share| {
            let level = share.level.map(Level::name).unwrap_or_default();
            [vec![level.to_owned()], counts(share, &columns)].concat()
        })
        .collect();
    table(&header, &rows, style)
}

fn templates(summary: &Summary, top: usize, style: Style) -> String {
    let columns = columns(summary);
    let mut header = vec!["LINES", "PER SECOND"];
    header.extend(columns.iter().map(String::as_str));
    header.extend(["LEVEL", "TEMPLATE"]);
    let row = |share: &Share| {
        let level = share.level.map(Level::name).unwrap_or_default();
        let template = share.template.as_ref().map_or("(other)", |it| it.as_str());
        let template = if template.is_empty() {
            "(empty)"
        } else {
            template
        };
        let about = vec![level.to_owned(), template.to_owned()];
        [counts(share, &columns), about].concat()
    };
    let other = (summary.other.lines > 0).then_some(&summary.other);
    let shown = summary.templates.iter().take(top).chain(other);
    let rows: Vec<Vec<String>> = shown.map(row).collect();
    table(&header, &rows, style)
}

/// The first is for lines while no fault acted; none at all where none ever did.
fn columns(summary: &Summary) -> Vec<String> {
    if summary.faults.is_empty() {
        return Vec::new();
    }
    let faults = summary.faults.iter().take(COLUMNS);
    let names = faults.map(|during| during.fault.clone());
    ["NO FAULT".to_owned()].into_iter().chain(names).collect()
}

fn counts(share: &Share, columns: &[String]) -> Vec<String> {
    let while_faults = [share.calm].into_iter().chain(share.during.iter().copied());
    let all = [share.lines.to_string(), rate(share.per_second)].into_iter();
    all.chain(
        while_faults
            .take(columns.len())
            .map(|lines| lines.to_string()),
    )
    .collect()
}

fn notes(summary: &Summary, collected: &Collected, top: usize) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |count: usize, text: &str| {
        if count > 0 {
            notes.push(format!("{count} {text}"));
        }
    };
    let hidden = summary.templates.len().saturating_sub(top);
    note(hidden, "more templates: --top 1000 shows all");
    let narrow = summary.faults.len().saturating_sub(COLUMNS);
    note(narrow, "more faults have columns with --json only");
    let untold = usize::try_from(summary.more_faults).unwrap_or(usize::MAX);
    note(untold, "more faults acted that are not told apart");
    if summary.other.lines > 0 {
        let kept = summary.templates.len();
        notes.push(format!("(other): lines unlike the first {kept} templates"));
    }
    if let Some(why) = &collected.faults_unknown {
        notes.push(format!("which faults acted was not always known: {why}"));
    } else if summary.faults.is_empty() {
        notes.push("no fault acted".to_owned());
    }
    for one in &collected.unfollowed {
        let (source, why) = (clean(&one.source), clean(&one.why));
        notes.push(format!("not followed: {source}: {why}"));
    }
    if collected.unfollowed_more > 0 {
        notes.push(format!("not followed: {} more", collected.unfollowed_more));
    }
    notes
}

/// What others have named must not steer a terminal.
fn clean(text: &str) -> String {
    text.replace(char::is_control, "?")
}

fn rate(per_second: Option<f64>) -> String {
    per_second.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"))
}

#[cfg(test)]
mod tests {
    use injector_core::logs::{Acting, Reading, Summary, Tally};

    use super::text;
    use crate::cli::style::Style;
    use crate::logs::{Collected, Followed, Unfollowed};

    const SECOND: u64 = 1_000_000_000;

    fn collected(faults: &[Acting], lines: &[&str]) -> Collected {
        let mut tally = Tally::new(0);
        tally.look(0, faults);
        for (second, line) in (1..).zip(lines) {
            tally.add(second * SECOND, &Reading::of(line));
        }
        Collected {
            tally,
            ended_ns: 10 * SECOND,
            followed: vec![Followed {
                source: "/var/log/a\x1b[2J.log".to_owned(),
                lines: 4,
                cut: 1,
                ..Followed::default()
            }],
            unfollowed: vec![Unfollowed {
                source: "errors of a (7)".to_owned(),
                why: "it is a pipe".to_owned(),
            }],
            unfollowed_more: 0,
            faults_unknown: None,
        }
    }

    fn shown(collected: &Collected, top: usize) -> String {
        let summary = Summary::of(&collected.tally, collected.ended_ns);
        text(&summary, collected, top, Style::PLAIN)
    }

    #[test]
    fn each_fault_has_a_column() {
        let fault = Acting {
            fault: "f1".to_owned(),
            kind: "net.loss".to_owned(),
            from_ns: 3 * SECOND,
            until_ns: Some(7 * SECOND),
        };
        let lines = [
            "INFO 1 done",
            "INFO 2 done",
            "ERROR 3 failed",
            "INFO 4 done",
        ];
        let expected = "\
4 lines in 10.0s, 0.4 a second, from
  /var/log/a?[2J.log: 4 lines; 1 cut, as they are too long

FAULT  KIND      ACTED  LINES  PER SECOND
none             6.0s   2      0.3
f1     net.loss  4.0s   2      0.5

LEVEL  LINES  PER SECOND  NO FAULT  f1
error  1      0.1         0         1
info   3      0.3         2         1

LINES  PER SECOND  NO FAULT  f1  LEVEL  TEMPLATE
3      0.3         2         1   info   INFO <num> done

1 more templates: --top 1000 shows all
not followed: errors of a (7): it is a pipe";
        assert_eq!(shown(&collected(&[fault], &lines), 1), expected);
    }

    #[test]
    fn without_faults_there_are_no_columns_of_them() {
        let expected = "\
1 lines in 10.0s, 0.1 a second, from
  /var/log/a?[2J.log: 4 lines; 1 cut, as they are too long

LEVEL    LINES  PER SECOND
unknown  1      0.1

LINES  PER SECOND  LEVEL    TEMPLATE
1      0.1         unknown  (empty)

no fault acted
not followed: errors of a (7): it is a pipe";
        assert_eq!(shown(&collected(&[], &[""]), 9), expected);
    }
}
