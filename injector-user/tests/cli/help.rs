//! Help, the manual and completions.

use crate::temblor::{Temblor, check_golden};

#[track_caller]
fn check_help(name: &str, words: &[&str]) {
    let ran = Temblor::new().run(words);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    check_golden(&format!("help-{name}.txt"), &ran.out);
}

#[test]
fn help_teaches_every_verb_and_the_exit_statuses() {
    check_help("temblor", &["--help"]);
}

#[test]
fn help_of_every_fault_ends_with_examples() {
    let faults = [
        "net.loss",
        "net.delay",
        "sock.error",
        "process.freeze",
        "process.signal",
    ];
    for fault in faults {
        check_help(fault, &["inject", fault, "--help"]);
    }
}

#[test]
fn help_of_every_other_verb_is_short() {
    for verb in [
        "plan", "run", "validate", "convert", "stop", "status", "undo", "targets", "logs",
        "metrics", "top", "graph",
    ] {
        check_help(verb, &[verb, "-h"]);
    }
}

#[test]
fn every_shell_gets_completions_that_know_the_faults() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = Temblor::new().run(&["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}: {}", ran.err);
        assert!(ran.out.contains("net.delay"), "{shell}");
    }
}

#[test]
fn there_is_a_manual_page_for_every_verb() {
    let temblor = Temblor::new();
    let folder = temblor.run_dir.path().join("man");
    let ran = temblor.run(&["man", "--dir", folder.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for page in [
        "temblor",
        "temblor-inject",
        "temblor-inject-net.delay",
        "temblor-run",
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
    assert!(temblor.run(&["man"]).out.contains("Exit status"));
}
