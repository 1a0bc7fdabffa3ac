//! From where programs and libraries make system calls: read in their files, never guessed.
//!
//! Only between the bounds that a file itself gives its functions, decoded from their first instruction
//! on: a probe in the middle of an instruction would break the program.

mod decode;
mod functions;
mod mapped;

pub use mapped::sites_of;

#[cfg(test)]
mod tests;
