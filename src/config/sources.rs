//! Where settings come from, before anybody looks at what they say.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::reload::Digest;
use super::settings::{SETTINGS, Setting};

/// The three layers, each from setting name to text.
#[derive(Clone, Default)]
pub struct Sources {
    flags: BTreeMap<&'static str, String>,
    environment: Environment,
    pub(super) file: File,
    path: Option<PathBuf>,
    /// Of the file as it was read.
    pub(super) digest: Option<Digest>,
}

/// What a file says.
#[derive(Clone, Default)]
pub(super) struct File {
    pub(super) settings: BTreeMap<&'static str, String>,
    /// Its `[[route]]` tables.
    pub(super) routes: Vec<toml::Table>,
}

/// The process's environment, as far as it is anyone's business.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Names whose values are no text.
    unreadable: Vec<String>,
}

/// A setting's text and who gave it.
pub(super) struct Given<'a> {
    pub(super) text: &'a str,
    pub(super) origin: Origin<'a>,
}

pub(super) enum Origin<'a> {
    Flag(String),
    Variable(String),
    File(&'a Path),
    Default,
}

impl File {
    pub(super) fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.routes.is_empty()
    }
}

impl Environment {
    /// What this process was started with.
    #[must_use]
    pub fn of_process() -> Self {
        let mut environment = Self::default();
        for (name, value) in std::env::vars_os() {
            // A name that is no text is none of ours.
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(environment.variables.insert(name, value)),
                Err(_) => environment.unreadable.push(name),
            }
        }
        environment
    }

    /// This environment with one more variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: String) -> Self {
        self.variables.insert(name.to_owned(), value);
        self
    }

    /// The variables of these settings alone.
    #[must_use]
    pub fn only(mut self, is_wanted: impl Fn(&Setting) -> bool) -> Self {
        let wanted: Vec<_> = SETTINGS.iter().filter(|one| is_wanted(one)).map(Setting::variable).collect();
        self.variables.retain(|name, _| wanted.contains(name));
        self
    }

    /// A variable that is set and not empty: what is not ours may be empty for lack of a value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Passing over a value that cannot be read would mean to go on with another: an older secret, a default.
    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let foreign = ["BETTER_AUTH_SECRETS", "BETTER_AUTH_SECRET", "AUTH_SECRET", "DATABASE_URL"];
        let errors: Vec<_> = self
            .unreadable
            .iter()
            .filter(|name| name.starts_with("SIDEGATE_") || foreign.contains(&name.as_str()))
            .map(|name| ConfigError::new(format!("the variable {name} is not UTF-8")).hint("set it to text"))
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Variables that look like settings and are none.
    ///
    /// Kubernetes makes `SIDEGATE_PORT` and `SIDEGATE_SERVICE_…` for every pod near a Service named `sidegate`.
    pub(super) fn strangers(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().filter_map(|name| {
            let rest = name.strip_prefix("SIDEGATE_")?;
            let known = rest == "CONFIG" || SETTINGS.iter().any(|setting| &setting.variable() == name);
            let kubernetes = rest.starts_with("PORT") || rest.starts_with("SERVICE_");
            (!known && !kubernetes).then_some(name.as_str())
        })
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().collect(), unreadable: Vec::new() }
    }
}

/// Values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.variables.len())
    }
}

/// Values may be secrets.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Sources {
    /// Reads the file, if one is named by `--config` or `SIDEGATE_CONFIG`.
    ///
    /// # Errors
    /// If it cannot be read, is no TOML, or has a key that is no setting.
    pub fn new(
        flags: BTreeMap<&'static str, String>,
        environment: Environment,
        config: Option<&Path>,
    ) -> Result<Self, Vec<ConfigError>> {
        environment.check()?;
        let path =
            config.map(Path::to_owned).or_else(|| environment.get("SIDEGATE_CONFIG").map(PathBuf::from));
        let sources = Self { flags, environment, path, ..Self::default() };
        sources.with_file(sources.text())
    }

    /// The text of the file as it is now; `None` if there is no such file to be read.
    pub(super) fn text(&self) -> Option<io::Result<String>> {
        self.path.as_deref().map(|path| read_text(path, FILE_BYTES_MAX))
    }

    /// The same flags and variables, with what a text of the file says.
    ///
    /// # Errors
    /// If it could not be read, is no TOML, or has a key that is no setting.
    pub(super) fn with_file(&self, text: Option<io::Result<String>>) -> Result<Self, Vec<ConfigError>> {
        let digest = text.as_ref().map(Digest::of);
        let file = match (&self.path, text) {
            (Some(path), Some(text)) => read_file(path, text)?,
            _ => File::default(),
        };
        let (flags, environment, path) = (self.flags.clone(), self.environment.clone(), self.path.clone());
        Ok(Self { flags, environment, file, path, digest })
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The file that was read.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The `[[route]]` tables of the file: no flag or variable could hold them.
    pub(super) fn routes(&self) -> &[toml::Table] {
        &self.file.routes
    }

    /// A setting by its name, from the strongest layer that has it.
    pub(super) fn given(&self, name: &'static str) -> Option<Given<'_>> {
        let setting = SETTINGS.iter().find(|setting| setting.name == name)?;
        if let Some(text) = self.flags.get(name) {
            return Some(Given { text, origin: Origin::Flag(setting.flag()) });
        }
        if let Some(text) = self.environment.variables.get(&setting.variable()) {
            return Some(Given { text, origin: Origin::Variable(setting.variable()) });
        }
        if let (Some(text), Some(path)) = (self.file.settings.get(name), &self.path) {
            return Some(Given { text, origin: Origin::File(path) });
        }
        setting.default.map(|text| Given { text, origin: Origin::Default })
    }
}

impl Given<'_> {
    pub(super) fn is_default(&self) -> bool {
        matches!(self.origin, Origin::Default)
    }
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
            Self::Default => f.write_str("its default"),
        }
    }
}

