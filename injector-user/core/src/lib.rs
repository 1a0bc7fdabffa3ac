//! The pure core of Temblor.
