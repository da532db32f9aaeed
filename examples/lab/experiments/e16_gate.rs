//! E16: the gate, where the order of a fetch shows.

use super::{Experiment, MS};
use crate::bench::{Setup, Time};
use crate::chance::Chance;
use crate::lab::Lab;
use crate::row::{Certain, Row};
use downbeat::policy::{Policy, Sched, by};
use downbeat::runtime::spawn_with;
use downbeat::time::{now, sleep};
use downbeat::{Gate, SpawnOptions};
use std::cell::RefCell;
use std::cmp::Reverse;
use std::rc::Rc;
use std::time::Duration;

/// The experiment.
///
/// A gate of m permits and transfers that all begin at once is list scheduling on m
/// machines, which thirty lines without any loop can do too: `plan`. The sum of
/// completions of shortest first is the sum over the sizes, in falling order, of size
/// times ceil(place / m), and no other order has less (Conway, Maxwell, Miller 1967).
/// Graham: no list ends later than sum/m + (1 - 1/m) times the transfer that ends
/// last; longest first, at most 4/3 - 1/(3m) of the best.
pub(crate) const IT: Experiment = Experiment {
    number: "e16",
    name: "gate",
    claim: "With connections scarce, the order at the gate decides: shortest first halves the mean, longest first ends soonest.",
    formula: "shortest first: least mean, exactly; any list: end <= sum/m + (1 - 1/m) s_last; longest first: <= (4/3 - 1/(3m)) best",
    source: "Graham 1966, 1969; Conway, Maxwell, Miller 1967",
    moral: "Sizes come from a HEAD, a run before, or a guess. Next: lab run fetch",
    run,
};

const SLOTS: usize = 10;
const TRANSFERS: usize = 100;

fn run(lab: &Lab) -> Vec<Row> {
    let sizes = sizes(lab.seed);
    let orders = [Order::Fifo, Order::Shortest, Order::Longest];
    orders
        .into_iter()
        .flat_map(|order| rows_of(lab, order, &sizes))
        .collect()
}

/// On the machine a transfer takes a twentieth of the time; told in virtual units.
const FASTER: u64 = 20;

fn rows_of(lab: &Lab, order: Order, sizes: &[u64]) -> Vec<Row> {
    let name = order.name();
    let (ends, plan) = (fetch(lab, order, sizes, Time::Virtual), plan(sizes, order));
    let short: Vec<u64> = sizes.iter().map(|size| size / FASTER).collect();
    let real = lab.real.then(|| fetch(lab, order, &short, Time::Real));
    let scaled = |of: fn(&[u64]) -> f64| real.as_deref().map(|ends| of(ends) * FASTER as f64);
    let total: u64 = sizes.iter().sum();
    let latest = ends.iter().zip(sizes).max_by_key(|(end, _)| **end);
    let latest = latest.map_or(0, |(_, size)| *size);
    let m = SLOTS as f64;
    let graham = (total as f64 / m + (1.0 - 1.0 / m) * latest as f64) / 1e6;
    // A timer is never early, so nothing on the machine ends before what theory allows.
    let bound = |of: fn(&[u64]) -> f64| of(&short) * FASTER as f64;
    let what = |what: &str| format!("{name}: {what}");
    let mut rows = vec![
        Row::exact(what("mean end"), "ms", mean(&plan), mean(&ends)).certain(
            scaled(mean),
            Certain::AtLeast,
            bound(least),
        ),
        Row::exact(what("last end"), "ms", last(&plan), last(&ends)).certain(
            scaled(last),
            Certain::AtLeast,
            bound(|sizes| sizes.iter().sum::<u64>() as f64 / SLOTS as f64 / 1e6),
        ),
        Row::at_most(what("last end, Graham's bound"), "ms", graham, last(&ends)),
    ];
    rows.extend(own_claim(order, sizes, &ends));
    rows
}

/// What an order is best at.
fn own_claim(order: Order, sizes: &[u64], ends: &[u64]) -> Option<Row> {
    match order {
        Order::Fifo => None,
        Order::Shortest => {
            let what = "shortest: mean end, the least there is";
            Some(Row::exact(what, "ms", least(sizes), mean(ends)))
        }
        Order::Longest => {
            // Against a lower bound of the best, so it is more than Graham asks.
            let all = sizes.iter().sum::<u64>().div_ceil(SLOTS as u64);
            let lower = all.max(sizes.iter().copied().max().unwrap_or(0));
            let bound = (4.0 / 3.0 - 1.0 / (3.0 * SLOTS as f64)) * lower as f64 / 1e6;
            let what = "longest: last end, 4/3 - 1/(3m) of the best";
            Some(Row::at_most(what, "ms", bound, last(ends)))
        }
    }
}

