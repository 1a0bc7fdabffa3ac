//! From a request to an armed fault: read, look, plan, permit, and only then touch the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use injector_abi::net::Exempt;
use injector_core::fault::{self, Action, FaultSpec, Given, Kind};
use injector_core::plan::{self, Hook, Plan, Refusal};

use super::connections;
use super::events::Log;
use super::explain;
use super::felt::Feeling;
use super::follow::Following;
use super::house::nanos;
use super::intercept::{begin, is_intercepted};
use super::running::{Client, Effect, Order, Running};
use super::state::{Engine, failed, refused};
use crate::clock::{monotonic_ns, unix_ms};
use crate::loader::Arming;
use crate::protocol::{Answer, Arm, Class, Failure, State, Window};
use crate::safety::{Permit, permit};
use crate::target;

impl Engine {
    /// Decides what would be done, without doing it.
    pub(super) fn plan(
        &mut self,
        client: Client,
        kind: Kind,
        params: &BTreeMap<String, String>,
    ) -> Result<(FaultSpec, Plan), Failure> {
        let given = params
            .iter()
            .map(|(name, text)| (name.clone(), Given::flag(name, text)))
            .collect();
        let mut spec = fault::parse(kind, &given).map_err(|problems| Failure {
            class: Class::Input,
            problems: problems.0,
        })?;
        if spec.common.effective_choice().is_drawn() {
            // The plan depends on it, so it is drawn first and shown.
            spec.common.seed.get_or_insert_with(rand::random);
        }
        let plan = self.settled_plan(client, &spec)?;
        Ok((spec, plan))
    }

    /// Arms a fault for `client`.
    pub(super) fn arm(&mut self, client: Client, arm: Arm) -> Result<Answer, Failure> {
        let (spec, plan) = self.plan(client, arm.fault, &arm.params)?;
        let permit = self.permit(&plan)?;
        let id = self.next_id(arm.fault);
        let seed = spec.common.seed.unwrap_or_else(rand::random);
        self.renew_lease(monotonic_ns());
        let feeling = feeling_before(&spec, &plan);
        let following = Following::begin(&spec, &plan);
        let exempt = self.exempt(&spec, &plan, arm.ssh_connection.as_deref())?;
        let order = Order {
            id: id.clone(),
            spec,
            plan,
            seed,
            rehearsal: arm.rehearse_ms.map(Duration::from_millis),
            log: arm.follow.then(|| Log::new(arm.rehearse_ms.is_some())),
        };
        let effect = self.effect(&order, &exempt, permit)?;
        let Order {
            id: _,
            spec,
            plan,
            seed,
            rehearsal,
            log,
        } = order;
        // Only now: attaching takes its time, which is not the fault's.
        let (window, active_from_ns) = window(&plan, rehearsal);
        let running = Running {
            id: id.clone(),
            name: arm.name,
            client: (!arm.detached).then_some(client),
            warnings: plan.warnings.clone(),
            state: State::Pending,
            spec,
            plan: plan.clone(),
            seed,
            window,
            active_from_ns,
            spent_ns: None,
            effect,
            feeling,
            ssh_connection: arm.ssh_connection,
            following,
            strangers: BTreeSet::new(),
            exempt,
            connections_reset: None,
            rehearsing: rehearsal.is_some(),
            log,
        };
        self.faults.insert(id.clone(), running);
        self.activate_due(monotonic_ns());
        Ok(Answer::Armed {
            fault: id,
            seed,
            plan: Box::new(plan),
        })
    }

    /// Puts in place what will make it happen.
    fn effect(
        &mut self,
        order: &Order,
        exempt: &[Exempt],
        permit: Permit,
    ) -> Result<Effect, Failure> {
        let arming = Arming {
            plan: &order.plan,
            spec: &order.spec,
            seed: order.seed,
            exempt,
            rehearsing: order.rehearsal.is_some(),
            followed: order.log.is_some(),
        };
        match &order.spec.action {
            Action::ProcessFreeze(_)
            | Action::ProcessSignal(_)
            | Action::Limit(_)
            | Action::Pressure(_) => self.begin(order, permit),
            _calls if is_intercepted(&order.plan) => begin(order).map(Effect::Calls),
            _in_the_kernel => {
                self.guard_everybody(&order.plan)?;
                self.attach(&arming, &permit)
            }
        }
    }

