//! Keeps the documents true: what they name exists, what they count is counted, where
//! they point is something, and the README's policy is a policy.

#[path = "source/mod.rs"]
mod source;

use downbeat::policy::{Cause, Policy, Runnable};
use downbeat::{Runtime, SpawnOptions, spawn_with, yield_now};
use source::{Source, library, quoted, read, root, sources, table};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

/// Panics with all complaints, if there are any.
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// All pages: the README and what lies below `docs/`.
fn pages() -> Vec<String> {
    fn walk(folder: &Path, pages: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                walk(&path, pages);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let mut found = vec![root().join("README.md")];
    walk(&root().join("docs"), &mut found);
    found.sort();
    let relative = |path: &PathBuf| {
        path.strip_prefix(root())
            .expect("below the root")
            .to_str()
            .expect("UTF-8")
            .replace('\\', "/")
    };
    found.iter().map(relative).collect()
}

/// The targets of the links of a page, as they are written.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.starts_with("```");
        if in_code {
            continue;
        }
        for part in line.split("](").skip(1) {
            links.extend(part.split_once(')').map(|(link, _)| link.to_string()));
        }
    }
    links
}

/// How GitHub names a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut complaints = Vec::new();
    for page in pages() {
        let text = read(&page);
        let folder = root().join(&page).parent().expect("a folder").to_path_buf();
        for link in links(&text) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link.as_str(), ""));
            let target = if file.is_empty() {
                root().join(&page)
            } else {
                folder.join(file)
            };
            let found = target.exists()
                && (heading.is_empty()
                    || fs::read_to_string(&target).is_ok_and(|text| {
                        text.lines()
                            .any(|line| line.starts_with('#') && anchor(line) == heading)
                    }));
            if !found {
                complaints.push(format!("{page}: {link} leads nowhere"));
            }
        }
    }
    assert_none(&complaints);
}

/// What a file declares: functions, types, traits, constants, modules.
fn declared(source: &Source) -> BTreeSet<&str> {
    let kinds = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "mod",
    ];
    let words = source.words();
    let pairs = words.windows(2).filter(|pair| kinds.contains(&pair[0].1));
    pairs.map(|pair| pair[1].1).collect()
}

/// The files of the kernel, from the budgets table.
fn kernel() -> BTreeSet<String> {
    budgets()
        .remove("the kernel")
        .expect("a budget for the kernel")
        .1
}

/// The rows of the budgets table that count files: the budget and the files.
fn budgets() -> BTreeMap<String, (usize, BTreeSet<String>)> {
    let library: Vec<String> = library().into_iter().map(|source| source.path).collect();
    let mut budgets = BTreeMap::new();
    let mut above = BTreeSet::new();
    for row in table(&read("docs/architecture.md"), "## Line budgets") {
        if row[0].starts_with("one ") {
            continue; // `tests/layers.rs` holds those.
        }
        let mut files = BTreeSet::new();
        if row[2].contains("all of the above") {
            files.extend(above.iter().cloned());
        }
        for named in quoted(&row[2]) {
            let path = format!("src/{named}");
            let is_named =
                |file: &&String| **file == path || (path.ends_with('/') && file.starts_with(&path));
            let found: Vec<_> = library.iter().filter(is_named).cloned().collect();
            assert!(
                !found.is_empty(),
                "the budgets table names {named}, which does not exist"
            );
            files.extend(found);
        }
        above.clone_from(&files);
        let most = row[1].replace(',', "").parse().expect("a number");
        budgets.insert(row[0].clone(), (most, files));
    }
    budgets
}

#[test]
fn the_line_budgets_hold() {
    let lines: BTreeMap<String, usize> = library()
        .into_iter()
        .map(|source| (source.path.clone(), source.lines()))
        .collect();
    let mut complaints = Vec::new();
    let readme = read("README.md");
    for (what, (most, files)) in budgets() {
        let count: usize = files.iter().map(|file| lines[file]).sum();
        println!("{what}: {count} of {most} lines");
        if count > most {
            complaints.push(format!("{what}: {count} lines, {most} at most"));
        }
        // With the comma that the README writes.
        let printed = format!("**{},{:03}**", most / 1000, most % 1000);
        if !readme.contains(&printed) {
            complaints.push(format!(
                "the README does not print the budget {printed} of {what}"
            ));
        }
    }
    assert_none(&complaints);
}

#[test]
fn the_architecture_is_one_short_page() {
    let lines = read("docs/architecture.md").lines().count();
    assert!(
        lines <= 150,
        "docs/architecture.md has {lines} lines, 150 at most"
    );
}

