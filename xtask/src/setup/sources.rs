//! Other suites of the archives that this machine has its packages from, without changing what it
//! knows about them.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::exec::Step;

/// Debian's keys, which sign all its suites.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The distribution and where its packages come from.
#[derive(Debug)]
pub(crate) struct Archives {
    codename: String,
    /// Archives by the suites that the machine uses.
    by_suite: BTreeMap<String, String>,
}

impl Archives {
    /// Those of this machine; an error where it is not Debian.
    pub(crate) fn of_this_machine() -> Result<Self> {
        let release = fs::read_to_string("/etc/os-release").context("read /etc/os-release")?;
        let list = Step::new("apt-get")
            .args(["indextargets", "--format", "$(REPO_URI) $(RELEASE)"])
            .arg("Created-By: Packages")
            .read()?;
        Self::read(&release, &list)
    }

    fn read(release: &str, list: &str) -> Result<Self> {
        let field = |name: &str| {
            let line = release.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        if field("ID=").as_deref() != Some("debian") {
            bail!("its packages are Debian's, and this machine is not Debian");
        }
        let codename = field("VERSION_CODENAME=").context("no codename in /etc/os-release")?;
        let pairs = list.lines().filter_map(|line| line.split_once(' '));
        let by_suite = pairs.map(|(uri, suite)| (suite.to_owned(), uri.to_owned()));
        Ok(Self {
            codename,
            by_suite: by_suite.collect(),
        })
    }

    /// Debian's name for this machine's release.
    pub(crate) fn codename(&self) -> &str {
        &self.codename
    }

    /// apt's description of these suites; those of security updates are in an archive of their own.
    pub(crate) fn describe(&self, suites: &[&str]) -> Result<String> {
        let is_security = |suite: &&str| suite.ends_with("-security");
        let security = format!("{}-security", self.codename);
        let mut text = String::new();
        let (secure, plain): (Vec<&str>, Vec<&str>) = suites.iter().copied().partition(is_security);
        for (known, suites) in [(&self.codename, plain), (&security, secure)] {
            if suites.is_empty() {
                continue;
            }
            let uri = self.by_suite.get(known);
            let uri = uri.with_context(|| format!("apt has no source for `{known}` here"))?;
            let suites = suites.join(" ");
            writeln!(text, "Types: deb\nURIs: {uri}\nSuites: {suites}")?;
            writeln!(text, "Components: main")?;
            if Path::new(KEYS).exists() {
                writeln!(text, "Signed-By: {KEYS}")?;
            }
            writeln!(text)?;
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::Archives;

    const RELEASE: &str = "NAME=\"Debian\"\nVERSION_CODENAME=bookworm\nID=debian\n";
    const LIST: &str = "http://a.example/debian/ bookworm\nhttp://a.example/debian/ \
                        bookworm-updates\nhttp://s.example/security/ bookworm-security\n";

    #[test]
    fn other_suites_come_from_the_same_hosts() {
        let archives = Archives::read(RELEASE, LIST).unwrap();
        let text = archives
            .describe(&["forky", "bullseye-security", "trixie-backports"])
            .unwrap();
        let lines: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("URIs") || line.starts_with("Suites"))
            .collect();
        assert_eq!(
            lines,
            [
                "URIs: http://a.example/debian/",
                "Suites: forky trixie-backports",
                "URIs: http://s.example/security/",
                "Suites: bullseye-security",
            ]
        );
    }

    #[test]
    fn a_machine_of_another_distribution_has_none() {
        let error = Archives::read("ID=fedora\n", "").unwrap_err().to_string();
        assert!(error.contains("not Debian"), "{error}");
    }

    #[test]
    fn a_missing_archive_is_named() {
        let archives = Archives::read(RELEASE, "http://a.example/debian/ bookworm\n").unwrap();
        let error = archives.describe(&["bullseye-security"]).unwrap_err();
        assert!(error.to_string().contains("`bookworm-security`"), "{error}");
    }
}
