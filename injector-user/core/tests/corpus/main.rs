//! Every parser of the core against its corpus, as it is and damaged: nothing panics, and what is
//! printed reads back.

#![expect(clippy::unwrap_used, reason = "a test says what broke by panicking")]

#[path = "../../../../tests/corpus/corpus.rs"]
mod corpus;

use std::collections::BTreeMap;

use corpus::{reads_back, survives_text};
use injector_core::document;
use injector_core::experiment::tolerance::{Expect, Finding, JsonPath, Pattern, Tolerance};
use injector_core::experiment::{Overrides, Source, validate};
use injector_core::fault::syscall::{PathFilter, Returned, Sizes, Syscalls};
use injector_core::fault::{self, Errno, Given, Kind, PortRange, Prefix};
use injector_core::logs::{Reading, Template};
use injector_core::report::{self, Report};
use injector_core::target::Selector;
use injector_core::telemetry::Claim;
use injector_core::units::{BitRate, ByteSize, Probability, When, format_duration, parse_duration};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[test]
fn durations() {
    reads_back(
        "duration",
        |text| parse_duration(text).ok(),
        |it| format_duration(*it),
    );
}

#[test]
fn lines_of_logs() {
    survives_text("logs", |line| {
        let once = Template::of(&Reading::of(line).message);
        prop_assert_eq!(&Template::of(once.as_str()), &once);
        prop_assert!(once.as_str().len() <= Template::MOST_BYTES);
        Ok(())
    });
}

#[test]
fn probabilities() {
    reads_back(
        "probability",
        |text| text.parse::<Probability>().ok(),
        ToString::to_string,
    );
}

#[test]
fn rates() {
    reads_back(
        "rate",
        |text| text.parse::<BitRate>().ok(),
        ToString::to_string,
    );
}

#[test]
fn sizes() {
    reads_back(
        "size",
        |text| text.parse::<ByteSize>().ok(),
        ToString::to_string,
    );
}

#[test]
fn event_numbers() {
    reads_back(
        "when",
        |text| text.parse::<When>().ok(),
        ToString::to_string,
    );
}

#[test]
fn addresses() {
    reads_back(
        "peer",
        |text| text.parse::<Prefix>().ok(),
        ToString::to_string,
    );
}

#[test]
fn ports() {
    reads_back(
        "port",
        |text| text.parse::<PortRange>().ok(),
        ToString::to_string,
    );
}

#[test]
fn errors_of_calls() {
    reads_back(
        "errno",
        |text| text.parse::<Errno>().ok(),
        ToString::to_string,
    );
}

#[test]
fn sets_of_system_calls() {
    reads_back(
        "syscalls",
        |text| text.parse::<Syscalls>().ok(),
        ToString::to_string,
    );
}

#[test]
fn ranges_of_sizes() {
    reads_back(
        "sizes",
        |text| text.parse::<Sizes>().ok(),
        ToString::to_string,
    );
}

#[test]
fn paths_of_files() {
    reads_back(
        "path",
        |text| text.parse::<PathFilter>().ok(),
        ToString::to_string,
    );
}

#[test]
fn returned_values() {
    reads_back(
        "returned",
        |text| text.parse::<Returned>().ok(),
        ToString::to_string,
    );
}

#[test]
fn selectors() {
    reads_back(
        "selector",
        |text| text.parse::<Selector>().ok(),
        ToString::to_string,
    );
}

#[test]
fn questions_to_the_history() {
    reads_back(
        "metric",
        |text| text.parse::<Claim>().ok(),
        ToString::to_string,
    );
    survives_text("metric", |text| {
        let hint = text.parse::<Claim>().err().map(|invalid| invalid.hint);
        prop_assert_ne!(hint, Some(String::new()));
        Ok(())
    });
}

/// A fault as clients ask for it.
#[derive(Deserialize)]
struct Asked {
    fault: Kind,
    params: BTreeMap<String, String>,
}

