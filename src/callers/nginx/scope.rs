//! Blocks inside blocks, and what is in force in each.
//!
//! nginx takes a directive from the innermost block that has it, and of those that may be repeated (`proxy_set_header`,
//! `error_page`, `auth_request_set`) all lines of that block and none of the others.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::directive::Directive;

/// The lines of a block by their names. Blocks of ten thousand locations ask for the same ones ten thousand times.
type Level<'a> = Rc<HashMap<&'a str, Vec<&'a Directive>>>;

/// A block with those around it.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    /// The blocks, the outermost first.
    blocks: Vec<&'a Directive>,
    /// The lines of each, and before them those of the file itself.
    levels: Vec<Level<'a>>,
    own: &'a [Directive],
}

/// A `server` with all blocks inside it; or the lines of a file that belong into one.
#[derive(Debug)]
pub(super) struct Server<'a> {
    /// The server itself.
    pub(super) scope: Scope<'a>,
    /// The locations and conditions in it, itself not among them.
    pub(super) inner: Vec<Scope<'a>>,
}

/// What nginx asks about a request to find its location.
const LOCATION: &str = "location";

impl<'a> Scope<'a> {
    fn root(root: &'a [Directive]) -> Self {
        Self { blocks: Vec::new(), levels: vec![level(root)], own: root }
    }

    fn inside(&self, block: &'a Directive) -> Self {
        let mut inside = self.clone();
        inside.blocks.push(block);
        inside.levels.push(level(block.inside()));
        inside.own = block.inside();
        inside
    }

    /// The block itself.
    pub(super) fn block(&self) -> Option<&'a Directive> {
        self.blocks.last().copied()
    }

    /// Its own lines.
    pub(super) fn own(&self) -> &'a [Directive] {
        self.own
    }

    pub(super) fn own_line(&self, name: &str) -> Option<&'a Directive> {
        self.levels.last()?.get(name)?.first().copied()
    }

    /// The lines of a name that are in force: those of the innermost block that has any.
    pub(super) fn lines(&self, name: &str) -> Vec<&'a Directive> {
        self.levels_with(name).next().unwrap_or_default()
    }

    /// The lines of a name in each block that has any, the innermost first.
    pub(super) fn levels_with(&self, name: &str) -> impl Iterator<Item = Vec<&'a Directive>> {
        self.levels.iter().rev().filter_map(move |level| level.get(name).cloned())
    }

    /// The line of a name that is in force.
    pub(super) fn line(&self, name: &str) -> Option<&'a Directive> {
        self.lines(name).last().copied()
    }

    /// The value of a name that is in force.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.line(name).map(Directive::value)
    }

    /// The line that has this location checked before anything is passed on.
    pub(super) fn auth_request(&self) -> Option<&'a Directive> {
        self.line("auth_request").filter(|line| line.value() != "off")
    }

    pub(super) fn is(&self, block: &Directive) -> bool {
        self.block().is_some_and(|own| std::ptr::eq(own, block))
    }

    /// `=`, `^~`, `~`, `~*` or nothing, and the path of a location.
    pub(super) fn path(&self) -> Option<(&'a str, &'a str)> {
        let block = self.block().filter(|block| block.name() == LOCATION)?;
        match block.arguments() {
            [sign, path] => Some((sign, path)),
            // `location =/path` is the same as `location = /path`.
            [path] => {
                let sign = ["=", "^~", "~*", "~"].into_iter().find(|sign| path.starts_with(sign));
                let sign = sign.unwrap_or_default();
                Some((sign, path.strip_prefix(sign).unwrap_or(path)))
            }
            _ => None,
        }
    }

    pub(super) fn is_exact(&self) -> bool {
        self.path().is_some_and(|(sign, _)| sign == "=")
    }

    pub(super) fn is_named(&self) -> bool {
        self.path().is_some_and(|(_, path)| path.starts_with('@'))
    }
}

impl<'a> Server<'a> {
    /// The location that answers a path which nginx itself asks for, regular expressions aside.
    pub(super) fn location(&self, wanted: &str) -> Option<&Scope<'a>> {
        let wanted = wanted.split('?').next().unwrap_or(wanted);
        let fit = |scope: &&Scope<'a>| match scope.path() {
            Some(("=", path)) if path == wanted => Some(usize::MAX),
            Some(("", path)) if path.starts_with('@') => (path == wanted).then_some(usize::MAX),
            Some(("" | "^~", path)) => wanted.starts_with(path).then_some(path.len()),
            _ => None,
        };
        self.inner.iter().filter(|scope| fit(scope).is_some()).max_by_key(fit)
    }
}

fn level(lines: &[Directive]) -> Level<'_> {
    let mut level: HashMap<_, Vec<_>> = HashMap::new();
    for line in lines {
        level.entry(line.name()).or_default().push(line);
    }
    Rc::new(level)
}

/// Every server of a configuration.
pub(super) fn servers(root: &[Directive]) -> Vec<Server<'_>> {
    let file = Scope::root(root);
    let mut found = Vec::new();
    collect(&file, &mut found);
    // The lines of a file that is to be included into a server.
    let mut inner = Vec::new();
    descend(&file, &mut inner);
    found.push(Server { scope: file, inner });
    found
}

fn collect<'a>(around: &Scope<'a>, found: &mut Vec<Server<'a>>) {
    for block in around.own() {
        match block.name() {
            "http" => collect(&around.inside(block), found),
            "server" if block.block.is_some() => {
                let scope = around.inside(block);
                let mut inner = Vec::new();
                descend(&scope, &mut inner);
                found.push(Server { scope, inner });
            }
            _ => {}
        }
    }
}

fn descend<'a>(around: &Scope<'a>, found: &mut Vec<Scope<'a>>) {
    for block in around.own() {
        if matches!(block.name(), LOCATION | "if" | "limit_except") && block.block.is_some() {
            let scope = around.inside(block);
            found.push(scope.clone());
            descend(&scope, found);
        }
    }
}
