//! The first process of a guest: makes it look like a host, runs what it was ordered to, and
//! switches it off.
//!
//! What it says begins with `temblor-guest: `, one thing a line, on the port that its orders name;
//! everything else there was said by what it ran. It must never end: a guest without its first
//! process panics, which is also what becomes of one whose orders cannot be followed.

mod modules;
mod mounts;
mod order;
mod say;
mod steps;
mod surroundings;

use anyhow::Result;
use nix::sys::reboot::{RebootMode, reboot};

use crate::order::Order;
use crate::say::Said;

fn main() -> Result<()> {
    mounts::devices()?;
    let order = Order::read()?;
    let said = Said::to(&order.port)?;
    if let Err(error) = live(&order, &said) {
        said.line(&format!("broke {error:#}"))?;
    }
    said.line("end")?;
    nix::unistd::sync();
    reboot(RebootMode::RB_POWER_OFF)?;
    Ok(())
}

fn live(order: &Order, said: &Said) -> Result<()> {
    modules::load(&order.modules, said)?;
    mounts::rest(order.cgroups, said)?;
    if order.disk {
        mounts::disk(said)?;
    }
    surroundings::make()?;
    steps::run(order, said)
}
