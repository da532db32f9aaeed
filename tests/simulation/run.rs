//! One run: a seed in, what happened out.
//!
//! Owns: the loop, under the virtual clock and a policy of the seed's choice.
//!
//! Laws: S06, the same seed is the same run; X02, after the last request nothing is
//! left: no connection, no task, no timer, no source.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use downbeat::http::{Client, Deadlines};
use downbeat::policy::{Fifo, Lifo, Policy, Random, pct, priority};
use downbeat::runtime::Pacing;
use downbeat::{Runtime, spawn, sync, time};

use super::caller::{Ended, Outcome, Told, call};
use super::certificates::Certificates;
use super::chance::{Chance, SITES, Site};
use super::net::Net;
use super::plan::Rules;
use super::server::{Book, service};
use super::verdict::Evidence;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) runs: u64,
    pub(crate) faulty_runs: u64,
    pub(crate) secure_runs: u64,
    pub(crate) requests: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) given_up: u64,
    pub(crate) retries: u64,
    pub(crate) connections: u64,
    pub(crate) polls: u64,
    pub(crate) virtual_time: Duration,
    pub(crate) struck: [u64; SITES],
    pub(crate) misdeeds: u64,
    pub(crate) broken: u64,
    /// The print of the schedule; of many runs, all of them mixed.
    pub(crate) schedule: u64,
}

impl Figures {
    pub(crate) fn add(&mut self, other: &Figures) {
        self.runs += other.runs;
        self.faulty_runs += other.faulty_runs;
        self.secure_runs += other.secure_runs;
        self.requests += other.requests;
        self.answered += other.answered;
        self.failed += other.failed;
        self.given_up += other.given_up;
        self.retries += other.retries;
        self.connections += other.connections;
        self.polls += other.polls;
        self.virtual_time += other.virtual_time;
        self.misdeeds += other.misdeeds;
        self.broken += other.broken;
        self.schedule ^= other.schedule;
        for (sum, more) in self.struck.iter_mut().zip(other.struck) {
            *sum += more;
        }
    }
}

/// The whole time a request gets, unless the plan says less.
const TOTAL: Duration = Duration::from_secs(3600);

/// Two runs of five have faults, one of sixteen is over TLS.
pub(crate) fn is_faulty(seed: u64) -> bool {
    seed % 5 < 2
}

fn is_secure(seed: u64) -> bool {
    seed % 16 == 7
}

/// Runs a seed.
///
/// # Errors
/// The first thing that does not hold.
pub(crate) fn run(seed: u64, requests: usize) -> Result<Figures, String> {
    let chance = Rc::new(Chance::new(seed));
    let (faulty, secure) = (is_faulty(seed), is_secure(seed));
    let rules = Rules {
        seed,
        faulty,
        prompt: chance.is_prompt(),
    };
    let plans = rules.plans(requests);
    let book = Rc::new(RefCell::new(Book::default()));
    let scheme = if secure { "https" } else { "http" };
    let service = service(plans.clone(), scheme, book.clone());
    let acceptor = secure.then(|| Certificates::shared().acceptor());
    let evidence = Evidence {
        plans: plans.clone(),
        secure,
        net: Net::new(chance.clone(), service, acceptor, faulty),
        book,
        told: Rc::new(RefCell::new(Told::new(requests))),
        total: TOTAL,
    };
    let mut runtime = runtime(&chance);
    let began = runtime.block_on(async { time::now() });
    let (ended, left) = runtime.block_on(load(&evidence, scheme));
    let took = runtime.block_on(async { time::now() }) - began;
    left?;
    nothing_is_left(&mut runtime, &evidence)?;
    let mut figures = Figures {
        runs: 1,
        faulty_runs: faulty.into(),
        secure_runs: secure.into(),
        requests: requests as u64,
        retries: evidence.told.borrow().retries,
        connections: evidence.net.0.troubles.borrow().len() as u64,
        polls: runtime.stats().polls,
        virtual_time: took,
        struck: chance.struck(),
        misdeeds: evidence.book.borrow().misdeeds.len() as u64,
        broken: (evidence.net.0.troubles.borrow().iter().flatten())
            .map(|trouble| u64::from(trouble.struck.get()))
            .sum(),
        schedule: runtime.schedule_hash().value,
        ..Figures::default()
    };
    for (plan, ended) in plans.iter().zip(&ended) {
        let id = plan.id;
        let judged = evidence.judge(plan, ended);
        judged.map_err(|wrong| format!("request {id}: {wrong}\n{ended:?}\n{plan:?}"))?;
        match ended.outcome {
            Outcome::Answered(_) => figures.answered += 1,
            Outcome::Failed { .. } => figures.failed += 1,
            Outcome::GivenUp => figures.given_up += 1,
        }
    }
    match evidence.book.borrow().complaints.first() {
        Some(complaint) => Err(format!("the server: {complaint}")),
        None => Ok(figures),
    }
}

