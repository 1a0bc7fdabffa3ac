//! `disk.slow` by rates.

mod endings;
mod rates;
