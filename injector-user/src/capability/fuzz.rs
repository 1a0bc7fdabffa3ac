//! The file of findings and the kernel's notes, against their corpora, as they are and damaged.

use std::fs;

use proptest::prelude::*;

use super::identity::find;
use super::store::Store;
use crate::corpus::survives;

#[test]
fn findings_that_were_damaged_are_those_of_nobody_or_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path(), None);
    survives("capabilities", |bytes| {
        fs::write(folder.path().join("capabilities.json"), bytes).unwrap();
        // Whatever it says, it is of another kernel than the unknown one.
        prop_assert!(store.load().is_empty());
        Ok(())
    });
}

#[test]
fn kernel_notes() {
    survives("notes", |bytes| {
        let id = find(bytes).unwrap_or_default();
        prop_assert!(id.len() <= 2 * bytes.len() && id.chars().all(|c| c.is_ascii_hexdigit()));
        Ok(())
    });
}
