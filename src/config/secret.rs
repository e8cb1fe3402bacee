//! Better Auth's secret: found where Better Auth finds it, or in a file; never in a flag.

use std::path::Path;

use super::error::ConfigError;
use super::sources::{Sources, read_text};
use crate::secret::Secret;

/// The secret with which Better Auth runs where none is set. Everybody knows it.
/// Source: better-auth 1.7.25 `utils/constants`.
const PUBLIC_DEFAULT: &str = "better-auth-secret-12345678901234567890";
/// Better Auth warns below this many characters.
const CHARS_MIN: usize = 32;
/// Guessing shorter ones over the network comes into reach.
const OWN_CHARS_MIN: usize = 16;
/// A longer file is something else.
const FILE_BYTES_MAX: u64 = 64 * 1024;

const HINT: &str = "set BETTER_AUTH_SECRET or secret_file to the very secret that Better Auth runs with";

/// The secret that signs, and those before it that Better Auth still reads encrypted values with.
#[derive(Debug)]
pub struct Secrets {
    /// Signs and verifies cookies.
    pub current: Secret,
    /// Open encrypted session caches, and nothing else.
    pub older: Vec<Secret>,
}

pub(super) fn find(sources: &Sources, warnings: &mut Vec<String>) -> Result<Secrets, ConfigError> {
    let (secrets, origin) = match sources.given("secret_file") {
        Some(given) => {
            let current = read(Path::new(given.text))?;
            (Secrets { current, older: Vec::new() }, given.text.to_owned())
        }
        None => from_environment(sources)?,
    };
    check(&secrets.current, &origin, warnings)?;
    Ok(secrets)
}

/// The secret in one file, held to the same rules.
pub(super) fn read_checked(path: &str, warnings: &mut Vec<String>) -> Result<Secret, ConfigError> {
    let secret = read(Path::new(path))?;
    check(&secret, path, warnings)?;
    Ok(secret)
}

/// The secret in a file of sidegate's own.
pub(super) fn read_own(path: &str) -> Result<Secret, ConfigError> {
    let secret = read(Path::new(path))?;
    let chars = secret.expose().chars().count();
    if chars < OWN_CHARS_MIN || !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConfigError::new(format!("the secret in {path} is none that can be sent as a bearer"))
            .because(format!(
                "it has {chars} characters, or some that are no letters, digits or signs of ASCII"
            ))
            .hint(format!(
                "write at least {OWN_CHARS_MIN} of these, such as those of `openssl rand -hex 32`"
            )));
    }
    Ok(secret)
}

fn check(secret: &Secret, origin: &str, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
    let text = secret.expose();
    if text.is_empty() {
        return Err(ConfigError::new(format!("the secret in {origin} is empty")).hint(HINT));
    }
    if text == PUBLIC_DEFAULT {
        return Err(ConfigError::new(format!("the secret in {origin} is Better Auth's public default"))
            .because("anybody can sign a session cookie with it")
            .hint("set a secret of your own in Better Auth, and the same one here"));
    }
    let chars = text.chars().count();
    if chars < CHARS_MIN {
        warnings.push(format!(
            "the secret in {origin} has {chars} characters; {CHARS_MIN} are the least that is safe"
        ));
    }
    Ok(())
}

/// In Better Auth's own order (1.7.25 `context/secret-utils` and `create-context`).
fn from_environment(sources: &Sources) -> Result<(Secrets, String), ConfigError> {
    let environment = sources.environment();
    let single = || {
        ["BETTER_AUTH_SECRET", "AUTH_SECRET"]
            .into_iter()
            .find_map(|name| Some((Secret::new(environment.get(name)?.to_owned()), name.to_owned())))
    };
    if let Some(listed) = environment.get("BETTER_AUTH_SECRETS") {
        // "2:new,1:old": the first entry signs and verifies, whatever its version.
        let entries = listed.split(',').map(|entry| {
            let (_, secret) = entry.trim().split_once(':')?;
            Some(Secret::new(secret.trim().to_owned()))
        });
        let Some(mut entries) = entries.collect::<Option<Vec<_>>>().filter(|entries| !entries.is_empty())
        else {
            return Err(ConfigError::new(
                "BETTER_AUTH_SECRETS is not of the form version:secret,version:secret",
            )
            .hint("write it as Better Auth reads it, the current secret first"));
        };
        let current = entries.remove(0);
        let older = entries.into_iter().chain(single().map(|(legacy, _)| legacy)).collect();
        return Ok((Secrets { current, older }, "BETTER_AUTH_SECRETS".to_owned()));
    }
    single()
        .map(|(current, name)| (Secrets { current, older: Vec::new() }, name))
        .ok_or_else(|| ConfigError::new("there is no secret").hint(HINT))
}

fn read(path: &Path) -> Result<Secret, ConfigError> {
    let mut text = read_text(path, FILE_BYTES_MAX).map_err(|error| {
        ConfigError::new(format!("cannot read the secret file {}", path.display()))
            .because(error)
            .hint("mount the file and make it readable by the user sidegate runs as")
    })?;
    // Editors and `kubectl create secret --from-file` leave a line end that nobody meant.
    let end =
        text.strip_suffix('\n').map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
    text.truncate(end);
    Ok(Secret::new(text))
}
