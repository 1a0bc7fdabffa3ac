//! The core does no input or output, reads no clock and starts nothing.

use syn::{
    ItemMod, ItemUse, Path,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::tidy::{
    finding::Finding,
    syntax::{is_for_tests, place, used_paths},
    tree::{Source, Tree},
};

/// Where the pure core is.
const CORE: &str = "injector-user/core/src/";

/// Paths that reach out of a process or read what differs between two runs.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let core = tree
        .sources
        .iter()
        .filter(|source| source.path.starts_with(CORE));
    core.filter(|source| !source.is_test())
        .flat_map(impure)
        .collect()
}

fn impure(source: &Source) -> Vec<Finding> {
    let mut paths = Paths {
        source,
        found: Vec::new(),
    };
    paths.visit_file(&source.syntax);
    paths.found
}

struct Paths<'a> {
    source: &'a Source,
    found: Vec<Finding>,
}

impl Paths<'_> {
    fn judge(&mut self, path: &str, syntax: &impl Spanned) {
        if IMPURE.iter().any(|impure| path.starts_with(impure)) {
            let message = format!("the core is pure: no `{path}`; take its result as a parameter");
            self.found
                .push(Finding::failure(place(self.source, syntax), message));
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        for path in used_paths(&item.tree) {
            self.judge(&path, item);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<_> = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        self.judge(&names.join("::"), path);
        visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::impure;
    use crate::tidy::tree::Source;

    fn found(text: &str) -> usize {
        impure(&Source::new("a.rs", text).unwrap()).len()
    }

    #[test]
    fn durations_addresses_and_collections_are_fine() {
        let text = "use std::{collections::BTreeMap, net::IpAddr, time::Duration};\n\
            fn f(at: std::time::Duration) {}";
        assert_eq!(found(text), 0);
    }

    #[test]
    fn clocks_files_and_processes_are_found() {
        assert_eq!(found("use std::{fs, time::{Duration, Instant}};"), 2);
        assert_eq!(found("fn f() { std::process::abort() }"), 1);
        assert_eq!(found("fn f(s: std::net::TcpStream) {}"), 1);
    }

    #[test]
    fn tests_may_read_files() {
        assert_eq!(found("#[cfg(test)]\nmod tests { use std::fs; }"), 0);
    }
}
