//! The command line: what was asked for, and what the process says at its end.

mod check;
mod config;
mod demo;
mod explain;
mod health;
mod revocation;
mod routes;
mod serve;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{Config, ConfigError, Environment, SETTINGS, Setting, Sources};

/// Something could not be done.
const FAILED: u8 = 1;
/// The command line is not one.
const USAGE: u8 = 2;
/// A setting is wrong (`EX_CONFIG` of sysexits.h).
const CONFIG: u8 = 78;

/// Why a command ended without doing what it was asked for, ready to be told.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    text: String,
}

type Outcome = Result<ExitCode, Failure>;

impl Failure {
    /// The exit code that goes with it.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }

    fn failed(error: &ConfigError) -> Self {
        Self { code: FAILED, text: format!("sidegate: {error}") }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Vec<ConfigError>> for Failure {
    fn from(errors: Vec<ConfigError>) -> Self {
        let texts: Vec<_> = errors.iter().map(|error| format!("sidegate: {error}")).collect();
        Self { code: CONFIG, text: texts.join("\n") }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        vec![error].into()
    }
}

/// Runs the command that `arguments` name, the program's own name first.
///
/// # Errors
/// What to tell on standard error, and the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Outcome {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            return Err(Failure { code: USAGE, text: error.to_string().trim_end().to_owned() });
        }
        Err(help) => {
            say(&help.to_string());
            return Ok(ExitCode::SUCCESS);
        }
    };
    match matches.subcommand() {
        Some(("serve", given)) => serve::run(sources(given)?),
        Some(("check", given)) => match given.get_many::<PathBuf>("caller") {
            Some(files) => check::callers(&sources(given)?, files),
            None => check::run(&sources(given)?),
        },
        Some(("explain", given)) => {
            let all = |name| given.get_many::<String>(name).into_iter().flatten();
            explain::run(&settings(given)?, given.get_one::<String>("request"), all("cookie"), all("header"))
        }
        Some(("routes", given)) => {
            routes::run(&sources(given)?, given.get_many::<String>("request").into_iter().flatten())
        }
        Some(("config", given)) => {
            let caller = given.get_one::<String>("caller").map_or("", String::as_str);
            let directory = given.get_one::<PathBuf>("output").map(PathBuf::as_path);
            config::run(&sources(given)?, caller, directory)
        }
        Some(("revocation", given)) => {
            let Some((task, given)) = given.subcommand() else {
                return Err(Failure {
                    code: USAGE,
                    text: "sidegate: see sidegate revocation --help".to_owned(),
                });
            };
            let task = revocation::Task::named(task).unwrap_or(revocation::Task::Status);
            revocation::run(&sources(given)?, task, given.get_flag("outbox"))
        }
        Some(("health", given)) => health::run(&sources(given)?),
        Some(("demo", given)) => demo::run(flags(given)),
        _ => Err(Failure { code: USAGE, text: "sidegate: see sidegate --help".to_owned() }),
    }
}