/// All settings with all their reasons are a tenth of this.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The key of the routes.
pub(super) const ROUTE: &str = "route";

fn read_file(path: &Path, text: io::Result<String>) -> Result<File, Vec<ConfigError>> {
    let text = text.map_err(|error| {
        vec![
            ConfigError::new(format!("cannot read the configuration file {}", path.display()))
                .because(error)
                .hint("name a file that exists and that the user sidegate runs as may read"),
        ]
    })?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // toml's own Display would quote the line, and with it perhaps a password.
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        vec![
            ConfigError::new(format!("{} is not TOML", path.display()))
                .because(format!("line {line}: {}", error.message()))
                .hint("write lines such as cache_ttl = \"5s\"; deploy/sidegate.toml has them all"),
        ]
    })?;
    let mut file = File::default();
    let mut errors = Vec::new();
    for (key, value) in table {
        if key == ROUTE {
            match route_tables(value) {
                Some(routes) => file.routes = routes,
                None => errors.push(no_routes(path)),
            }
            continue;
        }
        match SETTINGS.iter().find(|setting| setting.name == key) {
            Some(setting) => match text_of(setting, &value) {
                Some(text) => drop(file.settings.insert(setting.name, text)),
                None => errors.push(
                    ConfigError::new(format!(
                        "{key} in {} is neither a text, a number nor true or false",
                        path.display()
                    ))
                    .hint(format!("give {key} a {}", setting.value)),
                ),
            },
            None => errors.push(unknown_key(&key, path)),
        }
    }
    if errors.is_empty() { Ok(file) } else { Err(errors) }
}

fn route_tables(value: toml::Value) -> Option<Vec<toml::Table>> {
    let toml::Value::Array(list) = value else { return None };
    list.into_iter().map(|value| value.try_into().ok()).collect()
}

fn no_routes(path: &Path) -> ConfigError {
    ConfigError::new(format!("{ROUTE} in {} is no list of tables", path.display()))
        .hint("write [[route]], in two pairs of brackets, and its keys below it")
}

/// Lists and maps may be written as TOML's own or as one text, as in a flag.
fn text_of(setting: &Setting, value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        // TOML's own octal, 0o660, is the number 432 by now.
        toml::Value::Integer(number) if setting.value == "OCTAL" => Some(format!("{number:o}")),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        toml::Value::Array(list) => list
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(|l| l.join(",")),
        toml::Value::Table(map) => map
            .iter()
            .map(|(key, value)| value.as_str().map(|value| format!("{key}={value}")))
            .collect::<Option<Vec<_>>>()
            .map(|pairs| pairs.join(",")),
        toml::Value::Float(_) | toml::Value::Datetime(_) => None,
    }
}

/// A text file that is not longer than it may be.
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    // A byte more than allowed tells that there is more, whatever the file says of its size: devices say nothing.
    let read = std::fs::File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read <= bytes_max) {
        return Ok(text);
    }
    Err(io::Error::other(format!("it is longer than {bytes_max} bytes")))
}

fn unknown_key(key: &str, path: &Path) -> ConfigError {
    let error = ConfigError::new(format!("{} has the key {key}, which is no setting", path.display()));
    if matches!(key, "secret" | "better_auth_secret") {
        return error
            .hint("give the secret by secret_file or the variable BETTER_AUTH_SECRET, never in this file");
    }
    match nearest(key) {
        Some(name) => error.hint(format!("did you mean {name}?")),
        None => error.hint("see deploy/sidegate.toml or `sidegate serve --help` for all settings"),
    }
}

/// The setting whose name shares the most with `key`, if it shares much.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    let pairs = |text: &str| text.as_bytes().windows(2).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let wanted = pairs(&key.to_ascii_lowercase());
    let likeness = |name: &str| {
        let name = pairs(name);
        let shared = wanted.iter().filter(|pair| name.contains(pair)).count();
        2 * shared * 100 / (wanted.len() + name.len()).max(1)
    };
    let best = SETTINGS.iter().map(|setting| (likeness(setting.name), setting.name)).max()?;
    (best.0 >= 60).then_some(best.1)
}
