//! sidegate: is this Better Auth session cookie live, and whose is it?
//!
//! A library only so that tests, benches and fuzzers can reach its parts; the product is the `sidegate` program.
//! Imports run one way: `clock, secret` → `auth` → `store` → `cache, keys` → `api_key, cookie_cache, jwt, refresh` → `gate` → `dialect`,
//! `assertion` → `serve` → `config` → `cli`; `fetch`, `metrics` and `log` are leaves beside them, and `callers` one above `dialect`. `tests/it/imports.rs` holds the table.

pub mod api_key;
pub mod assertion;
pub mod auth;
pub mod cache;
pub mod callers;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cookie_cache;
pub mod dialect;
pub mod fetch;
pub mod gate;
pub mod jwt;
pub mod keys;
pub mod log;
pub mod metrics;
pub mod refresh;
pub mod revocation;
pub mod secret;
pub mod serve;
pub mod store;
