//! The Caddyfile's syntax (`caddyconfig/caddyfile/lexer.go`): words, lines, quotes, heredocs, blocks, imports.

use std::collections::HashMap;
use std::iter::Peekable;
use std::rc::Rc;
use std::str::Chars;

use super::super::directive::{Blocks, Directive, Expander, broken};
use super::super::finding::Place;
use super::super::{Caller, Includes, Unreadable};

enum Token {
    Word { text: String, is_quoted: bool, line: usize },
    Newline,
}

struct Words<'a> {
    file: &'a Rc<str>,
    chars: Peekable<Chars<'a>>,
    line: usize,
}

type Snippets = HashMap<String, Vec<Directive>>;

/// Reads a file, with the snippets and files that it imports.
pub(in super::super) fn read(
    file: &Rc<str>,
    text: &str,
    includes: &mut Includes<'_>,
) -> Result<Vec<Directive>, Unreadable> {
    let directives = parse(file, text)?;
    let mut snippets = Snippets::new();
    expand(directives, &mut snippets, &mut Expander::new(Caller::Caddy, includes))
}

fn expand(
    directives: Vec<Directive>,
    snippets: &mut Snippets,
    expander: &mut Expander<'_, '_>,
) -> Result<Vec<Directive>, Unreadable> {
    let mut all = Vec::new();
    for mut directive in directives {
        expander.count(&directive)?;
        if directive.name() == "import" {
            let imported = match snippets.get(directive.value()) {
                Some(snippet) => with_arguments(snippet, directive.arguments().get(1..).unwrap_or_default()),
                None => expander.files(&directive, parse)?,
            };
            all.extend(expander.deeper(&directive, |expander| expand(imported, snippets, expander))?);
            continue;
        }
        let name = directive.name().strip_prefix('(').and_then(|name| name.strip_suffix(')'));
        if let (Some(name), Some(block)) = (name.map(str::to_owned), &directive.block) {
            snippets.insert(name, block.clone());
            continue;
        }
        if let Some(block) = directive.block.take() {
            directive.block = Some(expand(block, snippets, expander)?);
        }
        all.push(directive);
    }
    Ok(all)
}

/// A snippet with what its `import` line gives it.
fn with_arguments(snippet: &[Directive], arguments: &[String]) -> Vec<Directive> {
    let fill = |word: &String| {
        let mut word = word.clone();
        if word.contains("{args") {
            for (at, argument) in arguments.iter().enumerate() {
                word = word.replace(&format!("{{args[{at}]}}"), argument);
                word = word.replace(&format!("{{args.{at}}}"), argument);
            }
        }
        word
    };
    let all = |word: &String| {
        if word == "{args[:]}" { arguments.to_vec() } else { vec![fill(word)] }
    };
    let filled = |directive: &Directive| Directive {
        place: directive.place.clone(),
        words: directive.words.iter().flat_map(all).collect(),
        block: directive.block.as_ref().map(|block| with_arguments(block, arguments)),
    };
    snippet.iter().map(filled).collect()
}

/// Reads one file.
pub(super) fn parse(file: &Rc<str>, text: &str) -> Result<Vec<Directive>, Unreadable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut words = Words { file, chars: text.chars().peekable(), line: 1 };
    let mut blocks = Blocks::new(file);
    let mut begun: Vec<(String, bool, usize)> = Vec::new();
    loop {
        let token = words.next()?;
        if let Some(Token::Word { text, is_quoted, line }) = token {
            begun.push((text, is_quoted, line));
            continue;
        }
        let is_end = token.is_none();
        let is_brace = |at: Option<&(String, bool, usize)>, brace| {
            at.is_some_and(|(text, is_quoted, _)| text == brace && !is_quoted)
        };
        let (opens, closes) = (is_brace(begun.last(), "{"), begun.len() == 1 && is_brace(begun.first(), "}"));
        if let Some(&(_, _, line)) = begun.first() {
            let mut directive = Directive { place: Place::new(file, line), words: Vec::new(), block: None };
            directive.words = begun.drain(..).map(|(text, ..)| text).collect();
            if closes {
                blocks.close(line)?;
            } else if opens {
                directive.words.pop();
                blocks.open(directive)?;
            } else {
                blocks.line(directive);
            }
        }
        if is_end {
            return blocks.end();
        }
    }
}

impl Words<'_> {
    fn char(&mut self) -> Option<char> {
        let char = self.chars.next()?;
        if char == '\n' {
            self.line += 1;
        }
        Some(char)
    }

    fn next(&mut self) -> Result<Option<Token>, Unreadable> {
        loop {
            let line = self.line;
            let Some(&char) = self.chars.peek() else { return Ok(None) };
            match char {
                '\n' => {
                    self.char();
                    return Ok(Some(Token::Newline));
                }
                '#' => {
                    while self.chars.peek().is_some_and(|char| *char != '\n') {
                        self.char();
                    }
                }
                '"' | '`' => {
                    self.char();
                    let text = self.quoted(char, line)?;
                    return Ok(Some(Token::Word { text, is_quoted: true, line }));
                }
                _ if char.is_whitespace() => drop(self.char()),
                _ => {
                    let text = self.bare();
                    let marker = text.strip_prefix("<<").filter(|marker| is_marker(marker));
                    let is_heredoc = marker.is_some() && self.chars.peek().is_none_or(|char| *char == '\n');
                    if let (Some(marker), true) = (marker, is_heredoc) {
                        let text = self.heredoc(marker, line)?;
                        return Ok(Some(Token::Word { text, is_quoted: true, line }));
                    }
                    // A \ before the end of a line joins it with the next.
                    if text.is_empty() {
                        continue;
                    }
                    return Ok(Some(Token::Word { text, is_quoted: false, line }));
                }
            }
        }
    }

    fn quoted(&mut self, quote: char, line: usize) -> Result<String, Unreadable> {
        let mut text = String::new();
        while let Some(char) = self.char() {
            if char == quote {
                return Ok(text);
            }
            if char == '\\' && quote == '"' && self.chars.peek() == Some(&'"') {
                text.extend(self.char());
                continue;
            }
            text.push(char);
        }
        Err(broken(self.file, line, "this quote is not closed"))
    }

    fn bare(&mut self) -> String {
        let mut text = String::new();
        while let Some(&char) = self.chars.peek() {
            if char == '\r' {
                self.char();
                continue;
            }
            if char.is_whitespace() {
                break;
            }
            self.char();
            if char == '\\' && self.chars.peek() == Some(&'\n') {
                self.char();
                break;
            }
            text.push(char);
        }
        text
    }

    fn heredoc(&mut self, marker: &str, line: usize) -> Result<String, Unreadable> {
        let mut text = String::new();
        self.char();
        while let Some(char) = self.char() {
            text.push(char);
            if let Some(body) = text.strip_suffix(marker) {
                return Ok(body.to_owned());
            }
        }
        Err(broken(self.file, line, "this heredoc has no end"))
    }
}

fn is_marker(marker: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !marker.is_empty() && marker.bytes().all(is_letter)
}
