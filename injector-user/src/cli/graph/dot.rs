//! For Graphviz: `temblor graph --format dot | dot -Tsvg`.

use injector_core::telemetry::{Edge, Graph, Node, NodeKind};

use super::text::{again, amounts, carried, round_trip};

/// A directed graph from clients to servers.
pub(super) fn dot(graph: &Graph) -> String {
    let mut lines = vec![
        "digraph temblor {".to_owned(),
        "  rankdir=LR;".to_owned(),
        "  node [fontname=\"sans-serif\"];".to_owned(),
        "  edge [fontname=\"sans-serif\", fontsize=10];".to_owned(),
    ];
    lines.extend(graph.nodes.iter().map(node));
    lines.extend(graph.edges.iter().map(edge));
    lines.push("}\n".to_owned());
    lines.join("\n")
}

fn node(node: &Node) -> String {
    let shape = match node.kind {
        NodeKind::Target => "box",
        NodeKind::Peer => "ellipse",
    };
    format!("  {} [shape={shape}];", quoted(&node.name))
}

fn edge(edge: &Edge) -> String {
    let [amount, failures] = amounts(edge);
    let parts = [
        format!("{} {}", edge.transport, edge.port),
        amount,
        failures,
        carried(edge),
        again(edge),
        round_trip(edge),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let (client, server) = (quoted(&edge.client), quoted(&edge.server));
    let label = quoted(&parts.join("\n"));
    let colour = if edge.failures > 0 { ", color=red" } else { "" };
    format!("  {client} -> {server} [label={label}{colour}];")
}

/// A string of the language, in which `\` begins what stands for something else.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            control if control.is_control() => quoted.push('\u{fffd}'),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use injector_core::telemetry::{Edge, Graph, Node, NodeKind, Transport};
    use proptest::prelude::*;

    use super::dot;

    /// A token of the language, as its reference has them; escapes as `dot` puts them into labels.
    #[derive(Debug, PartialEq)]
    enum Token {
        Word(String),
        Text(String),
        Sign(String),
    }

    fn text(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
        let mut text = String::new();
        loop {
            match rest.next().expect("the string ends") {
                '"' => return text,
                '\\' => match rest.next().expect("something is escaped") {
                    'n' => text.push('\n'),
                    plain @ ('"' | '\\') => text.push(plain),
                    other => panic!("\\{other} stands for something else"),
                },
                control if control.is_control() => panic!("{control:?} in a string"),
                letter => text.push(letter),
            }
        }
    }

    fn tokens(source: &str) -> Vec<Token> {
        let mut rest = source.chars().peekable();
        let mut tokens = Vec::new();
        while let Some(letter) = rest.next() {
            if letter.is_whitespace() {
                continue;
            }
            tokens.push(match letter {
                '"' => Token::Text(text(&mut rest)),
                '-' => {
                    assert_eq!(rest.next(), Some('>'));
                    Token::Sign("->".to_owned())
                }
                sign if "{}[];,=".contains(sign) => Token::Sign(sign.to_string()),
                first => {
                    let mut word = first.to_string();
                    while let Some(more) = rest.next_if(|letter| letter.is_alphanumeric()) {
                        word.push(more);
                    }
                    Token::Word(word)
                }
            });
        }
        tokens
    }

    /// Nodes, and edges with their labels, of a source each statement of which is of a known form.
    fn read(source: &str) -> (Vec<String>, Vec<[String; 3]>) {
        let tokens = tokens(source);
        let word = |word: &str| Token::Word(word.to_owned());
        let sign = |sign: &str| Token::Sign(sign.to_owned());
        let begin = [word("digraph"), word("temblor"), sign("{")];
        assert_eq!(tokens[..3], begin);
        assert_eq!(tokens[tokens.len() - 1], sign("}"));
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        for statement in tokens[3..tokens.len() - 1].split(|token| *token == sign(";")) {
            match statement {
                [
                    Token::Text(client),
                    arrow,
                    Token::Text(server),
                    open,
                    label,
                    is,
                    Token::Text(text),
                    ..,
                ] if *arrow == sign("->")
                    && *open == sign("[")
                    && *label == word("label")
                    && *is == sign("=") =>
                {
                    edges.push([client.clone(), server.clone(), text.clone()]);
                }
                [Token::Text(name), open, shape, ..]
                    if *open == sign("[") && *shape == word("shape") =>
                {
                    nodes.push(name.clone());
                }
                [Token::Word(_), ..] | [] => {}
                other => panic!("{other:?}"),
            }
            let opened = statement.contains(&sign("["));
            assert!(
                !opened || *statement.last().unwrap() == sign("]"),
                "{statement:?}"
            );
        }
        (nodes, edges)
    }

    fn graph(names: &[String]) -> Graph {
        let node = |name: &String| Node {
            name: name.clone(),
            kind: NodeKind::Target,
        };
        let edge = |pair: &[String]| Edge {
            client: pair[0].clone(),
            server: pair[1].clone(),
            transport: Transport::Udp,
            port: 53,
            connections: 0,
            connections_per_second: 0.0,
            failures: 1,
            packets: 4,
            client_bytes: 10,
            server_bytes: 20,
            retransmits: 0,
            round_trip_seconds: None,
        };
        Graph {
            nodes: names.iter().map(node).collect(),
            edges: names.windows(2).map(edge).collect(),
        }
    }

    #[test]
    fn an_edge_says_what_it_carried() {
        let names = ["comm:a\"b\\", "host"].map(str::to_owned);
        let (nodes, edges) = read(&dot(&graph(&names)));
        assert_eq!(nodes, names);
        let label = "udp 53\n4 datagrams\n1 failed\n10.0 B there, 20.0 B back";
        let [client, server] = names;
        assert_eq!(edges, [[client, server, label.to_owned()]]);
    }

    proptest! {
        #[test]
        fn names_are_read_as_they_were_whatever_is_in_them(
            names in proptest::collection::vec("[^\\p{Cc}]{0,12}|[\"\\\\nN<>]{1,6}", 2..5),
        ) {
            let (nodes, edges) = read(&dot(&graph(&names)));
            prop_assert_eq!(&nodes, &names);
            let ends: Vec<&[String]> = edges.iter().map(|edge| &edge[..2]).collect();
            let expected: Vec<&[String]> = names.windows(2).collect();
            prop_assert_eq!(ends, expected);
        }
    }
}
