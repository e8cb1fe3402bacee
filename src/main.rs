//! The `sidegate` program.

use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "the one place where the process itself speaks")]
fn main() -> ExitCode {
    match sidegate::cli::run(std::env::args_os()) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            failure.code()
        }
    }
}
