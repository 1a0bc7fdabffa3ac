//! The pure core of Temblor.

pub mod safety;
