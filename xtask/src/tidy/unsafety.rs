//! `unsafe` stays where it is reviewed: the kernel programs, the ABI they share, and the one module
//! of the user side that makes system calls.

use syn::{
    ExprUnsafe, ItemForeignMod, ItemImpl, Signature,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::tidy::{
    finding::Finding,
    syntax::place,
    tree::{Source, Tree},
};

/// Folders whose files may use it. `injector-ebpf/` includes the ABI.
const REVIEWED: &[&str] = &["injector-ebpf/", "injector-user/src/sys/"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().flat_map(outside).collect()
}

fn outside(source: &Source) -> Vec<Finding> {
    if REVIEWED
        .iter()
        .any(|folder| source.path.starts_with(folder))
    {
        return Vec::new();
    }
    let mut places = Places {
        source,
        found: Vec::new(),
    };
    places.visit_file(&source.syntax);
    places.found
}

struct Places<'a> {
    source: &'a Source,
    found: Vec<Finding>,
}

impl Places<'_> {
    fn found(&mut self, syntax: &impl Spanned) {
        let message = "`unsafe` belongs to injector-user/src/sys or injector-ebpf; \
                       put a safe function there and call it";
        self.found
            .push(Finding::failure(place(self.source, syntax), message));
    }
}

impl<'ast> Visit<'ast> for Places<'_> {
    fn visit_expr_unsafe(&mut self, block: &'ast ExprUnsafe) {
        self.found(block);
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        if signature.unsafety.is_some() {
            self.found(signature);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, implementation: &'ast ItemImpl) {
        if implementation.unsafety.is_some() {
            self.found(implementation);
        }
        visit::visit_item_impl(self, implementation);
    }

    fn visit_item_foreign_mod(&mut self, foreign: &'ast ItemForeignMod) {
        if foreign.unsafety.is_some() {
            self.found(foreign);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::outside;
    use crate::tidy::tree::Source;

    const TEXT: &str = "unsafe impl Send for S {}\nfn f() {\n    unsafe { g() }\n}\n\
        unsafe fn g() {}\nunsafe extern \"C\" {}\n";

    fn places(path: &str, text: &str) -> Vec<String> {
        let findings = outside(&Source::new(path, text).unwrap());
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn the_reviewed_folders_may_use_it() {
        for path in [
            "injector-user/src/sys/ns.rs",
            "injector-ebpf/abi/src/lib.rs",
        ] {
            assert_eq!(places(path, TEXT), Vec::<String>::new());
        }
    }

    #[test]
    fn every_form_is_found_elsewhere() {
        let path = "injector-user/src/engine.rs";
        let expected = [1, 3, 5, 6].map(|line| format!("{path}:{line}"));
        assert_eq!(places(path, TEXT), expected);
    }

    #[test]
    fn the_word_in_a_text_is_no_use() {
        assert_eq!(
            places("a/src/x.rs", "const A: &str = \"unsafe\";"),
            Vec::<String>::new()
        );
    }
}
