//! A plan as `temblor plan` prints it.

use std::fmt;
use std::time::Duration;

use super::decision::{Chosen, Hook, Place, Plan, Select, Task, Who};
use crate::fault::net::Connections;
use crate::units::{ByteSize, format_duration};

/// At most this many processes are named.
const NAMED: usize = 8;

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked: Vec<_> = self
            .fault
            .iter()
            .map(|(name, text)| format!("{name}={text}"))
            .collect();
        let mechanisms: Vec<_> = self.mechanisms().iter().map(ToString::to_string).collect();
        writeln!(out, "fault    {} {}", self.kind, asked.join(" "))?;
        if let Some(chosen) = self.chosen.as_ref().and_then(chosen) {
            writeln!(out, "chosen   {chosen}")?;
        }
        writeln!(out, "who      {}", self.sufferers())?;
        writeln!(out, "how      {}", mechanisms.join(", "))?;
        for (index, hook) in self.hooks.iter().enumerate() {
            let title = if index == 0 { "where" } else { "" };
            writeln!(out, "{title:<8} {hook}")?;
        }
        let which = select(&self.select);
        if !which.is_empty() {
            writeln!(out, "which    {}", which.join(", "))?;
        }
        let duration = format_duration(Duration::from_nanos(self.duration_ns));
        write!(out, "when     for {duration}")?;
        if self.delay_ns > 0 {
            let delay = format_duration(Duration::from_nanos(self.delay_ns));
            write!(out, ", beginning {delay} after arming")?;
        }
        for warning in &self.warnings {
            write!(out, "\nwarning  {warning}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcx {
                netns,
                interface,
                direction,
                ..
            } => write!(out, "{direction} of {interface} in {netns}"),
            Self::Cgroup { path, attach, .. } => write!(out, "{attach} in cgroup {path}"),
            Self::Sockets { path, .. } => write!(out, "new sockets in cgroup {path}"),
            Self::Freezer {
                hierarchy, path, ..
            } => write!(out, "{path} in {hierarchy}"),
            Self::Members { hierarchy, path } => write!(out, "all in {path} in {hierarchy}"),
            Self::Family { pid, .. } => write!(out, "process {pid} and all it starts"),
            Self::Function {
                function, entry, ..
            } => write!(out, "{function} by {entry}"),
            Self::Instructions { site, .. } => match site.offsets.len() {
                1 => write!(out, "an instruction of {}", site.path),
                count => write!(out, "{count} instructions of {}", site.path),
            },
            Self::Exit { syscall, .. } => write!(out, "{syscall} when it has been made"),
            Self::Setting {
                hierarchy,
                path,
                file,
                key,
                before,
                during,
                ..
            } => {
                write!(out, "{file} of {path} in {hierarchy}: ")?;
                if !key.is_empty() {
                    write!(out, "{key} ")?;
                }
                write!(out, "{during}, then {before} again")
            }
            Self::Filter { path, .. } => write!(out, "calls of the command in cgroup {path}"),
            Self::Workers {
                place: Some(place),
                task,
            } => write!(out, "{task} {place}"),
            Self::Workers { place: None, task } => write!(out, "{task} in a cgroup of its own"),
        }
    }
}

impl Plan {
    fn sufferers(&self) -> String {
        let anywhere = |hook: &Hook| matches!(hook, Hook::Workers { place: None, .. });
        if self.hooks.iter().any(anywhere) {
            return "everybody on this host".to_owned();
        }
        who(&self.who)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            hierarchy, path, ..
        } = self;
        write!(out, "in {path} in {hierarchy}")
    }
}

impl fmt::Display for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = ByteSize::new;
        match self {
            Self::Cpu { workers, load } => {
                let (whole, part) = (load / 100, load % 100);
                let workers = count(*workers);
                write!(out, "{workers} at {whole}.{part:02}% of a processor")
            }
            Self::Memory { bytes, .. } => write!(out, "{} of memory", size(*bytes)),
            Self::Disk {
                path,
                workers,
                operations,
                block,
                bytes,
                ..
            } => {
                let (block, bytes) = (size(*block), size(*bytes));
                write!(
                    out,
                    "{} ({operations}, {block} of {bytes}) below {path},",
                    count(*workers)
                )
            }
            Self::Fill { path, bytes, .. } => {
                write!(out, "{} of the file system of {path},", size(*bytes))
            }
        }
    }
}

fn count(workers: u32) -> String {
    match workers {
        1 => "1 worker".to_owned(),
        workers => format!("{workers} workers"),
    }
}

/// Said where there was something to choose.
fn chosen(chosen: &Chosen) -> Option<String> {
    let Chosen { things, of, seed } = chosen;
    let names: Vec<_> = things
        .iter()
        .take(NAMED)
        .map(|thing| &*thing.name)
        .collect();
    let more = match things.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let drawn = seed.map_or_else(String::new, |seed| format!(", by seed {seed}"));
    (*of > 1).then(|| {
        format!(
            "{}{more}; {} of {of}{drawn}",
            names.join(", "),
            things.len()
        )
    })
}

fn who(who: &[Who]) -> String {
    let names = who.iter().take(NAMED).map(|one| match one {
        Who::Process { pid, comm } => format!("{comm} ({pid})"),
        Who::Interface { name, netns } => format!("{name} in {netns}"),
    });
    let names: Vec<_> = names.collect();
    match who.len().checked_sub(NAMED) {
        _ if who.is_empty() => "the command, once it is started".to_owned(),
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names.join(", ")),
    }
}

fn select(select: &Select) -> Vec<String> {
    let Select {
        cgroup,
        thread_groups,
        peers,
        ports,
        protocol,
        connections,
        // They are in what was asked.
        syscalls: _,
        files,
    } = select;
    let join = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join(" "));
    let rows = [
        ("cgroup", cgroup.as_ref().map(|cgroup| cgroup.path.clone())),
        (
            "processes",
            join(thread_groups.iter().map(ToString::to_string).collect()),
        ),
        (
            "peers",
            join(peers.iter().map(ToString::to_string).collect()),
        ),
        (
            "ports",
            join(ports.iter().map(ToString::to_string).collect()),
        ),
        ("protocol", protocol.map(|protocol| protocol.to_string())),
        (
            "connections",
            (*connections != Connections::All).then(|| connections.to_string()),
        ),
    ];
    let files = files.as_ref().map(|files| {
        let count = files.files.len() + files.directories.len();
        format!("{count} found")
    });
    let rows = rows.into_iter().chain([("files", files)]);
    rows.filter_map(|(name, text)| Some(format!("{name} {}", text?)))
        .collect()
}
