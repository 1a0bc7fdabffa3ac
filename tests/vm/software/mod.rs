//! Real software under failing calls keeps what it has promised, or says that it cannot.

mod bare;
mod fault;
mod postgres;
mod redis;
mod slow;
mod sqlite;
