//! `lab fetch`: a real fetch under a policy, with a policy at its gate.
//!
//! Owns: the tasks, one per URL, and the demo's server. What happened can be written
//! as a story for `lab whatif`.
//!
//! Laws: every URL is accounted for. The load of the processor is printed with what
//! it means for the order of the run queue.
//!
//! Read next: `whatif.rs`.

use crate::bench::{Facts, Setup, Time};
use crate::chance::Chance;
use crate::files::{Files, Page};
use crate::job::since;
use crate::lab::Lab;
use crate::stats::{mean, percentile};
use crate::story::{Story, Tale};
use crate::whatif::order;
use clap::Args;
use downbeat::http::Client;
use downbeat::policy::Policy;
use downbeat::runtime::spawn_with;
use downbeat::testing::origin::{Origin, Reply};
use downbeat::time::{now, work};
use downbeat::{Gate, SpawnOptions};
use serde_json::json;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// What to fetch and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct Wish {
    /// URLs
    #[arg(required_unless_present = "demo")]
    urls: Vec<String>,
    /// A hundred pages of a server of our own, 5 to 400 ms each
    #[arg(long)]
    demo: bool,
    /// The order of the run queue
    #[arg(long, default_value = "fifo")]
    policy: String,
    /// The order at the gate: a policy, or `longest`
    #[arg(long, default_value = "fifo")]
    gate: String,
    /// How many at a time
    #[arg(long, default_value_t = 10)]
    permits: usize,
    /// Work per body, in microseconds
    #[arg(long, default_value_t = 0)]
    parse_us: u64,
    /// Write the story for `lab whatif`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// What became of a URL.
#[derive(Clone, Debug)]
struct Fetched {
    url: String,
    /// When the gate let it in, and when it was done; nanoseconds.
    let_in: u64,
    end: u64,
    outcome: Result<usize, String>,
}

const DEMO_PAGES: u64 = 100;

/// Fetches, and says what the order was worth.
pub(crate) fn fetch(wish: &Wish, seed: u64, files: &Files) -> Result<Vec<String>, String> {
    let demo = wish
        .demo
        .then(|| server(seed))
        .transpose()
        .map_err(|error| error.to_string())?;
    let urls = match &demo {
        Some(origin) => pages(seed)
            .iter()
            .enumerate()
            .map(|(i, ms)| (origin.url(&format!("/page/{i}?ms={ms}")), Some(*ms)))
            .collect(),
        None => wish
            .urls
            .iter()
            .map(|url| (url.clone(), None))
            .collect::<Vec<_>>(),
    };
    let lab = Lab::new(seed, true, true);
    let policy = order(&wish.policy, seed)?;
    let gate = Gate::new(wish.permits.max(1), order(&wish.gate, seed)?);
    let setup = Setup::new(policy).time(Time::Real).starves();
    let (fetched, facts) = lab.run(&wish.policy, setup, all(urls, gate, wish.clone()));
    let fetched = fetched.ok_or("the fetch got stuck")??;
    let mut left = lab.take();
    let rows = tell(&fetched, &facts, wish);
    if let (Some(path), Some((_, recording))) = (&wish.record, left.recordings.first()) {
        let named = |task: usize| recording.tasks[task].name.as_deref();
        let tasks = (0..recording.tasks.len()).filter_map(|task| {
            let fetched = fetched
                .iter()
                .find(|f| Some(f.url.as_str()) == named(task))?;
            Some(Tale::of(recording, task as u32, fetched.let_in))
        });
        let story = Story {
            permits: wish.permits,
            tasks: tasks.collect(),
        };
        std::fs::write(path, story.text())
            .map_err(|error| format!("{}: {error}", path.display()))?;
        println!("  next: lab whatif {} --policy all", path.display());
    }
    let csv = fetched
        .iter()
        .map(|f| format!("\"{}\",{},{}\n", f.url.replace('"', "%22"), f.let_in, f.end));
    let json = json!(
        fetched
            .iter()
            .map(
                |f| json!({"url": f.url, "let_in_ns": f.let_in, "end_ns": f.end,
        "bytes": f.outcome.as_ref().ok(), "error": f.outcome.as_ref().err()})
            )
            .collect::<Vec<_>>()
    );
    files.text(
        &format!("url,let_in_ns,end_ns\n{}", csv.collect::<String>()),
        &json,
    )?;
    files.picture(Page {
        title: format!("fetch, run queue {}, gate {}", wish.policy, wish.gate),
        claim: String::new(),
        command: String::new(),
        heads: vec!["value".into()],
        rows,
        recordings: std::mem::take(&mut left.recordings),
        theory: None,
    })?;
    Ok(left.broken)
}

