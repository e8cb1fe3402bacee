//! In process: seconds, and nothing needed but Rust.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that goes wrong")]

mod commands;
mod settings;
