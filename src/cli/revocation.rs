//! `sidegate revocation`: has a database tell of sign-outs, or tells whether it does.

use std::process::ExitCode;

use super::{Failure, Outcome, block_on, say};
use crate::config::{Config, ConfigError, Sources};
use crate::revocation::{Part, Preparation, PrepareError};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Print the statements.
    Sql,
    /// Run them.
    Install,
    /// Undo them.
    Uninstall,
    /// Print what removes old rows of the outbox.
    CleanUp,
    /// Tell how it is.
    Status,
}

impl Task {
    pub(super) const ALL: [(&'static str, Self, &'static str); 5] = [
        (
            "sql",
            Self::Sql,
            "Print the SQL that has the database tell of sign-outs, for whoever runs it by other means",
        ),
        ("install", Self::Install, "Run that SQL; --store names a role that owns the tables"),
        ("uninstall", Self::Uninstall, "Remove what install has made"),
        (
            "clean-up",
            Self::CleanUp,
            "Print the SQL that removes old rows of the outbox, for a daily job: sidegate itself only reads",
        ),
        ("status", Self::Status, "Tell whether it is there and as this version wants it; 1: not"),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(word, ..)| *word == name).map(|(_, task, _)| task)
    }
}

pub(super) fn run(sources: &Sources, task: Task, is_for_outbox: bool) -> Outcome {
    let settings = Config::for_store(sources)?;
    block_on(1, async {
        let store = settings.open()?;
        let options = &settings.options;
        let preparation =
            Preparation::of(&store, &options.schema, is_for_outbox, options.connect_timeout).await;
        let preparation = preparation.map_err(|error| failure(&error))?.ok_or_else(|| {
            let what = format!("there is nothing to prepare in {}", store.name());
            ConfigError::new(what).hint("name the database in which Better Auth keeps its sessions: --store")
        })?;
        match task {
            Task::Sql => {
                say(&preparation.script(&preparation.install()));
                Ok(ExitCode::SUCCESS)
            }
            Task::CleanUp => clean_up(&preparation),
            Task::Install => install(&preparation).await,
            Task::Uninstall => uninstall(&preparation).await,
            Task::Status => status(&preparation).await,
        }
    })
}

fn clean_up(preparation: &Preparation<'_>) -> Outcome {
    let Some((statement, event)) = preparation.clean_up() else {
        let what = ConfigError::new("there is nothing to clean up: LISTEN leaves nothing behind");
        return Err(Failure::failed(&what.hint("write --outbox for the outbox")));
    };
    say(&format!("{statement};\n"));
    if let Some(event) = event {
        say(&format!("-- Or once and for all, where event_scheduler is on:\n-- {event};\n"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn install(preparation: &Preparation<'_>) -> Outcome {
    let before = preparation.state().await.map_err(|error| failure(&error))?;
    if before.iter().all(|part| part.is_good) {
        tell("table", &before);
        say(&format!("done      ok    nothing to do for {}\n", preparation.channel()));
        return Ok(ExitCode::SUCCESS);
    }
    check_rights(preparation).await?;
    preparation.apply(&preparation.install()).await.map_err(|error| failure(&error))?;
    let after = preparation.state().await.map_err(|error| failure(&error))?;
    tell_changes(&before, &after);
    if after.iter().all(|part| part.is_good) {
        say(&format!("done      ok    installed for {}\n", preparation.channel()));
        return Ok(ExitCode::SUCCESS);
    }
    let what = ConfigError::new("the database does not tell of sign-outs");
    Err(Failure::failed(&what.hint("see the lines with FAIL; `sidegate check` tells of the tables")))
}

async fn uninstall(preparation: &Preparation<'_>) -> Outcome {
    let before = preparation.state().await.map_err(|error| failure(&error))?;
    check_rights(preparation).await?;
    preparation.apply(&preparation.uninstall()).await.map_err(|error| failure(&error))?;
    let after = preparation.state().await.map_err(|error| failure(&error))?;
    for (before, after) in before.iter().zip(&after) {
        say(&format!("table     ok    {} {} (it was: {})\n", after.name, after.state, before.state));
    }
    say("done      ok    uninstalled: sidegate hears of nothing more within seconds\n");
    Ok(ExitCode::SUCCESS)
}

async fn status(preparation: &Preparation<'_>) -> Outcome {
    let parts = preparation.state().await.map_err(|error| failure(&error))?;
    tell("table", &parts);
    if parts.iter().all(|part| part.is_good) {
        say(&format!("status    ok    installed for {}\n", preparation.channel()));
        return Ok(ExitCode::SUCCESS);
    }
    let what = ConfigError::new("the database does not tell of sign-outs");
    Err(Failure::failed(&what.hint("run `sidegate revocation install` with a role that owns the tables")))
}

async fn check_rights(preparation: &Preparation<'_>) -> Result<(), Failure> {
    let rights = preparation.rights().await.map_err(|error| failure(&error))?;
    tell("right", &rights);
    if rights.iter().all(|part| part.is_good) {
        return Ok(());
    }
    let what = ConfigError::new("this role may not prepare the database").because("nothing was changed");
    Err(Failure::failed(&what.hint("see the lines with FAIL")))
}

fn tell(what: &str, parts: &[Part]) {
    for Part { name, state, is_good } in parts {
        say(&format!("{what:<9} {:<5} {name} {state}\n", if *is_good { "ok" } else { "FAIL" }));
    }
}

fn tell_changes(before: &[Part], after: &[Part]) {
    for (before, after) in before.iter().zip(after) {
        let result = if after.is_good { "ok" } else { "FAIL" };
        let was =
            if before.state == after.state { String::new() } else { format!(" (it was: {})", before.state) };
        say(&format!("table     {result:<5} {} {}{was}\n", after.name, after.state));
    }
}

fn failure(error: &PrepareError) -> Failure {
    let what = ConfigError::new("the database could not be prepared").because(&error.because);
    Failure::failed(&what.hint(error.hint.clone()))
}
