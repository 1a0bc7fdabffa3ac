//! `cargo xtask tidy`: the conventions of this repository that no other tool checks.
//!
//! Each rule is a function from what was read to findings, in a file of its own, with a test that
//! shows it firing. A finding says what to do.

mod budgets;
mod directions;
mod finding;
mod ignored;
mod inheritance;
mod mod_files;
mod module_doc;
mod names;
mod purity;
mod run;
mod shelling;
mod syntax;
mod tree;
mod unsafety;
mod versions;

pub(crate) use run::run;