#[test]
fn the_tour_visits_real_items_and_the_whole_kernel() {
    let sources: BTreeMap<String, Source> = library()
        .into_iter()
        .map(|source| (source.path.clone(), source))
        .collect();
    let tour = read("docs/tour.md");
    let stops: Vec<&str> = tour.split("\n## ").skip(1).collect();
    assert!((10..=14).contains(&stops.len()), "{} stops", stops.len());
    let mut complaints = Vec::new();
    let mut visited = BTreeSet::new();
    for (number, stop) in stops.iter().enumerate() {
        assert!(
            stop.starts_with(&format!("{}. ", number + 1)),
            "stop {} is called {stop:.20}",
            number + 1
        );
        let (_, list) = stop
            .split_once("> **Source:**")
            .unwrap_or_else(|| panic!("stop {} names no source", number + 1));
        // [`file`](../src/file) `item` `item` · [`file`](…) …
        for part in list.split("[`").skip(1) {
            let (file, items) = part.split_once("`](").expect("a link");
            let (target, items) = items.split_once(')').expect("a link");
            let path = format!("src/{file}");
            assert_eq!(
                target,
                format!("../{path}"),
                "text and target of a link differ"
            );
            let Some(source) = sources.get(&path) else {
                complaints.push(format!("stop {}: {path} does not exist", number + 1));
                continue;
            };
            let declared = declared(source);
            let gone = quoted(items)
                .into_iter()
                .filter(|item| !declared.contains(item.as_str()));
            complaints.extend(
                gone.map(|item| format!("stop {}: {path} declares no `{item}`", number + 1)),
            );
            visited.insert(path);
        }
    }
    let missed = kernel().into_iter().filter(|file| !visited.contains(file));
    complaints.extend(missed.map(|file| format!("the tour never visits {file}")));
    assert_none(&complaints);
}

/// The names of all tests, wherever they are.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // Packages of their own are left out, so their tests are named here.
    let nested = ["tests/loom/src", "tests/chaos/tests"];
    let folders = ["src", "tests", "examples"].into_iter().chain(nested);
    for source in folders.flat_map(sources) {
        for (_, after) in source
            .text
            .match_indices("#[test]")
            .map(|(at, mark)| source.text.split_at(at + mark.len()))
        {
            if let Some((_, name)) = after.split_once("fn ") {
                names.extend(
                    source::words(name)
                        .first()
                        .map(|(_, name)| name.to_string()),
                );
            }
        }
    }
    names
}

#[test]
fn laws_have_their_files_and_their_tests() {
    let page = read("docs/reference/laws.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| law"));
    let tests = tests();
    let mut complaints = Vec::new();
    let mut seen = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [law, says, files, watchers] = cells[..] else {
            complaints.push(format!("not four cells: {row}"));
            continue;
        };
        if !seen.insert(law) || says.is_empty() {
            complaints.push(format!("{law} is there twice, or says nothing"));
        }
        for file in quoted(files) {
            let path = root().join("src").join(&file);
            let text = fs::read_to_string(path).unwrap_or_default();
            if !source::words(&text).iter().any(|(_, word)| *word == law) {
                complaints.push(format!(
                    "{law}: src/{file} does not exist, or does not name it"
                ));
            }
        }
        let named = quoted(watchers);
        let missing = named.iter().filter(|name| !tests.contains(*name));
        complaints.extend(missing.map(|name| format!("{law}: no test is called {name}")));
        if named.is_empty() && watchers != "—" {
            complaints.push(format!("{law}: who watches it?"));
        }
    }
    assert!(seen.len() > 50, "the page was not understood");
    assert_none(&complaints);
}

/// Every law that a file of the library names stands on the page.
#[test]
fn laws_that_are_named_are_listed() {
    let page = read("docs/reference/laws.md");
    let listed: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .collect();
    let mut complaints = Vec::new();
    for source in library() {
        for (_, rest) in source
            .text
            .match_indices("LAW ")
            .map(|(at, mark)| source.text.split_at(at + mark.len()))
        {
            let law = source::words(rest).first().map_or("", |(_, word)| word);
            if !listed.contains(law) {
                complaints.push(format!(
                    "{}: LAW {law} is not in docs/reference/laws.md",
                    source.path
                ));
            }
        }
    }
    assert_none(&complaints);
}

