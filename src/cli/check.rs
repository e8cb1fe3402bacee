//! `sidegate check`: everything that `serve` needs, tried once and told line by line.

mod fit;
mod tables;

use std::process::ExitCode;

use super::{Failure, Outcome, block_on, say};
use crate::config::{Config, ConfigError, Sources};
use crate::store::StoreError;

pub(super) fn run(sources: &Sources) -> Outcome {
    let config = Config::load(sources)?;
    let from = sources.path().map_or("flags and environment".to_owned(), |path| path.display().to_string());
    say(&format!("settings  ok    from {from}\n"));
    say(&format!("secret    ok    {} characters\n", config.secrets.current.expose().chars().count()));
    say(&format!("cookie    ok    {} is the one cookie that is read\n", config.cookie_name));
    for warning in &config.warnings {
        say(&format!("warning         {warning}\n"));
    }
    block_on(1, async {
        let store = config.open_store()?;
        for parameter in store.ignored_parameters() {
            say(&format!(
                "warning         the store's URL has the parameter {parameter}, which means nothing here\n"
            ));
        }
        // Before the lookup, whose complaint it explains. Where even that cannot be asked, the complaint is all there is.
        let has_tables =
            store.survey().await.map_or(true, |survey| tables::tell(&survey, &config.store.time_zone));
        match store.diagnose().await {
            Ok(()) if !has_tables => {
                say(&format!("store     FAIL  {}\n", store.name()));
                Err(Failure::failed(
                    &ConfigError::new("sessions cannot be read").hint("see the lines with FAIL"),
                ))
            }
            Ok(()) => {
                say(&format!("store     ok    {} answers the lookup\n", store.name()));
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                say(&format!("store     FAIL  {}\n", store.name()));
                Err(Failure::failed(&advise(&error)))
            }
        }
    })
}

fn advise(error: &StoreError) -> ConfigError {
    let hint = match error {
        StoreError::Unreachable(_) => "start the database, or mend its URL in store",
        StoreError::Timeout(_) => "give store_timeout more, or find out what the database waits for",
        StoreError::Refused(_) => {
            "grant SELECT on both tables; set session_table, user_table, column_case, session_fields and user_fields \
             to the names that Better Auth uses: check prints those that would fit, where it can tell"
        }
        StoreError::Malformed(_) | StoreError::BrokeOff => "see what the session table holds",
    };
    ConfigError::new("sessions cannot be looked up").because(error).hint(hint)
}
