//! From options to runs: what they share, and one loop per run.
//!
//! Owns: `Setup`, whatever both runs of `--compare` share: the demo's server, the
//! signals, the descriptors.
//!
//! Laws: see `opening.rs` for the order in which things are opened.
//!
//! Read next: `scheduler.rs`.

use super::attempt::{Kit, broken};
use super::cli::{Cli, Progress};
use super::console::{self, Bar, Console, Loudness, say};
use super::demo::{Origin, Pages};
use super::journal::Journal;
use super::opening::{Input, Output, refuse_nonsense};
use super::process;
use super::retry::RetryRule;
use super::scheduler::{self, Plan};
use super::signals::{self, Interrupt};
use super::source;
use super::stop::Stop;
use super::tally::Tally;
use downbeat::Runtime;
use downbeat::policy::Policy;
use downbeat::runtime::{Report, Stats};
use downbeat::sync::remote;
use downbeat::testing::{Recorder, Recording};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

/// A run that is over.
pub(crate) struct Done {
    /// The account.
    pub(crate) tally: Tally,
    /// What the loop did.
    pub(crate) stats: Stats,
    /// The same event by event, if somebody wants a picture.
    pub(crate) recording: Recording,
}

/// What runs share.
pub(crate) struct Setup<'a> {
    /// The options.
    cli: &'a Cli,
    /// The demo's server.
    origin: Option<Origin>,
    /// Ctrl-C.
    interrupts: remote::Receiver<Interrupt>,
    /// Fetches at once, as far as descriptors go.
    concurrency: usize,
}

impl<'a> Setup<'a> {
    /// Opens what is shared.
    pub(crate) fn new(cli: &'a Cli) -> Result<Self, Stop> {
        refuse_nonsense(cli)?;
        let wanted = if cli.sequential { 1 } else { cli.concurrency };
        let each = 1 + u64::from(cli.is_demo()) + u64::from(cli.save.is_some());
        let concurrency = process::fitting(wanted, each);
        if concurrency < wanted && !cli.quiet {
            say(&format!(
                "concurrency lowered from {wanted} to {concurrency}: \
                 the process has no more file descriptors"
            ));
        }
        let interrupts = signals::watch().map_err(|error| Stop::system("signals", &error))?;
        let origin = match cli.is_demo() {
            true => Some(start_origin(cli)?),
            false => None,
        };
        Ok(Self {
            cli,
            origin,
            interrupts,
            concurrency,
        })
    }

    /// Everything once, as many at once as allowed.
    pub(crate) fn run(&mut self) -> Result<Done, Stop> {
        let input = self.input(self.concurrency)?;
        let output = Output::open(self.cli)?;
        let gate = self.cli.gate.as_ref();
        let gate = gate.map(|gate| gate.build(self.cli.seed));
        self.fetch(self.concurrency, input, output, gate)
    }

    /// Everything once, one after the other; nothing is written.
    pub(crate) fn run_sequentially(&mut self) -> Result<Done, Stop> {
        let input = self.input(1)?;
        let done = self.fetch(1, input, Output::default(), None)?;
        if !self.cli.quiet {
            let seconds = done.tally.elapsed.as_secs_f64();
            let (fetched, wanted) = (done.tally.fetched, done.tally.wanted());
            say(&format!(
                "one at a time: fetched {fetched} of {wanted} URLs in {seconds:.2} seconds"
            ));
        }
        Ok(done)
    }

