//! What documents of another tool look like, and what becomes of each of their fields.

use std::collections::BTreeMap;

use crate::document::Node;
use crate::fault::{Given, Kind};
use crate::problem::{Invalid, Place, Problem};

/// One format of another tool.
#[derive(Debug)]
pub(super) struct Dialect {
    /// What it is called by those who make it.
    pub(super) product: &'static str,
    /// What is to be known before the tables, in Markdown.
    pub(super) about: &'static str,
    pub(super) forms: &'static [Form],
    /// The faults that one document asks for; several suffer side by side unless `in_turn`.
    pub(super) split: fn(&Node, &Place) -> Result<Vec<Piece>, Problem>,
    /// Whether the faults of one document come one after the other.
    pub(super) in_turn: bool,
}

/// One fault of a document, or several that act together.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) form: &'static Form,
    /// Which element of the form's list it is, if documents hold several.
    pub(super) element: Option<usize>,
}

/// One kind of document, or of element in one.
#[derive(Debug)]
pub(super) struct Form {
    /// As it is called there: `NetworkChaos`, `pod-network-loss`.
    pub(super) name: &'static str,
    /// The list whose elements are of this form, if a document holds several.
    pub(super) list: Option<&'static str>,
    /// What all its parts have in common, in groups that other forms have too.
    pub(super) rows: &'static [&'static [Row]],
    pub(super) parts: &'static [Part],
}

/// One of our faults, or why there is none.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) when: When,
    pub(super) becomes: Outcome,
    /// Parameters that are given unless a field gives them.
    pub(super) given: &'static [(&'static str, &'static str)],
    pub(super) rows: &'static [Row],
    /// What cannot be seen in one field alone.
    pub(super) check: Check,
}

pub(super) type Params = BTreeMap<String, Given>;
type Check = fn(&mut Params) -> Result<(), Problem>;

/// In which documents of a form there is this part.
#[derive(Debug)]
pub(super) enum When {
    Always,
    /// The field has this value.
    Is(&'static str, &'static str),
    /// The field is there.
    Has(&'static str),
    /// The first field has this value, and the second is there.
    IsAndHas(&'static str, &'static str, &'static str),
}

#[derive(Debug)]
pub(super) enum Outcome {
    Fault(Kind),
    Never(Never),
}

/// Why something cannot be converted, and what can be done instead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Never {
    pub(super) why: &'static str,
    pub(super) instead: &'static str,
}

/// One of their fields and what becomes of it.
#[derive(Debug)]
pub(super) struct Row {
    /// From the top of the document: `spec.delay.latency`. `[]` stands for every element of a list,
    /// `[NAME]` for the one of this name in a list of `name` and `value`.
    pub(super) theirs: &'static str,
    pub(super) fate: Fate,
    /// Why it has to be there, if it has to.
    pub(super) needed: Option<&'static str>,
    /// What differs, or is to be known; empty if nothing.
    pub(super) note: &'static str,
}

#[derive(Debug)]
pub(super) enum Fate {
    /// It says of what form the document is, and has been looked at.
    Tells,
    /// The name of the action.
    Name,
    /// Tags, from keys and values.
    Tags,
    /// This parameter, as the reader gives it.
    Becomes(&'static str, Reader),
    /// It chooses who suffers, which `--target` says instead.
    Who(Shape),
    /// Only values that the reader takes, because they change nothing; it gives no parameter.
    Only(Reader),
    /// No value at all.
    Never(Never),
}

/// How a value is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    /// What is read, for the documentation: `percent, as "25"`.
    pub(super) reads: &'static str,
    /// The text of our parameter, or nothing if the value asks for nothing.
    pub(super) read: fn(&Node) -> Result<Option<String>, Invalid>,
}

/// What a value that is not converted has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Texts,
    /// Keys that anybody may choose, each with a text.
    TextOfKey,
    /// Keys that anybody may choose, each with a list of texts.
    TextsOfKey,
}

impl Row {
    pub(super) const fn new(theirs: &'static str, fate: Fate) -> Self {
        Self {
            theirs,
            fate,
            needed: None,
            note: "",
        }
    }

    /// A field that becomes a parameter.
    pub(super) const fn of(theirs: &'static str, ours: &'static str, reader: Reader) -> Self {
        Self::new(theirs, Fate::Becomes(ours, reader))
    }

    /// A field that chooses who suffers.
    pub(super) const fn who(theirs: &'static str, shape: Shape) -> Self {
        Self::new(theirs, Fate::Who(shape))
    }

    /// A field that may only have values that change nothing.
    pub(super) const fn only(theirs: &'static str, reader: Reader) -> Self {
        Self::new(theirs, Fate::Only(reader))
    }

    /// A field that cannot be converted.
    pub(super) const fn never(
        theirs: &'static str,
        why: &'static str,
        instead: &'static str,
    ) -> Self {
        Self::new(theirs, Fate::Never(Never { why, instead }))
    }

    /// A document without it is refused for this reason.
    pub(super) const fn needed(self, why: &'static str) -> Self {
        Self {
            needed: Some(why),
            ..self
        }
    }

    pub(super) const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

impl Part {
    pub(super) const fn of(when: When, kind: Kind, rows: &'static [Row]) -> Self {
        Self {
            when,
            becomes: Outcome::Fault(kind),
            given: &[],
            rows,
            check: |_| Ok(()),
        }
    }

    pub(super) const fn never(when: When, why: &'static str, instead: &'static str) -> Self {
        Self {
            when,
            becomes: Outcome::Never(Never { why, instead }),
            given: &[],
            rows: &[],
            check: |_| Ok(()),
        }
    }

    pub(super) const fn given(self, given: &'static [(&'static str, &'static str)]) -> Self {
        Self { given, ..self }
    }

    pub(super) const fn check(self, check: Check) -> Self {
        Self { check, ..self }
    }
}

impl Form {
    /// A whole kind of document that cannot be converted.
    pub(super) const fn never(name: &'static str, parts: &'static [Part]) -> Self {
        Self {
            name,
            list: None,
            rows: &[],
            parts,
        }
    }

    /// The same, as an element of a list.
    pub(super) const fn inside(self, list: &'static str) -> Self {
        Self {
            list: Some(list),
            ..self
        }
    }

    /// What stands in documents of this form, whichever part they are of.
    pub(super) fn common(&self) -> impl Iterator<Item = &'static Row> {
        self.rows.iter().flat_map(|group| group.iter())
    }

    /// The field that says which part a document is of, if one does.
    pub(super) fn tells(&self) -> Option<&'static str> {
        self.parts.iter().find_map(|part| match part.when {
            When::Is(field, _) | When::IsAndHas(field, _, _) => Some(field),
            When::Always | When::Has(_) => None,
        })
    }
}
