//! Containers by the cgroups that runtimes make for them.
//!
//! The path of a cgroup is the one thing that every runtime leaves in the kernel: the id is its last
//! part. A name is known only to the runtime.

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use crate::words::words;

/// Length of an id that Docker, containerd, CRI-O and podman make.
const ID: usize = 64;
/// So many letters of it are shown.
const SHOWN: usize = 12;

/// Who made a container, as far as its cgroup tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runtime {
    Docker,
    Containerd,
    CriO,
    Podman,
    /// Something that names cgroups by ids alone, such as Kubernetes with the cgroupfs driver.
    Unknown,
}

words!(Runtime, "a container runtime", {
    Docker => "docker",
    Containerd => "containerd",
    CriO => "cri-o",
    Podman => "podman",
    Unknown => "container",
});

/// One container that has a cgroup.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Container {
    /// 64 hexadecimal digits in lower case.
    pub id: String,
    pub runtime: Runtime,
    /// As the runtime tells it.
    pub name: Option<String>,
    /// Its cgroup, as in `/proc/PID/cgroup`; several if hierarchies differ.
    pub paths: Vec<String>,
}

impl Container {
    /// The container whose cgroup this is; none for cgroups above and below it, and for the
    /// monitors that runtimes keep beside it.
    pub fn of_path(path: &str) -> Option<Self> {
        let mut parts = path.rsplit('/');
        let (last, parent) = (parts.next()?, parts.next().unwrap_or_default());
        let (runtime, id) = by_scope(last).or_else(|| by_folder(last, parent))?;
        is_id(id).then(|| Self {
            id: id.to_owned(),
            runtime,
            name: None,
            paths: vec![path.to_owned()],
        })
    }

    /// The beginning of the id, as `docker ps` shows it.
    pub fn short_id(&self) -> &str {
        self.id.get(..SHOWN).unwrap_or(&self.id)
    }

    /// What to call it: its name, or else the beginning of its id.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(self.short_id())
    }
}

/// Which containers a pattern means: those of the name, or else those whose ids begin with it.
pub fn meant<'a>(all: &'a [Container], pattern: &Pattern) -> Vec<&'a Container> {
    let by_name = |container: &&Container| {
        let name = container.name.as_deref();
        name.is_some_and(|name| pattern.matches(name))
    };
    let named: Vec<_> = all.iter().filter(by_name).collect();
    match pattern {
        Pattern::Exact(text) if named.is_empty() => {
            let text = text.to_lowercase();
            let begins = |container: &&Container| container.id.starts_with(&text);
            all.iter().filter(begins).collect()
        }
        Pattern::Exact(_) | Pattern::Like(_) => named,
    }
}

/// `docker-ID.scope`, as systemd's driver names them; `crio-ID` of CRI-O and `libpod-ID` of podman
/// with the cgroupfs driver; `SLICE:cri-containerd:ID` where the two drivers are mixed up.
fn by_scope(last: &str) -> Option<(Runtime, &str)> {
    const PREFIXES: [(&str, Runtime); 6] = [
        ("docker-", Runtime::Docker),
        ("cri-containerd-", Runtime::Containerd),
        ("nerdctl-", Runtime::Containerd),
        ("containerd-", Runtime::Containerd),
        ("crio-", Runtime::CriO),
        ("libpod-", Runtime::Podman),
    ];
    if let Some((_slice, id)) = last.split_once(":cri-containerd:") {
        return Some((Runtime::Containerd, id));
    }
    let name = last.strip_suffix(".scope").unwrap_or(last);
    let mut found = PREFIXES.iter();
    found.find_map(|(prefix, runtime)| Some((*runtime, name.strip_prefix(prefix)?)))
}

/// `/docker/ID` and other folders named by an id alone, as the cgroupfs driver makes them.
fn by_folder<'a>(last: &'a str, parent: &str) -> Option<(Runtime, &'a str)> {
    let runtime = match parent {
        "docker" => Runtime::Docker,
        "libpod_parent" => Runtime::Podman,
        "nerdctl" | "default" | "moby" | "k8s.io" => Runtime::Containerd,
        _ => Runtime::Unknown,
    };
    is_id(last).then_some((runtime, last))
}

