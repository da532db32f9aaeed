//! Reads the crate's own source the way a careful reader would: without what is
//! only prose.
//!
//! Owns: a scanner that blanks comments, strings and tests but keeps every line
//! where it was, and what can be counted on its result.
//!
//! Absent on purpose: a parser. The laws watched here are about words, lines and
//! braces, and `rustfmt` sees to it that those stand where they are expected.
#![allow(dead_code)] // Each test that includes this file uses its own part.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One source file.
pub(crate) struct Source {
    /// Its path below the repository, with `/`.
    pub(crate) path: String,
    /// As it stands.
    pub(crate) text: String,
    /// Comments gone, strings and characters empty, tests gone; same lines.
    pub(crate) code: String,
}

/// A function with a body.
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Its lines of code, from `fn` to the last brace.
    pub(crate) lines: usize,
}

/// A file of the repository, as text.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All Rust files below `folder`, in the order of their paths. Folders with a
/// `Cargo.toml` of their own are other packages and are left out.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.sort();
    let relative = |path: &Path| {
        let below = path
            .strip_prefix(root())
            .expect("it was found below the root");
        below.to_str().expect("paths are UTF-8").replace('\\', "/")
    };
    let source =
        |path: &PathBuf| Source::new(relative(path), fs::read_to_string(path).expect("readable"));
    paths.iter().map(source).collect()
}

/// The sources of the library without the files that are only tests.
pub(crate) fn library() -> Vec<Source> {
    let mut sources = sources("src");
    sources.retain(|source| !source.is_test());
    sources
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() && !path.join("Cargo.toml").exists() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

impl Source {
    /// Scans a file.
    pub(crate) fn new(path: String, text: String) -> Self {
        let code = without_tests(&blank(&text));
        Self { path, text, code }
    }

    /// Whether the whole file is a test: `tests.rs`, or below a folder `tests`.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// How many lines hold code.
    pub(crate) fn lines(&self) -> usize {
        lines_of_code(&self.code)
    }

    /// The module of the file, `["task", "table"]` for `src/task/table.rs`.
    pub(crate) fn module(&self) -> Vec<String> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let path = path.trim_end_matches("/mod");
        let words = path
            .split('/')
            .filter(|word| !matches!(*word, "lib" | "mod"));
        words.map(String::from).collect()
    }

    /// All words of the code with their places; numbers and lifetimes too.
    pub(crate) fn words(&self) -> Vec<(usize, &str)> {
        words(&self.code)
    }

    /// The line of a place, for messages.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// All functions that have a body.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let words = self.words();
        let mut functions = Vec::new();
        for pair in words.windows(2) {
            let &[(at, "fn"), (_, name)] = pair else {
                continue;
            };
            // `fn(u8)` is a type and has no name of its own.
            if !self.code[at + 2..].trim_start().starts_with(name) {
                continue;
            }
            if let Some(body) = body(&self.code, at) {
                functions.push(Function {
                    name: name.into(),
                    lines: lines_of_code(&self.code[at..body.end]),
                });
            }
        }
        functions
    }

    /// The names of the types, traits and modules declared in the file, each with
    /// the word that declares it.
    pub(crate) fn declared(&self) -> Vec<(&str, &str)> {
        let kinds = ["struct", "enum", "trait", "type", "union", "mod"];
        let words = self.words();
        let pairs = words.windows(2).map(|pair| (pair[0].1, pair[1].1));
        pairs.filter(|(kind, _)| kinds.contains(kind)).collect()
    }
}

/// How many lines are not blank.
fn lines_of_code(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

/// Runs of letters, digits and underscores.
pub(crate) fn words(code: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in code.char_indices().chain([(code.len(), ' ')]) {
        match (c.is_alphanumeric() || c == '_', start) {
            (true, None) => start = Some(at),
            (false, Some(begin)) => {
                words.push((begin, &code[begin..at]));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The braces of the item that begins at `from`, unless a semicolon comes first.
pub(crate) fn body(code: &str, from: usize) -> Option<Range<usize>> {
    let (mut round, mut curly, mut start) = (0_i32, 0_i32, None);
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if round == 0 && curly == 0 => return None,
            '{' => {
                // `[(); { N }]` in a signature is not a body.
                if round == 0 && curly == 0 {
                    start = Some(from + at);
                }
                curly += 1;
            }
            '}' => {
                curly -= 1;
                if curly == 0
                    && let Some(start) = start
                {
                    return Some(start..from + at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Takes out every item under `#[cfg(test)]`; its lines become blank.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut rest = code;
    let mut kept = String::with_capacity(code.len());
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        let after = at + MARK.len();
        let end = match body(rest, after) {
            Some(body) => body.end,
            None => rest[after..]
                .find(';')
                .map_or(rest.len(), |end| after + end + 1),
        };
        kept.extend(rest[at..end].chars().filter(|&c| c == '\n'));
        rest = &rest[end..];
    }
    kept + rest
}

/// Blanks comments, and what stands inside strings and characters.
pub(crate) fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word_before = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let skipped = match first {
            '/' => comment(rest),
            '\'' => character(rest),
            '"' => Some(string(rest, 0)),
            'r' | 'b' | 'c' if !word_before => prefixed_string(rest),
            _ => None,
        };
        let length = skipped.unwrap_or(first.len_utf8());
        let (this, next) = rest.split_at(length);
        match skipped {
            None => code.push_str(this),
            Some(_) => {
                // A literal stays visible as one empty string.
                if !this.starts_with('/') {
                    code.push_str("\"\"");
                }
                code.extend(this.chars().filter(|&c| c == '\n'));
            }
        }
        rest = next;
    }
    code
}

/// The length of the comment that `text` begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text.get(at..at + 2) {
            Some("/*") => (depth, at) = (depth + 1, at + 2),
            Some("*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(text.len())
}

/// The length of the character that `text` begins with; `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next()?; // What is escaped may be a quote.
        return chars.find(|&(_, c)| c == '\'').map(|(at, _)| at + 1);
    }
    let (at, second) = chars.next()?;
    (second == '\'').then_some(at + 1)
}

/// The length of a string that begins with letters: `b"`, `r#"`, `br"`, `c"`.
fn prefixed_string(text: &str) -> Option<usize> {
    let letters = text.len() - text.trim_start_matches(['r', 'b', 'c']).len();
    let (prefix, rest) = text.split_at(letters);
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let raw = prefix.contains('r');
    let quoted = rest[hashes..].starts_with('"') && letters <= 2 && (raw || hashes == 0);
    if prefix == "b" && rest.starts_with('\'') {
        return character(rest).map(|length| length + 1);
    }
    if !quoted {
        return None;
    }
    if !raw {
        return Some(letters + string(rest, 0));
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = letters + hashes + 1;
    let length = text[inside..].find(&end).map(|at| inside + at + end.len());
    Some(length.unwrap_or(text.len()))
}

/// The length of the plain string that `text` begins with.
fn string(text: &str, from: usize) -> usize {
    let mut chars = text.char_indices().skip(from + 1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The rows of the first table of a document below the heading `under`, without
/// its head: each cell trimmed.
pub(crate) fn table(document: &str, under: &str) -> Vec<Vec<String>> {
    let (_, section) = document
        .split_once(under)
        .unwrap_or_else(|| panic!("no heading {under:?}"));
    let rows = section.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        let row = row.trim().trim_matches('|');
        row.split('|').map(|cell| cell.trim().to_string()).collect()
    };
    rows.map(cells).collect()
}

/// What stands between backticks, in order.
pub(crate) fn quoted(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(String::from)
        .collect()
}
