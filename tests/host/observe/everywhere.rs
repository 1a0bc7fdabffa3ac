//! Something of every kind, in all that tells of it.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::scene::await_unobserved;
use crate::bustle::{Bustle, Place};
use crate::prometheus::Served;
use crate::stage::Stage;

/// The tests' own process is in no cgroup of theirs: what it does is the host's.
const HOST: &str = "host";

/// Metrics in which it is seen. Not pressure, of which not every kernel tells, and not what is to be rare.
const SEEN: [&str; 25] = [
    "temblor_syscalls_total",
    "temblor_syscall_errors_total",
    "temblor_syscall_duration_seconds",
    "temblor_syscall_moved_bytes_total",
    "temblor_tcp_connects_total",
    "temblor_tcp_connect_duration_seconds",
    "temblor_tcp_connect_errors_total",
    "temblor_tcp_accepts_total",
    "temblor_tcp_resets_total",
    "temblor_tcp_edge_connections_total",
    "temblor_tcp_edge_failures_total",
    "temblor_udp_edge_packets_total",
    "temblor_udp_edge_sent_bytes_total",
    "temblor_udp_edge_received_bytes_total",
    "temblor_dns_questions_total",
    "temblor_dns_answers_total",
    "temblor_dns_duration_seconds",
    "temblor_block_duration_seconds",
    "temblor_block_moved_bytes_total",
    "temblor_run_queue_wait_seconds",
    "temblor_off_cpu_seconds",
    "temblor_execs_total",
    "temblor_exits_total",
    "temblor_processes",
    "temblor_memory_used_bytes",
];

#[test]
fn two_seconds_of_observing_tell_of_every_kind_of_event() -> Result<()> {
    let stage = Stage::set()?;
    let bustle = Bustle::start()?;
    let said = stage
        .cli()
        .run(&["observe", HOST, "--duration", "2s", "--json"])?;
    bustle.end()?;
    let said = said.json()?;
    let series = said["series"].as_array().context("series")?;
    let of_host = series.iter().filter(|one| one["labels"]["target"] == HOST);
    let told = of_host.filter(|one| is_something(one));
    let told: BTreeSet<&str> = told.filter_map(|one| one["metric"].as_str()).collect();
    let missing: Vec<_> = SEEN
        .iter()
        .filter(|metric| !told.contains(**metric))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    await_unobserved(&stage)?;
    stage.close()
}

fn is_something(series: &Value) -> bool {
    let numbers = ["increase", "count", "value"];
    let mut numbers = numbers.iter().filter_map(|name| series[*name].as_f64());
    numbers.any(|number| number > 0.0)
}

/// Without waiting: a scrape tells of all that has happened until then.
#[test]
fn the_next_scrape_tells_of_every_kind_of_event() -> Result<()> {
    let stage = Stage::set()?;
    let served = Served::start(&stage, &[HOST])?;
    Place::make()?.round()?;
    let text = stage.world.host.netns.inside(|| scrape(served.address))??;
    let missing = SEEN.into_iter().filter(|metric| !is_told(&text, metric));
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "{missing:?} in\n{text}");
    served.end()?;
    await_unobserved(&stage)?;
    stage.close()
}

/// Whether a sample of the host's is more than 0: of durations, how many there were.
fn is_told(text: &str, metric: &str) -> bool {
    let mut samples = text.lines().filter(|line| {
        let rest = line.strip_prefix(metric);
        rest.is_some_and(|rest| rest.starts_with('{') || rest.starts_with("_count{"))
            && line.contains("target=\"host\"")
    });
    samples.any(|sample| {
        let value = sample
            .rsplit(' ')
            .next()
            .and_then(|value| value.parse().ok());
        value.is_some_and(|value: f64| value > 0.0)
    })
}

fn scrape(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
