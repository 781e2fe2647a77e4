//! SQLite and PostgreSQL by the store contract, and what each of them adds to it.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
