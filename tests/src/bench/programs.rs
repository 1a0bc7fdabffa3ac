//! The programs an engine has attached, and running one of them on a packet.

use std::fs::{self, File};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aya::programs::loaded_programs;
use aya_obj::generated::{bpf_attach_type, bpf_insn, bpf_prog_type};
use injector_user::sys::bpf;

/// A packet program of the kernel's.
#[derive(Debug)]
pub(super) struct PacketProgram {
    fd: OwnedFd,
}

/// `TCX_NEXT`: the next program decides.
const NEXT: i32 = -1;

impl PacketProgram {
    /// The only one that the process `engine` has attached to interfaces of this number.
    pub(super) fn attached_by(engine: i32, interface: u32) -> Result<Self> {
        let interface = interface.to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir(format!("/proc/{engine}/fdinfo"))? {
            let text = fs::read_to_string(entry?.path()).unwrap_or_default();
            let field = |key: &str| {
                let mut lines = text.lines().filter_map(|line| line.split_once(':'));
                let value = lines.find(|(name, _value)| *name == key)?.1;
                Some(value.trim().to_owned())
            };
            let is_of_packets = field("link_type").as_deref() == Some("tcx");
            if is_of_packets && field("ifindex").as_deref() == Some(interface.as_str()) {
                found.push(field("prog_id").context("a link without a program")?);
            }
        }
        ensure!(
            found.len() == 1,
            "{found:?} instead of one attached program"
        );
        let number: u32 = found.concat().parse()?;
        for program in loaded_programs() {
            let program = program?;
            if program.id() == number {
                let fd = program.fd()?.as_fd().try_clone_to_owned()?;
                return Ok(Self { fd });
            }
        }
        anyhow::bail!("program {number} has gone")
    }

    /// One that does nothing: what it costs to call a program at all.
    pub(super) fn empty() -> Result<Self> {
        let instruction = |code, imm| bpf_insn {
            code,
            _bitfield_align_1: [],
            _bitfield_1: bpf_insn::new_bitfield_1(0, 0),
            off: 0,
            imm,
        };
        // r0 = NEXT; exit
        let instructions = [instruction(0xB7, NEXT), instruction(0x95, 0)];
        let no_types = File::open("/dev/null")?;
        let fd = bpf::load(&bpf::Text {
            name: "empty",
            kind: bpf::ProgramType {
                kind: bpf_prog_type::BPF_PROG_TYPE_SCHED_CLS,
                attach: bpf_attach_type::BPF_TCX_EGRESS,
            },
            sleeps: false,
            instructions: &instructions,
            license: c"Dual MIT/GPL",
            types: no_types.as_fd(),
            functions: &[],
            function_size: 0,
            target: 0,
        })?;
        Ok(Self { fd })
    }

    /// Runs it so often on a packet, whose socket is in the cgroup of the caller: the verdict of the
    /// last run and the mean duration in nanoseconds.
    pub(super) fn run(&self, packet: &[u8], repeat: u32) -> Result<(i32, f64)> {
        let (verdict, mean) = bpf::test_run(self.fd.as_fd(), packet, repeat)?;
        Ok((verdict.cast_signed(), nanoseconds(mean)))
    }
}

fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
