//! What parsers have been given and must survive: files of inputs, and the same inputs damaged.
//!
//! `tests/corpus/PARSER/` holds the inputs: every line of a `lines.txt`, and every other file whole. An
//! input that once did harm is added there. Tests of several packages include this file; they replay
//! the inputs as they are and then damaged: bits flipped, cut, parts removed, repeated, taken from
//! another input, and pieces put in that parsers have opinions about. `PROPTEST_CASES` makes it more.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Pieces that parsers have opinions about.
const PIECES: &[&str] = &[
    "\0",
    "\n",
    "\t",
    " ",
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "-",
    "%",
    "@",
    "/",
    "..",
    "${",
    "$$",
    "&a",
    "*a",
    "<<",
    "!!",
    "null",
    "-1",
    "1e999",
    "0x",
    "99999999999999999999",
    "\u{b5}s",
    "\u{202e}",
    "\u{e9}",
    "\u{feff}",
    "\u{1f4a5}",
];

/// One thing that happens to an input.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, Index),
    Repeat(Index, Index, usize),
    Splice(Index, Index, Index),
    Insert(Index, &'static str),
}

/// Gives a parser every input of its corpus as it is, and thousands of damaged ones.
pub(crate) fn survives(parser: &str, test: impl Fn(&[u8]) -> Result<(), TestCaseError>) {
    let inputs = inputs(parser);
    for input in &inputs {
        let wrong = test(input).err();
        let text = String::from_utf8_lossy(input);
        assert!(wrong.is_none(), "{parser}: {text:?}: {wrong:?}");
    }
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let damaged = TestRunner::new(config).run(&damaged(inputs), |input| test(&input));
    let wrong = damaged.err().map(|error| error.to_string());
    assert!(
        wrong.is_none(),
        "{parser}: add it to tests/corpus/{parser}: {wrong:?}"
    );
}

/// The same for a parser of text.
pub(crate) fn survives_text(parser: &str, test: impl Fn(&str) -> Result<(), TestCaseError>) {
    survives(parser, |bytes| test(&String::from_utf8_lossy(bytes)));
}

/// What is read from a text and printed must read back as the same.
pub(crate) fn reads_back<T: PartialEq + std::fmt::Debug>(
    parser: &str,
    read: impl Fn(&str) -> Option<T>,
    print: impl Fn(&T) -> String,
) {
    let understood = |input: &Vec<u8>| read(&String::from_utf8_lossy(input)).is_some();
    assert!(
        inputs(parser).iter().any(understood),
        "nothing in tests/corpus/{parser} makes sense"
    );
    survives_text(parser, |text| {
        if let Some(value) = read(text) {
            let printed = print(&value);
            let again = read(&printed);
            prop_assert_eq!(again.as_ref(), Some(&value), "printed as {}", printed);
        }
        Ok(())
    });
}

/// Everything in the corpus of a parser, which is never nothing.
fn inputs(parser: &str) -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder().join(parser)).unwrap() {
        let path = entry.unwrap().path();
        let content = fs::read(&path).unwrap();
        if path.ends_with("lines.txt") {
            inputs.extend(content.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        } else {
            inputs.push(content);
        }
    }
    assert!(!inputs.is_empty(), "{parser} has no corpus");
    inputs
}

fn folder() -> PathBuf {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let corpus = above.find_map(|folder| {
        let corpus = folder.join("tests/corpus");
        corpus.join("corpus.rs").exists().then_some(corpus)
    });
    corpus.unwrap()
}

fn damaged(inputs: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let which = any::<Index>();
    let damages = proptest::collection::vec(any_damage(), 1..6);
    (which, damages).prop_map(move |(which, damages)| {
        let mut input = which.get(&inputs).clone();
        for damage in damages {
            damage.harm(&mut input, &inputs);
        }
        input
    })
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        index().prop_map(Damage::Cut),
        (index(), index()).prop_map(|(from, to)| Damage::Remove(from, to)),
        (index(), index(), 1..40_usize)
            .prop_map(|(from, to, times)| Damage::Repeat(from, to, times)),
        (index(), index(), index()).prop_map(|(other, from, at)| Damage::Splice(other, from, at)),
        (index(), proptest::sample::select(PIECES))
            .prop_map(|(at, piece)| Damage::Insert(at, piece)),
    ]
}

impl Damage {
    fn harm(self, input: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        let at = |index: &Index, length: usize| index.index(length + 1);
        let length = input.len();
        match self {
            Self::Flip(index, bit) => {
                if let Some(byte) = input.get_mut(at(&index, length)) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Cut(index) => input.truncate(at(&index, length)),
            Self::Remove(one, other) => {
                let (one, other) = (at(&one, length), at(&other, length));
                input.drain(one.min(other)..one.max(other));
            }
            Self::Repeat(one, other, times) => {
                let (one, other) = (at(&one, length), at(&other, length));
                let (from, to) = (one.min(other), one.max(other).min(one.min(other) + 200));
                let part = input[from..to].repeat(times);
                input.splice(to..to, part);
            }
            Self::Splice(which, from, to) => {
                let other = which.get(inputs);
                let (from, to) = (at(&from, other.len()), at(&to, length));
                input.splice(to.., other[from..].iter().copied());
            }
            Self::Insert(index, piece) => {
                let to = at(&index, length);
                input.splice(to..to, piece.bytes());
            }
        }
    }
}
