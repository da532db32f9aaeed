//! From options to runs: what is opened before, and one loop per run.
//!
//! Owns: `Setup`, whatever both runs of `--compare` share: the demo's server, the
//! signals, the descriptors.
//!
//! Laws: everything that can be refused (an option that makes no sense, a list that
//! cannot be opened) is refused before a file is touched, and that before the first
//! request.
//!
//! Read next: `scheduler.rs`.

use super::attempt::{Kit, broken};
use super::cli::{Cli, Progress, is_dash};
use super::console::{self, Bar, Console, Loudness, say};
use super::demo::{Origin, Pages};
use super::journal::{Journal, Sink};
use super::retry::RetryRule;
use super::save::Shelf;
use super::scheduler::{self, Plan};
use super::signals::{self, Interrupt};
use super::source::{self, Source};
use super::tally::Tally;
use super::{client, files, process, resume};
use downbeat::Runtime;
use downbeat::http::Client;
use downbeat::policy::Policy;
use downbeat::runtime::{Report, Stats};
use downbeat::sync::remote;
use std::fs::File;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

/// Why there is no run, or no rest of it.
#[derive(Debug)]
pub(crate) struct Stop {
    /// The exit code.
    pub(crate) code: u8,
    /// What to say.
    pub(crate) message: String,
}

/// A run that is over.
pub(crate) struct Done {
    /// The account.
    pub(crate) tally: Tally,
    /// What the loop did.
    pub(crate) stats: Stats,
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

/// What a run reads.
struct Input {
    /// The client, so far without a connection.
    client: Client,
    /// Where URLs come from.
    sources: Vec<Source>,
}

/// What a run writes.
#[derive(Default)]
struct Output {
    /// URLs that need not be fetched again.
    finished: resume::Finished,
    /// Where outcomes go.
    sink: Option<Sink>,
    /// Where bodies go.
    shelf: Option<Shelf>,
}

impl Stop {
    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code: 2, message }
    }

    /// Something cannot be written.
    pub(crate) fn output(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code: 4, message }
    }

    /// The system refuses what every run needs.
    fn system(what: &str, error: &io::Error) -> Self {
        let message = format!("{what}: {error}");
        Self { code: 2, message }
    }
}

impl<'a> Setup<'a> {
    /// Opens what is shared.
    pub(crate) fn new(cli: &'a Cli) -> Result<Self, Stop> {
        if cli.compare && cli.input_is_stdin() {
            return Err(Stop::usage(
                "--compare reads the list twice: standard input cannot be",
            ));
        }
        if cli.resume.is_some() && cli.is_demo() {
            return Err(Stop::usage(
                "--resume needs URLs: the demo's are new each time",
            ));
        }
        refuse_overwriting(cli)?;
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
        let output = self.output()?;
        self.fetch(self.concurrency, input, output)
    }

    /// Everything once, one after the other; nothing is written.
    pub(crate) fn run_sequentially(&mut self) -> Result<Done, Stop> {
        let input = self.input(1)?;
        let done = self.fetch(1, input, Output::default())?;
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
    fn fetch(&mut self, concurrency: usize, input: Input, output: Output) -> Result<Done, Stop> {
        let cli = self.cli;
        let mut runtime = event_loop(cli)?;
        let total = self.total();
        let interrupts = &mut self.interrupts;
        let tally = runtime.block_on(async {
            let urls = source::read(input.sources, output.finished);
            let urls = urls.map_err(|error| Stop::system("no thread", &error))?;
            let journal = output.sink.map(Journal::start);
            let kit = Kit {
                client: input.client,
                lines: journal.as_ref().map(Journal::lines),
                shelf: output.shelf,
                retry: RetryRule {
                    retries: cli.retry,
                    seed: cli.seed,
                },
            };
            let console = Console::start(bar(cli), loudness(cli));
            console.board.total.store(total, Relaxed);
            let plan = plan(cli, concurrency);
            let mut tally = scheduler::run(plan, Rc::new(kit), urls, interrupts, &console).await;
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
        let stats = runtime.stats();
        Ok(Done { tally, stats })
    }

    /// What can be refused without a trace.
    fn input(&self, concurrency: usize) -> Result<Input, Stop> {
        Ok(Input {
            client: client::build(self.cli, concurrency).map_err(Stop::usage)?,
            sources: self.sources()?,
        })
    }

    /// The files, which may be emptied by this.
    fn output(&self) -> Result<Output, Stop> {
        let mut output = Output::default();
        let named = |option: &str, path: &Path, error: io::Error| {
            Stop::output(format!("--{option} {}: {error}", path.display()))
        };
        if let Some(dir) = &self.cli.save {
            let shelf = Shelf::open(dir).map_err(|error| named("save", dir, error))?;
            output.shelf = Some(shelf);
        }
        if let Some(path) = &self.cli.resume {
            let opened = resume::open(path).map_err(|error| named("resume", path, error))?;
            output.finished = opened.0;
            output.sink = Some(Sink::File(opened.1));
        } else if self.cli.output_is_stdout() {
            output.sink = Some(Sink::Stdout);
        } else if let Some(path) = &self.cli.output {
            output.sink = Some(if files::may_block(path) {
                Sink::Later(path.clone())
            } else {
                Sink::File(File::create(path).map_err(|error| named("output", path, error))?)
            });
        }
        Ok(output)
    }

    /// Where the URLs of a run come from.
    fn sources(&self) -> Result<Vec<Source>, Stop> {
        if let Some(origin) = &self.origin {
            let urls = origin.urls();
            let urls = urls.map_err(|error| Stop::system("demo server", &error))?;
            return Ok(vec![Source::Urls(Box::new(urls))]);
        }
        let mut sources = vec![Source::Urls(Box::new(self.cli.urls.clone().into_iter()))];
        if let Some(file) = &self.cli.input {
            if is_dash(file) {
                sources.push(Source::List(Box::new(io::stdin())));
            } else {
                let named = |error| Stop::usage(format!("--input {}: {error}", file.display()));
                sources.push(Source::List(files::open(file).map_err(named)?));
            }
        }
        Ok(sources)
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

/// A list must not be emptied before it is read.
fn refuse_overwriting(cli: &Cli) -> Result<(), Stop> {
    let Some(input) = &cli.input else {
        return Ok(());
    };
    let input = if is_dash(input) {
        Path::new("/dev/stdin")
    } else {
        input
    };
    for (option, output) in [("--output", &cli.output), ("--resume", &cli.resume)] {
        if output
            .as_ref()
            .is_some_and(|output| files::are_same(input, output))
        {
            let why = format!("{option} and --input are the same file");
            return Err(Stop::usage(why));
        }
    }
    Ok(())
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

/// A loop with the policy that was asked for.
fn event_loop(cli: &Cli) -> Result<Runtime<Box<dyn Policy>>, Stop> {
    let quiet = cli.quiet;
    let report = move |report: &Report| {
        if !quiet {
            say(&format!("scraper: {report}"));
        }
    };
    let builder = Runtime::builder()
        .on_report(report)
        .policy(cli.policy.build(cli.seed))
        // The input thread may be silent for as long as it likes.
        .stuck_after(None);
    let built = builder.build();
    built.map_err(|error| Stop::system("no event loop", &error))
}

fn plan(cli: &Cli, concurrency: usize) -> Plan {
    Plan {
        concurrency,
        window: cli.window,
        host_cap: cli.host_cap(),
        delay: cli.delay,
        grace: cli.grace,
        timeout: cli.timeout,
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
