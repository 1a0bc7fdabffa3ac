//! Puts a tree together from a parser's events, without recursion.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr::{Scalar, ScalarStyle};
use saphyr_parser::{Event, Marker, Span, Tag};

use super::node::{Entry, Node, Value};
use super::read::position;

const MAX_DEPTH: usize = 64;
/// Values in the tree, each copy that an alias or an anchor makes counted; a long text is several.
const MAX_NODES: usize = 100_000;
/// Bytes of a text that count as a value: copies of long texts are no smaller than many short ones.
const BYTES_OF_A_VALUE: usize = 64;
/// A plain key with this name takes over the entries of its value.
const MERGE: &str = "<<";

/// Why there is no tree.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: Marker,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    fn new(at: Marker, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

fn empty() -> Fault {
    Fault::new(Marker::new(0, 1, 0), "the document is empty")
}

/// Between two `---` there may be nothing at all.
fn is_written(root: &Node) -> bool {
    !(root.is_null() && root.text.is_empty())
}

fn too_deep(at: Marker) -> Fault {
    Fault::new(at, format!("nested deeper than {MAX_DEPTH} levels"))
        .hint("no experiment needs that: is a bracket not closed")
}

/// Collections that are still open, and what is known so far.
#[derive(Debug, Default)]
pub(super) struct Builder {
    open: Vec<Open>,
    /// Complete anchored values with the number of nodes in each.
    anchors: BTreeMap<usize, (Node, usize)>,
    root: Option<Node>,
    /// Documents before this one, if there may be several.
    before: Vec<Node>,
    /// Whether there may be several.
    several: bool,
    nodes: usize,
}

#[derive(Debug)]
struct Open {
    anchor: usize,
    start: Marker,
    /// How many nodes there were before this one, to know its size when it ends.
    before: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    List(Vec<Node>),
    Map(Mapping),
}

#[derive(Debug, Default)]
struct Mapping {
    entries: Vec<Entry>,
    /// Where each key is in `entries`, so that a long mapping does not take quadratic time.
    index: BTreeMap<String, usize>,
    /// A key that waits for its value.
    key: Option<Key>,
    /// Entries from `<<`, which yield to those written here.
    merged: Vec<Entry>,
}

#[derive(Debug)]
struct Key {
    text: String,
    at: Marker,
    merge: bool,
}

impl Builder {
    /// For a text that may hold several documents.
    pub(super) fn of_several() -> Self {
        Self {
            several: true,
            ..Self::default()
        }
    }

    pub(super) fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let at = span.start;
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => self.document(at),
            Event::Scalar(text, style, anchor, tag) => {
                let plain_merge = style == ScalarStyle::Plain && text == MERGE;
                let size = 1 + text.len() / BYTES_OF_A_VALUE;
                let node = scalar(text, style, tag.as_ref(), at)?;
                self.count(size, at)?;
                self.complete(node, at, anchor, size, plain_merge)
            }
            Event::SequenceStart(anchor, _) => self.start(at, anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.start(at, anchor, Content::Map(Mapping::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, at),
        }
    }

    pub(super) fn finish(self) -> Result<Node, Fault> {
        self.root.filter(is_written).ok_or_else(|| {
            empty().hint("an experiment has at least a title, a description and a method")
        })
    }

    /// Every document that is not empty, in their order.
    pub(super) fn finish_all(mut self) -> Result<Vec<Node>, Fault> {
        self.before.extend(self.root.take());
        self.before.retain(is_written);
        if self.before.is_empty() {
            return Err(empty().hint("a file with at least one document"));
        }
        Ok(self.before)
    }

    fn document(&mut self, at: Marker) -> Result<(), Fault> {
        if self.several {
            self.before.extend(self.root.take());
            self.anchors.clear();
        }
        match self.root {
            None => Ok(()),
            Some(_) => Err(Fault::new(at, "a second document begins here")
                .hint("one file holds one document; remove the `---`")),
        }
    }

