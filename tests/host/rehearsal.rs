//! A rehearsal of every fault of packets but loss and delay: nothing happens to anybody and what
//! would is counted; then it acts.

use std::net::SocketAddr;

use anyhow::Result;
use injector_core::fault::Kind;
use injector_user::protocol::Which;
use temblor_tests::order::{Datagrams, SocketCall};
use temblor_tests::{Actor, Armed, Arrival, Client, finish, params, wait_until};

use super::feel::{PROBES, REFUSED, suffers};
use super::stage::{DEADLINE, Stage};

const LONG_MS: u64 = 60_000;

/// How long an answer may take that is expected.
const PATIENCE_MS: u64 = 20_000;

const UDP: (&str, &str) = ("protocol", "udp");
const OUT: (&str, &str) = ("direction", "out");

/// Kinds and parameters, with which each datagram of the target is a would-be hit.
const OF_DATAGRAMS: [(Kind, &[(&str, &str)]); 6] = [
    (Kind::NetDuplicate, &[UDP]),
    (Kind::NetCorrupt, &[UDP, ("bits", "3")]),
    (Kind::NetCorrupt, &[UDP, ("bits", "3"), ("how", "silent")]),
    (Kind::NetRate, &[UDP, ("rate", "8kbit"), ("burst", "1514b")]),
    (Kind::NetPartition, &[UDP, OUT]),
    (Kind::NetPartition, &[UDP, OUT, ("how", "reject")]),
];

/// Lets the fault decide about the client's packets, and do nothing.
fn rehearse(
    client: &mut Client,
    stage: &Stage,
    kind: Kind,
    more: &[(&str, &str)],
) -> Result<Armed> {
    client.rehearse(kind, &given(stage, more), LONG_MS)
}

fn given(stage: &Stage, more: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    let target = stage.client_netns();
    let basic = [("target", &*target), ("duration", "60s")];
    params(basic.into_iter().chain(more.to_vec()))
}

/// Datagrams each way a test has of looking at them: complete, once, sound, and as fast as the worst
/// rate would not have it. Returns how many the client has sent.
fn check_untouched(stage: &mut Stage, family: usize) -> Result<u64> {
    let to = stage.echoes[family];
    let flood = Datagrams {
        to,
        count: PROBES,
        size: 1000,
        from_port: 0,
    };
    let all: Vec<u32> = (0..PROBES).collect();
    assert_eq!(stage.client.datagrams_as(&flood)?, (all, vec![]));
    assert_eq!(stage.client.repeated(to, PROBES)?, 0);
    let times = stage.client.udp_times(to, 5)?;
    assert!(times.iter().all(Option::is_some), "{times:?}");
    let sound = |number| Arrival { number, flipped: 0 };
    let sound: Vec<Arrival> = (0..PROBES).map(sound).collect();
    assert_eq!(stage.flow(family)?.send(PROBES, 333)?, sound);
    Ok(3 * u64::from(PROBES) + 5)
}

/// Whether all that the client sends is hit, or nothing of it.
fn is_hit(stage: &mut Stage, kind: Kind, more: &[(&str, &str)], family: usize) -> Result<bool> {
    if more.contains(&("how", "silent")) {
        let arrived = stage.flow(family)?.send(PROBES, 333)?;
        let flipped = arrived.iter().filter(|one| one.flipped > 0).count();
        assert_eq!(arrived.len(), PROBES as usize);
        assert!([0, PROBES as usize].contains(&flipped), "{arrived:?}");
        return Ok(flipped > 0);
    }
    suffers(&mut stage.client, kind, stage.echoes[family])
}

/// Whether the connection that is kept answers, and new ones are made.
fn connects(actor: &mut Actor, to: SocketAddr) -> Result<bool> {
    let answers = actor.ask(3, PATIENCE_MS)?;
    let errnos = actor.calls(SocketCall::Connect, to, 3)?;
    Ok(answers.iter().all(Option::is_some) && errnos == [0; 3])
}

