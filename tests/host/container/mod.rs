//! Containers of a real Docker Engine as targets.

mod fits;
mod follow;
mod scene;
