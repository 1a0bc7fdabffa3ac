//! Keys and news in, a screen out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use injector_core::problem::Invalid;
use injector_core::target::Selector;
use injector_core::telemetry::Signal;
use injector_core::units::parse_duration;
use ratatui::crossterm::event::{Event, KeyEventKind};
use tokio::sync::{Notify, mpsc};

use super::draw::{Paint, draw};
use super::feed::{Feed, QUEUE};
use super::model::{Model, Wish};
use super::terminal::{Screen, events};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::cli::interrupts::Interrupts;
use crate::cli::observe;
use crate::observer::Wanted;

/// So many of the busiest cgroups if nobody is named.
const BUSIEST: usize = 10;
/// Between two looks.
const INTERVALS: [Duration; 2] = [Duration::from_millis(100), Duration::from_mins(1)];

/// Show what targets feel live on the terminal: rates, latencies, edges and active faults
///
/// Nothing is injected and no target is touched. Keys are shown at the bottom; ? explains them and the
/// columns. Figures are of the time between two looks. If the engine goes, the screen says so, and another
/// one is found when there is one.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct TopArgs {
    /// Whom to observe, as for `observe`; without any, host and the 10 busiest cgroups
    #[arg(value_name = "TARGET")]
    targets: Vec<Selector>,
    /// What to look at; all that there is if not given
    #[arg(short, long, value_name = "SIGNAL", value_delimiter = ',')]
    signals: Vec<Signal>,
    /// Also so many of the busiest cgroups, each for itself
    #[arg(long, value_name = "NUMBER")]
    top: Option<usize>,
    /// Time between two looks, 100ms to 1m
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    interval: Duration,
}

const EXAMPLES: &str = "Examples:
  # The host and its busiest cgroups
  sudo temblor top
  # Two services
  sudo temblor top unit:nginx unit:redis-server
  # Only what costs little to look at
  sudo temblor top --signals tcp,udp,life";

fn interval(text: &str) -> Result<Duration, Invalid> {
    let interval = parse_duration(text)?;
    let [least, most] = INTERVALS;
    if (least..=most).contains(&interval) {
        Ok(interval)
    } else {
        Err(Invalid::saying(format!("{text} is not from 100ms to 1m")).hint("for example 1s"))
    }
}

/// Exits well when the user has seen enough.
pub(in crate::cli) async fn run(context: &Context, args: TopArgs) -> Result<Exit, CliError> {
    if context.out.json {
        return Err(CliError::NoTerminal);
    }
    let mut interrupts = Interrupts::catch()?;
    let mut screen = Screen::take()?;
    let client = context.engine().await?;
    let wanted = wanted(&args);
    observe::observe(&client, wanted.clone()).await?;
    let (send, mut news) = mpsc::channel(QUEUE);
    let start = Arc::new(Notify::new());
    let feed = Feed {
        run_dir: context.run_dir().to_owned(),
        wanted,
        interval: args.interval,
        news: send,
        start: Arc::clone(&start),
    };
    tokio::spawn(feed.run(client));
    let (mut events, mut model) = (events(), Model::new());
    let paint = Paint::of(context.out.style);
    loop {
        screen.draw(|frame| draw(frame, &model, paint))?;
        tokio::select! {
            () = interrupts.next() => return Ok(Exit::Passed),
            event = events.recv() => match wish(&mut model, event)? {
                Wish::Nothing => {}
                Wish::Start => start.notify_one(),
                Wish::Quit => return Ok(Exit::Passed),
            },
            Some(news) = news.recv() => model.hear(news),
        }
    }
}

fn wish(model: &mut Model, event: Option<io::Result<Event>>) -> Result<Wish, CliError> {
    let gone = || Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    match event.unwrap_or_else(gone).map_err(CliError::Terminal)? {
        Event::Key(key) if key.kind != KeyEventKind::Release => Ok(model.press(key)),
        // Whatever it is, such as another size, the screen is drawn anew.
        _ => Ok(Wish::Nothing),
    }
}

fn wanted(args: &TopArgs) -> Wanted {
    let nobody = args.targets.is_empty() && args.top.is_none();
    let host = nobody.then_some(Selector::Host);
    let busiest = if nobody { BUSIEST } else { 0 };
    let signals = if args.signals.is_empty() {
        Signal::ALL
    } else {
        &args.signals
    };
    Wanted {
        targets: args.targets.iter().cloned().chain(host).collect(),
        signals: signals.iter().copied().collect(),
        top: args.top.unwrap_or(busiest),
    }
}