#[test]
fn faults_of_every_kind() {
    survives_text("fault", |text| {
        let Ok(Asked { fault, params }) = serde_json::from_str(text) else {
            return Ok(());
        };
        let given = |params: BTreeMap<String, String>| {
            let given = params.into_iter();
            given
                .map(|(name, text)| (name.clone(), Given::flag(&name, &text)))
                .collect()
        };
        match fault::parse(fault, &given(params)) {
            Ok(spec) => {
                prop_assert_eq!(fault::parse(fault, &given(spec.to_params())), Ok(spec));
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(
                    problems.0.iter().all(|problem| problem.hint.is_some()),
                    "{}",
                    problems
                );
            }
        }
        Ok(())
    });
}

#[test]
fn documents() {
    for corpus in ["document", "experiment"] {
        survives_text(corpus, |text| {
            match document::read(text, Some("x")) {
                Ok(node) => {
                    let json = node.to_json();
                    let printed = json.to_string();
                    // What holds nothing is no document, and copies are longer than aliases.
                    if json != Value::Null && printed.len() <= 1 << 20 {
                        let again = document::read(&printed, None).map(|node| node.to_json());
                        prop_assert_eq!(again, Ok(json));
                    }
                }
                Err(problem) => prop_assert!(problem.place.line.is_some(), "{}", problem.render()),
            }
            Ok(())
        });
    }
}

#[test]
fn experiments() {
    let environment = |name: &str| (name == "USER").then(|| "ann ${b} $$".to_owned());
    survives_text("experiment", |text| {
        let source = Source {
            file: Some("x.yaml"),
            environment: &environment,
            overrides: Overrides::NONE,
        };
        let read = validate(text, &source);
        prop_assert_eq!(read.experiment.is_none(), !read.errors.is_empty());
        for problem in read.errors.iter().chain(&read.warnings) {
            prop_assert!(problem.place.line.is_some(), "{}", problem.render());
        }
        Ok(())
    });
}

#[test]
fn names_in_texts() {
    survives_text("template", |text| {
        let experiment = json!({
            "title": "t", "description": "d", "rollbacks": [],
            "configuration": { "name": text, "host": "redis", "port": 6379 },
            "method": [{
                "type": "probe", "name": text,
                "provider": { "type": "process", "path": "true", "arguments": [text] },
            }],
        });
        let source = Source {
            file: None,
            environment: &|_| None,
            overrides: Overrides::NONE,
        };
        let read = validate(&experiment.to_string(), &source);
        prop_assert_eq!(read.experiment.is_none(), !read.errors.is_empty());
        Ok(())
    });
}

#[test]
fn json_paths() {
    let document = json!({"a": [{"b": 1}, {"b": "x"}, null], "é": {"a": {"a": [1.5, true]}}});
    survives_text("jsonpath", |text| {
        let Ok(path) = JsonPath::parse(text) else {
            return Ok(());
        };
        prop_assert_eq!(JsonPath::parse(&path.to_string()), Ok(path.clone()));
        for expect in [
            Expect::Something,
            Expect::Count(2),
            Expect::Values(vec![json!(1)]),
        ] {
            let target = None;
            let path = path.clone();
            let tolerance = Tolerance::JsonPath {
                path,
                target,
                expect,
            };
            let asked = matches!(tolerance.check(&document), Finding::Ask(_));
            prop_assert!(!asked, "{}", tolerance);
        }
        Ok(())
    });
}

#[test]
fn patterns() {
    let hard = "a".repeat(64) + "!";
    survives_text("pattern", |text| {
        if let Ok(pattern) = Pattern::parse(text) {
            pattern.found_in(text);
            pattern.found_in(&hard);
        }
        Ok(())
    });
}

#[test]
fn reports() {
    let read = |text: &str| serde_json::from_str::<Report>(text).ok();
    reads_back("report", read, |it| report::json(it).unwrap());
}
