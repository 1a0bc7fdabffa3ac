//! The tables, for people.

use std::collections::BTreeSet;

use super::format::Format;
use super::part::title;
use super::table::{Fate, Form, Outcome, Row};

const HOW: &str = "`temblor convert --from FORMAT MANIFEST --target SELECTOR` writes one experiment. \
What stands in no table is refused, and so is all that is `refused` in one, each with its place. \
`--target` says who suffers on this host in place of what a cluster would choose; with \
`NAME=SELECTOR` only for the document of that name.";

/// Everything that is converted and refused of one format, in Markdown.
pub fn markdown(format: Format) -> String {
    let dialect = format.dialect();
    let mut sections = vec![format!(
        "# {}\n\n<!-- Written by `BLESS=1 cargo test -p injector-core convert`. -->\n\n{HOW}\n\n{}",
        dialect.product, dialect.about
    )];
    let (whole, refused): (Vec<&Form>, Vec<&Form>) = dialect
        .forms
        .iter()
        .partition(|form| form.parts.iter().any(is_fault));
    let shared = shared(&whole);
    sections.push(table("## Everywhere", &shared));
    for form in whole {
        sections.extend(of_form(form, &shared));
    }
    sections.push(refusals(&refused));
    format!("{}\n", sections.join("\n\n"))
}

/// Rows that every form has.
fn shared(forms: &[&'static Form]) -> Vec<&'static Row> {
    let Some((first, others)) = forms.split_first() else {
        return Vec::new();
    };
    let everywhere = |row: &&Row| {
        let has = |form: &&Form| form.common().any(|other| other.theirs == row.theirs);
        others.iter().all(has)
    };
    first.common().filter(everywhere).collect()
}

fn of_form(form: &'static Form, shared: &[&Row]) -> Vec<String> {
    let is_own = |row: &&Row| !shared.iter().any(|other| other.theirs == row.theirs);
    let own: Vec<&Row> = form.common().filter(is_own).collect();
    let mut sections = vec![format!("## {}", form.name)];
    if !own.is_empty() {
        sections.push(table("", &own));
    }
    for part in form.parts {
        let title = title(form, part);
        match part.becomes {
            Outcome::Fault(kind) => {
                let rows: Vec<&Row> = part.rows.iter().collect();
                let given = part.given.iter();
                let given: BTreeSet<String> = given
                    .map(|(name, text)| format!("`{name}: {text}`"))
                    .collect();
                let given = if given.is_empty() {
                    String::new()
                } else {
                    let given: Vec<String> = given.into_iter().collect();
                    format!(
                        ", with {} unless a field says otherwise",
                        given.join(" and ")
                    )
                };
                sections.push(table(&format!("{title} becomes `{kind}`{given}."), &rows));
            }
            Outcome::Never(never) => sections.push(format!(
                "{title} is refused: {}. Instead: {}.",
                never.why, never.instead
            )),
        }
    }
    sections
}

fn is_fault(part: &super::table::Part) -> bool {
    matches!(part.becomes, Outcome::Fault(_))
}

fn refusals(forms: &[&Form]) -> String {
    let rows = forms.iter().flat_map(|form| {
        form.parts.iter().filter_map(|part| match part.becomes {
            Outcome::Never(never) => Some(format!(
                "| `{}` | {} | {} |",
                form.name, never.why, never.instead
            )),
            Outcome::Fault(_) => None,
        })
    });
    let rows: Vec<String> = rows.collect();
    format!(
        "## What is refused as a whole\n\n| what | why | instead |\n|---|---|---|\n{}",
        rows.join("\n")
    )
}

fn table(title: &str, rows: &[&Row]) -> String {
    let rows: Vec<String> = rows.iter().map(|row| line(row)).collect();
    let table = format!(
        "| field | becomes | value | to be known |\n|---|---|---|---|\n{}",
        rows.join("\n")
    );
    if title.is_empty() {
        table
    } else {
        format!("{title}\n\n{table}")
    }
}

fn line(row: &Row) -> String {
    let (becomes, value) = match &row.fate {
        Fate::Tells => ("the fault".to_owned(), ""),
        Fate::Name => ("the name of the action".to_owned(), "a text"),
        Fate::Tags => ("`tags`".to_owned(), "a mapping of texts"),
        Fate::Becomes(ours, reader) => (format!("`{ours}`"), reader.reads),
        Fate::Who(_) => ("`--target`".to_owned(), ""),
        Fate::Only(reader) => ("nothing".to_owned(), reader.reads),
        Fate::Never(never) => (format!("refused: {}", never.why), never.instead),
    };
    let mut notes: Vec<&str> = Vec::new();
    notes.extend((!row.note.is_empty()).then_some(row.note));
    notes.extend(row.needed.map(|_| "has to be there"));
    format!(
        "| `{}` | {becomes} | {value} | {} |",
        row.theirs,
        notes.join("; ")
    )
}
