//! Modules of a kernel, in the order in which they can be loaded.
//!
//! Debian's packages have no `modules.dep`, which is made on installation: what a module needs is
//! read from the module.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use object::{File, Object as _, ObjectSection as _};

use super::compression::unpacked;

/// What the tests use, where it is not built in.
const WANTED: &[&str] = &[
    "act_mirred",
    "bridge",
    "cls_bpf",
    "cls_matchall",
    "dummy",
    "ext4",
    "fuse",
    "ifb",
    "loop",
    "nf_conntrack",
    "nf_tables",
    "nft_chain_nat",
    "nft_ct",
    "nft_masq",
    "nft_nat",
    "sch_fq",
    "sch_ingress",
    "sch_netem",
    "sch_tbf",
    "tcp_diag",
    "tun",
    "udp_diag",
    "veth",
    "virtio_blk",
    "virtio_pci",
    "virtiofs",
];

/// A module, unpacked, to be loaded after those before it.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
}

/// The modules that tests use, with what they need; those built into the kernel are not among them.
pub(crate) fn needed(folder: &Path) -> Result<Vec<Module>> {
    let mut files = BTreeMap::new();
    find(folder, &mut files)?;
    let mut order = Order {
        files,
        seen: BTreeSet::new(),
        modules: Vec::new(),
    };
    WANTED.iter().try_for_each(|name| order.add(name))?;
    Ok(order.modules)
}

struct Order {
    files: BTreeMap<String, PathBuf>,
    seen: BTreeSet<String>,
    modules: Vec<Module>,
}

impl Order {
    fn add(&mut self, name: &str) -> Result<()> {
        let Some(path) = self.files.get(name) else {
            return Ok(());
        };
        if !self.seen.insert(name.to_owned()) {
            return Ok(());
        }
        let content = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let content = unpacked(content).with_context(|| format!("read {}", path.display()))?;
        for needed in depends(&content).with_context(|| format!("look into {name}"))? {
            self.add(&needed)?;
        }
        let name = name.to_owned();
        self.modules.push(Module { name, content });
        Ok(())
    }
}

/// Files by the names of their modules.
fn find(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some((stem, "" | ".xz" | ".zst")) = name.split_once(".ko") {
            files.insert(stem.replace('-', "_"), path);
        }
    }
    Ok(())
}

/// The modules that a module uses symbols of.
fn depends(module: &[u8]) -> Result<Vec<String>> {
    let file = File::parse(module).context("parse it")?;
    let section = file.section_by_name(".modinfo").context("no `.modinfo`")?;
    let fields = section.data().context("read `.modinfo`")?;
    Ok(named(fields))
}

fn named(fields: &[u8]) -> Vec<String> {
    let mut fields = fields.split(|byte| *byte == 0);
    let depends = fields.find_map(|field| field.strip_prefix(b"depends="));
    let depends = String::from_utf8_lossy(depends.unwrap_or_default());
    let names = depends.split(',').filter(|name| !name.is_empty());
    names.map(|name| name.replace('-', "_")).collect()
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn what_a_module_needs_is_named_in_it() {
        let fields = b"license=GPL\0depends=mbcache,jbd2,crc-16\0name=ext4\0";
        assert_eq!(named(fields), ["mbcache", "jbd2", "crc_16"]);
        assert_eq!(named(b"license=GPL\0depends=\0"), [""; 0]);
    }
}
