//! What engine and keeper say to each other, against its corpus, as it is and damaged.

use proptest::prelude::*;

use super::message::{Request, answer, read_answer};
use crate::corpus::survives;

#[test]
fn messages() {
    survives("keeper", |bytes| {
        if let Some((sequence, request)) = Request::decode(bytes) {
            let again = Request::decode(&request.encode(sequence));
            prop_assert_eq!(again, Some((sequence, request)));
        }
        if let Some((sequence, accepted)) = read_answer(bytes) {
            let again = read_answer(&answer(sequence, accepted));
            prop_assert_eq!(again, Some((sequence, accepted)));
        }
        Ok(())
    });
}
