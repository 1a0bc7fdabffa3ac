//! Counts how often a fault would act, with everything in place and nothing done; then lets it act.

use std::time::Duration;

use clap::Arg;
use injector_core::fault::{FaultSpec, Kind, schema};
use injector_core::plan::Plan;
use injector_core::units::{format_duration, parse_duration};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::announce::Announcer;
use crate::cli::announce::{self, AnnounceArgs};
use crate::cli::context::Context;
use crate::cli::events::{self, EventsArg};
use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::cli::inject::{Watch, verdict};
use crate::cli::interrupts::Interrupts;
use crate::cli::report;
use crate::client::{Client, ClientError, EventFile, connection_of_caller};
use crate::clock::monotonic_ns;
use crate::protocol::{Answer, Arm, Call, FaultReport, Which};

/// Between two looks at the counters.
const LOOK: Duration = Duration::from_millis(100);

const LONGEST: Duration = Duration::from_hours(1);

/// What is to be counted, and what then.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CountArgs {
    /// Let the fault act when that is over, with the same seed, for its whole duration
    #[arg(long, global = true, help_heading = "This command")]
    arm: bool,
    #[command(flatten)]
    events: EventsArg,
    #[command(flatten)]
    announce: AnnounceArgs,
}

/// What programs read.
#[derive(Serialize)]
struct Counted<'a> {
    plan: &'a Plan,
    /// What it would have done.
    #[serde(rename = "counted")]
    would: &'a FaultReport,
    /// What it did then.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a FaultReport>,
}

/// A fault that is being counted.
struct Rehearsal {
    client: Client,
    id: String,
    plan: Box<Plan>,
}

/// How the counting ended.
enum Next {
    Over,
    Interrupted,
}

impl CountArgs {
    /// An error if something is asked for that needs a time to count for.
    pub(super) fn check(&self, time: Option<Duration>) -> Result<(), CliError> {
        if time.is_none() && (self.arm || self.events.is_given()) {
            return Err(CliError::Usage {
                message: "--arm and --events need --count".to_owned(),
                hint: "`temblor inject` acts at once".to_owned(),
            });
        }
        if self.announce.is_given() && !self.arm {
            return Err(CliError::Usage {
                message: "--grafana and --otlp need --arm".to_owned(),
                hint: "what is only counted is not announced".to_owned(),
            });
        }
        Ok(())
    }
}

/// Exits well if it was counted, and if the fault then did what it was to do.
pub(super) async fn run(
    context: &Context,
    args: &CountArgs,
    spec: &FaultSpec,
    time: Duration,
) -> Result<Exit, CliError> {
    let mut interrupts = Interrupts::catch()?;
    let events = args.events.create(context.out)?;
    let destinations = if args.arm {
        args.announce.destinations()?
    } else {
        Vec::new()
    };
    let rehearsal = rehearse(context, spec, time, events.as_ref()).await?;
    if !context.out.json {
        context.out.say(&rehearsal.plan.to_string())?;
    }
    let announcer = announce::start(context.out, destinations);
    let next = rehearsal.watch(context, &mut interrupts).await?;
    let exit = match next {
        Next::Over if args.arm => {
            rehearsal
                .act(context, interrupts, announcer.as_ref())
                .await?
        }
        Next::Over | Next::Interrupted => {
            let counted = rehearsal.stop().await?;
            rehearsal.say(context, &counted, None)?;
            match next {
                Next::Over => Exit::Passed,
                Next::Interrupted => Exit::Failed,
            }
        }
    };
    let logged = events::finished(events.as_ref()).await;
    Ok(events::concluded(context.out, logged, exit))
}

async fn rehearse(
    context: &Context,
    spec: &FaultSpec,
    time: Duration,
    events: Option<&EventFile>,
) -> Result<Rehearsal, CliError> {
    let client = context.engine().await?;
    let arm = Arm {
        fault: spec.kind(),
        params: spec.to_params(),
        name: None,
        detached: false,
        ssh_connection: connection_of_caller(),
        rehearse_ms: Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        follow: events.is_some(),
    };
    let answer = client.call(Call::Arm(arm)).await;
    let Answer::Armed { fault, plan, .. } = answer.map_err(|error| error.about(spec))? else {
        return Err(ClientError::Unexpected.into());
    };
    if let Some(events) = events {
        events.follow(&client, &fault, None);
    }
    Ok(Rehearsal {
        client,
        id: fault,
        plan,
    })
}

