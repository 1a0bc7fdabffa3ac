//! Every file begins by saying what it is for; files of unit tests say it by their name.

use crate::tidy::{
    finding::Finding,
    tree::{Source, Tree},
};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().filter_map(undocumented).collect()
}

fn undocumented(source: &Source) -> Option<Finding> {
    let message = "begin with `//!`: what it is for, what it must never do, how it fails";
    let mut attributes = source.syntax.attrs.iter();
    let documented = source.is_test() || attributes.any(|it| it.path().is_ident("doc"));
    (!documented).then(|| Finding::failure(&source.path, message))
}

#[cfg(test)]
mod tests {
    use super::undocumented;
    use crate::tidy::tree::Source;

    fn found(text: &str) -> bool {
        undocumented(&Source::new("a.rs", text).unwrap()).is_some()
    }

    #[test]
    fn a_file_that_says_what_it_is_for_is_fine() {
        assert!(!found("//! What it is for.\nfn a() {}"));
        assert!(!found("#![no_std]\n//! What it is for."));
    }

    #[test]
    fn unit_tests_say_it_by_their_name() {
        let source = Source::new("a/src/x/tests.rs", "use super::X;").unwrap();
        assert_eq!(undocumented(&source), None);
    }

    #[test]
    fn a_file_without_documentation_is_found() {
        assert!(found("fn a() {}"));
        assert!(found("/// Of the function.\nfn a() {}"));
        assert!(found("// A comment is no documentation.\nfn a() {}"));
    }
}
