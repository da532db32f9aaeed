//! Keeps the shape of the crate: imports go one way, files and functions stay short,
//! names say something, and the lock file holds no other runtime.
//!
//! The layers are read from `docs/architecture.md`, so table and code cannot
//! disagree.

#[path = "source/mod.rs"]
mod source;

use source::{Source, library, quoted, read, root, sources, table};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What one row of the layers table allows.
#[derive(Debug)]
struct Row {
    /// The modules that may be named; `None` for all.
    modules: Option<BTreeSet<String>>,
    /// The crates that may be named.
    crates: BTreeSet<String>,
}

/// The layers table: a row per module, in its order.
fn layers() -> Vec<(String, Row)> {
    let document = read("docs/architecture.md");
    let row = |cells: &Vec<String>| {
        let names =
            |cell: usize| -> BTreeSet<String> { quoted(&cells[cell]).into_iter().collect() };
        let everything = cells[2] == "everything";
        let modules = (!everything).then(|| names(2));
        let crates = names(3);
        (quoted(&cells[1]).remove(0), Row { modules, crates })
    };
    table(&document, "## Layers").iter().map(row).collect()
}

/// The module of the crate that a path names, with the place of the path.
/// `None` where the path names an item of the front door.
fn modules_named(
    source: &Source,
    modules: &BTreeSet<String>,
) -> Vec<(usize, Result<String, String>)> {
    let mut named = Vec::new();
    let check = |word: &str| {
        if modules.contains(word) {
            Ok(word.to_string())
        } else {
            Err(word.to_string())
        }
    };
    for (at, base, rest) in paths(source) {
        match base.first() {
            Some(module) => named.push((at, Ok(module.clone()))),
            None => named.extend(heads(rest).iter().map(|word| (at, check(word)))),
        }
    }
    named
}

/// Every path that begins with `crate` or `super`: where it stands, the module it has
/// reached after them, and the code that follows.
fn paths(source: &Source) -> Vec<(usize, Vec<String>, &str)> {
    let inline = inline_modules(source);
    let mut found = Vec::new();
    let mut done = 0;
    for (at, word) in source.words() {
        if at < done || !matches!(word, "crate" | "super") {
            continue;
        }
        let mut rest = &source.code[at..];
        let mut base = source.module();
        base.extend(
            inline
                .iter()
                .filter(|(body, _)| body.contains(&at))
                .map(|(_, name)| name.clone()),
        );
        if let Some(next) = rest.strip_prefix("crate::") {
            (base, rest) = (Vec::new(), next);
        } else if !rest.starts_with("super::") {
            continue;
        }
        while let Some(next) = rest.strip_prefix("super::") {
            base.pop();
            rest = next;
        }
        done = source.code.len() - rest.len();
        found.push((at, base, rest));
    }
    found
}

/// The modules that a file declares with a body, and where their bodies are.
fn inline_modules(source: &Source) -> Vec<(std::ops::Range<usize>, String)> {
    let words = source.words();
    let mut modules = Vec::new();
    for pair in words.windows(2) {
        let [(_, "mod"), (at, name)] = pair else {
            continue;
        };
        let after = at + name.len();
        if source.code[after..].trim_start().starts_with('{')
            && let Some(body) = source::body(&source.code, after)
        {
            modules.push((body, name.to_string()));
        }
    }
    modules
}

