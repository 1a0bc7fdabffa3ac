//! No test is ignored: one that cannot run says why, and the runner counts it.

use syn::{Attribute, visit::Visit};

use crate::tidy::{
    finding::Finding,
    syntax::place,
    tree::{Source, Tree},
};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().flat_map(ignored).collect()
}

fn ignored(source: &Source) -> Vec<Finding> {
    let mut attributes = Attributes {
        source,
        found: Vec::new(),
    };
    attributes.visit_file(&source.syntax);
    attributes.found
}

struct Attributes<'a> {
    source: &'a Source,
    found: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Attributes<'_> {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("ignore") {
            let message = "no `#[ignore]`; fix the test, or let it say what it misses";
            self.found
                .push(Finding::failure(place(self.source, attribute), message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ignored;
    use crate::tidy::tree::Source;

    fn found(text: &str) -> usize {
        ignored(&Source::new("a.rs", text).unwrap()).len()
    }

    #[test]
    fn a_test_that_runs_is_fine() {
        assert_eq!(found("#[test]\nfn a() {}"), 0);
    }

    #[test]
    fn an_ignored_test_is_found_with_and_without_a_reason() {
        assert_eq!(found("#[test]\n#[ignore]\nfn a() {}"), 1);
        assert_eq!(
            found("mod t { #[test]\n#[ignore = \"slow\"]\nfn a() {} }"),
            1
        );
    }
}
