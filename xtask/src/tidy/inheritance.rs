//! Every package inherits the lints and the package keys of the workspace.

use crate::tidy::{
    finding::Finding,
    tree::{Manifest, Tree},
};

/// Keys that are the same everywhere.
const KEYS: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.manifests.iter().flat_map(inherited).collect()
}

fn inherited(manifest: &Manifest) -> Vec<Finding> {
    let package = manifest.table.get("package");
    let keys = KEYS
        .iter()
        .filter(|key| !from_workspace(package.and_then(|it| it.get(key))));
    let missing_keys = keys.map(|key| format!("write `{key}.workspace = true` under [package]"));
    let lints = manifest.table.get("lints");
    let missing_lints = (!from_workspace(lints)).then(|| "write `[lints] workspace = true`".into());
    let messages = missing_keys.chain(missing_lints);
    messages
        .map(|message| Finding::failure(&manifest.package, message))
        .collect()
}

fn from_workspace(value: Option<&toml::Value>) -> bool {
    let inherited = value.and_then(|value| value.get("workspace"));
    inherited.and_then(toml::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::inherited;
    use crate::tidy::tree::Manifest;

    const GOOD: &str = "[package]\nname = 'x'\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        publish.workspace = true\n[lints]\nworkspace = true\n";

    fn check(text: &str, expected: &[&str]) {
        let findings = inherited(&Manifest::new("x", text).unwrap());
        let messages: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(messages, expected);
    }

    #[test]
    fn a_manifest_that_inherits_everything_is_fine() {
        check(GOOD, &[]);
    }

    #[test]
    fn an_own_edition_is_found() {
        check(
            &GOOD.replace("edition.workspace = true", "edition = '2021'"),
            &["failure: x: write `edition.workspace = true` under [package]"],
        );
    }

    #[test]
    fn missing_lints_are_found() {
        check(
            &GOOD.replace("[lints]\nworkspace = true", ""),
            &["failure: x: write `[lints] workspace = true`"],
        );
    }
}
