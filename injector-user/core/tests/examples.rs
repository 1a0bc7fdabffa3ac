//! Every example is an experiment, without errors and without warnings.

use std::collections::BTreeSet;
use std::path::Path;

use injector_core::experiment::{Overrides, Provider, Source, Temblor, validate};
use injector_core::fault::Kind;

#[test]
fn every_fault_has_an_example_that_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples");
    let mut shown = BTreeSet::new();
    let mut breakers = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let validated = validate(
            &text,
            &Source {
                file: Some(&file),
                environment: &|_| None,
                overrides: Overrides::NONE,
            },
        );
        assert_eq!(
            (validated.errors, validated.warnings),
            (vec![], vec![]),
            "{file}"
        );
        let experiment = validated.experiment.unwrap();
        breakers += experiment.breakers.len();
        for activity in &experiment.method {
            if let Provider::Temblor(Temblor::Arm { fault, .. }) = &activity.provider {
                shown.insert(fault.kind());
            }
        }
    }
    assert_eq!(shown, Kind::ALL.iter().copied().collect());
    assert!(breakers > 0);
}
