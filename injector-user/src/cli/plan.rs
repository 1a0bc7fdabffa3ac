//! `temblor plan`: what would be done, and nothing done.

use injector_core::fault::FaultSpec;
use injector_core::plan::{Capability, CapabilityState, Mechanism, Plan, plan};

use super::context::Context;
use super::exit::Exit;
use super::failure::CliError;
use super::fault_args::FaultArgs;
use crate::client::ClientError;
use crate::protocol::{Answer, Call};
use crate::safety::Protection;
use crate::target::{Gathering, Names, gather};

/// Print what `inject` would do: who, where, by which mechanism, with which warnings
///
/// With root the engine decides, exactly as it would for `inject`. Without root the same rules are
/// applied to what can be seen; whether this host can do it is then not known.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PlanArgs {
    #[command(subcommand)]
    fault: FaultArgs,
}

/// Exits well if it would be done.
pub(super) async fn run(context: &Context, args: PlanArgs) -> Result<Exit, CliError> {
    let spec = args.fault.spec()?;
    let plan = if nix::unistd::geteuid().is_root() {
        by_engine(context, &spec).await?
    } else {
        by_ourselves(&spec)?
    };
    context.out.result(&plan, |_style| plan.to_string())?;
    Ok(Exit::Passed)
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
