//! `mod.rs` is a table of contents: documentation, `mod` and `use`, no logic.

use syn::Item;

use crate::tidy::{
    finding::Finding,
    syntax::{is_for_tests, place},
    tree::{Source, Tree},
};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let files = tree
        .sources
        .iter()
        .filter(|source| source.name() == "mod.rs");
    files.flat_map(logic).collect()
}

fn logic(source: &Source) -> Vec<Finding> {
    let items = source.syntax.items.iter().filter(|item| match item {
        Item::Mod(module) => module.content.is_some() && !is_for_tests(&module.attrs),
        Item::Use(_) => false,
        _ => true,
    });
    let message = "`mod.rs` holds documentation, `mod` and `use` only; move this to a file";
    let places = items.map(|item| place(source, item));
    places
        .map(|place| Finding::failure(place, message))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::logic;
    use crate::tidy::tree::Source;

    fn places(text: &str) -> Vec<String> {
        let findings = logic(&Source::new("a/mod.rs", text).unwrap());
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn modules_and_uses_are_fine() {
        let text = "//! Doc.\nmod a;\npub use a::B;\n#[cfg(test)]\nmod tests;\n";
        assert_eq!(places(text), Vec::<String>::new());
    }

    #[test]
    fn functions_implementations_and_inline_modules_are_found() {
        let text = "mod a;\nfn f() {}\nimpl A {}\nmod b {}\n";
        assert_eq!(places(text), ["a/mod.rs:2", "a/mod.rs:3", "a/mod.rs:4"]);
    }
}
