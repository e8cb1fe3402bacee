//! `sidegate config CALLER`: a proxy's configuration, as the settings have it.
//!
//! The texts are the shipped files themselves: what the tests run in the real programs is what is printed, changed only
//! where a setting is not at its default.

mod render;
mod templates;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use self::render::Rendering;
use self::templates::{CALLERS, File};
use super::{Failure, Outcome, say};
use crate::config::{Config, ConfigError, Sources};

/// The names of all callers, for help.
pub(super) fn callers() -> impl Iterator<Item = &'static str> {
    CALLERS.iter().map(|caller| caller.name)
}

/// Prints the configuration for `caller`, or writes its files into `directory`.
pub(super) fn run(sources: &Sources, caller: &str, directory: Option<&Path>) -> Outcome {
    let settings = Config::for_callers(sources)?;
    let Some(caller) = CALLERS.iter().find(|candidate| candidate.name == caller) else {
        let known = callers().collect::<Vec<_>>().join(", ");
        return Err(ConfigError::new(format!("{caller:?} is no proxy that a configuration is known for"))
            .hint(format!("name one of {known}"))
            .into());
    };
    let rendering = Rendering::new(caller, &settings)?;
    let files: Vec<_> = caller.files.iter().map(|file| (file, rendering.of(file))).collect();
    match directory {
        Some(directory) => {
            files.iter().try_for_each(|(file, text)| write(&directory.join(file.name), text))?;
        }
        None => say(&listed(&files)),
    }
    Ok(ExitCode::SUCCESS)
}

/// One file as it is; several one after the other, each under its name in a comment.
fn listed(files: &[(&File, String)]) -> String {
    if let [(_, text)] = files {
        return text.clone();
    }
    let titled = |(file, text): &(&File, String)| format!("{} ==== {}\n{text}", file.comment, file.name);
    files.iter().map(titled).collect::<Vec<_>>().join("\n")
}

/// Writes a new file. One that is there may have been changed by hand, and is nobody's to replace.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        Failure::failed(
            &ConfigError::new(format!("cannot write {}", path.display()))
                .because(error)
                .hint("name a directory that exists and has no file of that name"),
        )
    })?;
    say(&format!("{}\n", path.display()));
    Ok(())
}
