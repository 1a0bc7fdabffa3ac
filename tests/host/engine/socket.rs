//! What the engine answers over its socket: sense, nonsense and plans.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::{Answer, Call, Class, MAX_LINE, PROTOCOL};
use temblor_tests::order::Order;

use super::loss::loss;
use crate::stage::Stage;

#[test]
fn it_says_who_it_is_and_that_nothing_is_armed() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let Ok(Answer::Hello {
        protocol,
        pid,
        keeper,
        ..
    }) = client.call(Call::Hello)?
    else {
        panic!("it greets");
    };
    let known = (stage.engine.pid(), stage.engine.keeper());
    assert_eq!((protocol, (pid, keeper)), (PROTOCOL, known));
    let (status, faults) = client.status()?;
    assert_eq!(
        (status.attached, status.lease_ms, status.clients),
        (0, 0, 2)
    );
    assert_eq!(faults, vec![]);
    stage.close()
}

#[test]
fn lines_that_make_no_sense_are_answered_and_forgotten() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let lines: [&[u8]; 8] = [
        b"\n",
        b"{}\n",
        b"null\n",
        b"{\"id\":1,\"call\":{\"op\":\"hello\"},\"more\":1}\n",
        b"{\"id\":1,\"call\":{\"op\":\"shake\"}}\n",
        b"{\"id\":-1,\"call\":{\"op\":\"hello\"}}\n",
        b"{\"id\":1,\"call\":{\"op\":\"arm\",\"fault\":\"net.loss\"}}\n",
        b"\x00\xff\xfe\n",
    ];
    for line in lines {
        client.send(line)?;
        let response = client.hear()?.context("it goes on")?;
        let text = String::from_utf8_lossy(line);
        let failure = response.answer.err().context(text.into_owned())?;
        assert_eq!((response.id, failure.class), (0, Class::Input));
        let said = &failure.problems[0].message;
        assert!(
            said.starts_with("a request that could not be read"),
            "{said}"
        );
        let hint = failure.problems[0].hint.as_deref();
        assert!(hint.is_some_and(|hint| hint.contains(r#"{"op":"status"}"#)));
    }
    client.send(b"{\"id\":1,\"call\":{\"op\":\"status\"}}\n")?;
    let as_hinted = client.hear()?.context("it goes on")?;
    as_hinted.answer.unwrap();
    client.call(Call::Hello)?.unwrap();
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn a_line_without_end_ends_only_its_own_connection() -> Result<()> {
    let stage = Stage::set()?;
    let mut other = stage.engine.client()?;
    let mut client = stage.engine.client()?;
    client.send(&vec![b'x'; MAX_LINE])?;
    let response = client.hear()?.context("it is told why")?;
    let failure = response.answer.err().context("it is refused")?;
    assert_eq!(failure.class, Class::Input);
    assert!(client.hear()?.is_none(), "the connection is closed");
    let mut half = stage.engine.client()?;
    half.send(b"{\"id\":1,\"call\":{\"op\":\"st")?;
    drop(half);
    other.call(Call::Hello)?.unwrap();
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn requests_may_be_sent_ahead() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let line = |id: u32| format!("{{\"id\":{id},\"call\":{{\"op\":\"hello\"}}}}\n");
    client.send((line(1) + &line(2) + &line(3)).as_bytes())?;
    let mut answered = Vec::new();
    for _ in 0..3 {
        answered.push(client.hear()?.context("an answer")?.id);
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3]);
    stage.close()
}

#[test]
fn a_plan_is_what_is_done_and_does_nothing() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = format!("--json plan net.loss --duration 60s --target {target}");
    let words: Vec<&str> = words.split(' ').collect();
    let said = stage.cli().run(&words)?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let planned = said.json()?;
    stage.check_nothing_armed()?;
    let to = stage.echoes[0];
    assert_eq!(stage.client.datagrams(to, 2)?.0.len(), 2);
    let mut client = stage.engine.client()?;
    let armed = client.arm(Kind::NetLoss, &loss(&target))?;
    let done = serde_json::to_value(&armed.plan)?;
    assert!(
        planned == done || planned["plan"] == done,
        "{planned} is not {done}"
    );
    stage.client.order(&Order::Bear)?;
    stage.close()
}
