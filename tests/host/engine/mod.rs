//! The engine as its clients have it: what it is told, how it starts and how it leaves.

mod abuse;
mod life;
mod loss;
mod owner;
mod socket;
mod verbs;
