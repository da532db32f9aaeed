//! `lab fetch`: a real fetch under a policy, with a policy at its gate.
//!
//! Owns: the tasks, one per URL. What happened can be written as a story for `lab
//! whatif`.
//!
//! Laws: every URL is accounted for. The load of the processor is printed with what
//! it means for the order of the run queue.
//!
//! Read next: `targets.rs`, `demo.rs`, `story.rs`, `whatif.rs`.

use crate::bench::{Setup, Time};
use crate::demo::server;
use crate::files::{Files, Page, can_be_written};
use crate::job::since;
use crate::lab::Lab;
use crate::meter::Facts;
use crate::orders::order;
use crate::stats::{mean, percentile};
use crate::story::{Story, Tale};
use crate::table::Grid;
use crate::targets::{Target, targets, urls_of};
use clap::Args;
use downbeat::future::poll_once;
use downbeat::http::Client;
use downbeat::policy::Policy;
use downbeat::runtime::spawn_with;
use downbeat::testing::Recording;
use downbeat::time::{now, work};
use downbeat::{Gate, JoinHandle, SpawnOptions};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What to fetch and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct Wish {
    /// URLs, and files with a URL per line
    #[arg(required_unless_present = "demo", conflicts_with = "demo")]
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
    #[arg(long, default_value_t = 10, value_parser = at_least_one)]
    permits: usize,
    /// Work per body, in microseconds
    #[arg(long, default_value_t = 0)]
    parse_us: u64,
    /// Write the story for `lab whatif`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "a whole number from 1 on".to_owned())
}

/// What became of a URL.
#[derive(Clone, Debug)]
struct Fetched {
    url: String,
    name: String,
    /// When the gate let it in, and when it was done; nanoseconds.
    let_in: u64,
    end: u64,
    outcome: Result<usize, String>,
}

/// What all fetches share.
#[derive(Clone)]
struct Desk {
    client: Client,
    gate: Gate<Box<dyn Policy>>,
    zero: Instant,
    parse: Duration,
    done: Rc<RefCell<Vec<Fetched>>>,
}

/// Fetches, and says what the order was worth; returns broken self-checks.
pub(crate) fn fetch(wish: &Wish, seed: u64, files: &Files) -> Result<Vec<String>, String> {
    let demo = wish.demo.then(|| server(seed)).transpose();
    let demo = demo.map_err(|error| error.to_string())?;
    let targets = targets(&urls_of(&wish.urls)?, demo.as_ref(), seed);
    if let Some(path) = &wish.record {
        can_be_written(path)?;
    }
    let lab = Lab::new(seed, true, false);
    let gate = Gate::new(wish.permits, order(&wish.gate, seed)?);
    let setup = Setup::new(order(&wish.policy, seed)?)
        .time(Time::Real)
        .starves()
        .record();
    let (fetched, facts) = lab.run(&wish.policy, setup, all(targets, gate, wish));
    let fetched = fetched.ok_or("the fetch got stuck")??;
    let left = lab.take();
    let table = tell(&fetched, &facts, wish);
    if let (Some(path), Some((_, recording))) = (&wish.record, left.recordings.first()) {
        record(path, wish.permits, &fetched, recording)?;
    }
    files.text(&table.csv(), &table.json(seed, None))?;
    files.picture(Page {
        table,
        recordings: left.recordings,
        ..page(wish, seed)
    })?;
    let failed = fetched
        .iter()
        .filter(|fetched| fetched.outcome.is_err())
        .count();
    let failed = (failed > 0).then(|| format!("fetch: {failed} of {} URLs", fetched.len()));
    Ok(left.broken.into_iter().chain(failed).collect())
}

/// What the page says in words.
fn page(wish: &Wish, seed: u64) -> Page {
    let (policy, gate, permits) = (&wish.policy, &wish.gate, wish.permits);
    let what = if wish.demo { "--demo" } else { "URLS" };
    let flags = format!("--policy '{policy}' --gate '{gate}' --permits {permits} --seed {seed}");
    Page {
        title: format!("fetch, run queue {policy}, gate {gate}"),
        claim: "Rows are URLs. A wait for another task is one for a place at the gate.".into(),
        command: format!("lab fetch {what} {flags}"),
        ..Page::default()
    }
}

