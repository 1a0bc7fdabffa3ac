//! Questions about syntax that several rules ask.

use std::ops::RangeInclusive;

use syn::{Attribute, Item, ItemMod, UseTree, spanned::Spanned};

use crate::tidy::tree::Source;

/// The lines a piece of syntax covers, counted from 1.
pub(crate) fn lines(syntax: &impl Spanned) -> RangeInclusive<usize> {
    let span = syntax.span();
    span.start().line..=span.end().line
}

/// `path:line` of a piece of syntax.
pub(crate) fn place(source: &Source, syntax: &impl Spanned) -> String {
    format!("{}:{}", source.path, lines(syntax).start())
}

/// Whether an item is compiled for tests only.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let test = |condition: syn::Path| condition.is_ident("test");
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg") && attribute.parse_args().is_ok_and(test)
    })
}

/// The modules of tests inside a file.
pub(crate) fn test_modules(source: &Source) -> impl Iterator<Item = &ItemMod> {
    source.syntax.items.iter().filter_map(|item| match item {
        Item::Mod(module) if module.content.is_some() && is_for_tests(&module.attrs) => {
            Some(module)
        }
        _ => None,
    })
}

/// Every full path a `use` brings in.
pub(crate) fn used_paths(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(path) => {
            let below = used_paths(&path.tree).into_iter();
            below
                .map(|rest| format!("{}::{rest}", path.ident))
                .collect()
        }
        UseTree::Name(name) => vec![name.ident.to_string()],
        UseTree::Rename(rename) => vec![rename.ident.to_string()],
        UseTree::Glob(_) => vec!["*".to_owned()],
        UseTree::Group(group) => group.items.iter().flat_map(used_paths).collect(),
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::{is_for_tests, used_paths};

    #[test]
    fn a_nested_use_names_every_path() {
        let item: syn::ItemUse = parse_quote!(
            use std::{
                fs,
                time::{self, Instant as Now},
            };
        );
        assert_eq!(
            used_paths(&item.tree),
            ["std::fs", "std::time::self", "std::time::Instant"]
        );
    }

    #[test]
    fn only_test_attributes_make_an_item_a_test() {
        let module: syn::ItemMod = parse_quote!(
            #[cfg(test)]
            mod tests {}
        );
        let function: syn::ItemFn = parse_quote!(
            #[test]
            fn it_works() {}
        );
        let other: syn::ItemMod = parse_quote!(
            #[cfg(unix)]
            mod sys {}
        );
        let tests = [&module.attrs, &function.attrs, &other.attrs].map(|it| is_for_tests(it));
        assert_eq!(tests, [true, true, false]);
    }
}
