//! What the rules look at: sources, manifests and the dependency graph.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, PackageId};

use crate::{exec::Step, workspace::Workspace};

/// One Rust file.
pub(crate) struct Source {
    /// Relative to the workspace, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
}

/// One member package's manifest.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) package: String,
    pub(crate) table: toml::Table,
}

/// Everything, read once.
pub(crate) struct Tree {
    pub(crate) sources: Vec<Source>,
    pub(crate) manifests: Vec<Manifest>,
    /// Member packages, and every package their programs end up containing.
    pub(crate) reach: BTreeMap<String, BTreeSet<String>>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Result<Self> {
        let syntax = syn::parse_file(text).with_context(|| format!("parse {path}"))?;
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            syntax,
        })
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether all of it is tests.
    pub(crate) fn is_test(&self) -> bool {
        self.name() == "tests.rs" || self.path.contains("/tests/")
    }
}

impl Manifest {
    pub(crate) fn new(package: &str, text: &str) -> Result<Self> {
        let table = text
            .parse()
            .with_context(|| format!("parse the manifest of {package}"))?;
        Ok(Self {
            package: package.to_owned(),
            table,
        })
    }
}

impl Tree {
    pub(crate) fn read() -> Result<Self> {
        let workspace = Workspace::resolved()?;
        Ok(Self {
            sources: sources(workspace.root())?,
            manifests: manifests(&workspace.metadata)?,
            reach: reach(&workspace.metadata),
        })
    }
}

/// Every Rust file that git knows or would add.
fn sources(root: &Path) -> Result<Vec<Source>> {
    let list = Step::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "*.rs",
        ])
        .dir(root)
        .read()?;
    let present = list.lines().filter(|path| root.join(path).exists());
    let paths: BTreeSet<_> = present.collect();
    let read = |path: &str| {
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("read {path}"))?;
        Source::new(path, &text)
    };
    paths.into_iter().map(read).collect()
}

fn manifests(metadata: &Metadata) -> Result<Vec<Manifest>> {
    let read = |package: &cargo_metadata::Package| {
        let path = &package.manifest_path;
        let text = fs::read_to_string(path).with_context(|| format!("read {path}"))?;
        Manifest::new(package.name.as_str(), &text)
    };
    metadata
        .workspace_packages()
        .into_iter()
        .map(read)
        .collect()
}

fn reach(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let edges = edges(metadata);
    let names: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|it| (&it.id, it.name.as_str()))
        .collect();
    let below = |member: &PackageId| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<_> = edges.get(member).into_iter().flatten().collect();
        while let Some(next) = open.pop() {
            if seen.insert(*next) {
                open.extend(edges.get(*next).into_iter().flatten());
            }
        }
        seen.iter()
            .filter_map(|id| names.get(id))
            .map(|&name| name.to_owned())
            .collect()
    };
    let members = metadata.workspace_packages().into_iter();
    members
        .map(|member| (member.name.to_string(), below(&member.id)))
        .collect()
}

/// Dependencies that end up in the program: neither those of tests nor of build scripts.
fn edges(metadata: &Metadata) -> BTreeMap<&PackageId, Vec<&PackageId>> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let edges = nodes.map(|node| {
        let normal = node.deps.iter().filter(|dependency| {
            let mut kinds = dependency.dep_kinds.iter();
            kinds.any(|kind| kind.kind == DependencyKind::Normal)
        });
        (&node.id, normal.map(|dependency| &dependency.pkg).collect())
    });
    edges.collect()
}