    /// One loop, from its beginning to its end.
    fn fetch(
        &mut self,
        concurrency: usize,
        input: Input,
        output: Output,
        gate: Option<Box<dyn Policy>>,
    ) -> Result<Done, Stop> {
        let cli = self.cli;
        let (mut runtime, recording) = event_loop(cli)?;
        let (total, plan) = (self.total(), plan(cli, concurrency));
        let interrupts = &mut self.interrupts;
        let tally = runtime.block_on(async {
            let urls = source::read(input.sources, output.finished);
            let urls = urls.map_err(|error| Stop::system("no thread", &error))?;
            let journal = output.sink.map(Journal::start);
            let kit = Rc::new(Kit {
                client: input.client,
                lines: journal.as_ref().map(Journal::lines),
                shelf: output.shelf,
                retry: retry_rule(cli),
            });
            let console = Console::start(bar(cli), loudness(cli));
            console.board.total.store(total, Relaxed);
            let mut tally = scheduler::run(plan, kit, urls, gate, interrupts, &console).await;
            let written = match journal {
                Some(journal) => journal.finish(tally.ending, cli.grace, interrupts).await,
                None => Ok(()),
            };
            console.finish();
            if let Err(error) = written {
                tally.broken = Some(broken(&error));
            }
            Ok(tally)
        })?;
        Ok(Done {
            tally,
            stats: runtime.stats(),
            recording: recording.take(),
        })
    }

    fn input(&self, concurrency: usize) -> Result<Input, Stop> {
        Input::open(self.cli, self.origin.as_ref(), concurrency)
    }

    /// How many URLs there are, if that is known; otherwise 0.
    fn total(&self) -> u64 {
        match (&self.origin, &self.cli.input) {
            (Some(_), _) => self.cli.demo,
            (None, None) => self.cli.urls.len() as u64,
            (None, Some(_)) => 0,
        }
    }
}

fn start_origin(cli: &Cli) -> Result<Origin, Stop> {
    let pages = Pages {
        count: cli.demo,
        latency: cli.latency,
        fail_rate: cli.fail_rate,
        seed: cli.seed,
    };
    let origin = Origin::start(pages).map_err(|error| Stop::system("demo server", &error))?;
    if !cli.quiet {
        say(&origin.to_string());
    }
    Ok(origin)
}

/// A loop with the policy that was asked for, and what will be recorded of it.
fn event_loop(cli: &Cli) -> Result<(Runtime<Box<dyn Policy>>, Shared), Stop> {
    let quiet = cli.quiet;
    let report = move |report: &Report| {
        if !quiet {
            say(&format!("scraper: {report}"));
        }
    };
    let mut builder = Runtime::builder()
        .on_report(report)
        .policy(cli.policy.build(cli.seed))
        // The input thread may be silent for as long as it likes.
        .stuck_after(None);
    let mut recording = Shared::default();
    if !cli.trace.is_empty() {
        let recorder;
        (recorder, recording) = Recorder::new();
        builder = builder.observer(recorder);
    }
    match builder.build() {
        Ok(runtime) => Ok((runtime, recording)),
        Err(error) => Err(Stop::system("no event loop", &error)),
    }
}

/// A recording that the loop writes.
type Shared = Rc<RefCell<Recording>>;

fn retry_rule(cli: &Cli) -> RetryRule {
    RetryRule {
        retries: cli.retry,
        seed: cli.seed,
    }
}

fn plan(cli: &Cli, concurrency: usize) -> Plan {
    Plan {
        concurrency,
        window: cli.window,
        host_cap: cli.host_cap(),
        delay: cli.delay,
        grace: cli.grace,
        timeout: cli.timeout,
        names: !cli.trace.is_empty(),
    }
}

/// Which lines are wanted.
fn loudness(cli: &Cli) -> Loudness {
    match (cli.quiet, cli.verbose) {
        (true, _) => Loudness::Silent,
        (_, true) => Loudness::Lines,
        _ => Loudness::Notices,
    }
}

/// Which progress bar is wanted.
fn bar(cli: &Cli) -> Bar {
    match (cli.progress, console::auto()) {
        (Progress::Always, Bar::Off) => Bar::Plain,
        (Progress::Always, bar) => bar,
        (Progress::Auto, bar) if !cli.quiet => bar,
        (Progress::Auto | Progress::Never, _) => Bar::Off,
    }
}
