//! What safety reads, against its corpora, as it is and damaged.

use proptest::prelude::*;

use super::lockout::ssh_flow;
use super::undo::Entry;
use crate::corpus::{reads_back, survives_text};

#[test]
fn undo_entries() {
    let read = |text: &str| serde_json::from_str::<Entry>(text).ok();
    reads_back("undo", read, |it| serde_json::to_string(it).unwrap());
}

#[test]
fn ssh_connections() {
    survives_text("ssh", |text| {
        if let Ok(flow) = ssh_flow(text) {
            let ends = [flow.remote, flow.local];
            let [remote, local] = ends.map(|end| format!("{} {}", end.ip(), end.port()));
            prop_assert_eq!(ssh_flow(&format!("{remote} {local}")).ok(), Some(flow));
        }
        Ok(())
    });
}
