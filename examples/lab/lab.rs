//! The laboratory as an experiment sees it.
//!
//! Owns: the seed, and what the runs of an experiment leave behind: their combined
//! hash, broken self-checks, recordings for pictures.
//!
//! Laws: what a virtual run does depends on the seed alone.
//!
//! Read next: `row.rs`, then `experiments/mod.rs`.

use crate::bench::{Setup, run};
use crate::job::{Job, Out, open};
use crate::meter::Facts;
use crate::orders::order;
use crate::stats::mean;
use downbeat::policy::{Expression, Policy};
use downbeat::testing::{Recording, What, Why};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

/// The laboratory.
pub(crate) struct Lab {
    /// Everything random comes from here.
    pub(crate) seed: u64,
    /// Whether to run the real column.
    pub(crate) real: bool,
    /// Whether to keep the events of the next runs.
    pub(crate) record: bool,
    /// Policies from outside that are held to the laws for all policies.
    pub(crate) guests: Vec<String>,
    /// What the runs left behind.
    left: RefCell<Left>,
}

/// What runs leave behind.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Over all virtual runs, in order.
    pub(crate) hash: u64,
    /// Virtual runs.
    pub(crate) runs: u64,
    /// Polls in all runs.
    pub(crate) polls: u64,
    /// In real runs: what this thread could have run, and what others got of that.
    pub(crate) taken: [Duration; 2],
    /// Broken self-checks.
    pub(crate) broken: Vec<String>,
    /// Events of the recorded runs.
    pub(crate) recordings: Vec<(String, Recording)>,
}

/// A load that ran: what was planned and what became of it.
pub(crate) struct Ran {
    /// What was planned.
    pub(crate) jobs: Rc<[Job]>,
    /// What became of it, in the same order.
    pub(crate) outs: Vec<Out>,
}

/// A short load on both clocks. A measure of few jobs is far from theory on any clock; what
/// says something is the difference between the clocks, which is what the machine adds.
pub(crate) struct Pair {
    /// In virtual time.
    pub(crate) planned: Ran,
    /// On the machine, if real columns are wanted.
    pub(crate) real: Option<Ran>,
}

/// Runs that go into a picture.
const MAX_RECORDINGS: usize = 6;
/// No more of them after so many events: two of the longest.
const MAX_EVENTS: usize = 300_000;

impl Lab {
    pub(crate) fn new(seed: u64, real: bool, record: bool) -> Self {
        let left = RefCell::default();
        Self {
            seed,
            real,
            record,
            guests: Vec::new(),
            left,
        }
    }

    /// Invites policies, if they exist.
    pub(crate) fn guests(mut self, policies: &[String]) -> Result<Self, String> {
        for policy in policies {
            order(policy, self.seed)?;
        }
        self.guests = policies.to_vec();
        Ok(self)
    }

    /// Runs a load under a guest, or any policy of the laboratory's own.
    pub(crate) fn open_guest(&self, policy: &str, jobs: &Rc<[Job]>) -> Ran {
        let guest = order(policy, self.seed).unwrap_or_else(|error| panic!("{error}"));
        self.open_with(policy, Setup::new(guest).starves(), jobs)
    }

