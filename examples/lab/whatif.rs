//! `lab whatif`: a recorded fetch, run again in virtual time under other policies.
//!
//! What it assumes, and prints: waits for the network and the work in polls are as
//! they were, whoever goes first; tasks stand in line at the gate in the order in
//! which they came. Sizes are what each task turned out to need, so the orders that
//! look at sizes know more than they would in life.
//!
//! Read next: `story.rs`.

use crate::bench::Setup;
use crate::files::{Files, Page};
use crate::job::{LAB, since};
use crate::lab::Lab;
use crate::orders::order;
use crate::stats::{mean, percentile};
use crate::story::{Step, Story, Tale};
use crate::table::Grid;
use downbeat::future::poll_once;
use downbeat::policy::{Expression, Policy};
use downbeat::runtime::spawn_with;
use downbeat::time::{now, sleep, sleep_until, work};
use downbeat::{Gate, JoinHandle, SpawnOptions, yield_now};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// All that is an order by itself, FIFO first, with its usual arguments, and some more.
/// `codel` turns fetches away, so it has no end to show.
fn all(more: &[&'static str]) -> Vec<&'static str> {
    let words = Expression::words().map(|(usage, _)| usage);
    let plain = words.filter(|usage| !usage.ends_with('>'));
    let names = plain.map(|usage| usage.split('(').next().unwrap_or(usage));
    let names = names.filter(|name| *name != "codel");
    names.chain(more.iter().copied()).collect()
}

/// When each task ended, in milliseconds.
type Ends = Rc<RefCell<Vec<f64>>>;

/// Runs a story under other policies; returns broken self-checks.
pub(crate) fn whatif(
    text: &str,
    policy: &str,
    seed: u64,
    files: &Files,
) -> Result<Vec<String>, String> {
    let story = Rc::new(Story::parse(text)?);
    let (queues, gates) = match policy {
        "all" => (all(&["slot"]), all(&["longest", "groups(fair)"])),
        one => (vec!["fifo", one], vec![one]),
    };
    queues
        .iter()
        .try_for_each(|queue| order(queue, seed).map(drop))?;
    let (tasks, permits) = (story.tasks.len(), story.permits);
    println!("{tasks} tasks, {permits} permits; waits and work as they were; seed {seed}; ms");
    let lab = Lab::new(seed, false, files.want_pictures());
    let table = compare(&lab, &story, &queues, &gates)?;
    let left = lab.take();
    print!("{}", table.text());
    println!("  `changed`: the largest change of any one end against fifo");
    println!("  schedule_hash {:016x}", left.hash);
    files.text(&table.csv(), &table.json(seed, Some(left.hash)))?;
    files.picture(Page {
        title: "What if".into(),
        claim: "A recorded run under other policies; waits and work as they were.".into(),
        command: format!("lab whatif FILE --policy '{policy}' --seed {seed}"),
        table,
        recordings: left.recordings,
        theory: None,
    })?;
    Ok(left.broken)
}

/// The story under each order of the run queue, and under each at the gate.
fn compare(lab: &Lab, story: &Rc<Story>, queues: &[&str], gates: &[&str]) -> Result<Grid, String> {
    let mut table = Grid::new(&["mean end", "p90", "last end", "changed"]);
    let mut base = Vec::new();
    for queue in queues {
        let ends = retell(lab, story, queue, "fifo")?;
        base = if base.is_empty() { ends.clone() } else { base };
        table.row(format!("run queue {queue}"), line(&base, &ends));
    }
    for gate in gates.iter().filter(|_| story.permits > 0) {
        let ends = retell(lab, story, "fifo", gate)?;
        table.row(format!("gate {gate}"), line(&base, &ends));
    }
    Ok(table)
}

/// One line of the table.
fn line(base: &[f64], ends: &[f64]) -> Vec<String> {
    let pairs = base.iter().zip(ends);
    let changed = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let last = ends.iter().copied().fold(0.0, f64::max);
    let cells = [mean(ends), percentile(ends.to_vec(), 90.0), last, changed];
    cells.map(|x| format!("{x:.3}")).to_vec()
}

/// Runs the story once.
fn retell(lab: &Lab, story: &Rc<Story>, queue: &str, gate: &str) -> Result<Vec<f64>, String> {
    let setup = Setup::new(order(queue, lab.seed)?).starves();
    let permits = if story.permits == 0 {
        usize::MAX
    } else {
        story.permits
    };
    let gate_policy = order(gate, lab.seed)?;
    let ends: Ends = Rc::new(RefCell::new(vec![0.0; story.tasks.len()]));
    let (story, write) = (Rc::clone(story), Rc::clone(&ends));
    let program = async move {
        let arrivals = arrivals(story, Gate::new(permits, gate_policy), write);
        let options = SpawnOptions::new().name("arrivals").group(LAB);
        drop(spawn_with(arrivals, options).await);
    };
    lab.run(&format!("queue {queue}, gate {gate}"), setup, program);
    Ok(ends.take())
}

/// Lets all tasks come when they came, and waits for them.
async fn arrivals(story: Rc<Story>, gate: Gate<Box<dyn Policy>>, ends: Ends) {
    let zero = now();
    let mut order: Vec<usize> = (0..story.tasks.len()).collect();
    order.sort_by_key(|i| story.tasks[*i].at);
    let mut tasks = Vec::new();
    for i in order {
        sleep_until(zero + Duration::from_nanos(story.tasks[i].at)).await;
        let (tale, write) = (story.tasks[i].clone(), Rc::clone(&ends));
        tasks.push(come(tale, &gate, zero, move |end| write.borrow_mut()[i] = end).await);
    }
    for task in tasks {
        drop(task.await);
    }
}

/// One task comes: it stands in line at once, or the run queue's order would decide
/// who stands where.
async fn come(
    tale: Tale,
    gate: &Gate<Box<dyn Policy>>,
    zero: Instant,
    ended: impl FnOnce(f64) + 'static,
) -> JoinHandle<()> {
    let (size, group) = (tale.length(), tale.group);
    let options = SpawnOptions::new()
        .size(size)
        .group(group)
        .name(tale.name.clone());
    let mut acquire = Box::pin(gate.acquire().size(size).group(group));
    let let_in = poll_once(&mut acquire).await;
    let task = async move {
        let permit = match let_in {
            Some(permit) => permit,
            None => acquire.await,
        };
        live(&tale).await;
        drop(permit);
        ended(since(zero) as f64 / 1e6);
    };
    spawn_with(task, options)
}

/// Does what a task did.
async fn live(tale: &Tale) {
    for step in &tale.steps {
        match step {
            Step::Work(nanos) => work(Duration::from_nanos(*nanos)),
            Step::Wait(nanos) => sleep(Duration::from_nanos(*nanos)).await,
            Step::Yield => yield_now().await,
        }
    }
}
