//! What `lab fetch` fetches: URLs, those in files, or the pages of the demo.
//!
//! Read next: `demo.rs`.

use crate::demo::pages;
use downbeat::testing::origin::Origin;

/// One URL, and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: String,
    /// What pictures and stories call it: the path first, since that tells rows apart.
    pub(crate) name: String,
    /// Which host it is of.
    pub(crate) group: u32,
    /// How long it will take, in nanoseconds.
    pub(crate) size: Option<u64>,
}

/// The URLs, those in files too.
pub(crate) fn urls_of(words: &[String]) -> Result<Vec<String>, String> {
    let mut urls = Vec::new();
    for word in words {
        if word.starts_with("http://") || word.starts_with("https://") {
            urls.push(word.clone());
            continue;
        }
        let text = std::fs::read_to_string(word);
        let text = text.map_err(|error| {
            format!("{word:?} is no URL (http://, https://) and no file that can be read: {error}")
        })?;
        let lines = text.lines().map(str::trim);
        urls.extend(lines.filter(|line| !line.is_empty()).map(str::to_owned));
    }
    Ok(urls)
}

/// The URLs and their hosts.
pub(crate) fn targets(urls: &[String], demo: Option<&Origin>, seed: u64) -> Vec<Target> {
    let mut hosts: Vec<String> = Vec::new();
    let mut number = 0;
    let mut target = |url: String, size| {
        let host = url.split('/').nth(2).unwrap_or_default().to_owned();
        let known = hosts.iter().position(|known| *known == host);
        let group = known.unwrap_or_else(|| {
            hosts.push(host);
            hosts.len() - 1
        });
        let group = group as u32;
        number += 1;
        let name = name(number, &url);
        Target {
            url,
            name,
            group,
            size,
        }
    };
    match demo {
        Some(origin) => {
            let page = |(i, ms): (usize, &u64)| {
                target(origin.url(&format!("/page/{i}")), Some(ms * 1_000_000))
            };
            pages(seed).iter().enumerate().map(page).collect()
        }
        None => urls.iter().map(|url| target(url.clone(), None)).collect(),
    }
}

/// The path comes first, since that tells the rows of a picture apart.
fn name(number: usize, url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    format!("{number} /{path} {host}")
}
