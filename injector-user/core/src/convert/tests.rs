//! Manifests as people write them, against what becomes of them, and the tables against both.
//!
//! `BLESS=1 cargo test -p injector-core convert` rewrites what is compared.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::fields::Fields;
use super::table::{Fate, Never, Outcome, Row, When};
use super::{Converted, Format, Who, convert, markdown, part};
use crate::document::{self, Node};
use crate::problem::{Place, Problems};

/// A manifest in `tests/convert`, with the targets in its first line.
struct Manifest {
    format: Format,
    path: PathBuf,
    text: String,
    who: Who,
}

impl Manifest {
    fn convert(&self) -> Result<Converted, Problems> {
        convert(&self.text, Some("manifest.yaml"), self.format, &self.who)
    }

    /// Its documents as JSON, to be damaged.
    fn documents(&self) -> Vec<Value> {
        let nodes = document::read_all(&self.text, None).unwrap();
        nodes.iter().map(Node::to_json).collect()
    }

    fn convert_damaged(&self, documents: &[Value]) -> Result<Converted, Problems> {
        let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
        convert(&texts.join("\n---\n"), None, self.format, &self.who)
    }
}

fn manifests(which: &str) -> Vec<Manifest> {
    let mut all = Vec::new();
    for format in Format::ALL {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/convert");
        let folder = root.join(format.name()).join(which);
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        let mut files: Vec<_> = files
            .filter(|path| path.extension() == Some("yaml".as_ref()))
            .collect();
        files.sort();
        assert!(!files.is_empty());
        all.extend(files.into_iter().map(|path| manifest(*format, path)));
    }
    all
}

fn manifest(format: Format, path: PathBuf) -> Manifest {
    let text = std::fs::read_to_string(&path).unwrap();
    let first = text.lines().next().unwrap();
    let targets = first.split("--target ").skip(1);
    let targets: Vec<String> = targets.map(|target| target.trim().to_owned()).collect();
    let who = Who::read(&targets).unwrap();
    Manifest {
        format,
        path,
        text,
        who,
    }
}

#[track_caller]
fn check_golden(path: &Path, shown: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, shown).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        golden == shown,
        "{} differs; it would be:\n{shown}",
        path.display()
    );
}

#[test]
fn accepted_manifests_become_these_experiments() {
    for manifest in manifests("accepted") {
        let converted = manifest.convert();
        let converted = converted
            .unwrap_or_else(|wrong| panic!("{}:\n{}", manifest.path.display(), wrong.render()));
        let notes = Problems(converted.notes).to_string();
        check_golden(
            &manifest.path.with_extension("experiment"),
            &format!("{}\n# {}\n", converted.text, notes.replace('\n', "\n# ")),
        );
    }
}

#[test]
fn refused_manifests_say_where_and_why() {
    for manifest in manifests("refused") {
        let refused = manifest.convert().unwrap_err();
        let shown = format!("{}\n", refused.render());
        check_golden(&manifest.path.with_extension("txt"), &shown);
    }
}

#[test]
fn the_tables_are_documented() {
    for format in Format::ALL {
        let path = format!("../../docs/convert/{}.md", format.name());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        check_golden(&path, &markdown(*format));
    }
}

/// The forms and fields that accepted manifests have.
fn used(format: Format) -> BTreeSet<(&'static str, String)> {
    let mut used = BTreeSet::new();
    for manifest in manifests("accepted")
        .iter()
        .filter(|one| one.format == format)
    {
        for node in document::read_all(&manifest.text, None).unwrap() {
            let place = Place::default();
            for piece in (format.dialect().split)(&node, &place).unwrap() {
                let parts = part::of_document(&piece, &node, &place).unwrap();
                let of_parts = parts.iter().flat_map(|part| part.rows);
                let rows: Vec<&Row> = piece.form.common().chain(of_parts).collect();
                let which = (piece.form, piece.element);
                let fields = Fields::read(&node, &place, which, rows, &mut Problems::default());
                let fields = fields.all.iter().map(|field| field.row.theirs.to_owned());
                used.extend(fields.map(|field| (piece.form.name, field)));
            }
        }
    }
    used
}