#[test]
fn nobody_feels_a_rehearsal_and_each_would_be_hit_is_counted() -> Result<()> {
    let mut stage = Stage::set()?;
    for (kind, more) in OF_DATAGRAMS {
        for family in [0, 1] {
            let to = stage.echoes[family];
            stage.client.hold(to, true)?;
            let mut client = stage.engine.client()?;
            let armed = rehearse(&mut client, &stage, kind, more)?;
            let sent = check_untouched(&mut stage, family)?;
            assert!(connects(&mut stage.client, to)?, "{kind} {more:?}");
            let counted = client.act(&armed)?;
            let counters = &counted.counters;
            assert_eq!(
                (counters.matched, counters.eligible, counters.injected),
                (sent, sent, sent),
                "{kind} {more:?} {family}"
            );
            let suffered: u64 = counted.suffered.iter().map(|one| one.injected).sum();
            assert_eq!(suffered, sent, "{counted:?}");
            assert_eq!((counted.rehearsal, counted.felt.as_ref()), (true, None));
            assert!(
                is_hit(&mut stage, kind, more, family)?,
                "{kind} {more:?} acts"
            );
            assert!(connects(&mut stage.client, to)?, "it is of datagrams");
            let report = client.stop_one(&armed)?;
            assert!(!report.rehearsal, "{report:?}");
            assert!(!is_hit(&mut stage, kind, more, family)?);
        }
    }
    stage.close()
}

#[test]
fn what_was_counted_of_some_packets_happens_to_as_many_of_the_same() -> Result<()> {
    let mut stage = Stage::set()?;
    let to = stage.echoes[0];
    // Who is rejected hears of it and sends less.
    let rejects = |more: &[(&str, &str)]| more.contains(&("how", "reject"));
    let silent = OF_DATAGRAMS.into_iter().filter(|(_, more)| !rejects(more));
    for (kind, more) in silent {
        let some = [more, &[("probability", "30%"), ("seed", "42")]].concat();
        let mut client = stage.engine.client()?;
        let armed = rehearse(&mut client, &stage, kind, &some)?;
        let (answered, errors) = stage.client.datagrams(to, 100)?;
        assert_eq!((answered.len(), errors), (100, vec![]), "{kind} {more:?}");
        let counted = client.act(&armed)?;
        assert_eq!(counted.counters.matched, 100, "{counted:?}");
        assert!((10..60).contains(&counted.counters.injected), "{counted:?}");
        stage.client.datagrams(to, 100)?;
        let report = client.stop_one(&armed)?;
        assert_eq!(counted.counters, report.counters, "{kind} {more:?}");
    }
    stage.close()
}

#[test]
fn a_rehearsed_partition_counts_both_ways_and_breaks_nothing() -> Result<()> {
    let mut stage = Stage::set()?;
    for (how, connections) in [
        ("drop", "all"),
        ("reject", "all"),
        ("reset", "all"),
        ("reset", "new"),
        ("reset", "established"),
    ] {
        for family in [0, 1] {
            let to = stage.echoes[family];
            stage.client.hold(to, true)?;
            let mut client = stage.engine.client()?;
            let more = [
                ("protocol", "tcp"),
                ("how", how),
                ("connections", connections),
            ];
            let armed = rehearse(&mut client, &stage, Kind::NetPartition, &more)?;
            let place = format!("{how} {connections} {family}");
            assert!(connects(&mut stage.client, to)?, "{place}");
            assert!(stage.client.bulk(to, 1 << 18)?, "{place}");
            let counted = client.act(&armed)?;
            assert!(counted.counters.injected > 0, "{place}: {counted:?}");
            assert_eq!(counted.connections_reset, None, "{place}");
            check_cut_off(&mut stage.client, to, how, connections, &place)?;
            let report = client.stop_one(&armed)?;
            let broken = report.connections_reset.is_some_and(|count| count > 0);
            assert_eq!(broken, how == "reset" && connections != "new", "{place}");
            stage.client.hold(to, true)?;
            assert!(connects(&mut stage.client, to)?, "{place}");
        }
    }
    stage.close()
}

