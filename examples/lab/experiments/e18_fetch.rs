//! E18: the plain truth about a hundred URLs.

use super::{Experiment, MS, US, all_done};
use crate::bench::{Setup, Time};
use crate::chance::Chance;
use crate::lab::Lab;
use crate::orders::order;
use crate::row::Row;
use crate::stats::mean;
use downbeat::policy::Policy;
use downbeat::runtime::spawn_with;
use downbeat::time::{now, sleep, work};
use downbeat::{Gate, SpawnOptions, yield_now};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// The experiment.
///
/// 100 fetches at once; each is a few waits for the network, with tens of
/// microseconds of work after each (framing, headers). The load r of the processor is
/// a percent or two; what a queue adds to a wait is about r/(1 - r) half polls, so no
/// order can change more than that. With 20 ms of parsing per body the processor is
/// the bottleneck, and shortest first against FIFO changes the mean by as much as in
/// any other queue. With ten connections for a hundred URLs a fetch mostly waits at the
/// gate, and there the order matters though the processor still idles.
///
/// On the machine all this takes a quarter of the time, and is told in virtual units.
pub(crate) const IT: Experiment = Experiment {
    number: "e18",
    name: "fetch",
    claim: "For the plain fetch of 100 URLs the order of the run queue does not matter; it does where bodies cost work, and at the gate.",
    formula: "queueing per wake is about r/(1 - r) s/2, and an order matters only where two wait at once, a chance of about r^2",
    source: "Pollaczek-Khinchine as an estimate; exact bound: a task waits for work, and there is only so much",
    moral: "Look where tasks wait before you choose an order. Next: lab fetch --demo --gate sjf",
    run,
};

const URLS: usize = 100;
/// Waits for the network per fetch: connect, first byte, and body in pieces.
const WAITS: usize = 8;
/// Work after each.
const WORK: u64 = 15 * US;

/// On the machine everything is so many times shorter.
const FASTER: u64 = 4;

/// Permits at the gate, where there is one.
const PERMITS: usize = 10;

/// What to vary.
#[derive(Clone, Copy)]
struct Wish {
    /// The order of the run queue.
    policy: &'static str,
    /// Mean work per body.
    parsing: u64,
    /// The order at the gate; empty for none.
    gate: &'static str,
    /// Which clock.
    time: Time,
}

/// Nothing but fetching.
const PLAIN: Wish = Wish {
    policy: "fifo",
    parsing: 0,
    gate: "",
    time: Time::Virtual,
};

/// How long fetches took, in milliseconds, and the load.
struct Fetches {
    each: Vec<f64>,
    choices: f64,
    load: f64,
}

fn run(lab: &Lab) -> Vec<Row> {
    let mut rows = plain(lab);
    let parsing = |policy| {
        let parsing = 20 * MS;
        both(
            lab,
            Wish {
                policy,
                parsing,
                ..PLAIN
            },
        )
    };
    let ((fifo, fifo_real), (srpt, srpt_real)) = (parsing("fifo"), parsing("srpt"));
    let mean_of = |real: Option<Fetches>| real.map(|real| real.mean());
    let what = |what: &str| format!("20 ms of parsing, {what}");
    rows.extend([
        Row::shown(what("fifo: load"), "%", fifo.load * 100.0),
        Row::shown(what("fifo: picks with a choice"), "", fifo.choices),
        Row::shown(what("fifo: mean fetch"), "ms", fifo.mean()).real(mean_of(fifo_real)),
        Row::at_most(what("srpt: mean fetch"), "ms", fifo.mean(), srpt.mean())
            .real(mean_of(srpt_real)),
    ]);
    rows.extend(at_the_gate(lab));
    rows
}

/// The same fetches through a gate of ten; sizes are known.
fn at_the_gate(lab: &Lab) -> Vec<Row> {
    let through = |gate| both(lab, Wish { gate, ..PLAIN });
    let [
        (fifo, fifo_real),
        (shortest, shortest_real),
        (longest, longest_real),
    ] = ["fifo", "sjf", "longest"].map(through);
    let what = |what: &str| format!("gate of {PERMITS}, {what}");
    let last = |fetches: &Fetches| fetches.each.iter().copied().fold(0.0, f64::max);
    let mean_of = |real: &Option<Fetches>| real.as_ref().map(Fetches::mean);
    vec![
        Row::shown(what("fifo: load"), "%", fifo.load * 100.0),
        Row::shown(what("fifo: mean end"), "ms", fifo.mean()).real(mean_of(&fifo_real)),
        Row::at_most(what("sjf: mean end"), "ms", fifo.mean(), shortest.mean())
            .real(mean_of(&shortest_real)),
        Row::shown(what("fifo: last end"), "ms", last(&fifo)).real(fifo_real.as_ref().map(last)),
        Row::shown(what("longest first: last end"), "ms", last(&longest))
            .real(longest_real.as_ref().map(last)),
    ]
}

/// In virtual time, and on the machine.
fn both(lab: &Lab, wish: Wish) -> (Fetches, Option<Fetches>) {
    let time = Time::Real;
    let real = lab.real.then(|| fetches(lab, Wish { time, ..wish }));
    (fetches(lab, wish), real)
}