/// A loop with settings of the seed's choice.
fn runtime(chance: &Chance) -> Runtime<Box<dyn Policy>> {
    let seed = chance.next();
    let policy: Box<dyn Policy> = match chance.below(6) {
        0 => Box::new(Fifo::new()),
        1 => Box::new(Lifo::new()),
        2 => Box::new(priority()),
        3 => Box::new(pct(3, 2000, seed)),
        _ => Box::new(Random::new(seed)),
    };
    let pacing = match chance.below(4) {
        0 => Pacing::Every(1),
        1 => Pacing::Batch,
        2 => Pacing::Drain,
        _ => Pacing::Every(61),
    };
    let budget = [1, 2, 7, 128][chance.below(4)];
    Runtime::builder()
        .virtual_clock()
        .policy(policy)
        .pacing(pacing)
        .budget(budget)
        // A policy may be as unfair as it likes, and a machine as slow.
        .passed_over_after(None)
        .slow_poll(None)
        .build()
        .expect("a loop")
}

fn client(evidence: &Evidence) -> Client {
    let chance = &evidence.net.0.chance;
    let seconds = |n| Some(Duration::from_secs(n));
    let deadlines = Deadlines {
        queue: Some(TOTAL),
        resolve: seconds(5),
        connect: seconds(5),
        proxy: seconds(5),
        tls: seconds(20),
        write: seconds(5),
        await_continue: Duration::from_millis(50),
        first_byte: seconds(10),
        head: seconds(20),
        read_idle: seconds(5),
        min_rate: None,
        drain: Duration::from_millis(100),
        total: Some(TOTAL),
    };
    let mut builder = Client::builder()
        .connector(evidence.net.clone())
        .deadlines(deadlines)
        .max_connections(1 + chance.below(16))
        .max_per_host(1 + chance.below(8))
        .idle_timeout(Duration::from_millis(chance.below(200) as u64))
        .hooks(Told::listen(&evidence.told));
    if evidence.secure {
        let root = Certificates::shared().root();
        builder = builder.only_roots_pem(root).expect("a root");
    }
    builder.build().expect("a client")
}

/// All requests, and then the question whether the client is empty.
async fn load(evidence: &Evidence, scheme: &str) -> (Vec<Ended>, Result<(), String>) {
    let chance = &evidence.net.0.chance;
    let client = client(evidence);
    let company = chance.is_active(Site::Company).then(|| spawn(company()));
    let mut callers = Vec::new();
    for plan in evidence.plans.iter().cloned() {
        let url = plan.url(scheme, 0);
        callers.push(spawn(call(client.clone(), plan, url, chance.clone())));
        if chance.strikes(Site::Spread) {
            time::sleep(chance.pause(30)).await;
        }
    }
    let mut ended = Vec::new();
    for caller in callers {
        ended.push(caller.await.expect("a caller does not panic"));
    }
    if let Some(company) = company {
        company.await.expect("company does not panic");
    }
    // What was begun for callers that are gone comes to its end too.
    time::sleep(Duration::from_secs(60)).await;
    client.close_idle();
    let left = match client.connections() {
        (0, 0) => Ok(()),
        left => Err(format!("(open, idle) connections are left: {left:?}")),
    };
    (ended, left)
}

/// Other users of the same loop: a channel, permits and timers.
async fn company() {
    let (sender, receiver) = sync::channel(3);
    let producer = spawn(async move {
        for number in 0..100_u64 {
            if number % 9 == 0 {
                time::sleep(Duration::from_micros(number * 50)).await;
            }
            sender.send(number).await.expect("a receiver");
        }
    });
    let permits = Rc::new(sync::Semaphore::new(2));
    let workers: Vec<_> = (0..5)
        .map(|n| {
            let permits = permits.clone();
            spawn(async move {
                let _permit = permits.acquire().await;
                time::sleep(Duration::from_micros(n * 700)).await;
            })
        })
        .collect();
    let mut sum = 0;
    while let Some(number) = receiver.recv().await {
        sum += number;
    }
    producer.await.expect("it ends");
    for worker in workers {
        worker.await.expect("it ends");
    }
    assert_eq!((sum, permits.available_permits()), (4950, 2));
}

/// LAW X02: a loop with no task, timer or source is stuck at once, and says so.
fn nothing_is_left(
    runtime: &mut Runtime<Box<dyn Policy>>,
    evidence: &Evidence,
) -> Result<(), String> {
    let settled = runtime.block_on(async {
        time::sleep(Duration::from_millis(500)).await;
        time::now()
    });
    if evidence.net.0.served.get() != 0 {
        return Err("a connection is still served".into());
    }
    let tasks = runtime.tasks();
    if !tasks.is_empty() {
        return Err(format!("tasks are left: {tasks:?}"));
    }
    if runtime.try_block_on(pending::<()>()).is_ok() {
        return Err("pending ended".into());
    }
    match runtime.block_on(async { time::now() }) - settled {
        Duration::ZERO => Ok(()),
        later => Err(format!("a timer was left for {later:?} later")),
    }
}