#[test]
fn every_field_that_is_converted_stands_in_an_accepted_manifest() {
    for format in Format::ALL {
        let used = used(*format);
        for form in format.dialect().forms {
            let of_faults = form
                .parts
                .iter()
                .filter(|part| matches!(part.becomes, Outcome::Fault(_)));
            let own: Vec<&Row> = of_faults.flat_map(|part| part.rows).collect();
            for row in own {
                let is_used = used.contains(&(form.name, row.theirs.to_owned()));
                let never = matches!(row.fate, Fate::Never(_));
                assert!(is_used || never, "{format} {}: {}", form.name, row.theirs);
            }
            // What forms share is seen in one of them.
            for row in form
                .common()
                .filter(|row| !matches!(row.fate, Fate::Never(_)))
            {
                let is_used = used.iter().any(|(_, field)| field == row.theirs);
                assert!(is_used, "{format} {}: {}", form.name, row.theirs);
            }
        }
    }
}

/// Puts a value at the path of a row into a document.
fn put(document: &mut Value, path: &str, value: Value) {
    let mut at = document;
    for key in path.replace("[]", ".0").split('.') {
        at = if let Ok(index) = key.parse::<usize>() {
            &mut at[index]
        } else {
            if at.is_null() {
                *at = json!({});
            }
            &mut at[key]
        };
    }
    *at = value;
}

#[test]
fn every_field_that_is_refused_says_why_at_its_place() {
    for manifest in manifests("accepted") {
        let documents = manifest.documents();
        let node = document::read_all(&manifest.text, None).unwrap().remove(0);
        let piece = (manifest.format.dialect().split)(&node, &Place::default())
            .unwrap()
            .remove(0);
        let parts = part::of_document(&piece, &node, &Place::default()).unwrap();
        let rows = piece
            .form
            .common()
            .chain(parts.iter().flat_map(|part| part.rows));
        for row in rows {
            let Fate::Never(never) = row.fate else {
                continue;
            };
            let mut damaged = documents.clone();
            put(&mut damaged[0], row.theirs, json!("x"));
            let refused = manifest.convert_damaged(&damaged).unwrap_err();
            let path = row.theirs.replace("[]", "[0]");
            let found = refused.0.iter().any(|one| {
                one.message.contains(never.why)
                    && one.hint.as_deref() == Some(never.instead)
                    && one.place.path.ends_with(&path)
            });
            assert!(found, "{}: {}", row.theirs, refused.render());
        }
    }
}

/// A document that has this part of a form, and nothing else.
fn minimal(format: Format, form: &str, when: &When) -> Value {
    let mut document = match format {
        Format::ChaosMesh => json!({"apiVersion": "chaos-mesh.org/v1alpha1", "kind": form}),
        Format::Datadog => json!({"apiVersion": "chaos.datadoghq.com/v1beta1", "kind": form}),
        Format::Litmus => json!({
            "apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosEngine",
            "spec": {"experiments": [{"name": form}]},
        }),
    };
    if let When::Is(field, value) = when {
        put(&mut document, field, json!(value));
    }
    document
}

#[test]
fn whatever_is_refused_as_a_whole_says_why() {
    for format in Format::ALL {
        for form in format.dialect().forms {
            for part in form.parts {
                let Outcome::Never(Never { why, instead }) = part.becomes else {
                    continue;
                };
                let text = minimal(*format, form.name, &part.when).to_string();
                let refused = convert(&text, None, *format, &Who::default()).unwrap_err();
                let [problem] = refused.0.as_slice() else {
                    panic!("{}", refused.render())
                };
                assert!(problem.message.contains(why), "{}", problem.render());
                assert_eq!(problem.hint.as_deref(), Some(instead));
            }
        }
    }
}

/// Mappings whose keys anybody may choose.
const FREE: [&str; 8] = [
    "labels",
    "pods",
    "nodeSelectors",
    "nodeSelector",
    "fieldSelectors",
    "labelSelectors",
    "annotationSelectors",
    "values",
];

