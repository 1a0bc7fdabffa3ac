//! Asked against observed rates of a disk under `disk.slow`.
//!
//! A process writes pieces to a disk past the page cache, or reads them back, as fast as it may. What it has
//! done is read from its `/proc/PID/io`, which knows nothing of cgroups, at both ends of ten seconds that
//! begin when the limit has been in force for one. It has to be within 5 % of what was asked for, which is
//! the peer.
//!
//! Where cgroups have no rates, or there is no disk at `/disk`, there is no row: guests have both.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::plan::Mechanism;
use injector_user::sys::poll;

use super::able::mechanisms;
use super::row::{Row, Rows};
use super::suite::Effort;
use crate::client::{Client, params};
use crate::engine::Engine;
use crate::{Greedy, Pen, wait_until};

/// One rate, who feels it, and what of his `/proc/PID/io` counts.
struct Asked {
    parameter: &'static str,
    value: &'static str,
    /// A second.
    rate: f64,
    unit: &'static str,
    /// KiB of a piece, and how many: more than there is time for.
    pieces: [u32; 2],
    counted: &'static str,
}

const BYTES: Asked = Asked {
    parameter: "write_bps",
    value: "2MiB",
    rate: 2_097_152.0,
    unit: "B/s",
    pieces: [64, 1_024],
    counted: "write_bytes",
};
const REQUESTS: Asked = Asked {
    parameter: "write_iops",
    value: "50",
    rate: 50.0,
    unit: "1/s",
    pieces: [4, 2_048],
    counted: "syscw",
};
const ASKED: [Asked; 4] = [
    BYTES,
    Asked {
        parameter: "read_bps",
        counted: "read_bytes",
        ..BYTES
    },
    REQUESTS,
    Asked {
        parameter: "read_iops",
        counted: "syscr",
        ..REQUESTS
    },
];

/// Where guests have one.
const DISK: &str = "/disk";

const SECONDS: usize = 10;

/// How far the observed rate may be from the one asked for.
const NEAR: f64 = 0.05;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let able = mechanisms(&engine, Kind::DiskSlow)?;
    if !able.contains(&Mechanism::IoV2.to_string()) || !Path::new(DISK).exists() {
        effort.progress(
            "no row: needs the io controller of cgroups v2, with rates, and a disk at /disk",
        );
        return Ok(Rows::new());
    }
    let pen = Pen::make(Kind::DiskSlow, "rate")?;
    let mut client = engine.client()?;
    let one = |asked: &Asked| {
        effort.progress(&format!("{} {}", asked.parameter, asked.value));
        one(effort, &mut client, &pen, asked)
    };
    ASKED.iter().map(one).collect()
}

fn one(effort: Effort, client: &mut Client, pen: &Pen, asked: &Asked) -> Result<Row> {
    let reads = asked.parameter.starts_with("read");
    if reads {
        let mut writer = pen.write(asked.pieces)?;
        wait_until("there is something to read", PATIENCE, || {
            writer.is_done().is_ok_and(|done| done)
        })?;
    }
    let target = pen.target();
    let given = [
        ("target", &*target),
        ("duration", "5m"),
        ("path", DISK),
        (asked.parameter, asked.value),
    ];
    let armed = client.arm(Kind::DiskSlow, &params(given))?;
    let greedy = if reads {
        pen.read_back(asked.pieces)?
    } else {
        pen.write(asked.pieces)?
    };
    wait_until("it has begun", PATIENCE, || {
        done(&greedy, asked.counted).is_ok_and(|done| done > 0.0)
    })?;
    poll::wait_readable([], Duration::from_secs(1))?;
    let (begun, before) = (Instant::now(), done(&greedy, asked.counted)?);
    poll::wait_readable([], Duration::from_secs(effort.rounds(SECONDS) as u64))?;
    let (after, took) = (done(&greedy, asked.counted)?, begun.elapsed());
    drop(greedy);
    client.stop_one(&armed)?;
    let rate = (after - before) / took.as_secs_f64();
    let metric = format!(
        "{}: {} asked for, what a process gets",
        asked.parameter, asked.value
    );
    let near = (rate / asked.rate - 1.0).abs() <= NEAR;
    let row = Row::new(metric, asked.unit, rate, effort.rounds(SECONDS));
    let note = format!(
        "{:.2} s of one process that waits for each piece",
        took.as_secs_f64()
    );
    Ok(row.peer(asked.rate).holds(near).note(note))
}

/// What the kernel has counted of a process.
fn done(greedy: &Greedy, counted: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{}/io", greedy.pid()))?;
    let mut lines = text.lines().filter_map(|line| line.split_once(": "));
    let (_, count) = lines
        .find(|(name, _)| *name == counted)
        .context("a count")?;
    Ok(count.parse()?)
}