/// The first words of a path or of a `{group, of::paths}`.
fn heads(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return source::words(rest)
            .first()
            .map(|(_, word)| word.to_string())
            .into_iter()
            .collect();
    };
    let (mut depth, mut expect, mut heads) = (1, true, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => expect = true,
            c if expect && (c.is_alphanumeric() || c == '_') => {
                expect = false;
                heads.extend(
                    source::words(&group[at..])
                        .first()
                        .map(|(_, word)| word.to_string()),
                );
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

/// Panics with all complaints, if there are any.
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn imports_go_one_way() {
    let layers = layers();
    let modules: BTreeSet<String> = layers.iter().map(|(module, _)| module.clone()).collect();
    let rows: BTreeMap<_, _> = layers.into_iter().collect();
    let mut complaints = Vec::new();
    for source in library() {
        let Some(module) = source.module().into_iter().next() else {
            continue; // The front door.
        };
        let Some(row) = rows.get(&module) else {
            complaints.push(format!(
                "{}: the layers table has no row for `{module}`",
                source.path
            ));
            continue;
        };
        for (at, named) in modules_named(&source, &modules) {
            // Who may name everything may also come in by the front door.
            let allowed = row.modules.as_ref().is_none_or(|modules| {
                let named = named.as_ref();
                named.is_ok_and(|name| *name == module || modules.contains(name))
            });
            if !allowed {
                let (line, name) = (source.line(at), named.unwrap_or_else(|name| name));
                complaints.push(format!(
                    "{}:{line}: `{module}` may not name `{name}`",
                    source.path
                ));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn the_layers_table_goes_one_way_itself() {
    let mut above = BTreeSet::new();
    let mut complaints = Vec::new();
    for (module, row) in layers() {
        let beside = row
            .modules
            .iter()
            .flatten()
            .filter(|name| !above.contains(*name));
        complaints
            .extend(beside.map(|name| {
                format!("the row of `{module}` names `{name}`, which is not above it")
            }));
        let exists = ["", "/mod"]
            .iter()
            .any(|end| root().join(format!("src/{module}{end}.rs")).exists());
        if !exists {
            complaints.push(format!(
                "the layers table has a row for `{module}`, which does not exist"
            ));
        }
        above.insert(module);
    }
    assert_none(&complaints);
}

/// A crate is named in the modules that the table says, and nowhere else.
#[test]
fn other_crates_stay_where_they_are_allowed() {
    let rows: BTreeMap<_, _> = layers().into_iter().collect();
    let manifest = read("Cargo.toml");
    let (_, dependencies) = manifest.split_once("[dependencies]").expect("dependencies");
    let (dependencies, _) = dependencies
        .split_once("\n[")
        .expect("a section after them");
    let crates: Vec<String> = dependencies
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.replace('-', "_"))
        .collect();
    assert!(
        crates.contains(&"mio".to_string()),
        "the manifest was not understood: {crates:?}"
    );
    let mut complaints = Vec::new();
    for source in library() {
        let module = source.module().into_iter().next();
        let allowed = module.and_then(|module| rows.get(&module));
        for (at, word) in source.words() {
            let is_path = source.code[at + word.len()..].starts_with("::")
                && !source.code[..at].ends_with("self::");
            let is_crate = is_path && crates.iter().any(|name| name == word);
            if is_crate && !allowed.is_some_and(|row| row.crates.contains(word)) {
                complaints.push(format!(
                    "{}:{}: the layers table does not allow `{word}` here",
                    source.path,
                    source.line(at)
                ));
            }
        }
    }
    assert_none(&complaints);
}

/// The sources that people read: the library and the examples, without tests.
fn read_sources() -> Vec<Source> {
    let mut all = library();
    all.extend(sources("examples"));
    all
}

/// The number in the budgets table behind the words `what`.
fn budget(what: &str) -> usize {
    let rows = table(&read("docs/architecture.md"), "## Line budgets");
    let row = rows
        .iter()
        .find(|row| row[0] == what)
        .unwrap_or_else(|| panic!("no budget for {what}"));
    row[1].replace(',', "").parse().expect("a number")
}

#[test]
fn files_and_functions_are_short() {
    let (file, function) = (budget("one file"), budget("one function"));
    let mut complaints = Vec::new();
    let mut check = |path: &str, name: &str, lines: usize, most: usize| {
        if lines > most {
            let what = match name {
                "" => String::new(),
                name => format!(": `{name}`"),
            };
            complaints.push(format!(
                "{path}{what} has {lines} lines of code, {most} at most"
            ));
        }
    };
    for source in read_sources() {
        check(&source.path, "", source.lines(), file);
        let mut longest = BTreeMap::new();
        for one in source.functions() {
            let lines = longest.entry(one.name).or_insert(0);
            *lines = one.lines.max(*lines);
        }
        for (name, lines) in longest {
            check(&source.path, &name, lines, function);
        }
    }
    assert_none(&complaints);
}

#[test]
fn every_file_opens_with_what_it_is() {
    let mut complaints = Vec::new();
    for source in library() {
        let head = source
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .count();
        if head == 0 || (head > 25 && source.path != "src/lib.rs") {
            complaints.push(format!(
                "{}: its head has {head} lines, not 1 to 25",
                source.path
            ));
        }
    }
    assert_none(&complaints);
}

#[test]
fn names_say_something() {
    let empty = [
        "Inner", "Core", "Manager", "Util", "Utils", "Helper", "Helpers", "Data",
    ];
    let mut complaints = Vec::new();
    let mut handles = Vec::new();
    for source in read_sources() {
        let mut names: Vec<String> = source
            .declared()
            .iter()
            .map(|(_, name)| name.to_string())
            .collect();
        names.extend(source.module().pop());
        for name in names {
            if name == "Handle" {
                handles.push(source.path.clone());
            }
            let says_nothing = empty.iter().any(|word| {
                humps(&name)
                    .iter()
                    .any(|hump| hump.eq_ignore_ascii_case(word))
            });
            if says_nothing {
                complaints.push(format!("{}: `{name}`", source.path));
            }
        }
    }
    assert_none(&complaints);
    assert_eq!(
        handles,
        ["src/runtime/handle.rs"],
        "`Handle` names exactly one type"
    );
}

/// `TaskTable` and `task_table` as `task`, `table`.
fn humps(name: &str) -> Vec<String> {
    let mut humps = vec![String::new()];
    for c in name.chars() {
        if c.is_uppercase() || c == '_' {
            humps.push(String::new());
        }
        if c != '_'
            && let Some(hump) = humps.last_mut()
        {
            hump.extend(c.to_lowercase());
        }
    }
    humps
}

#[test]
fn only_the_clock_reads_the_clock() {
    let mut complaints = Vec::new();
    for source in library() {
        for (at, _) in source.code.match_indices("Instant::now") {
            if source.path != "src/clock.rs" {
                complaints.push(format!("{}:{}", source.path, source.line(at)));
            }
        }
    }
    assert_none(&complaints);
}

/// The lint forbids it in every target; this holds for whoever would turn it off.
#[test]
fn nothing_is_unsafe() {
    let mut complaints = Vec::new();
    for source in ["src", "examples", "tests"].into_iter().flat_map(sources) {
        // Unit tests too: from the text, not from the code without tests.
        let code = source::blank(&source.text);
        let found = source::words(&code)
            .into_iter()
            .filter(|(_, word)| *word == "unsafe");
        complaints
            .extend(found.map(|(at, _)| {
                format!("{}:{}", source.path, code[..at].matches('\n').count() + 1)
            }));
    }
    assert_none(&complaints);
    assert!(read("src/lib.rs").contains("#![forbid(unsafe_code)]"));
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
}

#[test]
fn the_lock_file_holds_no_other_runtime() {
    let lock = read("Cargo.lock");
    let locked: Vec<&str> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .collect();
    assert!(locked.contains(&"mio"), "the lock file was not understood");
    let runtimes = [
        "actix-rt",
        "async-executor",
        "async-global-executor",
        "async-io",
        "async-std",
        "bastion-executor",
        "compio",
        "embassy-executor",
        "futures",
        "futures-executor",
        "futures-util",
        "fuchsia-async",
        "glommio",
        "hyper",
        "isahc",
        "monoio",
        "nuclei",
        "pollster",
        "reqwest",
        "smol",
        "surf",
        "tokio",
        "tokio-uring",
        "ureq",
    ];
    let found: Vec<_> = runtimes
        .iter()
        .filter(|name| locked.contains(*name))
        .collect();
    assert!(found.is_empty(), "Cargo.lock holds {found:?}");
}

#[test]
fn the_top_level_is_what_it_should_be() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "src",
        "examples",
        "tests",
        "docs",
    ];
    let listed = Command::new("git")
        .args(["ls-files"])
        .current_dir(root())
        .output();
    let names: BTreeSet<String> = match listed {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines()
                .filter_map(|path| path.split('/').next())
                .map(String::from)
                .collect()
        }
        // Not a checkout: what lies there, without what cargo makes.
        _ => {
            let entries = std::fs::read_dir(root()).expect("readable");
            let names = entries.map(|entry| {
                entry
                    .expect("readable")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            });
            names.filter(|name| name != "target").collect()
        }
    };
    assert!(names.contains("src"), "{names:?}");
    let visible = names
        .iter()
        .filter(|name| !name.starts_with('.') && !name.starts_with("LICENSE"));
    let strange: Vec<_> = visible
        .filter(|name| !allowed.contains(&name.as_str()))
        .collect();
    assert!(strange.is_empty(), "the top level holds {strange:?}");
}

/// The scanner itself: what it must not trip over.
#[test]
fn the_scanner_reads_rust() {
    let text = r####"
        // unsafe
        /* unsafe /* nested */ unsafe */
        let a = "unsafe \" unsafe"; let b = r#"unsafe " unsafe"#; let c = b"unsafe";
        let quote = '"'; let escaped = '\''; let byte = b'"'; let life: &'static str = "x";
        use crate::{budget, task::{self, Sched}, policy};
        #[cfg(test)]
        mod tests { fn long() { KEYWORD {} } }
        #[cfg(test)]
        use crate::testing::Probe;
        fn f(x: [u8; 2]) -> u8 { x[0] }
    "####
        .replace("KEYWORD", "unsafe");
    let source = Source::new("src/task/table.rs".into(), text.clone());
    assert!(
        !source.words().iter().any(|(_, word)| *word == "unsafe"),
        "{}",
        source.code
    );
    assert_eq!(
        source.code.matches('\n').count(),
        text.matches('\n').count()
    );
    assert_eq!(source.module(), ["task", "table"]);
    assert_eq!(source.lines(), 4);
    let modules = ["budget", "task", "policy", "testing"]
        .map(String::from)
        .into();
    let named: Vec<_> = modules_named(&source, &modules)
        .into_iter()
        .map(|(_, name)| name.unwrap())
        .collect();
    assert_eq!(named, ["budget", "task", "policy"]);
    let functions = source.functions();
    assert_eq!(
        (
            functions.len(),
            functions[0].name.as_str(),
            functions[0].lines
        ),
        (1, "f", 1)
    );
    let up = Source::new(
        "src/time/sleep.rs".into(),
        "use super::super::io; fn g(f: fn(u8)) {}".into(),
    );
    let modules = ["io"].map(String::from).into();
    assert_eq!(modules_named(&up, &modules)[0].1.as_deref(), Ok("io"));
    assert_eq!(up.functions().len(), 1);
    assert_eq!(humps("PoolManager"), ["", "pool", "manager"]);
}
