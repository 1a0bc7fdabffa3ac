//! Nobody is locked out: what keeps a host reachable passes, whatever the filters say.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::{Answer, Arm, Call};
use temblor_tests::order::{Order, Outcome};
use temblor_tests::{Actor, params, tool, wait_until};

use super::stage::{DEADLINE, Stage};

fn exchanges(actor: &mut Actor) -> Result<u64> {
    match actor.order(&Order::Chatted)? {
        Outcome::Chatted { exchanges } => Ok(exchanges),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn the_callers_own_connection_survives_unless_it_says_otherwise() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut sshd = Actor::start_in(&stage.world.host.netns)?;
    for ip in stage.world.host.addresses() {
        for allow in ["false", "true"] {
            let to = sshd.echo(SocketAddr::new(ip, 0))?;
            let Outcome::Listening { at } = stage.client.order(&Order::Chat { to })? else {
                panic!("it talks");
            };
            let (peer, port) = (at.ip().to_string(), to.port());
            let call = Call::Arm(Arm {
                fault: Kind::NetLoss,
                params: params([
                    ("target", "iface:eth0"),
                    ("peers", &*peer),
                    ("duration", "60s"),
                    ("direction", "both"),
                    ("allow_lockout", allow),
                ]),
                name: None,
                detached: false,
                ssh_connection: Some(format!("{peer} {} {ip} {port}", at.port())),
                rehearse_ms: None,
                follow: false,
            });
            let mut engine = stage.engine.client()?;
            let armed = engine.call(call)?;
            let Ok(Answer::Armed { fault, .. }) = armed else {
                panic!("{armed:?}");
            };
            // Another connection between the same two hosts is lost in any case.
            let lost = stage.client.udp_times_within(to, 1, 200)?;
            assert_eq!(lost, [None]);
            let before = exchanges(&mut stage.client)?;
            if allow == "false" {
                wait_until("the caller goes on", DEADLINE, || {
                    exchanges(&mut stage.client).is_ok_and(|now| now > before + 20)
                })?;
            } else {
                // As long as 20 exchanges take otherwise.
                stage.client.udp_times_within(to, 1, 400)?;
                let after = exchanges(&mut stage.client)?;
                assert!(after <= before + 1, "{before} and then {after}");
            }
            let stopped = engine.stop(injector_user::protocol::Which::Fault(fault))?;
            assert_eq!(stopped.len(), 1);
        }
    }
    drop(sshd);
    stage.close()
}

#[test]
fn neighbours_are_found_while_everything_else_is_lost() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let netns = stage.world.client.netns.name();
    let given = params([
        ("target", &*stage.client_netns()),
        ("duration", "60s"),
        ("direction", "both"),
    ]);
    let armed = client.arm(Kind::NetLoss, &given)?;
    for to in stage.echoes {
        let ip = to.ip().to_string();
        tool("ip", &["-n", netns, "neigh", "flush", "all"])?;
        assert_eq!(stage.client.datagrams(to, 1)?.0, Vec::<u32>::new());
        wait_until("the neighbour is known", DEADLINE, || {
            let known = tool("ip", &["-n", netns, "neigh", "show", "to", &ip]);
            known.is_ok_and(|known| known.contains("lladdr"))
        })
        .context(ip)?;
    }
    client.stop_one(&armed)?;
    stage.close()
}

#[test]
fn a_protected_process_keeps_its_connections_and_others_do_not() -> Result<()> {
    let stage = Stage::set()?;
    let host = &stage.world.host.netns;
    let (mut protected, mut local) = (Actor::start_as("kubelet", host)?, Actor::start_in(host)?);
    let mut client = stage.engine.client()?;
    for to in stage.echoes {
        let peer = to.ip().to_string();
        protected.order(&Order::Chat { to })?;
        assert_eq!(local.datagrams(to, 2)?.0.len(), 2);
        let given = params([
            ("target", "iface:eth0"),
            ("peers", &*peer),
            ("duration", "60s"),
            ("direction", "both"),
        ]);
        let armed = client.arm(Kind::NetLoss, &given)?;
        let before = exchanges(&mut protected)?;
        assert_eq!(local.datagrams(to, 2)?.0, Vec::<u32>::new());
        wait_until("the protected one goes on", DEADLINE, || {
            exchanges(&mut protected).is_ok_and(|now| now > before + 20)
        })?;
        let report = client.stop_one(&armed)?;
        assert!(report.counters.injected >= 2, "{report:?}");
    }
    drop((protected, local));
    stage.close()
}
