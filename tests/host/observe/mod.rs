//! What observers see, beside what really happened; and that nothing of them is left.

mod calls;
mod ending;
mod everywhere;
mod lacking;
mod life;
mod names;
mod network;
mod people;
mod probe;
mod refused;
mod resources;
mod restarts;
mod scene;
mod waiting;