/// The mean of ends, in milliseconds.
fn mean(ends: &[u64]) -> f64 {
    ends.iter().sum::<u64>() as f64 / ends.len().max(1) as f64 / 1e6
}

/// The last of ends, in milliseconds.
fn last(ends: &[u64]) -> f64 {
    ends.iter().copied().max().unwrap_or(0) as f64 / 1e6
}

/// The order at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Fifo,
    Shortest,
    Longest,
}

impl Order {
    fn name(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::Shortest => "shortest",
            Self::Longest => "longest",
        }
    }
}

/// A hundred transfers: most take tens of milliseconds, some a second.
fn sizes(seed: u64) -> Vec<u64> {
    let mut chance = Chance::new(seed);
    let mut size = |_| {
        let mean = if chance.happens(0.8) { 60.0 } else { 700.0 };
        (chance.exponential(mean * MS as f64) as u64).clamp(5 * MS, 2000 * MS)
    };
    (0..TRANSFERS).map(&mut size).collect()
}

/// All transfers through a gate; when each ended, in the order of `sizes`.
fn fetch(lab: &Lab, order: Order, sizes: &[u64], time: Time) -> Vec<u64> {
    let policy: Box<dyn Policy> = match order {
        Order::Fifo => lab.policy("fifo"),
        Order::Shortest => lab.policy("sjf"),
        Order::Longest => Box::new(by(|task: &Sched, _| Reverse(task.size()))),
    };
    let ends = Rc::new(RefCell::new(vec![0; sizes.len()]));
    let (write, sizes) = (Rc::clone(&ends), sizes.to_vec());
    let program = async move {
        let gate = Gate::new(0, policy);
        let opened = Rc::new(std::cell::Cell::new(now()));
        let mut tasks = Vec::new();
        for (i, size) in sizes.into_iter().enumerate() {
            let (gate, write, opened) = (gate.clone(), Rc::clone(&write), Rc::clone(&opened));
            let task = async move {
                let permit = gate.acquire().await;
                sleep(Duration::from_nanos(size)).await;
                drop(permit);
                write.borrow_mut()[i] = crate::job::since(opened.get());
            };
            let options = SpawnOptions::new().name(format!("transfer {i}"));
            tasks.push(spawn_with(task, options.size(size)));
        }
        // All stand in line before the gate opens, or the first ten would be FIFO; under
        // the virtual clock they do so within the first instant.
        sleep(Duration::from_nanos(1)).await;
        opened.set(now());
        gate.add_permits(SLOTS);
        super::all_done(tasks).await;
    };
    let setup = Setup::new(lab.policy("fifo")).time(time);
    lab.run(order.name(), setup, program);
    ends.take()
}

/// The same by plain arithmetic: each in its turn takes the machine that is free first.
fn plan(sizes: &[u64], order: Order) -> Vec<u64> {
    let mut list: Vec<usize> = (0..sizes.len()).collect();
    match order {
        Order::Fifo => {}
        Order::Shortest => list.sort_by_key(|i| sizes[*i]),
        Order::Longest => list.sort_by_key(|i| Reverse(sizes[*i])),
    }
    let mut free = [0_u64; SLOTS];
    let mut ends = vec![0; sizes.len()];
    for i in list {
        let machine = (0..SLOTS).min_by_key(|m| free[*m]).unwrap_or(0);
        free[machine] += sizes[i];
        ends[i] = free[machine];
    }
    ends
}

/// The least mean of completions on `SLOTS` machines, in milliseconds.
fn least(sizes: &[u64]) -> f64 {
    let mut falling = sizes.to_vec();
    falling.sort_by_key(|size| Reverse(*size));
    let weighed = falling
        .iter()
        .enumerate()
        .map(|(i, size)| size * (i / SLOTS + 1) as u64);
    weighed.sum::<u64>() as f64 / sizes.len() as f64 / 1e6
}
