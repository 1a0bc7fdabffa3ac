//! The engine reaches the host through crates and system calls, never through other programs.

use syn::{
    Expr, ExprCall, Lit,
    visit::{self, Visit},
};

use crate::tidy::{
    finding::Finding,
    syntax::place,
    tree::{Source, Tree},
};

/// Programs whose work is done by netlink, cgroupfs, namespaces and runtimes' own interfaces.
const PROGRAMS: &[&str] = &[
    "bpftool",
    "docker",
    "ip",
    "ip6tables",
    "iptables",
    "kubectl",
    "nft",
    "nsenter",
    "stress-ng",
    "sysctl",
    "tc",
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let ours = tree.sources.iter().filter(|source| {
        let path = &source.path;
        path.starts_with("injector-user/src/") || path.starts_with("controller/src/")
    });
    ours.filter(|source| !source.is_test())
        .flat_map(shelled)
        .collect()
}

fn shelled(source: &Source) -> Vec<Finding> {
    let mut calls = Calls {
        source,
        found: Vec::new(),
    };
    calls.visit_file(&source.syntax);
    calls.found
}

struct Calls<'a> {
    source: &'a Source,
    found: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Calls<'_> {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Some(program) = started(call)
            && PROGRAMS.contains(&program.rsplit('/').next().unwrap_or_default())
        {
            let message = format!("starts `{program}`; use netlink, cgroupfs or system calls");
            self.found
                .push(Finding::failure(place(self.source, call), message));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !crate::tidy::syntax::is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
}

/// The program of a `Command::new("program")`.
fn started(call: &ExprCall) -> Option<String> {
    let Expr::Path(function) = &*call.func else {
        return None;
    };
    let names: Vec<_> = function
        .path
        .segments
        .iter()
        .map(|it| it.ident.to_string())
        .collect();
    let [.., of, new] = &names[..] else {
        return None;
    };
    match call.args.first()? {
        Expr::Lit(literal) if of == "Command" && new == "new" => match &literal.lit {
            Lit::Str(program) => Some(program.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::shelled;
    use crate::tidy::tree::Source;

    fn found(text: &str) -> usize {
        shelled(&Source::new("a.rs", text).unwrap()).len()
    }

    #[test]
    fn starting_the_users_own_command_is_fine() {
        assert_eq!(
            found("fn f(p: &str) { Command::new(p); Path::new(\"tc\"); }"),
            0
        );
    }

    #[test]
    fn starting_an_administration_program_is_found() {
        assert_eq!(found("fn f() { Command::new(\"tc\").arg(\"qdisc\"); }"), 1);
        assert_eq!(
            found("fn f() { std::process::Command::new(\"/sbin/ip\"); }"),
            1
        );
    }
}
