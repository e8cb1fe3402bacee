//! What nginx and Caddy have in common: words, perhaps with a block, and files that stand in for a line.

use std::rc::Rc;

use super::{Caller, File, Include, Includes, Place, Unreadable};

/// Deeper than anybody nests blocks, and shallow enough to walk by calling oneself.
pub(super) const DEPTH_MAX: usize = 64;
/// Files that include files that include files.
const INCLUDE_DEPTH_MAX: usize = 16;
/// `/etc/nginx/sites-enabled/*` of a large host, many times over.
const DIRECTIVES_MAX: usize = 200_000;

/// A line, or a block with the line that opens it.
#[derive(Clone, Debug)]
pub(super) struct Directive {
    pub(super) place: Place,
    /// The name first.
    pub(super) words: Vec<String>,
    pub(super) block: Option<Vec<Directive>>,
}

impl Directive {
    pub(super) fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    pub(super) fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The first argument, or nothing.
    pub(super) fn value(&self) -> &str {
        self.words.get(1).map_or("", String::as_str)
    }

    pub(super) fn inside(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// A text that breaks its grammar.
pub(super) fn broken(file: &Rc<str>, line: usize, what: &str) -> Unreadable {
    Unreadable::Broken { place: Place::new(file, line), what: what.to_owned() }
}

/// Builds blocks out of lines, within bounds.
#[derive(Debug)]
pub(super) struct Blocks {
    file: Rc<str>,
    open: Vec<(Directive, Vec<Directive>)>,
    current: Vec<Directive>,
}

impl Blocks {
    pub(super) fn new(file: &Rc<str>) -> Self {
        Self { file: Rc::clone(file), open: Vec::new(), current: Vec::new() }
    }

    pub(super) fn line(&mut self, directive: Directive) {
        self.current.push(directive);
    }

    pub(super) fn open(&mut self, directive: Directive) -> Result<(), Unreadable> {
        if self.open.len() >= DEPTH_MAX {
            let what = format!("blocks are nested more than {DEPTH_MAX} deep");
            return Err(Unreadable::Broken { place: directive.place, what });
        }
        self.open.push((directive, std::mem::take(&mut self.current)));
        Ok(())
    }

    pub(super) fn close(&mut self, line: usize) -> Result<(), Unreadable> {
        let Some((mut directive, around)) = self.open.pop() else {
            return Err(broken(&self.file, line, "a } closes nothing"));
        };
        directive.block = Some(std::mem::replace(&mut self.current, around));
        self.current.push(directive);
        Ok(())
    }

    pub(super) fn end(self) -> Result<Vec<Directive>, Unreadable> {
        match self.open.last() {
            None => Ok(self.current),
            Some((directive, _)) => {
                Err(broken(&self.file, directive.place.line(), "this block is not closed"))
            }
        }
    }
}

/// Puts included files into the place of the lines that include them.
pub(super) struct Expander<'a, 'b> {
    caller: Caller,
    includes: &'a mut Includes<'b>,
    left: usize,
    depth: usize,
}

impl<'a, 'b> Expander<'a, 'b> {
    pub(super) fn new(caller: Caller, includes: &'a mut Includes<'b>) -> Self {
        Self { caller, includes, left: DIRECTIVES_MAX, depth: 0 }
    }

    /// The files of the line `at`, each read by `read`.
    pub(super) fn files(
        &mut self,
        at: &Directive,
        read: fn(&Rc<str>, &str) -> Result<Vec<Directive>, Unreadable>,
    ) -> Result<Vec<Directive>, Unreadable> {
        let include = Include { pattern: at.value(), from: at.place.file(), caller: self.caller };
        let mut all = Vec::new();
        let files = (self.includes)(include).map_err(|why| {
            let what = format!("cannot read {}: {why}", include.pattern);
            Unreadable::Broken { place: at.place.clone(), what }
        })?;
        for File { name, text } in files {
            all.extend(read(&name.into(), &text)?);
        }
        Ok(all)
    }

    /// Does `work`, one include deeper than before.
    pub(super) fn deeper<T>(
        &mut self,
        at: &Directive,
        work: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        if self.depth >= INCLUDE_DEPTH_MAX {
            let what = format!("files include each other more than {INCLUDE_DEPTH_MAX} deep");
            return Err(Unreadable::Broken { place: at.place.clone(), what });
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    /// Counts a line.
    pub(super) fn count(&mut self, at: &Directive) -> Result<(), Unreadable> {
        let Some(left) = self.left.checked_sub(1) else {
            let what = format!("with what it includes, this has more than {DIRECTIVES_MAX} lines");
            return Err(Unreadable::Broken { place: at.place.clone(), what });
        };
        self.left = left;
        Ok(())
    }
}
