//! In process: seconds, and nothing needed but Rust.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at the first thing that goes wrong"
)]

mod api_key;
mod assertion;
mod assertion_answers;
mod assertion_keys;
mod assertion_law;
mod assertion_settings;
mod better_auth;
mod caller_config;
mod callers;
mod callers_law;
mod check_caller;
mod circuit;
mod commands;
mod cookie_law;
mod credential_settings;
mod credentials;
mod envoy_dialect;
mod envoy_grpc_dialect;
mod fetch;
mod forwarded_dialects;
mod gate;
mod gate_bearing;
mod gate_memory;
mod gate_policies;
mod get_session_dialect;
mod header_names;
mod imports;
mod jwt;
mod jwt_keys;
mod jwt_law;
mod key_ring;
mod login_page;
mod nginx_dialect;
mod notices;
mod origin;
mod origin_law;
mod outbox_ledger;
mod outbox_pace;
mod outbox_sqlite;
mod policy;
mod preflight;
mod redirects;
mod refresh;
mod regression;
mod reload;
mod reload_settings;
mod revocation;
mod revocation_sql;
mod rig;
mod route_commands;
mod route_settings;
mod routes;
mod rust_paths;
mod service;
mod session_law;
mod settings;
mod shadow;
mod snapshot_law;
mod snapshot_vectors;
mod store_bodies;
mod store_http;
mod store_keys;
mod store_names;
mod store_plugins;
mod store_redis;
mod store_sqlite;
mod told_keys;
mod vectors;