/// Labels stand in a `selector` itself, where it has no other keys.
fn is_label_selector(key: &str, value: &Value) -> bool {
    let entries = value.as_object();
    key == "selector" && entries.is_some_and(|entries| entries.values().all(Value::is_string))
}

/// Every key of a value, as the keys and positions on the way to it; what is below a free mapping is
/// left out.
fn keys(value: &Value, way: &[String], out: &mut Vec<Vec<String>>) {
    let last = way.last().map_or("", String::as_str);
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(entries) if !FREE.contains(&last) && !is_label_selector(last, value) => {
            entries
                .iter()
                .map(|(key, value)| (key.clone(), value))
                .collect()
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(index, value)| (index.to_string(), value))
                .collect()
        }
        _ => return,
    };
    for (key, inner) in inner {
        let way: Vec<String> = way.iter().cloned().chain([key.clone()]).collect();
        if key.parse::<usize>().is_err() {
            out.push(way.clone());
        }
        keys(inner, &way, out);
    }
}

fn at<'a>(document: &'a mut Value, way: &[String]) -> &'a mut Value {
    way.iter()
        .fold(document, |at, key| match key.parse::<usize>() {
            Ok(index) if at.is_array() => &mut at[index],
            _ => &mut at[key.as_str()],
        })
}

/// Applies `damage` to every key of every accepted manifest; each has to be refused for its name.
fn check_damage(damage: impl Fn(&mut Value, &str) -> String) {
    let mut damaged_keys = 0;
    for manifest in manifests("accepted") {
        let documents = manifest.documents();
        for (index, document) in documents.iter().enumerate() {
            let mut ways = Vec::new();
            keys(document, &[], &mut ways);
            for way in ways {
                let (key, parent) = way.split_last().unwrap();
                let mut damaged = documents.clone();
                let named = damage(at(&mut damaged[index], parent), key);
                let refused = manifest.convert_damaged(&damaged);
                let Err(refused) = refused else {
                    panic!("{}: {way:?} was accepted", manifest.path.display());
                };
                let shown = refused.render();
                assert!(
                    shown.contains(&named),
                    "{}: {way:?}: {shown}",
                    manifest.path.display()
                );
                damaged_keys += 1;
            }
        }
    }
    assert!(damaged_keys > 100, "{damaged_keys}");
}

#[test]
fn every_key_that_is_misspelt_is_refused_by_its_name() {
    check_damage(|parent, key| {
        let value = parent.as_object_mut().unwrap().remove(key).unwrap();
        let misspelt = format!("{key}q");
        parent[&misspelt] = value;
        // Without the keys that say what a document is, nothing can be said of the others.
        if ["apiVersion", "kind", "spec", "experiments", "name"].contains(&key) {
            return key.to_owned();
        }
        misspelt
    });
}

#[test]
fn every_value_of_another_type_is_refused_by_its_key() {
    check_damage(|parent, key| {
        let value = &mut parent[key];
        *value = match value {
            Value::Object(_) | Value::Array(_) => json!("x"),
            _ => json!([{"x": 1}]),
        };
        // A variable is known by its name.
        let of_variable = key == "value" && parent.get("name").is_some();
        if of_variable { "expected" } else { key }.to_owned()
    });
}

#[test]
fn every_variable_that_is_misspelt_is_refused_by_its_name() {
    let mut variables = 0;
    for manifest in manifests("accepted") {
        let lines: Vec<&str> = manifest.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let Some((before, rest)) = line.split_once("{ name: ") else {
                continue;
            };
            let Some((name, after)) = rest.split_once(", value:") else {
                continue;
            };
            let mut damaged = lines.clone();
            let written = format!("{before}{{ name: {name}Q, value:{after}");
            damaged[index] = &written;
            let text = damaged.join("\n");
            let refused = convert(&text, None, manifest.format, &manifest.who).unwrap_err();
            let message = format!("the variable `{name}Q` is not known here");
            assert!(refused.render().contains(&message), "{}", refused.render());
            variables += 1;
        }
    }
    assert!(variables > 30, "{variables}");
}
