//! Requests and answers against their corpora, as they are and damaged: nothing panics, and what is
//! printed reads back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Request, Response};
use crate::corpus::reads_back;

fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(parser: &str) {
    let read = |text: &str| serde_json::from_str::<T>(text).ok();
    reads_back(parser, read, |it| serde_json::to_string(it).unwrap());
}

#[test]
fn requests() {
    check::<Request>("request");
}

#[test]
fn answers() {
    check::<Response>("response");
}
