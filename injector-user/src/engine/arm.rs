//! From a request to an armed fault: read, look, plan, permit, and only then touch the kernel.

use std::collections::BTreeMap;

use injector_core::fault::{self, Action, FaultSpec, Given, Kind};
use injector_core::plan::{self, Hook, Plan, Refusal};

use super::connections;
use super::felt::Feeling;
use super::follow::Following;
use super::running::{Client, Effect, Running};
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
        let inventory = self.inventory(client, &spec)?;
        let plan = plan::plan(&inventory, &spec).map_err(|refused| refusal(refused, &spec))?;
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
        let effect = match &spec.action {
            Action::ProcessFreeze(freeze) => self.freeze(&id, &spec, &plan, freeze, seed)?,
            _in_the_kernel => {
                let arming = Arming {
                    plan: &plan,
                    spec: &spec,
                    seed,
                    exempt: &exempt,
                };
                self.attach(&arming, &permit)?
            }
        };
        // Only now: attaching takes its time, which is not the fault's.
        let (window, active_from_ns) = window_from_now(&plan);
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
            exempt,
            connections_reset: None,
        };
        self.faults.insert(id.clone(), running);
        self.activate_due(monotonic_ns());
        Ok(Answer::Armed {
            fault: id,
            seed,
            plan: Box::new(plan),
        })
    }

    pub(super) fn permit(&self, plan: &Plan) -> Result<Permit, Failure> {
        permit(plan, &self.protection).map_err(|refusal| refused(refusal.to_string(), None))
    }

    fn attach(&mut self, arming: &Arming<'_>, permit: &Permit) -> Result<Effect, Failure> {
        let armed = self
            .kernel
            .arm(arming, permit)
            .map_err(|error| failed(&error))?;
        // Children born between the snapshot and the start of tracking have parents that are known.
        let late = target::with_descendants(&arming.plan.select.thread_groups);
        if let Err(error) = self.kernel.mark(&armed, &late) {
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
            connections::reset_open(running);
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

/// When the fault is armed and has to end, and from when on it acts.
fn window_from_now(plan: &Plan) -> (Window, u64) {
    let armed_ns = monotonic_ns();
    let active_from_ns = armed_ns.saturating_add(plan.delay_ns);
    let window = Window {
        armed_unix_ms: unix_ms(),
        armed_ns,
        deadline_ns: active_from_ns.saturating_add(plan.duration_ns),
        ..Window::default()
    };
    (window, active_from_ns)
}

/// What the target feels before a fault whose effect it can measure.
fn feeling_before(spec: &FaultSpec, plan: &Plan) -> Option<Feeling> {
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
            Hook::Cgroup { .. } | Hook::CgroupSkbIngress { .. } | Hook::Freezer { .. } => None,
        })
        .collect()
}
