//! `sidegate check --caller`: the proxies' own configuration, read and told line by line. Of the settings, only the names of
//! the identity headers count.

mod include;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use http::HeaderName;

use self::include::Included;
use crate::callers::{Caller, Document, File, Unreadable, Weight};
use crate::cli::{FAILED, Outcome, say};
use crate::config::{Config, ConfigError, Sources, read_text};

/// A large host's whole configuration is a tenth of this.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

pub(in super::super) fn run<'a>(sources: &Sources, paths: impl Iterator<Item = &'a PathBuf>) -> Outcome {
    let mut errors = Vec::new();
    let mut documents = Vec::new();
    for path in paths {
        match read(path) {
            Ok(document) => documents.push(document),
            Err(error) => errors.push(error),
        }
    }
    let names = Config::header_names(sources)?;
    let identity: Vec<_> = names.all().map(HeaderName::as_str).collect();
    let mut is_good = true;
    for document in &documents {
        is_good &= tell(document, &identity, &documents);
    }
    if !errors.is_empty() {
        return Err(errors.into());
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn read(path: &Path) -> Result<Document, ConfigError> {
    let name = path.display().to_string();
    let text = read_text(path, FILE_BYTES_MAX).map_err(|error| {
        ConfigError::new(format!("cannot read {name}"))
            .because(error)
            .hint("name a file that exists and that you may read")
    })?;
    let mut included = Included::beside(path);
    let file = File { name, text };
    Document::read(&file, &mut |include| included.files(include)).map_err(|error| match error {
        Unreadable::Unknown => {
            let kinds = Caller::ALL.map(Caller::name).join(", ");
            ConfigError::new(format!("cannot tell whose configuration {} is", file.name))
                .because(format!("it is none of these: {kinds}"))
                .hint(
                    "give an nginx.conf, a Traefik file (YAML or TOML), an Envoy bootstrap (YAML or JSON), a Caddyfile or a \
                     haproxy.cfg",
                )
        }
        Unreadable::Broken { .. } => ConfigError::new(format!("cannot make sense of {}", file.name))
            .because(error)
            .hint("see what the proxy itself says of it: nginx -t, envoy --mode validate, caddy validate, haproxy -c"),
    })
}

/// Tells what was found in a document; whether that is nothing.
fn tell(document: &Document, identity: &[&str], all: &[Document]) -> bool {
    let checked = document.check(identity, all);
    for finding in &checked.findings {
        say(&format!("{finding}\n"));
    }
    let is_good = checked.findings.iter().all(|finding| finding.mistake.weight == Weight::Note);
    if is_good {
        let asks = if checked.asks { "" } else { ", and nothing in it asks sidegate" };
        let (name, kind) = (document.name(), document.caller().name());
        say(&format!("{name}  ok  {kind}, nothing known to be wrong{asks}\n"));
    }
    is_good
}
