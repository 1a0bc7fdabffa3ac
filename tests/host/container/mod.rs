//! Containers of a real Docker Engine as targets.

mod endings;
mod fits;
mod follow;
mod scene;
