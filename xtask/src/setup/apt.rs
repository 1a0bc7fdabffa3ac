//! Debian packages, downloaded and unpacked into a folder of our own.
//!
//! It must never install a package, take the system's lock or write to its lists: no root, no
//! service started, nothing to undo.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::exec::{Step, locate, say};

/// Packages of this machine's distribution.
#[derive(Debug)]
pub(crate) struct Apt {
    folder: PathBuf,
    /// Whether to use lists fetched by us instead of the system's, which may be absent or stale.
    own_lists: bool,
}

impl Apt {
    /// Works in `folder`, which it makes when needed.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            own_lists: false,
        }
    }

    /// Whether this machine has `apt-get` at all.
    pub(crate) fn exists() -> bool {
        locate("apt-get").is_some() && locate("dpkg-deb").is_some()
    }

    /// Unpacks packages and those of their dependencies that `wanted` picks.
    pub(crate) fn unpack(
        &mut self,
        packages: &[&str],
        wanted: impl Fn(&str) -> bool,
        into: &Path,
    ) -> Result<()> {
        let debs = match self.download(packages, &wanted) {
            Ok(debs) => debs,
            Err(error) if !self.own_lists => {
                say(format_args!(
                    "the system's package lists do not do: {error:#}"
                ));
                self.update()?;
                self.download(packages, &wanted)?
            }
            Err(error) => return Err(error),
        };
        fs::create_dir_all(into).with_context(|| format!("create {}", into.display()))?;
        for deb in debs {
            let name = deb.file_name().unwrap_or_default().display();
            say(format_args!("  unpack {name}"));
            Step::new("dpkg-deb")
                .arg("--extract")
                .args([&deb, into])
                .read()?;
            fs::remove_file(&deb).with_context(|| format!("remove {}", deb.display()))?;
        }
        Ok(())
    }

    /// Fetches package lists of our own.
    fn update(&mut self) -> Result<()> {
        self.own_lists = true;
        for part in ["lists/partial", "cache/archives/partial"] {
            let part = self.folder.join(part);
            fs::create_dir_all(&part).with_context(|| format!("create {}", part.display()))?;
        }
        self.apt_get().arg("update").run()
    }

    fn download(&self, packages: &[&str], wanted: &impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
        let names = self.closure(packages)?;
        let names: Vec<_> = names.iter().filter(|name| wanted(name)).collect();
        ensure!(
            !names.is_empty(),
            "nothing to download for {}",
            packages.join(", ")
        );
        let folder = self.folder.join("debs");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        self.apt_get()
            .arg("download")
            .args(names)
            .dir(&folder)
            .run()?;
        let entries =
            fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
        let paths = entries.map(|entry| Ok(entry?.path()));
        paths.collect::<Result<_>>()
    }

    /// Packages with all they depend on, as if nothing were installed.
    fn closure(&self, packages: &[&str]) -> Result<BTreeSet<String>> {
        let simulation = self
            .apt_get()
            .args(["--option", "Dir::State::status=/dev/null"])
            .args(["--simulate", "--no-install-recommends", "install"])
            .args(packages)
            .read()?;
        let names = installed_by(&simulation);
        if let Some(missing) = packages.iter().find(|name| !names.contains(**name)) {
            bail!("the distribution has no package `{missing}`");
        }
        Ok(names)
    }

    fn apt_get(&self) -> Step {
        let apt_get = Step::new("apt-get").env("LC_ALL", "C").args([
            "--quiet",
            "--option",
            "APT::Sandbox::User=root",
        ]);
        if !self.own_lists {
            return apt_get;
        }
        let folder = self.folder.display();
        apt_get
            .args(["--option", &format!("Dir::State::Lists={folder}/lists")])
            .args(["--option", &format!("Dir::Cache={folder}/cache")])
    }
}

/// Names of the packages that are installed on this machine.
pub(crate) fn installed() -> Result<BTreeSet<String>> {
    let format = "${Package} ${db:Status-Status}\n";
    let list = Step::new("dpkg-query")
        .args(["--show", "--showformat", format])
        .read()?;
    let lines = list
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"));
    Ok(lines.map(ToOwned::to_owned).collect())
}

fn installed_by(simulation: &str) -> BTreeSet<String> {
    let lines = simulation
        .lines()
        .filter_map(|line| line.strip_prefix("Inst "));
    let names = lines.filter_map(|line| line.split(' ').next());
    names.map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::installed_by;

    #[test]
    fn a_simulation_names_what_would_be_installed() {
        let simulation = "Building dependency tree...\n\
            Inst libllvm22 (1:22.1.8-1~deb12u1 Debian-Security:12/oldstable-security [amd64])\n\
            Inst rustc-web (1.96.0 Debian:12 [amd64]) []\n\
            Conf rustc-web (1.96.0 Debian:12 [amd64])\n";
        let names: Vec<_> = installed_by(simulation).into_iter().collect();
        assert_eq!(names, ["libllvm22", "rustc-web"]);
    }
}