/// Nothing but fetching.
fn plain(lab: &Lab) -> Vec<Row> {
    let (plain, real) = both(lab, PLAIN);
    let load = plain.load;
    let predicted = load / (1.0 - load) * WORK as f64 / 2.0 * WAITS as f64 / 1e3;
    let picks = format!(
        "plain, fifo: picks with a choice, of {}",
        URLS * (WAITS + 1)
    );
    let mut rows = vec![
        Row::shown("plain, fifo: mean fetch", "ms", plain.mean())
            .real(real.as_ref().map(Fetches::mean)),
        Row::shown("plain, fifo: load of the processor", "%", load * 100.0)
            .real(real.as_ref().map(|real| real.load * 100.0)),
        Row::shown(
            "plain: predicted effect of the order per fetch",
            "us",
            predicted,
        ),
        // All begin at once: those picks are not counted.
        Row::shown(picks, "", plain.choices - (URLS - 1) as f64),
    ];
    // Nobody can wait for more than all the work of the others.
    let all_work = (URLS * WAITS) as f64 * WORK as f64 / 1e3;
    for policy in ["lifo", "random", "srpt", "fair"] {
        let other = fetches(lab, Wish { policy, ..PLAIN });
        let pairs = other.each.iter().zip(&plain.each);
        let changed = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let what = format!("plain, {policy}: largest change of any one fetch");
        rows.push(Row::at_most(what, "us", all_work, changed * 1e3));
    }
    rows
}

/// 100 fetches at once; each body takes its work in polls of a millisecond.
fn fetches(lab: &Lab, wish: Wish) -> Fetches {
    let ends = Rc::new(RefCell::new(vec![0.0; URLS]));
    let write = Rc::clone(&ends);
    let (mut chance, seed) = (Chance::new(lab.seed), lab.seed);
    let faster = if wish.time == Time::Real { FASTER } else { 1 };
    let program = async move {
        let permits = if wish.gate.is_empty() { URLS } else { 0 };
        let order = order(if permits > 0 { "fifo" } else { wish.gate }, seed);
        let gate = Gate::new(permits, order.unwrap_or_else(|error| panic!("{error}")));
        let mut tasks = Vec::new();
        for number in 0..URLS {
            let page = Page::draw(&mut chance, wish.parsing).faster(faster);
            let (size, write, gate) = (page.size(permits > 0), Rc::clone(&write), gate.clone());
            let ended = move |end: f64| write.borrow_mut()[number] = end * faster as f64;
            let fetch = page.fetch(gate, ended);
            tasks.push(spawn_with(fetch, SpawnOptions::new().size(size)));
        }
        // All stand in line before a gate opens.
        sleep(Duration::from_nanos(1)).await;
        gate.add_permits(if permits > 0 { 0 } else { PERMITS });
        all_done(tasks).await;
    };
    let setup = Setup::new(lab.policy(wish.policy))
        .starves()
        .time(wish.time);
    let (_, facts) = lab.run(wish.policy, setup, program);
    Fetches {
        each: ends.take(),
        choices: facts.choices as f64,
        load: facts.busy.as_secs_f64() / facts.wall.as_secs_f64(),
    }
}

impl Fetches {
    fn mean(&self) -> f64 {
        mean(&self.each)
    }
}

/// What one URL asks for.
struct Page {
    /// Waits for the network.
    waits: Vec<u64>,
    /// Work after each.
    work: u64,
    /// Work on the body.
    body: u64,
}

impl Page {
    /// Most pages are small: the body's work is as uneven as sizes are.
    fn draw(chance: &mut Chance, parsing: u64) -> Self {
        let wait = |chance: &mut Chance| chance.exponential(60.0 * MS as f64) as u64;
        let waits = (0..WAITS).map(|_| wait(chance)).collect();
        let scale = if chance.happens(0.9) { 0.2 } else { 8.2 };
        let body = chance.exponential(parsing as f64 * scale) as u64;
        let work = WORK;
        Self { waits, work, body }
    }

    /// The same in a fraction of the time.
    fn faster(mut self, times: u64) -> Self {
        self.waits.iter_mut().for_each(|wait| *wait /= times);
        self.work /= times;
        self.body /= times;
        self
    }

    /// What the run queue should know is work; what a gate should know is time.
    fn size(&self, of_work: bool) -> u64 {
        let work = self.body + WAITS as u64 * self.work;
        let waits = if of_work { 0 } else { self.waits.iter().sum() };
        work + waits
    }

    /// Waits and works, then takes the body apart, a millisecond at a time.
    async fn fetch(self, gate: Gate<Box<dyn Policy>>, ended: impl FnOnce(f64)) {
        let zero = now();
        let permit = gate.acquire().await;
        for wait in &self.waits {
            sleep(Duration::from_nanos(*wait)).await;
            work(Duration::from_nanos(self.work));
        }
        let mut left = self.body;
        while left > 0 {
            let step = left.min(MS);
            yield_now().await;
            work(Duration::from_nanos(step));
            left -= step;
        }
        drop(permit);
        ended(crate::lab::ms(crate::job::since(zero)));
    }
}
