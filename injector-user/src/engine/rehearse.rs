//! Rehearsals: a fault that decides and counts without acting, and how it becomes one that acts.

use std::time::Duration;

use injector_core::fault::Action;
use injector_core::plan::Who;
use procfs::process::Process;

use super::arm::{feeling_before, window};
use super::intercept::case;
use super::running::{Client, Effect, Order, Running};
use super::state::{Engine, failed, refused, unknown};
use crate::clock::monotonic_ns;
use crate::interception::Interception;
use crate::loader::{ArmedFault, Kernel, Tally};
use crate::protocol::{Answer, Failure, FaultReport, State, Suffered};
use crate::safety::Permit;

/// How long a rehearsal that is over waits for its client to say what is to become of it.
pub(super) const GRACE: Duration = Duration::from_secs(10);

impl Engine {
    /// Makes a rehearsing fault act: its counters begin anew, and so does its time.
    pub(super) fn act(&mut self, client: Client, id: &str) -> Result<Answer, Failure> {
        let found = self.faults.get(id).ok_or_else(|| unknown(id))?;
        if !found.rehearsing || found.client != Some(client) {
            return Err(refused(
                format!("{id} is not a rehearsal of this connection"),
                Some("`temblor plan … --count TIME --arm` counts first and acts then"),
            ));
        }
        let permit = self.permit(&found.plan)?;
        let mut running = self.faults.remove(id).ok_or_else(|| unknown(id))?;
        self.silence(&running);
        let mut counted = self.report(&running);
        self.add_suffered(&running, &mut counted);
        self.drain(&running);
        let order = running.order();
        let begun = match running.effect {
            Effect::Kernel(armed) => self.act_in_kernel(&order, armed),
            Effect::Pulses(trains) => {
                drop(trains);
                self.begin_anew(&order, permit)
            }
            Effect::Signals(signals) => {
                drop(signals);
                self.begin_anew(&order, permit)
            }
            Effect::Calls(calls) => act_on_calls(&order, calls),
            Effect::Pressure(pressures) => {
                drop(pressures);
                self.begin_anew(&order, permit)
            }
        };
        // A rehearsal that cannot become real has ended: nothing of it is left.
        running.effect = begun?;
        running.rehearsing = false;
        // What it feels now is the time before, as nothing was done to it.
        running.feeling = feeling_before(&running.spec, &running.plan);
        (running.window, running.active_from_ns) = window(&running.plan, None);
        running.state = State::Pending;
        self.faults.insert(id.to_owned(), running);
        self.activate_due(monotonic_ns());
        Ok(Answer::Acting {
            counted: Box::new(counted),
        })
    }

    fn begin_anew(&mut self, order: &Order, permit: Permit) -> Result<Effect, Failure> {
        order.told_so_far_is_rehearsed();
        self.begin(order, permit)
    }

    fn act_in_kernel(
        &mut self,
        order: &Order,
        mut armed: Box<ArmedFault>,
    ) -> Result<Effect, Failure> {
        order.told_so_far_is_rehearsed();
        match self.kernel.act(&mut armed) {
            Ok(()) => Ok(Effect::Kernel(armed)),
            Err(error) => {
                self.kernel.disarm(*armed);
                Err(failed(&error))
            }
        }
    }

    /// Says where and by whom a fault was suffered, as far as its kind tells that apart.
    pub(super) fn add_suffered(&self, running: &Running, report: &mut FaultReport) {
        match &running.effect {
            Effect::Kernel(armed) => {
                let found = suffered_in_kernel(&self.kernel, running, armed);
                match found {
                    Ok(suffered) => report.suffered = suffered,
                    Err(error) => report
                        .warnings
                        .push(format!("who suffered could not be read: {error}")),
                }
            }
            Effect::Pulses(trains) => {
                let injected = trains.progress().counters.injected;
                let who = running.plan.who.iter().filter_map(name);
                report.suffered = who
                    .map(|who| Suffered {
                        who,
                        stream: None,
                        injected,
                    })
                    .collect();
            }
            // They know it all the time.
            Effect::Signals(_) | Effect::Calls(_) | Effect::Pressure(_) => {}
        }
    }
}

/// Whoever answers goes on with it.
fn act_on_calls(order: &Order, calls: Interception) -> Result<Effect, Failure> {
    order.told_so_far_is_rehearsed();
    if let Some(failing) = order.spec.action.failing() {
        calls.renew(case(order, &failing)?);
    }
    Ok(Effect::Calls(calls))
}

fn suffered_in_kernel(
    kernel: &Kernel,
    running: &Running,
    armed: &ArmedFault,
) -> Result<Vec<Suffered>, crate::loader::KernelError> {
    let Tally {
        hooks,
        thread_groups,
    } = kernel.tally(armed)?;
    if let Action::SockError(_) = running.spec.action {
        let of_process = |(tgid, stream, injected): (u32, u64, u64)| Suffered {
            who: process(running, tgid.cast_signed()),
            stream: Some(stream),
            injected,
        };
        return Ok(thread_groups.into_iter().map(of_process).collect());
    }
    let places = running.plan.hooks.iter().zip(hooks);
    let at_place = places.map(|(hook, injected)| Suffered {
        who: hook.to_string(),
        stream: None,
        injected,
    });
    Ok(at_place.collect())
}

/// A process by its name, as it is now or as it was when the fault was planned.
fn process(running: &Running, pid: i32) -> String {
    let now = Process::new(pid).and_then(|process| process.stat());
    let planned = || {
        let mut all = running.plan.who.iter();
        all.find_map(|who| match who {
            Who::Process { pid: its, comm } if *its == pid => Some(comm.clone()),
            _ => None,
        })
    };
    let comm = now.ok().map(|stat| stat.comm).or_else(planned);
    format!("{} ({pid})", comm.as_deref().unwrap_or("ended since"))
}

fn name(who: &Who) -> Option<String> {
    match who {
        Who::Process { pid, comm } => Some(format!("{comm} ({pid})")),
        Who::Interface { .. } => None,
    }
}
