//! Manifests of other tools, from file to file.

use crate::temblor::Temblor;

const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/core/tests/convert");

#[test]
fn what_is_converted_is_valid() {
    let temblor = Temblor::new();
    let manifest = format!("{MANIFESTS}/chaos-mesh/accepted/delay.yaml");
    let out = temblor.run_dir.path().join("out.yaml");
    let out = out.to_str().unwrap();
    let words = [
        "convert",
        "--from",
        "chaos-mesh",
        &manifest,
        "--target",
        "container:web",
    ];
    let printed = temblor.run(&words);
    assert_eq!(printed.code, 0, "{}", printed.err);
    assert!(
        printed
            .err
            .contains("delay.yaml:14:17: spec.selector.namespaces: "),
        "{}",
        printed.err
    );
    let written = temblor.run(&[&words[..], &["--out", out]].concat());
    assert_eq!((written.code, written.out.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(out).unwrap(), printed.out);
    let validated = temblor.run(&["validate", out]);
    assert_eq!(validated.code, 0, "{}", validated.err);
}

#[test]
fn what_is_refused_is_said_at_once_and_not_written() {
    let temblor = Temblor::new();
    let manifest = format!("{MANIFESTS}/litmus/refused/everything.yaml");
    let out = temblor.run_dir.path().join("out.yaml");
    let words = [
        "convert",
        "--from",
        "litmus",
        &manifest,
        "--out",
        out.to_str().unwrap(),
    ];
    let ran = temblor.run(&words);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.lines().count() > 20, "{}", ran.err);
    assert!(
        ran.err
            .contains("everything.yaml:17:15: spec.experiments[0]"),
        "{}",
        ran.err
    );
    assert!(!out.exists());
}

#[test]
fn programs_get_the_experiment_and_what_targets_stand_for() {
    let temblor = Temblor::new();
    let manifest = format!("{MANIFESTS}/litmus/accepted/node.yaml");
    let words = [
        "convert", "--json", "--from", "litmus", &manifest, "--target", "host",
    ];
    let ran = temblor.run(&words);
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(
        value["experiment"]
            .as_str()
            .unwrap()
            .contains("fault: cpu.stress")
    );
    assert_eq!(value["notes"].as_array().unwrap().len(), 4);
}
