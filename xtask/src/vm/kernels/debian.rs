//! Debian's own images, of whatever release of Debian has them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{
    RELEASES, Release, image,
    store::{IMAGE, MODULES, VERSION},
};
use crate::{
    exec::say,
    setup::{Apt, Archives},
};

/// What the names of images for cloud machines end with: smaller than the others, and the same in
/// everything that we use.
const FLAVOUR: &str = "-cloud-amd64";

/// Packages that together are one kernel; the last two only from 7.1 on.
const PARTS: &[&str] = &["linux-image-", "linux-binary-", "linux-modules-"];

/// Suites of every kernel in the table; lists are fetched when the first kernel is asked for.
#[derive(Debug)]
pub(super) struct Debian {
    folder: PathBuf,
    apt: Option<Apt>,
}

impl Debian {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            apt: None,
        }
    }

    /// The packages that make the newest kernel of a series.
    pub(super) fn packages(&mut self, series: &str, suites: &[&str]) -> Result<Vec<String>> {
        let apt = self.apt()?;
        let images = apt.names(&format!("linux-image-{series}."))?;
        let newest = newest(images).with_context(|| {
            let suites = suites.join(" or ");
            format!("no package `linux-image-{series}.*{FLAVOUR}` in {suites} here")
        })?;
        let version = newest.trim_start_matches(PARTS[0]);
        let mut packages = Vec::new();
        for part in PARTS {
            let name = format!("{part}{version}");
            if apt.names(&name)?.contains(&name) {
                packages.push(name);
            }
        }
        Ok(packages)
    }

    /// Fills a folder of the store from these packages.
    pub(super) fn unpack(&mut self, packages: &[String], folder: &Path) -> Result<()> {
        let root = folder.join("root");
        self.apt()?.unpack_only(packages, &root)?;
        let release = packages.first().context("a kernel has a package")?;
        let release = release.trim_start_matches(PARTS[0]);
        let modules = [root.join("lib/modules"), root.join("usr/lib/modules")]
            .into_iter()
            .map(|modules| modules.join(release))
            .find(|modules| modules.exists())
            .context("its packages have no modules")?;
        let vmlinuz = [
            root.join("boot").join(format!("vmlinuz-{release}")),
            modules.join("vmlinuz"),
        ];
        let vmlinuz = vmlinuz.into_iter().find(|file| file.exists());
        let vmlinuz = vmlinuz.context("its packages have no `vmlinuz`")?;
        let about = || format!("unpack {}", vmlinuz.display());
        let content = fs::read(&vmlinuz).with_context(about)?;
        let content = image::vmlinux(&content).with_context(about)?;
        fs::write(folder.join(IMAGE), content)
            .and_then(|()| fs::rename(&modules, folder.join(MODULES)))
            .and_then(|()| fs::write(folder.join(VERSION), format!("{release}, Debian's")))
            .and_then(|()| fs::remove_dir_all(&root))
            .with_context(|| format!("fill {}", folder.display()))
    }

    /// Unpacks a package that is no kernel.
    pub(super) fn unpack_package(&mut self, package: &str, folder: &Path) -> Result<()> {
        self.apt()?.unpack_only(&[package.to_owned()], folder)
    }

    fn apt(&mut self) -> Result<&mut Apt> {
        if self.apt.is_none() {
            let suites: BTreeSet<_> = RELEASES.iter().flat_map(Release::suites).copied().collect();
            let suites: Vec<_> = suites.into_iter().collect();
            let sources = Archives::of_this_machine()?.describe(&suites)?;
            let mut apt = Apt::of_sources(&self.folder, &sources, "")?;
            if let Err(error) = apt.update() {
                // One suite may be out of reach and the others not: each kernel is seen for itself.
                say(format_args!("some suites cannot be reached: {error:#}"));
            }
            self.apt = Some(apt);
        }
        self.apt.as_mut().context("apt was made above")
    }
}

/// The one with the highest version.
fn newest(images: BTreeSet<String>) -> Option<String> {
    let images = images.into_iter().filter(|name| name.ends_with(FLAVOUR));
    images.max_by_key(|name| numbers(name))
}

fn numbers(name: &str) -> Vec<u32> {
    let words = name.split(|c: char| !c.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::newest;

    fn check(names: &[&str], expected: &str) {
        let names = names.iter().map(ToString::to_string).collect();
        assert_eq!(newest(names).as_deref(), Some(expected));
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        check(
            &[
                "linux-image-6.12.95+deb12-cloud-amd64",
                "linux-image-6.12.117+deb12-cloud-amd64",
                "linux-image-6.12.118+deb12-rt-amd64",
            ],
            "linux-image-6.12.117+deb12-cloud-amd64",
        );
    }

    #[test]
    fn a_release_own_kernel_wins_over_one_rebuilt_for_an_older_release() {
        check(
            &[
                "linux-image-6.1.0-0.deb11.52-cloud-amd64",
                "linux-image-6.1.0-56-cloud-amd64",
            ],
            "linux-image-6.1.0-56-cloud-amd64",
        );
    }
}
