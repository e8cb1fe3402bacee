//! What is known to go wrong in a proxy's own configuration, found by reading it.
//!
//! Text in, findings out: no file is opened here, no program is asked, nothing is guessed. What a file does not show
//! (a block that is elsewhere, a variable's value) is not complained about. Each caller has its file: how its
//! configuration is read, and the table of its mistakes, each with a stable code and its fix.

mod caddy;
mod directive;
mod envoy;
mod finding;
mod haproxy;
mod header;
mod kind;
mod nginx;
mod traefik;
mod tree;

use std::rc::Rc;

pub use self::finding::{Finding, Mistake, Place, Weight};

use self::directive::Directive;
use self::finding::Report;
use self::tree::Node;

/// A file's name, as it is to be told, and what is in it.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What an `include` or `import` line asks for.
#[derive(Clone, Copy, Debug)]
pub struct Include<'a> {
    /// A path or a glob pattern, as it is written.
    pub pattern: &'a str,
    /// The file in which the line stands.
    pub from: &'a str,
    /// Whose configuration it is: each proxy looks for files in a place of its own.
    pub caller: Caller,
}

/// Gives the files that a line asks for, or says why it cannot.
pub type Includes<'a> = dyn FnMut(Include<'_>) -> Result<Vec<File>, String> + 'a;

/// Why a configuration cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not of any kind that is known.
    #[error("it is no configuration that is known here")]
    Unknown,
    /// It breaks its own grammar, or a bound.
    #[error("{place}: {what}")]
    Broken {
        /// Where.
        place: Place,
        /// What is wrong there.
        what: String,
    },
}

/// A program whose configuration is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// nginx: `nginx.conf`, with what it includes.
    Nginx,
    /// Traefik: dynamic and static files, and its Kubernetes resources.
    Traefik,
    /// Envoy: a bootstrap, or parts of one.
    Envoy,
    /// Caddy: a Caddyfile.
    Caddy,
    /// `HAProxy`.
    Haproxy,
}

impl Caller {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Nginx, Self::Traefik, Self::Envoy, Self::Caddy, Self::Haproxy];

    /// What its file is called in a sentence.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx configuration",
            Self::Traefik => "Traefik configuration",
            Self::Envoy => "Envoy configuration",
            Self::Caddy => "Caddyfile",
            Self::Haproxy => "HAProxy configuration",
        }
    }

    /// Every mistake that is known of it.
    #[must_use]
    pub const fn mistakes(self) -> &'static [&'static Mistake] {
        match self {
            Self::Nginx => nginx::MISTAKES,
            Self::Traefik => traefik::MISTAKES,
            Self::Envoy => envoy::MISTAKES,
            Self::Caddy => caddy::MISTAKES,
            Self::Haproxy => haproxy::MISTAKES,
        }
    }
}

/// A configuration that was read, whole.
#[derive(Debug)]
pub struct Document {
    name: Rc<str>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Nginx(Vec<Directive>),
    Traefik(Vec<Node>),
    Envoy(Vec<Node>),
    Caddy(Vec<Directive>),
    Haproxy(Vec<haproxy::Section>),
}

/// What was found in a document.
#[derive(Debug)]
pub struct Checked {
    /// In the order of the lines.
    pub findings: Vec<Finding>,
    /// Whether anything in it asks sidegate, or some other program in its place.
    pub asks: bool,
}

impl Document {
    /// Recognises a configuration by its content and reads it, with what it includes.
    ///
    /// # Errors
    /// If it is of no known kind, or cannot be read as what it seems to be.
    pub fn read(file: &File, includes: &mut Includes<'_>) -> Result<Self, Unreadable> {
        let name: Rc<str> = file.name.as_str().into();
        let content = kind::read(&name, &file.text, includes)?;
        Ok(Self { name, content })
    }

    /// Whose configuration it is.
    #[must_use]
    pub fn caller(&self) -> Caller {
        match self.content {
            Content::Nginx(_) => Caller::Nginx,
            Content::Traefik(_) => Caller::Traefik,
            Content::Envoy(_) => Caller::Envoy,
            Content::Caddy(_) => Caller::Caddy,
            Content::Haproxy(_) => Caller::Haproxy,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names the mistakes in it. `identity` are the headers that tell an app who somebody is, in lower case; `others`
    /// are the documents given with this one, for what Traefik writes into two files.
    #[must_use]
    pub fn check(&self, identity: &[&str], others: &[Self]) -> Checked {
        let mut report = Report::default();
        let asks = match &self.content {
            Content::Nginx(root) => nginx::check(root, identity, &mut report),
            Content::Traefik(roots) => {
                let beside: Vec<_> = others.iter().filter_map(Self::traefik).flatten().collect();
                traefik::check(roots, &beside, identity, &mut report)
            }
            Content::Envoy(roots) => envoy::check(roots, identity, &mut report),
            Content::Caddy(root) => caddy::check(root, identity, &mut report),
            Content::Haproxy(sections) => haproxy::check(sections, identity, &mut report),
        };
        Checked { findings: report.findings(&self.name), asks }
    }

    fn traefik(&self) -> Option<&Vec<Node>> {
        match &self.content {
            Content::Traefik(roots) => Some(roots),
            Content::Nginx(_) | Content::Envoy(_) | Content::Caddy(_) | Content::Haproxy(_) => None,
        }
    }
}

/// What tells whose page a request comes from, where `allowed_origins` is set. A WebSocket is known by the last.
const SENDER: [&str; 3] = ["origin", "sec-fetch-site", "sec-websocket-version"];

/// Whether a path is that of Better Auth's own endpoint, which answers 200 to everybody, signed in or not.
fn is_get_session(path: &str) -> bool {
    path.contains("/get-session")
}
