//! YAML, and JSON, which is a part of it.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, Span};

use super::super::Unreadable;
use super::super::directive::broken;
use super::super::finding::Place;
use super::{DEPTH_MAX, NODES_MAX, Node, Value};

/// A list or map that has begun.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next, with its line.
    key: Option<(String, usize)>,
}

struct Builder<'a> {
    file: &'a Rc<str>,
    roots: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

/// The documents of a text.
pub(in super::super) fn read(file: &Rc<str>, text: &str) -> Result<Vec<Node>, Unreadable> {
    let mut builder =
        Builder { file, roots: Vec::new(), open: Vec::new(), anchors: HashMap::new(), nodes: 0 };
    // JSON may be indented by tabs, YAML may not.
    let spaced;
    let is_json = text.trim_start().starts_with(['{', '[']);
    let text = if is_json && text.contains('\t') {
        spaced = text.replace('\t', " ");
        &spaced
    } else {
        text
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| broken(file, error.marker().line(), error.info()))?;
        builder.take(event, span)?;
    }
    Ok(builder.roots)
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Unreadable> {
        let line = span.start.line();
        match event {
            Event::Scalar(text, _, anchor, _) => {
                self.close(self.node(line, Value::Text(text.into_owned())), anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(line, Value::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.begin(line, Value::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.close(open.node, open.anchor),
                None => Err(broken(self.file, line, "a list or map ends that never began")),
            },
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node =
                    node.ok_or_else(|| broken(self.file, line, "this names an anchor that is not there"))?;
                self.nodes += node.all().len();
                self.close(node, 0)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn node(&self, line: usize, value: Value) -> Node {
        Node { place: Place::new(self.file, line), value }
    }

    fn begin(&mut self, line: usize, value: Value, anchor: usize) -> Result<(), Unreadable> {
        if self.open.len() >= DEPTH_MAX {
            return Err(broken(self.file, line, &format!("it is nested more than {DEPTH_MAX} deep")));
        }
        let node = self.node(line, value);
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    /// Puts a node that is complete where it belongs.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Unreadable> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let what = format!("it has more than {NODES_MAX} values");
            return Err(broken(self.file, node.place.line(), &what));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.roots.push(node);
            return Ok(());
        };
        match (&mut parent.node.value, parent.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(_), None) => {
                // Only texts are keys anywhere here; another key has a name that nobody asks for.
                let name = node.text().unwrap_or_default().to_owned();
                parent.key = Some((name, node.place.line()));
            }
            (Value::Map(entries), Some((name, _))) if name == "<<" => merge(entries, node),
            (Value::Map(entries), Some((name, line))) => {
                entries.push((name, Node { place: Place::new(self.file, line), ..node }));
            }
            (Value::Text(_), _) => {}
        }
        Ok(())
    }
}

/// What `<<: *other` adds, before everything else: of entries that share a key the last counts.
fn merge(entries: &mut Vec<(String, Node)>, node: Node) {
    match node.value {
        Value::Map(others) => drop(entries.splice(0..0, others)),
        Value::List(items) => items.into_iter().for_each(|item| merge(entries, item)),
        Value::Text(_) => {}
    }
}
