//! Real software whose promises faults put to the test: what it has acknowledged must be there when it
//! comes back.

mod bare;
mod folder;
mod nginx;
mod postgres;
mod redis;
mod running;
mod sqlite;

pub use self::redis::{Policy, Redis};
pub use bare::bare;
pub use folder::{folder, is_here};
pub use nginx::Nginx;
pub use postgres::Postgres;
pub use running::Running;
pub use sqlite::Sqlite;
