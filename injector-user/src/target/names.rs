//! What runtimes call their containers, asked of those that speak Docker's API on a Unix socket.
//!
//! Names are all that is asked. A runtime that does not answer within [`PATIENCE`] has told nothing;
//! it is asked from a thread of its own, so that nobody else's event loop waits or breaks.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::thread;
use std::time::Duration;

use bollard::query_parameters::ListContainersOptions;
use bollard::{API_DEFAULT_VERSION, Docker};
use injector_core::target::Selector;

/// Longer than a runtime takes that is not stuck, and far shorter than the engine's lease.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where Docker and podman listen.
const SOCKETS: [&str; 2] = ["/run/docker.sock", "/run/podman/podman.sock"];

/// Names of containers by their ids, or why there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub by_id: BTreeMap<String, String>,
    /// Why no runtime told any.
    pub unknown: Option<String>,
}

impl Names {
    /// What this selector needs to know: without containers nobody is asked.
    pub fn needed_by(selector: &Selector) -> Self {
        match selector {
            Selector::Container(_) => Self::ask(),
            _ => Self::default(),
        }
    }

    /// Asks every runtime that listens here: the one that `DOCKER_HOST` names, or those at the usual
    /// places.
    pub fn ask() -> Self {
        let (mut names, mut reasons) = (BTreeMap::new(), Vec::new());
        for socket in sockets() {
            match ask_in_thread(&socket) {
                Ok(found) => names.extend(found),
                Err(reason) => reasons.push(reason),
            }
        }
        let unknown = names.is_empty().then(|| reasons.join(" and "));
        Self {
            by_id: names,
            unknown: unknown.filter(|reason| !reason.is_empty()),
        }
    }

    /// Keeps what was known before where nobody tells any more: a runtime may be restarted while its
    /// containers run.
    #[must_use]
    pub fn or_before(self, before: &Self) -> Self {
        if self.unknown.is_some() && !before.by_id.is_empty() {
            return before.clone();
        }
        self
    }
}

/// Where runtimes may listen that speak this API.
pub(crate) fn sockets() -> Vec<String> {
    let named = env::var("DOCKER_HOST").ok();
    match named.as_deref().map(|host| host.strip_prefix("unix://")) {
        Some(Some(path)) => vec![path.to_owned()],
        // A runtime on another machine has none of this host's containers.
        Some(None) | None => SOCKETS.map(str::to_owned).to_vec(),
    }
}

fn ask_in_thread(socket: &str) -> Result<BTreeMap<String, String>, String> {
    if !Path::new(socket).exists() {
        return Err(format!("nobody listens at {socket}"));
    }
    thread::scope(|scope| {
        let asking = scope.spawn(|| ask(socket));
        asking
            .join()
            .unwrap_or_else(|_panic| Err(format!("{socket} was answered with nonsense")))
    })
}

fn ask(socket: &str) -> Result<BTreeMap<String, String>, String> {
    let failed = |error: &dyn std::error::Error| format!("{socket} does not answer: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let docker =
            Docker::connect_with_unix(socket, PATIENCE.as_secs().max(1), API_DEFAULT_VERSION)
                .map_err(|error| failed(&error))?;
        let listing = async {
            // Older daemons refuse what they do not know yet.
            let docker = docker.negotiate_version().await?;
            // One that is being restarted keeps its name.
            let all = ListContainersOptions {
                all: true,
                ..ListContainersOptions::default()
            };
            docker.list_containers(Some(all)).await
        };
        let answer = tokio::time::timeout(PATIENCE, listing).await;
        let all = answer.map_err(|error| failed(&error))?;
        let all = all.map_err(|error| failed(&error))?;
        let named = all.into_iter().filter_map(|one| {
            let name = one.names?.into_iter().next()?;
            Some((one.id?, name.trim_start_matches('/').to_owned()))
        });
        Ok(named.collect())
    })
}

#[cfg(test)]
mod tests {
    use super::{Names, ask_in_thread};

    #[test]
    fn who_does_not_listen_has_no_names() {
        let reason = ask_in_thread("/no/such.sock").unwrap_err();
        assert_eq!(reason, "nobody listens at /no/such.sock");
    }

    #[test]
    fn who_says_nothing_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("silent.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let path = path.to_str().unwrap();
        let reason = ask_in_thread(path).unwrap_err();
        let expected = format!("{path} does not answer: ");
        assert!(reason.starts_with(&expected), "{reason}");
    }

    #[test]
    fn names_outlive_the_silence_of_a_runtime() {
        let by_id = [("a".to_owned(), "web".to_owned())].into();
        let before = Names {
            by_id,
            unknown: None,
        };
        let silent = Names {
            unknown: Some("gone".to_owned()),
            ..Names::default()
        };
        assert_eq!(silent.clone().or_before(&before), before);
        assert_eq!(silent.clone().or_before(&Names::default()), silent);
        assert_eq!(Names::default().or_before(&before), Names::default());
    }
}
