//! The report as one self-contained HTML page: no script, nothing fetched, light and dark.
//!
//! It is read from the top by somebody who did not run it: verdict, what was asked, what happened,
//! the proof, then the details.

mod axis;
mod details;
mod line;
mod markup;
mod page;
mod proof;
mod timeline;

pub use page::html;
