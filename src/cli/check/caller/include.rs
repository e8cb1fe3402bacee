//! The files that a configuration includes, found where its program would look for them.

use std::path::{Component, Path, PathBuf};

use super::FILE_BYTES_MAX;
use crate::callers::{Caller, File, Include};
use crate::config::read_text;

/// `/etc/nginx/sites-enabled/*` of a large host.
const FILES_MAX: usize = 1_000;
/// Names looked at for one pattern: `/*/*/*` would walk the whole machine.
const NAMES_MAX: usize = 20_000;

/// What is included by one file.
#[derive(Debug)]
pub(super) struct Included {
    /// Where nginx looks: the directory of its main file.
    directories: Vec<PathBuf>,
    files: usize,
}

impl Included {
    pub(super) fn beside(main: &Path) -> Self {
        let own = main.parent().unwrap_or(Path::new(""));
        // A file of sites-enabled/ is a part of the nginx.conf above it.
        let above = own.ancestors().find(|directory| directory.join("nginx.conf").is_file());
        let directories = [Some(own), above].into_iter().flatten().map(Path::to_owned).collect();
        Self { directories, files: 0 }
    }

    pub(super) fn files(&mut self, include: Include<'_>) -> Result<Vec<File>, String> {
        let paths = match include.caller {
            Caller::Nginx => self
                .directories
                .iter()
                .map(|base| find(base, include.pattern))
                .find(|paths| paths.as_ref().is_ok_and(|paths| !paths.is_empty())),
            Caller::Traefik | Caller::Envoy | Caller::Caddy | Caller::Haproxy => {
                let base = Path::new(include.from).parent().unwrap_or(Path::new(""));
                Some(find(base, include.pattern))
            }
        };
        let paths = paths.unwrap_or_else(|| Ok(Vec::new()))?;
        // A pattern may mean nothing, a name may not.
        if paths.is_empty() && !is_pattern(include.pattern) {
            return Err("there is no such file".to_owned());
        }
        let mut files = Vec::new();
        for path in paths {
            self.files += 1;
            if self.files > FILES_MAX {
                return Err(format!("more than {FILES_MAX} files are included"));
            }
            let text = read_text(&path, FILE_BYTES_MAX).map_err(|error| error.to_string())?;
            files.push(File { name: path.display().to_string(), text });
        }
        Ok(files)
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The files that a pattern means, by name, as glob(3) has them.
fn find(base: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![base.to_owned()];
    let mut looked_at = 0;
    for component in Path::new(pattern).components() {
        let Component::Normal(name) = component else {
            for path in &mut found {
                path.push(component);
            }
            continue;
        };
        let name = name.to_string_lossy();
        if !is_pattern(&name) {
            for path in &mut found {
                path.push(&*name);
            }
            continue;
        }
        let mut next = Vec::new();
        for directory in found {
            let directory_or_here =
                if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
            for entry in std::fs::read_dir(directory_or_here).into_iter().flatten().flatten() {
                looked_at += 1;
                if looked_at > NAMES_MAX {
                    return Err(format!("it means more than {NAMES_MAX} names"));
                }
                let file = entry.file_name();
                let text = file.to_string_lossy();
                // A leading dot has to be written out.
                let is_hidden = text.starts_with('.') && !name.starts_with('.');
                if !is_hidden && fits(&name.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>()) {
                    next.push(directory.join(&file));
                }
            }
        }
        next.sort();
        found = next;
    }
    found.retain(|path| path.is_file());
    Ok(found)
}

/// Whether a name is of a form. Goes back to the last `*` alone, so that it takes no longer than both lengths multiplied.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut begun) = ((0, 0), None);
    while let Some(&char) = name.get(at.1) {
        let rest = pattern.get(at.0..).unwrap_or_default();
        let one = match rest {
            ['*', ..] => {
                begun = Some((at.0 + 1, at.1));
                at.0 += 1;
                continue;
            }
            ['?', ..] => Some(1),
            ['[', set @ ..] => of_set(set, char),
            [literal, ..] => (*literal == char).then_some(1),
            [] => None,
        };
        match (one, begun) {
            (Some(length), _) => at = (at.0 + length, at.1 + 1),
            (None, Some((from, taken))) => {
                begun = Some((from, taken + 1));
                at = (from, taken + 1);
            }
            (None, None) => return false,
        }
    }
    pattern.get(at.0..).unwrap_or_default().iter().all(|char| *char == '*')
}

/// The length of a set of characters, its brackets included, if `char` is in it: `[a-z]`, `[!0-9]`.
fn of_set(set: &[char], char: char) -> Option<usize> {
    let end = set.iter().skip(1).position(|char| *char == ']')? + 1;
    let inside = set.get(..end)?;
    let (is_negated, inside) = match inside {
        ['!' | '^', inside @ ..] => (true, inside),
        _ => (false, inside),
    };
    let mut rest = inside;
    let mut is_in = false;
    loop {
        rest = match rest {
            [from, '-', to, rest @ ..] => {
                is_in |= (*from..=*to).contains(&char);
                rest
            }
            [one, rest @ ..] => {
                is_in |= *one == char;
                rest
            }
            [] => break,
        };
    }
    (is_in != is_negated).then_some(end + 2)
}
