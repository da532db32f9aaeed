//! The bench: runs a program under a policy and a clock, and watches both.
//!
//! Owns: the settings of a run, and what it leaves behind.
//!
//! Laws, checked on every run, virtual or real:
//! * custody: every ticket the policy got was picked or is still there;
//! * the time in polls and in waits is all the time there was (virtual: to the
//!   nanosecond; real: the rest is the loop's own and not negative);
//! * no report but those that the experiment expects.
//!
//! Read next: `door.rs`, `meter.rs`.

use crate::door::{Counts, Door, Toll};
use crate::job::{join_the_lab, stay_awake};
use crate::meter::{Facts, Meter, Sums};
use downbeat::Runtime;
use downbeat::policy::Policy;
use downbeat::runtime::{Builder, Pacing, Report};
use downbeat::testing::{Recorder, Recording};
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

/// Which time a program runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// The loop's virtual clock: exact and repeatable.
    Virtual,
    /// The machine's: `work` spins.
    Real,
}

/// How a program is to be run.
pub(crate) struct Setup {
    /// Who goes next.
    policy: Box<dyn Policy>,
    /// Which time.
    time: Time,
    /// Polls per turn.
    pacing: Pacing,
    /// Leaf operations per poll.
    budget: Option<u32>,
    /// What each turn costs, as its first pick pays it.
    toll: Option<Toll>,
    /// Which reports are no surprise.
    expects: fn(&Report) -> bool,
    /// Whether to keep every event.
    record: bool,
    /// Whether the loop never sleeps.
    awake: bool,
}

impl Setup {
    /// One poll per turn, so that arrivals are seen after each; virtual time; no
    /// report is expected.
    pub(crate) fn new(policy: Box<dyn Policy>) -> Self {
        Self {
            policy,
            time: Time::Virtual,
            pacing: Pacing::Every(1),
            budget: None,
            toll: None,
            expects: |_| false,
            record: false,
            awake: false,
        }
    }

    pub(crate) fn time(mut self, time: Time) -> Self {
        self.time = time;
        self
    }

    pub(crate) fn pacing(mut self, pacing: Pacing) -> Self {
        self.pacing = pacing;
        self
    }

    pub(crate) fn budget(mut self, operations: u32) -> Self {
        self.budget = Some(operations);
        self
    }

    /// Sets `every` polls per turn and charges `price` for each turn.
    pub(crate) fn toll(mut self, every: u32, price: Duration) -> Self {
        self.pacing = Pacing::Every(every);
        self.toll = Some(Toll::new(every, price));
        self
    }

    pub(crate) fn expects(mut self, expects: fn(&Report) -> bool) -> Self {
        self.expects = expects;
        self
    }

    /// Starvation is the point: a task that is passed over is no surprise.
    pub(crate) fn starves(self) -> Self {
        self.expects(|report| matches!(report, Report::PassedOver { .. }))
    }

    /// Real time, and arrivals are seen at their instants: the loop never sleeps.
    pub(crate) fn awake(mut self) -> Self {
        (self.time, self.awake) = (Time::Real, true);
        self
    }

    pub(crate) fn is_real(&self) -> bool {
        self.time == Time::Real
    }

    /// Keeps every event.
    pub(crate) fn record(mut self) -> Self {
        self.record = true;
        self
    }
}

/// Events of a run that a picture shows.
const PICTURED: usize = 200_000;

/// Reports of a run: surprises, and those that were expected.
type Reports = Rc<RefCell<[Vec<String>; 2]>>;

/// What a run leaves outside its loop.
struct Traces {
    counts: Counts,
    sums: Rc<RefCell<Sums>>,
    recorder: RefCell<Option<Recorder>>,
    recording: Rc<RefCell<Recording>>,
    reports: Reports,
}

/// Runs `program`. `None` and a broken law when the loop got stuck.
pub(crate) fn run<T>(setup: Setup, program: impl Future<Output = T>) -> (Option<T>, Facts) {
    let traces = Traces::new(setup.record);
    let (is_virtual, awake) = (!setup.is_real(), setup.awake);
    let before = this_thread();
    let mut runtime = match setup.builder(&traces).build() {
        Ok(runtime) => runtime,
        Err(error) => return (None, Facts::broken(format!("no loop: {error}"))),
    };
    let output = runtime.try_block_on(async {
        join_the_lab();
        if awake {
            stay_awake();
        }
        program.await
    });
    let live = runtime.tasks().len();
    let hash = is_virtual.then(|| runtime.schedule_hash());
    drop(runtime);
    let mut facts = traces.facts(live);
    facts.hash = hash;
    facts.taken = taken(before, this_thread()).filter(|_| !is_virtual);
    facts.check_times(is_virtual);
    match output {
        Ok(output) => (Some(output), facts),
        Err(stuck) => {
            facts.broken.push(stuck.to_string());
            (None, facts)
        }
    }
}

/// How long this thread ran, and how long it could have run but others did, as Linux
/// tells.
fn this_thread() -> Option<[Duration; 2]> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut words = text.split(' ').map(|word| word.trim().parse().ok());
    let mut next = || Some(Duration::from_nanos(words.next()??));
    Some([next()?, next()?])
}

/// The difference: all there was to run, and what others got of it.
fn taken(before: Option<[Duration; 2]>, after: Option<[Duration; 2]>) -> Option<[Duration; 2]> {
    let ([ran, waited], [ran_then, waited_then]) = (before?, after?);
    let waited = waited_then.saturating_sub(waited);
    Some([ran_then.saturating_sub(ran) + waited, waited])
}

impl Setup {
    /// The loop's settings.
    fn builder(self, traces: &Traces) -> Builder<Door> {
        let (sink, expects) = (Rc::clone(&traces.reports), self.expects);
        let mut builder = Runtime::builder()
            .policy(Door::new(self.policy, self.toll, traces.counts.clone()))
            .pacing(self.pacing)
            .measure(true)
            .slow_poll(None)
            .observer(Meter::new(&traces.sums, traces.recorder.take()))
            .on_report(move |report| {
                sink.borrow_mut()[usize::from(expects(report))].push(report.to_string());
            });
        if let Some(budget) = self.budget {
            builder = builder.budget(budget);
        }
        match self.time {
            Time::Virtual => builder.virtual_clock(),
            Time::Real => builder,
        }
    }
}

impl Traces {
    fn new(record: bool) -> Self {
        let (recorder, recording) = Recorder::with_limit(PICTURED);
        Self {
            counts: Counts::default(),
            sums: Rc::default(),
            recorder: RefCell::new(record.then_some(recorder)),
            recording,
            reports: Rc::default(),
        }
    }

    /// The facts of a run that ended with so many live tasks.
    fn facts(self, live: usize) -> Facts {
        let sums = self.sums.borrow();
        let mut facts = sums.facts();
        facts.choices = self.counts.choices.get();
        // A cancelled task leaves a husk with the policy.
        let (held, tasks) = (self.counts.held.get(), live as i64 + sums.cancelled);
        let [surprises, expected] = self.reports.take();
        (facts.broken, facts.expected) = (surprises, expected);
        if held < 0 || held > tasks {
            let law = format!("custody: the policy holds {held} tickets of {tasks} tasks");
            facts.broken.push(law);
        }
        facts.recording = self.recording.take();
        facts
    }
}