impl Rehearsal {
    /// Shows the counters until the time is over.
    async fn watch(
        &self,
        context: &Context,
        interrupts: &mut Interrupts,
    ) -> Result<Next, CliError> {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let next = loop {
            tokio::select! {
                () = interrupts.next() => break Next::Interrupted,
                _ = looks.tick() => {}
            }
            let fault = self.id.clone();
            let Answer::Snapshot { fault: counted } =
                self.client.call(Call::Snapshot { fault }).await?
            else {
                return Err(ClientError::Unexpected.into());
            };
            let now_ns = monotonic_ns();
            if now_ns >= counted.window.deadline_ns {
                break Next::Over;
            }
            context.out.refresh(&report::live(&counted, now_ns));
        };
        context.out.clear();
        Ok(next)
    }

    /// Takes it out.
    async fn stop(&self) -> Result<FaultReport, CliError> {
        let which = Which::Fault(self.id.clone());
        match self.client.call(Call::Stop { which }).await? {
            Answer::Stopped { mut faults } => Ok(faults.pop().ok_or(ClientError::Unexpected)?),
            _ => Err(ClientError::Unexpected.into()),
        }
    }

    /// Lets it act, and waits for its end.
    async fn act(
        &self,
        context: &Context,
        interrupts: Interrupts,
        announcer: Option<&Announcer>,
    ) -> Result<Exit, CliError> {
        let fault = self.id.clone();
        let Answer::Acting { counted } = self.client.call(Call::Act { fault }).await? else {
            return Err(ClientError::Unexpected.into());
        };
        let lasts = format_duration(Duration::from_nanos(self.plan.duration_ns));
        context
            .out
            .note(&format!("{} acts now, for {lasts}", self.id));
        if let Some(announcer) = announcer {
            announcer.follow(&self.client, &self.id);
        }
        let exit = self.until_the_end(context, interrupts, &counted).await;
        announce::conclude(context.out, announcer, &exit).await;
        // Interrupted twice: the connection closes with us, and the fault ends with it.
        Ok(exit?.unwrap_or(Exit::Failed))
    }

    /// Watches it while it acts, and says what it did; nothing if the user could not wait.
    async fn until_the_end(
        &self,
        context: &Context,
        interrupts: Interrupts,
        counted: &FaultReport,
    ) -> Result<Option<Exit>, CliError> {
        let watch = Watch {
            out: context.out,
            client: &self.client,
            id: &self.id,
            interrupts,
            asked: false,
            shown: false,
        };
        let Some(watched) = watch.until_the_end(None).await? else {
            return Ok(None);
        };
        self.say(context, counted, Some(&watched.report))?;
        Ok(Some(verdict(context.out, &watched.report, false)))
    }

    fn say(
        &self,
        context: &Context,
        counted: &FaultReport,
        acted: Option<&FaultReport>,
    ) -> Result<(), CliError> {
        let result = Counted {
            plan: &self.plan,
            would: counted,
            report: acted,
        };
        context.out.result(&result, |style| {
            let reports = [Some(counted), acted].into_iter().flatten();
            let texts: Vec<String> = reports.map(|one| report::report(one, style)).collect();
            texts.join("\n")
        })
    }
}

/// The flag for how long to count. A fault that has a `count` of its own keeps that name.
pub(in crate::cli) fn arg(kind: Kind) -> Arg {
    let own = schema::params(kind).any(|param| param.name == "count");
    let arg = Arg::new(COUNT_FOR)
        .value_name("TIME")
        .value_parser(time)
        .help_heading("This command")
        .help("Count for so long who would suffer how often, with everything in place and nothing done");
    if own {
        arg.long("count-for")
    } else {
        arg.long("count").visible_alias("count-for")
    }
}

/// What the flag is known by.
pub(in crate::cli) const COUNT_FOR: &str = "count_for";

fn time(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(time) if (LOOK..=LONGEST).contains(&time) => Ok(time),
        Ok(_) => Err("between 100ms and 1h".to_owned()),
        Err(invalid) => Err(format!("{}; {}", invalid.message, invalid.hint)),
    }
}