    /// Begins what is done outside the kernel.
    pub(super) fn begin(&mut self, order: &Order, permit: Permit) -> Result<Effect, Failure> {
        match &order.spec.action {
            Action::ProcessFreeze(_) | Action::Limit(_) => self.pulse(order, permit),
            Action::ProcessSignal(volleys) => self.signal(order, volleys, permit),
            Action::Pressure(_) => self.press(order, &permit),
            _in_the_kernel => Err(refused(
                format!("{} is done in the kernel", order.plan.kind),
                Some("this is a bug: please report it"),
            )),
        }
    }

    pub(super) fn permit(&self, plan: &Plan) -> Result<Permit, Failure> {
        permit(plan, &self.protection).map_err(|refusal| refused(refusal.to_string(), None))
    }

    fn attach(&mut self, arming: &Arming<'_>, permit: &Permit) -> Result<Effect, Failure> {
        let armed = self
            .kernel
            .arm(arming, permit)
            .map_err(|error| explain::not_armed(&error))?;
        // Children born between the snapshot and the start of tracking have parents that are known.
        let late = target::with_descendants(&arming.plan.select.thread_groups);
        let marked = self.kernel.mark(&armed, &late);
        if let Err(error) = marked.and_then(|()| self.kernel.mark_sockets(&armed)) {
            self.kernel.disarm(armed);
            return Err(failed(&error));
        }
        Ok(Effect::Kernel(Box::new(armed)))
    }

    /// Makes faults act whose delay is over.
    pub(super) fn activate_due(&mut self, now_ns: u64) {
        for running in self.faults.values_mut() {
            if running.state != State::Pending || running.active_from_ns > now_ns {
                continue;
            }
            connections::name_open(&mut self.kernel, running);
            if let Effect::Kernel(armed) = &running.effect
                && let Err(error) = self.kernel.activate(armed, running.window.deadline_ns)
            {
                running
                    .warnings
                    .push(format!("could not be made to act: {error}"));
            }
            match &running.effect {
                Effect::Calls(calls) => calls.activate(running.window.deadline_ns),
                Effect::Pressure(pressures) => pressures.act(running.window.deadline_ns),
                Effect::Kernel(_) | Effect::Pulses(_) | Effect::Signals(_) => {}
            }
            if !running.rehearsing {
                connections::reset_open(running);
            }
            running.state = State::Active;
        }
    }
}

/// What is refused, said of the fault.
pub(super) fn refusal(refusal: Refusal, spec: &FaultSpec) -> Failure {
    let class = match refusal.class {
        plan::RefusalClass::Input => Class::Input,
        plan::RefusalClass::Refused => Class::Refused,
    };
    Failure {
        class,
        problems: vec![refusal.at(spec)],
    }
}

/// When the fault is armed and has to end, and from when on it acts. A rehearsal begins at once.
pub(super) fn window(plan: &Plan, rehearsal: Option<Duration>) -> (Window, u64) {
    let armed_ns = monotonic_ns();
    let (delay_ns, duration_ns) = match rehearsal {
        Some(lasts) => (0, nanos(lasts)),
        None => (plan.delay_ns, plan.duration_ns),
    };
    let active_from_ns = armed_ns.saturating_add(delay_ns);
    let window = Window {
        armed_unix_ms: unix_ms(),
        armed_ns,
        deadline_ns: active_from_ns.saturating_add(duration_ns),
        ..Window::default()
    };
    (window, active_from_ns)
}

/// What the target feels before a fault whose effect it can measure.
pub(super) fn feeling_before(spec: &FaultSpec, plan: &Plan) -> Option<Feeling> {
    match &spec.action {
        Action::NetDelay(delay) => Some(Feeling::before(plan, delay)),
        _without_a_measure => None,
    }
}

/// The network namespaces that a plan touches: (path, inode).
pub(super) fn namespaces(plan: &Plan) -> BTreeMap<u64, String> {
    plan.hooks
        .iter()
        .filter_map(|hook| match hook {
            Hook::Tcx {
                netns, netns_inode, ..
            } => Some((*netns_inode, netns.clone())),
            Hook::Cgroup { .. }
            | Hook::Sockets { .. }
            | Hook::Freezer { .. }
            | Hook::Members { .. }
            | Hook::Family { .. }
            | Hook::Function { .. }
            | Hook::Instructions { .. }
            | Hook::Exit { .. }
            | Hook::Filter { .. }
            | Hook::Workers { .. }
            | Hook::Setting { .. } => None,
        })
        .collect()
}
