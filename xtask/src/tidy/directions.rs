//! Which package may depend on which: `abi <- ebpf`, `abi <- core`, `abi <- user`, `core <- user`,
//! `core <- controller`, nothing on `tests` or `xtask`.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{
    finding::Finding,
    tree::{Manifest, Tree},
};

/// Every member package with the members it may name in its manifest.
const ALLOWED: &[(&str, &[&str])] = &[
    ("injector-abi", &[]),
    ("injector-ebpf", &["injector-abi"]),
    // Layouts and constants alone: a histogram is counted in the kernel's buckets.
    ("injector-core", &["injector-abi"]),
    ("injector-user", &["injector-abi", "injector-core"]),
    ("controller", &["injector-core"]),
    (
        "temblor-tests",
        &["injector-abi", "injector-core", "injector-user"],
    ),
    ("xtask", &[]),
];

/// What must not end up in a package's programs by any path.
const OUT_OF_REACH: &[(&str, &[&str])] = &[
    ("injector-core", &["aya", "aya-obj", "kube", "nix", "tokio"]),
    ("controller", &["aya", "aya-obj", "injector-user"]),
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let direct = tree
        .manifests
        .iter()
        .flat_map(|manifest| direct(manifest, &tree.manifests));
    direct.chain(reached(&tree.reach)).collect()
}

fn direct(manifest: &Manifest, members: &[Manifest]) -> Vec<Finding> {
    let package = &manifest.package;
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| name == package) else {
        let message = "a new package; add its allowed directions to xtask/src/tidy/directions.rs";
        return vec![Finding::failure(package, message)];
    };
    let mut findings = Vec::new();
    for (name, dependency) in dependencies(manifest) {
        let member = members.iter().any(|member| member.package == name);
        if member && !allowed.contains(&name.as_str()) {
            let message = format!("must not depend on {name}; move what it needs down instead");
            findings.push(Finding::failure(package, message));
        }
        let optional = dependency
            .get("optional")
            .is_some_and(|it| it.as_bool() == Some(true));
        if package == "injector-abi" && !optional {
            let message = format!("has no dependencies, but names {name}; kernel programs link it");
            findings.push(Finding::failure(package, message));
        }
    }
    findings
}

fn reached(reach: &BTreeMap<String, BTreeSet<String>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (package, forbidden) in OUT_OF_REACH {
        let Some(contained) = reach.get(*package) else {
            continue;
        };
        for name in forbidden.iter().filter(|name| contained.contains(**name)) {
            let message = format!("must not contain {name}; `cargo tree -i {name}` shows the way");
            findings.push(Finding::failure(*package, message));
        }
    }
    findings
}

/// Names and declarations of all dependencies, those of tests and build scripts included.
fn dependencies(manifest: &Manifest) -> Vec<(String, &toml::Value)> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = kinds
        .iter()
        .filter_map(|kind| manifest.table.get(*kind)?.as_table());
    let entries = tables.flatten();
    entries.map(|(name, value)| (name.clone(), value)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{direct, reached};
    use crate::tidy::tree::Manifest;

    fn check(package: &str, dependencies: &str, expected: &[&str]) {
        let manifest = |name, text: &str| Manifest::new(name, text).unwrap();
        let members = ["injector-abi", "injector-user", "xtask"].map(|name| manifest(name, ""));
        let findings = direct(&manifest(package, dependencies), &members);
        let messages: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(messages, expected);
    }

    #[test]
    fn the_downward_direction_is_fine() {
        check(
            "injector-user",
            "[dependencies]\ninjector-abi.workspace = true\nnix = '1'",
            &[],
        );
    }

    #[test]
    fn an_upward_direction_is_found_in_every_kind_of_dependency() {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            check(
                "injector-core",
                &format!("[{kind}]\ninjector-user.workspace = true"),
                &["failure: injector-core: must not depend on injector-user; \
                   move what it needs down instead"],
            );
        }
    }

    #[test]
    fn nothing_depends_on_xtask() {
        check(
            "temblor-tests",
            "[dependencies]\nxtask = { path = '../xtask' }",
            &["failure: temblor-tests: must not depend on xtask; move what it needs down instead"],
        );
    }

    #[test]
    fn the_abi_has_optional_dependencies_only() {
        check(
            "injector-abi",
            "[dependencies]\naya = { workspace = true, optional = true }",
            &[],
        );
        check(
            "injector-abi",
            "[dependencies]\nlibc.workspace = true",
            &[
                "failure: injector-abi: has no dependencies, but names libc; \
               kernel programs link it",
            ],
        );
    }

    #[test]
    fn a_package_without_a_direction_is_found() {
        check(
            "newcomer",
            "",
            &[
                "failure: newcomer: a new package; add its allowed directions to \
               xtask/src/tidy/directions.rs",
            ],
        );
    }

    #[test]
    fn the_core_must_not_contain_a_runtime_by_any_path() {
        let reach = |names: [&str; 2]| {
            let names: BTreeSet<_> = names.map(ToOwned::to_owned).into();
            BTreeMap::from([("injector-core".to_owned(), names)])
        };
        assert_eq!(reached(&reach(["serde", "regex"])), []);
        let findings = reached(&reach(["serde", "tokio"]));
        assert_eq!(
            findings[0].to_string(),
            "failure: injector-core: must not contain tokio; `cargo tree -i tokio` shows the way"
        );
    }
}
