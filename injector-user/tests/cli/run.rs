//! What a run tells while it runs.

use crate::engine::Double;
use crate::temblor::{Ran, Temblor, check_golden};

/// Runs an experiment with these lines behind its title and description.
fn run(lines: &str, options: &[&str]) -> Ran {
    let temblor = Temblor::new();
    let folder = temblor.run_dir.path();
    let _double = Double::serve(folder, usize::MAX);
    let text = format!("title: Everything at once\ndescription: d\n{lines}");
    std::fs::write(folder.join("x.yaml"), text).unwrap();
    let words = [&["run", "x.yaml"], options].concat();
    let mut command = temblor.command(&words);
    Ran::of(&command.current_dir(folder).output().unwrap())
}

/// The lines without what differs from run to run: how long things took.
fn timeless(text: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_time = |index: usize| {
            let unit = words.get(index + 1).map(|next| next.trim_end_matches(':'));
            words[index].parse::<f64>().is_ok() && matches!(unit, Some("ms" | "s"))
        };
        let word = |index| if is_time(index) { "N" } else { words[index] };
        let shown: Vec<&str> = (0..words.len()).map(word).collect();
        shown.join(" ") + "\n"
    };
    text.lines().map(line).collect()
}

const CALM: &str = r#"
secrets: {s: {token: hunter2}}
steady-state-hypothesis:
  title: it answers
  probes:
    - {type: probe, name: answers, tolerance: 0, provider: {type: process, path: "true"}}
method:
  - type: action
    name: lossy
    provider: {type: temblor, fault: net.loss, target: "netns:blue", duration: 60s}
    pauses: {after: 0.2}
  - type: probe
    name: look
    provider: {type: process, path: echo, arguments: [hunter2]}
  - {type: probe, name: nowhere, provider: {type: http, url: "http://127.0.0.1:1/"}}
rollbacks:
  - {type: action, name: tidy up, provider: {type: temblor, stop: lossy}}
"#;

const TURNS: &str = r#"
runtime: {hypothesis: {strategy: continuously, frequency: 0.05}}
steady-state-hypothesis:
  title: there is no mark
  probes:
    - type: probe
      name: no mark
      tolerance: 0
      provider: {type: process, path: test, arguments: ["!", "-e", "mark"]}
method:
  - {type: action, name: mark, provider: {type: process, path: touch, arguments: [mark]}, pauses: {before: 0.5, after: 1}}
"#;

const TRIPS: &str = r#"
method:
  - type: action
    name: lossy
    provider: {type: temblor, fault: net.loss, target: "netns:blue", duration: 60s}
  - {type: action, name: mark, provider: {type: process, path: touch, arguments: [mark]}, pauses: {after: 60}}
x-temblor:
  breakers:
    - name: b
      probe: {type: probe, name: p, tolerance: 0, provider: {type: process, path: test, arguments: ["!", "-e", "mark"]}}
      interval: 200ms
      consecutive: 3
"#;

#[test]
fn a_run_tells_what_happens_one_line_each() {
    let ran = run(CALM, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    check_golden("run-progress.txt", &timeless(&ran.err));
}

#[test]
fn a_breaker_that_opens_is_told_until_everything_is_clean() {
    let ran = run(TRIPS, &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    check_golden("run-breaker.txt", &timeless(&ran.err));
}

#[test]
fn the_hypothesis_is_told_again_only_when_it_turns() {
    let ran = run(TURNS, &[]);
    let told: Vec<String> = timeless(&ran.err)
        .lines()
        .filter_map(|line| line.strip_prefix("N s hypothesis "))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        (ran.code, told.as_slice()),
        (
            1,
            [
                "before the method: holds; `no mark`: met",
                "while the method runs: holds",
                "while the method runs: holds no longer",
                "after the method: does not hold; `no mark`: expected 0, got 1",
            ]
            .map(str::to_owned)
            .as_slice()
        ),
        "{ran:?}"
    );
}

#[test]
fn programs_get_one_document_and_the_progress_beside_it() {
    let ran = run(CALM, &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["verdict"], "passed");
    assert!(ran.err.contains("action `lossy` begins"), "{ran:?}");
}

#[test]
fn colours_are_for_those_who_want_them() {
    let escape = '\x1b';
    assert!(!run(CALM, &[]).err.contains(escape));
    assert!(run(CALM, &["--color", "always"]).err.contains(escape));
}
