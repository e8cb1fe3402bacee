//! In process: seconds, and nothing needed but Rust.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first thing that goes wrong"
)]

mod better_auth;
mod commands;
mod cookie_law;
mod gate;
mod gate_memory;
mod imports;
mod login_page;
mod nginx_dialect;
mod regression;
mod rig;
mod rust_paths;
mod session_law;
mod settings;
mod store_bodies;
mod store_keys;
mod store_names;
mod store_plugins;
mod store_sqlite;
mod vectors;