    /// The policy that an expression names. The experiments' own are known to parse.
    pub(crate) fn policy(&self, text: &str) -> Box<dyn Policy> {
        match text.parse::<Expression>() {
            Ok(expression) => expression.build(self.seed),
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs a program. `None` when it got stuck, which is noted.
    pub(crate) fn run<T>(
        &self,
        label: &str,
        setup: Setup,
        program: impl Future<Output = T>,
    ) -> (Option<T>, Facts) {
        let (output, mut facts) = run(self.pictured(setup), program);
        self.note(label, &mut facts);
        (output, facts)
    }

    /// Pictures show the first runs in virtual time.
    fn pictured(&self, setup: Setup) -> Setup {
        let left = self.left.borrow();
        let events: usize = left.recordings.iter().map(|(_, it)| it.events.len()).sum();
        let room = left.recordings.len() < MAX_RECORDINGS && events < MAX_EVENTS;
        match self.record && room && !setup.is_real() {
            true => setup.record(),
            false => setup,
        }
    }

    /// Runs a load under the policy that an expression names, in virtual time.
    pub(crate) fn open(&self, policy: &str, jobs: &Rc<[Job]>) -> Ran {
        let setup = Setup::new(self.policy(policy)).starves();
        self.open_with(policy, setup, jobs)
    }

    /// Runs a load on the machine, if real columns are wanted.
    pub(crate) fn open_real(&self, policy: &str, jobs: &Rc<[Job]>) -> Option<Ran> {
        let setup = Setup::new(self.policy(policy)).starves().awake();
        self.real.then(|| self.open_with(policy, setup, jobs))
    }

    /// Runs a short load on both clocks. Also when no real columns are wanted: the hash
    /// is that of all virtual runs.
    pub(crate) fn pair(&self, policy: &str, few: &Rc<[Job]>) -> Pair {
        let planned = self.open(policy, few);
        let real = self.open_real(policy, few);
        Pair { planned, real }
    }

    pub(crate) fn open_with(&self, label: &str, setup: Setup, jobs: &Rc<[Job]>) -> Ran {
        let (outs, mut facts) = run(self.pictured(setup), open(Rc::clone(jobs)));
        let outs = outs.unwrap_or_default();
        from_arrival(&mut facts.recording, jobs);
        facts.check_little(outs.iter().map(|out| out.left.saturating_sub(out.spawned)));
        self.note(label, &mut facts);
        let jobs = Rc::clone(jobs);
        Ran { jobs, outs }
    }

    /// What the runs since the last call left behind.
    pub(crate) fn take(&self) -> Left {
        self.left.take()
    }

    fn note(&self, label: &str, facts: &mut Facts) {
        let mut left = self.left.borrow_mut();
        left.polls += facts.polls;
        if let Some(taken) = facts.taken {
            (0..2).for_each(|i| left.taken[i] += taken[i]);
        }
        if let Some(hash) = facts.hash {
            left.runs += 1;
            left.hash = (left.hash.rotate_left(7) ^ hash.value).wrapping_mul(0x0100_0000_01b3);
            if !hash.repeatable {
                left.broken
                    .push(format!("{label}: another thread woke a task"));
            }
        }
        let broken = facts.broken.iter().map(|law| format!("{label}: {law}"));
        left.broken.extend(broken);
        let recording = std::mem::take(&mut facts.recording);
        if !recording.events.is_empty() {
            left.recordings.push((label.to_owned(), recording));
        }
    }
}

/// In a picture a job begins when it arrives: the task that spawns it may have to wait
/// for the end of a poll, and so would the job's life, by as much as the order says.
fn from_arrival(recording: &mut Recording, jobs: &[Job]) {
    let tasks = recording.tasks.iter().enumerate();
    let of_jobs = tasks.filter_map(|(task, known)| {
        let number: usize = known.name.as_ref()?.strip_prefix("job ")?.parse().ok()?;
        Some((task as u32, jobs.get(number)?.at))
    });
    let arrivals: BTreeMap<u32, u64> = of_jobs.collect();
    for event in &mut recording.events {
        if let What::Ready { task, why } = &mut event.what
            && let Why::Spawn(by) = why
            && let Some(at) = arrivals.get(task)
        {
            (*by, event.at) = (None, event.at.min(*at));
        }
    }
    recording.events.sort_by_key(|event| event.at);
}

impl Pair {
    /// What the machine makes of a measure that a long run found in virtual time.
    pub(crate) fn real(&self, found: f64, measure: impl Fn(&Ran) -> f64) -> Option<f64> {
        let real = self.real.as_ref()?;
        Some(found + measure(real) - measure(&self.planned))
    }
}

impl Ran {
    /// Time from arrival to the first poll, in milliseconds.
    pub(crate) fn waits(&self) -> impl Iterator<Item = f64> + '_ {
        let pairs = self.jobs.iter().zip(&self.outs);
        pairs.map(|(job, out)| ms(out.start.saturating_sub(job.at)))
    }

    /// The same sum with sizes as measured, over that of FIFO for jobs of those sizes: 1
    /// for an order that never idles, and on a machine, where time passes between polls,
    /// not less than 1.
    pub(crate) fn conserved_over_fifo(&self) -> f64 {
        let pairs = self.jobs.iter().zip(&self.outs);
        let (mut own, mut fifo, mut free) = (0_u128, 0_u128, 0_u64);
        for (job, out) in pairs {
            let size = out.end.saturating_sub(out.start);
            own += u128::from(out.start.saturating_sub(job.at)) * u128::from(size);
            free = free.max(job.at);
            fifo += u128::from(free - job.at) * u128::from(size);
            free += size;
        }
        own as f64 / fifo.max(1) as f64
    }

    /// The sum that no order of work changes: waits times sizes (experiment e1).
    pub(crate) fn conserved(&self) -> i128 {
        let pairs = self.jobs.iter().zip(&self.outs);
        let wait = |job: &Job, out: &Out| i128::from(out.start) - i128::from(job.at);
        pairs
            .map(|(job, out)| wait(job, out) * i128::from(job.size))
            .sum()
    }

    /// The mean of those waits, and of the times in system.
    pub(crate) fn mean_wait(&self) -> f64 {
        mean(&self.waits().collect::<Vec<_>>())
    }

    pub(crate) fn mean_stay(&self) -> f64 {
        mean(&self.stays().collect::<Vec<_>>())
    }

    /// Time from arrival to the end, in milliseconds.
    pub(crate) fn stays(&self) -> impl Iterator<Item = f64> + '_ {
        let pairs = self.jobs.iter().zip(&self.outs);
        pairs.map(|(job, out)| ms(out.end.saturating_sub(job.at)))
    }
}

/// Nanoseconds as milliseconds.
pub(crate) fn ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}
