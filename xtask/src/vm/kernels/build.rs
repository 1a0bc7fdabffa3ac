//! A kernel from Debian's source, with options that no distribution's kernel has: ours are in
//! `xtask/kernels`, as fragments over the kernel's own default for this architecture.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    Release, Store,
    ready::banner,
    store::{IMAGE, VERSION},
    table::Origin,
};
use crate::{
    exec::{Step, locate, say},
    workspace::Workspace,
};

/// Programs and headers that a kernel's build needs, and Debian's packages of them.
const PROGRAMS: &[(&str, &str)] = &[
    ("bc", "bc"),
    ("bison", "bison"),
    ("flex", "flex"),
    ("gcc", "gcc"),
    ("make", "make"),
    ("objcopy", "binutils"),
    ("pahole", "pahole"),
    ("tar", "tar"),
    ("xz", "xz-utils"),
];
const HEADERS: &[(&str, &str)] = &[
    ("/usr/include/gelf.h", "libelf-dev"),
    ("/usr/include/openssl/opensslv.h", "libssl-dev"),
];

/// What the fragments are called, in the order in which they are merged.
const FRAGMENTS: &[&str] = &["options-off.config", "options-on.config"];

/// Builds it and puts it into the store, in place of the one that may be there.
pub(crate) fn build(workspace: &Workspace, store: &mut Store, release: Release) -> Result<()> {
    let Origin::Built { package, suites } = release.origin else {
        bail!(
            "kernel {} is Debian's own; hint: leave `--build` out",
            release.name
        );
    };
    check_tools()?;
    let folder = workspace.guests().join("build").join(release.name);
    let fragments = workspace.root().join("xtask/kernels").join(release.name);
    let source = source(store, package, suites, &folder)?;
    configure(&source, &fragments)?;
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    make(&source)
        .arg(format!("--jobs={jobs}"))
        .arg("vmlinux")
        .run()?;
    let image = source.join("vmlinux.stripped");
    let strip = Step::new("objcopy").arg("--strip-all");
    strip.args([&source.join("vmlinux"), &image]).run()?;
    store.fill(release, |_, here| {
        let content = fs::read(&image).with_context(|| format!("read {}", image.display()))?;
        let version = format!("{}, built here", banner(&content).unwrap_or("unknown"));
        fs::write(here.join(IMAGE), content)
            .and_then(|()| fs::write(here.join(VERSION), version))
            .with_context(|| format!("write to {}", here.display()))
    })?;
    // Two gigabytes that nobody needs any more.
    fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))
}

fn check_tools() -> Result<()> {
    let programs = PROGRAMS.iter().filter(|(name, _)| locate(name).is_none());
    let headers = HEADERS.iter().filter(|(path, _)| !Path::new(path).exists());
    let packages: Vec<_> = programs
        .chain(headers)
        .map(|(_, package)| *package)
        .collect();
    ensure!(
        packages.is_empty(),
        "a kernel's build needs what is not here; hint: `apt-get install \
         --no-install-recommends {}`",
        packages.join(" ")
    );
    Ok(())
}

/// The folder of the sources, unpacked anew.
fn source(store: &mut Store, package: &str, suites: &[&str], folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    say(format_args!("source: {package} of {}", suites.join(" or ")));
    store.debian().unpack_package(package, folder)?;
    let archive = folder.join("usr/src").join(format!("{package}.tar.xz"));
    let tar = Step::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(&archive);
    tar.arg("--directory").arg(folder).run()?;
    Ok(folder.join(package))
}

/// Configures it, and makes sure that no option of ours was overruled by another.
fn configure(source: &Path, fragments: &Path) -> Result<()> {
    make(source).arg("x86_64_defconfig").run()?;
    let files = FRAGMENTS.iter().map(|name| fragments.join(name));
    Step::new("scripts/kconfig/merge_config.sh")
        .args(["-m", ".config"])
        .args(files)
        .dir(source)
        .run()?;
    make(source).arg("olddefconfig").run()?;
    let read =
        |path: &Path| fs::read_to_string(path).with_context(|| format!("read {}", path.display()));
    let config = read(&source.join(".config"))?;
    let asked = read(&fragments.join("options-on.config"))?;
    let missing = missing(&asked, &config);
    ensure!(
        missing.is_empty(),
        "the kernel's configuration did not take {}; hint: what they depend on has changed",
        missing.join(", ")
    );
    Ok(())
}

fn make(source: &Path) -> Step {
    // Nothing of the machine gets into the kernel.
    let step = Step::new("make").env("KBUILD_BUILD_USER", "temblor");
    step.env("KBUILD_BUILD_HOST", "temblor").dir(source)
}

/// Options that are set in one and not so in the other.
fn missing<'a>(asked: &'a str, config: &str) -> Vec<&'a str> {
    let is_set = |line: &&str| line.starts_with("CONFIG_") && !line.ends_with("=n");
    let set = asked.lines().filter(is_set);
    set.filter(|line| !config.lines().any(|own| own == *line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn an_option_that_was_overruled_is_named() {
        let asked = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=y\nCONFIG_D=n\n";
        let config = "CONFIG_A=y\nCONFIG_C=m\n";
        assert_eq!(missing(asked, config), ["CONFIG_C=y"]);
    }
}
