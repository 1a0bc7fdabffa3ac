//! Versions of dependencies stand in the workspace's manifest and nowhere else.

use toml::{Table, Value};

use crate::tidy::{
    finding::Finding,
    tree::{Manifest, Tree},
};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.manifests.iter().flat_map(own_versions).collect()
}

fn own_versions(manifest: &Manifest) -> Vec<Finding> {
    let targets = manifest.table.get("target").and_then(Value::as_table);
    let targets = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    let tables = std::iter::once(&manifest.table).chain(targets);
    let own = tables
        .flat_map(dependencies)
        .filter(|(_, value)| !inherits(value));
    let finding = |name: &String| {
        let message = format!(
            "`{name}` has a version of its own; put it into [workspace.dependencies] and write \
             `{name}.workspace = true`"
        );
        Finding::failure(&manifest.package, message)
    };
    own.map(|(name, _)| finding(name)).collect()
}

fn dependencies(table: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = kinds
        .into_iter()
        .filter_map(|kind| table.get(kind)?.as_table());
    tables.flatten()
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::own_versions;
    use crate::tidy::tree::Manifest;

    fn found(text: &str) -> usize {
        own_versions(&Manifest::new("x", text).unwrap()).len()
    }

    #[test]
    fn an_inherited_version_is_fine() {
        let text = "[dependencies]\na.workspace = true\nb = { workspace = true, features = ['c'] }";
        assert_eq!(found(text), 0);
    }

    #[test]
    fn own_versions_and_paths_are_found_in_every_table() {
        assert_eq!(found("[dependencies]\na = '1'\nb = { path = '../b' }"), 2);
        assert_eq!(found("[dev-dependencies]\na = { version = '1' }"), 1);
        assert_eq!(found("[target.'cfg(unix)'.build-dependencies]\na = '1'"), 1);
    }
}