/// The demo's pages: how long each takes, in milliseconds. Most are quick.
fn pages(seed: u64) -> Vec<u64> {
    let mut chance = Chance::new(seed);
    let mut page = |_| {
        let mean = if chance.happens(0.85) { 25.0 } else { 250.0 };
        (chance.exponential(mean) as u64).clamp(5, 400)
    };
    (0..DEMO_PAGES).map(&mut page).collect()
}

/// The demo's server, on a thread of its own.
fn server(seed: u64) -> std::io::Result<Origin> {
    let pages = pages(seed);
    Origin::start(move |request| {
        let number = request
            .path()
            .rsplit('/')
            .next()
            .and_then(|n| n.parse::<usize>().ok());
        let time = number.and_then(|n| pages.get(n)).copied();
        let Some(time) = time else {
            return Reply::new(404);
        };
        let body = "a demo page\n".repeat(20 + time as usize * 10);
        Reply::ok(body).delay(Duration::from_millis(time))
    })
}

/// One task per URL, through the gate.
async fn all(
    urls: Vec<(String, Option<u64>)>,
    gate: Gate<Box<dyn Policy>>,
    wish: Wish,
) -> Result<Vec<Fetched>, String> {
    let permits = wish.permits.max(1);
    let client = Client::builder()
        .max_connections(permits)
        .max_per_host(permits)
        .build();
    let client = client.map_err(|error| error.to_string())?;
    let (zero, done) = (now(), Rc::<RefCell<Vec<Fetched>>>::default());
    let mut hosts: Vec<String> = Vec::new();
    let mut tasks = Vec::new();
    for (url, size) in urls {
        let host = url.split('/').nth(2).unwrap_or_default().to_owned();
        let group = hosts
            .iter()
            .position(|known| *known == host)
            .unwrap_or_else(|| {
                hosts.push(host);
                hosts.len() - 1
            });
        let mut options = SpawnOptions::new().name(url.clone()).group(group as u32);
        if let Some(ms) = size {
            options = options.size(ms * 1_000_000);
        }
        let (gate, client, done) = (gate.clone(), client.clone(), Rc::clone(&done));
        let parse = Duration::from_micros(wish.parse_us);
        let task = async move {
            let permit = gate.acquire().await;
            let let_in = since(zero);
            let outcome = match client.get(url.as_str()).send().await {
                Ok(response) => response.bytes().await.map(|body| body.len()),
                Err(error) => Err(error),
            };
            work(parse);
            drop(permit);
            let (end, outcome) = (since(zero), outcome.map_err(|error| error.to_string()));
            done.borrow_mut().push(Fetched {
                url,
                let_in,
                end,
                outcome,
            });
        };
        tasks.push(spawn_with(task, options));
    }
    for task in tasks {
        drop(task.await);
    }
    Ok(done.take())
}

/// Prints the result; returns it for the page.
fn tell(fetched: &[Fetched], facts: &Facts, wish: &Wish) -> Vec<(String, Vec<String>)> {
    let ends: Vec<f64> = fetched.iter().map(|f| f.end as f64 / 1e6).collect();
    let failed: Vec<_> = fetched
        .iter()
        .filter_map(|f| f.outcome.as_ref().err().map(|e| (&f.url, e)))
        .collect();
    let bytes: usize = fetched.iter().filter_map(|f| f.outcome.as_ref().ok()).sum();
    let load = facts.busy.as_secs_f64() / facts.wall.as_secs_f64().max(1e-9);
    let poll = facts.busy.as_secs_f64() * 1e6 / facts.polls.max(1) as f64;
    let polls = facts.polls as f64 / fetched.len().max(1) as f64;
    // A wait per poll of about load / (1 - load) half polls.
    let effect = load / (1.0 - load).max(1e-3) * poll / 2.0 * polls;
    let rows = vec![
        (
            "fetched".to_owned(),
            format!(
                "{} of {}, {bytes} bytes",
                fetched.len() - failed.len(),
                fetched.len()
            ),
        ),
        ("mean end".to_owned(), format!("{:.1} ms", mean(&ends))),
        (
            "p90".to_owned(),
            format!("{:.1} ms", percentile(ends.clone(), 90.0)),
        ),
        (
            "last end".to_owned(),
            format!("{:.1} ms", ends.iter().copied().fold(0.0, f64::max)),
        ),
        (
            "load of the processor".to_owned(),
            format!("{:.2} %", load * 100.0),
        ),
        (
            "the run queue's order can change a fetch by about".to_owned(),
            format!("{effect:.0} us"),
        ),
    ];
    println!(
        "run queue {}, gate {} with {} permits, real time",
        wish.policy, wish.gate, wish.permits
    );
    for (what, value) in &rows {
        println!("  {what:50} {value}");
    }
    for (url, error) in failed.iter().take(5) {
        println!("  failed: {url}: {error}");
    }
    println!("  (real time: no schedule_hash)");
    rows.into_iter()
        .map(|(what, value)| (what, vec![value]))
        .collect()
}
