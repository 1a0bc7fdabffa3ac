//! A process that a fault is done to: it carries out orders from its standard input, one line of JSON
//! each, and tells what came of them. It ends with its input, and its children with it.

mod calls;
mod catching;
mod chat;
mod content;
mod datagrams;
mod echo;
mod family;
mod kept;
mod ticking;
mod times;

use std::io::{BufRead as _, Write as _, stdin, stdout};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use temblor_tests::Actor;
use temblor_tests::order::{Doer, Order, Outcome};

use chat::Chat;
use kept::Kept;
use ticking::Ticking;

/// What a victim has by now.
#[derive(Debug, Default)]
struct State {
    child: Option<Actor>,
    ticking: Option<Ticking>,
    chat: Option<Chat>,
    kept: Option<Kept>,
}

fn main() -> Result<()> {
    let mut state = State::default();
    for line in stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?)?;
        let outcome = state.carry_out(&order).unwrap_or_else(|error| {
            let error = format!("{error:#}");
            Outcome::Failed { error }
        });
        let mut out = stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&outcome)?)?;
        out.flush()?;
    }
    Ok(())
}

impl State {
    fn carry_out(&mut self, order: &Order) -> Result<Outcome> {
        match order {
            Order::Tick => {
                self.ticking = Some(Ticking::start()?);
                Ok(Outcome::Done)
            }
            Order::Chat { to } => {
                let at = self.chat.insert(Chat::start(*to)?).own_address();
                Ok(Outcome::Listening { at })
            }
            Order::Chatted => {
                let chat = self.chat.as_ref().context("it does not chat")?;
                let exchanges = chat.exchanges();
                Ok(Outcome::Chatted { exchanges })
            }
            Order::Hold(hold) => {
                self.kept = Some(Kept::open(hold)?);
                Ok(Outcome::Done)
            }
            Order::Ask { count, patience_ms } => {
                let kept = self.kept.as_ref().context("it keeps no socket")?;
                kept.ask(*count, *patience_ms)
            }
            Order::Take { path } => {
                self.kept = Some(Kept::take(path)?);
                Ok(Outcome::Done)
            }
            Order::Give { path, keep } => {
                let kept = self.kept.take().context("it keeps no socket")?;
                kept.give(path)?;
                self.kept = keep.then_some(kept);
                Ok(Outcome::Done)
            }
            Order::Pauses { longer_than_ms } => {
                let ticking = self.ticking.as_ref().context("it does not tick")?;
                let milliseconds = ticking.pauses(*longer_than_ms);
                Ok(Outcome::Pauses { milliseconds })
            }
            Order::Bear => {
                let child = self.child.insert(Actor::start()?);
                let pid = child.pid();
                Ok(Outcome::Born { pid })
            }
            Order::By { doer, order } => self.delegate(*doer, order),
            order => alone(order),
        }
    }

    fn delegate(&mut self, doer: Doer, order: &Order) -> Result<Outcome> {
        match doer {
            Doer::Thread => thread::scope(|scope| scope.spawn(|| alone(order)).join())
                .map_err(|_panic| anyhow!("the thread panicked"))?,
            Doer::Child => match &mut self.child {
                Some(child) => child.order(order),
                none => none.insert(Actor::start()?).order(order),
            },
            Doer::NewChild => Actor::start()?.order(order),
        }
    }
}

/// Carries out what needs nothing but the order.
fn alone(order: &Order) -> Result<Outcome> {
    match order {
        Order::EchoUdp { at } => echo::udp(*at),
        Order::EchoTcp { at } => echo::tcp(*at),
        Order::Datagrams(order) => datagrams::send(order),
        Order::UdpTimes(order) => times::udp(order),
        Order::TcpTimes(order) => times::tcp(order),
        Order::Bulk { to, bytes } => content::bulk(*to, *bytes),
        Order::Calls(order) => Ok(calls::make(order)),
        Order::Catch { number, file } => {
            catching::catch(*number, file)?;
            Ok(Outcome::Done)
        }
        Order::Chat { .. }
        | Order::Chatted
        | Order::Hold(_)
        | Order::Ask { .. }
        | Order::Take { .. }
        | Order::Give { .. }
        | Order::Tick
        | Order::Pauses { .. }
        | Order::Bear
        | Order::By { .. } => Err(anyhow!("somebody else cannot do {order:?}")),
    }
}
