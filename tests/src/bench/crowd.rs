//! Many network namespaces, and a process in each.

use std::process::{Child, Command, Stdio};

use anyhow::Result;
use injector_user::freezer::Flavour;

use crate::cgroup::Cgroup;
use crate::netns::Netns;

/// As many targets as there can be faults.
pub(super) const MANY: usize = 64;

/// Namespaces that have their loopback interface only. They go with this value.
#[derive(Debug)]
pub(super) struct Crowd {
    residents: Vec<Child>,
    cgroup: Cgroup,
    pub(super) namespaces: Vec<Netns>,
}

impl Crowd {
    pub(super) fn gather(name: &str) -> Result<Self> {
        let namespaces = (0..MANY).map(|_number| Netns::make(name));
        let namespaces: Vec<Netns> = namespaces.collect::<Result<_>>()?;
        let mut crowd = Self {
            residents: Vec::new(),
            cgroup: Cgroup::make(Flavour::V2, name)?,
            namespaces,
        };
        for netns in &crowd.namespaces {
            let mut command = Command::new("sleep");
            command.arg("infinity").stdin(Stdio::null());
            let resident = netns.spawn(command)?;
            crowd.cgroup.enter(resident.id().cast_signed())?;
            crowd.residents.push(resident);
        }
        Ok(crowd)
    }

    /// Each namespace as a target.
    pub(super) fn targets(&self) -> Vec<String> {
        let names = self.namespaces.iter();
        names
            .map(|netns| format!("netns:{}", netns.name()))
            .collect()
    }

    /// All of them as one target: the cgroup whose processes they hold.
    pub(super) fn target(&self) -> String {
        self.cgroup.target()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for resident in &mut self.residents {
            // One that has ended already is as good.
            let _ended = resident.kill().and_then(|()| resident.wait());
        }
    }
}
