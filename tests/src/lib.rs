//! Harness of the test rings.
