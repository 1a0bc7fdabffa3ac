//! Types are named by the field's terms, not by words that fit everything.

use syn::{Ident, Item};

use crate::tidy::{
    finding::Finding,
    syntax::place,
    tree::{Source, Tree},
};

/// Last words that say nothing.
const EMPTY_WORDS: &[&str] = &[
    "Manager", "Helper", "Helpers", "Util", "Utils", "Info", "Data",
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().flat_map(empty_words).collect()
}

fn empty_words(source: &Source) -> Vec<Finding> {
    let names = source.syntax.items.iter().filter_map(type_name);
    let finding = |name: &Ident| {
        let text = name.to_string();
        let word = EMPTY_WORDS.iter().find(|word| text.ends_with(**word))?;
        let message = format!("`{text}`: `{word}` says nothing; name what it is");
        Some(Finding::failure(place(source, name), message))
    };
    names.filter_map(finding).collect()
}

fn type_name(item: &Item) -> Option<&Ident> {
    match item {
        Item::Struct(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::empty_words;
    use crate::tidy::tree::Source;

    fn found(text: &str) -> usize {
        empty_words(&Source::new("a.rs", text).unwrap()).len()
    }

    #[test]
    fn terms_of_the_field_are_fine() {
        assert_eq!(
            found("struct UndoLog;\nenum Fault {}\ntrait Clock {}\nstruct Dataset;"),
            0
        );
    }

    #[test]
    fn words_that_fit_everything_are_found() {
        assert_eq!(
            found("struct FaultManager;\nenum TargetInfo {}\ntrait NetUtils {}"),
            3
        );
    }
}
