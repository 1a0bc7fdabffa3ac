//! Kernel programs and links, but for those of other engines on the same machine.

use std::collections::BTreeSet;
use std::fs;

use aya::programs::{ProgramInfo, loaded_links, loaded_programs};
use injector_user::target::descends_from;

/// Programs that no process holds that is not ours, and how many such links there are.
pub(super) fn programs_and_links() -> (Vec<ProgramInfo>, usize) {
    // Strangers come and go meanwhile.
    let mut foreign = Foreign::default();
    foreign.find();
    let programs: Vec<_> = loaded_programs().flatten().collect();
    let links = loaded_links().flatten().count();
    foreign.find();
    let own = programs
        .into_iter()
        .filter(|program| !foreign.programs.contains(&program.id()));
    (own.collect(), links.saturating_sub(foreign.links.len()))
}

/// The numbers of the programs that no process holds that is not ours.
pub(crate) fn programs_of_ours() -> BTreeSet<u32> {
    let (programs, _links) = programs_and_links();
    programs.iter().map(ProgramInfo::id).collect()
}

/// Kernel objects that a process other than ours holds.
#[derive(Debug, Default)]
struct Foreign {
    programs: BTreeSet<u32>,
    links: BTreeSet<u32>,
}

impl Foreign {
    fn find(&mut self) {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        for pid in numbers {
            self.add(pid);
        }
    }

    /// Adds what a process holds. Whose it is is asked last: most hold nothing, or are the kernel's own
    /// and have no files.
    fn add(&mut self, pid: i32) {
        let files = fs::read_dir(format!("/proc/{pid}/fdinfo"));
        let (mut programs, mut links) = (BTreeSet::new(), BTreeSet::new());
        for file in files.into_iter().flatten().flatten() {
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            let number = |key: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(key));
                line.and_then(|value| value.trim().parse::<u32>().ok())
            };
            programs.extend(number("prog_id:"));
            links.extend(number("link_id:"));
        }
        if (!programs.is_empty() || !links.is_empty()) && !is_ours(pid) {
            self.programs.extend(programs);
            self.links.extend(links);
        }
    }
}

/// Whether it is this process or one that it has started.
pub(super) fn is_ours(pid: i32) -> bool {
    descends_from(pid, &BTreeSet::from([std::process::id().cast_signed()]))
}