fn is_id(text: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == ID && text.bytes().all(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID_A: &str = "668c88cb52ca6d0ed57e3e7d9f57711b112721c3c0d48c6bec80be72add27569";

    /// `ID` in the path stands for an id; the runtime, or nothing if it is no container's cgroup.
    fn check(path: &str, runtime: Option<Runtime>) {
        let path = path.replace("ID", ID_A);
        let found = Container::of_path(&path);
        let expected = runtime.map(|runtime| Container {
            id: ID_A.to_owned(),
            runtime,
            name: None,
            paths: vec![path.clone()],
        });
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn docker_names_its_cgroups_in_these_ways() {
        check("/docker/ID", Some(Runtime::Docker));
        check("/system.slice/docker-ID.scope", Some(Runtime::Docker));
        check(
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
            Some(Runtime::Docker),
        );
        check("/actions_job/ID", Some(Runtime::Unknown));
        check("/docker/ID/docker/ID", Some(Runtime::Docker));
        check(
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1f2e.slice/docker-ID.scope",
            Some(Runtime::Docker),
        );
        check("/kubepods/burstable/pod1f2e-77/ID", Some(Runtime::Unknown));
    }

    #[test]
    fn containerd_names_its_cgroups_in_these_ways() {
        check(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1f2e.slice/cri-containerd-ID.scope",
            Some(Runtime::Containerd),
        );
        check(
            "/system.slice/containerd.service/kubepods-burstable-pod1f2e.slice:cri-containerd:ID",
            Some(Runtime::Containerd),
        );
        check("/kubepods/besteffort/pod1f2e/ID", Some(Runtime::Unknown));
        check("/default/ID", Some(Runtime::Containerd));
        check("/system.slice/nerdctl-ID.scope", Some(Runtime::Containerd));
    }

    #[test]
    fn cri_o_and_podman_name_their_cgroups_in_these_ways() {
        check(
            "/kubepods.slice/kubepods-pod1f2e.slice/crio-ID.scope",
            Some(Runtime::CriO),
        );
        check("/kubepods/besteffort/pod1f2e/crio-ID", Some(Runtime::CriO));
        check("/machine.slice/libpod-ID.scope", Some(Runtime::Podman));
        check("/libpod_parent/libpod-ID", Some(Runtime::Podman));
        check("/libpod_parent/ID", Some(Runtime::Podman));
    }

    #[test]
    fn monitors_and_cgroups_above_and_below_are_no_containers() {
        check("/machine.slice/libpod-ID.scope/container", None);
        check("/machine.slice/libpod-conmon-ID.scope", None);
        check("/kubepods.slice/crio-conmon-ID.scope", None);
        check("/docker/ID/init.scope", None);
        check("/docker/buildkit", None);
        check("/docker", None);
        check("/system.slice/docker.service", None);
        check("/system.slice/docker-ID", Some(Runtime::Docker));
        check("/docker/1234", None);
        check("/", None);
    }

    fn container(id: &str, name: Option<&str>) -> Container {
        Container {
            name: name.map(str::to_owned),
            ..Container::of_path(&format!("/docker/{id:0<64}")).unwrap()
        }
    }

    fn check_meant(pattern: &str, expected: &[&str]) {
        let all = [
            container("ab1", Some("web")),
            container("ab2", Some("web-2")),
            container("c", Some("ab1")),
            container("d", None),
        ];
        let found = meant(&all, &Pattern::read(pattern).unwrap());
        let labels: Vec<_> = found.iter().map(|one| one.label()).collect();
        assert_eq!(labels, expected, "{pattern}");
    }

    #[test]
    fn a_name_comes_before_the_beginning_of_an_id() {
        check_meant("web", &["web"]);
        check_meant("ab1", &["ab1"]);
        check_meant("ab", &["web", "web-2"]);
        check_meant("AB2", &["web-2"]);
        check_meant("d", &["d00000000000"]);
        check_meant("~^web", &["web", "web-2"]);
        check_meant("~.", &["web", "web-2", "ab1"]);
        check_meant("nothing", &[]);
    }
}
