//! Socket operations: the range of errors a hook may return.

/// Linux' largest errno that a user program knows (`EHWPOISON`); greater ones are the kernel's own
/// (`ERESTARTSYS` and its like) and must never reach user space.
pub const MAX_ERRNO: i32 = 133;
