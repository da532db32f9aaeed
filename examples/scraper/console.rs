//! Standard error during a run: the progress bar and the lines of `-v`.
//!
//! Owns: the thread that writes there. A terminal can stop (Ctrl-S) or be slow; the
//! loop only counts in atomics and hands over lines.
//!
//! Laws: the loop never waits for the terminal: lines that find the queue full are
//! counted and left out. The bar is drawn 20 times a second, and is gone when the
//! run ends.
//!
//! Read next: `summary.rs`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Lines between the loop and the terminal.
const QUEUE: usize = 1024;
/// Time between two drawings.
const FRAME: Duration = Duration::from_millis(50);

/// The same when there is nothing to draw.
const IDLE: Duration = Duration::from_secs(3600);

/// What the bar shows. The loop writes, the thread reads.
///
/// ORDER: all Relaxed; a frame may be a moment old.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// URLs fetched.
    pub(crate) fetched: AtomicU64,
    /// URLs failed.
    pub(crate) failed: AtomicU64,
    /// Attempts in flight.
    pub(crate) in_flight: AtomicU64,
    /// URLs to fetch; 0 while not known.
    pub(crate) total: AtomicU64,
}

impl Board {
    /// How many URLs are done, and what the bar says.
    fn numbers(&self) -> (u64, String) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (ok, failed) = (read(&self.fetched), read(&self.failed));
        let (done, in_flight) = (ok + failed, read(&self.in_flight));
        let place = match read(&self.total) {
            0 => done.to_string(),
            total => format!("{done}/{total}"),
        };
        let text = format!("{place}  in flight {in_flight}  ok {ok}  failed {failed}");
        (done, text)
    }
}

/// The writing thread, if anything is to be written.
pub(crate) struct Console {
    /// What the bar shows.
    pub(crate) board: Arc<Board>,
    /// Which lines are wanted.
    loudness: Loudness,
    /// Lines that found no room.
    left_out: Arc<AtomicU64>,
    /// Its end closes the channel.
    thread: Option<(SyncSender<String>, JoinHandle<()>)>,
}

/// Which lines are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loudness {
    /// None.
    Silent,
    /// What everybody has to know.
    Notices,
    /// One for each URL and each retry, too.
    Lines,
}

/// Which bar is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bar {
    /// On a terminal.
    Terminal,
    /// As text, whatever reads it.
    Plain,
    /// None.
    Off,
}

impl Console {
    /// Starts the thread if there is a bar or a line to write.
    pub(crate) fn start(bar: Bar, loudness: Loudness) -> Self {
        let (board, left_out) = (Arc::new(Board::default()), Arc::new(AtomicU64::new(0)));
        let mut console = Self {
            board: Arc::clone(&board),
            loudness,
            left_out: Arc::clone(&left_out),
            thread: None,
        };
        if bar == Bar::Off && loudness == Loudness::Silent {
            return console;
        }
        let (sender, lines) = sync_channel(QUEUE);
        let thread = thread::Builder::new()
            .name("scraper-console".into())
            .spawn(move || show(bar, &board, &lines, &left_out));
        // Without a thread there is no bar: no reason to fetch nothing.
        if let Ok(thread) = thread {
            console.thread = Some((sender, thread));
        }
        console
    }

    /// Writes a line, if lines are wanted. `make` runs only then.
    pub(crate) fn line(&self, make: impl FnOnce() -> String) {
        if self.loudness == Loudness::Lines {
            self.send(make());
        }
    }

    /// Writes what everybody has to know who did not ask for silence.
    pub(crate) fn notice(&self, line: &str) {
        if self.loudness != Loudness::Silent {
            self.send(line.to_owned());
        }
    }

    fn send(&self, line: String) {
        if let Some((lines, _)) = &self.thread
            && lines.try_send(line).is_err()
        {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes the bar away and waits until all lines are written.
    pub(crate) fn finish(mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            // A panic of the thread was printed already.
            let _ = thread.join();
        }
    }
}

/// Writes a line to standard error; one that is closed is no reason to die.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What a bar of `auto` is.
pub(crate) fn auto() -> Bar {
    if io::stderr().is_terminal() {
        Bar::Terminal
    } else {
        Bar::Off
    }
}

/// The thread.
fn show(bar: Bar, board: &Board, lines: &Receiver<String>, left_out: &AtomicU64) {
    let target = match bar {
        Bar::Terminal => ProgressDrawTarget::stderr(),
        Bar::Plain => ProgressDrawTarget::term_like(Box::new(Plain)),
        Bar::Off => ProgressDrawTarget::hidden(),
    };
    let progress = ProgressBar::with_draw_target(None, target);
    // The numbers are one text, so that they belong together in every drawing.
    let known = style("[{bar:20}] {msg}  {elapsed_precise}");
    let unknown = style("{msg}  {elapsed_precise}");
    progress.set_style(unknown);
    let frame = if bar == Bar::Off { IDLE } else { FRAME };
    loop {
        match lines.recv_timeout(frame) {
            Ok(line) => progress.suspend(|| say(&line)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let total = board.total.load(Ordering::Relaxed);
        if total > 0 && progress.length().is_none() {
            progress.set_style(known.clone());
            progress.set_length(total);
        }
        let (done, numbers) = board.numbers();
        progress.set_position(done);
        progress.set_message(numbers);
    }
    progress.finish_and_clear();
    let left_out = left_out.load(Ordering::Relaxed);
    if left_out > 0 {
        say(&format!(
            "{left_out} lines left out: standard error was too slow"
        ));
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("##.")
}

/// Standard error that need not be a terminal.
#[derive(Debug)]
struct Plain;

impl TermLike for Plain {
    fn width(&self) -> u16 {
        80
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        writeln!(io::stderr().lock(), "{line}")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        // Padding after the bar would fill the line.
        write!(io::stderr().lock(), "{}", text.trim_end())
    }

    fn clear_line(&self) -> io::Result<()> {
        write!(io::stderr().lock(), "\r")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}
