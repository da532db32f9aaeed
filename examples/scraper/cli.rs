//! The command line: every option, its default and its help.
//!
//! Owns: `Cli`, as clap reads it. Values are checked here, so nothing behind this
//! file meets one that makes no sense.
//!
//! Read next: `main.rs`, which turns it into a run.

use super::units;
use clap::{Parser, ValueEnum};
use downbeat::policy::Expression;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Fetches many URLs at once, on one thread, and says how long it took.
///
/// Without URLs and without --input it is a demo: it starts a server of its own on
/// the loopback interface and fetches 100 pages from it, each of which takes 20 to
/// 180 ms.
#[derive(Parser, Clone, Debug)]
#[command(name = "scraper", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// URLs to fetch, before those of --input
    #[arg(value_name = "URL")]
    pub(crate) urls: Vec<OsString>,

    /// File with one URL per line, or - for standard input; # starts a comment line
    #[arg(short, long, value_name = "FILE|-", help_heading = "Input")]
    pub(crate) input: Option<PathBuf>,

    /// Pages of the demo
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Input")]
    #[arg(conflicts_with_all = ["urls", "input"])]
    pub(crate) demo: u64,

    /// How long a page of the demo takes
    #[arg(
        long,
        value_name = "A..B",
        default_value = "20..180ms",
        help_heading = "Input"
    )]
    #[arg(value_parser = units::latency, conflicts_with_all = ["urls", "input"])]
    pub(crate) latency: (Duration, Duration),

    /// Share of the demo's pages that fail: refused, reset, truncated, slow, status 500
    #[arg(long, value_name = "P", default_value = "0", help_heading = "Input")]
    #[arg(value_parser = units::share, conflicts_with_all = ["urls", "input"])]
    pub(crate) fail_rate: f64,

    /// Seed of the demo's latencies and faults, and of the jitter between retries
    #[arg(long, value_name = "N", default_value_t = 42, help_heading = "Input")]
    pub(crate) seed: u64,

    /// Fetches at once
    #[arg(
        short,
        long,
        value_name = "N",
        default_value_t = 100,
        help_heading = "Limits"
    )]
    #[arg(value_parser = count)]
    pub(crate) concurrency: usize,

    /// Fetches at once from one host; 0: no limit [default: 6; in the demo: no limit]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) per_host: Option<usize>,

    /// Time between two fetches from one host
    #[arg(
        long,
        value_name = "TIME",
        default_value = "0",
        help_heading = "Limits"
    )]
    #[arg(value_parser = units::duration)]
    pub(crate) delay: Duration,

    /// How many URLs are read ahead to keep all hosts busy
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4096,
        help_heading = "Limits"
    )]
    #[arg(value_parser = count)]
    pub(crate) window: usize,

    /// Longest time to connect, and for the TLS handshake
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        help_heading = "Limits"
    )]
    #[arg(value_parser = units::limit)]
    pub(crate) connect_timeout: Duration,

    /// Longest time for one attempt, redirects and body included
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        help_heading = "Limits"
    )]
    #[arg(value_parser = units::limit)]
    pub(crate) timeout: Duration,

    /// Largest body, decoded
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "16MiB",
        help_heading = "Limits"
    )]
    #[arg(value_parser = units::size)]
    pub(crate) max_size: u64,

    /// Redirects that are followed; 0: none, a redirect is then the answer
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Limits")]
    pub(crate) max_redirects: u32,

    /// Further attempts after a failed connect, a timeout, 429, 502, 503 or 504
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Limits")]
    pub(crate) retry: u32,

    /// How long fetches may go on after the first Ctrl-C
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        help_heading = "Limits"
    )]
    #[arg(value_parser = units::duration)]
    pub(crate) grace: Duration,

    /// Write one JSON object per URL to this file, or - for standard output
    #[arg(short, long, value_name = "FILE|-", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    /// Like --output, but append, and skip the URLs that have an object in it already
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    #[arg(conflicts_with_all = ["output", "compare"])]
    pub(crate) resume: Option<PathBuf>,

    /// Save the body of each fetched URL as DIR/INDEX-HOST-NAME (see below)
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) save: Option<PathBuf>,

    /// The summary: two lines of text, or one JSON object instead of them
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    pub(crate) summary: SummaryFormat,

    /// Nothing on standard error but errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,

    /// A line on standard error for each URL and each retry
    #[arg(short, long, help_heading = "Output")]
    pub(crate) verbose: bool,

    /// The progress bar; auto: if standard error is a terminal
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub(crate) progress: Progress,

    /// One URL after the other, as a program without concurrency would do it
    #[arg(long, conflicts_with_all = ["concurrency", "compare"], help_heading = "Learn")]
    pub(crate) sequential: bool,

    /// Fetch everything twice, first one after the other, and print the ratio
    #[arg(long, help_heading = "Learn")]
    pub(crate) compare: bool,

    /// Which runnable task goes next: a policy or an expression of policies (see below)
    #[arg(
        long,
        value_name = "NAME",
        default_value = "fifo",
        help_heading = "Learn"
    )]
    #[arg(value_parser = policy)]
    pub(crate) policy: Expression,

    /// Which waiting URL gets the next of the -c slots: a policy, as for --policy
    #[arg(long, value_name = "NAME", help_heading = "Learn")]
    #[arg(value_parser = policy)]
    pub(crate) gate: Option<Expression>,

    /// Write a picture of what the loop did: FILE.html for a browser, FILE.json for
    /// Perfetto; may be given several times
    #[arg(long, value_name = "FILE", help_heading = "Learn")]
    #[arg(value_parser = picture)]
    pub(crate) trace: Vec<PathBuf>,

    /// The User-Agent header
    #[arg(long, value_name = "TEXT", help_heading = "Network")]
    #[arg(default_value = concat!("downbeat-scraper/", env!("CARGO_PKG_VERSION")))]
    #[arg(value_parser = units::plain)]
    pub(crate) user_agent: String,

    /// A header for every request; may be given several times
    #[arg(long, value_name = "NAME: VALUE", help_heading = "Network")]
    #[arg(value_parser = units::header)]
    pub(crate) header: Vec<(String, String)>,

    /// PEM file with certificates to trust besides the built-in ones
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(crate) cacert: Option<PathBuf>,
}