    fn count(&mut self, more: usize, at: Marker) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            return Err(Fault::new(at, format!("more than {MAX_NODES} values"))
                .hint("split it into several documents"));
        }
        Ok(())
    }

    fn start(&mut self, at: Marker, anchor: usize, content: Content) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        let before = self.nodes;
        self.count(1, at)?;
        self.open.push(Open {
            anchor,
            start: at,
            before,
            content,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.content {
            Content::List(items) => Value::List(items),
            Content::Map(mapping) => Value::Map(mapping.finish()),
        };
        let node = node(value, String::new(), open.start);
        self.complete(
            node,
            open.start,
            open.anchor,
            self.nodes - open.before,
            false,
        )
    }

    fn alias(&mut self, anchor: usize, at: Marker) -> Result<(), Fault> {
        // An alias inside its own anchor finds nothing: that value is not complete.
        let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
            return Err(
                Fault::new(at, "an alias refers to a value that contains it")
                    .hint("write out what is meant instead of the `*name`"),
            );
        };
        if depth(&node) + self.open.len() > MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.count(size, at)?;
        self.complete(node, at, 0, size, false)
    }

    /// A value is complete and goes where it belongs.
    fn complete(
        &mut self,
        node: Node,
        at: Marker,
        anchor: usize,
        size: usize,
        merge: bool,
    ) -> Result<(), Fault> {
        if anchor != 0 {
            self.count(size, at)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(mapping)) => mapping.add(node, at, merge)?,
        }
        Ok(())
    }
}

impl Mapping {
    fn add(&mut self, node: Node, at: Marker, merge: bool) -> Result<(), Fault> {
        match self.key.take() {
            None => self.begin(&node, at, merge),
            Some(key) if key.merge => self.merge(node, at),
            Some(key) => {
                let (line, column) = position(key.at);
                self.index.insert(key.text.clone(), self.entries.len());
                self.entries.push(Entry {
                    key: key.text,
                    line,
                    column,
                    value: node,
                });
                Ok(())
            }
        }
    }

    fn begin(&mut self, node: &Node, at: Marker, merge: bool) -> Result<(), Fault> {
        if matches!(node.value, Value::List(_) | Value::Map(_)) {
            return Err(Fault::new(at, format!("{} cannot be a key", node.kind()))
                .hint("if `${…}` or `{…}` was meant as a text, put it in quotes"));
        }
        let text = node.text.clone();
        if let Some(entry) = self
            .index
            .get(&text)
            .and_then(|index| self.entries.get(*index))
        {
            return Err(Fault::new(at, format!("the key `{text}` occurs twice"))
                .hint(format!("it stands first in line {}", entry.line)));
        }
        self.key = Some(Key { text, at, merge });
        Ok(())
    }

    fn merge(&mut self, node: Node, at: Marker) -> Result<(), Fault> {
        let maps = match node.value {
            Value::List(items) => items,
            _ => vec![node],
        };
        for map in maps {
            let Value::Map(entries) = map.value else {
                return Err(Fault::new(at, "`<<` wants a mapping or a list of mappings")
                    .hint("for example `<<: *name`, where `&name` stands before a mapping"));
            };
            self.merged.extend(entries);
        }
        Ok(())
    }

    /// The written entries, then those of `<<` whose keys were not written.
    fn finish(mut self) -> Vec<Entry> {
        for entry in self.merged {
            if !self.index.contains_key(&entry.key) {
                self.index.insert(entry.key.clone(), self.entries.len());
                self.entries.push(entry);
            }
        }
        self.entries
    }
}

fn scalar(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&Cow<'_, Tag>>,
    at: Marker,
) -> Result<Node, Fault> {
    let written = text.clone().into_owned();
    let value = match Scalar::parse_from_cow_and_metadata(text, style, tag) {
        Some(Scalar::Null) => Value::Null,
        Some(Scalar::Boolean(value)) => Value::Bool(value),
        Some(Scalar::Integer(value)) => Value::Integer(value),
        Some(Scalar::FloatingPoint(value)) => Value::Float(value.into_inner()),
        Some(Scalar::String(value)) => Value::String(value.into_owned()),
        None => {
            return Err(Fault::new(at, format!("`{written}` does not fit its tag"))
                .hint("leave the tag (`!!…`) away"));
        }
    };
    Ok(node(value, written, at))
}

fn node(value: Value, text: String, at: Marker) -> Node {
    let (line, column) = position(at);
    Node {
        value,
        text,
        line,
        column,
    }
}

/// Levels of collections in a tree that is at most [`MAX_DEPTH`] deep.
fn depth(node: &Node) -> usize {
    let inner = match &node.value {
        Value::List(items) => items.iter().map(depth).max(),
        Value::Map(entries) => entries.iter().map(|entry| depth(&entry.value)).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or(0)
}
