//! `lab whatif`: a recorded fetch, run again in virtual time under other policies.
//!
//! What it assumes, and prints: waits for the network and the work in polls are as
//! they were, whoever goes first. Sizes are what each task turned out to need, so the
//! orders that look at sizes know more than they would in life.
//!
//! Read next: `story.rs`.

use crate::bench::Setup;
use crate::files::{Files, Page};
use crate::job::{LAB, since};
use crate::lab::Lab;
use crate::stats::{mean, percentile};
use crate::story::{Step, Story, Tale};
use downbeat::policy::{Expression, Policy, Sched, by};
use downbeat::runtime::spawn_with;
use downbeat::time::{now, sleep, sleep_until, work};
use downbeat::{Gate, SpawnOptions, yield_now};
use serde_json::json;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::rc::Rc;
use std::time::Duration;

/// What `all` means: for the run queue, and for the gate.
const QUEUES: &[&str] = &[
    "fifo",
    "lifo",
    "random",
    "fair",
    "las",
    "srpt",
    "slot(3) > fifo",
];
const GATES: &[&str] = &[
    "fifo",
    "lifo",
    "random",
    "sjf",
    "longest",
    "groups(fair) > fifo",
];
/// The heads of the columns after the first.
const HEADS: [&str; 4] = ["mean end", "p90", "last end", "changed"];

/// The order at a gate: an expression, or `longest`, which is one line.
pub(crate) fn order(text: &str, seed: u64) -> Result<Box<dyn Policy>, String> {
    if text == "longest" {
        return Ok(Box::new(by(|task: &Sched, _| Reverse(task.size()))));
    }
    let expression: Expression = text.parse().map_err(|error| format!("{error}"))?;
    Ok(expression.build(seed))
}

/// Runs a story under other policies.
pub(crate) fn whatif(
    text: &str,
    policy: &str,
    seed: u64,
    files: &Files,
) -> Result<Vec<String>, String> {
    let story = Rc::new(Story::parse(text)?);
    let (queues, gates) = match policy {
        "all" => (QUEUES.to_vec(), GATES.to_vec()),
        one => (vec!["fifo", one], vec!["fifo", one]),
    };
    println!(
        "{} tasks, {} permits; waits and work as they were, seed {seed}; ms",
        story.tasks.len(),
        story.permits
    );
    let lab = Lab::new(seed, false, files.want_pictures());
    let base = retell(&lab, &story, "fifo", "fifo")?;
    let mut rows = Vec::new();
    for queue in &queues {
        let ends = retell(&lab, &story, queue, "fifo")?;
        rows.push((format!("run queue {queue}"), line(&base, &ends)));
    }
    for gate in gates
        .iter()
        .filter(|gate| **gate != "fifo" && story.permits > 0)
    {
        let ends = retell(&lab, &story, "fifo", gate)?;
        rows.push((format!("gate {gate}"), line(&base, &ends)));
    }
    println!(
        "  {:32} {}",
        "",
        HEADS.map(|head| format!("{head:>10}")).join(" ")
    );
    for (name, cells) in &rows {
        let cells = cells.iter().map(|cell| format!("{cell:>10}"));
        println!("  {name:32} {}", cells.collect::<Vec<_>>().join(" "));
    }
    let left = lab.take();
    println!("  `changed`: the largest change of any one end against fifo");
    println!("  schedule_hash {:016x}", left.hash);
    let csv = rows
        .iter()
        .map(|(name, cells)| format!("\"{name}\",{}\n", cells.join(",")));
    let head = format!("policy,{}\n", HEADS.join(","));
    let json = json!({ "columns": HEADS, "rows": rows, "seed": seed });
    files.text(&(head + &csv.collect::<String>()), &json)?;
    files.picture(Page {
        title: "What if".into(),
        claim: "A recorded run under other policies; waits and work as they were.".into(),
        command: format!("lab whatif FILE --policy {policy} --seed {seed}"),
        heads: HEADS.map(str::to_owned).to_vec(),
        rows,
        recordings: left.recordings,
        theory: None,
    })?;
    Ok(left.broken)
}

/// One line of the table.
fn line(base: &[f64], ends: &[f64]) -> Vec<String> {
    let pairs = base.iter().zip(ends);
    let changed = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let last = ends.iter().copied().fold(0.0, f64::max);
    [mean(ends), percentile(ends.to_vec(), 90.0), last, changed]
        .map(|x| format!("{x:.3}"))
        .to_vec()
}

/// Runs the story once; when each task ended, in milliseconds.
fn retell(lab: &Lab, story: &Rc<Story>, queue: &str, gate: &str) -> Result<Vec<f64>, String> {
    let setup = Setup::new(order(queue, lab.seed)?).starves();
    let gate_policy = order(gate, lab.seed)?;
    let ends = Rc::new(RefCell::new(vec![0.0; story.tasks.len()]));
    let (story, write) = (Rc::clone(story), Rc::clone(&ends));
    let program = async move {
        let zero = now();
        let gate = Gate::new(
            if story.permits == 0 {
                usize::MAX
            } else {
                story.permits
            },
            gate_policy,
        );
        let arrivals = async move {
            let mut tasks = Vec::new();
            let mut order: Vec<usize> = (0..story.tasks.len()).collect();
            order.sort_by_key(|i| story.tasks[*i].at);
            for i in order {
                let tale = story.tasks[i].clone();
                sleep_until(zero + Duration::from_nanos(tale.at)).await;
                let (gate, write) = (gate.clone(), Rc::clone(&write));
                let options = SpawnOptions::new()
                    .size(tale.length())
                    .group(tale.group)
                    .name(tale.name.clone());
                let task = async move {
                    let permit = gate.acquire().await;
                    live(&tale).await;
                    drop(permit);
                    write.borrow_mut()[i] = since(zero) as f64 / 1e6;
                };
                tasks.push(spawn_with(task, options));
            }
            for task in tasks {
                drop(task.await);
            }
        };
        drop(spawn_with(arrivals, SpawnOptions::new().name("arrivals").group(LAB)).await);
    };
    lab.run(&format!("queue {queue}, gate {gate}"), setup, program);
    Ok(ends.take())
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
