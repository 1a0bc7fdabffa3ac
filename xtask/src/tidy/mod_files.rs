//! `mod.rs` is a table of contents: documentation, `mod` and `use`, no logic.

use syn::Item;

use crate::tidy::{
    finding::Finding,
    syntax::{is_for_tests, place},
    tree::{Source, Tree},
};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let files = tree.sources.iter().filter(|it| it.name() == "mod.rs");
    files
        .filter(|source| !source.is_test())
        .filter_map(logic)
        .collect()
}

fn logic(source: &Source) -> Option<Finding> {
    let items = source.syntax.items.iter().filter(|item| match item {
        Item::Mod(module) => module.content.is_some() && !is_for_tests(&module.attrs),
        Item::Use(_) => false,
        _ => true,
    });
    let first = items.clone().next()?;
    let message = format!(
        "`mod.rs` holds documentation, `mod` and `use` only; move {} items from here on to files",
        items.count()
    );
    Some(Finding::failure(place(source, first), message))
}

#[cfg(test)]
mod tests {
    use super::logic;
    use crate::tidy::tree::Source;

    fn check(text: &str, expected: Option<&str>) {
        let finding = logic(&Source::new("a/mod.rs", text).unwrap());
        assert_eq!(finding.map(|it| it.to_string()).as_deref(), expected);
    }

    #[test]
    fn modules_and_uses_are_fine() {
        check(
            "//! Doc.\nmod a;\npub use a::B;\n#[cfg(test)]\nmod tests;\n",
            None,
        );
    }

    #[test]
    fn functions_implementations_and_inline_modules_are_found() {
        check(
            "mod a;\nfn f() {}\nimpl A {}\nmod b {}\n",
            Some(
                "failure: a/mod.rs:2: `mod.rs` holds documentation, `mod` and `use` only; \
                 move 3 items from here on to files",
            ),
        );
    }
}
