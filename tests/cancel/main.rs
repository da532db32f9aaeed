//! Cancelling at every await: each public async function is dropped after k polls, for
//! every k until it ends by itself, and what its documentation promises must hold.
//!
//! Laws: J09; after each cut the loop has no task, timer or source left, and the object
//! the function belongs to is used once more, or is documented to be done for.
//!
//! `every_public_async_function_is_cut` reads the source: a function or a future that
//! is public and stands in no scenario's list fails it.
//!
//! Read next: `cut.rs`, then the scenarios by layer.

mod cut;
mod kernel;
mod over_http;
mod sockets;
mod streams;
mod waits;

#[path = "../source/mod.rs"]
mod source;

use std::collections::BTreeSet;

/// `file function`, or `file Type` of a future; what is between the brackets.
fn covered() -> BTreeSet<String> {
    let texts = [
        include_str!("kernel.rs"),
        include_str!("over_http.rs"),
        include_str!("sockets.rs"),
        include_str!("streams.rs"),
        include_str!("waits.rs"),
    ];
    let mut covered = BTreeSet::new();
    for line in texts.iter().flat_map(|text| text.lines()) {
        let Some(list) = line.trim().strip_prefix("// CUTS ") else {
            continue;
        };
        covered.extend(list.split(", ").map(str::to_owned));
    }
    covered
}

/// The public async functions, and the futures with a name, of a file.
fn offered(path: &str, text: &str) -> Vec<String> {
    let file = path.strip_prefix("src/").unwrap_or(path);
    let mut offered = Vec::new();
    let flat = text.replace('\n', " ");
    let name = |text: &str| {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    for rest in flat.split("pub async fn ").skip(1) {
        offered.push(format!("{file} {}", name(rest)));
    }
    for rest in flat.split(" fn ").skip(1) {
        let head = rest.split(['{', ';']).next().unwrap_or_default();
        if head.contains("-> impl Future<") {
            offered.push(format!("{file} {}", name(rest)));
        }
    }
    for rest in flat.split(" Future for ").skip(1) {
        offered.push(format!("{file} {}", name(rest)));
    }
    offered
}

#[test]
fn every_public_async_function_is_cut() {
    let covered = covered();
    let mut missing = Vec::new();
    for path in source::library().iter().map(|source| source.path.clone()) {
        // Private machinery: driven by the functions above it.
        let private = ["src/http/", "src/runtime/turn", "src/task/job"];
        let public = [
            "src/http/call.rs",
            "src/http/response.rs",
            "src/http/mod.rs",
        ];
        let is_test = path.contains("/tests") || path.contains("testing/");
        let hidden = private.iter().any(|p| path.starts_with(p)) && !public.contains(&&*path);
        if is_test || hidden {
            continue;
        }
        let text = source::read(&path);
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let found = offered(&path, text);
        missing.extend(found.into_iter().filter(|item| !covered.contains(item)));
    }
    assert!(missing.is_empty(), "no scenario cuts {missing:#?}");
}
