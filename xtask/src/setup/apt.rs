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

/// The file in our folder that says which version of a package to prefer.
const PREFERENCES: &str = "preferences";

/// Packages of this machine's distribution.
#[derive(Debug)]
pub(crate) struct Apt {
    folder: PathBuf,
    /// Whether to use lists fetched by us instead of the system's, which may be absent or stale.
    own_lists: bool,
    /// Whether to know only the suites written down in our folder, not the machine's.
    own_sources: bool,
}

impl Apt {
    /// Works in `folder`, which it makes when needed.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            own_lists: false,
            own_sources: false,
        }
    }

    /// The same, for other suites than the machine's: sources and preferences in apt's own formats.
    pub(crate) fn of_sources(folder: &Path, sources: &str, preferences: &str) -> Result<Self> {
        let etc = folder.join("etc");
        fs::create_dir_all(&etc).with_context(|| format!("create {}", etc.display()))?;
        fs::write(etc.join("temblor.sources"), sources)
            .and_then(|()| fs::write(folder.join(PREFERENCES), preferences))
            .with_context(|| format!("write to {}", folder.display()))?;
        Ok(Self {
            own_sources: true,
            ..Self::new(folder)
        })
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
        debs.iter().try_for_each(|deb| extract(deb, into))
    }

    /// Unpacks exactly these packages, without what they depend on.
    pub(crate) fn unpack_only(&self, packages: &[String], into: &Path) -> Result<()> {
        fs::create_dir_all(into).with_context(|| format!("create {}", into.display()))?;
        let debs = self.fetch(packages)?;
        debs.iter().try_for_each(|deb| extract(deb, into))
    }

    /// Names of packages that begin like this; none if they cannot be asked for.
    pub(crate) fn names(&self, start: &str) -> Result<BTreeSet<String>> {
        let names = self.apt("apt-cache").args(["pkgnames", start]).read()?;
        Ok(names.lines().map(ToOwned::to_owned).collect())
    }

    /// Fetches package lists of our own.
    pub(crate) fn update(&mut self) -> Result<()> {
        self.own_lists = true;
        for part in ["lists/partial", "cache/archives/partial"] {
            let part = self.folder.join(part);
            fs::create_dir_all(&part).with_context(|| format!("create {}", part.display()))?;
        }
        self.apt_get().arg("update").run()
    }

    fn download(&self, packages: &[&str], wanted: &impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
        let names = self.closure(packages)?;
        let names: Vec<_> = names.into_iter().filter(|name| wanted(name)).collect();
        ensure!(
            !names.is_empty(),
            "nothing to download for {}",
            packages.join(", ")
        );
        self.fetch(&names)
    }

    fn fetch(&self, names: &[String]) -> Result<Vec<PathBuf>> {
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
        self.apt("apt-get").arg("--quiet")
    }

    fn apt(&self, program: &str) -> Step {
        let folder = self.folder.display();
        let mut options = vec!["APT::Sandbox::User=root".to_owned()];
        if self.own_lists {
            options.push(format!("Dir::State::Lists={folder}/lists"));
            options.push(format!("Dir::Cache={folder}/cache"));
        }
        if self.own_sources {
            options.push("Dir::State::status=/dev/null".to_owned());
            options.push("Dir::Etc::SourceList=/dev/null".to_owned());
            options.push(format!("Dir::Etc::SourceParts={folder}/etc"));
            options.push(format!("Dir::Etc::Preferences={folder}/{PREFERENCES}"));
            options.push("Dir::Etc::PreferencesParts=/dev/null".to_owned());
            // Neither translations nor what shops for applications show.
            options.push("Acquire::Languages=none".to_owned());
            options.push("Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned());
        }
        let pairs = options.iter().flat_map(|option| ["--option", option]);
        Step::new(program).env("LC_ALL", "C").args(pairs)
    }
}

fn extract(deb: &Path, into: &Path) -> Result<()> {
    let name = deb.file_name().unwrap_or_default().display();
    say(format_args!("  unpack {name}"));
    let step = Step::new("dpkg-deb").arg("--extract").args([deb, into]);
    step.read()?;
    fs::remove_file(deb).with_context(|| format!("remove {}", deb.display()))
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
