//! Every file begins by saying what it is for.

use crate::tidy::{
    finding::Finding,
    tree::{Source, Tree},
};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().filter_map(undocumented).collect()
}

fn undocumented(source: &Source) -> Option<Finding> {
    let message = "begin with `//!`: what it is for, what it must never do, how it fails";
    let documented = source.text.starts_with("//!");
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
    }

    #[test]
    fn a_file_without_documentation_is_found() {
        assert!(found("fn a() {}"));
        assert!(found("// A comment is no documentation.\nfn a() {}"));
    }
}