/// One task per URL, through the gate.
async fn all(
    targets: Vec<Target>,
    gate: Gate<Box<dyn Policy>>,
    wish: &Wish,
) -> Result<Vec<Fetched>, String> {
    let permits = wish.permits;
    let client = Client::builder()
        .max_connections(permits)
        .max_per_host(permits)
        .build();
    let desk = Desk {
        client: client.map_err(|error| error.to_string())?,
        gate,
        zero: now(),
        parse: Duration::from_micros(wish.parse_us),
        done: Rc::default(),
    };
    let mut tasks = Vec::new();
    for target in targets {
        tasks.push(desk.clone().begin(target).await);
    }
    for task in tasks {
        drop(task.await);
    }
    Ok(desk.done.take())
}

impl Desk {
    /// Begins one fetch: it stands in line at once, or the run queue's order would
    /// decide who stands where.
    async fn begin(self, target: Target) -> JoinHandle<()> {
        let Target {
            url,
            name,
            group,
            size,
        } = target;
        let mut options = SpawnOptions::new().name(name.clone()).group(group);
        let mut acquire = self.gate.acquire().group(group);
        if let Some(size) = size {
            options = options.size(size);
            acquire = acquire.size(size);
        }
        let mut acquire = Box::pin(acquire);
        let let_in = poll_once(&mut acquire).await;
        let task = async move {
            let permit = match let_in {
                Some(permit) => permit,
                None => acquire.await,
            };
            let let_in = since(self.zero);
            let outcome = match self.client.get(url.as_str()).send().await {
                Ok(response) => response.bytes().await.map(|body| body.len()),
                Err(error) => Err(error),
            };
            work(self.parse);
            drop(permit);
            let (end, outcome) = (since(self.zero), outcome.map_err(|error| error.to_string()));
            let fetched = Fetched {
                url,
                name,
                let_in,
                end,
                outcome,
            };
            self.done.borrow_mut().push(fetched);
        };
        spawn_with(task, options)
    }
}

/// Writes the story.
fn record(
    path: &Path,
    permits: usize,
    fetched: &[Fetched],
    recording: &Recording,
) -> Result<(), String> {
    let tale = |task: usize| {
        let name = recording.tasks[task].name.as_deref();
        let fetched = fetched
            .iter()
            .find(|fetched| Some(fetched.name.as_str()) == name)?;
        Some(Tale::of(recording, task as u32, fetched.let_in))
    };
    let tasks = (0..recording.tasks.len()).filter_map(tale).collect();
    let story = Story { permits, tasks };
    std::fs::write(path, story.text()).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("  next: lab whatif {} --policy all", path.display());
    Ok(())
}

/// Prints the result; returns it for the files.
fn tell(fetched: &[Fetched], facts: &Facts, wish: &Wish) -> Grid {
    let ends: Vec<f64> = fetched.iter().map(|f| f.end as f64 / 1e6).collect();
    let good: Vec<usize> = fetched
        .iter()
        .filter_map(|f| f.outcome.clone().ok())
        .collect();
    let last = ends.iter().copied().fold(0.0, f64::max);
    let bytes: usize = good.iter().sum();
    let mut table = Grid::new(&["value"]);
    let mut row = |label: &str, value: String| table.row(label, [value]);
    row(
        "fetched",
        format!("{} of {}, {bytes} bytes", good.len(), fetched.len()),
    );
    row("mean end", format!("{:.1} ms", mean(&ends)));
    row("p90", format!("{:.1} ms", percentile(ends, 90.0)));
    row("last end", format!("{last:.1} ms"));
    let load = facts.busy.as_secs_f64() / facts.wall.as_secs_f64().max(1e-9);
    row("load of the processor", format!("{:.2} %", load * 100.0));
    row(
        "picks with a choice",
        format!("{} of {} polls", facts.choices, facts.polls),
    );
    row(
        "the run queue's order can change a fetch by",
        effect(load, facts, fetched.len()),
    );
    println!(
        "run queue {}, gate {} with {} permits, real time",
        wish.policy, wish.gate, wish.permits
    );
    print!("{}", table.text());
    for Fetched { url, outcome, .. } in fetched {
        if let Err(error) = outcome {
            println!("  failed: {url}: {error}");
        }
    }
    println!("  (real time: no schedule_hash)");
    table
}

/// What the order is worth, in words: each poll waits for about load / (1 - load)
/// half polls of others.
fn effect(load: f64, facts: &Facts, fetches: usize) -> String {
    if load > 0.5 {
        return "much: the processor is the bottleneck".into();
    }
    let polls = facts.polls as f64 / fetches.max(1) as f64;
    let poll = facts.busy.as_secs_f64() * 1e6 / facts.polls.max(1) as f64;
    let (usual, all) = (
        load / (1.0 - load) * poll / 2.0 * polls,
        facts.busy.as_micros(),
    );
    format!("about {usual:.0} us; {all} us is all the work there was")
}