/// The lints hold for a module and everything below it; a way out of one needs a reason.
#[test]
fn e01_what_can_panic_is_denied_where_a_peer_is_read() {
    let lints = [
        "unwrap_used",
        "expect_used",
        "indexing_slicing",
        "arithmetic_side_effects",
        "panic",
    ]
    .map(|lint| format!("clippy::{lint}"));
    let mut complaints = Vec::new();
    for module in ["src/http/mod.rs", "src/tls/mod.rs"] {
        let text = read(module);
        let denied = text
            .split_once("deny(")
            .and_then(|(_, rest)| rest.split_once(')'));
        let (denied, _) = denied.expect("a list of lints");
        let words: Vec<&str> = denied.split(',').map(str::trim).collect();
        let missing = lints.iter().filter(|lint| !words.contains(&lint.as_str()));
        complaints.extend(missing.map(|lint| format!("{module} does not deny {lint}")));
    }
    for source in library() {
        if !source.path.contains("src/http/") && !source.path.contains("src/tls/") {
            continue;
        }
        for (at, mark) in source.text.match_indices("allow(") {
            let inside = &source.text[at + mark.len()..];
            let inside = &inside[..inside.find(')').unwrap_or(inside.len())];
            let waived = lints.iter().any(|lint| inside.contains(lint.as_str()));
            if waived && !inside.contains("reason") {
                complaints.push(format!("{}: allow({inside}) without a reason", source.path));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn decisions_are_numbered_and_listed() {
    let mut names: Vec<String> = fs::read_dir(root().join("docs/decisions"))
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != "README.md")
        .collect();
    names.sort();
    let index = read("docs/decisions/README.md");
    let mut complaints = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let number = format!("{:04}", place + 1);
        let text = read(&format!("docs/decisions/{name}"));
        let title = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# "))
            .unwrap_or_default();
        if !name.starts_with(&format!("{number}-")) || !title.starts_with(&format!("{number} ")) {
            complaints.push(format!(
                "docs/decisions/{name} should be number {number}, in its title too"
            ));
        }
        if !index.contains(&format!("* [{title}]({name})")) {
            complaints.push(format!(
                "docs/decisions/README.md should list [{title}]({name})"
            ));
        }
    }
    // Pages that the source refers to.
    for source in library() {
        for (at, mark) in source.text.match_indices("decision page ") {
            let number = &source.text[at + mark.len()..][..4];
            if !names.iter().any(|name| name.starts_with(number)) {
                complaints.push(format!("{} refers to decision page {number}", source.path));
            }
        }
    }
    assert_none(&complaints);
}

/// `Read next` and its like: files named at the head of a file exist, beside it or
/// below `src/`.
#[test]
fn heads_name_files_that_exist() {
    let mut complaints = Vec::new();
    for source in library() {
        let head: Vec<&str> = source
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        let folder = root()
            .join(&source.path)
            .parent()
            .expect("a folder")
            .to_path_buf();
        for named in quoted(&head.join("\n")) {
            let is_file = named.ends_with(".rs") && !named.contains([' ', '\n']);
            let found = [folder.clone(), root().join("src"), root().to_path_buf()]
                .iter()
                .any(|folder| folder.join(&named).exists());
            if is_file && !found {
                complaints.push(format!(
                    "{}: its head names {named}, which does not exist",
                    source.path
                ));
            }
        }
    }
    assert_none(&complaints);
}

// The README's first policy, word for word.
// README
/// Whoever was polled least goes first.
struct Newcomers(Vec<Runnable>);

impl Policy for Newcomers {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        self.0.push(task);
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        let least = (0..self.0.len()).min_by_key(|&at| self.0[at].polls())?;
        Some(self.0.remove(least))
    }
}
// README

#[test]
fn the_readmes_policy_is_the_one_tested_here() {
    let here = read("tests/docs.rs");
    let policy = here.split("// README\n").nth(1).expect("two marks").trim();
    assert!(policy.lines().count() <= 16, "a first policy is short");
    assert!(
        read("README.md").contains(policy),
        "the README's first policy is another one than here"
    );
}

#[test]
fn the_readmes_policy_keeps_the_laws() {
    downbeat::testing::check_policy(|| Newcomers(vec![]));
}

#[test]
fn the_readmes_policy_does_what_it_says() {
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .policy(Newcomers(vec![]))
        .build()
        .unwrap();
    let order = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let worker = |name: &'static str, rounds: usize| {
            let order = Rc::clone(&order);
            let task = async move {
                for _ in 0..rounds {
                    order.borrow_mut().push(name);
                    yield_now().await;
                }
            };
            spawn_with(task, SpawnOptions::new().name(name))
        };
        let old = worker("old", 4);
        while order.borrow().len() < 2 {
            yield_now().await;
        }
        // It has not been polled yet, so it catches up before the old one goes on.
        let new = worker("new", 2);
        old.await.unwrap();
        new.await.unwrap();
    });
    assert_eq!(*order.borrow(), ["old", "old", "new", "new", "old", "old"]);
}
