//! What `redis-benchmark` gets from a `redis-server`.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Result, bail, ensure};

use crate::netns::Netns;

/// Requests a second to the server at this port of the namespace's loopback interface, on average over GET
/// and SET of 3 bytes: so many of each, by one thread over 50 connections, one after the other on each.
pub(super) fn requests(netns: &Netns, address: SocketAddr, count: usize) -> Result<f64> {
    let mut command = Command::new("redis-benchmark");
    command
        .args(["-p", &address.port().to_string()])
        .args(["-n", &count.to_string()])
        .args(["-t", "get,set", "-c", "50", "--csv"])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let output = netns.inside(|| command.output())??;
    ensure!(
        output.status.success(),
        "redis-benchmark: {}",
        output.status
    );
    mean_rate(&String::from_utf8_lossy(&output.stdout))
}

/// The mean of the second column of what `redis-benchmark --csv` writes.
fn mean_rate(csv: &str) -> Result<f64> {
    let column = |line: &str| line.split(',').nth(1)?.trim_matches('"').parse().ok();
    let rates: Vec<f64> = csv.lines().filter_map(column).collect();
    let &[first, second] = &*rates else {
        bail!("{csv:?} instead of two rates");
    };
    Ok(f64::midpoint(first, second))
}

#[cfg(test)]
mod tests {
    use super::mean_rate;

    #[test]
    fn rates_are_read_from_what_redis_benchmark_writes() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"85470.00\",\"0.313\"\n\
                   \"GET\",\"90000.00\",\"0.301\"\n";
        assert_eq!(mean_rate(csv).unwrap().to_bits(), 87_735.0_f64.to_bits());
        mean_rate("").unwrap_err();
    }
}