fn command() -> Command {
    let with_settings = |command: Command| {
        command
            .arg(
                Arg::new("config")
                    .long("config")
                    .value_name("FILE")
                    .value_parser(clap::value_parser!(PathBuf))
                    .help(
                        "TOML file with settings; flags and environment win over it [env: SIDEGATE_CONFIG]",
                    ),
            )
            .args(SETTINGS.iter().map(flag))
    };
    Command::new("sidegate")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Is this Better Auth session cookie live, and whose is it? A forward-auth gateway for nginx and others")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_settings(Command::new("serve").about("Answer proxies until SIGTERM")))
        .subcommand(
            Command::new("demo")
                .about("Serve a throw-away SQLite database with a live, an expired and a revoked session")
                .args(SETTINGS.iter().filter(|setting| demo::is_setting(setting)).map(flag)),
        )
        .subcommand(
            with_settings(
                Command::new("check")
                    .about("Check settings, secret, store and schema; 78: a setting is wrong, 1: no reach"),
            )
            .arg(
                Arg::new("caller")
                    .long("caller")
                    .value_name("FILE")
                    .num_args(1..)
                    .action(ArgAction::Append)
                    .value_parser(clap::value_parser!(PathBuf))
                    .help(
                        "Read these files of nginx, Traefik, Envoy, Caddy or HAProxy instead, and name the known mistakes \
                         in them; 1: there are some, 78: a file cannot be read",
                    ),
            ),
        )
        .subcommand(
            with_settings(Command::new("explain").about("Tell each step of the decision about one cookie or request"))
                .arg(Arg::new("request").value_name("COOKIE|REQUEST").help(
                    "A cookie's value, a Cookie header's value, 'POST https://app.example.com/x', or a whole HTTP request; \
                     read from standard input if absent or -",
                ))
                .args([("cookie", "COOKIE"), ("header", "HEADER")].map(|(name, value)| {
                    Arg::new(name)
                        .long(name)
                        .value_name(value)
                        .action(ArgAction::Append)
                        .help(format!("One more {name} of that request"))
                })),
        )
        .subcommand(
            with_settings(Command::new("routes").about("Print which place asks for what, or the route of each request"))
                .arg(Arg::new("request").value_name("REQUEST").num_args(0..).help(
                    "'POST https://app.example.com/x' or 'GET /x'; -: one on each line of standard input",
                )),
        )
        .subcommand(
            with_settings(
                Command::new("config").about("Print the configuration of a proxy that goes with these settings"),
            )
            .arg(
                Arg::new("caller")
                    .value_name("CALLER")
                    .required(true)
                    .help(format!("Which proxy: {}", config::callers().collect::<Vec<_>>().join(", "))),
            )
            .arg(
                Arg::new("output")
                    .long("output")
                    .value_name("DIRECTORY")
                    .value_parser(clap::value_parser!(PathBuf))
                    .help("Write the files there instead of printing them; one that is there is left as it is"),
            ),
        )
        .subcommand(revocation_command(with_settings))
        .subcommand(with_settings(Command::new("health").about("Ask a running sidegate whether it is ready; 1: not")))
}

fn revocation_command(with_settings: impl Fn(Command) -> Command) -> Command {
    let outbox = Arg::new("outbox").long("outbox").action(ArgAction::SetTrue).help(
        "On PostgreSQL: a table that is polled, for where LISTEN is not to be had (poolers in transaction mode, standbys)",
    );
    let tasks = revocation::Task::ALL
        .into_iter()
        .map(|(name, _, about)| with_settings(Command::new(name).about(about)).arg(outbox.clone()));
    Command::new("revocation")
        .about("Have the database tell of sign-outs and bans as they happen")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(tasks)
}

/// A flag takes text; what it means is checked together with the other layers, and told the same way.
fn flag(setting: &Setting) -> Arg {
    let default = setting.default.filter(|default| !default.is_empty());
    let default = default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let arg = Arg::new(setting.name)
        .long(setting.flag())
        .value_name(setting.value)
        .help(format!("{}{default} [env: {}]", setting.help, setting.variable()))
        .action(ArgAction::Set);
    if setting.is_switch() {
        arg.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        arg
    }
}

fn flags(given: &ArgMatches) -> BTreeMap<&'static str, String> {
    SETTINGS
        .iter()
        .filter_map(|setting| {
            let text = given.try_get_one::<String>(setting.name).ok().flatten()?;
            Some((setting.name, text.clone()))
        })
        .collect()
}

fn sources(given: &ArgMatches) -> Result<Sources, Failure> {
    let config = given.get_one::<PathBuf>("config").map(PathBuf::as_path);
    Ok(Sources::new(flags(given), Environment::of_process(), config)?)
}

fn settings(given: &ArgMatches) -> Result<Config, Failure> {
    Ok(Config::load(&sources(given)?)?)
}

/// Prints to standard output. Whoever closed it does not want to know, so that is no error.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Runs `work` to its end. What it leaves behind is not waited for: a name that is still being resolved must not hold
/// up the end of the process.
fn block_on<T>(workers: usize, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime(workers)?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

fn runtime(workers: usize) -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build().map_err(
        |error| {
            Failure::failed(
                &ConfigError::new("cannot start the runtime")
                    .because(error)
                    .hint("raise the limit of threads"),
            )
        },
    )
}
