//! One line for each series.

use injector_core::telemetry::{Said, Summary};

const HEADER: &str = "metric,labels,increase,rate,value,count,mean,p50,p90,p99,longest";

/// With a header; durations in seconds, what a kind of metric does not have is empty.
pub(super) fn lines(series: &[Summary]) -> String {
    let rows = series.iter().map(|one| {
        let labels = one
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let labels: Vec<String> = labels.collect();
        let cells = [one.metric.clone(), labels.join(" ")]
            .into_iter()
            .chain(numbers(&one.said));
        let cells: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
        cells.join(",")
    });
    let mut text = HEADER.to_owned();
    for row in rows {
        text.push('\n');
        text.push_str(&row);
    }
    text.push('\n');
    text
}

fn numbers(said: &Said) -> [String; 9] {
    let mut cells: [String; 9] = Default::default();
    match said {
        Said::Counter { increase, rate } => {
            cells[0] = increase.to_string();
            cells[1] = rate.to_string();
        }
        Said::Time { increase, rate } => {
            cells[0] = increase.to_string();
            cells[1] = rate.to_string();
        }
        Said::Gauge { value } => cells[2] = value.to_string(),
        Said::Histogram(quantiles) => {
            cells[3] = quantiles.count.to_string();
            let all = [
                quantiles.mean,
                quantiles.p50,
                quantiles.p90,
                quantiles.p99,
                quantiles.longest,
            ];
            for (cell, value) in cells[4..].iter_mut().zip(all) {
                *cell = value.map(|value| value.to_string()).unwrap_or_default();
            }
        }
    }
    cells
}

/// As RFC 4180 has it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use injector_core::telemetry::{Said, Summary};

    use super::lines;

    #[test]
    fn a_label_with_a_comma_stays_one_cell() {
        let said = Said::Counter {
            increase: 4,
            rate: 0.5,
        };
        let series = Summary {
            metric: "temblor_syscalls_total".to_owned(),
            labels: [("target", "comm:a,\"b\"".to_owned())].into(),
            said,
        };
        let text = lines(&[series]);
        let row = text.lines().nth(1).unwrap();
        assert_eq!(
            row,
            "temblor_syscalls_total,\"target=comm:a,\"\"b\"\"\",4,0.5,,,,,,,"
        );
    }
}
