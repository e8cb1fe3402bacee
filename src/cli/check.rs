//! `sidegate check`: everything that `serve` needs, tried once and told line by line.

mod caller;
mod fit;
mod revocation;
mod tables;

use std::process::ExitCode;

pub(super) use self::caller::run as callers;

use super::{Failure, Outcome, block_on, say};
use crate::config::{Assertion, AssertionKeys, Config, ConfigError, Sources};
use crate::dialect::HeaderNames;
use crate::keys::KeySource as _;
use crate::revocation::{Channel as _, ChannelError};
use crate::store::{AnyStore, StoreError};

pub(super) fn run(sources: &Sources) -> Outcome {
    let config = Config::load(sources)?;
    let from = sources.path().map_or("flags and environment".to_owned(), |path| path.display().to_string());
    say(&format!("settings  ok    from {from}\n"));
    say(&format!("secret    ok    {} characters\n", config.secrets.current.expose().chars().count()));
    say(&format!("cookie    ok    {} is the one cookie that is read\n", config.cookie_name));
    tell_assertion(config.assertion.as_ref(), &config.terms.names);
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
        let has_tables = store
            .survey()
            .await
            .ok()
            .flatten()
            .is_none_or(|survey| tables::tell(&survey, &config.store.time_zone, &config.terms.names));
        match store.diagnose().await {
            Ok(()) if !has_tables => {
                say(&format!("store     FAIL  {}\n", store.name()));
                Err(Failure::failed(
                    &ConfigError::new("sessions cannot be read").hint("see the lines with FAIL"),
                ))
            }
            Ok(()) => {
                say(&if config.is_stateless() {
                    "store     none  the session_data cookie alone tells who is signed in: a sign-out elsewhere, a ban or \
                     a change of a user counts once that cookie ends\n"
                        .to_owned()
                } else {
                    format!("store     ok    {} answers the lookup\n", store.name())
                });
                revocation::tell(&config, &store).await?;
                check_public_keys(&config, &store).await?;
                check_relay(&config).await?;
                check_better_auth(&config).await
            }
            Err(error) => {
                say(&format!("store     FAIL  {}\n", store.name()));
                Err(Failure::failed(&advise(&store, &error)))
            }
        }
    })
}

/// Whether apps are told by signed assertions, and by which keys they can check them.
fn tell_assertion(assertion: Option<&Assertion>, names: &HeaderNames) {
    let Some(Assertion { rules, keys, .. }) = assertion else {
        say("assertion off   nothing is signed: assertion_audience turns it on\n");
        return;
    };
    let header = names.assertion();
    let whose = format!("{header} for the audience {}, from the issuer {}", rules.audience, rules.issuer);
    say(&format!("assertion ok    {whose}\n"));
    match keys {
        AssertionKeys::Files(ring) => {
            for (key, what) in ring.keys().zip(["signs", "is published beside it"]) {
                say(&format!("assertion ok    {} key {} {what}\n", key.algorithm().name(), key.kid()));
            }
        }
        AssertionKeys::Generated(algorithm) => {
            say(&format!("assertion ok    a new {} key at each start\n", algorithm.name()));
        }
    }
}

/// The jwt plugin's keys, where something is judged by them.
async fn check_public_keys(config: &Config, store: &AnyStore) -> Result<(), Failure> {
    if !config.needs_public_keys() {
        return Ok(());
    }
    let source = config.public_keys(store)?;
    match source.fetch().await {
        Ok(keys) if keys.is_empty() => {
            say(&format!(
                "keys      ok    none yet in {source}: Better Auth makes one with its first token\n"
            ));
        }
        Ok(keys) => say(&format!("keys      ok    {} in {source}\n", keys.len())),
        Err(error) => {
            say(&format!("keys      FAIL  {source}\n"));
            let what = ConfigError::new("the jwt plugin's public keys cannot be read").because(error);
            return Err(Failure::failed(&what.hint(
                "set jwks_table to the plugin's jwks.modelName, or jwks_url to where Better Auth publishes its keys: \
                 its address with /jwks, or the plugin's jwks.jwksPath, behind it",
            )));
        }
    }
    Ok(())
}

/// By which replicas tell each other, where they do.
async fn check_relay(config: &Config) -> Result<(), Failure> {
    let Some(relay) = config.relay() else { return Ok(()) };
    if let Err(error) = relay?.open().await {
        say("relay     FAIL  revocation_redis\n");
        let (ChannelError::Broken(why) | ChannelError::NotPrepared(why)) = error;
        let what = ConfigError::new("replicas cannot tell each other of revocations").because(why);
        return Err(Failure::failed(&what.hint("start that Redis, or mend its URL in revocation_redis")));
    }
    say("relay     ok    what one replica is told by POST /revoke reaches all\n");
    Ok(())
}

/// Better Auth itself, where something is asked of it.
async fn check_better_auth(config: &Config) -> Outcome {
    let is_asked = config.api_keys.is_some() || config.refresh.is_some();
    if let Some(better_auth) = config.better_auth().filter(|_| is_asked)
        && let Err(error) = better_auth?.probe().await
    {
        say("auth_url  FAIL\n");
        let what = ConfigError::new("Better Auth cannot be asked at auth_url").because(error.detail());
        return Err(Failure::failed(&what.hint(hint_on_better_auth("auth_url", &error))));
    }
    if is_asked {
        say("auth_url  ok    Better Auth answers there\n");
    }
    Ok(ExitCode::SUCCESS)
}

fn advise(store: &AnyStore, error: &StoreError) -> ConfigError {
    let hint = if store.is_better_auth() {
        hint_on_better_auth("store", error)
    } else {
        hint_on_database(store, error).to_owned()
    };
    ConfigError::new("sessions cannot be looked up").because(error).hint(hint)
}

fn hint_on_database(store: &AnyStore, error: &StoreError) -> &'static str {
    match error {
        StoreError::Unreachable(_) => "start the database, or mend its URL in store",
        StoreError::Timeout(_) => "give store_timeout more, or find out what the database waits for",
        StoreError::Refused(_) => store.rights(),
        StoreError::Malformed(_)
        | StoreError::RateLimited
        | StoreError::Overloaded
        | StoreError::Resting
        | StoreError::Unsettled
        | StoreError::BrokeOff => "see what the session table holds",
    }
}

/// `setting` is the one that holds its URL.
fn hint_on_better_auth(setting: &str, error: &StoreError) -> String {
    match error {
        StoreError::Unreachable(_) => format!(
            "start Better Auth, or mend its URL in {setting}; an authority of your own goes into the PEM file that \
             SSL_CERT_FILE names"
        ),
        StoreError::Timeout(_) => {
            "give store_timeout more, or find out what Better Auth waits for".to_owned()
        }
        StoreError::Refused(_)
        | StoreError::Malformed(_)
        | StoreError::Overloaded
        | StoreError::Resting
        | StoreError::Unsettled
        | StoreError::BrokeOff => format!(
            "write into {setting} the URL below which Better Auth answers, with its basePath if that is not /api/auth; \
             nothing on the way may answer in its place"
        ),
        StoreError::RateLimited => {
            "exempt get-session in Better Auth: rateLimit: { customRules: { \"/get-session\": false } }"
                .to_owned()
        }
    }
}
