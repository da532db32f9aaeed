//! What is opened before a run: the client, the lists, the files.
//!
//! Owns: `Input` and `Output`, and the order in which they are opened.
//!
//! Laws: everything that can be refused (options that contradict each other, a list
//! that cannot be opened, a list that would be overwritten) is refused before a file is
//! touched, and that before the first request.
//!
//! Read next: `run.rs`.

use super::cli::{Cli, is_dash};
use super::demo::Origin;
use super::journal::Sink;
use super::save::Shelf;
use super::source::Source;
use super::stop::Stop;
use super::{client, files, resume};
use downbeat::http::Client;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What a run reads.
pub(crate) struct Input {
    /// The client, so far without a connection.
    pub(crate) client: Client,
    /// Where URLs come from.
    pub(crate) sources: Vec<Source>,
}

/// What a run writes.
#[derive(Default)]
pub(crate) struct Output {
    /// URLs that need not be fetched again.
    pub(crate) finished: resume::Finished,
    /// Where outcomes go.
    pub(crate) sink: Option<Sink>,
    /// Where bodies go.
    pub(crate) shelf: Option<Shelf>,
}

/// Refuses what clap cannot see.
///
/// # Errors
/// With the options that contradict each other.
pub(crate) fn refuse_nonsense(cli: &Cli) -> Result<(), Stop> {
    let once = |input: &Path| is_dash(input) || files::may_block(input);
    if cli.compare && cli.input.as_deref().is_some_and(once) {
        let why = "--compare reads the list twice: standard input and pipes can be read once";
        return Err(Stop::usage(why));
    }
    if cli.resume.is_some() && cli.is_demo() {
        let why = "--resume needs URLs: the demo's are new each time";
        return Err(Stop::usage(why));
    }
    refuse_overwriting(cli)
}

/// A file that is written is neither read nor written by another option.
fn refuse_overwriting(cli: &Cli) -> Result<(), Stop> {
    fn named<'a>(
        option: &'static str,
        paths: impl IntoIterator<Item = &'a PathBuf>,
    ) -> impl Iterator<Item = (&'static str, &'a Path)> {
        paths.into_iter().map(move |path| (option, path.as_path()))
    }
    let stdin = |(option, path)| match is_dash(path) {
        true => (option, Path::new("/dev/stdin")),
        false => (option, path),
    };
    let output = cli.output.iter().filter(|path| !is_dash(path));
    let written: Vec<_> = named("--output", output)
        .chain(named("--resume", &cli.resume))
        .chain(named("--trace", &cli.trace))
        .collect();
    let read = named("--input", &cli.input).map(stdin);
    let read: Vec<_> = read.chain(named("--cacert", &cli.cacert)).collect();
    for (at, (option, path)) in written.iter().enumerate() {
        let others = read.iter().chain(&written[..at]);
        for (other, elsewhere) in others {
            if files::are_same(path, elsewhere) {
                let why = format!("{option} and {other} are the same file");
                return Err(Stop::usage(why));
            }
        }
    }
    Ok(())
}

impl Input {
    /// What can be refused without a trace.
    ///
    /// # Errors
    /// Usage: an option that makes no sense, a list that cannot be opened.
    pub(crate) fn open(
        cli: &Cli,
        origin: Option<&Origin>,
        concurrency: usize,
    ) -> Result<Self, Stop> {
        Ok(Self {
            client: client::build(cli, concurrency).map_err(Stop::usage)?,
            sources: sources(cli, origin)?,
        })
    }
}

impl Output {
    /// The files, which are emptied by this.
    ///
    /// # Errors
    /// Output: those of the file system, with the option.
    pub(crate) fn open(cli: &Cli) -> Result<Self, Stop> {
        let mut output = Self::default();
        let named = |option: &str, path: &Path, error: io::Error| {
            Stop::output(format!("--{option} {}: {error}", path.display()))
        };
        if let Some(dir) = &cli.save {
            let shelf = Shelf::open(dir).map_err(|error| named("save", dir, error))?;
            output.shelf = Some(shelf);
        }
        if let Some(path) = &cli.resume {
            let opened = resume::open(path).map_err(|error| named("resume", path, error))?;
            output.finished = opened.0;
            output.sink = Some(Sink::File(opened.1));
        } else if cli.output_is_stdout() {
            output.sink = Some(Sink::Stdout);
        } else if let Some(path) = &cli.output {
            output.sink = Some(if files::may_block(path) {
                Sink::Later(path.clone())
            } else {
                Sink::File(File::create(path).map_err(|error| named("output", path, error))?)
            });
        }
        for path in cli.trace.iter().filter(|path| !files::may_block(path)) {
            // It is written at the end; that it can be is found out now.
            File::create(path).map_err(|error| named("trace", path, error))?;
        }
        Ok(output)
    }
}

/// Where the URLs of a run come from.
fn sources(cli: &Cli, origin: Option<&Origin>) -> Result<Vec<Source>, Stop> {
    if let Some(origin) = origin {
        let urls = origin.urls();
        let urls = urls.map_err(|error| Stop::system("demo server", &error))?;
        return Ok(vec![Source::Pages(Box::new(urls))]);
    }
    let mut sources = vec![Source::Urls(cli.urls.clone())];
    if let Some(file) = &cli.input {
        if is_dash(file) {
            sources.push(Source::List(Box::new(io::stdin())));
        } else {
            let named = |error| Stop::usage(format!("--input {}: {error}", file.display()));
            sources.push(Source::List(files::open(file).map_err(named)?));
        }
    }
    Ok(sources)
}
