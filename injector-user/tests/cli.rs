//! The binary as a person meets it, without root: help, errors, exit statuses, and a whole fault
//! against an engine made of a few lines.

#[path = "cli/engine.rs"]
mod engine;
#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/temblor.rs"]
mod temblor;
#[path = "cli/verbs.rs"]
mod verbs;
