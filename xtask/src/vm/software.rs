//! Real software for guests: this machine's own where it has all of it, else unpacked below the target
//! folder, never installed.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    exec::say,
    setup::{Apt, Archives, installed},
};

/// Debian's packages beside those of PostgreSQL, whose names have its version.
const PACKAGES: &[&str] = &["nginx", "redis-server", "redis-tools", "sqlite3"];

/// Programs, and the folders that they are in.
const PROGRAMS: &[(&str, &str)] = &[
    ("usr/sbin", "nginx"),
    ("usr/bin", "redis-server"),
    ("usr/bin", "redis-cli"),
    ("usr/bin", "sqlite3"),
];

/// Programs of PostgreSQL, which are in a folder of their version.
const POSTGRES: &[&str] = &["postgres", "initdb", "psql"];

/// What of PostgreSQL's libraries is left out: its compiler, larger than all the rest.
const COMPILER: &[&str] = &["bitcode", "llvmjit.so", "llvmjit_types.bc"];

/// Where it is.
#[derive(Debug)]
pub(crate) struct Software {
    /// `/`, or where packages are unpacked.
    pub(crate) root: PathBuf,
    /// PostgreSQL's major version.
    version: String,
}

impl Software {
    /// Finds it, or unpacks it into a folder of `guests`.
    pub(crate) fn find(guests: &Path) -> Result<Self> {
        let own = guests.join("software");
        for root in [Path::new("/"), &own] {
            if let Some(found) = Self::below(root) {
                return Ok(found);
            }
        }
        say("databases and servers: unpacked privately");
        say("  why: guests run them under faults, for the tests");
        unpack(guests, &own).context("get databases and servers")?;
        Self::below(&own).context("they are not where they were unpacked")
    }

    /// None if something is missing.
    fn below(root: &Path) -> Option<Self> {
        let versions = fs::read_dir(root.join("usr/lib/postgresql")).ok()?;
        let newest = versions.flatten().map(|entry| entry.file_name()).max()?;
        let found = Self {
            root: root.to_owned(),
            version: newest.into_string().ok()?,
        };
        let complete = found.programs().iter().all(|(_, file)| file.exists());
        complete.then_some(found)
    }

    /// Programs, and the folders that they are in.
    pub(crate) fn programs(&self) -> Vec<(String, PathBuf)> {
        let postgres = format!("usr/lib/postgresql/{}/bin", self.version);
        let postgres = POSTGRES.iter().map(|name| (postgres.clone(), *name));
        let others = PROGRAMS.iter();
        let others = others.map(|(folder, name)| ((*folder).to_owned(), *name));
        let all = postgres.chain(others);
        all.map(|(folder, name)| (folder.clone(), self.root.join(folder).join(name)))
            .collect()
    }

    /// What programs read, and where.
    pub(crate) fn folders(&self) -> Vec<(String, PathBuf)> {
        let Self { root, version } = self;
        let mut found = Vec::new();
        let share = format!("usr/share/postgresql/{version}");
        found.push((share.clone(), root.join(share)));
        let plugins = format!("usr/lib/postgresql/{version}/lib");
        let files = fs::read_dir(root.join(&plugins)).into_iter().flatten();
        for file in files.flatten().map(|entry| entry.path()) {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if !COMPILER.contains(&&*name) {
                found.push((format!("{plugins}/{name}"), file));
            }
        }
        found
    }

    /// A text that changes with it.
    pub(crate) fn describe(&self) -> Result<String> {
        let mut text = String::new();
        for (place, file) in self.programs() {
            let metadata = fs::metadata(&file);
            let metadata = metadata.with_context(|| format!("look at {}", file.display()))?;
            let age = metadata.modified()?.duration_since(UNIX_EPOCH)?.as_secs();
            writeln!(text, "{place} {} {} {age}", file.display(), metadata.len())?;
        }
        Ok(text)
    }
}

/// Unpacks the packages and the libraries that this machine lacks, whole or not at all.
fn unpack(guests: &Path, root: &Path) -> Result<()> {
    let archives = Archives::of_this_machine()?;
    let codename = archives.codename();
    let suites = ["", "-updates", "-security"].map(|suffix| format!("{codename}{suffix}"));
    let sources = archives.describe(&suites.each_ref().map(String::as_str))?;
    let mut apt = Apt::of_sources(&guests.join("apt-software"), &sources, "")?;
    apt.update()?;
    let version = newest(apt.names("postgresql-")?)?;
    let postgres = ["postgresql", "postgresql-client"].map(|name| format!("{name}-{version}"));
    let mut packages = PACKAGES.to_vec();
    packages.extend(postgres.iter().map(String::as_str));
    let installed = installed()?;
    let wanted = |name: &str| {
        let library = name.starts_with("lib") && !name.ends_with("-perl");
        packages.contains(&name) || library && !installed.contains(name)
    };
    let partial = root.with_extension("partial");
    remove(&partial)?;
    apt.unpack(&packages, wanted, &partial)?;
    // That of an earlier time, which lacks something.
    remove(root)?;
    fs::rename(&partial, root).with_context(|| format!("name {}", root.display()))
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    Ok(())
}

/// The greatest version of packages such as `postgresql-15`, among others that begin alike.
fn newest(names: impl IntoIterator<Item = String>) -> Result<u32> {
    let names = names.into_iter();
    let versions = names.filter_map(|name| name.strip_prefix("postgresql-")?.parse().ok());
    match versions.max() {
        Some(version) => Ok(version),
        None => bail!("the distribution has no PostgreSQL"),
    }
}

#[cfg(test)]
mod tests {
    use super::newest;

    #[test]
    fn the_newest_version_is_taken() {
        let names = [
            "postgresql-9",
            "postgresql-15",
            "postgresql-15-cron",
            "postgresql-common",
        ];
        assert_eq!(newest(names.map(str::to_owned)).unwrap(), 15);
    }
}
