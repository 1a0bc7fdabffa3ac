//! Cgroups of commands that clients start: made for them, kept while the command runs, removed after.

use std::collections::BTreeMap;

use super::running::Client;
use super::start::tell;
use super::state::{Engine, failed, refused, said};
use crate::interception::Answering;
use crate::protocol::Failure;
use crate::safety::permit_housekeeping;
use crate::safety::undo::Cause;
use crate::target;
use crate::target::command::CommandCgroup;

/// The cgroups, by the connection that asked; a command may outlive it.
#[derive(Debug, Default)]
pub(super) struct Commands {
    owned: BTreeMap<Client, CommandCgroup>,
    orphans: Vec<CommandCgroup>,
    /// Whose calls are answered.
    answered: Vec<Answering>,
    made: u64,
}

impl Commands {
    /// The cgroup of a connection's command, as in `/proc/PID/cgroup`.
    pub(super) fn path(&self, client: Client) -> Option<String> {
        self.owned
            .get(&client)
            .and_then(|cgroup| target::v2_path(cgroup.path()))
    }

    /// Keeps answering a command's calls for as long as there may be any.
    pub(super) fn answer(&mut self, answering: Answering) {
        self.answered.push(answering);
    }

    /// Waits for the end of all whose calls are answered. Only for when the keeper has died.
    pub(super) fn await_ends(&mut self) {
        self.answered.drain(..).for_each(Answering::await_end);
    }

    pub(super) fn disown(&mut self, client: Client) {
        self.orphans.extend(self.owned.remove(&client));
        self.sweep();
    }

    /// Removes the cgroups in which nothing runs any more.
    pub(super) fn sweep(&mut self) {
        self.answered.retain(|answering| !answering.has_ended());
        for cgroup in std::mem::take(&mut self.orphans) {
            match cgroup.remove_if_empty() {
                Ok(still_used) => self.orphans.extend(still_used),
                // Its entry stays in the undo log.
                Err(error) => tell(&format!("a command's cgroup stays: {}", said(&error))),
            }
        }
    }

    /// Removes what nobody runs in any more; the undo log has the others.
    pub(super) fn leave(&mut self) {
        self.orphans
            .extend(std::mem::take(&mut self.owned).into_values());
        self.sweep();
    }

    /// Whether some command still runs.
    pub(super) fn any(&self) -> bool {
        !self.orphans.is_empty() || !self.owned.is_empty() || !self.answered.is_empty()
    }
}

impl Engine {
    /// Makes a cgroup for a command of this connection, beside the caller's own.
    pub(super) fn make_cgroup(&mut self, client: Client, caller: i32) -> Result<String, Failure> {
        if let Some(path) = self.commands.path(client) {
            return Ok(path);
        }
        let parent = target::v2_folder_of(caller).ok_or_else(|| {
            refused(
                "this host has no cgroups of version 2 for a command",
                Some("mount them: mount -t cgroup2 none /sys/fs/cgroup/unified"),
            )
        })?;
        self.commands.made += 1;
        let name = format!("{}-{}", std::process::id(), self.commands.made);
        let permit = permit_housekeeping();
        let cgroup = CommandCgroup::make(&permit, &self.log, &parent, &name, Cause::default())
            .map_err(|error| failed(&error))?;
        let path = target::v2_path(cgroup.path()).ok_or_else(|| {
            refused(
                "the command's cgroup is not where it was made",
                Some("start the command yourself, and name it with pid: or cgroup:"),
            )
        })?;
        self.commands.owned.insert(client, cgroup);
        Ok(path)
    }

    /// Moves the client's held child into its cgroup: nobody else's process.
    pub(super) fn enter(&mut self, client: Client, caller: i32, pid: i32) -> Result<(), Failure> {
        if target::parent_of(pid) != Some(caller) {
            return Err(refused(
                format!("process {pid} is not a child of the caller"),
                Some("only a process that the client itself has started may enter"),
            ));
        }
        let cgroup = self.commands.owned.get(&client);
        let cgroup = cgroup.ok_or_else(|| {
            refused(
                "there is no cgroup for a command yet",
                Some("ask for one first: make-cgroup"),
            )
        })?;
        cgroup
            .enter(&permit_housekeeping(), pid)
            .map_err(|error| failed(&error))
    }
}
