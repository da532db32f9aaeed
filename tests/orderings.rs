//! Holds `docs/reference/orderings.md` against the source: every atomic is listed
//! with its orderings and its models, and every ordering says why it is enough.

#[path = "source/mod.rs"]
mod source;

use source::{Source, library, quoted, read, table};
use std::collections::{BTreeMap, BTreeSet};

/// The orderings of atomics; `cmp::Ordering` has other names.
const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// An `ORDER:` comment stands at most so many lines above the ordering it explains.
const NEAR: usize = 16;

/// Lines and names of the orderings used in a file.
fn orderings(source: &Source) -> Vec<(usize, String)> {
    let words = source.words();
    let uses = words.windows(2).filter(|pair| {
        let (at, word) = pair[1];
        let path = source.code[..at].ends_with("Ordering::");
        path && ORDERINGS.contains(&word)
    });
    uses.map(|pair| (source.line(pair[1].0), pair[1].1.to_string()))
        .collect()
}

/// The atomics declared in a file: fields as `Type.field`, tuple structs and
/// statics by their name, a fence as `fence`.
fn atomics(source: &Source) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut owner = String::new();
    for line in source.code.lines() {
        let words: Vec<&str> = source::words(line).into_iter().map(|(_, w)| w).collect();
        if let Some(at) = words.iter().position(|word| *word == "struct") {
            owner = words.get(at + 1).unwrap_or(&"").to_string();
        }
        let calls_fence = line.trim_start().starts_with("fence(");
        if calls_fence {
            found.insert("fence".to_string());
        }
        let Some(at) = line.find("Atomic") else {
            continue;
        };
        let before = line[..at].trim_end();
        if before.ends_with('&') {
            continue; // Somebody else's.
        }
        let declares = line[at..]
            .trim_start_matches(|c: char| c.is_alphanumeric())
            .starts_with([',', ')', ' ', '>'])
            && !line.trim_start().starts_with("use ")
            && !line.trim_start().starts_with("pub(crate) use ")
            && !line.contains("::new(") | line.contains("static ");
        if !declares {
            continue;
        }
        if words.contains(&"struct") {
            found.insert(owner.clone());
        } else if let Some(at) = words.iter().position(|word| *word == "static") {
            found.insert(words[at + 1].to_string());
        } else if let Some(field) = before.strip_suffix(':') {
            let field = field.rsplit([' ', '(']).next().unwrap_or_default();
            found.insert(format!("{owner}.{field}"));
        } else {
            panic!("{}: what is declared here? {line}", source.path);
        }
    }
    found
}

/// One row of the table.
struct Row {
    atomic: String,
    file: String,
    orderings: BTreeSet<String>,
    models: Vec<String>,
}

fn rows() -> Vec<Row> {
    let document = read("docs/reference/orderings.md");
    let rows = table(&document, "# Orderings");
    let row = |cells: &Vec<String>| Row {
        atomic: quoted(&cells[0]).remove(0),
        file: quoted(&cells[1]).remove(0),
        orderings: quoted(&cells[2]).into_iter().collect(),
        models: quoted(&cells[4]),
    };
    rows.iter().map(row).collect()
}

#[test]
fn every_ordering_is_explained_where_it_stands() {
    let mut seen = 0;
    for source in library() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (line, ordering) in orderings(&source) {
            seen += 1;
            let near = &lines[line.saturating_sub(NEAR)..line];
            assert!(
                near.iter().any(|line| line.contains("ORDER:")),
                "{}:{line}: why is {ordering} enough? No ORDER: comment near",
                source.path
            );
        }
    }
    assert!(seen > 20, "the scanner found {seen} orderings only");
}

#[test]
fn the_table_lists_every_atomic_and_no_other() {
    let mut declared = BTreeSet::new();
    for source in library() {
        for atomic in atomics(&source) {
            declared.insert((source.path.clone(), atomic));
        }
    }
    let listed: BTreeSet<_> = rows()
        .into_iter()
        .map(|row| (row.file, row.atomic))
        .collect();
    assert_eq!(declared, listed);
}

#[test]
fn the_table_names_every_ordering_of_a_file() {
    let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows() {
        listed.entry(row.file).or_default().extend(row.orderings);
    }
    // Atomics that are declared in one file and used in another.
    for (user, owner) in [
        ("src/task/waker.rs", "src/task/letter.rs"),
        ("src/testing/origin/serve.rs", "src/testing/origin/mod.rs"),
    ] {
        let borrowed = listed[owner].clone();
        listed.insert(user.into(), borrowed);
    }
    for source in library() {
        let used: BTreeSet<_> = orderings(&source)
            .into_iter()
            .map(|(_, name)| name)
            .collect();
        let named = listed.remove(&source.path).unwrap_or_default();
        assert_eq!(used, named, "{}", source.path);
    }
}

#[test]
fn every_model_that_is_named_exists() {
    let models = read("tests/loom/src/task/models.rs");
    let named: BTreeSet<_> = rows().into_iter().flat_map(|row| row.models).collect();
    assert!(named.len() >= 8);
    for model in &named {
        let head = format!("#[test]\nfn {model}()");
        assert!(models.contains(&head), "no model {model}");
    }
}
