//! `temblor plan`: what would be done, and nothing done.

use injector_core::fault::FaultSpec;
use injector_core::plan::{Capability, CapabilityState, Mechanism, Plan, plan};
use injector_core::problem::{Place, Problem, Problems};

use super::count::{self, CountArgs};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::cli::fault_args::FaultArgs;
use crate::client::{ClientError, resolve};
use crate::loader::Functions;
use crate::protocol::{Answer, Call};
use crate::safety::Protection;
use crate::target::{Gathering, Names, files_of, gather};

/// Print what `inject` would do: who, where, by which mechanism, with which warnings
///
/// With root the engine decides, exactly as it would for `inject`. Without root the same rules are
/// applied to what can be seen; whether this host can do it is then not known.
///
/// With --count the fault is put in place and decides about real events, and does nothing about them.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct PlanArgs {
    #[command(subcommand)]
    fault: FaultArgs,
    #[command(flatten)]
    count: CountArgs,
}

/// Exits well if it would be done.
pub(in crate::cli) async fn run(context: &Context, args: PlanArgs) -> Result<Exit, CliError> {
    let spec = resolve(&args.fault.spec()?).await.map_err(Problems::from)?;
    args.count.check(args.fault.count_for)?;
    if let Some(time) = args.fault.count_for {
        check_countable(&args.fault)?;
        return count::run(context, &args.count, &spec, time).await;
    }
    let plan = if nix::unistd::geteuid().is_root() {
        by_engine(context, &spec).await?
    } else {
        by_ourselves(&spec)?
    };
    context.out.result(&plan, |_style| plan.to_string())?;
    Ok(Exit::Passed)
}

/// A plan starts nothing.
fn check_countable(fault: &FaultArgs) -> Result<(), CliError> {
    if fault.command.is_empty() {
        return Ok(());
    }
    let problem = Problem::new(Place::flag("count"), "a plan does not start the command");
    let hint = "start it yourself, and name it with --target pid:N or --target cgroup:/PATH";
    Err(Problems::from(problem.hint(hint)).into())
}

async fn by_engine(context: &Context, spec: &FaultSpec) -> Result<Plan, CliError> {
    let client = context.engine().await?;
    let call = Call::Plan {
        fault: spec.kind(),
        params: spec.to_params(),
    };
    let answer = client.call(call).await;
    match answer.map_err(|error| error.about(spec))? {
        Answer::Planned { plan } => Ok(*plan),
        _ => Err(ClientError::Unexpected.into()),
    }
}

fn by_ourselves(spec: &FaultSpec) -> Result<Plan, CliError> {
    let protection = Protection::of([std::process::id().cast_signed()]);
    let gathering = Gathering {
        command: None,
        names: &Names::needed_by(&spec.target),
        protection: &protection,
        own: &[],
    };
    let mut inventory = gather(&spec.target, spec.kind(), &gathering)?;
    let assumed = Capability {
        state: CapabilityState::Supported,
        reason: String::new(),
    };
    let all = Mechanism::ALL.iter();
    inventory.capabilities = all.map(|mechanism| (*mechanism, assumed.clone())).collect();
    inventory.functions = Functions::needed_by(spec.kind(), &inventory);
    inventory.files = files_of(&spec.action, &inventory.processes);
    let mut plan = plan(&inventory, spec).map_err(|refusal| CliError::Plan {
        class: refusal.class,
        problems: refusal.at(spec).into(),
    })?;
    plan.warnings.push(
        "made without root: what this host can do and what is armed already was not looked at"
            .to_owned(),
    );
    Ok(plan)
}
