//! How long files and functions may be, tests left out.

use syn::{
    Attribute, ImplItemFn, ItemFn, ItemMod, Signature, TraitItemFn,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::tidy::{
    finding::Finding,
    syntax::{is_for_tests, lines, place, test_modules},
    tree::{Source, Tree},
};

/// Lines from which a thing is frowned at, and above which it fails.
#[derive(Debug)]
struct Budget {
    advised: usize,
    limit: usize,
}

const FILE: Budget = Budget {
    advised: 400,
    limit: 600,
};
const FUNCTION: Budget = Budget {
    advised: 40,
    limit: 80,
};
/// Lines of tests that are never too many to stand beside their code.
const TESTS_INSIDE: usize = 100;
/// Whoever reads `main.rs` wants to know where to go next, nothing else.
const MAIN: Budget = Budget {
    advised: 30,
    limit: 30,
};
/// What the kernel runs must be read in one go.
const KERNEL_PROGRAM: Budget = Budget {
    advised: 200,
    limit: 200,
};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().flat_map(findings).collect()
}

fn findings(source: &Source) -> Vec<Finding> {
    if source.is_test() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let total = source.text.lines().count();
    let tests: usize = test_modules(source).map(|it| lines(it).count()).sum();
    let advice = "split it by concern into a folder";
    findings.extend(budget(source).judge(total - tests, "file", advice, &source.path));
    if tests > TESTS_INSIDE && tests > total - tests {
        let message = format!("tests ({tests} lines) outgrew the code; move them to `tests.rs`");
        findings.push(Finding::warning(&source.path, message));
    }
    let mut functions = Functions { source, findings };
    functions.visit_file(&source.syntax);
    functions.findings
}

fn budget(source: &Source) -> Budget {
    if source.path.ends_with("src/main.rs") {
        MAIN
    } else if source.path.starts_with("injector-ebpf/src/") {
        KERNEL_PROGRAM
    } else {
        FILE
    }
}

impl Budget {
    fn judge(&self, lines: usize, what: &str, advice: &str, place: &str) -> Option<Finding> {
        let message = |bound| format!("{what} of {lines} lines, at most {bound}; {advice}");
        if lines > self.limit {
            return Some(Finding::failure(place, message(self.limit)));
        }
        (lines > self.advised).then(|| Finding::warning(place, message(self.advised)))
    }
}

/// Measures every function outside tests.
struct Functions<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Functions<'_> {
    fn measure(&mut self, attributes: &[Attribute], signature: &Signature, body: &impl Spanned) {
        if is_for_tests(attributes) {
            return;
        }
        let length = lines(body).end() - lines(signature).start() + 1;
        let what = format!("function `{}`", signature.ident);
        let place = place(self.source, signature);
        let advice = "name its parts as functions of their own";
        self.findings
            .extend(FUNCTION.judge(length, &what, advice, &place));
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.measure(&function.attrs, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.measure(&function.attrs, &function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.attrs, &function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::tidy::tree::Source;

    fn check(path: &str, text: &str, expected: &[&str]) {
        let findings = findings(&Source::new(path, text).unwrap());
        let messages: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(messages, expected);
    }

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    work();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_within_its_budget_is_fine() {
        check("a/src/x.rs", &function("short", 40), &[]);
    }

    #[test]
    fn a_long_function_is_advised_and_then_fails() {
        check(
            "a/src/x.rs",
            &function("long", 41),
            &[
                "warning: a/src/x.rs:1: function `long` of 41 lines, at most 40; \
               name its parts as functions of their own",
            ],
        );
        check(
            "a/src/x.rs",
            &format!("struct S;\nimpl S {{\n{}}}", function("huge", 81)),
            &[
                "failure: a/src/x.rs:3: function `huge` of 81 lines, at most 80; \
               name its parts as functions of their own",
            ],
        );
    }

    #[test]
    fn tests_count_neither_for_the_file_nor_for_functions() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function("long", 90));
        let text = "fn a() {}\n".repeat(390) + &tests;
        check("a/src/x.rs", &text, &[]);
        check(
            "a/tests/host/net.rs",
            &format!("#[test]\n{}", function("long", 90)),
            &[],
        );
    }

    #[test]
    fn files_have_the_budget_of_their_kind() {
        for (path, limit) in [
            ("a/src/x.rs", 600),
            ("a/src/main.rs", 30),
            ("injector-ebpf/src/net.rs", 200),
        ] {
            let expected = format!(
                "failure: {path}: file of {} lines, at most {limit}; \
                 split it by concern into a folder",
                limit + 1
            );
            check(path, &"fn a() {}\n".repeat(limit + 1), &[&expected]);
        }
    }

    #[test]
    fn tests_that_outgrow_the_code_should_move() {
        let tests = format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "fn a() {}\n".repeat(110)
        );
        check(
            "a/src/x.rs",
            &("fn a() {}\n".repeat(20) + &tests),
            &["warning: a/src/x.rs: tests (113 lines) outgrew the code; move them to `tests.rs`"],
        );
    }
}