/// What a partition of TCP does to a connection that is kept, and to new ones.
fn check_cut_off(
    actor: &mut Actor,
    to: SocketAddr,
    how: &str,
    connections: &str,
    place: &str,
) -> Result<()> {
    if connections != "established" && how == "reset" {
        let errnos = actor.calls(SocketCall::Connect, to, 3)?;
        assert_eq!(errnos, [REFUSED; 3], "{place}");
    }
    // One that is reset is an error, for whoever asks over it; of the others nothing comes back.
    let asked = actor.ask(1, 200);
    let answered = asked.is_ok_and(|times| times.iter().all(Option::is_some));
    assert_eq!(answered, connections == "new", "{place}");
    Ok(())
}

#[test]
fn both_ways_of_a_question_and_its_answer_are_counted() -> Result<()> {
    let mut stage = Stage::set()?;
    let to = stage.echoes[0];
    for how in ["drop", "reject"] {
        let mut client = stage.engine.client()?;
        let more = [UDP, ("how", how)];
        let armed = rehearse(&mut client, &stage, Kind::NetPartition, &more)?;
        assert_eq!(stage.client.datagrams(to, 50)?.0.len(), 50);
        let counted = client.act(&armed)?.counters;
        assert_eq!((counted.matched, counted.injected), (100, 100), "{how}");
        // What is not asked is not answered.
        assert_eq!(stage.client.datagrams(to, 1)?.0, [0; 0]);
        let acted = client.stop_one(&armed)?.counters;
        assert_eq!((acted.matched, acted.injected), (1, 1), "{how}");
    }
    stage.close()
}

/// Whether a question over the connection that is kept is answered.
fn answers(actor: &mut Actor) -> bool {
    let asked = actor.ask(1, PATIENCE_MS);
    asked.is_ok_and(|times| times.iter().all(Option::is_some))
}

#[test]
fn the_command_line_breaks_a_connection_only_once_it_arms() -> Result<()> {
    let mut stage = Stage::set()?;
    let to = stage.echoes[0];
    stage.client.hold(to, true)?;
    let target = stage.client_netns();
    let mut words = vec!["plan", "net.partition", "--target", &target];
    words.extend(["--how", "reset", "--protocol", "tcp", "--duration", "60s"]);
    words.extend(["--count", "2s", "--arm", "--json"]);
    let command = stage.cli().start(&words)?;
    let mut observer = stage.engine.client()?;
    wait_until("it is counted and not felt", DEADLINE, || {
        let answered = answers(&mut stage.client);
        let status = observer.status();
        let counts = status.is_ok_and(|(_engine, faults)| {
            let mut all = faults.iter();
            all.any(|fault| fault.rehearsal && fault.counters.injected > 0)
        });
        answered && counts
    })?;
    wait_until("it is felt", DEADLINE, || !answers(&mut stage.client))?;
    let (_engine, faults) = observer.status()?;
    let [fault] = &faults[..] else {
        anyhow::bail!("one fault: {faults:?}");
    };
    assert!(!fault.rehearsal, "it was broken by a rehearsal: {fault:?}");
    // A question that was faster than its end is what it breaks by.
    let was_reset = fault.connections_reset == Some(1);
    assert!(was_reset || fault.counters.injected > 0, "{fault:?}");
    observer.stop(Which::All)?;
    let said = finish(command)?.json()?;
    assert!(
        said["counted"]["counters"]["injected"].as_u64() > Some(0),
        "{said}"
    );
    let warnings = said["report"]["warnings"].to_string();
    assert!(!warnings.contains("nothing happened"), "{warnings}");
    assert!(stage.client.bulk(to, 1 << 16)?);
    stage.close()
}
