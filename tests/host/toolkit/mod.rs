//! The same experiments under the real Chaos Toolkit and under `temblor run`: what is compared is what its journal
//! keeps, the exit code, and the files that are left.

mod both;
mod during;
mod features;
mod given;
mod http;
mod order;
mod purpose;
mod random;
