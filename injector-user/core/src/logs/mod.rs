//! What a target's log lines say, counted in bounded memory.
//!
//! A line is read ([`Reading`]: how bad it says it is, and what it says), made into its [`Template`],
//! and counted by [`Tally`], beside which faults acted at the time. Who writes the lines need not be
//! trusted: whatever they say, a tally keeps at most [`Tally::MOST_TEMPLATES`] templates of at most
//! [`Template::MOST_BYTES`] bytes and tells at most [`Windows::MOST`] faults apart; what goes beyond is
//! counted without being told apart.

mod field;
mod level;
mod mark;
mod mask;
mod plain;
mod reading;
mod share;
mod summary;
mod tally;
mod template;
mod time;
mod windows;

pub use level::Level;
pub use reading::Reading;
pub use share::Count;
pub use summary::{During, Share, Span, Summary};
pub use tally::Tally;
pub use template::Template;
pub use windows::{Acting, Window, Windows};

#[cfg(test)]
mod tests;
