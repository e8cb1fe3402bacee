//! TOML, which Traefik takes beside YAML.

use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::Unreadable;
use super::super::directive::broken;
use super::super::finding::Place;
use super::{Node, Value};

struct Lines<'a> {
    file: &'a Rc<str>,
    /// Where each line begins.
    begins: Vec<usize>,
}

/// The one document of a text.
pub(in super::super) fn read(file: &Rc<str>, text: &str) -> Result<Vec<Node>, Unreadable> {
    let begins = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let lines = Lines { file, begins };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        broken(file, lines.line(at), error.message())
    })?;
    let value = lines.map(table.into_inner());
    Ok(vec![Node { place: Place::new(file, 1), value }])
}

impl Lines<'_> {
    fn line(&self, at: usize) -> usize {
        self.begins.partition_point(|begin| *begin <= at)
    }

    fn map(&self, table: DeTable<'_>) -> Value {
        let entry = |(key, value): (Spanned<_>, Spanned<DeValue<'_>>)| {
            let at = key.span().start;
            let name: std::borrow::Cow<'_, str> = key.into_inner();
            (name.into_owned(), self.node(at, value.into_inner()))
        };
        Value::Map(table.into_iter().map(entry).collect())
    }

    fn node(&self, at: usize, value: DeValue<'_>) -> Node {
        let value = match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(number) => Value::Text(number.to_string()),
            DeValue::Float(number) => Value::Text(number.to_string()),
            DeValue::Boolean(switch) => Value::Text(switch.to_string()),
            DeValue::Datetime(time) => Value::Text(time.to_string()),
            DeValue::Array(items) => Value::List(
                items.into_iter().map(|item| self.node(item.span().start, item.into_inner())).collect(),
            ),
            DeValue::Table(table) => self.map(table),
        };
        Node { place: Place::new(self.file, self.line(at)), value }
    }
}
