//! The binary as a person meets it, without root: help, errors, exit statuses, and a whole fault
//! against an engine made of a few lines.

#[cfg(test)]
#[path = "cli/announce.rs"]
mod announce;
#[cfg(test)]
#[path = "cli/convert.rs"]
mod convert;
#[cfg(test)]
#[path = "cli/engine.rs"]
mod engine;
#[cfg(test)]
#[path = "cli/errors.rs"]
mod errors;
#[cfg(test)]
#[path = "cli/help.rs"]
mod help;
#[cfg(test)]
#[path = "cli/logs.rs"]
mod logs;
#[cfg(test)]
#[path = "cli/run.rs"]
mod run;
#[cfg(test)]
#[path = "cli/temblor.rs"]
mod temblor;
#[cfg(test)]
#[path = "cli/verbs.rs"]
mod verbs;
#[cfg(test)]
#[expect(unreachable_pub, reason = "public where the test rings have it")]
#[path = "../../tests/src/web.rs"]
mod web;
