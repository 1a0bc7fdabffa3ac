//! Who talked to whom, beside what really was said.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use anyhow::{Context as _, Result};
use injector_user::freezer::Flavour;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use temblor_tests::{Caller, Cgroup, signal};

use super::stage::Stage;

#[test]
fn both_ends_here_are_one_edge_with_all_that_was_said() -> Result<()> {
    let stage = Stage::set()?;
    let words = ["graph", "host", "--json", "--verbose", "--duration", "1h"];
    let mut command = stage.cli().start(&words)?;
    let mut notes = BufReader::new(command.stderr.take().context("stderr is piped")?);
    let mut note = String::new();
    while !note.contains("observing") {
        note.clear();
        anyhow::ensure!(notes.read_line(&mut note)? > 0, "it ended by itself");
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    for _ in 0..3 {
        exchange(&listener, address)?;
    }
    let refused = unused()?;
    TcpStream::connect(refused)
        .err()
        .context("nobody listens")?;
    signal(command.id().cast_signed(), Signal::SIGINT)?;
    let output = command.wait_with_output()?;
    let graph: Value = serde_json::from_slice(&output.stdout)?;
    let edge = edge(&graph, address)?;
    let ends = [&edge["client"], &edge["server"], &edge["transport"]];
    assert_eq!(ends, [&json!("host"), &json!("host"), &json!("tcp")]);
    assert_eq!(edge["connections"], 3, "{edge}");
    assert_eq!(edge["client_bytes"], 3 * 500, "{edge}");
    assert_eq!(edge["server_bytes"], 3 * 70, "{edge}");
    let failed = self::edge(&graph, refused)?;
    assert_eq!(failed["failures"], 1, "{failed}");
    assert_eq!(failed["server"], "127.0.0.1", "nobody is known to serve it");
    stage.check_nothing_armed()?;
    stage.close()
}

fn edge(graph: &Value, address: SocketAddr) -> Result<&Value> {
    let edges = graph["edges"].as_array().context("a list")?;
    let mut found = edges.iter().filter(|edge| edge["port"] == address.port());
    let edge = found.next().with_context(|| format!("{graph:#}"))?;
    assert_eq!(found.next(), None, "both ends are one edge");
    Ok(edge)
}

/// An address at which nobody listens any more.
fn unused() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// 500 bytes there and 70 back, closed by both.
fn exchange(listener: &TcpListener, address: SocketAddr) -> Result<()> {
    let mut asks = TcpStream::connect(address)?;
    let (mut answers, _peer) = listener.accept()?;
    asks.write_all(&[1; 500])?;
    answers.read_exact(&mut [0; 500])?;
    answers.write_all(&[2; 70])?;
    asks.read_exact(&mut [0; 70])?;
    // Whoever has been told that the other has ended has had everything acknowledged.
    drop(asks);
    let ended = answers.read(&mut [0])?;
    anyhow::ensure!(ended == 0, "the other end is closed");
    drop(answers);
    Ok(())
}

#[test]
fn the_picture_is_for_graphviz_and_nobody_talks_from_an_empty_cgroup() -> Result<()> {
    let stage = Stage::set()?;
    let cgroup = Cgroup::make(Flavour::V2, "graph")?;
    let resident = Caller::start(1, &["getsid"])?;
    cgroup.enter(resident.pid())?;
    let target = cgroup.target();
    let words = ["graph", &target, "--duration", "1ms"];
    let said = stage.cli().run(&words)?;
    let expected = format!("{target}: talked to nobody\n");
    assert!(
        said.code == Some(0) && said.out.ends_with(&expected),
        "{said:?}"
    );
    let said = stage
        .cli()
        .run(&[&words[..], &["--format", "dot"]].concat())?;
    assert!(said.out.starts_with("digraph temblor {\n"), "{said:?}");
    let node = format!("  \"{target}\" [shape=box];\n}}\n");
    assert!(
        said.code == Some(0) && said.out.ends_with(&node),
        "{said:?}"
    );
    drop(resident);
    drop(cgroup);
    stage.close()
}
