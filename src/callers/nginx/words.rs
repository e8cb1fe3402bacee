//! nginx's own syntax (`ngx_conf_read_token`): words, quotes, comments, blocks.

use std::iter::Peekable;
use std::rc::Rc;
use std::str::Chars;

use super::super::directive::{Blocks, Directive, Expander, broken};
use super::super::finding::Place;
use super::super::{Caller, Includes, Unreadable};

enum Token {
    Word(String),
    Open,
    Close,
    Semicolon,
}

struct Words<'a> {
    file: &'a Rc<str>,
    chars: Peekable<Chars<'a>>,
    line: usize,
}

/// Reads a file, and the files that it includes.
pub(in super::super) fn read(
    file: &Rc<str>,
    text: &str,
    includes: &mut Includes<'_>,
) -> Result<Vec<Directive>, Unreadable> {
    let directives = parse(file, text)?;
    expand(directives, &mut Expander::new(Caller::Nginx, includes))
}

fn expand(directives: Vec<Directive>, expander: &mut Expander<'_, '_>) -> Result<Vec<Directive>, Unreadable> {
    let mut all = Vec::new();
    for mut directive in directives {
        expander.count(&directive)?;
        if directive.name() == "include" && directive.block.is_none() {
            let included = expander.files(&directive, parse)?;
            all.extend(expander.deeper(&directive, |expander| expand(included, expander))?);
            continue;
        }
        if let Some(block) = directive.block.take() {
            directive.block = Some(expand(block, expander)?);
        }
        all.push(directive);
    }
    Ok(all)
}

/// Reads one file.
pub(super) fn parse(file: &Rc<str>, text: &str) -> Result<Vec<Directive>, Unreadable> {
    let mut words = Words { file, chars: text.chars().peekable(), line: 1 };
    let mut blocks = Blocks::new(file);
    let mut directive: Option<Directive> = None;
    while let Some((line, token)) = words.next()? {
        match (token, directive.take()) {
            (Token::Word(word), None) => {
                let place = Place::new(file, line);
                directive = Some(Directive { place, words: vec![word], block: None });
            }
            (Token::Word(word), Some(mut begun)) => {
                begun.words.push(word);
                directive = Some(begun);
            }
            (Token::Semicolon, Some(begun)) => blocks.line(begun),
            (Token::Open, Some(begun)) => {
                let is_code = begun.name().ends_with("_by_lua_block");
                blocks.open(begun)?;
                if is_code {
                    words.skip_code();
                }
            }
            (Token::Close, None) => blocks.close(line)?,
            (Token::Close, Some(begun)) => {
                return Err(broken(file, begun.place.line(), "this line has no ; at its end"));
            }
            (Token::Semicolon | Token::Open, None) => {
                return Err(broken(file, line, "a ; or { follows nothing"));
            }
        }
    }
    match directive {
        None => blocks.end(),
        Some(begun) => Err(broken(file, begun.place.line(), "this line has no ; at its end")),
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

    /// The next token and the line on which it begins.
    fn next(&mut self) -> Result<Option<(usize, Token)>, Unreadable> {
        loop {
            let line = self.line;
            let Some(&char) = self.chars.peek() else { return Ok(None) };
            let token = match char {
                '#' => {
                    while self.chars.peek().is_some_and(|char| *char != '\n') {
                        self.char();
                    }
                    continue;
                }
                ' ' | '\t' | '\r' | '\n' => {
                    self.char();
                    continue;
                }
                ';' => Token::Semicolon,
                '{' => Token::Open,
                '}' => Token::Close,
                '"' | '\'' => {
                    self.char();
                    return Ok(Some((line, Token::Word(self.quoted(char, line)?))));
                }
                _ => return Ok(Some((line, Token::Word(self.bare())))),
            };
            self.char();
            return Ok(Some((line, token)));
        }
    }

    fn quoted(&mut self, quote: char, line: usize) -> Result<String, Unreadable> {
        let mut word = String::new();
        while let Some(char) = self.char() {
            match char {
                '\\' => word.extend(self.char()),
                _ if char == quote => return Ok(word),
                _ => word.push(char),
            }
        }
        Err(broken(self.file, line, "this quote is not closed"))
    }

    fn bare(&mut self) -> String {
        let mut word = String::new();
        while let Some(&char) = self.chars.peek() {
            // `${name}` is a variable, not a block.
            let is_end = match char {
                ' ' | '\t' | '\r' | '\n' | ';' => true,
                '{' => !word.ends_with('$'),
                _ => false,
            };
            if is_end {
                break;
            }
            self.char();
            word.push(char);
            if char == '\\' {
                word.extend(self.char());
            }
        }
        word
    }

    /// Goes to the brace that ends a block of Lua, whose own braces, texts and comments are none of nginx's.
    fn skip_code(&mut self) {
        let mut depth = 0_usize;
        while let Some(&char) = self.chars.peek() {
            match char {
                '}' if depth == 0 => return,
                '}' => depth -= 1,
                '{' => depth += 1,
                _ => {}
            }
            self.char();
            match char {
                '"' | '\'' => self.skip_text(char),
                '-' if self.chars.peek() == Some(&'-') => {
                    while self.chars.peek().is_some_and(|char| *char != '\n') {
                        self.char();
                    }
                }
                _ => {}
            }
        }
    }

    fn skip_text(&mut self, quote: char) {
        while let Some(char) = self.char() {
            match char {
                '\\' => drop(self.char()),
                _ if char == quote => return,
                _ => {}
            }
        }
    }
}
