//! What there is on this host: reads processes, cgroups, namespaces and interfaces for the planner.
//!
//! It only reads, and only what a selector needs; a process that vanishes while being read is not an
//! error. `command` is the exception: it starts a target of its own.

mod cgroups;
pub mod command;
mod disks;
mod files;
mod follow;
mod held;
mod hierarchy;
mod identity;
mod inventory;
mod links;
mod members;
mod names;
mod netns;
mod process;
mod scan;
mod settings;
mod sites;
mod sockets;
mod strangers;
mod supplies;

pub use cgroups::inhabited;
pub use disks::{disks_of, whole_disk};
pub use files::files_of;
pub(crate) use files::{id_of as file_id_of, look as file_id};
pub use follow::{
    descends_from, folder, is_gone, is_own_namespace, is_thread_group, members_anywhere, parent_of,
    protected, v2_folder_of, v2_path, with_descendants,
};
pub use hierarchy::{Mount, Mounts, ReadMounts, cgroup_of};
pub use identity::{Identity, identity};
pub use inventory::{GatherError, Gathering, gather, survey};
pub(crate) use members::has_vanished;
pub use members::{descendants, end_members, members};
pub use names::Names;
pub(crate) use names::sockets as runtime_sockets;
pub(crate) use netns::find_namespace;
pub use netns::{NetnsError, has_link_header};
pub(crate) use process::{netns_of, pids as every_process};
pub use settings::{controller_folder, panics_on_oom, settings_of};
pub use sites::sites_of;
pub use sockets::SocketsError;
pub(crate) use sockets::{OpenConnection, open_connections, reset, tcp_sockets};
pub use strangers::Residents;
pub use supplies::supplies_of;
