//! Kernels that somebody has built already: a folder with one folder for each, by its name.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{
    compression::unpacked,
    store::{IMAGE, VERSION},
};

/// The variable that names the folder.
pub(crate) const FOLDER: &str = "TEMBLOR_VM_KERNELS";

const IMAGES: &[&str] = &["vmlinux.zst", "vmlinux.xz", "vmlinux"];

/// The image of that name, if there is one.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env::var_os(FOLDER)?).join(name);
    let mut images = IMAGES.iter().map(|image| folder.join(image));
    images.find(|image| image.exists())
}

/// Puts it into a folder of the store.
pub(super) fn copy(image: &Path, folder: &Path) -> Result<()> {
    let about = || format!("read {}", image.display());
    let content = unpacked(fs::read(image).with_context(about)?).with_context(about)?;
    let version = format!("{}, ready made", banner(&content).unwrap_or("unknown"));
    fs::write(folder.join(IMAGE), content)
        .and_then(|()| fs::write(folder.join(VERSION), version))
        .with_context(|| format!("write to {}", folder.display()))
}

/// The release in the words that a kernel greets with.
pub(super) fn banner(image: &[u8]) -> Option<&str> {
    const START: &[u8] = b"Linux version ";
    let at = image.windows(START.len()).position(|it| it == START)?;
    let rest = &image[at + START.len()..];
    let end = rest.iter().position(|byte| *byte == b' ')?;
    str::from_utf8(&rest[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::banner;

    #[test]
    fn a_kernel_tells_its_release() {
        let image = b"\x7fELF..Linux version 6.12.95 (gcc) #1 SMP\0";
        assert_eq!(banner(image), Some("6.12.95"));
        assert_eq!(banner(b"\x7fELF"), None);
    }
}
