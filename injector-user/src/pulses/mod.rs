//! What is imposed on cgroups in pulses: a freeze, or a limit.
//!
//! A condition is owned by no descriptor: nothing in the kernel lifts it when whoever imposed it dies. So
//! each is in the undo log and in the keeper's charge before it begins, and its loop moves a lease of its
//! own while it is in force. It is imposed only if the cgroup is not the root, if every process in it is a
//! target and if nobody did the like before.

mod condition;
mod list;
mod run;
mod train;

pub use condition::{Condition, ConditionError, Standing, Strain, Unfit, vet_members};
pub use train::{
    Decision, Ending, NotUndone, Progress, PulseError, Pulses, Pulsing, Reason, Train,
};
