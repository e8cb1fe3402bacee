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
mod credential_settings;
mod credentials;
mod fetch;
mod gate;
mod gate_memory;
mod imports;
mod login_page;
mod nginx_dialect;
mod regression;
mod rig;
mod rust_paths;
mod service;
mod session_law;
mod settings;
mod snapshot_law;
mod snapshot_vectors;
mod store_http;
mod store_names;
mod store_redis;
mod store_sqlite;
mod vectors;