/// What replaces or follows the two lines.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SummaryFormat {
    /// Two lines.
    Text,
    /// One object.
    Json,
}

/// When the progress bar is drawn.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// On a terminal.
    Auto,
    /// Into anything.
    Always,
    /// Not at all.
    Never,
}

impl Cli {
    /// Neither URLs nor a list: the demo.
    pub(crate) fn is_demo(&self) -> bool {
        self.urls.is_empty() && self.input.is_none()
    }

    /// Fetches from one host at once; 0 for any number.
    pub(crate) fn host_cap(&self) -> usize {
        let default = if self.is_demo() { 0 } else { 6 };
        self.per_host.unwrap_or(default)
    }

    /// Standard output holds only objects.
    pub(crate) fn output_is_stdout(&self) -> bool {
        self.output.as_deref().is_some_and(is_dash)
    }
}

/// Whether a file name stands for a standard stream.
pub(crate) fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A number of things, at least 1.
fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1_000_000) => Ok(count),
        _ => Err("expected a number from 1 to 1000000".into()),
    }
}

/// The name of a file for a picture.
fn picture(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("html" | "json") => Ok(path),
        _ => Err("expected a name that ends in .html or .json".into()),
    }
}

/// An expression of policies, or `random:SEED`.
fn policy(text: &str) -> Result<Expression, String> {
    let seeded = text.strip_prefix("random:");
    let text = seeded.map_or(text.into(), |seed| format!("random({seed})"));
    text.parse::<Expression>()
        .map_err(|error| error.to_string())
}

const AFTER_HELP: &str = "\
A URL is fetched when a complete response with a status below 400 arrived; anything
else is failed. Each URL has exactly one outcome; one given twice has two.

Output objects: index, line (of --input), url, final_url, status, ok, attempts, bytes,
content_type, reused, error {kind, message}, timings {queue_ms, dns_ms, connect_ms,
tls_ms, write_ms, first_byte_ms, total_ms}, saved. URLs that were not finished when the
program was interrupted have no object: --resume takes them up.

Saved files: DIR/INDEX-HOST-NAME, where INDEX is the place of the URL in the input (8
digits, from 0) and NAME the last part of its path, with anything but letters, digits,
dot, dash and underscore replaced by an underscore and cut at 80 characters. A body is
written to NAME.part and renamed when it is complete.

Retries wait 0.5 s, 1 s, 2 s, ... times a random share, or as long as Retry-After says if
that is at most 60 s; a URL that waits for its host or a retry holds none of the -c slots.

Policies: fifo, lifo, random:SEED, priority, edf, fair, mlfq, ... and expressions such as
'slot(3) > groups(fair) > edf'. They order the loop's tasks; the outcomes are the same. A
fetch has the priority of its attempts so far (a retry goes first), the deadline that
--timeout gives it, its host as its group, and in the demo its latency as its size. While
the network is what everybody waits for, the order of the loop's tasks matters little; the
order in which they get one of the -c slots matters much: compare -c 10 --gate sjf with
-c 10 --gate lifo. In that line are at most 1,024 URLs whose hosts let them.

Pictures hold the first 1,048,576 events of the loop, some ten per URL.

Ctrl-C once: start nothing new, wait up to --grace for what is in flight, print the
summary. Twice: drop what is in flight. Three times: stop at once.

Exit codes: 0 all fetched, 1 some failed, 2 usage, 3 all failed, 4 output error,
130 interrupted.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_demo_has_no_host_cap() {
        let demo = Cli::parse_from(["scraper"]);
        assert!(demo.is_demo());
        assert_eq!((demo.host_cap(), demo.concurrency), (0, 100));
        let real = Cli::parse_from(["scraper", "http://example.com/"]);
        assert_eq!(real.host_cap(), 6);
        assert!(Cli::try_parse_from(["scraper", "--demo", "5", "http://h/"]).is_err());
        assert!(Cli::try_parse_from(["scraper", "-c", "0"]).is_err());
    }
}
